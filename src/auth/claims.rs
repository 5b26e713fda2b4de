//! What a verified token says, read as Auth0 writes it. Only called after the signature was checked.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuthError, Config, Reason, token::present, unix_now};

/// Longest subject, in bytes.
const MAX_SUBJECT_BYTES: usize = 255;
/// Clocks may differ by so many seconds.
const LEEWAY: f64 = 5.0;
/// A token that lives longer than a year is a mistake of units.
const MAX_LIFETIME: f64 = 366.0 * 24.0 * 3600.0;
/// The tenant of tokens without an organization.
const DEFAULT_TENANT: &str = "default";

/// Who is asking, as far as a verified token tells.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedUser {
    /// `sub`.
    pub id: String,
    /// `org_id`, else `default`.
    pub tenant: String,
    pub kind: SubjectKind,
    pub roles: RolesClaim,
    pub profile: Profile,
    /// The token is good for the issuer's user-info endpoint too.
    pub may_read_user_info: bool,
    /// `iat`, in seconds since the Unix epoch.
    pub issued_at: Option<i64>,
    /// `exp`, in seconds since the Unix epoch.
    pub expires_at: i64,
}

impl VerifiedUser {
    /// How much longer a connection may live that this token opened: to `exp`. A token that the leeway alone makes
    /// good is good to the end of the leeway.
    pub fn time_left(&self) -> Duration {
        self.time_left_at(unix_now().as_secs_f64())
    }

    fn time_left_at(&self, now: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "it lies within a year of now")]
        let exp = self.expires_at as f64;
        let end = if exp > now { exp } else { exp + LEEWAY };
        Duration::try_from_secs_f64(end - now).unwrap_or_default()
    }
}

// By hand: names, e-mail addresses and claim sets must not reach a log line.
impl std::fmt::Debug for VerifiedUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedUser").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A person or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    Person,
    /// A client-credentials token (`sub` ends in `@clients`); it is never written to Permit as a person.
    Service,
}

/// The roles claim. Names are kept exactly as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolesClaim {
    /// No claim, or `null`: no information, which is not "no roles".
    Missing,
    /// Neither a list nor a text: no information either.
    Malformed,
    Listed(Vec<String>),
}

/// What is known about a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub email: Option<String>,
    /// `Some(true)` only if the issuer has verified the address at some time.
    pub email_verified: Option<bool>,
    pub name: Option<String>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

/// The payload. Deriving it makes serde refuse a registered claim that occurs twice.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: Option<Value>,
    aud: Option<Value>,
    sub: Option<Value>,
    exp: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    cnf: Option<Value>,
    scope: Option<Value>,
    org_id: Option<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Claims {
    /// Checks every registered claim against `config` at `now` (seconds since the Unix epoch).
    ///
    /// # Errors
    /// The first claim that is missing, of the wrong type or of the wrong value.
    pub(super) fn verify(&self, config: &Config, now: f64) -> Result<VerifiedUser, AuthError> {
        // A list that contains our issuer is not our issuer.
        if text(self.iss.as_ref(), Reason::WrongIssuer)? != config.issuer {
            return Err(AuthError::Invalid(Reason::WrongIssuer));
        }
        let audiences = audiences(self.aud.as_ref())?;
        if !audiences.contains(&config.audience.as_str()) {
            return Err(AuthError::Invalid(Reason::WrongAudience));
        }
        let expires_at = self.times(now)?;
        let issued_at = number(self.iat.as_ref())?;
        if self.cnf.is_some() {
            return Err(AuthError::Invalid(Reason::SenderConstrained));
        }
        let id = text(self.sub.as_ref(), Reason::MissingClaim)?;
        if id.is_empty() || id.len() > MAX_SUBJECT_BYTES {
            return Err(AuthError::Invalid(Reason::MissingClaim));
        }
        // No database stores a NUL, and no log line should obey the others.
        if id.chars().any(char::is_control) {
            return Err(AuthError::Invalid(Reason::Malformed));
        }
        let kind = if id.ends_with("@clients") { SubjectKind::Service } else { SubjectKind::Person };
        let user_info = format!("{}userinfo", config.issuer);
        let scopes = self.scope.as_ref().and_then(Value::as_str).unwrap_or_default();
        Ok(VerifiedUser {
            id: id.to_owned(),
            tenant: self.tenant(config)?,
            kind,
            roles: roles(self.rest.get(&config.roles_claim)),
            profile: self.profile(&config.roles_claim),
            may_read_user_info: audiences.contains(&user_info.as_str())
                && scopes.split(' ').any(|s| s == "openid"),
            issued_at: issued_at.map(seconds),
            expires_at,
        })
    }

    /// `exp`, after all three times were found to be right.
    fn times(&self, now: f64) -> Result<i64, AuthError> {
        let Some(exp) = number(self.exp.as_ref())? else {
            return Err(AuthError::Invalid(Reason::MissingClaim));
        };
        if exp <= now - LEEWAY {
            return Err(AuthError::Invalid(Reason::Expired));
        }
        if exp > now + MAX_LIFETIME {
            return Err(AuthError::Invalid(Reason::Malformed));
        }
        for not_before in [number(self.nbf.as_ref())?, number(self.iat.as_ref())?].into_iter().flatten() {
            if not_before > now + LEEWAY {
                return Err(AuthError::Invalid(Reason::NotYetValid));
            }
        }
        Ok(seconds(exp))
    }

    fn tenant(&self, config: &Config) -> Result<String, AuthError> {
        let Some(org_id) = &self.org_id else { return Ok(DEFAULT_TENANT.to_owned()) };
        let tenant = match org_id.as_str() {
            Some(text) if !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES => text,
            _ => return Err(AuthError::Invalid(Reason::Malformed)),
        };
        if config.allowed_tenants.is_empty() || config.allowed_tenants.contains(tenant) {
            Ok(tenant.to_owned())
        } else {
            Err(AuthError::TenantNotAllowed { tenant: tenant.to_owned() })
        }
    }

    /// Claims beside the roles claim, in its namespace: `https://x/roles` → `https://x/email`.
    fn profile(&self, roles_claim: &str) -> Profile {
        let namespace = roles_claim.rfind('/').map_or("", |end| &roles_claim[..=end]);
        let claim = |name: &str| self.rest.get(&format!("{namespace}{name}"));
        let filled = |name: &str| claim(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Profile {
            email: filled("email").map(str::to_owned),
            email_verified: claim("email_verified").and_then(Value::as_bool),
            name: filled("name").map(str::to_owned),
        }
    }
}

fn text(claim: Option<&Value>, wrong: Reason) -> Result<&str, AuthError> {
    match claim {
        None => Err(AuthError::Invalid(Reason::MissingClaim)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(AuthError::Invalid(wrong)),
    }
}

/// Whole seconds of a time; the last one that there is for a time beyond it.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn seconds(time: f64) -> i64 {
    time.floor() as i64
}

/// A `NumericDate` (RFC 7519, section 2), fractions allowed.
fn number(claim: Option<&Value>) -> Result<Option<f64>, AuthError> {
    match claim {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(AuthError::Invalid(Reason::Malformed)),
        },
    }
}

