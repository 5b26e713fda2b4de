//! What the caller may do, for the buttons of a client: `permissions`, `viewer.can`, `viewerPermissions`,
//! `viewerCanCreate`. All of them join the batch that is pending anyway.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{Context, ID, InputObject, Object as GraphqlObject, Result, SimpleObject};
use entity::task;
use futures_util::FutureExt as _;

use super::id::{GlobalId, NodeKind};
use crate::graphql::{
    authorization::{
        directives::signed_in,
        guard::permitted,
        object_rules::{Demand, Object, Ruling},
        reason::DenialReason,
    },
    execution::{context::ContextExt as _, error::ApiError},
};

/// Fields that ask about one permission each, whatever their arguments: type, field, resource and action.
pub(in crate::graphql) const ASKED_BY_FIELDS: [(&str, &str, &str, &str); 5] = [
    ("TaskConnection", "viewerCanCreate", "task", "create"),
    ("TaskPermissions", "canUpdate", "task", "update"),
    ("TaskPermissions", "canCheck", "task", "check"),
    ("TaskPermissions", "canAssign", "task", "assign"),
    ("TaskPermissions", "canDelete", "task", "delete"),
];
/// Most checks that `permissions` takes.
const MAX_CHECKS: usize = 200;
/// Longest resource or action that is asked about, in bytes.
const MAX_WORD: usize = 100;

/// Whether somebody holds a permission, and if not, why and what to do: the caller, or whom `explain(asUser:)` names.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct PermissionResult {
    /// Whether it is allowed at this moment.
    allowed: bool,
    /// The resource asked about, for example `task`.
    resource: Cow<'static, str>,
    /// The action asked about, for example `delete`.
    action: Cow<'static, str>,
    /// Id of the object asked about; null for the tenant as a whole.
    key: Option<GlobalId>,
    /// Why it is denied; null when it is allowed.
    reason: Option<DenialReason>,
    /// What would change the answer; null when it is allowed.
    hint: Option<String>,
    /// Roles that hold it; null when it is allowed, when they are not known at the moment, and for a caller without
    /// `policy:explain`.
    roles_that_allow: Option<Vec<String>>,
}

impl PermissionResult {
    /// The answer to a question about `resource:action`, without a hint; `reason`: why it is denied, if it is.
    pub(in crate::graphql) fn new(
        resource: impl Into<Cow<'static, str>>,
        action: impl Into<Cow<'static, str>>,
        key: Option<GlobalId>,
        reason: Option<DenialReason>,
    ) -> Self {
        let (allowed, resource, action) = (reason.is_none(), resource.into(), action.into());
        Self { allowed, resource, action, key, reason, hint: None, roles_that_allow: None }
    }

    pub(super) fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// No roles are not told as such: they may only be unknown.
    pub(super) fn with_roles(self, roles: Vec<String>) -> Self {
        Self { roles_that_allow: Some(roles).filter(|roles| !roles.is_empty()), ..self }
    }

    pub(super) const fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// The permission as `resource:action`, if it is held.
    fn held(self) -> Option<String> {
        self.allowed.then(|| format!("{}:{}", self.resource, self.action))
    }
}

/// A permission to ask about.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct PermissionCheckInput {
    /// The resource, spelled as in Permit, for example `task`.
    resource: String,
    /// The action, spelled as in Permit, for example `delete`.
    action: String,
    /// Id of a task or of a user; absent for the tenant as a whole.
    key: Option<ID>,
}

#[derive(Default)]
pub(super) struct PermissionQuery;

#[GraphqlObject(guard = permitted("Query"))]
impl PermissionQuery {
    /// Whether the caller holds each of these permissions; the answers are in the order of the checks. At most 200.
    #[graphql(directive = signed_in::apply())]
    async fn permissions(
        &self,
        ctx: &Context<'_>,
        checks: Vec<PermissionCheckInput>,
    ) -> Result<Option<Vec<PermissionResult>>> {
        if checks.len() > MAX_CHECKS {
            return Err(ApiError::bad_input("checks", format!("At most {MAX_CHECKS} checks at once.")).into());
        }
        let questions =
            checks.into_iter().map(|check| Question::read(check.resource, check.action, check.key));
        Ok(Some(ask(ctx, questions.collect::<Result<_, ApiError>>()?).await?))
    }
}

/// A permission asked about by a client.
pub(in crate::graphql) struct Question {
    resource: Cow<'static, str>,
    action: Cow<'static, str>,
    key: Option<GlobalId>,
    object: Option<Object>,
}

