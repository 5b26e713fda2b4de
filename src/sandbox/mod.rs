//! Stand-ins for Auth0 and Permit on loopback, with the real wire formats.
//!
//! They import neither `auth` nor `permit` on purpose: they state the wire formats a second time, so that a
//! misspelt field breaks a test instead of agreeing with itself.

mod faults;
pub mod permit;
mod service;

pub use service::{Counts, Service};
