//! Users and roles: created, changed and removed in Permit and here.

use serde_json::{Value, json};

use crate::support::{Persona, World};

const CREATE: &str = "mutation($input: CreateUserInput!) { createUser(input: $input) {
    user { id subject roles { role source } } roleOutcomes { role outcome } userErrors { code field } } }";
const DELETE: &str = "mutation($id: ID!) { deleteUser(input: {id: $id}) {
    deletedUserId systems { system state } userErrors { code } } }";

async fn changes_role(persona: &Persona<'_>, mutation: &str, user: &str, role: &str) -> Value {
    let document = format!(
        "mutation($id: ID!, $role: String!) {{ {mutation}(input: {{userId: $id, role: $role}}) {{
            user {{ roles {{ role source }} }} outcome {{ outcome }} userErrors {{ code }} }} }}"
    );
    persona.asks_with(&document, json!({"id": user, "role": role})).await.data()[mutation].clone()
}

#[tokio::test]
async fn a_created_user_may_act_from_the_first_request_on() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;

    let input =
        json!({"input": {"subject": "auth0|sandbox-newcomer", "name": "New Comer", "roles": ["viewer"]}});
    let created = admin.asks_with(CREATE, input.clone()).await.data();

    assert_eq!(created["createUser"]["roleOutcomes"], json!([{"role": "viewer", "outcome": "ASSIGNED"}]));
    assert_eq!(created["createUser"]["user"]["roles"], json!([{"role": "viewer", "source": "MANUAL"}]));
    let newcomer = world.persona("newcomer").await;
    assert_eq!(newcomer.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 0);
    let again = admin.asks_with(CREATE, input).await.data();
    assert_eq!(again["createUser"]["userErrors"], json!([{"code": "TAKEN", "field": ["input", "subject"]}]));
}

#[tokio::test]
async fn an_unknown_role_creates_nobody() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let input = json!({"input": {"subject": "auth0|x", "roles": ["viewer", "Viewer"]}});

    let refused = admin.asks_with(CREATE, input).await.data();

    assert_eq!(refused["createUser"]["user"], json!(null));
    assert_eq!(
        refused["createUser"]["userErrors"],
        json!([{"code": "UNKNOWN_ROLE", "field": ["input", "roles"]}])
    );
    assert_eq!(admin.asks("{ users { totalCount } }").await.data()["users"]["totalCount"], 1);
}

#[tokio::test]
async fn an_address_that_is_none_is_for_the_person_to_fix() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let long = format!("{}@example.com", "a".repeat(243));
    for (email, code) in [
        ("nonsense", "INVALID"),
        ("two@at@example.com", "INVALID"),
        ("a b@example.com", "INVALID"),
        ("@example.com", "INVALID"),
        ("a@localhost", "INVALID"),
        ("a@example.", "INVALID"),
        ("a\u{7}@example.com", "INVALID"),
        (long.as_str(), "TOO_LONG"),
    ] {
        let expected = json!([{"code": code, "field": ["input", "email"]}]);
        let input = json!({"input": {"subject": "auth0|x", "email": email}});
        let created = admin.asks_with(CREATE, input).await.data();
        assert_eq!(created["createUser"]["userErrors"], expected, "{email}");
        let login =
            "mutation($email: String) { login(input: {email: $email}) { userErrors { code field } } }";
        let login = admin.asks_with(login, json!({"email": email})).await.data();
        assert_eq!(login["login"]["userErrors"], expected, "{email}");
    }
    let input = json!({"input": {"subject": "auth0|x", "email": &long[1..]}});
    let created = admin.asks_with(CREATE, input).await.data();
    assert_eq!(created["createUser"]["userErrors"], json!([]));
}

#[tokio::test]
async fn a_role_given_or_taken_holds_on_the_next_request() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let newcomer = world.signed_in("newcomer").await;
    let id = newcomer.user_id().await;

    let given = changes_role(&admin, "assignRole", &id, "viewer").await;
    assert_eq!(given["outcome"], json!({"outcome": "ASSIGNED"}));
    assert_eq!(given["user"]["roles"], json!([{"role": "viewer", "source": "MANUAL"}]));
    assert_eq!(newcomer.asks("{ tasks { totalCount } }").await.codes(), [""; 0]);
    assert_eq!(
        changes_role(&admin, "assignRole", &id, "viewer").await["outcome"],
        json!({"outcome": "KEPT"})
    );

    let taken = changes_role(&admin, "unassignRole", &id, "viewer").await;
    assert_eq!(taken["outcome"], json!({"outcome": "REMOVED"}));
    assert_eq!(taken["user"]["roles"], json!([]));
    assert_eq!(newcomer.asks("{ tasks { totalCount } }").await.refusal()["reason"], "NO_ROLE_IN_TENANT");

    for mutation in ["assignRole", "unassignRole"] {
        let unknown = changes_role(&admin, mutation, &id, "king").await;
        assert_eq!(unknown["userErrors"], json!([{"code": "UNKNOWN_ROLE"}]), "{mutation}");
    }
}

