//! Who speaks on a socket: tokens that come in the header or in `connection_init`, end, and are renewed in place.

use serde_json::{Value, json};
use taskgate::rate_limit::Rate;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{Line, World};

const OURS: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");
const WHO: &str = "{ viewer { subject tenant } }";
/// A subscription that says nothing by itself.
const QUIET: &str = "subscription { viewerPermissionsChanged { permissions } }";

fn bearer(token: &str) -> Value {
    json!({"authorization": format!("Bearer {token}")})
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// A token of the sandbox's admin that ends in so many seconds.
async fn ending_in(world: &World, seconds: i64) -> String {
    world.token(json!({"claims": {"exp": now() + seconds}})).await
}

/// Who the server takes the client of `line` for.
async fn who(line: &mut Line) -> Value {
    line.says(&json!({"type": "subscribe", "id": "who", "payload": {"query": WHO}})).await;
    let answer = line.hears().await["payload"]["data"]["viewer"]["subject"].clone();
    assert_eq!(line.hears().await["type"], "complete");
    answer
}

async fn initialised_with_header(world: &World, authorization: &str, payload: Value) -> Line {
    let mut line = Line::with(&world.url, &[OURS, ("authorization", authorization)]).await.unwrap();
    line.says(&json!({"type": "connection_init", "payload": payload})).await;
    line
}

#[tokio::test]
async fn a_token_may_come_in_the_header_or_in_the_payload() {
    let world = World::start().await;
    let token = world.persona("manager").await.token();
    let authorization = format!("Bearer {token}");
    for payload in [
        json!({"authorization": authorization}),
        json!({"Authorization": authorization}),
        json!({"headers": {"Authorization": authorization}}),
    ] {
        let mut line = Line::initialised(&world.url, payload.clone()).await;
        assert_eq!(who(&mut line).await, "auth0|sandbox-manager", "{payload}");
    }
    for payload in [json!({}), json!(null), bearer(&token)] {
        let mut line = initialised_with_header(&world, &authorization, payload.clone()).await;
        assert_eq!(line.hears().await["type"], "connection_ack", "{payload}");
        assert_eq!(who(&mut line).await, "auth0|sandbox-manager", "{payload}");
    }
    assert_eq!(who(&mut Line::initialised(&world.url, json!({})).await).await, json!(null));
}

#[tokio::test]
async fn two_different_tokens_are_none() {
    let world = World::start().await;
    let (one, other) = (world.persona("manager").await.token(), world.persona("viewer").await.token());
    let mut line = initialised_with_header(&world, &format!("Bearer {one}"), bearer(&other)).await;
    let (code, reason) = line.closes().await;
    assert_eq!(code, 4400);
    assert!(reason.contains("different tokens"), "{reason}");

    let mut line = Line::open(&world.url).await;
    let both = json!({"authorization": format!("Bearer {one}"), "headers": bearer(&other)});
    line.says(&json!({"type": "connection_init", "payload": both})).await;
    assert_eq!(line.closes().await.0, 4400);
}

#[tokio::test]
async fn a_bad_token_closes_with_4403_and_its_reason() {
    let world = World::with(|config| {
        config.auth.allowed_tenants.insert("org_ours".into());
    })
    .await;
    for (order, reason) in [
        (json!({"claims": {"exp": now() - 60}}), "EXPIRED: "),
        (json!({"claims": {"nbf": now() + 3_600}}), "NOT_YET_VALID: "),
        (json!({"claims": {"aud": "sandbox-spa"}}), "WRONG_AUDIENCE: "),
        (json!({"claims": {"iss": "https://evil.example/"}}), "WRONG_ISSUER: "),
        (json!({"claims": {"sub": null}}), "MISSING_CLAIM: "),
        (json!({"claims": {"org_id": "org_theirs"}}), "TENANT_NOT_ALLOWED: "),
        (json!({"key": "none"}), "ALGORITHM_NOT_ALLOWED: "),
        (json!({"key": "foreign"}), "BAD_SIGNATURE: "),
        (json!({"header": {"kid": "other"}}), "UNKNOWN_KEY: "),
        (json!({"header": {"typ": "dpop+jwt"}}), "WRONG_TYPE: "),
    ] {
        let token = world.token(order.clone()).await;
        let mut line = Line::open(&world.url).await;
        line.says(&json!({"type": "connection_init", "payload": bearer(&token)})).await;

        let (code, told) = line.closes().await;
        assert_eq!(code, 4403, "{order}");
        assert!(told.starts_with(reason) && !told.contains("org_theirs"), "{order}: {told}");
    }
    for (authorization, code) in [("Bearer opaque", 4403), ("Bearer", 4400), ("Basic YTpi", 4400), ("", 4400)]
    {
        let mut line = Line::open(&world.url).await;
        let payload = json!({"authorization": authorization});
        line.says(&json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(line.closes().await.0, code, "{authorization}");
    }
}

#[tokio::test]
async fn without_signing_keys_a_client_is_told_to_come_back() {
    let mut world = World::start().await;
    let token = world.persona("manager").await.token();
    world.sandbox.issuer.stop().await;
    let mut line = Line::open(&world.url).await;
    line.says(&json!({"type": "connection_init", "payload": bearer(&token)})).await;
    let (code, reason) = line.closes().await;
    assert_eq!(code, 1013);
    assert!(reason.starts_with("AUTHN_UNAVAILABLE: "), "{reason}");
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let world = World::start().await;
    let exp = now() + 2;
    let token = world.token(json!({"claims": {"exp": exp}})).await;
    let mut line = Line::open(&world.url).await;
    line.says(&json!({"type": "connection_init", "payload": bearer(&token)})).await;
    let ack = line.hears().await;
    let expires_at = OffsetDateTime::parse(ack["payload"]["expiresAt"].as_str().unwrap(), &Rfc3339).unwrap();
    assert_eq!(expires_at.unix_timestamp(), exp);
    line.says(&json!({"type": "subscribe", "id": "1", "payload": {"query": QUIET}})).await;

    assert_eq!(line.closes().await, (4403, "Token expired".into()));
    assert!(now() >= exp, "not before the token's end");
}

#[tokio::test]
async fn a_token_that_only_the_leeway_makes_good_opens_a_socket_for_the_rest_of_it() {
    let world = World::start().await;
    let token = ending_in(&world, 0).await;
    let mut line = Line::initialised(&world.url, bearer(&token)).await;
    assert_eq!(who(&mut line).await, "auth0|sandbox-admin");
    assert_eq!(line.closes().await, (4403, "Token expired".into()));
}

#[tokio::test]
async fn a_ping_with_a_new_token_of_the_same_person_lets_the_socket_live_on() {
    let world = World::start().await;
    let first_end = now() + 2;
    let first = world.token(json!({"claims": {"exp": first_end}})).await;
    let mut line = Line::initialised(&world.url, bearer(&first)).await;
    line.says(&json!({"type": "subscribe", "id": "1", "payload": {"query": QUIET}})).await;
    let end = now() + 3_600;
    let second = world.token(json!({"claims": {"exp": end}})).await;

    line.says(&json!({"type": "ping", "payload": bearer(&second)})).await;

    let pong = line.hears().await;
    assert_eq!(pong["type"], "pong");
    assert_eq!(pong["payload"].as_object().unwrap().len(), 1, "the token is not sent back");
    let expires_at = OffsetDateTime::parse(pong["payload"]["expiresAt"].as_str().unwrap(), &Rfc3339).unwrap();
    assert_eq!(expires_at.unix_timestamp(), end);
    while now() <= first_end {
        assert_eq!(who(&mut line).await, "auth0|sandbox-admin");
    }
    assert_eq!(who(&mut line).await, "auth0|sandbox-admin", "the first token has ended");
}

#[tokio::test]
async fn a_renewal_is_only_for_the_same_person_in_the_same_tenant() {
    let world = World::start().await;
    let admin = ending_in(&world, 3_600).await;
    let other_tenant = world.token(json!({"claims": {"org_id": "org_outside"}})).await;
    let expired = ending_in(&world, -60).await;
    let viewer = world.persona("viewer").await.token();
    for (token, reason) in [
        (&viewer, "Token of another subject"),
        (&other_tenant, "Token of another subject"),
        (&expired, "EXPIRED: The access token has expired; get a new one."),
    ] {
        let mut line = Line::initialised(&world.url, bearer(&admin)).await;
        line.says(&json!({"type": "ping", "payload": bearer(token)})).await;
        assert_eq!(line.closes().await, (4403, reason.to_owned()));
    }
    let mut nobody = Line::initialised(&world.url, json!({})).await;
    nobody.says(&json!({"type": "ping", "payload": bearer(&admin)})).await;
    assert_eq!(nobody.closes().await, (4403, "Token of another subject".into()));

    let mut early = Line::open(&world.url).await;
    early.says(&json!({"type": "ping", "payload": bearer(&admin)})).await;
    assert_eq!(early.hears().await, json!({"type": "pong"}), "there is nothing to renew yet");
}

#[tokio::test]
async fn somebody_who_was_removed_is_refused_at_the_beginning_and_before_every_operation() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let viewer = world.signed_in("viewer").await;
    let mut socket = viewer.connects().await;
    let mut asked = socket.subscribes(WHO).await;
    assert_eq!(asked.next().await["data"]["viewer"]["subject"], "auth0|sandbox-viewer");
    let delete = "mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }";
    admin.asks_with(delete, json!({"id": viewer.user_id().await})).await.data();

    let _refused = socket.subscribes("{ apiInfo { name } }").await;
    assert_eq!(socket.closes().await, (4403, "USER_REMOVED: This user was removed.".into()));

    let mut late = Line::open(&world.url).await;
    late.says(&json!({"type": "connection_init", "payload": bearer(&viewer.token())})).await;
    assert_eq!(late.closes().await.1, "USER_REMOVED: This user was removed.");
}

#[tokio::test]
async fn a_renewal_that_cannot_be_paid_leaves_the_socket_as_it_was() {
    let world =
        World::with(|config| config.rate_limit.address = Rate { points: 5, points_per_second: 1 }).await;
    let mut line = Line::initialised(&world.url, bearer(&ending_in(&world, 60).await)).await;
    let (mut pong, mut seconds) = (json!({}), 60);
    while pong["payload"]["errors"].is_null() {
        seconds += 1;
        line.says(&json!({"type": "ping", "payload": bearer(&ending_in(&world, seconds).await)})).await;
        pong = line.hears().await;
        assert_eq!(pong["type"], "pong", "{pong}");
    }

    let refusal = &pong["payload"]["errors"][0]["extensions"];

    assert_eq!((&refusal["code"], &refusal["bucket"]), (&json!("RATE_LIMITED"), &json!("verification")));
    assert!(refusal["retryAfterMs"].as_u64().unwrap() > 0);
    assert_eq!(who(&mut line).await, "auth0|sandbox-admin", "the socket goes on");
}
