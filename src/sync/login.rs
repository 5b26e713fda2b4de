//! `login`: copies the caller and the roles of their token to Permit, and waits until the next request of theirs
//! is decided on them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable as _};
use entity::user;

use super::{OutcomeKind, RoleOutcome, Sync, split_name};
use crate::{
    permit::{PermitError, User, UserProfile},
    store::{Role, Source, StoreError, TenantStore},
};

/// What verified claims say about the caller.
pub struct SignedInPerson {
    /// `sub`.
    pub subject: String,
    /// A verified address; an unverified one proves nothing and is not passed on.
    pub email: Option<String>,
    pub name: Option<String>,
    /// Roles of the token; `None` when it does not say, which is not "none".
    pub roles: Option<Vec<String>>,
}

/// What a login did at Permit.
#[derive(Debug)]
pub struct LoginReport {
    pub outcomes: Vec<RoleOutcome>,
    /// Something was written.
    pub wrote: bool,
    /// The next request is decided on these roles.
    pub ready: bool,
    /// From the last write until the PDP knew it; `None` when nothing was written or it did not in time.
    pub lag: Option<Duration>,
    pub warnings: Vec<String>,
}

/// What was found at, and written to, Permit.
struct Copied {
    outcomes: Vec<RoleOutcome>,
    /// Every role that Permit holds for the user in this tenant.
    held: BTreeSet<String>,
    wrote: bool,
}

impl Sync {
    /// Writes to Permit what differs from `person`, and our copy of the roles. Roles that the token does not name
    /// are left as they are.
    ///
    /// # Errors
    /// Our copy could not be written; repeating is safe. Permit's failures are part of the report.
    pub async fn login(
        &self,
        store: &TenantStore,
        user: &user::Model,
        person: &SignedInPerson,
    ) -> Result<LoginReport, StoreError> {
        let mut warnings = Vec::new();
        if person.roles.is_none() {
            warnings
                .push("The token does not say which roles you have; they were left as they are.".to_owned());
        }
        let wanted = person.roles.clone().unwrap_or_default();
        let copied = match self.copy(store.id(), person, &wanted, &mut warnings).await {
            Ok(copied) => copied,
            Err(error) => {
                tracing::warn!(cause = error.cause().code(), %error, "login not copied to Permit");
                store.set_fingerprint(user.id, None).await?;
                return Ok(LoginReport::unavailable(&wanted, &error, warnings));
            }
        };
        store.replace_roles(user.id, &known_roles(&copied.held, &wanted)).await?;
        let lag = self.visible(store.id(), person, &copied).await;
        let complete = copied.outcomes.iter().all(RoleOutcome::holds);
        let ready = complete && (!copied.wrote || lag.is_some());
        store.set_fingerprint(user.id, ready.then(|| fingerprint(person))).await?;
        Ok(LoginReport { outcomes: copied.outcomes, wrote: copied.wrote, ready, lag, warnings })
    }

