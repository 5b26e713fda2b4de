//! Requests to the tenant, with everything bounded: time, size, redirects.

use std::{iter, sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::{AdminError, Config, ConfigError, Flaw, wait};

/// Largest answer that we hold in memory. A token with every scope of the API is about 6 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A connection pool to the tenant.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    client: Client,
    base: Url,
    timeout: Duration,
}

impl Exchange {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let base = config.issuer.clone();
        if !matches!(base.scheme(), "http" | "https") {
            return Err(ConfigError::Scheme);
        }
        let mut client = Client::builder()
            .connect_timeout(config.timeout)
            .https_only(base.scheme() == "https")
            // Following somebody else's address would hand them the token.
            .redirect(redirect::Policy::none());
        if is_loopback(&base) {
            // A proxy for the outside world does not reach this machine's loopback.
            client = client.no_proxy();
        }
        if base.scheme() == "http" {
            // There is nothing to verify, so the certificates of the system need not be read.
            client = client.tls_certs_only(iter::empty());
        }
        if let Some(file) = &config.ca_file {
            let pem = std::fs::read(file).map_err(ConfigError::CaFile)?;
            let certificate = reqwest::Certificate::from_pem(&pem).map_err(ConfigError::Client)?;
            client = client.add_root_certificate(certificate);
        }
        let client = client.build().map_err(ConfigError::Client)?;
        Ok(Self { client, base, timeout: config.timeout })
    }

    /// A request to `path`, which begins with `/` and is encoded already, below the issuer.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        self.client.request(method, url)
    }

    /// The beginning of an answer, whatever its status; 429 alone is an error to every call.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, AdminError> {
        // The URL is taken out: it holds the user, and errors are logged.
        let unreachable = |error: reqwest::Error| AdminError::Unreachable(Arc::new(error.without_url()));
        let response = request.send().await.map_err(unreachable)?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            return Err(AdminError::RateLimited { retry_after: wait::of(response.headers()) });
        }
        Ok(response)
    }

    /// What `call` comes to, or that it took too long.
    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, AdminError>>,
    ) -> Result<T, AdminError> {
        let timeout = self.timeout;
        tokio::time::timeout(timeout, call).await.unwrap_or(Err(AdminError::TimedOut { timeout }))
    }
}

/// A body as JSON of one shape. Counts what really arrives: the announced length may be absent.
pub(super) async fn json<T: DeserializeOwned>(mut response: Response) -> Result<T, AdminError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Flaw::Truncated)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Flaw::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| Flaw::Malformed.into())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
