//! Why a socket is closed: the codes of graphql-transport-ws, and those of WebSocket itself (RFC 6455, section 7.4).
//!
//! Which code it is matters: graphql-ws connects again after 1001, 1013, 4403 and 4408, and gives up after 1002, 1009
//! and the other codes of 44xx.

use std::borrow::Cow;

use super::super::rejection::Rejection;

/// Longest reason of a close frame, in bytes.
const MAX_REASON: usize = 123;

/// A code and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    pub(super) const GOING_AWAY: Self = Self::new(1001, "Server is going away");
    pub(super) const PROTOCOL_ERROR: Self = Self::new(1002, "Not a WebSocket frame");
    pub(super) const NOT_UTF8: Self = Self::new(1007, "Not UTF-8");
    pub(super) const TOO_BIG: Self = Self::new(1009, "Message too big");
    /// The client is told to come back, and to ask for what it may have missed.
    pub(super) const SLOW: Self = Self::new(1013, "Slow consumer, refetch");
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    pub(super) const EXPIRED: Self = Self::new(4403, "Token expired");
    pub(super) const OTHER_SUBJECT: Self = Self::new(4403, "Token of another subject");
    pub(super) const SUBPROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable");
    pub(super) const NOT_INITIALISED: Self = Self::new(4408, "Connection initialisation timeout");
    pub(super) const SILENT: Self = Self::new(4408, "Keep-alive timeout");
    pub(super) const INITIALISED_TWICE: Self = Self::new(4429, "Too many initialisation requests");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// A message that the protocol does not have.
    pub(super) const fn invalid(problem: &'static str) -> Self {
        Self::new(4400, problem)
    }

    /// An id that is in use.
    pub(super) fn taken(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    /// As much of the reason as a close frame has room for.
    pub(super) fn reason(&self) -> &str {
        &self.reason[..self.reason.floor_char_boundary(MAX_REASON)]
    }
}

/// A token that is not accepted closes the socket. When it is us who cannot tell, or when
/// it is too much at the moment, the client may try again later.
impl From<&Rejection> for Close {
    fn from(rejection: &Rejection) -> Self {
        let code = if rejection.is_of_the_moment() {
            1013
        } else if rejection.is_about_the_sender() {
            4403
        } else {
            4400
        };
        Self { code, reason: rejection.line().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{AuthError, Reason},
        rate_limit::Exceeded,
    };

    #[test]
    fn a_reason_is_cut_between_characters() {
        let close = Close::taken(&"é".repeat(100));
        assert!(close.reason().len() <= MAX_REASON && close.reason().starts_with("Subscriber for éé"));
    }

    #[test]
    fn who_cannot_pay_for_the_verification_of_a_token_is_told_to_come_back() {
        let exceeded = Exceeded { bucket: "address", retry_after: std::time::Duration::from_secs(1) };
        assert_eq!(Close::from(&Rejection::from(exceeded)).code, 1013);
    }

    #[test]
    fn a_refused_token_is_told_by_its_reason() {
        for (error, code, reason) in [
            (AuthError::Invalid(Reason::Expired), 4403, "EXPIRED: The access token has expired"),
            (AuthError::Invalid(Reason::WrongAudience), 4403, "WRONG_AUDIENCE: "),
            (AuthError::TenantNotAllowed { tenant: "t".into() }, 4403, "TENANT_NOT_ALLOWED: "),
            (AuthError::BadRequest("Only Bearer."), 4400, "BAD_REQUEST: Only Bearer."),
            (AuthError::Unavailable { retry_after: std::time::Duration::ZERO }, 1013, "AUTHN_UNAVAILABLE: "),
        ] {
            let close = Close::from(&Rejection::from(error));
            assert_eq!(close.code, code);
            assert!(close.reason().starts_with(reason), "{close:?}");
        }
    }
}
