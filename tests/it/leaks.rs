//! What nobody is told who is not to know it: other people, other tenants, roles, and the words of other systems. Looked
//! for in the whole text of every answer.

use serde_json::{Value, json};

use crate::{
    permissions::{OPERATIONS, variables},
    support::{Persona, World},
};

/// A role that holds everything, with a name that stands nowhere else.
const ROLE: &str = "vault-keeper";

/// A world in which there is much to tell: addresses, a role, a tenant, and a PDP that says how it decides.
async fn talkative() -> World {
    let world = World::start().await;
    let role = json!({"key": ROLE, "name": ROLE, "permissions": ["task:get", "task:delete", "user:get"]});
    world.rest_ok(reqwest::Method::POST, "schema/roles", role).await;
    world.rest_ok(reqwest::Method::POST, "facts/tenants", json!({"key": "org_rival", "name": "Rival"})).await;
    world.pdp_explains_itself().await;
    let admin = world.signed_in("admin").await;
    world.grants_in_permit("auth0|sandbox-admin", ROLE).await;
    drop(admin);
    world
}

fn is_silent(persona: &str, operation: &str, body: &Value) {
    let text = body.to_string();
    let tenants =
        if persona == "outsider" { ["org_rival", "\"default\""] } else { ["org_rival", "org_outside"] };
    let words = [ROLE, "OPA", "injected fault", "@", "sandbox-admin", tenants[0], tenants[1]];
    for word in words {
        assert!(!text.contains(word), "{persona} is told {word} by {operation}: {text}");
    }
}

/// Asks for everything as `name`.
async fn asks_for_everything(world: &World, admin: &Persona<'_>, name: &str, persona: &Persona<'_>) {
    for (operation, document) in OPERATIONS {
        let answer = persona.asks_with(document, variables(admin, document).await).await;
        is_silent(name, operation, &answer.body);
    }
    // The ids are made while the services work.
    let mut prepared = Vec::new();
    for (operation, document) in OPERATIONS {
        prepared.push((operation, document, variables(admin, document).await));
    }
    for (service, fault) in [
        (world.sandbox.pdp.url(), json!({"kind": "status", "status": 500})),
        (world.sandbox.pdp.url(), json!({"kind": "malformed"})),
        (world.sandbox.permit_api.url(), json!({"kind": "status", "status": 422})),
    ] {
        world.break_it(&service, fault).await;
        for (operation, document, variables) in &prepared {
            let answer = persona.asks_with(document, variables.clone()).await;
            is_silent(name, operation, &answer.body);
        }
        world.mend(&service).await;
    }
}

#[tokio::test]
async fn no_answer_tells_what_its_reader_is_not_to_know() {
    let world = talkative().await;
    let admin = world.persona("admin").await;
    asks_for_everything(&world, &admin, "nobody", &world.nobody()).await;
    for name in ["stranger", "newcomer", "viewer", "manager", "outsider"] {
        let persona = match name {
            "stranger" => world.bearer(world.token(json!({"claims": {"sub": "auth0|stranger"}})).await),
            _ => world.signed_in(name).await,
        };
        asks_for_everything(&world, &admin, name, &persona).await;
    }
}

#[tokio::test]
async fn what_is_asked_about_by_name_is_not_told_either() {
    let world = talkative().await;
    for name in ["viewer", "manager"] {
        let persona = world.signed_in(name).await;
        for (resource, action) in
            [("task", "delete"), ("user", "create"), ("ship", "fly"), ("policy", "explain")]
        {
            let document = "query($resource: String!, $action: String!) {
                viewer { can(resource: $resource, action: $action) { allowed reason hint rolesThatAllow } }
                permissions(checks: [{resource: $resource, action: $action}]) { hint rolesThatAllow } }";
            for _ in 0..2 {
                let asked = json!({"resource": resource, "action": action});
                let answer = persona.asks_with(document, asked).await;
                assert_eq!(answer.body["data"]["permissions"][0]["rolesThatAllow"], json!(null));
                is_silent(name, document, &answer.body);
            }
        }
    }
}
