//! One step that brings Permit nearer to the policy, and how it is told.

use std::{collections::BTreeSet, fmt};

use serde_json::{Value, json};

use crate::permit::policy::{Action, Attribute, ConditionSet, ResourceType, Role, Rule};

/// What is to be done at Permit. Texts name things as the policy file does.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    CreateResource {
        key: String,
        resource: ResourceType,
    },
    CreateAction {
        resource: String,
        key: String,
        action: Action,
    },
    CreateAttribute {
        resource: String,
        key: String,
        attribute: Attribute,
    },
    ChangeAttribute {
        resource: String,
        key: String,
        was: String,
        becomes: String,
    },
    CreateSet {
        key: String,
        set: ConditionSet,
    },
    ChangeSet {
        key: String,
        conditions: Value,
    },
    /// Of which the kind or the resource is wrong, and neither can be changed.
    ReplaceSet {
        key: String,
        set: ConditionSet,
    },
    CreateRole {
        key: String,
        role: Role,
    },
    Grant {
        role: String,
        permissions: BTreeSet<String>,
    },
    CreateRule {
        rule: Rule,
        name: String,
    },
    DeleteRule {
        rule: Rule,
        name: String,
    },
    DeleteSet {
        key: String,
    },
    Revoke {
        role: String,
        permissions: BTreeSet<String>,
    },
    /// Of permissions that somebody has taken away meanwhile: that we once gave them no longer counts.
    Forget {
        role: String,
        permissions: BTreeSet<String>,
    },
    DeleteRole {
        key: String,
    },
    DeleteAttribute {
        resource: String,
        key: String,
    },
    DeleteAction {
        resource: String,
        key: String,
    },
    DeleteResource {
        key: String,
    },
}

/// What Permit has instead of what the policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    Missing,
    Extra,
    Different,
}

impl Drift {
    /// As it is printed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
        }
    }

    /// The sign of the change that mends it.
    const fn sign(self) -> char {
        match self {
            Self::Missing => '+',
            Self::Extra => '-',
            Self::Different => '~',
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Missing => "create",
            Self::Extra => "delete",
            Self::Different => "change",
        }
    }
}

impl Change {
    /// What it mends.
    pub const fn drift(&self) -> Drift {
        match self {
            Self::CreateResource { .. }
            | Self::CreateAction { .. }
            | Self::CreateAttribute { .. }
            | Self::CreateSet { .. }
            | Self::CreateRole { .. }
            | Self::Grant { .. }
            | Self::CreateRule { .. } => Drift::Missing,
            Self::ChangeAttribute { .. }
            | Self::ChangeSet { .. }
            | Self::ReplaceSet { .. }
            | Self::Forget { .. } => Drift::Different,
            Self::DeleteRule { .. }
            | Self::DeleteSet { .. }
            | Self::Revoke { .. }
            | Self::DeleteRole { .. }
            | Self::DeleteAttribute { .. }
            | Self::DeleteAction { .. }
            | Self::DeleteResource { .. } => Drift::Extra,
        }
    }

    /// The kind of thing, its name, and what of it.
    fn parts(&self) -> (&'static str, String, String) {
        match self {
            Self::CreateResource { key, resource } => {
                ("resource", key.clone(), list(resource.actions.keys()))
            }
            Self::CreateRole { key, role } => ("role", key.clone(), list(&role.permissions)),
            Self::Grant { role, permissions } | Self::Revoke { role, permissions } => {
                ("role", role.clone(), list(permissions))
            }
            Self::Forget { role, permissions } => {
                ("role", role.clone(), format!("no longer counts {} as given by taskgate", list(permissions)))
            }
            Self::CreateAction { resource, key, .. } | Self::DeleteAction { resource, key } => {
                ("action", format!("{resource}:{key}"), String::new())
            }
            Self::CreateAttribute { resource, key, .. } | Self::DeleteAttribute { resource, key } => {
                ("attribute", format!("{resource}.{key}"), String::new())
            }
            Self::ChangeAttribute { resource, key, was, becomes } => {
                ("attribute", format!("{resource}.{key}"), format!("{was} becomes {becomes}"))
            }
            Self::CreateSet { key, .. } | Self::DeleteSet { key } => {
                ("condition set", key.clone(), String::new())
            }
            Self::ChangeSet { key, .. } => ("condition set", key.clone(), "conditions".to_owned()),
            Self::ReplaceSet { key, .. } => ("condition set", key.clone(), "another kind of set".to_owned()),
            Self::CreateRule { rule, name } | Self::DeleteRule { rule, name } => {
                ("rule", name.clone(), rule.permission.clone())
            }
            Self::DeleteRole { key } => ("role", key.clone(), String::new()),
            Self::DeleteResource { key } => ("resource", key.clone(), String::new()),
        }
    }

    /// What a person would say who finds it.
    pub fn finding(&self) -> String {
        let (kind, name, detail) = self.parts();
        match self {
            Self::Grant { .. } | Self::CreateRule { .. } => format!("{kind} {name} lost {detail}"),
            Self::Revoke { .. } | Self::DeleteRule { .. } => format!("{kind} {name} also holds {detail}"),
            Self::ChangeAttribute { was, becomes, .. } => format!("{kind} {name} is {was} and not {becomes}"),
            Self::ChangeSet { .. } => format!("{kind} {name} has other conditions"),
            Self::ReplaceSet { .. } => format!("{kind} {name} is a set of something else"),
            _ => format!("{kind} {name}"),
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let (kind, name, detail) = self.parts();
        let mut told = json!({"change": self.drift().verb(), "kind": kind, "name": name});
        match self {
            Self::CreateResource { resource, .. } => {
                told["actions"] = resource.actions.keys().map(String::as_str).collect();
            }
            Self::CreateRole { role: Role { permissions, .. }, .. }
            | Self::Grant { permissions, .. }
            | Self::Revoke { permissions, .. }
            | Self::Forget { permissions, .. } => told["permissions"] = json!(permissions),
            Self::CreateRule { rule, .. } | Self::DeleteRule { rule, .. } => {
                told["permissions"] = json!([rule.permission]);
            }
            _ if detail.is_empty() => {}
            _ => told["detail"] = detail.into(),
        }
        told
    }
}

/// As a line of the plan.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, detail) = self.parts();
        write!(f, "{} {kind} {name}", self.drift().sign())?;
        if detail.is_empty() { Ok(()) } else { write!(f, ": {detail}") }
    }
}

fn list<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
