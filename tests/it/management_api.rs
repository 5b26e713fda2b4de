//! The sandbox's Management API through real HTTP: users and roles as Auth0 has them, and what a removal ends.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use taskgate::auth0_admin::{Admin, AdminError, Denied};

use crate::support::{Administrator, World, token};

const MANAGER: &str = "/api/v2/users/auth0%7Csandbox-manager";

/// The manager's sign-in by password, with a refresh token.
async fn signs_in(world: &World) -> (u16, Value) {
    let fields = [
        ("grant_type", "password"),
        ("client_id", "sandbox-spa"),
        ("username", "manager"),
        ("password", "manager"),
        ("scope", "openid profile email offline_access"),
        ("audience", "https://taskgate.example/api"),
    ];
    token(world, &fields).await
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_removed_account_gets_no_token_any_more_and_those_it_has_stay_valid() {
    let world = World::start().await;
    let (_, tokens) = signs_in(&world).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();

    let removal = Administrator::of(&world).await.removes(MANAGER).await;

    assert_eq!(removal, (204, Value::Null));
    assert_eq!(signs_in(&world).await.0, 403);
    let fields = [("grant_type", "refresh_token"), ("client_id", "sandbox-spa"), ("refresh_token", refresh)];
    let (status, refusal) = token(&world, &fields).await;
    let description = json!("Unknown or invalid refresh token.");
    assert_eq!((status, &refusal["error_description"]), (403, &description));
    let persona = world.client.get(format!("{}/manager", world.sandbox.token_url())).send().await.unwrap();
    assert_eq!(persona.status(), 404);

    let manager = world.bearer(tokens["access_token"].as_str().unwrap().into());
    let viewer = manager.asks("{ viewer { subject } }").await.data();
    assert_eq!(viewer["viewer"]["subject"], "auth0|sandbox-manager");
}

#[tokio::test]
async fn removing_nobody_is_answered_like_removing_somebody() {
    let world = World::start().await;
    let admin = Administrator::of(&world).await;

    for path in [MANAGER, MANAGER, "/api/v2/users/auth0%7Cnever-seen"] {
        assert_eq!(admin.removes(path).await, (204, Value::Null));
    }

    let (status, answer) = admin.asks(Method::GET, MANAGER, Value::Null).await;
    assert_eq!(status, 404);
    let told = json!({
        "statusCode": 404, "error": "Not Found", "message": "The user does not exist.",
        "errorCode": "inexistent_user",
    });
    assert_eq!(answer, told);
    assert_eq!(admin.reads("/api/v2/users").await.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn the_servers_own_client_removes_accounts_with_one_token() {
    let mut settings = None;
    let world = World::with(|config| settings.clone_from(&config.auth0_admin)).await;
    let client = Admin::new(&settings.unwrap()).unwrap();

    for subject in ["auth0|sandbox-viewer", "auth0|sandbox-viewer", "auth0|a b/c"] {
        client.delete_user(subject).await.unwrap();
    }

    let admin = Administrator::of(&world).await;
    let gone = admin.fails(Method::GET, "/api/v2/users/auth0%7Csandbox-viewer", Value::Null).await;
    assert_eq!(gone, (404, json!("inexistent_user")));
    let issuer = world.sandbox.issuer.url();
    assert_eq!(world.count(&issuer, "POST /oauth/token").await, 2, "one of them the administrator's");
    assert_eq!(world.count(&issuer, "DELETE /api/v2/users/auth0%7Ca%20b%2Fc").await, 1);
}

#[tokio::test]
async fn the_servers_own_client_learns_of_limits_and_wrong_credentials() {
    let mut settings = None;
    let world = World::with(|config| settings.clone_from(&config.auth0_admin)).await;
    let issuer = world.sandbox.issuer.url();
    let settings = settings.unwrap();

    let path = "/api/v2/users/auth0%7Csandbox-viewer";
    world
        .break_it(&issuer, json!({"kind": "status", "status": 429, "rateLimitReset": 30, "path": path}))
        .await;
    let error = Admin::new(&settings).unwrap().delete_user("auth0|sandbox-viewer").await.unwrap_err();
    let wait = error.retry_after().unwrap().as_secs();
    assert!((25..=31).contains(&wait), "{wait}");
    world.mend(&issuer).await;

    let mut wrong = settings.clone();
    wrong.client_secret = "guessed".into();
    let error = Admin::new(&wrong).unwrap().delete_user("auth0|sandbox-viewer").await.unwrap_err();
    assert!(matches!(error, AdminError::Unauthorized(Denied::Credentials)), "{error:?}");
    let mut wrong = settings;
    wrong.audience = "https://other.example/api/v2/".into();
    let error = Admin::new(&wrong).unwrap().delete_user("auth0|sandbox-viewer").await.unwrap_err();
    assert!(matches!(error, AdminError::Unauthorized(Denied::Audience)), "{error:?}");
}

#[tokio::test]
async fn only_a_token_of_this_api_with_the_scope_is_admitted() {
    let world = World::start().await;
    let unauthorized = (401, Value::Null);
    // Neither nonsense nor a token for the other API, whoever has it.
    let service = world.client.get(format!("{}/service", world.sandbox.token_url())).send().await.unwrap();
    for token in ["nonsense".to_owned(), world.token(json!({})).await, service.text().await.unwrap()] {
        let stranger = Administrator::bearer(&world, token);
        assert_eq!(stranger.fails(Method::DELETE, MANAGER, Value::Null).await, unauthorized);
    }

    let reader = Administrator::with_scope(&world, "read:users").await;
    assert_eq!(reader.reads(MANAGER).await["user_id"], "auth0|sandbox-manager");
    let (status, refusal) = reader.removes(MANAGER).await;
    assert_eq!((status, &refusal["errorCode"]), (403, &json!("insufficient_scope")));
    assert_eq!(refusal["message"], "Insufficient scope, expected any of: delete:users,delete:current_user");
    let roles = format!("{MANAGER}/roles");
    for (method, path) in [
        (Method::PATCH, MANAGER),
        (Method::GET, roles.as_str()),
        (Method::POST, &roles),
        (Method::DELETE, &roles),
        (Method::GET, "/api/v2/roles"),
    ] {
        let refusal = reader.fails(method.clone(), path, json!({})).await;
        assert_eq!(refusal, (403, json!("insufficient_scope")), "{method} {path}");
    }
}

#[tokio::test]
async fn users_are_read_in_full_in_part_in_pages_and_by_email() {
    let world = World::start().await;
    let admin = Administrator::of(&world).await;

    let manager = admin.reads(MANAGER).await;
    assert_eq!(manager["email"], "manager@taskgate.example");
    let identity = json!({
        "connection": "Username-Password-Authentication", "provider": "auth0", "user_id": "sandbox-manager",
        "isSocial": false,
    });
    assert_eq!(manager["identities"], json!([identity]));
    assert!(manager["created_at"].as_str().unwrap().ends_with('Z'), "{manager}");
    let part = admin.reads(&format!("{MANAGER}?fields=user_id,name&include_fields=true")).await;
    assert_eq!(part, json!({"user_id": "auth0|sandbox-manager", "name": "Sandbox Manager"}));
    let rest = admin.reads(&format!("{MANAGER}?fields=identities&include_fields=false")).await;
    assert_eq!((&rest["identities"], &rest["name"]), (&Value::Null, &manager["name"]));

    let page = admin.reads("/api/v2/users?per_page=2&page=2&include_totals=true&fields=user_id").await;
    let outsider = json!([{"user_id": "auth0|sandbox-outsider"}]);
    assert_eq!(page, json!({"start": 4, "limit": 2, "length": 1, "total": 5, "users": outsider}));
    let found = admin.reads("/api/v2/users-by-email?email=manager@taskgate.example").await;
    assert_eq!(found, json!([manager]));

    for (path, code) in [
        ("/api/v2/users/manager", "invalid_uri"),
        ("/api/v2/users?per_page=101", "invalid_query_string"),
        ("/api/v2/users?page=x", "invalid_query_string"),
        ("/api/v2/users?q=email:x", "invalid_query_string"),
        ("/api/v2/users-by-email", "invalid_query_string"),
    ] {
        assert_eq!(admin.fails(Method::GET, path, Value::Null).await, (400, json!(code)), "{path}");
    }
}

#[tokio::test]
async fn a_change_is_in_the_next_token_or_not_made_at_all() {
    let world = World::start().await;
    let admin = Administrator::of(&world).await;

    let change = json!({"name": "Ada", "nickname": "a", "app_metadata": {"plan": "free", "seats": 3}});
    let (status, changed) = admin.asks(Method::PATCH, MANAGER, change).await;
    assert_eq!((status, &changed["name"], &changed["nickname"]), (200, &json!("Ada"), &json!("a")));
    let again = json!({"app_metadata": {"plan": null, "seats": 4}});
    let (_, changed) = admin.asks(Method::PATCH, MANAGER, again).await;
    assert_eq!(changed["app_metadata"], json!({"seats": 4}), "merged, and null removes");
    let (_, tokens) = signs_in(&world).await;
    assert_eq!(claims(&tokens["access_token"])["https://taskgate.example/name"], "Ada");
    assert_eq!(claims(&tokens["id_token"])["nickname"], "a");

    for wrong in
        [json!({"name": "Eve", "role": "admin"}), json!({"name": 1}), json!({"blocked": "yes"}), json!([])]
    {
        let refusal = admin.fails(Method::PATCH, MANAGER, wrong.clone()).await;
        assert_eq!(refusal, (400, json!("invalid_body")), "{wrong}");
    }
    assert_eq!(admin.reads(MANAGER).await["name"], "Ada");
}

#[tokio::test]
async fn a_blocked_account_gets_no_token_until_it_is_unblocked() {
    let world = World::start().await;
    let admin = Administrator::of(&world).await;
    let (_, tokens) = signs_in(&world).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();

    admin.asks(Method::PATCH, MANAGER, json!({"blocked": true})).await;
    let (status, refusal) = signs_in(&world).await;
    assert_eq!((status, &refusal["error_description"]), (401, &json!("user is blocked")));
    let fields = [("grant_type", "refresh_token"), ("client_id", "sandbox-spa"), ("refresh_token", refresh)];
    assert_eq!(token(&world, &fields).await.0, 401);
    let persona = world.client.get(format!("{}/manager", world.sandbox.token_url())).send().await.unwrap();
    assert_eq!(persona.status(), 403);

    admin.asks(Method::PATCH, MANAGER, json!({"blocked": false})).await;
    assert_eq!(signs_in(&world).await.0, 200);
}

#[tokio::test]
async fn roles_are_given_and_taken_by_id_and_told_by_name_in_the_next_token() {
    let world = World::start().await;
    let admin = Administrator::of(&world).await;
    let path = format!("{MANAGER}/roles");
    let listed = admin.reads("/api/v2/roles?name_filter=VIEW").await;
    let viewer = &listed[0]["id"];
    assert!(viewer.as_str().unwrap().starts_with("rol_") && listed[0]["name"] == "viewer", "{listed}");
    let names = async || {
        let (_, tokens) = signs_in(&world).await;
        claims(&tokens["access_token"])["https://taskgate.example/roles"].clone()
    };

    // Twice: giving what somebody has, and taking what nobody has, is success.
    for _ in 0..2 {
        let given = admin.asks(Method::POST, &path, json!({"roles": [viewer]})).await;
        assert_eq!(given, (204, Value::Null));
        assert_eq!(names().await, json!(["manager", "viewer"]));
    }
    let held = admin.reads(&format!("{path}?include_totals=true")).await;
    assert_eq!((&held["total"], &held["roles"][1]["id"]), (&json!(2), viewer));
    for _ in 0..2 {
        let taken = admin.asks(Method::DELETE, &path, json!({"roles": [viewer]})).await;
        assert_eq!(taken, (204, Value::Null));
        assert_eq!(names().await, json!(["manager"]));
    }

    let nobody = "/api/v2/users/auth0%7Cnobody/roles";
    for (path, roles, refusal) in [
        (path.as_str(), json!(["viewer"]), (400, json!("invalid_body"))),
        (&path, json!([]), (400, json!("invalid_body"))),
        (&path, json!(["rol_0000000000000000"]), (404, json!("inexistent_role"))),
        (nobody, json!([viewer]), (404, json!("inexistent_user"))),
    ] {
        assert_eq!(admin.fails(Method::POST, path, json!({"roles": roles})).await, refusal, "{path} {roles}");
    }
}
