//! taskgate: a GraphQL task API with Auth0 (who is asking) and Permit.io (may they) in front of its schema.
//!
//! The path of one request:
//!
//! 1. [`http`]: connection limits, request id, media type, method. A WebSocket does this once, at its handshake; its
//!    operations take the rest of the path one by one, and so do the events of a subscription from step 4 on.
//! 2. [`auth`]: bearer token → verified subject and tenant. A bad token stops here; no token is anonymous. Whoever was not
//!    verified before is charged to their address first ([`rate_limit`]).
//! 3. [`http`]: parameters, which document is meant and whether it is trusted, document limits, one parse, what the
//!    operation costs, which the sender pays.
//! 4. [`graphql`]: validation and variables; the guard reads each field's rule and asks the operation's decisions.
//! 5. [`permit`]: whatever is pending together, and what the document tells that fields below will ask, goes to the PDP as
//!    one bulk call. No answer is never an allow.
//! 6. [`graphql`] resolvers → [`store`] (rows of the caller's tenant) and [`sync`] (users and roles at Permit).
//! 7. Errors are mapped once, and every answer carries a receipt.
//!
//! What a request changes is told on: [`store`] → [`events`] → the subscriptions of [`graphql`], which decide each event
//! once more for everybody who would hear of it. Beside the requests, [`policy`] compares the policy file with what
//! Permit holds.
//!
//! [`commands`] is what the program can be told to do, serving among it. [`app`] puts the parts together, [`config`]
//! alone reads the environment, [`telemetry`] sets up logs, metrics and traces, [`audit`] keeps the log of decisions,
//! [`trace`] says of which trace a request is a part, [`auth0_admin`] removes accounts at Auth0, `sandbox` stands in for
//! Auth0 and Permit behind their URLs. `tests/it/architecture.rs` holds the table of who may import whom.

// The futures of a list hold those of its rows, their objects and their fields.
#![recursion_limit = "256"]

pub mod app;
pub mod audit;
pub mod auth;
pub mod auth0_admin;
pub mod commands;
pub mod config;
pub mod events;
pub mod graphql;
pub mod http;
pub mod permit;
pub mod policy;
pub mod rate_limit;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod trace;

#[cfg(feature = "sandbox")]
pub mod sandbox;

#[cfg(test)]
mod fuzz;
