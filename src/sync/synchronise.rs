//! One synchronisation: brings Permit in step with what is desired of a user, and with the ledger of their roles.
//!
//! The order matters. Permit is read; the ledger says what is to become so; Permit is told; the ledger says what is
//! so. A crash at any point leaves a ledger from which the next attempt goes on without mistaking our own writes for
//! somebody else's.

use std::{collections::BTreeSet, time::Instant};

use time::OffsetDateTime;

use super::{
    OutcomeKind, RoleOutcome, Sync,
    desired::{Wanted, fingerprint},
    policy::{Known, reconcile},
    report::Report,
    worker::{Failure, Step},
};
use crate::{
    permit::{Assigned, PermitError, User, Visibility},
    store::{Entry, Job, Settled, State, SyncEnd, SyncState, TenantStore},
};

/// The status of a body that Permit does not accept.
const UNPROCESSABLE: u16 = 422;
/// Role writes of one attempt: a lease must outlast them.
const WRITES_PER_ATTEMPT: usize = 25;

/// One attempt for one user.
struct Attempt<'a> {
    sync: &'a Sync,
    job: &'a Job,
    store: &'a TenantStore,
    state: &'a SyncState,
    wanted: Wanted,
    report: Report,
    settled: Vec<Settled>,
    /// Whether the PDP has seen every role that was written; `None` before the first one.
    seen: Option<bool>,
}

impl Sync {
    pub(super) async fn synchronise(&self, job: &Job) -> Result<Step, Failure> {
        let store = self.0.store.tenant(&job.tenant);
        let Some(state) = store.sync_state(&job.subject).await? else {
            // Removed meanwhile: what is left to do is the removal's.
            self.0.store.finish(job, &Report::default().json()).await?;
            return Ok(Step::Done);
        };
        let wanted = Wanted::read(state.user.desired.as_deref());
        let report = job.report.as_deref().map(Report::read).unwrap_or_default();
        let settled = Vec::new();
        Attempt { sync: self, job, store: &store, state: &state, wanted, report, settled, seen: None }
            .run()
            .await
    }
}