impl Question {
    /// About the tenant as a whole.
    pub(in crate::graphql) fn tenant(
        resource: impl Into<Cow<'static, str>>,
        action: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { resource: resource.into(), action: action.into(), key: None, object: None }
    }

    /// About this task.
    pub(in crate::graphql) fn task(action: &'static str, task: &Arc<task::Model>) -> Self {
        Self {
            key: Some(GlobalId { kind: NodeKind::Task, uuid: task.id }),
            object: Some(Object::Row(task.clone())),
            ..Self::tenant("task", action)
        }
    }

    fn demand(&self) -> Demand {
        Demand::new(self.resource.clone(), self.action.clone(), self.object.clone())
    }

    /// Whether it is about a task that may be hidden from the caller.
    const fn is_named(&self) -> bool {
        matches!(self.object, Some(Object::Id(_)))
    }

    /// As sent by a client.
    ///
    /// # Errors
    /// An overlong word, or a key that is not the id of the named resource.
    pub(in crate::graphql) fn read(
        resource: String,
        action: String,
        key: Option<ID>,
    ) -> Result<Self, ApiError> {
        for (field, word) in [("resource", &resource), ("action", &action)] {
            if word.is_empty() || word.len() > MAX_WORD {
                return Err(ApiError::bad_input(field, format!("`{field}` has 1 to {MAX_WORD} characters.")));
            }
        }
        let read = |key: ID| {
            let id = GlobalId::decode(&key).filter(|id| id.kind.noun() == resource);
            id.ok_or_else(|| ApiError::bad_input("key", "This is not the id of such an object."))
        };
        let key = key.map(read).transpose()?;
        // Users have no rules of their own: what holds for one holds for all of the tenant.
        let object = key.filter(|id| id.kind == NodeKind::Task).map(|id| Object::Id(id.uuid));
        Ok(Self { key, object, ..Self::tenant(resource, action) })
    }
}

/// The answers to `questions`, in order.
///
/// # Errors
/// One of them has no answer.
pub(in crate::graphql) async fn ask(
    ctx: &Context<'_>,
    questions: Vec<Question>,
) -> Result<Vec<PermissionResult>, ApiError> {
    let operation = ctx.operation()?;
    let mut demands: Vec<Demand> = questions.iter().map(Question::demand).collect();
    // Nothing can be done with a task that is hidden, so `get` is part of every answer about one that a client names.
    let named: Vec<usize> = (0..questions.len()).filter(|at| questions[*at].is_named()).collect();
    demands.extend(named.iter().map(|at| Demand::new("task", "get", questions[*at].object.clone())));
    let mut rulings = operation.decide(&demands).await?;
    let gets = rulings.split_off(questions.len());
    for (at, get) in named.into_iter().zip(gets) {
        if !get.allows() {
            rulings[at] = get;
        }
    }
    let mut results = Vec::with_capacity(questions.len());
    for (question, Ruling { check, verdict }) in questions.into_iter().zip(rulings) {
        let reason = if verdict.allows() {
            None
        } else {
            let told = verdict.deny_code().map(DenialReason::from);
            Some(operation.denial_reason(&check, told).await?)
        };
        let roles = match reason {
            Some(reason) if ctx.look_ahead().field("rolesThatAllow").exists() => {
                operation.roles_that_allow(&question.resource, &question.action, reason).await
            }
            _ => Vec::new(),
        };
        let hint = reason.map(|reason| reason.hint(&question.resource, &question.action));
        let result = PermissionResult::new(question.resource, question.action, question.key, reason);
        results.push(result.with_hint(hint).with_roles(roles));
    }
    Ok(results)
}

/// The permissions of this API that the caller holds at this moment, as `task:get`, sorted.
///
/// # Errors
/// One of them has no answer.
pub(in crate::graphql) async fn held(ctx: &Context<'_>) -> Result<Vec<String>, ApiError> {
    let manifest = ctx.rules()?.permissions();
    let questions =
        manifest.map(|(resource, action)| Question::tenant(resource.to_owned(), action.to_owned()));
    let answers = ask(ctx, questions.collect()).await?;
    Ok(answers.into_iter().filter_map(PermissionResult::held).collect())
}

/// The answer to one question.
///
/// # Errors
/// It has no answer.
pub(super) async fn ask_one(ctx: &Context<'_>, question: Question) -> Result<Option<PermissionResult>> {
    // Of a hundred rows, all but the first are told what that was told.
    if !question.is_named() && ctx.operation()?.is_held(&question.resource, &question.action) {
        let Question { resource, action, key, .. } = question;
        return Ok(Some(PermissionResult::new(resource, action, key, None)));
    }
    Ok(ask(ctx, vec![question]).boxed().await?.pop())
}
