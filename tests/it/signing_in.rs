//! Tokens: whose are accepted, and why others are not.

use serde_json::{Value, json};

use crate::support::World;

/// An order for a token, and the reason for which it is refused.
fn refused_tokens() -> Vec<(Value, &'static str)> {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = |claims: Value| json!({"claims": claims});
    let header = |header: Value| json!({"header": header});
    vec![
        (json!({"key": "none"}), "ALGORITHM_NOT_ALLOWED"),
        (json!({"key": "hs256-public-key"}), "ALGORITHM_NOT_ALLOWED"),
        (json!({"key": "foreign"}), "BAD_SIGNATURE"),
        (header(json!({"alg": "none"})), "ALGORITHM_NOT_ALLOWED"),
        (header(json!({"alg": "rs256"})), "ALGORITHM_NOT_ALLOWED"),
        (header(json!({"alg": "RS512"})), "ALGORITHM_NOT_ALLOWED"),
        (header(json!({"alg": null})), "ALGORITHM_NOT_ALLOWED"),
        (header(json!({"alg": ["RS256"]})), "ALGORITHM_NOT_ALLOWED"),
        (header(json!({"kid": null})), "UNKNOWN_KEY"),
        (header(json!({"kid": 7})), "UNKNOWN_KEY"),
        (header(json!({"kid": "../../etc/passwd"})), "UNKNOWN_KEY"),
        (header(json!({"kid": "k".repeat(6_000)})), "UNKNOWN_KEY"),
        (header(json!({"typ": "dpop+jwt"})), "WRONG_TYPE"),
        (header(json!({"typ": "logout+jwt"})), "WRONG_TYPE"),
        (header(json!({"crit": ["exp"], "exp": 1})), "UNSUPPORTED_CRIT"),
        (header(json!({"crit": []})), "UNSUPPORTED_CRIT"),
        (header(json!({"b64": false})), "UNSUPPORTED_CRIT"),
        (header(json!({"zip": "DEF"})), "MALFORMED"),
        (claims(json!({"iss": null})), "MISSING_CLAIM"),
        (claims(json!({"iss": "https://evil.example/"})), "WRONG_ISSUER"),
        (claims(json!({"iss": ["https://evil.example/"]})), "WRONG_ISSUER"),
        (claims(json!({"aud": null})), "MISSING_CLAIM"),
        (claims(json!({"aud": "sandbox-spa"})), "WRONG_AUDIENCE"),
        (claims(json!({"aud": []})), "WRONG_AUDIENCE"),
        (claims(json!({"aud": [["https://taskgate.example/api"]]})), "WRONG_AUDIENCE"),
        (claims(json!({"aud": "https://taskgate.example/api/"})), "WRONG_AUDIENCE"),
        (claims(json!({"aud": "https://taskgate.example/api other"})), "WRONG_AUDIENCE"),
        (claims(json!({"exp": null})), "MISSING_CLAIM"),
        (claims(json!({"exp": now - 60})), "EXPIRED"),
        (claims(json!({"exp": -1})), "EXPIRED"),
        (claims(json!({"exp": "soon"})), "MALFORMED"),
        (claims(json!({"exp": true})), "MALFORMED"),
        (claims(json!({"exp": 1e300})), "MALFORMED"),
        (claims(json!({"exp": (now + 3_600) * 1_000})), "MALFORMED"),
        (claims(json!({"nbf": now + 3_600})), "NOT_YET_VALID"),
        (claims(json!({"nbf": "then"})), "MALFORMED"),
        (claims(json!({"iat": now + 86_400})), "NOT_YET_VALID"),
        (claims(json!({"iat": "then"})), "MALFORMED"),
        (claims(json!({"sub": null})), "MISSING_CLAIM"),
        (claims(json!({"sub": ""})), "MISSING_CLAIM"),
        (claims(json!({"sub": 7})), "MISSING_CLAIM"),
        (claims(json!({"sub": "s".repeat(256)})), "MISSING_CLAIM"),
        (claims(json!({"cnf": {"jkt": "x"}})), "SENDER_CONSTRAINED"),
        (claims(json!({"org_id": 7})), "MALFORMED"),
    ]
}

#[tokio::test]
async fn every_forged_or_foreign_token_is_refused_with_its_reason() {
    let world = World::start().await;
    for (order, reason) in refused_tokens() {
        let token = world.token(order.clone()).await;

        let answer = world.bearer(token).asks("{ __typename }").await;

        assert_eq!(answer.status, 401, "{order}");
        assert_eq!(answer.refusal()["code"], "UNAUTHENTICATED", "{order}");
        assert_eq!(answer.refusal()["reason"], reason, "{order}");
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
            "{challenge}"
        );
        assert!(answer.body.get("data").is_none(), "{order}");
    }
}

