//! The rules told to others: permissions, declarations, and the manifest that `/permissions.json` serves.

use std::collections::BTreeMap;

use serde_json::json;

use super::Rules;
use crate::graphql::authorization::directives::{Access, Need};

impl Rules {
    /// Every permission that a field or an input field asks for, as (resource, action), sorted.
    pub(in crate::graphql) fn permissions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.actions.iter().flat_map(|(resource, actions)| {
            actions.iter().map(move |action| (resource.as_str(), action.as_str()))
        })
    }

    /// Every rule with its coordinate, sorted by it.
    pub(in crate::graphql) fn declarations(&self) -> impl Iterator<Item = (String, Access)> {
        let mut all = BTreeMap::new();
        for (object, fields) in &self.fields {
            for (field, rule) in fields {
                all.insert(format!("{object}.{field}"), rule.access.clone());
                let inputs = rule.inputs.iter();
                all.extend(inputs.map(|rule| (rule.coordinate.clone(), Access::Requires(rule.need.clone()))));
                let arguments = rule.arguments.iter();
                all.extend(
                    arguments.map(|rule| (rule.coordinate.clone(), Access::Requires(rule.need.clone()))),
                );
            }
        }
        all.into_iter()
    }

    /// The manifest that `/permissions.json` serves: what each guarded coordinate needs, in stable order.
    pub(in crate::graphql) fn manifest(&self) -> serde_json::Value {
        let mut coordinates = BTreeMap::new();
        for (object, fields) in &self.fields {
            for (field, rule) in fields {
                let inputs = rule
                    .inputs
                    .iter()
                    .map(|input| (format!("{}.{}", input.argument, input.field), requirement(&input.need)));
                let arguments =
                    rule.arguments.iter().map(|rule| (rule.argument.clone(), requirement(&rule.need)));
                let inputs: BTreeMap<_, _> = inputs.chain(arguments).collect();
                let mut entry = match &rule.access {
                    Access::Public => json!({"access": "PUBLIC"}),
                    Access::SignedIn => json!({"access": "SIGNED_IN"}),
                    Access::Requires(need) => requirement(need),
                };
                if !inputs.is_empty() {
                    entry["inputs"] = json!(inputs);
                }
                coordinates.insert(format!("{object}.{field}"), entry);
            }
        }
        let permissions: Vec<String> =
            self.permissions().map(|(resource, action)| format!("{resource}:{action}")).collect();
        json!({"permissions": permissions, "coordinates": coordinates})
    }
}

fn requirement(need: &Need) -> serde_json::Value {
    json!({
        "access": "REQUIRES",
        "resource": need.resource,
        "action": need.action,
        "scope": need.scope.name(),
    })
}
