//! Why a credential was not accepted. Texts are fixed: nothing of a token, a key or a URL is ever repeated.

use std::time::Duration;

/// Why a request has no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The `Authorization` header cannot be read, or there are several (RFC 6750, section 3.1: `invalid_request`).
    #[error("{0}")]
    BadRequest(&'static str),
    /// A token was presented and is not accepted.
    #[error("{}", .0.advice())]
    Invalid(Reason),
    /// The token's organization is not one that this server serves.
    #[error("this organization has no access")]
    TenantNotAllowed {
        /// As sent.
        tenant: String,
    },
    /// There are no signing keys to verify with, and the issuer does not give any.
    #[error("tokens cannot be verified at the moment")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Why a token is not accepted; the `reason` of `UNAUTHENTICATED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    MissingToken,
    Malformed,
    OpaqueToken,
    Expired,
    NotYetValid,
    WrongIssuer,
    WrongAudience,
    UnknownKey,
    BadSignature,
    AlgorithmNotAllowed,
    SenderConstrained,
    WrongType,
    UnsupportedCrit,
    MissingClaim,
    UserRemoved,
}

impl Reason {
    /// As clients see it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingToken => "MISSING_TOKEN",
            Self::Malformed => "MALFORMED",
            Self::OpaqueToken => "OPAQUE_TOKEN",
            Self::Expired => "EXPIRED",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::WrongIssuer => "WRONG_ISSUER",
            Self::WrongAudience => "WRONG_AUDIENCE",
            Self::UnknownKey => "UNKNOWN_KEY",
            Self::BadSignature => "BAD_SIGNATURE",
            Self::AlgorithmNotAllowed => "ALGORITHM_NOT_ALLOWED",
            Self::SenderConstrained => "SENDER_CONSTRAINED",
            Self::WrongType => "WRONG_TYPE",
            Self::UnsupportedCrit => "UNSUPPORTED_CRIT",
            Self::MissingClaim => "MISSING_CLAIM",
            Self::UserRemoved => "USER_REMOVED",
        }
    }

    /// What is wrong and what to do, in one sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::MissingToken => "Sign in: this needs an access token in the Authorization header.",
            Self::Malformed => "This is not a well-formed access token.",
            Self::OpaqueToken => {
                "This is not a signed JWT; ask the issuer for an access token with the audience of this API."
            }
            Self::Expired => "The access token has expired; get a new one.",
            Self::NotYetValid => "The access token is not valid yet; check the clocks.",
            Self::WrongIssuer => "The access token was not issued by the identity provider of this API.",
            Self::WrongAudience => {
                "The token is not for this API; send an access token, not an ID token, with the right audience."
            }
            Self::UnknownKey => "The access token was signed with a key that the issuer does not publish.",
            Self::BadSignature => "The signature of the access token is wrong.",
            Self::AlgorithmNotAllowed => "The access token must be signed with RS256.",
            Self::SenderConstrained => {
                "This access token is bound to its sender, which this API does not support."
            }
            Self::WrongType => "This kind of token is not an access token.",
            Self::UnsupportedCrit => "The token demands an extension that this API does not support.",
            Self::MissingClaim => "The access token lacks a claim that is needed: iss, aud, sub or exp.",
            Self::UserRemoved => "This user was removed.",
        }
    }
}

impl AuthError {
    /// The challenge that goes with the answer (RFC 6750, section 3); `None` where a token would not help.
    pub fn www_authenticate(&self) -> Option<String> {
        let (error, description) = match self {
            Self::BadRequest(text) => ("invalid_request", *text),
            Self::Invalid(reason) => ("invalid_token", reason.advice()),
            Self::TenantNotAllowed { .. } | Self::Unavailable { .. } => return None,
        };
        Some(format!(r#"Bearer realm="taskgate", error="{error}", error_description="{description}""#))
    }
}

/// Why the issuer did not tell a profile. A login goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    #[error("the issuer's user-info endpoint did not answer")]
    Unreachable(#[source] reqwest::Error),
    #[error("the issuer's user-info endpoint answered {0}")]
    Rejected(reqwest::StatusCode),
    #[error("the issuer's profile cannot be read")]
    Malformed,
    /// OpenID Connect Core, section 5.3.2: such an answer must not be used.
    #[error("the issuer's profile is of another subject")]
    OtherSubject,
    #[error("the issuer names no user-info endpoint")]
    Unknown,
}
