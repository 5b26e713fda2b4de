//! A signed-in caller: who they are, and the rows of their tenant, looked up in batches.

use std::{borrow::Cow, collections::HashMap, hash::Hash, sync::Arc};

use dataloader::{BatchFn, cached::Loader, non_cached};
use entity::{task, task_event, user};
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::error::{ApiError, store_failed};
use crate::{
    auth::VerifiedUser,
    graphql::authorization::trail::Trail,
    permit::Check,
    store::{HistoryRequest, Page, Person, Role, Standing, StoreError, TenantStore},
};

/// A signed-in caller and their tenant's rows.
pub(in crate::graphql) struct SignedIn {
    pub(in crate::graphql) user: Arc<VerifiedUser>,
    pub(in crate::graphql) subject: Arc<str>,
    pub(in crate::graphql) tenant: Arc<str>,
    pub(in crate::graphql) store: TenantStore,
    tasks: Loader<Uuid, Found<Option<Arc<task::Model>>>, TaskBatch>,
    users: Loader<Uuid, Found<Option<user::Model>>, UserBatch>,
    roles: Loader<Uuid, Found<Vec<Role>>, RoleBatch>,
    /// Not remembered: a mutation may add to a history that an earlier field has told.
    histories: non_cached::Loader<(Uuid, HistoryRequest), Found<History>, HistoryBatch>,
    /// Where the reasons of denials come from, and where verdicts are logged.
    pub(in crate::graphql) trail: Arc<Trail>,
}

/// A look-up that may have failed, for everybody who waited for the batch.
type Found<T> = Result<T, Failed>;

/// Why is logged, once for the batch.
#[derive(Debug, Clone, Copy)]
struct Failed;

type History = Arc<Page<task_event::Model>>;

// The futures of statements are in boxes: they are large, and every field that may wait for one would be too, as many
// times as there are rows.

struct TaskBatch(TenantStore);
struct UserBatch(TenantStore);
struct RoleBatch(TenantStore);
struct HistoryBatch(TenantStore);

impl BatchFn<Uuid, Found<Option<Arc<task::Model>>>> for TaskBatch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Found<Option<Arc<task::Model>>>> {
        match self.0.find_tasks(ids.to_vec()).boxed().await {
            Ok(tasks) => {
                let mut found: HashMap<_, _> = ids.iter().map(|id| (*id, Ok(None))).collect();
                found.extend(tasks.into_iter().map(|task| (task.id, Ok(Some(Arc::new(task))))));
                found
            }
            Err(error) => failed(ids.iter().copied(), &error),
        }
    }
}

impl BatchFn<Uuid, Found<Option<user::Model>>> for UserBatch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Found<Option<user::Model>>> {
        match self.0.find_users(ids.to_vec()).boxed().await {
            Ok(users) => {
                let mut found: HashMap<_, _> = ids.iter().map(|id| (*id, Ok(None))).collect();
                found.extend(users.into_iter().map(|user| (user.id, Ok(Some(user)))));
                found
            }
            Err(error) => failed(ids.iter().copied(), &error),
        }
    }
}

impl BatchFn<Uuid, Found<Vec<Role>>> for RoleBatch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Found<Vec<Role>>> {
        match self.0.roles_of(ids.to_vec()).boxed().await {
            Ok(mut roles) => ids.iter().map(|id| (*id, Ok(roles.remove(id).unwrap_or_default()))).collect(),
            Err(error) => failed(ids.iter().copied(), &error),
        }
    }
}

impl BatchFn<(Uuid, HistoryRequest), Found<History>> for HistoryBatch {
    async fn load(
        &mut self,
        keys: &[(Uuid, HistoryRequest)],
    ) -> HashMap<(Uuid, HistoryRequest), Found<History>> {
        let mut wanted: HashMap<HistoryRequest, Vec<Uuid>> = HashMap::new();
        for (task, request) in keys {
            wanted.entry(*request).or_default().push(*task);
        }
        let mut found = HashMap::new();
        // The rows of a page ask for the same part of their histories; other fields may ask for another one.
        for (request, tasks) in wanted {
            match self.0.histories(&tasks, request).boxed().await {
                Ok(pages) => {
                    found.extend(pages.into_iter().map(|(task, page)| ((task, request), Ok(Arc::new(page)))));
                }
                Err(error) => found.extend(failed(tasks.into_iter().map(|task| (task, request)), &error)),
            }
        }
        found
    }
}

