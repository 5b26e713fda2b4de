//! stub
use std::sync::Arc;
#[derive(Debug, Clone)]
pub struct Authenticator;
#[derive(Debug)]
pub struct AccessToken;
#[derive(Debug)]
pub enum Subject {
    Anonymous,
    User(Arc<VerifiedUser>),
}
impl Subject {
    pub fn verified(&self) -> Option<&Arc<VerifiedUser>> {
        match self {
            Self::Anonymous => None,
            Self::User(u) => Some(u),
        }
    }
}
#[derive(Debug)]
pub struct VerifiedUser {
    pub id: String,
    pub tenant: String,
    pub kind: SubjectKind,
    pub roles: RolesClaim,
    pub profile: Profile,
    pub may_read_user_info: bool,
}
#[derive(Debug, PartialEq, Eq)]
pub enum SubjectKind {
    Person,
    Service,
}
#[derive(Debug)]
pub enum RolesClaim {
    Missing,
    Malformed,
    Listed(Vec<String>),
}
#[derive(Debug, Clone)]
pub struct Profile {
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    pub name: Option<String>,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct UserInfoError;
impl Authenticator {
    pub async fn user_info(&self, _t: &AccessToken, _s: &str) -> Result<Profile, UserInfoError> {
        Err(UserInfoError)
    }
}
#[derive(Debug, Clone, Copy)]
pub enum Reason {
    MissingToken,
}
impl Reason {
    pub const fn code(self) -> &'static str {
        "MISSING_TOKEN"
    }
    pub const fn advice(self) -> &'static str {
        "x"
    }
}
