//! Accounts at Auth0: a client of its Management API, for the one thing that a removal needs. Knows nothing of ours.
//!
//! Calls are idempotent in effect, so callers may repeat any of them after a failure: removing nobody is success.
//! A call answers within the configured time, the wait for a token included. What happened is known only from a
//! status that the protocol gives it; everything else is an [`AdminError`].
//!
//! The machine's own token is opaque to us. It is kept until a minute before its end, fetched once however many
//! wait for it, and replaced once if the API refuses it: Auth0 counts and bills machine tokens.
//!
//! Removing an account does not end the tokens it was given: they verify until they expire. Sources:
//! <https://auth0.com/docs/api/management/v2/users/delete-users-by-id>,
//! <https://auth0.com/docs/secure/tokens/access-tokens/management-api-access-tokens>. Metric:
//! `auth0_admin_requests_total{call,outcome}`.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use reqwest::{Method, Response, StatusCode, header::AUTHORIZATION};
use secrecy::SecretString;
use url::Url;

mod error;
mod exchange;
mod token;
mod wait;

#[cfg(test)]
mod tests;

pub use error::{AdminError, ConfigError, Denied, Flaw};

use self::{
    exchange::Exchange,
    token::{Token, Tokens},
};

/// Where the tenant is and who we are there. Validated by whoever reads the settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer of the tenant's tokens, with its trailing slash. `https`, or loopback in development.
    pub issuer: Url,
    /// Identifier of the Management API (`AUTH0_MGMT_AUDIENCE`, default `{issuer}api/v2/`). Behind a custom domain
    /// it is still that of the tenant's own domain.
    pub audience: String,
    /// A machine-to-machine application with the scope `delete:users` (`AUTH0_MGMT_CLIENT_ID`).
    pub client_id: String,
    /// Never logged (`AUTH0_MGMT_CLIENT_SECRET`).
    pub client_secret: SecretString,
    /// A further root certificate, PEM (`AUTH0_CA_FILE`).
    pub ca_file: Option<PathBuf>,
    /// Longest wait for a call, its token and its repetition included.
    pub timeout: Duration,
}

impl Config {
    /// The usual audience, no further certificate, and five seconds.
    pub fn new(issuer: Url, client_id: String, client_secret: SecretString) -> Self {
        Self {
            audience: format!("{issuer}api/v2/"),
            issuer,
            client_id,
            client_secret,
            ca_file: None,
            timeout: Duration::from_secs(5),
        }
    }
}

/// The client of the Management API. Clones share connections and the token.
#[derive(Debug, Clone)]
pub struct Admin {
    exchange: Exchange,
    tokens: Tokens,
}

impl Admin {
    /// Connects lazily.
    ///
    /// # Errors
    /// The address or the certificate file cannot be used at all.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let exchange = Exchange::new(config)?;
        Ok(Self { tokens: Tokens::new(exchange.clone(), config), exchange })
    }

    /// Removes the account whose tokens have this `sub`. Nobody to remove is success: Auth0 answers alike.
    ///
    /// # Errors
    /// Auth0 did not say that the account is gone.
    pub async fn delete_user(&self, subject: &str) -> Result<(), AdminError> {
        // These would address the collection of all users, or what is above it. No account has such an id.
        if matches!(subject, "" | "." | "..") {
            return Ok(());
        }
        let path = format!("/api/v2/users/{}", path_segment(subject));
        let result = self.exchange.in_time(self.delete(&path)).await;
        error::count("delete-user", &result);
        result
    }

    async fn delete(&self, path: &str) -> Result<(), AdminError> {
        match self.send(Method::DELETE, path).await?.status() {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            StatusCode::UNAUTHORIZED => Err(AdminError::Unauthorized(Denied::Token)),
            StatusCode::FORBIDDEN => Err(AdminError::Unauthorized(Denied::Scope)),
            // Somebody else answered: the account may still be there.
            status if status.is_success() => Err(Flaw::Malformed.into()),
            status => Err(AdminError::Rejected { status }),
        }
    }

    /// Sends with a token, and once more with a new one if it is refused: it may have been revoked.
    async fn send(&self, method: Method, path: &str) -> Result<Response, AdminError> {
        let token = self.tokens.usable(None).await?;
        let response = self.send_with(&token, method.clone(), path).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let token = self.tokens.usable(Some(&token)).await?;
        self.send_with(&token, method, path).await
    }

    async fn send_with(&self, token: &Token, method: Method, path: &str) -> Result<Response, AdminError> {
        let request = self.exchange.request(method, path).header(AUTHORIZATION, token.bearer());
        self.exchange.send(request).await
    }
}

/// Everything but RFC 3986's unreserved characters percent-encoded: ids contain `|`, and may contain `/` and `?`.
fn path_segment(id: &str) -> String {
    let mut segment = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}