    async fn copy(
        &self,
        tenant: &str,
        person: &SignedInPerson,
        wanted: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<Copied, PermitError> {
        let known = self.facts.user(&person.subject).await?;
        let mut wrote = self.copy_profile(known.as_ref(), person, warnings).await?;
        if !known.as_ref().is_some_and(|user| user.tenants.iter().any(|member| member == tenant)) {
            self.facts.add_to_tenant(tenant, &person.subject).await?;
            wrote = true;
        }
        let roles = known.into_iter().flat_map(|user| user.roles);
        let mut held: BTreeSet<String> =
            roles.filter(|assigned| assigned.tenant == tenant).map(|assigned| assigned.role).collect();
        let mut outcomes = Vec::with_capacity(wanted.len());
        for role in wanted {
            let outcome = if held.contains(role) {
                RoleOutcome::new(role, OutcomeKind::Kept, Source::Idp)
            } else {
                self.give(&person.subject, role, tenant, Source::Idp).await
            };
            if outcome.holds() {
                held.insert(role.clone());
            }
            wrote |= outcome.kind == OutcomeKind::Assigned;
            outcomes.push(outcome);
        }
        Ok(Copied { outcomes, held, wrote })
    }

    /// Whether the profile had to be written.
    async fn copy_profile(
        &self,
        known: Option<&User>,
        person: &SignedInPerson,
        warnings: &mut Vec<String>,
    ) -> Result<bool, PermitError> {
        let (first_name, last_name) = person.name.as_deref().map_or((None, None), split_name);
        let mut profile = UserProfile {
            key: person.subject.clone(),
            email: person.email.clone(),
            first_name,
            last_name,
            ..UserProfile::default()
        };
        if known.is_some_and(|user| holds(user, &profile)) {
            return Ok(false);
        }
        match self.facts.put_user(&profile).await {
            Err(PermitError::Conflict) if profile.email.is_some() => {
                warnings
                    .push("Another user of Permit has your e-mail address; it was not copied.".to_owned());
                profile.email = None;
                if known.is_some_and(|user| holds(user, &profile)) {
                    return Ok(false);
                }
                self.facts.put_user(&profile).await?;
                Ok(true)
            }
            written => written.map(|_| true),
        }
    }

    /// Asks the PDP until it knows what was written, or the deadline has passed.
    async fn visible(&self, tenant: &str, person: &SignedInPerson, copied: &Copied) -> Option<Duration> {
        if !copied.wrote {
            return None;
        }
        let started = Instant::now();
        let ask = || async {
            let told = self.pdp.user_permissions(&person.subject, tenant).await.map_err(|_| ())?;
            copied.held.iter().all(|role| told.roles.contains(role)).then_some(()).ok_or(())
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(20))
            .with_max_delay(Duration::from_millis(500))
            .without_max_times()
            .with_jitter();
        let seen = tokio::time::timeout(self.deadline, ask.retry(pauses)).await;
        matches!(seen, Ok(Ok(()))).then(|| started.elapsed())
    }
}

impl LoginReport {
    /// Nothing to copy: a machine is never written to Permit as a person.
    pub fn machine() -> Self {
        Self {
            outcomes: Vec::new(),
            wrote: false,
            ready: true,
            lag: None,
            warnings: vec![
                "This is a machine's token; machines are not copied to Permit as users.".to_owned(),
            ],
        }
    }

    fn unavailable(wanted: &[String], error: &PermitError, mut warnings: Vec<String>) -> Self {
        let why = if matches!(error, PermitError::NotFound) {
            "Permit does not know your tenant; an administrator has to create it.".to_owned()
        } else {
            format!("Permit could not be written to ({}); call `login` again.", error.cause().code())
        };
        warnings.push(why);
        let outcomes = wanted.iter().map(|role| RoleOutcome::failed(role, Source::Idp, error)).collect();
        Self { outcomes, wrote: false, ready: false, lag: None, warnings }
    }
}

/// Whether Permit's user has everything that `profile` says; what it does not say is left alone.
fn holds(user: &User, profile: &UserProfile) -> bool {
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_none() || ours == theirs;
    same(&profile.email, &user.email)
        && same(&profile.first_name, &user.first_name)
        && same(&profile.last_name, &user.last_name)
}

fn known_roles(held: &BTreeSet<String>, wanted: &[String]) -> Vec<Role> {
    let source = |role: &String| if wanted.contains(role) { Source::Idp } else { Source::Manual };
    held.iter().map(|role| Role { role: role.clone(), source: source(role) }).collect()
}

/// Changes whenever something changes that a login copies.
fn fingerprint(person: &SignedInPerson) -> String {
    use sha2::{Digest as _, Sha256};
    let copied = serde_json::json!([person.email, person.name, person.roles]);
    format!("{:x}", Sha256::digest(copied.to_string()))
}
