//! taskgate: a GraphQL task API with Auth0 and Permit.io in front of its schema.

pub mod permit;
pub mod store;

#[cfg(feature = "sandbox")]
pub mod sandbox;
