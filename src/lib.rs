//! taskgate: a GraphQL task API with Auth0 and Permit.io in front of its schema.

pub mod auth;
pub mod graphql;
pub mod permit;
pub mod store;
pub mod sync;

#[cfg(feature = "sandbox")]
pub mod sandbox;
