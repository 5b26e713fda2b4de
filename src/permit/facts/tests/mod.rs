//! The client against a scripted REST API: paths, bodies, and which refusals are good news.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::permit::scripted::{Asked, Reply, Server};

mod outages;
mod pace;
mod policy;
mod policy_state;
mod proxy;

const SCOPE: &str = "GET /v2/api-key/scope";

fn scope() -> Reply {
    Reply::Json(200, json!({"organization_id": "o", "project_id": "p1", "environment_id": "e1"}))
}

/// An API that knows the scope and replies to everything else like this.
async fn api(reply: impl Fn(&Asked) -> Reply + Clone + Send + Sync + 'static) -> (Server, Facts) {
    let server = Server::start(move |asked| if asked.line() == SCOPE { scope() } else { reply(asked) }).await;
    let facts = Facts::new(&server.config()).unwrap();
    (server, facts)
}

/// An API that answers every call with this status.
async fn answering(status: u16) -> (Server, Facts) {
    api(move |_| Reply::Json(status, json!({}))).await
}

fn only_call(server: &Server) -> Asked {
    let mut asked = server.asked();
    assert_eq!(asked.remove(0).line(), SCOPE);
    assert_eq!(asked.len(), 1);
    asked.remove(0)
}

/// What went straight to the REST API.
fn unwatched<T>(what: T) -> Written<T> {
    Written { what, visibility: Visibility::Unknown }
}

fn profile() -> UserProfile {
    UserProfile { key: "auth0|john@x.io".into(), ..UserProfile::default() }
}

#[tokio::test]
async fn a_user_is_read_with_roles_and_tenants() {
    let (server, facts) = api(|_| {
        Reply::Json(
            200,
            json!({
                "key": "auth0|john@x.io", "email": "j@x.io", "first_name": null, "last_name": "Doe",
                "attributes": {"age": 27},
                "roles": [{"role": "viewer", "tenant": "default"}, {"role": "editor", "resource_instance": "doc:1"}],
                "associated_tenants": [
                    {"tenant": "default", "roles": ["viewer", "manager"], "status": "active"},
                    {"tenant": "enc-YWNtZS5jb20", "roles": null},
                    {"tenant": "enc-ZGVmYXVsdA", "roles": ["admin"]},
                ],
            }),
        )
    })
    .await;

    let user = facts.user("auth0|john@x.io").await.unwrap().unwrap();

    let role = |role: &str| RoleInTenant { role: role.into(), tenant: "default".into() };
    assert_eq!(user.roles, [role("manager"), role("viewer")]);
    // The third is a stranger's key that reads as `default` and gives no admin there.
    assert_eq!(user.tenants, ["acme.com", "default"]);
    assert_eq!(
        (user.email.as_deref(), user.first_name, user.last_name.as_deref()),
        (Some("j@x.io"), None, Some("Doe"))
    );
    assert_eq!(user.attributes["age"], 27);
    assert_eq!(only_call(&server).line(), "GET /v2/facts/p1/e1/users/auth0%7Cjohn%40x.io");
}

#[tokio::test]
async fn a_profile_is_sent_without_what_is_absent() {
    let (server, facts) = answering(201).await;

    assert_eq!(facts.put_user(&profile()).await.unwrap(), unwatched(Put::Created));

    let asked = only_call(&server);
    assert_eq!(asked.line(), "PUT /v2/facts/p1/e1/users/auth0%7Cjohn%40x.io");
    assert_eq!(asked.body, json!({"key": "auth0|john@x.io"}));
}

#[tokio::test]
async fn a_profile_is_sent_with_what_is_there() {
    let (server, facts) = answering(200).await;
    let profile = UserProfile {
        key: "oidc|a/b".into(),
        email: Some("a@x.io".into()),
        first_name: Some("A".into()),
        last_name: Some("B".into()),
        attributes: BTreeMap::from([("plan".to_owned(), "free".to_owned())]),
    };

    assert_eq!(facts.put_user(&profile).await.unwrap(), unwatched(Put::Updated));

    let asked = only_call(&server);
    assert_eq!(asked.line(), "PUT /v2/facts/p1/e1/users/enc-b2lkY3xhL2I");
    assert_eq!(
        asked.body,
        json!({
            "key": "enc-b2lkY3xhL2I", "email": "a@x.io", "first_name": "A", "last_name": "B",
            "attributes": {"plan": "free"},
        })
    );
}

