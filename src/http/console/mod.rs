//! The GraphiQL console: a page and its assets, all from this process. Nothing is fetched from another origin,
//! except a token when somebody chooses a persona of the sandbox.
//!
//! Third-party files are vendored compressed under `vendor/`, with name, version, hash and licence beside them.

use axum::{
    Extension, Router,
    extract::Path,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{RequestId, negotiation::MediaType, rejection::Rejection};

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    gzipped: bool,
    bytes: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const ASSETS: [Asset; 6] = [
    Asset {
        name: "react.js",
        kind: SCRIPT,
        gzipped: true,
        bytes: include_bytes!("vendor/react.production.min.js.gz"),
    },
    Asset {
        name: "react-dom.js",
        kind: SCRIPT,
        gzipped: true,
        bytes: include_bytes!("vendor/react-dom.production.min.js.gz"),
    },
    Asset {
        name: "graphiql.js",
        kind: SCRIPT,
        gzipped: true,
        bytes: include_bytes!("vendor/graphiql.min.js.gz"),
    },
    Asset {
        name: "graphiql.css",
        kind: STYLE,
        gzipped: true,
        bytes: include_bytes!("vendor/graphiql.min.css.gz"),
    },
    Asset { name: "console.js", kind: SCRIPT, gzipped: false, bytes: include_bytes!("console.js") },
    Asset { name: "console.css", kind: STYLE, gzipped: false, bytes: include_bytes!("console.css") },
];

/// The page, filled in once at start.
#[derive(Debug, Clone)]
pub(super) struct Console {
    html: &'static str,
    policy: HeaderValue,
}

impl Console {
    /// A page with a persona menu when `token_url` tells where personas get tokens.
    pub(super) fn new(token_url: Option<&Url>) -> Self {
        let mut html =
            include_str!("index.html").replace("{{token_url}}", &token_url.map_or_else(String::new, escaped));
        for asset in &ASSETS {
            html = html.replace(&format!("{{{{{}}}}}", asset.name), &asset.path());
        }
        let issuer =
            token_url.map_or_else(String::new, |url| format!(" {}", url.origin().ascii_serialization()));
        // 'self' is also the WebSocket of this origin (Content Security Policy Level 3, section 6.7.2.8).
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
             img-src 'self' data:; connect-src 'self'{issuer}; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        // One page for the life of the process.
        Self { html: html.leak(), policy }
    }
}

impl Asset {
    /// Names the content, so that a browser may keep it for ever.
    fn path(&self) -> String {
        format!("/console/{:.12}/{}", format!("{:x}", Sha256::digest(self.bytes)), self.name)
    }

    fn response(&self) -> Response {
        let mut response = ([(CONTENT_TYPE, self.kind)], self.bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        if self.gzipped {
            // Every browser that can run GraphiQL reads gzip.
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// The page at `/` and its assets.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(console: &Console) -> Router<S> {
    let console = console.clone();
    Router::new()
        .route("/", get(move || async move { page(&console) }))
        .route("/console/{hash}/{name}", get(asset))
}

/// The page itself; also what a browser sees at `GET /graphql`.
pub(super) fn page(console: &Console) -> Response {
    let mut response = Html(console.html).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, console.policy.clone());
    response
}

async fn asset(
    Path((hash, name)): Path<(String, String)>,
    Extension(RequestId(id)): Extension<RequestId>,
) -> Response {
    let path = format!("/console/{hash}/{name}");
    match ASSETS.iter().find(|asset| asset.path() == path) {
        Some(asset) => asset.response(),
        None => Rejection::not_found().into_response(MediaType::Json, &id),
    }
}

fn escaped(url: &Url) -> String {
    url.as_str().replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_token_origin_and_no_other() {
        let url = Url::parse("http://127.0.0.1:4001/sandbox/token").unwrap();
        let policy = Console::new(Some(&url)).policy;
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("connect-src 'self' http://127.0.0.1:4001;"), "{policy}");
        assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src 'self' '"), "{policy}");
        assert!(Console::new(None).policy.to_str().unwrap().contains("connect-src 'self';"));
    }

    #[test]
    fn a_token_url_cannot_break_out_of_its_attribute() {
        let url = Url::parse("http://127.0.0.1/?\"><script>alert(1)</script>&x").unwrap();
        assert!(!Console::new(Some(&url)).html.contains("<script>alert"));
    }

    #[test]
    fn no_placeholder_is_left_in_the_page() {
        assert!(!Console::new(None).html.contains("{{"));
    }
}
