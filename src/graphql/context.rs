//! What one operation is executed with, and how resolvers reach it. Everything here is a `Result`: a missing part
//! is a fault of ours that costs a field, never a panic.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_graphql::Context;
use dataloader::{BatchFn, cached::Loader};
use entity::user;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    Services,
    decisions::Decisions,
    document::Validator,
    error::{ApiError, Denial},
    reason::DenialReason,
    rules::Rules,
    trail::Trail,
};
use crate::{
    auth::{AccessToken, Authenticator, Subject, VerifiedUser},
    permit::Check,
    store::{Role, StoreError, TenantStore},
    sync::Sync,
};

/// The permission to be told about the policy and about others.
pub(super) const EXPLAIN: (&str, &str) = ("policy", "explain");

/// Who sent an operation.
#[derive(Debug)]
pub struct Caller {
    pub subject: Subject,
    /// As presented; only `login` uses it, to read the profile at the issuer.
    pub token: Option<AccessToken>,
    /// Names the request in logs, errors and the response header.
    pub request_id: String,
    /// The trace that the request is part of, 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// A signed-in caller and their tenant's rows.
pub(super) struct SignedIn {
    pub(super) user: Arc<VerifiedUser>,
    pub(super) subject: Arc<str>,
    pub(super) tenant: Arc<str>,
    pub(super) store: TenantStore,
    users: Loader<Uuid, Found<Option<user::Model>>, UserBatch>,
    roles: Loader<Uuid, Found<Vec<Role>>, RoleBatch>,
    pub(super) trail: Arc<Trail>,
}

/// One operation: the caller, and the decisions and rows that it has looked up so far.
pub(super) struct Operation {
    pub(super) token: Option<AccessToken>,
    pub(super) decisions: Decisions,
    signed_in: Option<SignedIn>,
    /// Documents in its arguments that were looked at.
    documents: AtomicU64,
    /// Whether the caller may be told about the policy, once it was asked.
    may_explain: OnceCell<bool>,
}

/// A look-up that may have failed; the failure is shared by everybody who waited for the batch.
type Found<T> = Result<T, Arc<StoreError>>;

struct UserBatch(TenantStore);
struct RoleBatch(TenantStore);

impl BatchFn<Uuid, Found<Option<user::Model>>> for UserBatch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Found<Option<user::Model>>> {
        match self.0.find_users(ids.to_vec()).await {
            Ok(users) => {
                let mut found: HashMap<_, _> = ids.iter().map(|id| (*id, Ok(None))).collect();
                found.extend(users.into_iter().map(|user| (user.id, Ok(Some(user)))));
                found
            }
            Err(error) => failed(ids, error),
        }
    }
}

impl BatchFn<Uuid, Found<Vec<Role>>> for RoleBatch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Found<Vec<Role>>> {
        match self.0.roles_of(ids.to_vec()).await {
            Ok(mut roles) => ids.iter().map(|id| (*id, Ok(roles.remove(id).unwrap_or_default()))).collect(),
            Err(error) => failed(ids, error),
        }
    }
}

fn failed<T>(ids: &[Uuid], error: StoreError) -> HashMap<Uuid, Found<T>> {
    let error = Arc::new(error);
    ids.iter().map(|id| (*id, Err(error.clone()))).collect()
}

impl SignedIn {
    pub(super) fn new(user: Arc<VerifiedUser>, store: TenantStore, trail: Arc<Trail>) -> Self {
        Self {
            subject: user.id.as_str().into(),
            tenant: user.tenant.as_str().into(),
            users: Loader::new(UserBatch(store.clone())).with_yield_count(2),
            roles: Loader::new(RoleBatch(store.clone())).with_yield_count(2),
            trail,
            user,
            store,
        }
    }

    /// The question whether the caller holds `resource:action` in their tenant.
    pub(super) fn check(&self, resource: &str, action: &str) -> Check {
        Check::new(self.subject.clone(), self.tenant.clone(), resource.to_owned(), action.to_owned())
    }

    /// The caller's own row; `None` before the first login.
    pub(super) async fn row(&self) -> Result<Option<user::Model>, ApiError> {
        Ok(self.store.user_of(&self.subject).await?)
    }

    /// A user of this tenant, looked up together with the others that are pending.
    pub(super) async fn load_user(&self, id: Uuid) -> Result<Option<user::Model>, ApiError> {
        flatten(self.users.try_load(id).await)
    }

    /// The roles of a user of this tenant, looked up together with those of the others that are pending.
    pub(super) async fn load_roles(&self, id: Uuid) -> Result<Vec<Role>, ApiError> {
        flatten(self.roles.try_load(id).await)
    }

    /// Rows that a mutation changed are read again.
    pub(super) async fn forget(&self, id: Uuid) {
        self.users.clear(id).await;
        self.roles.clear(id).await;
    }
}

fn flatten<T>(loaded: Result<Found<T>, std::io::Error>) -> Result<T, ApiError> {
    match loaded {
        Ok(Ok(found)) => Ok(found),
        // The store error is shared by every row of the batch, so each field carries only the fact.
        Ok(Err(_)) => Err(ApiError::Internal("a batched look-up failed")),
        Err(_) => Err(ApiError::Internal("a batched look-up was cancelled")),
    }
}

impl Operation {
    pub(super) fn new(caller: Caller, decisions: Decisions, signed_in: Option<SignedIn>) -> Self {
        Self {
            token: caller.token,
            decisions,
            signed_in,
            documents: AtomicU64::new(0),
            may_explain: OnceCell::new(),
        }
    }

    /// How many documents it has had looked at, the coming one included.
    pub(super) fn count_document(&self) -> u64 {
        self.documents.fetch_add(1, Relaxed) + 1
    }

    /// The caller, if they signed in.
    ///
    /// # Errors
    /// [`ApiError::SignInRequired`].
    pub(super) fn signed_in(&self) -> Result<&SignedIn, ApiError> {
        self.signed_in.as_ref().ok_or(ApiError::SignInRequired)
    }

    /// Why `check` was denied: the PDP's own code if it gave one, else from our rows and the manifest.
    pub(super) async fn denial_reason(
        &self,
        check: &Check,
        told: Option<DenialReason>,
    ) -> Result<DenialReason, ApiError> {
        match told {
            Some(reason) => Ok(reason),
            None => Ok(DenialReason::of(self.signed_in()?.trail.inferred(check).code().await?)),
        }
    }

    /// The refusal that a denied `check` becomes.
    pub(super) async fn denial(
        &self,
        check: &Check,
        verdict: super::decisions::Verdict,
        key: Option<String>,
    ) -> ApiError {
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
    pub(super) async fn roles_that_allow(
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
            let answers = self.decisions.ask(vec![caller.check(EXPLAIN.0, EXPLAIN.1)]).await;
            answers.iter().all(|answer| answer.as_ref().is_ok_and(|verdict| verdict.allows()))
        };
        *self.may_explain.get_or_init(ask).await
    }
}

/// How resolvers reach the operation.
pub(super) trait ContextExt {
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

    fn sync(&self) -> Result<&Sync, ApiError> {
        services(self).map(|services| &services.sync)
    }

    fn authenticator(&self) -> Result<&Authenticator, ApiError> {
        services(self).map(|services| &services.authenticator)
    }
}

fn services<'a>(ctx: &'a Context<'_>) -> Result<&'a Services, ApiError> {
    ctx.data_opt::<Arc<Services>>().map(Arc::as_ref).ok_or(ApiError::Internal("no services in the schema"))
}