#[tokio::test]
async fn a_taken_email_is_a_conflict() {
    let (_server, facts) = answering(409).await;

    assert!(matches!(facts.put_user(&profile()).await, Err(PermitError::Conflict)));
}

#[tokio::test]
async fn what_exists_or_is_gone_already_is_success() {
    let (_conflicts, facts) = answering(409).await;
    facts.create_tenant("acme", "Acme").await.unwrap();
    facts.add_to_tenant("acme", "a").await.unwrap();
    assert_eq!(facts.assign("a", "viewer", "acme").await.unwrap().what, Assigned::Already);

    let (_absences, facts) = answering(404).await;
    facts.delete_user("a").await.unwrap();
    facts.remove_from_tenant("acme", "a").await.unwrap();
    assert_eq!(facts.unassign("a", "viewer", "acme").await.unwrap().what, Unassigned::Absent);
    assert_eq!(facts.assign("a", "viewer", "acme").await.unwrap().what, Assigned::NotFound);
    assert!(!facts.tenant_exists("acme").await.unwrap());
    assert!(matches!(facts.add_to_tenant("acme", "a").await, Err(PermitError::NotFound)));
}

#[tokio::test]
async fn tenants_and_members_have_their_paths() {
    let (server, facts) = answering(200).await;

    facts.create_tenant("acme.com", "Acme").await.unwrap();
    facts.add_to_tenant("acme.com", "auth0|a").await.unwrap();
    facts.remove_from_tenant("acme", "auth0|a").await.unwrap();
    facts.delete_user("auth0|a").await.unwrap();

    let asked = server.asked();
    let bodies: Vec<_> = asked[1..3].iter().map(|asked| &asked.body).collect();
    assert_eq!(bodies, [&json!({"key": "enc-YWNtZS5jb20", "name": "Acme"}), &json!({"key": "auth0|a"})]);
    assert_eq!(
        server.lines()[1..],
        [
            "POST /v2/facts/p1/e1/tenants",
            "POST /v2/facts/p1/e1/tenants/enc-YWNtZS5jb20/users",
            "DELETE /v2/facts/p1/e1/tenants/acme/users/auth0%7Ca",
            "DELETE /v2/facts/p1/e1/users/auth0%7Ca",
        ]
    );
}

#[tokio::test]
async fn an_assignment_names_user_role_and_tenant() {
    let (server, facts) = answering(200).await;

    assert_eq!(facts.assign("auth0|a", "Viewer_1", "acme").await.unwrap().what, Assigned::New);
    assert_eq!(facts.unassign("auth0|a", "Viewer_1", "acme").await.unwrap().what, Unassigned::Removed);

    let asked = &server.asked()[1..];
    let lines: Vec<_> = asked.iter().map(Asked::line).collect();
    assert_eq!(lines, ["POST /v2/facts/p1/e1/role_assignments", "DELETE /v2/facts/p1/e1/role_assignments"]);
    for asked in asked {
        assert_eq!(asked.body, json!({"user": "auth0|a", "role": "Viewer_1", "tenant": "acme"}));
    }
}

#[tokio::test]
async fn a_role_that_cannot_exist_costs_no_call() {
    let (server, facts) = answering(200).await;

    for role in ["", "team lead", "a/b", "naïve", "viewer\n"] {
        assert!(!facts.role_exists(role).await.unwrap());
        assert_eq!(facts.assign("a", role, "acme").await.unwrap().what, Assigned::NotFound);
        assert_eq!(facts.unassign("a", role, "acme").await.unwrap().what, Unassigned::Absent);
    }

    assert!(server.asked().is_empty());
}
