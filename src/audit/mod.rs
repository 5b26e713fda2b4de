//! What was decided, and why: the decision log. Knows the database, neither Permit nor GraphQL.

mod grounds;

pub use grounds::{Cause, Grounds};
