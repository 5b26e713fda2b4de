//! Why Permit gave no usable answer. For a decision every variant means: refuse.
//!
//! Texts carry no key, token, user or URL, and nothing that Permit sent: they may be logged as they are.

use std::{sync::Arc, time::Duration};

use reqwest::StatusCode;

/// Why there is no answer. Cheap to clone: one failed call answers many checks.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PermitError {
    /// The answer was not complete in time.
    #[error("Permit did not answer within {timeout:?}")]
    TimedOut {
        /// What we waited, connecting and retrying included.
        timeout: Duration,
    },
    /// Status 429.
    #[error("Permit asks for fewer requests")]
    RateLimited {
        /// How long Permit wants to be left alone, at most an hour; `None` if it did not say.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke before an answer began.
    #[error("Permit is unreachable")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// An answer came and cannot be used.
    #[error("Permit's answer {0}")]
    BadAnswer(Flaw),
    /// A bulk answer with too few or too many decisions: none of them can be matched to its check.
    #[error("the PDP gave {got} decisions on {asked} checks")]
    Incomplete {
        /// Checks sent.
        asked: usize,
        /// Decisions received.
        got: usize,
    },
    /// A status that is neither success nor covered by another variant. Redirects are not followed.
    #[error("Permit answered {status}{}", advice(*status))]
    Rejected {
        /// As received.
        status: StatusCode,
    },
    /// The REST API holds something else under this name: for a user, another user has the e-mail address.
    #[error("Permit holds a conflicting object")]
    Conflict,
    /// The REST API does not know the user or tenant that the call is about.
    #[error("Permit does not know the object")]
    NotFound,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not JSON, or JSON of another shape: a missing or non-boolean `allow` is one of these.
    #[error("is not what the protocol says")]
    Malformed,
    /// The connection ended in mid-body.
    #[error("was cut off")]
    Truncated,
    /// Longer than we are willing to hold in memory.
    #[error("is too large")]
    TooLarge,
    /// The API key opens an organization or a project; facts need the key of an environment.
    #[error("says that the API key does not belong to an environment")]
    NotAnEnvironmentKey,
}

/// The four causes that a client of ours can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing in time.
    Timeout,
    /// Too many requests.
    RateLimited,
    /// Nobody there.
    Unreachable,
    /// An answer without meaning.
    BadAnswer,
}

impl Cause {
    /// As in `extensions.cause` and in the metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "TIMEOUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unreachable => "UNREACHABLE",
            Self::BadAnswer => "BAD_ANSWER",
        }
    }
}

impl PermitError {
    /// What kind of trouble this is.
    pub const fn cause(&self) -> Cause {
        match self {
            Self::TimedOut { .. } => Cause::Timeout,
            Self::RateLimited { .. } => Cause::RateLimited,
            Self::Unreachable(_) => Cause::Unreachable,
            Self::BadAnswer(_)
            | Self::Incomplete { .. }
            | Self::Rejected { .. }
            | Self::Conflict
            | Self::NotFound => Cause::BadAnswer,
        }
    }

    /// How long to wait before asking again, if Permit said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }
}

impl From<Flaw> for PermitError {
    fn from(flaw: Flaw) -> Self {
        Self::BadAnswer(flaw)
    }
}

/// What the operator should look at, for the statuses that speak about set-up.
const fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => ": it does not accept the API key",
        404 => ": is its address right?",
        300..=399 => ": redirects are not followed, set the final address",
        501 => ": this PDP cannot evaluate the policy, the hosted one knows roles only",
        _ => "",
    }
}

/// Why a client could not be built. The settings are wrong, not Permit.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The key holds characters that no header can carry.
    #[error("the Permit API key cannot be sent in a header")]
    ApiKey,
    /// Neither `http` nor `https`.
    #[error("Permit's address must begin with http:// or https://")]
    Scheme,
    /// The TLS library or its certificates.
    #[error("cannot build the HTTP client for Permit")]
    Client(#[source] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_one_of_the_four_causes() {
        let limited = PermitError::RateLimited { retry_after: Some(Duration::from_secs(3)) };
        assert_eq!(limited.cause().code(), "RATE_LIMITED");
        assert_eq!(limited.retry_after(), Some(Duration::from_secs(3)));

        let late = PermitError::TimedOut { timeout: Duration::from_secs(2) };
        assert_eq!((late.cause().code(), late.retry_after()), ("TIMEOUT", None));

        let short = PermitError::Incomplete { asked: 2, got: 1 };
        assert_eq!(short.cause().code(), "BAD_ANSWER");
    }

    #[test]
    fn the_text_says_what_to_look_at() {
        let text = |status| PermitError::Rejected { status }.to_string();

        assert_eq!(text(StatusCode::INTERNAL_SERVER_ERROR), "Permit answered 500 Internal Server Error");
        assert!(text(StatusCode::UNAUTHORIZED).ends_with("it does not accept the API key"));
        assert!(text(StatusCode::NOT_IMPLEMENTED).contains("cannot evaluate the policy"));
        assert_eq!(PermitError::from(Flaw::Truncated).to_string(), "Permit's answer was cut off");
    }
}
