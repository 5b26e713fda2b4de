//! The same work as an experienced programmer would write it without GraphQL: one route an operation, the token
//! check, the look-up of removed people, one call to the PDP, the SQL of the API, and `serde` structures for the answer.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use entity::task;
use serde::{Deserialize, Serialize};
use taskgate::{
    auth::{Authenticator, VerifiedUser},
    permit::{Check, Freshness, Pdp},
    store::{End, Expected, PageRequest, Store, TaskChange, TaskListQuery, TaskPatch},
};
use uuid::Uuid;

/// What the handlers share.
pub(crate) struct Parts {
    pub(crate) authenticator: Authenticator,
    pub(crate) pdp: Pdp,
    pub(crate) store: Store,
}

type Shared = State<Arc<Parts>>;

#[derive(Serialize)]
struct Task {
    id: Uuid,
    title: String,
    completed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(flatten)]
    task: Task,
    can_update: bool,
    can_delete: bool,
}

#[derive(Deserialize)]
struct Completion {
    id: Uuid,
    completed: bool,
}

impl From<task::Model> for Task {
    fn from(task: task::Model) -> Self {
        Self { id: task.id, title: task.title, completed: task.completed_at.is_some() }
    }
}

pub(crate) fn routes(parts: Arc<Parts>) -> Router {
    Router::new()
        .route("/bare", post(bare))
        .route("/whoami", get(whoami))
        .route("/tasks", get(tasks))
        .route("/tasks/{id}", get(one_task))
        .route("/completions", post(complete))
        .with_state(parts)
}

/// Nothing but the call to the PDP.
async fn bare(State(parts): Shared) -> Result<Json<bool>, StatusCode> {
    let check = Check::new("auth0|sandbox-manager", "default", "task", "get");
    let answers = parts.pdp.decide(&[check], Freshness::AnyAge).await;
    answers.decisions[0]
        .as_ref()
        .map(|decision| Json(decision.is_allow()))
        .map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn whoami(State(parts): Shared, headers: HeaderMap) -> Result<Json<String>, StatusCode> {
    Ok(Json(parts.user(&headers).await?.id.clone()))
}

async fn one_task(
    State(parts): Shared,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Json<Option<Task>>, StatusCode> {
    let user = parts.user(&headers).await?;
    parts.demand(&user, &["get"], Freshness::AnyAge).await?;
    let found = parts.store.tenant(&user.tenant).find_task(id).await.map_err(failed)?;
    Ok(Json(found.map(Task::from)))
}

async fn tasks(State(parts): Shared, headers: HeaderMap) -> Result<Json<Vec<Row>>, StatusCode> {
    let user = parts.user(&headers).await?;
    let allowed = parts.ask(&user, &["get", "update", "delete"], Freshness::AnyAge).await?;
    let [true, can_update, can_delete] = allowed[..] else { return Err(StatusCode::FORBIDDEN) };
    let request = PageRequest { limit: 50, end: End::First, after: None, before: None };
    let store = parts.store.tenant(&user.tenant);
    let page = store.list_tasks(&TaskListQuery::default(), &request).await.map_err(failed)?;
    Ok(Json(page.rows.into_iter().map(|task| Row { task: task.into(), can_update, can_delete }).collect()))
}

async fn complete(
    State(parts): Shared,
    headers: HeaderMap,
    Json(input): Json<Completion>,
) -> Result<Json<Task>, StatusCode> {
    let user = parts.user(&headers).await?;
    parts.demand(&user, &["check", "get"], Freshness::Fresh).await?;
    let patch = TaskPatch { completed: Some(input.completed), ..TaskPatch::default() };
    let store = parts.store.tenant(&user.tenant);
    match store.update_task(input.id, patch, Expected::default(), &user.id).await.map_err(failed)? {
        TaskChange::Done(task) => Ok(Json(task.into())),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

impl Parts {
    async fn user(&self, headers: &HeaderMap) -> Result<Arc<VerifiedUser>, StatusCode> {
        let credentials =
            self.authenticator.authenticate(headers).await.map_err(|_| StatusCode::UNAUTHORIZED)?;
        let user = credentials.subject.verified().cloned().ok_or(StatusCode::UNAUTHORIZED)?;
        let removed = self.store.tenant(&user.tenant).is_removed(&user.id).await.map_err(failed)?;
        if removed { Err(StatusCode::UNAUTHORIZED) } else { Ok(user) }
    }

    async fn ask(
        &self,
        user: &VerifiedUser,
        actions: &[&'static str],
        freshness: Freshness,
    ) -> Result<Vec<bool>, StatusCode> {
        let checks: Vec<Check> = actions
            .iter()
            .map(|action| Check::new(user.id.as_str(), user.tenant.as_str(), "task", *action))
            .collect();
        let answers = self.pdp.decide(&checks, freshness).await;
        let told =
            answers.decisions.into_iter().map(|answer| answer.map(taskgate::permit::Decision::is_allow));
        told.collect::<Result<_, _>>().map_err(|_| StatusCode::BAD_GATEWAY)
    }

    async fn demand(
        &self,
        user: &VerifiedUser,
        actions: &[&'static str],
        freshness: Freshness,
    ) -> Result<(), StatusCode> {
        let allowed = self.ask(user, actions, freshness).await?;
        if allowed.into_iter().all(|allowed| allowed) { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }
}

fn failed(_: taskgate::store::StoreError) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
