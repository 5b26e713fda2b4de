//! Asks all that an operation would ask, in one bulk, and says what the guard would make of the answers.

use std::sync::Arc;

use async_graphql::Context;

use super::{Explanation, FieldVerdict, request::Explained};
use crate::{
    graphql::{
        authorization::{
            decisions::{Undecided, Verdict},
            directives::{Access, Need, Scope},
            object_rules::Ruling,
            plan::{Object, Part, Step},
            reason::DenialReason,
        },
        execution::{
            context::{ContextExt as _, EXPLAIN, Operation, SignedIn},
            error::ApiError,
        },
        schema::{
            id::{NodeKind, UserId},
            permission::PermissionResult,
        },
    },
    permit::Check,
    store::Standing,
};

const ON_OBJECT: &str = "Denied in general; the owner or the assignee of the object may hold it.";
const NARROWED: &str = "Denied in general; the list then has only tasks that the subject owns or is to do.";
const UNCHANGED: &str = "Denied, but not needed where the object has this value already.";

/// For whom it is explained.
struct Whom {
    subject: Arc<str>,
    is_caller: bool,
}

/// What the subject would be told.
struct Asked<'a> {
    operation: &'a Operation,
    caller: &'a SignedIn,
    whom: Whom,
    wants_roles: bool,
}

/// # Errors
/// The caller may not ask about somebody else, there is no such user, or a question has no answer.
pub(super) async fn explain(
    ctx: &Context<'_>,
    explained: &mut Explained,
    as_user: Option<UserId>,
) -> Result<Explanation, ApiError> {
    let operation = ctx.operation()?;
    let caller = operation.signed_in()?;
    let steps = explained.steps(&ctx.schema_env.registry, ctx.rules()?);
    // Nothing is asked or looked up about somebody else before it is known that the caller may know.
    let subject = match &as_user {
        Some(id) => somebody_else(operation, id).await?,
        None => caller.subject.clone(),
    };
    let wants_roles = ctx.look_ahead().field("fields").field("result").field("rolesThatAllow").exists();
    let mut checks = Vec::new();
    if wants_roles {
        checks.push(caller.check(EXPLAIN.0, EXPLAIN.1));
    }
    let own = checks.len();
    checks.extend(steps.iter().filter_map(Step::need).map(|need| check(caller, &subject, need)));
    let mut rulings = ask(operation, checks).await?;
    let verdicts = rulings.split_off(own);
    let whom = Whom { subject, is_caller: as_user.is_none() };
    Asked { operation, caller, whom, wants_roles }.explanation(steps, verdicts).await
}

/// The subject of another user, for those who hold `policy:explain`.
async fn somebody_else(operation: &Operation, id: &UserId) -> Result<Arc<str>, ApiError> {
    let caller = operation.signed_in()?;
    let rulings = ask(operation, vec![caller.check(EXPLAIN.0, EXPLAIN.1)]).await?;
    allowed(operation, rulings.first()).await?;
    let Some(user) = caller.store.find_user(id.uuid).await? else {
        return Err(ApiError::NotFound { kind: NodeKind::User, id: id.text() });
    };
    // About whom, and for whom, is in the log of decisions, under the id of the request.
    tracing::info!(tenant.id = caller.store.id(), "explained as somebody else");
    Ok(user.subject.into())
}

/// The question at the type level: no object is looked at.
fn check(caller: &SignedIn, subject: &Arc<str>, need: &Need) -> Check {
    Check { user: subject.clone(), ..caller.check(need.resource.clone(), need.action.clone()) }
}

async fn ask(operation: &Operation, checks: Vec<Check>) -> Result<Vec<Ruling>, ApiError> {
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let answers = operation.decisions.ask(&checks).await;
    let verdicts = answers.into_iter().collect::<Result<Vec<Verdict>, Undecided>>();
    let verdicts = verdicts.map_err(ApiError::Undecided)?;
    Ok(checks.into_iter().zip(verdicts).map(|(check, verdict)| Ruling { check, verdict }).collect())
}

