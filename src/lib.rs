//! taskgate: a GraphQL task API with Auth0 and Permit.io in front of its schema.

pub mod app;
pub mod auth;
pub mod commands;
pub mod config;
pub mod graphql;
pub mod http;
pub mod permit;
pub mod store;
pub mod sync;
pub mod telemetry;

#[cfg(feature = "sandbox")]
pub mod sandbox;
