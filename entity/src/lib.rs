//! Storage shapes, one file per table. They are never GraphQL types: storage may change without the API.
//!
//! Points in time are `i64` microseconds since the Unix epoch, UTC: they compare and sort alike in SQLite and in
//! PostgreSQL, which the pages' keyset cursors rely on.

pub mod decision;
pub mod idempotency_key;
pub mod outbox;
pub mod role_assignment;
pub mod task;
pub mod task_event;
pub mod tombstone;
pub mod user;
