//! What the caller may do, for the buttons of a client: `permissions`, `viewer.can`, `viewerPermissions`,
//! `viewerCanCreate`. All of them join the batch that is pending anyway.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    context::ContextExt as _, decisions::Undecided, directives::signed_in, error::ApiError, guard::permitted,
    id::GlobalId, reason::DenialReason,
};
use crate::permit::Check;

/// Most checks that `permissions` takes.
const MAX_CHECKS: usize = 200;
/// Longest resource or action that is asked about, in bytes.
const MAX_WORD: usize = 100;

/// Whether the caller holds a permission, and if not, why and what to do.
#[derive(SimpleObject, Debug, Clone)]
pub(super) struct PermissionResult {
    /// Whether it is allowed at this moment.
    allowed: bool,
    /// The resource asked about, for example `task`.
    resource: String,
    /// The action asked about, for example `delete`.
    action: String,
    /// Id of the object asked about; null for the tenant as a whole.
    key: Option<ID>,
    /// Why it is denied; null when it is allowed.
    reason: Option<DenialReason>,
    /// What would change the answer; null when it is allowed.
    hint: Option<String>,
    /// Roles that hold it; null when it is allowed, when they are not known at the moment, and for a caller without
    /// `policy:explain`.
    roles_that_allow: Option<Vec<String>>,
}

impl PermissionResult {
    /// The permission as `resource:action`, if it is held.
    pub(super) fn held(self) -> Option<String> {
        self.allowed.then(|| format!("{}:{}", self.resource, self.action))
    }
}

/// A permission to ask about.
#[derive(InputObject, Debug)]
pub(super) struct PermissionCheckInput {
    /// The resource, spelled as in Permit, for example `task`.
    resource: String,
    /// The action, spelled as in Permit, for example `delete`.
    action: String,
    /// Id of a task or of a user; absent for the tenant as a whole.
    key: Option<ID>,
}

#[derive(Default)]
pub(super) struct PermissionQuery;

#[Object(guard = permitted("Query"))]
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
pub(super) struct Question {
    resource: String,
    action: String,
    key: Option<ID>,
}

impl Question {
    /// About the tenant as a whole.
    pub(super) fn tenant(resource: &str, action: &str) -> Self {
        Self { resource: resource.to_owned(), action: action.to_owned(), key: None }
    }

    /// About the object with the global id `key`.
    pub(super) fn object(resource: &str, action: &str, key: ID) -> Self {
        Self { key: Some(key), ..Self::tenant(resource, action) }
    }

    /// As sent by a client.
    ///
    /// # Errors
    /// An overlong word, or a key that is not the id of the named resource.
    pub(super) fn read(resource: String, action: String, key: Option<ID>) -> Result<Self, ApiError> {
        for (field, word) in [("resource", &resource), ("action", &action)] {
            if word.is_empty() || word.len() > MAX_WORD {
                return Err(ApiError::bad_input(field, format!("`{field}` has 1 to {MAX_WORD} characters.")));
            }
        }
        if let Some(key) = &key
            && GlobalId::decode(key).is_none_or(|id| id.kind.noun() != resource)
        {
            return Err(ApiError::bad_input("key", "This is not the id of such an object."));
        }
        Ok(Self { resource, action, key })
    }
}

/// The answers to `questions`, in order.
///
/// # Errors
/// One of them has no answer.
pub(super) async fn ask(
    ctx: &Context<'_>,
    questions: Vec<Question>,
) -> Result<Vec<PermissionResult>, ApiError> {
    let operation = ctx.operation()?;
    let caller = operation.signed_in()?;
    // No instance key is sent: without object rules the answer is the same for every row of the tenant.
    let checks: Vec<Check> = questions.iter().map(|q| caller.check(&q.resource, &q.action)).collect();
    let answers = operation.decisions.ask(checks.clone()).await;
    let wants_roles = ctx.look_ahead().field("rolesThatAllow").exists();
    let mut results = Vec::with_capacity(questions.len());
    for ((question, check), answer) in questions.into_iter().zip(&checks).zip(answers) {
        let verdict = answer.map_err(|undecided: Undecided| ApiError::Undecided(undecided))?;
        let reason = if verdict.allows() {
            None
        } else {
            let told = verdict.deny_code().map(DenialReason::from);
            Some(operation.denial_reason(check, told).await?)
        };
        let roles = match reason {
            Some(reason) if wants_roles => {
                operation.roles_that_allow(&question.resource, &question.action, reason).await
            }
            _ => Vec::new(),
        };
        results.push(PermissionResult {
            allowed: verdict.allows(),
            roles_that_allow: Some(roles).filter(|roles| !roles.is_empty()),
            hint: reason.map(|reason| reason.hint(&question.resource, &question.action)),
            resource: question.resource,
            action: question.action,
            key: question.key,
            reason,
        });
    }
    Ok(results)
}

/// The answer to one question.
///
/// # Errors
/// It has no answer.
pub(super) async fn ask_one(ctx: &Context<'_>, question: Question) -> Result<Option<PermissionResult>> {
    Ok(ask(ctx, vec![question]).await?.pop())
}
