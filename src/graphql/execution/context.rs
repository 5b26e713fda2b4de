//! What one operation is executed with, and how resolvers reach it. Everything here is a `Result`: a missing part
//! is a fault of ours that costs a field, never a panic.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use async_graphql::Context;
use tokio::sync::OnceCell;
use uuid::Uuid;

pub(in crate::graphql) use super::signed_in::SignedIn;

use super::{
    bill::Bill,
    error::{ApiError, Denial},
};
use crate::{
    auth::{AccessToken, Authenticator, Subject},
    graphql::{
        Services,
        authorization::{decisions::Decisions, object_rules::Ruling, reason::DenialReason, rules::Rules},
        document::validator::Validator,
    },
    permit::Check,
    store::Relations,
    sync::Sync,
    trace::TraceContext,
};

/// The permission to be told about the policy and about others.
pub(in crate::graphql) const EXPLAIN: (&str, &str) = ("policy", "explain");

/// Who sent an operation.
#[derive(Debug)]
pub struct Caller {
    pub subject: Subject,
    /// As presented; only `login` uses it, to read the profile at the issuer.
    pub token: Option<AccessToken>,
    /// Names the request in logs, errors and the response header.
    pub request_id: String,
    /// Where the request is in a trace.
    pub trace: TraceContext,
    /// What they paid.
    pub bill: Bill,
}

/// One operation: the caller, and the decisions and rows that it has looked up so far.
pub(in crate::graphql) struct Operation {
    pub(in crate::graphql) token: Option<AccessToken>,
    pub(in crate::graphql) bill: Bill,
    pub(in crate::graphql) decisions: Decisions,
    /// Whether owners and assignees hold permissions on their tasks.
    pub(in crate::graphql) object_rules: bool,
    signed_in: Option<SignedIn>,
    /// Whether the caller turned out to hold `task:get` on single tasks only, if at all.
    narrowed: AtomicBool,
    /// Resources and actions that the caller turned out to hold in the tenant as a whole, and so on every task.
    held: Mutex<Vec<(Cow<'static, str>, Cow<'static, str>)>>,
    /// The relations by which a mutation was allowed; its write holds only while they do.
    relied: Mutex<HashMap<Uuid, Relations>>,
    /// Documents in its arguments that were looked at.
    documents: AtomicU64,
    /// Whether the caller may be told about the policy, once it was asked.
    may_explain: OnceCell<bool>,
}

impl Operation {
    pub(in crate::graphql) fn new(
        caller: Caller,
        decisions: Decisions,
        signed_in: Option<SignedIn>,
        object_rules: bool,
    ) -> Self {
        Self::with(caller.token, caller.bill, decisions, signed_in, object_rules)
    }

    fn with(
        token: Option<AccessToken>,
        bill: Bill,
        decisions: Decisions,
        signed_in: Option<SignedIn>,
        object_rules: bool,
    ) -> Self {
        Self {
            token,
            bill,
            decisions,
            object_rules,
            signed_in,
            narrowed: AtomicBool::new(false),
            held: Mutex::default(),
            relied: Mutex::default(),
            documents: AtomicU64::new(0),
            may_explain: OnceCell::new(),
        }
    }

    /// How many documents it has had looked at, the coming one included.
    pub(in crate::graphql) fn count_document(&self) -> u64 {
        self.documents.fetch_add(1, Relaxed) + 1
    }

    /// Forgets every answer: what follows is decided afresh.
    pub(in crate::graphql) async fn forget(&self) {
        self.narrowed.store(false, Relaxed);
        self.held().clear();
        self.decisions.forget().await;
    }

    /// Remembers that the caller may read single tasks at most.
    pub(in crate::graphql) fn narrow(&self) {
        self.narrowed.store(true, Relaxed);
    }

    /// Whether the caller may read single tasks at most. Always false without object rules.
    pub(in crate::graphql) fn is_narrowed(&self) -> bool {
        self.narrowed.load(Relaxed)
    }

    /// Remembers what the caller may do to every task.
    pub(in crate::graphql) fn hold(&self, Check { resource, action, .. }: &Check) {
        let mut held = self.held();
        if !held.iter().any(|known| (&known.0, &known.1) == (resource, action)) {
            held.push((resource.clone(), action.clone()));
        }
    }

