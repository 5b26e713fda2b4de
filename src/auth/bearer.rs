//! The `Authorization` header (RFC 6750, section 2.1), and its value where a client cannot send headers. Tokens in
//! the query string or in a form are not looked at.

use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};

use super::{AuthError, Reason};

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token as it was presented, verified or not. It prints as a redaction.
#[derive(Debug, Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// # Errors
    /// [`Reason::Malformed`] when it is longer than [`MAX_TOKEN_BYTES`].
    pub fn new(token: &str) -> Result<Self, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Invalid(Reason::Malformed));
        }
        Ok(Self(token.to_owned().into()))
    }

    /// The token of an `Authorization` value: Bearer, a space, the token.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_authorization(value: &str) -> Result<Self, AuthError> {
        let malformed =
            AuthError::BadRequest("Send the Authorization header as: Bearer, a space, the access token.");
        let Some((scheme, token)) = value.split_once(' ') else { return Err(malformed) };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(AuthError::BadRequest("Only the Bearer scheme is supported."));
        }
        // `b64token` of RFC 6750: a comma or a second word would be a second credential.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if token.is_empty() || !token.bytes().all(is_token) {
            return Err(malformed);
        }
        Self::new(token)
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Both come from the same client, so it learns nothing from the time that this takes.
impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// The token of a request; `None` when it presents no credentials at all.
///
/// # Errors
/// Anything but one header with the Bearer scheme and one token.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<AccessToken>, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(AuthError::BadRequest("Send one Authorization header, not several."));
    }
    // What is no text has no space, and is malformed like any other value without one.
    AccessToken::from_authorization(value.to_str().unwrap_or_default()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn no_header_is_no_credential() {
        assert!(token(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c"] {
            assert_eq!(token(&headers(&[value])).unwrap().unwrap().expose(), "a.b.c");
        }
    }

    #[test]
    fn whatever_is_ambiguous_is_refused() {
        let ambiguous: [&[&'static str]; 9] = [
            &["Bearer a.b.c", "Bearer d.e.f"],
            &["Bearer a.b.c, Bearer d.e.f"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer  a.b.c"],
            &["Bearer a.b.c "],
            &["Bearer \"a.b.c\""],
            &["Basic YTpi"],
            &[""],
        ];
        for values in ambiguous {
            assert!(matches!(token(&headers(values)), Err(AuthError::BadRequest(_))), "{values:?}");
        }
    }

    #[test]
    fn an_overlong_token_is_not_looked_at() {
        let value = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES + 1));
        let headers: HeaderMap = [(AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
        assert_eq!(token(&headers).unwrap_err(), AuthError::Invalid(Reason::Malformed));
    }

    #[test]
    fn a_token_prints_as_a_redaction() {
        let printed = format!("{:?}", AccessToken::new("secret.of.mine").unwrap());
        assert!(!printed.contains("secret.of.mine"), "{printed}");
    }
}
