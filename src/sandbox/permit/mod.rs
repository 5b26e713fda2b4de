//! Permit's stand-in: the REST API and the PDP over one state in memory, in the wire formats of the real ones, so
//! that the official SDKs work against them.
//!
//! Facts and schema are named objects in tables ([`row`], [`collection`]); roles in a tenant decide, and rules on
//! attributes ([`decision`]). Instances of resources, roles on them and relations are not imitated, and the README says so.

mod assignments;
mod bulk_assignments;
mod collection;
mod condition;
mod condition_sets;
mod debug;
mod decision;
mod environment;
mod limits;
mod operator;
mod part_routes;
mod parts;
mod pdp;
mod policy;
mod proxy;
mod question;
mod refusal;
mod resources;
mod rest;
mod roles;
mod row;
mod set_rules;
mod store;
mod tenants;
mod users;
mod wire;

use std::{io, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    middleware,
    routing::{get, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::{collection::Shared, debug::Debugger, store::Store};
use super::Service;

/// The key of the sandbox's environment, for both services.
pub const API_KEY: &str = "permit_key_sandbox";

/// Where the two services listen; 0 chooses a free port.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub api_port: u16,
    pub pdp_port: u16,
}

/// Permit: the REST API and the PDP.
#[derive(Debug)]
pub struct Permit {
    pub api: Service,
    pub pdp: Service,
}

/// Starts both services over a fresh environment.
///
/// # Errors
/// A port is taken.
pub async fn start(settings: Settings) -> io::Result<Permit> {
    let store = Arc::new(Store::new(policy::initial()));
    let api = Service::start(settings.api_port, |_| rest::router(&store)).await?;
    let pdp = Service::start(settings.pdp_port, |_| pdp_router(&store)).await?;
    Ok(Permit { api, pdp })
}

fn pdp_router(store: &Arc<Store>) -> Router {
    let controls = Router::new()
        .route("/sandbox/checks", get(read_checks).delete(reset_checks))
        .route("/sandbox/propagation-delay", put(set_delay))
        .route("/sandbox/facts-proxy", put(set_proxy))
        .route("/sandbox/debug", put(set_debug))
        .route("/sandbox/attribute-rules", put(set_attribute_rules));
    pdp::routes()
        .merge(proxy::routes(store))
        .fallback(rest::unknown)
        .layer(middleware::from_fn(pdp::authorize))
        .merge(pdp::open_routes())
        .merge(controls)
        .with_state(store.clone())
}

#[derive(Debug, Deserialize)]
struct Delay {
    ms: u64,
}

async fn read_checks(State(store): Shared) -> Json<Value> {
    Json(json!({"checks": store.checks()}))
}

async fn reset_checks(State(store): Shared) -> StatusCode {
    store.reset_checks();
    StatusCode::NO_CONTENT
}

async fn set_delay(State(store): Shared, Json(delay): Json<Delay>) -> StatusCode {
    store.set_delay(Duration::from_millis(delay.ms));
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
struct Switch {
    enabled: bool,
}

async fn set_proxy(State(store): Shared, Json(proxy): Json<Switch>) -> StatusCode {
    store.set_proxy(proxy.enabled);
    StatusCode::NO_CONTENT
}

async fn set_debug(State(store): Shared, Json(debugger): Json<Debugger>) -> StatusCode {
    store.set_debugger(debugger);
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
struct AttributeRules {
    supported: bool,
}

async fn set_attribute_rules(State(store): Shared, Json(rules): Json<AttributeRules>) -> StatusCode {
    store.set_attribute_rules(rules.supported);
    StatusCode::NO_CONTENT
}
