//! `permissionRequirements`: what the schema, or a document, needs. For clients that want to know before they ask.

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};

use crate::graphql::{
    authorization::{
        directives::{Access, public},
        guard::permitted,
        plan::Ground,
    },
    execution::context::ContextExt as _,
};

/// Who may use a field.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessKind {
    /// Anyone, signed in or not.
    Public,
    /// Whoever sends a valid access token.
    SignedIn,
    /// Whoever holds the permission.
    Requires,
}

/// What a field, an input field or an argument needs.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub(super) struct PermissionRequirement {
    /// Where the rule stands, for example `Query.task`, `UpdateTaskInput.assigneeId` or `Query.explain(asUser:)`.
    coordinate: String,
    /// The resource of the permission; null when none is needed.
    resource: Option<String>,
    /// The action of the permission; null when none is needed.
    action: Option<String>,
    /// `TENANT` when the answer is the same for all objects of the tenant, `OBJECT` when it may depend on the object;
    /// null when no permission is needed.
    scope: Option<String>,
    /// Who may use it. What stands on an input field or on an argument is needed only when that is supplied.
    access: AccessKind,
}

impl From<&Access> for AccessKind {
    fn from(access: &Access) -> Self {
        match access {
            Access::Public => Self::Public,
            Access::SignedIn => Self::SignedIn,
            Access::Requires(_) => Self::Requires,
        }
    }
}

impl PermissionRequirement {
    fn new(coordinate: String, access: &Access) -> Self {
        let need = match access {
            Access::Requires(need) => Some(need),
            Access::Public | Access::SignedIn => None,
        };
        Self {
            coordinate,
            resource: need.map(|need| need.resource.clone()),
            action: need.map(|need| need.action.clone()),
            scope: need.map(|need| need.scope.name().to_owned()),
            access: access.into(),
        }
    }
}

#[derive(Default)]
pub(super) struct RequirementQuery;

#[Object(guard = permitted("Query"))]
impl RequirementQuery {
    /// What the fields of this API need, sorted by coordinate: all of them, or those that `document` uses, whatever
    /// its variables will be. Fields that are not listed are readable with their object. A mutation of an object needs
    /// `get` on it too, and `node` and `nodes` need the `get` of what they find.
    #[graphql(directive = public::apply())]
    async fn permission_requirements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Operations and fragments, which are validated and not executed.")] document: Option<
            String,
        >,
    ) -> Result<Vec<PermissionRequirement>> {
        let (registry, rules) = (&ctx.schema_env.registry, ctx.rules()?);
        let Some(text) = document else {
            let all = rules.declarations();
            return Ok(all
                .map(|(coordinate, access)| PermissionRequirement::new(coordinate, &access))
                .collect());
        };
        let document = ctx.validator()?.read(ctx.operation()?, registry, &text).await?;
        let ground = Ground { registry, rules, document: &document, variables: None };
        let mut needed = BTreeMap::new();
        for (_, operation) in document.operations.iter() {
            for step in ground.steps(&operation.node) {
                // The first is the one that was declared; others of the same field follow from it.
                needed.entry(step.coordinate).or_insert(step.access);
            }
        }
        Ok(needed.into_iter().map(|(at, access)| PermissionRequirement::new(at, &access)).collect())
    }
}