impl Attempt<'_> {
    async fn run(mut self) -> Result<Step, Failure> {
        let is_new = self.state.user.fingerprint.is_none();
        let ledger = if is_new { self.reconciled().await? } else { self.state.ledger.clone() };
        let mut todo: Vec<&Entry> =
            ledger.iter().filter(|it| matches!(it.state, State::Giving | State::Taking)).collect();
        self.drop_unknown(&mut todo).await?;
        let started = Instant::now();
        for entry in todo.iter().take(WRITES_PER_ATTEMPT) {
            if let Err(failure) = self.carry_out(entry).await {
                self.store.settle(&self.state.user, &self.settled).await?;
                return Err(failure);
            }
        }
        if self.seen == Some(true) {
            self.report.lag_ms = u64::try_from(started.elapsed().as_millis()).ok();
        }
        if todo.len() > WRITES_PER_ATTEMPT {
            self.store.settle(&self.state.user, &self.settled).await?;
            return Ok(Step::More { report: self.report.json() });
        }
        self.complete().await?;
        Ok(Step::Done)
    }

    /// Reads Permit, writes profile and membership, and writes down what is to become of the roles.
    async fn reconciled(&mut self) -> Result<Vec<Entry>, Failure> {
        let subject = &self.state.user.subject;
        let known = self.sync.0.facts.user(subject).await?;
        let tenant = self.store.id();
        let is_member = known.as_ref().is_some_and(|user| user.tenants.iter().any(|member| member == tenant));
        if !is_member {
            self.need_tenant().await?;
        }
        self.write_profile(known.as_ref()).await?;
        if !is_member {
            self.sync.0.facts.add_to_tenant(tenant, subject).await?;
            self.report.wrote = true;
        }
        let roles = known.into_iter().flat_map(|user| user.roles);
        let permit: BTreeSet<String> =
            roles.filter(|assigned| assigned.tenant == tenant).map(|assigned| assigned.role).collect();
        let known = Known {
            token: self.wanted.roles.as_ref(),
            permit: &permit,
            first_login: self.state.user.first_login_at.is_none(),
            now: i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or_default(),
        };
        let policy = self.sync.0.config.policy;
        let change = |before: &[Entry]| reconcile(policy, before, &known);
        Ok(self.store.change_ledger(&self.state.user, change).await?)
    }

    async fn write_profile(&mut self, known: Option<&User>) -> Result<(), Failure> {
        let facts = &self.sync.0.facts;
        let mut profile = self.wanted.profile(&self.state.user.subject);
        if known.is_some_and(|user| !self.wanted.from_token || user.has(&profile)) {
            return Ok(());
        }
        match facts.put_user(&profile).await {
            Err(error) if profile.email.is_some() && is_about_the_email(&error) => {
                let warning = match error {
                    PermitError::Conflict => {
                        "Another user of Permit has this e-mail address; it was not copied."
                    }
                    _ => "Permit does not accept this e-mail address; it was not copied.",
                };
                self.report.warn(warning);
                profile.email = None;
                if known.is_some_and(|user| user.has(&profile)) {
                    return Ok(());
                }
                facts.put_user(&profile).await?;
            }
            written => drop(written?),
        }
        self.report.wrote = true;
        Ok(())
    }

    /// Looks before anything is written: a person in a tenant that Permit does not have is nobody there.
    async fn need_tenant(&mut self) -> Result<(), Failure> {
        let (facts, tenant) = (&self.sync.0.facts, self.store.id());
        if facts.tenant_exists(tenant).await? {
            return Ok(());
        }
        if !self.sync.0.config.create_tenants {
            return Err(Failure::UnknownTenant);
        }
        facts.create_tenant(tenant, tenant).await?;
        self.report.wrote = true;
        Ok(())
    }

    /// Takes out the roles that Permit does not have, which need no call each when there are several.
    async fn drop_unknown(&mut self, todo: &mut Vec<&Entry>) -> Result<(), Failure> {
        if todo.iter().filter(|entry| entry.state == State::Giving).count() < 2 {
            return Ok(());
        }
        let existing = self.sync.0.facts.roles().await?;
        let is_unknown = |entry: &Entry| entry.state == State::Giving && !existing.contains(&entry.role);
        for entry in todo.iter().filter(|entry| is_unknown(entry)) {
            self.report.note(unknown(entry, &existing));
            self.settled.push(Settled { role: entry.role.clone(), from: entry.state, to: None });
        }
        todo.retain(|entry| !is_unknown(entry));
        Ok(())
    }

    /// Tells Permit what the ledger says about one role.
    async fn carry_out(&mut self, entry: &Entry) -> Result<(), Failure> {
        let (outcome, to) = match entry.state {
            State::Giving => self.give(entry).await?,
            State::Taking => self.take(entry).await?,
            State::Held | State::Revoked => return Ok(()),
        };
        self.settled.push(Settled { role: entry.role.clone(), from: entry.state, to });
        self.report.note(outcome);
        // A call may take its time, and there may be many.
        let config = &self.sync.0.config;
        if self.sync.0.store.renew(self.job, config.lease).await? { Ok(()) } else { Err(Failure::LeaseLost) }
    }

    fn wrote(&mut self, visibility: Visibility) {
        self.report.wrote = true;
        self.seen = Some(self.seen.unwrap_or(true) && visibility == Visibility::Visible);
    }

    async fn give(&mut self, entry: &Entry) -> Result<(RoleOutcome, Option<State>), Failure> {
        let facts = &self.sync.0.facts;
        let outcome = |kind| RoleOutcome::new(&entry.role, kind, entry.source);
        let written = facts.assign(&self.state.user.subject, &entry.role, self.store.id()).await?;
        match written.what {
            Assigned::New => {
                self.wrote(written.visibility);
                Ok((outcome(OutcomeKind::Assigned), Some(State::Held)))
            }
            Assigned::Already => {
                // Perhaps our own write of an attempt that was cut off, which nobody saw arrive.
                self.seen = Some(false);
                Ok((outcome(OutcomeKind::Kept), Some(State::Held)))
            }
            // The answer does not say in a form to rely on what it did not find, so ask for the likeliest.
            Assigned::NotFound => {
                let existing = facts.roles().await?;
                if !existing.contains(&entry.role) {
                    return Ok((unknown(entry, &existing), None));
                }
                // Somebody removed the user from Permit, behind our back: the next attempt begins at the beginning.
                self.store.forget_sync(&self.state.user).await?;
                Err(Failure::Permit(PermitError::NotFound))
            }
        }
    }

    async fn take(&mut self, entry: &Entry) -> Result<(RoleOutcome, Option<State>), Failure> {
        let facts = &self.sync.0.facts;
        let written = facts.unassign(&self.state.user.subject, &entry.role, self.store.id()).await?;
        self.wrote(written.visibility);
        // Remembered until the next reconciliation: a login has to know that the PDP holds it no longer. What a person
        // took away while the token names it stays away until the token drops it.
        Ok((RoleOutcome::new(&entry.role, OutcomeKind::Removed, entry.source), Some(State::Revoked)))
    }

    async fn complete(self) -> Result<(), Failure> {
        let user = &self.state.user;
        let whole = self.report.outcomes.iter().all(RoleOutcome::is_settled);
        let policy = self.sync.0.config.policy;
        let json = user.desired.as_deref().unwrap_or_default();
        let end = SyncEnd {
            settled: self.settled,
            fingerprint: whole.then(|| fingerprint(json, policy)),
            with_token: self.wanted.from_token && self.wanted.roles.is_some(),
            // What earlier attempts wrote was seen by nobody who could tell now.
            visible: self.seen == Some(true) && !self.job.resumed,
            report: self.report.json(),
        };
        Ok(self.store.complete_sync(self.state, end).await?)
    }
}

/// Another user has it, or it is none: nothing else in a profile can be wrong.
fn is_about_the_email(error: &PermitError) -> bool {
    let unprocessable = matches!(error, PermitError::Rejected { status } if status.as_u16() == UNPROCESSABLE);
    unprocessable || matches!(error, PermitError::Conflict)
}

/// That Permit has no such role, and which one was perhaps meant.
fn unknown(entry: &Entry, existing: &[String]) -> RoleOutcome {
    let role = &entry.role;
    let distance = |other: &&String| strsim::osa_distance(&role.to_lowercase(), &other.to_lowercase());
    let closest = existing.iter().min_by_key(distance).filter(|other| distance(other) <= 2);
    let detail = match closest {
        Some(other) => format!("Permit has no role `{role}`; did you mean `{other}`?"),
        None => format!("Permit has no role `{role}`; names are case-sensitive."),
    };
    RoleOutcome { detail: Some(detail), ..RoleOutcome::new(role, OutcomeKind::UnknownRole, entry.source) }
}
