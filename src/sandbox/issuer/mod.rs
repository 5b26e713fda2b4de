//! Auth0's stand-in: discovery, keys, sign-in and -out, tokens, profiles and administration of a few personas.
//!
//! Its issuer is its own origin with a trailing slash, as Auth0 writes it.

mod allowance;
mod bearer;
mod controls;
mod keys;
mod logout;
mod management;
mod pages;
mod personas;
mod refresh_tokens;
mod sessions;
mod sign_in;
mod token_endpoint;
mod tokens;
mod user_info;

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::{Host, Url};

pub use personas::PERSONAS;
pub use tokens::{MACHINE, MACHINE_SECRET};

use self::{
    allowance::Allowances, bearer::OpaqueTokens, keys::SigningKey, personas::Persona,
    refresh_tokens::RefreshTokens, sessions::Sessions, sign_in::Codes,
};
use super::service::{Service, lock};

/// What the issuer issues for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// 0 chooses a free port.
    pub port: u16,
    /// Identifier of the API.
    pub audience: String,
    /// Claim that lists role names.
    pub roles_claim: String,
}

struct Issuer {
    settings: Settings,
    /// The `iss` of its tokens.
    name: String,
    state: Mutex<Tenant>,
}

/// What changes.
struct Tenant {
    current: SigningKey,
    next: SigningKey,
    previous: Option<SigningKey>,
    /// Never published.
    foreign: SigningKey,
    /// Nobody comes back who was removed.
    personas: Vec<Persona>,
    /// Names of the roles that exist, whether somebody has them or not.
    roles: BTreeSet<String>,
    codes: Codes,
    sessions: Sessions,
    refresh_tokens: RefreshTokens,
    opaque_tokens: OpaqueTokens,
    allowances: Allowances,
}

/// Starts the issuer with new keys.
///
/// # Errors
/// The port is taken.
pub async fn start(settings: Settings) -> io::Result<Service> {
    let keys = tokio::task::spawn_blocking(SigningKey::first).await;
    let [current, next, foreign] = keys.map_err(io::Error::other)?;
    let personas = Persona::all();
    let roles = personas.iter().flat_map(|persona| persona.roles.clone()).collect();
    Service::start(settings.port, |origin| {
        let state = Mutex::new(Tenant {
            current,
            next,
            previous: None,
            foreign,
            personas,
            roles,
            codes: Codes::default(),
            sessions: Sessions::default(),
            refresh_tokens: RefreshTokens::default(),
            opaque_tokens: OpaqueTokens::default(),
            allowances: Allowances::default(),
        });
        router(Arc::new(Issuer { settings, name: format!("{origin}/"), state }))
    })
    .await
}

impl Issuer {
    fn state(&self) -> MutexGuard<'_, Tenant> {
        lock(&self.state)
    }

    fn persona(&self, name: &str) -> Option<Persona> {
        self.state().personas.iter().find(|persona| persona.name == name).cloned()
    }

    /// Whoever is signed in where the request came from.
    fn signed_in(&self, headers: &HeaderMap) -> Option<Persona> {
        let name = self.state().sessions.persona(headers)?.to_owned();
        self.persona(&name)
    }

    fn current_key(&self) -> SigningKey {
        self.state().current.clone()
    }
}

impl Tenant {
    fn published_keys(&self) -> impl Iterator<Item = &SigningKey> {
        [Some(&self.current), Some(&self.next), self.previous.as_ref()].into_iter().flatten()
    }
}

fn router(issuer: Arc<Issuer>) -> Router {
    let auth0_client = HeaderName::from_static("auth0-client");
    let dpop = HeaderName::from_static("dpop");
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin, _| is_loopback(origin)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, auth0_client, dpop]);
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/oauth-authorization-server", get(discovery))
        .route("/.well-known/jwks.json", get(jwks))
        .merge(sign_in::routes())
        .merge(logout::routes())
        .merge(token_endpoint::routes())
        .merge(user_info::routes())
        .merge(management::routes())
        .merge(controls::routes())
        .layer(cors)
        .with_state(issuer)
}

fn is_loopback(origin: &HeaderValue) -> bool {
    origin.to_str().ok().and_then(|text| Url::parse(text).ok()).is_some_and(|url| on_loopback(&url))
}

/// Whether `url` leads to this machine.
fn on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// How long what is published may be kept.
const CACHING: [(HeaderName, &str); 1] =
    [(header::CACHE_CONTROL, "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400")];

async fn discovery(State(issuer): State<Arc<Issuer>>) -> impl IntoResponse {
    let at = |path: &str| format!("{}{path}", issuer.name);
    let document = json!({
        "issuer": issuer.name,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("oauth/token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at(".well-known/jwks.json"),
        "revocation_endpoint": at("oauth/revoke"),
        "end_session_endpoint": at("oidc/logout"),
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "web_message"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    });
    (CACHING, Json(document))
}

async fn jwks(State(issuer): State<Arc<Issuer>>) -> impl IntoResponse {
    let keys: Vec<Value> = issuer.state().published_keys().map(SigningKey::jwk).collect();
    (CACHING, Json(json!({"keys": keys})))
}