fn audiences(claim: Option<&Value>) -> Result<Vec<&str>, AuthError> {
    match claim {
        None => Err(AuthError::Invalid(Reason::MissingClaim)),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(list)) => list
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or(AuthError::Invalid(Reason::WrongAudience)),
        Some(_) => Err(AuthError::Invalid(Reason::WrongAudience)),
    }
}

fn roles(claim: Option<&Value>) -> RolesClaim {
    let mut roles: Vec<String> = match claim {
        None | Some(Value::Null) => return RolesClaim::Missing,
        // Not split: a role name may contain spaces and commas.
        Some(Value::String(role)) => vec![role.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) => return RolesClaim::Malformed,
    };
    let mut seen = std::collections::HashSet::new();
    roles.retain(|role| !role.is_empty() && seen.insert(role.clone()));
    RolesClaim::Listed(roles)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_the_roles_claim_is_survived() {
        let listed = |roles: &[&str]| RolesClaim::Listed(roles.iter().map(|&role| role.to_owned()).collect());
        for (claim, expected) in [
            (json!(null), RolesClaim::Missing),
            (json!([]), listed(&[])),
            (json!("admin"), listed(&["admin"])),
            (json!("team lead, west"), listed(&["team lead, west"])),
            (json!(["b", "a", "b", "B"]), listed(&["b", "a", "B"])),
            (json!(["a", 1, null, ["x"], ""]), listed(&["a"])),
            (json!({"a": true}), RolesClaim::Malformed),
            (json!(7), RolesClaim::Malformed),
            (json!(true), RolesClaim::Malformed),
        ] {
            assert_eq!(roles(Some(&claim)), expected, "{claim}");
        }
        assert_eq!(roles(None), RolesClaim::Missing);
    }

    #[test]
    fn a_connection_lives_to_the_end_of_the_token_or_of_the_leeway_that_it_needed() {
        let claims = json!({"iss": "https://issuer.example/", "aud": "api", "sub": "auth0|1", "exp": 2000});
        let config = Config::for_issuer("https://issuer.example/", "api", "https://x.example/roles");
        let claims: Claims = serde_json::from_value(claims).unwrap();
        let user = claims.verify(&config, 1000.0).unwrap();
        let left = |now| user.time_left_at(now).as_secs_f64();
        assert!((left(1000.0) - 1000.0).abs() < 1e-6);
        assert!((left(1999.5) - 0.5).abs() < 1e-6);
        assert!((left(2001.0) - 4.0).abs() < 1e-6, "within the leeway");
        assert!(left(2006.0) == 0.0, "never negative");
    }

    #[test]
    fn a_user_prints_no_personal_data() {
        let config = Config::for_issuer("https://issuer.example/", "api", "https://x.example/roles");
        let claims: Claims = serde_json::from_value(json!({
            "iss": "https://issuer.example/", "aud": "api", "sub": "auth0|1", "exp": 2000,
            "https://x.example/email": "ada@example.com", "https://x.example/name": "Ada",
        }))
        .unwrap();
        let user = claims.verify(&config, 1000.0).unwrap();
        assert_eq!(user.profile.email.as_deref(), Some("ada@example.com"));
        let printed = format!("{user:?}");
        assert!(!printed.contains("ada") && !printed.contains("Ada"), "{printed}");
    }

    #[test]
    fn a_claim_that_is_null_is_there() {
        let config = Config::for_issuer("https://issuer.example/", "api", "https://x.example/roles");
        for (claim, reason) in
            [("nbf", Reason::Malformed), ("iat", Reason::Malformed), ("cnf", Reason::SenderConstrained)]
        {
            let mut claims =
                json!({"iss": "https://issuer.example/", "aud": "api", "sub": "auth0|1", "exp": 2000});
            claims[claim] = Value::Null;
            let claims: Claims = serde_json::from_value(claims).unwrap();
            assert_eq!(claims.verify(&config, 1000.0), Err(AuthError::Invalid(reason)), "{claim}");
        }
    }
}
