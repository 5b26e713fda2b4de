//! `login`: the one mutation that every caller may call.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use super::{
    input,
    user::{RoleOutcome, outcomes},
    user_error::UserError,
    viewer::Viewer,
};
use crate::{
    auth::{AccessToken, Authenticator, Profile, RolesClaim, SubjectKind},
    graphql::{
        authorization::{directives::signed_in, guard::permitted},
        execution::{
            context::{ContextExt as _, Operation, SignedIn},
            error::ApiError,
        },
    },
    store::NewUser,
    sync::{Login, LoginReport, SignedInPerson, Sync},
};

/// What a client may add to a login. It is kept here, for when the token says nothing; it is never sent to Permit,
/// and it can never give a role.
#[derive(InputObject, Default)]
pub(super) struct LoginInput {
    /// A name to show, at most 200 characters.
    name: Option<String>,
    /// An e-mail address to show, at most 254 characters.
    email: Option<String>,
    /// Returned as it is.
    client_mutation_id: Option<String>,
}

/// What came of `login`.
#[derive(SimpleObject)]
pub(super) struct LoginPayload {
    /// The caller.
    viewer: Viewer,
    /// The user was not known in this tenant before.
    created: bool,
    /// Something was written, here or in Permit.
    changed: bool,
    /// The very next request is decided on the roles of this token. If not, Permit is still being written to, or has
    /// no such role; call `login` again to see how far it is.
    ready: bool,
    /// What became of each role of the token, and which others were taken away.
    role_outcomes: Vec<RoleOutcome>,
    /// How long the roles took to reach the decision point, in milliseconds; null when nothing was written.
    sync_lag_ms: Option<i32>,
    /// What could not be taken into account, for people.
    warnings: Vec<String>,
    /// What the person can fix; empty when it was done.
    user_errors: Vec<UserError>,
    /// As sent.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(super) struct LoginMutation;

#[Object(guard = permitted("Mutation"))]
impl LoginMutation {
    /// Copies the caller and the roles of their token to Permit. Call it once after signing in; calling it again
    /// writes only what changed.
    #[graphql(directive = signed_in::apply())]
    async fn login(&self, ctx: &Context<'_>, input: Option<LoginInput>) -> Result<Option<LoginPayload>> {
        let operation = ctx.operation()?;
        let caller = operation.signed_in()?;
        let input = input.unwrap_or_default();
        let client_mutation_id = input.client_mutation_id.clone();
        let payload = if caller.user.kind == SubjectKind::Service {
            LoginPayload::machine()
        } else {
            sign_in(operation, ctx.sync()?, ctx.authenticator()?, input).await?
        };
        // What was decided before the login may be different after it, for every operation of theirs.
        operation.forget().await;
        caller.store.tell_permissions(&caller.subject).await;
        Ok(Some(LoginPayload { client_mutation_id, ..payload }))
    }
}

async fn sign_in(
    operation: &Operation,
    sync: &Sync,
    authenticator: &Authenticator,
    input: LoginInput,
) -> Result<LoginPayload, ApiError> {
    let caller = operation.signed_in()?;
    let (name, email) = match (input::name(input.name), input::email(input.email)) {
        (Ok(name), Ok(email)) => (name, email),
        (name, email) => {
            let user_errors = [name.err(), email.err()].into_iter().flatten().collect();
            return Ok(LoginPayload { user_errors, ..LoginPayload::nothing() });
        }
    };
    let (profile, warning) = profile(caller, operation.token.as_ref(), authenticator).await;
    let shown = NewUser {
        subject: caller.subject.to_string(),
        name: profile.name.clone().or(name),
        email: profile.email.clone().or(email),
    };
    let report = match sync.login(&caller.store, shown, &person(caller, profile)).await? {
        Login::Known(report) => report,
        Login::Removed => return Err(ApiError::Removed),
    };
    caller.forget(report.user.id).await;
    let mut payload = LoginPayload::of(&caller.tenant, report);
    payload.warnings.extend(warning);
    Ok(payload)
}

/// What the claims say, completed at the issuer if they say nothing and the token may ask there.
async fn profile(
    caller: &SignedIn,
    token: Option<&AccessToken>,
    authenticator: &Authenticator,
) -> (Profile, Option<String>) {
    let claimed = &caller.user.profile;
    if claimed.name.is_some() || claimed.email.is_some() || !caller.user.may_read_user_info {
        return (claimed.clone(), None);
    }
    let Some(token) = token else { return (claimed.clone(), None) };
    match authenticator.user_info(token, &caller.subject).await {
        Ok(profile) => (profile, None),
        Err(error) => {
            tracing::warn!(%error, "profile not read");
            (claimed.clone(), Some("Your profile could not be read at the identity provider.".to_owned()))
        }
    }
}

fn person(caller: &SignedIn, profile: Profile) -> SignedInPerson {
    let roles = match &caller.user.roles {
        RolesClaim::Listed(roles) => Some(roles.clone()),
        RolesClaim::Missing | RolesClaim::Malformed => None,
    };
    SignedInPerson {
        subject: caller.subject.to_string(),
        email: profile.email,
        email_verified: profile.email_verified == Some(true),
        name: profile.name,
        roles,
    }
}

impl LoginPayload {
    fn of(tenant: &str, report: LoginReport) -> Self {
        Self {
            created: report.created,
            changed: report.changed,
            ready: report.ready,
            sync_lag_ms: report.lag.map(|lag| i32::try_from(lag.as_millis()).unwrap_or(i32::MAX)),
            role_outcomes: outcomes(tenant, report.outcomes),
            warnings: report.warnings,
            ..Self::nothing()
        }
    }

    fn nothing() -> Self {
        Self {
            viewer: Viewer,
            created: false,
            changed: false,
            ready: false,
            sync_lag_ms: None,
            role_outcomes: Vec::new(),
            warnings: Vec::new(),
            user_errors: Vec::new(),
            client_mutation_id: None,
        }
    }

    /// Nothing to copy: a machine is never written to Permit as a person.
    fn machine() -> Self {
        let warning = "This is a machine's token; machines are not copied to Permit as users.";
        Self { ready: true, warnings: vec![warning.to_owned()], ..Self::nothing() }
    }
}
