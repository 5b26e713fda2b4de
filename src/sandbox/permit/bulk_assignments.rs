//! Role assignments in bulk: all of a call or none.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

use super::{
    assignments::{Request, assign, unassign},
    collection::Shared,
    environment::Environment,
    refusal::Refusal,
    row::Members,
    store::Store,
    users,
    wire::{Body, Query},
};

/// Everything under `role_assignments/bulk`.
pub(super) fn routes() -> Router<Arc<Store>> {
    Router::new().route("/role_assignments/bulk", post(bulk_assign).delete(bulk_unassign))
}

async fn bulk_assign(
    State(store): Shared,
    query: Query,
    Body(requests): Body<Vec<Request>>,
) -> Result<Json<Value>, Refusal> {
    let policy = match query.one("missing_user_policy") {
        None | Some("fail") => MissingUser::Fail,
        Some("ignore") => MissingUser::Ignore,
        Some("create") => MissingUser::Create,
        Some(_) => return Err(Refusal::query("missing_user_policy", "must be 'fail', 'ignore' or 'create'")),
    };
    store.transact(|environment| {
        let mut created = 0;
        for request in &requests {
            match assign_by(policy, environment, request) {
                Ok(_) => created += 1,
                Err(Refusal::Exists { .. }) => {}
                Err(Refusal::NotFound { kind: "User", .. }) if policy == MissingUser::Ignore => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(Json(json!({"assignments_created": created})))
    })
}

/// What becomes of an assignment to a user who does not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MissingUser {
    Fail,
    Ignore,
    Create,
}

fn assign_by(
    policy: MissingUser,
    environment: &mut Environment,
    request: &Request,
) -> Result<Value, Refusal> {
    if policy == MissingUser::Create
        && let Some(user) = &request.user
        && environment.users.find(user).is_err()
    {
        users::put_new(environment, &Members::from_iter([("key".to_owned(), json!(user))]))?;
    }
    assign(environment, request)
}

async fn bulk_unassign(
    State(store): Shared,
    Body(requests): Body<Vec<Request>>,
) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        let removed = requests.iter().filter(|request| unassign(environment, request).is_ok()).count();
        Ok(Json(json!({"assignments_removed": removed})))
    })
}