#[tokio::test]
async fn what_is_no_signed_token_at_all_is_told_apart() {
    let world = World::start().await;
    let valid = world.token(json!({})).await;
    let payload = valid.split('.').nth(1).unwrap();
    for (token, reason) in [
        ("d8f0f4a1c2b34a59b5d1e7f0a9c8b7d6".to_owned(), "OPAQUE_TOKEN"),
        ("a.b.c.d.e".to_owned(), "OPAQUE_TOKEN"),
        ("a.b".to_owned(), "MALFORMED"),
        ("a.b.c".to_owned(), "MALFORMED"),
        (format!("{valid}="), "BAD_SIGNATURE"),
        (format!("{valid}.{valid}"), "MALFORMED"),
        (valid.replace(payload, &format!("{payload}A")), "BAD_SIGNATURE"),
        ("x".repeat(20_000), "MALFORMED"),
    ] {
        let answer = world.bearer(token.clone()).asks("{ __typename }").await;
        assert_eq!(answer.refusal()["reason"], reason, "{token:.60}");
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let world = World::start().await;
    let form = [
        ("grant_type", "password"),
        ("client_id", "sandbox-spa"),
        ("username", "manager"),
        ("password", "manager"),
        ("scope", "openid"),
    ];
    let url = format!("{}/oauth/token", world.sandbox.issuer.url());
    let issued: Value = world.client.post(url).form(&form).send().await.unwrap().json().await.unwrap();

    let by_id_token = world.bearer(issued["id_token"].as_str().unwrap().into()).asks("{ __typename }").await;
    assert_eq!(by_id_token.refusal()["reason"], "WRONG_AUDIENCE");
    let without_audience =
        world.bearer(issued["access_token"].as_str().unwrap().into()).asks("{ __typename }").await;
    assert_eq!(without_audience.refusal()["reason"], "OPAQUE_TOKEN");
}

#[tokio::test]
async fn tokens_of_both_profiles_and_with_either_form_of_audience_are_accepted() {
    let world = World::start().await;
    for order in [
        json!({}),
        json!({"header": {"typ": "at+jwt"}}),
        json!({"header": {"typ": "application/AT+JWT"}}),
        json!({"header": {"typ": null}}),
        json!({"header": {"jku": "https://evil.example/keys", "jwk": {"kty": "oct"}}}),
        json!({"claims": {"aud": "https://taskgate.example/api"}}),
        json!({"key": "next", "header": {}}),
    ] {
        let answer = world.bearer(world.token(order.clone()).await).asks("{ viewer { subject } }").await;
        assert_eq!(answer.data()["viewer"]["subject"], "auth0|sandbox-admin", "{order}");
    }
}

#[tokio::test]
async fn nobody_may_use_public_fields_and_is_told_to_sign_in_for_others() {
    let world = World::start().await;

    let answer = world.nobody().asks("{ apiInfo { name } viewer { subject } }").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["data"], json!({"apiInfo": {"name": "taskgate"}, "viewer": null}));
    assert_eq!(answer.refusal()["reason"], "MISSING_TOKEN");
}

#[tokio::test]
async fn a_rotated_key_is_picked_up_and_a_revoked_one_is_dropped() {
    let world = World::with(|config| config.auth.jwks_cooldown = std::time::Duration::ZERO).await;
    let old = world.token(json!({})).await;
    assert_eq!(world.bearer(old.clone()).asks("{ viewer { subject } }").await.status, 200);
    let issuer = world.sandbox.issuer.url();
    for _ in 0..2 {
        world.client.post(format!("{issuer}/sandbox/rotate")).send().await.unwrap();
    }

    let new = world.token(json!({})).await;
    assert_eq!(world.bearer(new).asks("{ viewer { subject } }").await.status, 200);
    assert_eq!(world.bearer(old).asks("{ viewer { subject } }").await.status, 401, "its key was forgotten");
}

#[tokio::test]
async fn only_listed_organizations_have_access() {
    let world = World::with(|config| {
        config.auth.allowed_tenants.insert("org_ours".into());
    })
    .await;

    let outsider = world.persona("outsider").await.asks("{ viewer { tenant } }").await;
    assert_eq!(outsider.status, 403);
    assert_eq!(outsider.refusal()["code"], "TENANT_NOT_ALLOWED");
    assert_eq!(outsider.refusal()["tenant"], "org_outside");
    assert_eq!(world.persona("admin").await.asks("{ viewer { tenant } }").await.status, 200);
}

#[tokio::test]
async fn a_machine_is_authorised_and_never_written_as_a_person() {
    let world = World::start().await;
    let machine = world.persona("service").await;

    let login =
        machine.asks("mutation { login { ready warnings viewer { user { id } subject } } }").await.data();

    assert_eq!(login["login"]["ready"], true);
    assert_eq!(login["login"]["viewer"]["user"], json!(null));
    assert_eq!(login["login"]["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(world.counts(&world.sandbox.permit_api.url()).await.len(), 0);
}

#[tokio::test]
async fn a_second_login_calls_permit_not_at_all() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let api = world.sandbox.permit_api.url();
    world.client.delete(format!("{api}/sandbox/counters")).send().await.unwrap();

    let again =
        manager.asks("mutation { login { ready created changed roleOutcomes { outcome } } }").await.data();

    assert_eq!(
        again["login"],
        json!({"ready": true, "created": false, "changed": false, "roleOutcomes": [{"outcome": "KEPT"}]})
    );
    let counts = world.counts(&api).await;
    assert!(counts.is_empty(), "{counts:?}");
}

#[tokio::test]
async fn an_unknown_role_is_reported_and_the_others_still_apply() {
    let world = World::start().await;
    let claims = json!({"claims": {"https://taskgate.example/roles": ["Manager", "viewer", "no such role"]}});
    let person = world.bearer(world.token(claims).await);

    let login = person.asks("mutation { login { ready roleOutcomes { role outcome } } }").await.data();

    assert_eq!(login["login"]["ready"], false);
    assert_eq!(
        login["login"]["roleOutcomes"],
        json!([
            {"role": "Manager", "outcome": "UNKNOWN_ROLE"},
            {"role": "viewer", "outcome": "ASSIGNED"},
            {"role": "no such role", "outcome": "UNKNOWN_ROLE"},
        ])
    );
}
