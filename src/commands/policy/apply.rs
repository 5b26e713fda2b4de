//! Carries the plan out, one change after another, and looks whether it held.
//!
//! Each change is idempotent, and the plan is made of what Permit holds: after an interruption the next run finds what
//! is left. A permission is written down as ours before it is given and until it is taken away, so that none that we gave
//! is ever mistaken for a person's.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::{patiently, print, state};
use crate::{
    permit::{Facts, PermitError, policy::Role},
    policy::{Change, Policy, Reach, mark, plan},
};

/// A second round is for what somebody else changed during the first one.
const ROUNDS: usize = 3;

pub(super) async fn run(
    facts: &Facts,
    policy: &Policy,
    reach: Reach,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut done = Vec::new();
    for _ in 0..ROUNDS {
        let changes = plan(policy, &state(facts).await?, reach);
        if changes.is_empty() {
            if json {
                writeln!(io::stdout(), "{:#}", json!({"changes": done}))?;
            } else if done.is_empty() {
                writeln!(io::stdout(), "nothing to do")?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        for (number, change) in changes.iter().enumerate() {
            patiently(|| carry_out(facts, change)).await.with_context(|| {
                let left = changes.len() - number;
                format!("stopped at `{change}`, {left} changes are left; run it again, and it goes on there")
            })?;
            if !json {
                print::line(change)?;
            }
            done.push(change.json());
        }
    }
    bail!(
        "Permit differs still: somebody else changes it at the same time, or it does not keep what it is told"
    )
}

async fn carry_out(facts: &Facts, change: &Change) -> Result<(), PermitError> {
    match change {
        Change::CreateResource { key, resource } => facts.create_resource(key, resource).await,
        Change::CreateAction { resource, key, action } => facts.create_action(resource, key, action).await,
        Change::CreateAttribute { resource, key, attribute } => {
            facts.create_attribute(resource, key, attribute).await
        }
        Change::ChangeAttribute { resource, key, becomes, .. } => {
            facts.change_attribute(resource, key, becomes).await
        }
        Change::CreateSet { key, set } => facts.create_condition_set(key, set).await,
        Change::ChangeSet { key, conditions } => facts.change_condition_set(key, conditions).await,
        Change::ReplaceSet { key, set } => {
            facts.delete_condition_set(key).await?;
            facts.create_condition_set(key, set).await
        }
        Change::CreateRole { key, role } => facts.create_role(key, role).await,
        Change::Grant { role, permissions } => {
            annotate(facts, role, |role| mark::remember(role, permissions)).await?;
            facts.grant(role, permissions).await
        }
        Change::Revoke { role, permissions } => {
            facts.revoke(role, permissions).await?;
            annotate(facts, role, |role| mark::forget(role, permissions)).await
        }
        Change::Forget { role, permissions } => {
            annotate(facts, role, |role| mark::forget(role, permissions)).await
        }
        Change::CreateRule { rule, .. } => facts.create_set_rule(rule).await,
        Change::DeleteRule { rule, .. } => facts.delete_set_rule(rule).await,
        Change::DeleteSet { key } => facts.delete_condition_set(key).await,
        Change::DeleteRole { key } => facts.delete_role(key).await,
        Change::DeleteAttribute { resource, key } => facts.delete_attribute(resource, key).await,
        Change::DeleteAction { resource, key } => facts.delete_action(resource, key).await,
        Change::DeleteResource { key } => facts.delete_resource(key).await,
    }
}

/// Read anew just before, because what people keep at the role is written back with it.
async fn annotate(facts: &Facts, key: &str, note: impl FnOnce(&mut Role)) -> Result<(), PermitError> {
    let mut role = facts.role(key).await?.ok_or(PermitError::NotFound)?;
    let before = role.metadata.clone();
    note(&mut role);
    if role.metadata == before { Ok(()) } else { facts.change_role(key, &role.metadata).await }
}
