//! What this server is; open to everybody, so that a client can tell "down" from "refused".

use async_graphql::{Object, SimpleObject};

use crate::graphql::authorization::{directives::public, guard::permitted};

/// What this server is.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ApiInfo {
    /// Name of the software.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// How callers are told apart: each organization of the identity provider is a tenant of its own, and callers
    /// without an organization share the tenant `default`.
    tenancy: &'static str,
}

#[derive(Default)]
pub(super) struct ApiInfoQuery;

#[Object(guard = permitted("Query"))]
impl ApiInfoQuery {
    /// What this server is. Anyone may ask, signed in or not.
    #[graphql(directive = public::apply())]
    async fn api_info(&self) -> ApiInfo {
        ApiInfo { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), tenancy: "organization" }
    }
}
