//! taskgate: a GraphQL task API with Auth0 and Permit.io in front of its schema.

pub mod permit;
#[cfg(feature = "sandbox")]
pub mod sandbox;
