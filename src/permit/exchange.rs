//! One request and its whole answer, with everything bounded: time, size, retries, redirects.
//!
//! Used by both clients. An answer is what came with a 2xx status and arrived complete; anything else is a
//! [`PermitError`]. Statuses that are good news to some calls (404, 409) are sorted out by those calls.

use std::{iter, sync::Arc, time::Duration};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect,
};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::{Config, Flaw, PermitError, SetupError, retry_after};

/// Longest answer we hold in memory. A full bulk answer with `debug` in it is about 1 MiB.
pub(super) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Idle connections are closed before load balancers (60 s) and proxies close them under a request.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// A connection pool to one of Permit's addresses.
#[derive(Debug)]
pub(super) struct Exchange {
    client: reqwest::Client,
    base: Url,
}

/// A complete answer with a 2xx status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON of one shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, PermitError> {
        serde_json::from_slice(&self.body).map_err(|_| Flaw::Malformed.into())
    }
}

/// How a call ended, and how many requests it took: two after a retry.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) result: Result<Answer, PermitError>,
    pub(super) requests: u32,
}

impl Exchange {
    pub(super) fn new(base: &Url, config: &Config) -> Result<Self, SetupError> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(SetupError::Scheme);
        }
        let bearer = format!("Bearer {}", config.api_key.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| SetupError::ApiKey)?;
        bearer.set_sensitive(true);
        let mut client = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(POOL_IDLE)
            // The address is a setting. Following somebody else's would hand them the API key.
            .redirect(redirect::Policy::none());
        if is_loopback(base) {
            // A proxy set for the internet must not see, nor break, the call to a PDP on this machine.
            client = client.no_proxy();
        }
        if base.scheme() == "http" {
            // There is nothing to verify, and reading the certificates of the system takes longer than all of the start.
            client = client.tls_certs_only(iter::empty());
        }
        Ok(Self { client: client.build().map_err(SetupError::Client)?, base: base.clone() })
    }

    /// A request to `path`, which begins with `/`, below the configured address. Segments are encoded already; a
    /// query may follow.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url.set_fragment(None);
        self.client.request(method, url)
    }

    /// Sends and reads within `timeout`, retry included.
    pub(super) async fn send(&self, request: RequestBuilder, timeout: Duration) -> Outcome {
        let mut requests = 0;
        let attempt = tokio::time::timeout(timeout, self.answer(request, &mut requests)).await;
        let result = attempt.unwrap_or(Err(PermitError::TimedOut { timeout }));
        Outcome { result, requests }
    }

    async fn answer(&self, request: RequestBuilder, requests: &mut u32) -> Result<Answer, PermitError> {
        let request = request.build().map_err(unreachable)?;
        let again = request.try_clone();
        *requests += 1;
        let response = match (self.client.execute(request).await, again) {
            // Nothing was sent yet, so this is safe for writes too. Once, at once: a restarted server has a new
            // socket, and whoever is still away is away for longer than any pause that fits the time-out.
            (Err(error), Some(again)) if error.is_connect() => {
                *requests += 1;
                self.client.execute(again).await
            }
            (result, _) => result,
        };
        read(response.map_err(unreachable)?).await
    }
}

async fn read(response: Response) -> Result<Answer, PermitError> {
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(PermitError::RateLimited { retry_after: retry_after::of(response.headers()) });
    }
    if !status.is_success() {
        return Err(PermitError::Rejected { status });
    }
    Ok(Answer { status, body: read_body(response).await? })
}

/// Counts what really arrives: the announced length may be absent.
async fn read_body(mut response: Response) -> Result<Vec<u8>, PermitError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Flaw::Truncated)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Flaw::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The URL is taken out: it holds user keys, and errors are logged.
fn unreachable(error: reqwest::Error) -> PermitError {
    PermitError::Unreachable(Arc::new(error.without_url()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(base: &str, key: &str) -> Result<Exchange, SetupError> {
        let base: Url = base.parse().unwrap();
        Exchange::new(&base, &Config::new(base.clone(), base.clone(), key.into()))
    }

    #[test]
    fn paths_go_below_the_configured_address() {
        let url = |base, path| {
            let request = exchange(base, "key").unwrap().request(Method::GET, path).build().unwrap();
            request.url().to_string()
        };
        assert_eq!(url("http://pdp:7766", "/allowed"), "http://pdp:7766/allowed");
        assert_eq!(url("https://edge.example/pdp/?x=1#y", "/allowed"), "https://edge.example/pdp/allowed");
        assert_eq!(url("http://api", "/users/a%7Cb%40c%2F"), "http://api/users/a%7Cb%40c%2F");
        assert_eq!(url("http://api", "/roles?page=1&per_page=9"), "http://api/roles?page=1&per_page=9");
    }

    #[test]
    fn settings_that_cannot_work_are_refused_at_once() {
        assert!(matches!(exchange("ftp://pdp", "key"), Err(SetupError::Scheme)));
        assert!(matches!(exchange("http://pdp", "line\nbreak"), Err(SetupError::ApiKey)));
    }

    #[test]
    fn the_api_key_is_not_in_the_debug_output() {
        let exchange = exchange("http://pdp", "permit_key_hush").unwrap();
        let request = exchange.request(Method::GET, "/").build().unwrap();

        assert!(!format!("{exchange:?} {request:?}").contains("hush"));
    }

    #[test]
    fn this_machine_is_loopback_under_all_its_names() {
        for near in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost", "http://pdp.localhost"] {
            assert!(is_loopback(&near.parse().unwrap()), "{near}");
        }
        assert!(!is_loopback(&"http://localhost.example".parse().unwrap()));
    }
}