    /// Whether that is known. It is one more verdict that was handed out.
    pub(in crate::graphql) fn is_held(&self, resource: &str, action: &str) -> bool {
        let is_held = self.held().iter().any(|known| (&*known.0, &*known.1) == (resource, action));
        if is_held {
            self.decisions.count_repeated();
        }
        is_held
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Cow<'static, str>, Cow<'static, str>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The coming write of this task was allowed because of these relations; `None`: whatever they are.
    pub(in crate::graphql) fn rely(&self, task: Uuid, relations: Option<Relations>) {
        let mut relied = self.relied.lock().unwrap_or_else(PoisonError::into_inner);
        match relations {
            Some(relations) => drop(relied.insert(task, relations)),
            None => drop(relied.remove(&task)),
        }
    }

    /// See [`rely`](Self::rely).
    pub(in crate::graphql) fn relied_on(&self, task: Uuid) -> Option<Relations> {
        self.relied.lock().unwrap_or_else(PoisonError::into_inner).get(&task).copied()
    }

    /// The same caller, of whom nothing is known yet: for one event of a subscription.
    pub(in crate::graphql) fn afresh(&self, bill: Bill) -> Self {
        let signed_in = self.signed_in.as_ref().map(SignedIn::afresh);
        let trail = signed_in.as_ref().map(|caller| caller.trail.clone());
        Self::with(None, bill, self.decisions.afresh(trail), signed_in, self.object_rules)
    }

    /// The caller, if they signed in.
    ///
    /// # Errors
    /// [`ApiError::SignInRequired`].
    pub(in crate::graphql) fn signed_in(&self) -> Result<&SignedIn, ApiError> {
        self.signed_in.as_ref().ok_or(ApiError::SignInRequired)
    }

    /// Why `check` was denied: the PDP's own code if it gave one, else from our rows and the manifest.
    pub(in crate::graphql) async fn denial_reason(
        &self,
        check: &Check,
        told: Option<DenialReason>,
    ) -> Result<DenialReason, ApiError> {
        match told {
            Some(reason) => Ok(reason),
            None => Ok(DenialReason::of(self.signed_in()?.trail.inferred(check).code().await?)),
        }
    }

    /// The refusal that a denial becomes.
    pub(in crate::graphql) async fn denial(&self, ruling: &Ruling, key: Option<String>) -> ApiError {
        let Ruling { check, verdict } = ruling;
        let told = verdict.deny_code().map(DenialReason::from);
        match self.denial_reason(check, told).await {
            Err(error) => error,
            Ok(reason) => ApiError::Denied(Box::new(Denial {
                resource: check.resource.to_string(),
                action: check.action.to_string(),
                key,
                tenant: check.tenant.to_string(),
                reason,
                roles: self.roles_that_allow(&check.resource, &check.action, reason).await,
                decision_id: verdict.id,
            })),
        }
    }

    /// The roles that hold what was denied for `reason`, if they are known and the caller may know them.
    pub(in crate::graphql) async fn roles_that_allow(
        &self,
        resource: &str,
        action: &str,
        reason: DenialReason,
    ) -> Vec<String> {
        let Ok(caller) = self.signed_in() else { return Vec::new() };
        if !reason.is_of_a_role_holder() || !self.may_explain(caller).await {
            return Vec::new();
        }
        caller.trail.context.roles.holding(&format!("{resource}:{action}"))
    }

    /// Asked once in an operation, and only by one with a refusal. Undecided is no.
    async fn may_explain(&self, caller: &SignedIn) -> bool {
        let ask = async || {
            let answers = self.decisions.ask(&[caller.check(EXPLAIN.0, EXPLAIN.1)]).await;
            answers.iter().all(|answer| answer.as_ref().is_ok_and(|verdict| verdict.allows()))
        };
        *self.may_explain.get_or_init(ask).await
    }
}

/// How resolvers reach the operation.
pub(in crate::graphql) trait ContextExt {
    /// This operation.
    ///
    /// # Errors
    /// It was executed without one, which is a fault of ours.
    fn operation(&self) -> Result<&Operation, ApiError>;

    /// The signed-in caller.
    ///
    /// # Errors
    /// [`ApiError::SignInRequired`].
    fn signed_in(&self) -> Result<&SignedIn, ApiError>;

    /// What every field needs.
    ///
    /// # Errors
    /// The schema was built without rules, which is a fault of ours.
    fn rules(&self) -> Result<&Rules, ApiError>;

    /// What looks at documents that are sent as an argument.
    ///
    /// # Errors
    /// The schema was built without it, which is a fault of ours.
    fn validator(&self) -> Result<&Validator, ApiError>;

    /// What the API stands on.
    ///
    /// # Errors
    /// The schema was built without services, which is a fault of ours.
    fn services(&self) -> Result<&Services, ApiError>;

    /// What keeps Permit in step.
    ///
    /// # Errors
    /// The schema was built without services, which is a fault of ours.
    fn sync(&self) -> Result<&Sync, ApiError>;

    /// The identity provider's verifier, which also reads profiles.
    ///
    /// # Errors
    /// The schema was built without services, which is a fault of ours.
    fn authenticator(&self) -> Result<&Authenticator, ApiError>;
}

impl ContextExt for Context<'_> {
    fn operation(&self) -> Result<&Operation, ApiError> {
        self.data_opt::<Arc<Operation>>()
            .map(Arc::as_ref)
            .ok_or(ApiError::Internal("no operation in the context"))
    }

    fn signed_in(&self) -> Result<&SignedIn, ApiError> {
        self.operation()?.signed_in()
    }

    fn rules(&self) -> Result<&Rules, ApiError> {
        self.data_opt::<Arc<Rules>>().map(Arc::as_ref).ok_or(ApiError::Internal("no rules in the schema"))
    }

    fn validator(&self) -> Result<&Validator, ApiError> {
        self.data_opt::<Validator>().ok_or(ApiError::Internal("no validator in the schema"))
    }

    fn services(&self) -> Result<&Services, ApiError> {
        self.data_opt::<Arc<Services>>()
            .map(Arc::as_ref)
            .ok_or(ApiError::Internal("no services in the schema"))
    }

    fn sync(&self) -> Result<&Sync, ApiError> {
        self.services().map(|services| &services.sync)
    }

    fn authenticator(&self) -> Result<&Authenticator, ApiError> {
        self.services().map(|services| &services.authenticator)
    }
}
