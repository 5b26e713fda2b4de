//! *May they?* What each field needs stands on the field ([`directives`]) and is read from there once ([`rules`]); the
//! [`guard`] asks for it before the resolver runs, and the operation's [`decisions`] ask Permit, about one task where
//! that makes a difference ([`object_rules`]). What a refusal tells is in [`reason`] and [`roles`], what remains of it
//! in [`trail`]; [`plan`] reads from a document what it will ask for.

mod arguments;
pub(super) mod decisions;
pub(super) mod describe;
pub(super) mod directives;
pub(super) mod guard;
pub(super) mod object_rules;
pub(super) mod plan;
pub(super) mod policy_watch;
pub(super) mod reason;
pub(super) mod roles;
pub(super) mod rules;
pub(super) mod trail;