fn failed<K: Eq + Hash, T>(keys: impl Iterator<Item = K>, error: &StoreError) -> HashMap<K, Found<T>> {
    store_failed(error);
    keys.map(|key| (key, Err(Failed))).collect()
}

impl SignedIn {
    pub(in crate::graphql) fn new(user: Arc<VerifiedUser>, store: TenantStore, trail: Trail) -> Self {
        Self {
            subject: user.id.as_str().into(),
            tenant: user.tenant.as_str().into(),
            tasks: Loader::new(TaskBatch(store.clone())).with_yield_count(2),
            users: Loader::new(UserBatch(store.clone())).with_yield_count(2),
            roles: Loader::new(RoleBatch(store.clone())).with_yield_count(2),
            histories: non_cached::Loader::new(HistoryBatch(store.clone())).with_yield_count(2),
            trail: Arc::new(trail),
            user,
            store,
        }
    }

    /// The same caller, of whom nothing has been looked up yet.
    pub(in crate::graphql) fn afresh(&self) -> Self {
        Self::new(self.user.clone(), self.store.clone(), self.trail.afresh())
    }

    /// The caller as the store and the subscriptions know them.
    pub(in crate::graphql) fn person(&self) -> Person {
        Person { tenant: self.tenant.clone(), subject: self.subject.clone() }
    }

    /// The question whether the caller holds `resource:action` in their tenant.
    pub(in crate::graphql) fn check(
        &self,
        resource: impl Into<Cow<'static, str>>,
        action: impl Into<Cow<'static, str>>,
    ) -> Check {
        Check::new(self.subject.clone(), self.tenant.clone(), resource, action)
    }

    /// The caller's own row; `None` before the first login.
    pub(in crate::graphql) async fn row(&self) -> Result<Option<user::Model>, ApiError> {
        Ok(self.store.user_of(&self.subject).boxed().await?)
    }

    /// A task of this tenant, looked up together with the others that are pending.
    pub(in crate::graphql) async fn load_task(&self, id: Uuid) -> Result<Option<Arc<task::Model>>, ApiError> {
        flatten(self.tasks.try_load(id).await)
    }

    /// A task may have changed.
    pub(in crate::graphql) async fn forget_task(&self, id: Uuid) {
        self.tasks.clear(id).await;
    }

    /// Looks the people of `tasks` up in one query, for whoever asks about them later.
    pub(in crate::graphql) async fn load_people(&self, tasks: &[Arc<task::Model>]) -> Result<(), ApiError> {
        let mut ids: Vec<Uuid> =
            tasks.iter().flat_map(|task| [task.owner_id, task.assignee_id]).flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        let loaded = self.users.try_load_many(ids).await;
        loaded.map(drop).map_err(|_| ApiError::Internal("a batched look-up was cancelled"))
    }

    /// A user of this tenant, looked up together with the others that are pending.
    pub(in crate::graphql) async fn load_user(&self, id: Uuid) -> Result<Option<user::Model>, ApiError> {
        flatten(self.users.try_load(id).await)
    }

    /// The roles of a user of this tenant, looked up together with those of the others that are pending.
    pub(in crate::graphql) async fn load_roles(&self, id: Uuid) -> Result<Vec<Role>, ApiError> {
        flatten(self.roles.try_load(id).await)
    }

    /// A part of the history of a task, looked up together with those of the others that are pending.
    pub(in crate::graphql) async fn load_history(
        &self,
        task: Uuid,
        request: HistoryRequest,
    ) -> Result<History, ApiError> {
        flatten(self.histories.try_load((task, request)).await)
    }

    /// Rows that a mutation changed are read again.
    pub(in crate::graphql) async fn forget(&self, id: Uuid) {
        self.users.clear(id).await;
        self.roles.clear(id).await;
    }

    /// How the caller stands in the tenant, looked up once.
    pub(in crate::graphql) async fn standing(&self) -> Result<Standing, ApiError> {
        Ok(self.trail.standing(&self.subject).await?)
    }
}

fn flatten<T>(loaded: Result<Found<T>, std::io::Error>) -> Result<T, ApiError> {
    match loaded {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(Failed)) => Err(ApiError::Batch),
        Err(_) => Err(ApiError::Internal("a batched look-up was cancelled")),
    }
}