async fn allowed(operation: &Operation, ruling: Option<&Ruling>) -> Result<(), ApiError> {
    match ruling {
        Some(ruling) if ruling.allows() => Ok(()),
        Some(ruling) => Err(operation.denial(ruling, None).await),
        None => Err(ApiError::Internal("a question without an answer")),
    }
}

impl Step {
    fn need(&self) -> Option<&Need> {
        match &self.access {
            Access::Requires(need) => Some(need),
            Access::Public | Access::SignedIn => None,
        }
    }
}

impl Asked<'_> {
    async fn explanation(&self, steps: Vec<Step>, rulings: Vec<Ruling>) -> Result<Explanation, ApiError> {
        let mut rulings = rulings.into_iter();
        let mut fields = Vec::with_capacity(steps.len());
        for step in steps {
            let ruling = if step.need().is_some() { rulings.next() } else { None };
            fields.push(self.field(step, ruling).await?);
        }
        Ok(Explanation { allowed: fields.iter().all(FieldVerdict::is_allowed), fields })
    }

    async fn field(&self, step: Step, ruling: Option<Ruling>) -> Result<FieldVerdict, ApiError> {
        let undecided = match (&step.object, &ruling) {
            (Object::Misnamed(sentence), _) => {
                Some(format!("{sentence} The operation would not be executed as it is."))
            }
            (_, Some(ruling)) if !ruling.allows() => self.depends_on(&step).await?,
            _ => None,
        };
        let result = match ruling.filter(|_| undecided.is_none()) {
            Some(ruling) => Some(self.result(&step, ruling).await?),
            None => None,
        };
        Ok(FieldVerdict {
            access: (&step.access).into(),
            path: step.path,
            coordinate: step.coordinate,
            result,
            undecided,
        })
    }

    /// What could still allow a step that is denied in general.
    async fn depends_on(&self, step: &Step) -> Result<Option<String>, ApiError> {
        if let Some(ty) = &step.only_for {
            return Ok(Some(format!("Denied, but asked only if the object is a `{ty}`.")));
        }
        let Some(need) = step.need() else { return Ok(None) };
        let has_rules = self.operation.object_rules && NodeKind::of(&need.resource) == Some(NodeKind::Task);
        Ok(match (need.scope, step.part) {
            (Scope::Object, Part::Input) => Some(UNCHANGED.to_owned()),
            (Scope::Object, _) if has_rules => Some(ON_OBJECT.to_owned()),
            (Scope::Tenant, Part::Field) if has_rules && need.action == "get" && self.is_known().await? => {
                Some(NARROWED.to_owned())
            }
            _ => None,
        })
    }

    async fn is_known(&self) -> Result<bool, ApiError> {
        Ok(self.caller.trail.standing(&self.whom.subject).await? != Standing::Unknown)
    }

    async fn result(&self, step: &Step, ruling: Ruling) -> Result<PermissionResult, ApiError> {
        let (resource, action) = (ruling.check.resource.to_string(), ruling.check.action.to_string());
        let key = if let Object::Named(id) = step.object { Some(id) } else { None };
        if ruling.allows() {
            return Ok(PermissionResult::new(resource, action, key, None));
        }
        let told = ruling.verdict.deny_code().map(DenialReason::from);
        let reason = self.operation.denial_reason(&ruling.check, told).await?;
        let hint = if self.whom.is_caller {
            reason.hint(&resource, &action)
        } else {
            reason.hint_about_another(&resource, &action)
        };
        let roles = if self.wants_roles {
            self.operation.roles_that_allow(&resource, &action, reason).await
        } else {
            Vec::new()
        };
        Ok(PermissionResult::new(resource, action, key, Some(reason)).with_hint(Some(hint)).with_roles(roles))
    }
}
