//! The API as its users see it: real HTTP, real tokens, a real database, and the sandbox behind it.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod support;

mod architecture;
mod authorization_code;
mod batching;
mod connections;
mod crashes;
mod crowd;
mod cursors;
mod doctor;
mod facts_proxy;
mod http_contract;
mod identities;
mod key_rotation;
mod malformed;
mod management_api;
mod object_rules;
mod outages;
mod outbox;
mod paths;
mod permissions;
mod permit_condition_sets;
mod permit_facts;
mod permit_schema;
mod permit_stand_in;
mod reconciling;
mod removals;
mod sandbox_process;
mod sandbox_safety;
mod schema;
mod signing_in;
mod sse;
mod store;
mod story;
mod tasks;
mod token_endpoint;
mod user_info;
mod users;
mod variables;
mod websocket;
mod websocket_frames;
mod websocket_handshake;
mod websocket_limits;
mod websocket_tokens;
