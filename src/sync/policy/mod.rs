//! What is done when a token, Permit and the ledger disagree about a user's roles. Pure: the histories that can
//! lead to a disagreement are tried out one by one in the tests.

use std::collections::BTreeSet;

use crate::store::{Entry, Source, State};

/// Whose word counts (`ROLE_POLICY`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RolePolicy {
    /// The token is the whole truth: in the tenant, a user holds exactly its roles.
    IdpWins,
    /// A role is given the first time a token names it; from then on only Permit counts.
    PermitWins,
    /// What came from a token follows the token; what a person granted or revoked in Permit stays. A role revoked
    /// there stays revoked until it has left the token and come back.
    #[default]
    Merge,
    /// The roles of the first token are given; later tokens change nothing.
    FirstLoginOnly,
}

impl RolePolicy {
    pub const ALL: [Self; 4] = [Self::IdpWins, Self::PermitWins, Self::Merge, Self::FirstLoginOnly];

    /// As in the setting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdpWins => "IDP_WINS",
            Self::PermitWins => "PERMIT_WINS",
            Self::Merge => "MERGE",
            Self::FirstLoginOnly => "FIRST_LOGIN_ONLY",
        }
    }
}

/// What is known when a login is carried out.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Roles of the token; `None` when it does not say.
    pub(super) token: Option<&'a BTreeSet<String>>,
    /// Roles that Permit holds.
    pub(super) permit: &'a BTreeSet<String>,
    /// No token of this user was carried out before.
    pub(super) first_login: bool,
    /// Microseconds since the Unix epoch.
    pub(super) now: i64,
}

/// Who gives a role, and what is the case or to become so; `None`: nothing needs to be remembered.
type Fate = Option<(Source, State)>;

/// The ledger as it is to be: entries that are `Giving` or `Taking` are to be carried out.
pub(super) fn reconcile(policy: RolePolicy, ledger: &[Entry], known: &Known<'_>) -> Vec<Entry> {
    let names: BTreeSet<&String> = ledger
        .iter()
        .map(|entry| &entry.role)
        .chain(known.token.into_iter().flatten())
        .chain(known.permit)
        .collect();
    names.into_iter().filter_map(|role| entry(policy, role, ledger, known)).collect()
}

fn entry(policy: RolePolicy, role: &str, ledger: &[Entry], known: &Known<'_>) -> Option<Entry> {
    let before = ledger.iter().find(|entry| entry.role == role);
    let held = known.permit.contains(role);
    let named = known.token.map(|roles| roles.contains(role));
    let in_token = named.unwrap_or_else(|| before.is_some_and(|entry| entry.in_token));
    let (source, state) = match (policy, named) {
        (RolePolicy::IdpWins, Some(named)) => idp_wins(named, held),
        (RolePolicy::PermitWins, Some(named)) => permit_wins(before, named, held),
        (RolePolicy::FirstLoginOnly, Some(_)) if !known.first_login => keep(before, in_token, held),
        (RolePolicy::Merge | RolePolicy::FirstLoginOnly, Some(named)) => merge(before, named, held),
        // A token that does not say is no reason to change anything.
        (_, None) => keep(before, in_token, held),
    }?;
    let seen =
        |is: bool, last: fn(&Entry) -> Option<i64>| if is { Some(known.now) } else { before.and_then(last) };
    Some(Entry {
        role: role.to_owned(),
        source,
        state,
        in_token,
        token_seen_at: seen(named == Some(true), |entry| entry.token_seen_at),
        permit_seen_at: seen(held, |entry| entry.permit_seen_at),
    })
}

fn idp_wins(named: bool, held: bool) -> Fate {
    match (named, held) {
        (true, true) => Some((Source::Idp, State::Held)),
        (true, false) => Some((Source::Idp, State::Giving)),
        (false, true) => Some((Source::Idp, State::Taking)),
        (false, false) => None,
    }
}

fn merge(before: Option<&Entry>, named: bool, held: bool) -> Fate {
    let Some(entry) = before else {
        return match (named, held) {
            // Somebody gave it before any token named it, so it is theirs to take away.
            (_, true) => Some((Source::Manual, State::Held)),
            (true, false) => Some((Source::Idp, State::Giving)),
            (false, false) => None,
        };
    };
    match (entry.source, entry.state, named, held) {
        // A person is giving or taking it, and is not done yet.
        (Source::Manual, State::Giving, _, false) => Some((Source::Manual, State::Giving)),
        (Source::Manual, State::Taking, _, true) => Some((Source::Manual, State::Taking)),
        // Held by a person's hand, or back in Permit after it was taken away: a person gave it again.
        (Source::Manual, State::Giving | State::Held, _, true) | (_, State::Revoked, _, true) => {
            Some((Source::Manual, State::Held))
        }
        // A token gave it, and it follows the token.
        (Source::Idp, State::Giving | State::Held | State::Taking, true, true) => {
            Some((Source::Idp, State::Held))
        }
        (Source::Idp, State::Giving | State::Held | State::Taking, false, true) => {
            Some((Source::Idp, State::Taking))
        }
        // Gone in Permit although the token named it then and names it now: a person took it away.
        (Source::Idp, State::Held, true, false) | (Source::Manual, State::Taking, true, false) => {
            Some((entry.source, State::Revoked))
        }
        (_, State::Revoked, true, false) if entry.in_token => Some((entry.source, State::Revoked)),
        (Source::Manual, State::Held, true, false) if entry.in_token => {
            Some((Source::Manual, State::Revoked))
        }
        // Not given yet; or taken away by hand before this token named it, so that the token's grant is the newer one.
        (Source::Idp, State::Giving | State::Taking, true, false)
        | (Source::Manual, State::Held, true, false)
        | (_, State::Revoked, true, false) => Some((Source::Idp, State::Giving)),
        (_, _, false, false) => None,
    }
}

fn permit_wins(before: Option<&Entry>, named: bool, held: bool) -> Fate {
    let source = before.map_or(Source::Manual, |entry| entry.source);
    let was_named = before.is_some_and(|entry| entry.token_seen_at.is_some());
    match (before.map(|entry| entry.state), held) {
        (Some(State::Taking), true) if source == Source::Manual => Some((source, State::Taking)),
        (Some(State::Revoked), true) => Some((Source::Manual, State::Held)),
        (_, true) => Some((source, State::Held)),
        (Some(State::Giving), false) if named || source == Source::Manual => Some((source, State::Giving)),
        // Remembered for good: a token's word counts once.
        (_, false) if was_named => Some((source, State::Revoked)),
        (_, false) if named => Some((Source::Idp, State::Giving)),
        (_, false) => None,
    }
}

/// What Permit holds is held; what is under way goes on; what a token names and Permit lost was revoked.
fn keep(before: Option<&Entry>, in_token: bool, held: bool) -> Fate {
    let Some(entry) = before else { return held.then_some((Source::Manual, State::Held)) };
    match (entry.state, held) {
        (State::Revoked, true) => Some((Source::Manual, State::Held)),
        (State::Giving | State::Held, true) => Some((entry.source, State::Held)),
        (State::Giving, false) => Some((entry.source, State::Giving)),
        (State::Taking, true) => Some((entry.source, State::Taking)),
        (State::Held | State::Taking | State::Revoked, false) if in_token => {
            Some((entry.source, State::Revoked))
        }
        (State::Held | State::Taking | State::Revoked, false) => None,
    }
}

#[cfg(test)]
mod tests;