#[tokio::test]
async fn the_last_admin_and_oneself_cannot_be_removed() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let me = admin.user_id().await;

    let demoted = changes_role(&admin, "unassignRole", &me, "admin").await;
    assert_eq!(demoted["userErrors"], json!([{"code": "LAST_ADMIN"}]));
    let removed = admin.asks_with(DELETE, json!({"id": me})).await.data();
    assert_eq!(removed["deleteUser"]["userErrors"], json!([{"code": "SELF_DELETE"}]));

    let manager = world.signed_in("manager").await;
    world.grant("manager", "user:delete").await;
    let removed = manager.asks_with(DELETE, json!({"id": me})).await.data();
    assert_eq!(removed["deleteUser"]["userErrors"], json!([{"code": "LAST_ADMIN"}]));
    assert_eq!(admin.asks("{ users { totalCount } }").await.codes(), [""; 0], "still an admin");
}

#[tokio::test]
async fn a_removed_user_is_gone_here_and_in_permit_and_their_tasks_stay() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let manager = world.signed_in("manager").await;
    let (task, id) = (manager.creates_task("Stays").await, manager.user_id().await);

    let removed = admin.asks_with(DELETE, json!({"id": id})).await.data();

    assert_eq!(removed["deleteUser"]["deletedUserId"], id.as_str());
    assert_eq!(
        removed["deleteUser"]["systems"],
        json!([
            {"system": "TASKGATE", "state": "DONE"},
            {"system": "PERMIT", "state": "DONE"},
            {"system": "AUTH0", "state": "DONE"},
        ])
    );
    let refused = manager.asks("{ apiInfo { name } }").await;
    assert_eq!((refused.status.as_u16(), &refused.refusal()["reason"]), (401, &json!("USER_REMOVED")));
    let left = admin
        .asks_with("query($id: ID!) { task(id: $id) { title owner { id } } }", json!({"id": task}))
        .await;
    assert_eq!(left.data()["task"], json!({"title": "Stays", "owner": null}));
    let again = admin.asks_with(DELETE, json!({"id": id})).await;
    assert_eq!(again.refusal()["code"], "NOT_FOUND");
    let heirless =
        "mutation($id: ID!) { deleteUser(input: {id: $id, tasks: REASSIGN}) { userErrors { code } } }";
    let again = admin.asks_with(heirless, json!({"id": id})).await;
    assert_eq!(again.refusal()["code"], "NOT_FOUND", "absent comes before what could be fixed");
}

#[tokio::test]
async fn a_person_in_two_tenants_is_removed_from_one() {
    let world = World::start().await;
    let claims = |tenant: Value| json!({"claims": {"sub": "auth0|both", "org_id": tenant}});
    let (ours, theirs) =
        (world.token(claims(json!(null))).await, world.token(claims(json!("org_outside"))).await);
    for token in [&ours, &theirs] {
        let login = world.bearer(token.clone()).asks("mutation { login { ready } }").await.data();
        assert_eq!(login["login"]["ready"], true);
    }
    let admin = world.signed_in("admin").await;
    let id = world.bearer(ours.clone()).user_id().await;

    let removed = admin.asks_with(DELETE, json!({"id": id})).await.data();

    assert_eq!(removed["deleteUser"]["systems"][1], json!({"system": "PERMIT", "state": "KEPT_ELSEWHERE"}));
    let refused = world.bearer(ours).asks("{ tasks { totalCount } }").await;
    assert_eq!(refused.refusal()["reason"], "USER_REMOVED");
    assert_eq!(world.bearer(theirs).asks("{ tasks { totalCount } }").await.codes(), [""; 0]);
}

#[tokio::test]
async fn a_removal_that_permit_refuses_can_be_repeated() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let id = world.signed_in("viewer").await.user_id().await;
    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 500})).await;

    let failed = admin.asks_with(DELETE, json!({"id": id})).await.data();
    assert_eq!(failed["deleteUser"]["deletedUserId"], id.as_str());
    assert_eq!(failed["deleteUser"]["systems"][0], json!({"system": "TASKGATE", "state": "DONE"}));
    assert_eq!(failed["deleteUser"]["systems"][1], json!({"system": "PERMIT", "state": "FAILED"}));

    world.mend(&api).await;
    let done = admin.asks_with(DELETE, json!({"id": id})).await.data();
    assert_eq!(done["deleteUser"]["systems"][1], json!({"system": "PERMIT", "state": "DONE"}));
    let again = admin.asks_with(DELETE, json!({"id": id})).await;
    assert_eq!(again.refusal()["code"], "NOT_FOUND");
}
