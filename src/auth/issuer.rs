//! What the issuer publishes, fetched over HTTP: discovery document, key set, profiles. Bounded in time and size,
//! without redirects, and only from the configured issuer's own origin.

use std::{iter, net::IpAddr, time::Duration};

use reqwest::{Client, header::CONTENT_LENGTH};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::{
    AccessToken, Config, ConfigError, Profile, UserInfoError,
    keys::{KeySet, Keys},
};

/// Longest wait for an answer of the issuer, and for its keys however many answers they take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The issuer over HTTP.
#[derive(Debug)]
pub(super) struct Issuer {
    client: Client,
    base: Url,
    /// As the `iss` of tokens has it.
    name: String,
    discovery: OnceCell<Discovery>,
}

/// The part of the discovery document that we use (OpenID Connect Discovery, section 3).
#[derive(Debug, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
}

/// Why the issuer's documents cannot be used. Texts repeat nothing of them.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the issuer did not answer")]
    Unreachable(#[source] reqwest::Error),
    #[error("the issuer did not answer within {TIMEOUT:?}")]
    TimedOut,
    #[error("the issuer answered {0}")]
    Rejected(reqwest::StatusCode),
    #[error("the issuer's answer is too large")]
    TooLarge,
    #[error("the issuer's answer cannot be read")]
    Malformed(#[source] serde_json::Error),
    #[error("the discovery document is of another issuer")]
    OtherIssuer,
    #[error("the discovery document points to another origin")]
    OtherOrigin,
    #[error("the key set has no usable key")]
    NoKeys,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
}

impl Issuer {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let issuer = Url::parse(&config.issuer).map_err(|_| ConfigError::Issuer)?;
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(issuer.scheme() == "https");
        if is_loopback(&issuer) {
            // A proxy for the outside world does not reach this machine's loopback.
            builder = builder.no_proxy();
        }
        if issuer.scheme() == "http" {
            // There is nothing to verify, so the certificates of the system need not be read.
            builder = builder.tls_certs_only(iter::empty());
        }
        if let Some(file) = &config.ca_file {
            let pem = std::fs::read(file).map_err(ConfigError::CaFile)?;
            let certificate = reqwest::Certificate::from_pem(&pem).map_err(ConfigError::Client)?;
            builder = builder.add_root_certificate(certificate);
        }
        let client = builder.build().map_err(ConfigError::Client)?;
        Ok(Self { client, base: issuer, name: config.issuer.clone(), discovery: OnceCell::new() })
    }

    /// The keys that verify this issuer's tokens; never an empty set.
    pub(super) async fn keys(&self) -> Result<Keys, FetchError> {
        tokio::time::timeout(TIMEOUT, self.fetch_keys()).await.unwrap_or(Err(FetchError::TimedOut))
    }

    async fn fetch_keys(&self) -> Result<Keys, FetchError> {
        let keys = self.key_set().await?.usable();
        if keys.is_empty() { Err(FetchError::NoKeys) } else { Ok(keys) }
    }

    /// Everything that is published as a key.
    pub(super) async fn key_set(&self) -> Result<KeySet, FetchError> {
        let jwks_uri = self.discovery().await?.jwks_uri.clone();
        self.get(jwks_uri).await
    }

    /// The profile of `subject`, told to the bearer of `token` (OpenID Connect Core, section 5.3).
    pub(super) async fn user_info(
        &self,
        token: &AccessToken,
        subject: &str,
    ) -> Result<Profile, UserInfoError> {
        let discovery = self.discovery().await.map_err(|_| UserInfoError::Unknown)?;
        let endpoint = discovery.userinfo_endpoint.clone().ok_or(UserInfoError::Unknown)?;
        let request = self.client.get(endpoint).bearer_auth(token.expose());
        let response = request.send().await.map_err(UserInfoError::Unreachable)?;
        if !response.status().is_success() {
            return Err(UserInfoError::Rejected(response.status()));
        }
        let body = body(response).await.map_err(|_| UserInfoError::Malformed)?;
        let told: UserInfo = serde_json::from_slice(&body).map_err(|_| UserInfoError::Malformed)?;
        if told.sub != subject {
            return Err(UserInfoError::OtherSubject);
        }
        Ok(Profile { email: told.email, email_verified: told.email_verified, name: told.name })
    }

    pub(super) async fn discovery(&self) -> Result<&Discovery, FetchError> {
        let fetch = async {
            let url =
                self.base.join(".well-known/openid-configuration").map_err(|_| FetchError::OtherOrigin)?;
            let document: Discovery = self.get(url).await?;
            let ours = |url: &Url| url.origin() == self.base.origin();
            if document.issuer != self.name {
                Err(FetchError::OtherIssuer)
            } else if ours(&document.jwks_uri) && document.userinfo_endpoint.as_ref().is_none_or(ours) {
                Ok(document)
            } else {
                Err(FetchError::OtherOrigin)
            }
        };
        self.discovery.get_or_try_init(|| fetch).await
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, FetchError> {
        let response = self.client.get(url).send().await.map_err(FetchError::Unreachable)?;
        if !response.status().is_success() {
            return Err(FetchError::Rejected(response.status()));
        }
        serde_json::from_slice(&body(response).await?).map_err(FetchError::Malformed)
    }
}

/// Reads a body up to [`MAX_ANSWER_BYTES`].
async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, FetchError> {
    let announced =
        response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_ANSWER_BYTES) {
        return Err(FetchError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(FetchError::Unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}
