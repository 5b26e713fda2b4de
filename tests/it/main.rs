//! The API as its users see it: real HTTP, real tokens, a real database, and the sandbox behind it.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod support;

mod architecture;
mod authorization_code;
mod batching;
mod connections;
mod http_contract;
mod malformed;
mod outages;
mod paths;
mod permissions;
mod sandbox_safety;
mod schema;
mod signing_in;
mod store;
mod story;
mod tasks;
mod users;
