//! The composition root: settings in, router out. The only place that knows every module.

use std::{path::PathBuf, sync::Arc};

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    audit::{self, Log},
    auth::{self, Authenticator},
    auth0_admin::{self, Admin},
    config::Config,
    events::Hub,
    graphql::{Api, ClientOperation, CoverageError, Services, TrustedDocuments, UntrustedFile},
    http,
    permit::{Facts, Pdp, SetupError},
    rate_limit::RateLimits,
    store::{PoolWatch, Relay, Store, StoreError},
    sync::{Sync, Worker},
};

/// Why the server cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the verifier of tokens cannot be built")]
    Auth(#[from] auth::ConfigError),
    #[error("the client of Auth0's Management API cannot be built")]
    Admin(#[from] auth0_admin::ConfigError),
    #[error("the clients of Permit cannot be built")]
    Permit(#[from] SetupError),
    #[error("the database cannot be opened")]
    Store(#[from] StoreError),
    #[error("the trusted documents of {} are not good: {}", .file.display(), .problems.join("; "))]
    Documents { file: PathBuf, problems: Vec<String> },
    #[error("the schema is not completely protected: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Coverage(Vec<CoverageError>),
}

/// What serves requests, and what works behind it.
#[derive(Debug)]
pub struct App {
    pub router: Router,
    /// Carries out the outbox; ends with this.
    pub worker: Worker,
    /// Writes the log of decisions; ends with this.
    pub log: audit::Writer,
    /// Hears other nodes; ends with this.
    pub relay: Relay,
    /// Measures the database's pool; ends with this.
    pub pool: PoolWatch,
    /// What the trusted documents need.
    pub trusted: Vec<ClientOperation>,
}

/// Connects to the database, brings its schema up to date and builds the router. Neither Auth0 nor Permit has to
/// be reachable: what needs them says so, and `/ready` does.
///
/// # Errors
/// See [`BuildError`].
pub async fn build(config: &Config, metrics: PrometheusHandle) -> Result<App, BuildError> {
    let mut trusted = trusted_documents(&config.http.documents).await?;
    let operations = std::mem::take(&mut trusted.operations);
    let authenticator = Authenticator::new(config.auth.clone())?;
    let pdp = Pdp::new(&config.permit)?;
    let facts = Facts::new(&config.permit)?;
    let store = Store::connect(&config.store).await?;
    let relay = store.relay().await?;
    let admin = config.auth0_admin.as_ref().map(Admin::new).transpose()?;
    let sync = Sync::new(store.clone(), facts.clone(), pdp.clone(), admin, config.sync);
    let hub = Hub::new(store.feed().clone());
    let (log, writer) = Log::start(store.clone(), config.audit);
    let pool = store.watch_pool();
    let services =
        Services { store, pdp, facts, sync: sync.clone(), hub, log, authenticator: authenticator.clone() };
    let api = Api::new(services, config.graphql).map_err(BuildError::Coverage)?;
    let rate_limits = Arc::new(RateLimits::new(config.rate_limit));
    let router = http::router(&config.http, api, authenticator, rate_limits, trusted, metrics);
    Ok(App { router, worker: sync.start(), log: writer, relay, pool, trusted: operations })
}

async fn trusted_documents(config: &http::DocumentsConfig) -> Result<TrustedDocuments, BuildError> {
    let Some(file) = &config.file else { return Ok(TrustedDocuments::default()) };
    let bad = |problems| BuildError::Documents { file: file.clone(), problems };
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| bad(vec![format!("cannot be read: {error}")]))?;
    TrustedDocuments::read(&text).await.map_err(|UntrustedFile(problems)| bad(problems))
}
