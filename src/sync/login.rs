//! `login`: stores what a token says, and waits until the next request of its bearer is decided on it.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use entity::user;

use super::{
    OutcomeKind, RoleOutcome, RolePolicy, SignedInPerson, Sync, desired::Wanted, report::Report, unseen,
};
use crate::store::{
    Arrival, Entry, NewUser, Progress, SignIn, Source, StoreError, TenantStore, UNKNOWN_TENANT,
};

/// A warning for whoever is stored, but of whom more is not known at the moment.
const UNSEEN: &str = "The database failed after you were stored; call `login` again to see what came of it.";

/// How a login ended.
#[derive(Debug)]
pub enum Login {
    /// This person was removed from the tenant.
    Removed,
    Known(LoginReport),
}

/// What a login did.
#[derive(Debug)]
pub struct LoginReport {
    pub user: user::Model,
    /// The user was not known in this tenant before.
    pub created: bool,
    /// Something was written, here or in Permit.
    pub changed: bool,
    pub outcomes: Vec<RoleOutcome>,
    /// The next request is decided on these roles.
    pub ready: bool,
    /// From the last write until the PDP knew it; `None` when nothing was written or it did not in time.
    pub lag: Option<Duration>,
    pub warnings: Vec<String>,
}

impl Sync {
    /// Stores the person, of whom `shown` is what is shown to others, and brings Permit in step.
    ///
    /// # Errors
    /// Our own rows could not be read or written; repeating is safe. What fails once the person is stored, here or in
    /// Permit, is part of the report.
    pub async fn login(
        &self,
        store: &TenantStore,
        shown: NewUser,
        person: &SignedInPerson,
    ) -> Result<Login, StoreError> {
        let deadline = self.deadline();
        let config = &self.0.config;
        let policy = config.policy;
        let desired = Wanted::of_token(person, config).desired(policy);
        // The token is the whole truth, so a look at Permit is needed to find out what differs.
        let always = policy == RolePolicy::IdpWins;
        let arrival = match store.sign_in(shown, &desired, always).await? {
            SignIn::Removed => return Ok(Login::Removed),
            SignIn::Known(arrival) => arrival,
        };
        let work = arrival.work;
        let mut report = LoginReport::of(arrival);
        if let Err(error) = self.follow(store, person, work, deadline, &mut report).await {
            unseen(&error);
            report.warnings.push(UNSEEN.to_owned());
        }
        Ok(Login::Known(report))
    }

    /// Waits for the item that tells Permit, if there is one, and until the PDP knows it.
    async fn follow(
        &self,
        store: &TenantStore,
        person: &SignedInPerson,
        work: Option<i64>,
        deadline: Instant,
        report: &mut LoginReport,
    ) -> Result<(), StoreError> {
        let progress = match work {
            Some(item) => Some(self.carried_out(item, deadline).await),
            None => None,
        };
        let ledger = store.ledger_of(report.user.id).await?;
        tell(report, person, &ledger, progress.as_ref());
        if report.outcomes.iter().all(RoleOutcome::is_settled) && is_done(progress.as_ref()) {
            self.await_visibility(store, person, deadline, report).await?;
        }
        Ok(())
    }

    async fn await_visibility(
        &self,
        store: &TenantStore,
        person: &SignedInPerson,
        deadline: Instant,
        report: &mut LoginReport,
    ) -> Result<(), StoreError> {
        // The row comes first: what is written after it makes the ledger newer than what is noted as seen.
        let Some(user) = store.user_of(&person.subject).await? else { return Ok(()) };
        report.ready = user.visible;
        if user.visible {
            return Ok(());
        }
        let ledger = store.ledger_of(user.id).await?;
        let started = Instant::now();
        if self.is_visible(store.id(), &person.subject, &ledger, deadline).await {
            report.ready = store.set_visible(&user).await?;
            report.lag = Some(started.elapsed());
        } else {
            // Perhaps somebody changed it by hand meanwhile; the next login looks again.
            store.forget_sync(&user).await?;
        }
        Ok(())
    }

    /// Asks the PDP until it knows what the ledger says, or the deadline has passed.
    async fn is_visible(&self, tenant: &str, subject: &str, ledger: &[Entry], deadline: Instant) -> bool {
        let ask = || async {
            let told = self.0.pdp.user_permissions(subject, tenant).await.map_err(|_| ())?;
            let same = ledger.iter().all(|entry| told.roles.contains(&entry.role) == entry.is_held());
            same.then_some(()).ok_or(())
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(20))
            .with_max_delay(Duration::from_millis(500))
            .without_max_times()
            .with_jitter();
        let left = deadline.saturating_duration_since(Instant::now());
        matches!(tokio::time::timeout(left, ask.retry(pauses)).await, Ok(Ok(())))
    }
}

impl LoginReport {
    /// Nothing to warn about, nothing done.
    fn of(arrival: Arrival) -> Self {
        Self {
            created: arrival.created,
            changed: arrival.changed,
            user: arrival.user,
            outcomes: Vec::new(),
            ready: false,
            lag: None,
            warnings: Vec::new(),
        }
    }
}

fn is_done(progress: Option<&Progress>) -> bool {
    matches!(progress, None | Some(Progress::Done { .. }))
}

/// One outcome for each role of the token, and one for each that was taken away.
fn tell(login: &mut LoginReport, person: &SignedInPerson, ledger: &[Entry], progress: Option<&Progress>) {
    if person.roles.is_none() {
        login
            .warnings
            .push("The token does not say which roles you have; they were left as they are.".into());
    }
    let report = match progress {
        Some(Progress::Done { report }) => Report::read(report),
        _ => Report::default(),
    };
    let cause = match progress {
        Some(Progress::Failed { cause } | Progress::Dead { cause }) => Some(cause.as_str()),
        _ => None,
    };
    let named = person.roles.iter().flatten();
    for role in named {
        let entry = ledger.iter().find(|entry| entry.role == *role);
        login.outcomes.push(match report.outcome_of(role) {
            Some(outcome) => outcome.clone(),
            None if is_done(progress) => RoleOutcome::of_entry(role, entry),
            None if entry.is_some_and(Entry::is_held) => RoleOutcome::of_entry(role, entry),
            None => RoleOutcome::queued(role, Source::Idp, cause),
        });
    }
    let removed = report.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Removed);
    let unnamed = removed.filter(|outcome| !person.roles.iter().flatten().any(|role| *role == outcome.role));
    login.outcomes.extend(unnamed.cloned());
    login.changed |= report.wrote;
    login.lag = report.lag_ms.map(Duration::from_millis);
    login.warnings.extend(report.warnings);
    if !is_done(progress) {
        login.warnings.push(unfinished(cause));
    }
}

fn unfinished(cause: Option<&str>) -> String {
    match cause {
        Some(UNKNOWN_TENANT) => {
            "Permit does not know your tenant; an administrator has to create it.".to_owned()
        }
        Some(cause) => format!("Permit could not be written to ({cause}); it is tried again by itself."),
        None => "Permit is still being written to; call `login` again to see when it is done.".to_owned(),
    }
}
