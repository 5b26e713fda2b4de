//! Why Auth0 did not confirm a call.
//!
//! Texts carry no user, token or URL, and nothing that Auth0 sent: they may be logged as they are.

use std::{io, sync::Arc, time::Duration};

use reqwest::StatusCode;

/// Why it is not known that the call took effect. Cheap to clone: one failed token fetch answers all who wait for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AdminError {
    /// The answer was not complete in time.
    #[error("Auth0 did not answer within {timeout:?}")]
    TimedOut {
        /// What we waited, the token included.
        timeout: Duration,
    },
    /// Status 429.
    #[error("Auth0 asks for fewer requests")]
    RateLimited {
        /// How long Auth0 wants to be left alone, at most an hour; `None` if it did not say.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke before an answer began.
    #[error("Auth0 is unreachable")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// Status 401 or 403: repeating it without another setting is in vain.
    #[error("Auth0 does not admit us: {0}")]
    Unauthorized(Denied),
    /// A status that is neither success nor covered by another variant. Redirects are not followed.
    #[error("Auth0 answered {status}")]
    Rejected {
        /// As received.
        status: StatusCode,
    },
    /// An answer came and cannot be used.
    #[error("Auth0's answer {0}")]
    BadAnswer(Flaw),
}

/// What an operator has to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token endpoint does not know the application, or not with this secret.
    #[error("client id or secret are wrong")]
    Credentials,
    /// The token endpoint knows the application, but not for this API.
    #[error("the application is not authorized for the Management API, or its audience is wrong")]
    Audience,
    /// The API refuses even a new token.
    #[error("the Management API does not accept the tokens of this issuer and audience")]
    Token,
    /// The API wants a scope that the application was not given.
    #[error("the application lacks the scope delete:users")]
    Scope,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not what the protocol says.
    #[error("is not what the protocol says")]
    Malformed,
    /// The connection ended in mid-body.
    #[error("was cut off")]
    Truncated,
    /// Longer than we are willing to hold in memory.
    #[error("is too large")]
    TooLarge,
}

impl AdminError {
    /// What kind of trouble this is, as shown to operators and in the metric.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "TIMEOUT",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::Unreachable(_) => "UNREACHABLE",
            Self::Unauthorized(_) => "UNAUTHORIZED",
            Self::Rejected { .. } | Self::BadAnswer(_) => "BAD_ANSWER",
        }
    }

    /// How long to wait before asking again, if Auth0 said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }
}

impl From<Flaw> for AdminError {
    fn from(flaw: Flaw) -> Self {
        Self::BadAnswer(flaw)
    }
}

/// Counts a call under its outcome.
pub(super) fn count<T>(call: &'static str, result: &Result<T, AdminError>) {
    let outcome = result.as_ref().map_or_else(AdminError::cause, |_| "OK");
    metrics::counter!("auth0_admin_requests_total", "call" => call, "outcome" => outcome).increment(1);
}

/// Why a client could not be built. The settings are wrong, not Auth0.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither `http` nor `https`.
    #[error("Auth0's address must begin with http:// or https://")]
    Scheme,
    /// The certificate file cannot be read.
    #[error("the certificate file for Auth0 cannot be read")]
    CaFile(#[source] io::Error),
    /// The certificate, or the TLS library.
    #[error("cannot build the HTTP client for Auth0")]
    Client(#[source] reqwest::Error),
}
