//! The pasted token: whether requests with it would be accepted, and what a login would read in it.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use super::Report;
use crate::auth::{
    AccessToken, AuthError, Authenticator, Config, Reason, RolesClaim, SubjectKind, VerifiedUser,
};

pub(super) const TOKEN: &str = "token";
const ROLES: &str = "roles claim";
const EMAIL: &str = "e-mail claims";

pub(super) async fn examine(
    authenticator: &Authenticator,
    config: &Config,
    token: Option<&SecretString>,
    report: &mut Report,
) -> Option<Arc<VerifiedUser>> {
    let Some(token) = token else {
        report.ok(TOKEN, "none given; `--token -` reads one from standard input and looks at it");
        return None;
    };
    let verified = match AccessToken::new(token.expose_secret()) {
        Ok(token) => authenticator.authenticate_token(&token).await,
        Err(error) => Err(error),
    };
    match verified {
        Ok(user) => {
            let minutes = (user.expires_at - OffsetDateTime::now_utc().unix_timestamp()) / 60;
            report.ok(TOKEN, format!("accepted for tenant {}, for another {minutes} minutes", user.tenant));
            claims(&user, config, report);
            Some(user)
        }
        Err(error) => {
            refused(&error, config, report);
            None
        }
    }
}

fn refused(error: &AuthError, config: &Config, report: &mut Report) {
    let (what, fix) = match error {
        AuthError::Invalid(reason) => {
            (format!("{}: {}", reason.code(), reason.advice()), advice(*reason, config))
        }
        AuthError::TenantNotAllowed { tenant } => (
            format!("its organization {tenant} has no access"),
            "add the organization to ALLOWED_TENANTS, or leave that empty".to_owned(),
        ),
        AuthError::BadRequest(_) | AuthError::Unavailable { .. } => {
            (error.to_string(), "run the doctor again".to_owned())
        }
    };
    report.fail(TOKEN, what, fix);
}

fn advice(reason: Reason, config: &Config) -> String {
    let (audience, issuer) = (&config.audience, &config.issuer);
    match reason {
        Reason::WrongAudience | Reason::OpaqueToken => {
            format!("sign in with `audience={audience}` (AUTH0_AUDIENCE) and send the access token")
        }
        Reason::WrongIssuer | Reason::UnknownKey | Reason::BadSignature => {
            format!("use a token of {issuer} (AUTH0_DOMAIN), unchanged, or set the domain it is from")
        }
        Reason::AlgorithmNotAllowed => "choose RS256 as the signing algorithm of the API at Auth0".to_owned(),
        Reason::NotYetValid => "set the clock of this machine".to_owned(),
        Reason::WrongType | Reason::SenderConstrained | Reason::UnsupportedCrit => {
            "ask Auth0 for a plain access token of this API".to_owned()
        }
        Reason::Expired
        | Reason::Malformed
        | Reason::MissingClaim
        | Reason::MissingToken
        | Reason::UserRemoved => "sign in again and paste the whole access token".to_owned(),
    }
}

/// What a login would copy.
fn claims(user: &VerifiedUser, config: &Config, report: &mut Report) {
    if user.kind == SubjectKind::Service {
        report.ok(ROLES, "a machine's token, which is never copied to Permit and needs none");
        return;
    }
    let claim = &config.roles_claim;
    match &user.roles {
        RolesClaim::Listed(roles) if roles.is_empty() => {
            report.warn(ROLES, format!("{claim} is there and empty"), "give the person a role at Auth0");
        }
        RolesClaim::Listed(roles) => report.ok(ROLES, format!("{claim} names {}", roles.join(", "))),
        RolesClaim::Missing => report.warn(
            ROLES,
            format!("the token has no {claim}, so a login leaves the roles as they are"),
            "put the post-login Action into the flow, or set AUTH0_ROLES_CLAIM to the claim that it writes",
        ),
        RolesClaim::Malformed => report.fail(
            ROLES,
            format!("{claim} is neither a list of names nor a name"),
            "let the post-login Action set it to event.authorization.roles",
        ),
    }
    match (&user.profile.email, user.profile.email_verified) {
        (Some(_), Some(true)) => report.ok(EMAIL, "an address, verified"),
        (Some(_), _) => report.warn(
            EMAIL,
            "an address that is not verified, which is not copied to Permit",
            "let the person verify it, and the Action add `email_verified` beside the roles claim",
        ),
        (None, _) if user.may_read_user_info => {
            report.ok(EMAIL, "none in the token; a login asks the issuer for the profile");
        }
        (None, _) => report.warn(
            EMAIL,
            "none, so Permit knows the person by their id only",
            "let the Action add `email` and `email_verified` beside the roles claim",
        ),
    }
}
