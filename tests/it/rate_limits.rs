//! Callers who ask for too much: what operations cost, whose bucket pays, and how a refusal is told over every transport.

use serde_json::{Value, json};
use taskgate::rate_limit::Rate;

use crate::support::{Answer, World};

const CHEAP: &str = "{ viewer { subject } }";
/// More than any bucket of these tests holds, were it full.
const HUGE: &str = "{ a: tasks(first: 100) { nodes { id } } b: tasks(first: 100) { nodes { id } } }";

/// Buckets that do not fill up while a test runs.
fn rate(points: u32) -> Rate {
    Rate { points, points_per_second: 1 }
}

async fn world(subject: u32, address: u32) -> World {
    World::with(|config| {
        config.rate_limit.subject = rate(subject);
        config.rate_limit.address = rate(address);
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

fn is_refused(answer: &Answer, bucket: &str) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    let refusal = answer.refusal();
    assert_eq!(refusal["code"], "RATE_LIMITED");
    assert_eq!(refusal["bucket"], bucket);
    let wait = refusal["retryAfterMs"].as_u64().unwrap();
    let header: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait > 0 && header == wait.div_ceil(1_000), "{wait} {header}");
    assert!(answer.body.get("data").is_none());
}

/// Somebody at an address, as a trusted proxy tells it.
async fn from(world: &World, address: &str, authorization: Option<&str>) -> reqwest::Response {
    let request = world.client.post(format!("{}/graphql", world.url)).header("x-forwarded-for", address);
    let request =
        authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
    request.json(&json!({"query": "{ __typename }"})).send().await.unwrap()
}

#[tokio::test]
async fn every_executed_operation_says_what_it_cost_and_what_is_left() {
    let world = world(1_000, 1_000).await;
    let manager = world.signed_in("manager").await;
    let before = manager.asks("{ rateLimit { limit remaining restoreRate resetAt } }").await;
    let left = before.body["extensions"]["cost"]["remaining"].as_u64().unwrap();
    assert_eq!(before.body["data"]["rateLimit"]["remaining"], left);
    assert_eq!(before.body["data"]["rateLimit"]["limit"], 1_000);
    assert_eq!(before.body["data"]["rateLimit"]["restoreRate"], 1);
    assert!(before.body["data"]["rateLimit"]["resetAt"].as_str().unwrap().starts_with("20"));

    let page =
        manager.asks("{ tasks(first: 50) { nodes { viewerPermissions { canUpdate { allowed } } } } }").await;

    let cost = &page.body["extensions"]["cost"];
    // Itself, the connection, 50 rows, their permissions, each with an answer, two questions, and one about a refusal.
    assert_eq!((&cost["points"], &cost["checks"]), (&json!(155), &json!(3)));
    let spent = left - cost["remaining"].as_u64().unwrap();
    assert!((155..=156).contains(&spent), "and one for the request, less what came back: {spent}");
    let nobody = world.nobody().asks("{ apiInfo { name } }").await;
    assert_eq!(nobody.body["extensions"]["cost"]["points"], 2);
}

#[tokio::test]
async fn a_long_document_is_paid_for_before_it_is_read() {
    let world = world(1_000, 50).await;
    let long = format!("{{ __typename }}{}", " ".repeat(6 * 1024));
    let wrong = format!("{{ {} }}", "a ".repeat(3 * 1024));

    for document in [&long, &wrong] {
        is_refused(&world.nobody().asks(document).await, "address");
    }

    assert_eq!(world.nobody().asks("{ __typename }").await.codes(), [""; 0], "nothing was taken");
}

#[tokio::test]
async fn without_limits_the_cost_is_told_and_nobody_is_refused() {
    let world = World::with(|config| {
        config.rate_limit.subject = rate(0);
        config.rate_limit.address = rate(0);
    })
    .await;
    let manager = world.signed_in("manager").await;
    let answer = manager.asks("{ rateLimit { limit } }").await;
    assert_eq!(answer.body["data"]["rateLimit"], Value::Null);
    assert_eq!(answer.body["extensions"]["cost"], json!({"points": 2, "checks": 0}));
}

#[tokio::test]
async fn a_subject_who_spent_all_is_refused_wherever_they_are_and_nobody_else_is() {
    let world = world(200, 1_000).await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let large = "{ tasks(first: 100) { nodes { id } } }";
    while manager.asks(large).await.status == 200 {}

    is_refused(&manager.asks(large).await, "subject");

    let another_token = world.persona("manager").await;
    is_refused(&another_token.asks(large).await, "subject");
    viewer.asks(CHEAP).await.data();
    let buttons = world.client.post(format!("{}/permissions", world.url)).bearer_auth(manager.token());
    let pairs: Vec<Value> = vec![json!({"action": "get", "resource": "task"}); 90];
    let answer = buttons.json(&json!({"resourcesAndActions": pairs})).send().await.unwrap();
    assert_eq!(answer.status(), 429);
}

#[tokio::test]
async fn an_operation_that_costs_too_much_is_refused_before_it_is_paid() {
    let world = World::with(|config| config.graphql.max_cost = 100).await;
    let answer = world.signed_in("manager").await.asks("{ tasks(first: 100) { nodes { id } } }").await;
    assert_eq!(answer.status, 400);
    let refusal = answer.refusal();
    assert_eq!((&refusal["code"], &refusal["what"]), (&json!("QUERY_TOO_COMPLEX"), &json!("cost")));
    assert_eq!((&refusal["limit"], &refusal["actual"]), (&json!(100), &json!(105)));
}

#[tokio::test]
async fn an_introspection_that_goes_round_in_circles_is_refused() {
    let world = World::start().await;
    let circles = "fields { type { ".repeat(6) + "name" + &" } }".repeat(6);
    let answer = world.nobody().asks(&format!("{{ __schema {{ types {{ {circles} }} }} }}")).await;
    assert_eq!(answer.codes(), ["QUERY_TOO_COMPLEX"]);
    assert_eq!(answer.refusal()["what"], "cost");
}

/// Asks from these addresses in turn until one is refused, which takes as many requests as are told.
async fn until_refused(world: &World, authorization: Option<&str>, address: impl Fn(u32) -> String) -> u32 {
    for n in 0..100 {
        if from(world, &address(n), authorization).await.status() == 429 {
            return n;
        }
    }
    panic!("nobody is refused")
}

#[tokio::test]
async fn strangers_and_bad_tokens_are_charged_to_their_address_before_anything_is_verified() {
    let world = world(1_000, 10).await;
    let good = world.signed_in("manager").await;
    let bad = format!("Bearer {}x", world.token(json!({})).await);
    let here = |_| "203.0.113.9".to_owned();

    assert!(until_refused(&world, Some(&bad), here).await >= 10);

    assert_eq!(
        from(&world, "203.0.113.10", Some(&bad)).await.status(),
        401,
        "others have a bucket of their own"
    );
    assert_eq!(
        from(&world, "203.0.113.9", None).await.status(),
        200,
        "and so have those there without a token"
    );
    assert!(until_refused(&world, None, here).await >= 3);
    until_refused(&world, Some(&bad), here).await;
    let known = format!("Bearer {}", good.token());
    assert_eq!(from(&world, "203.0.113.9", Some(&known)).await.status(), 200, "a verified token pays itself");
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let world = world(1_000, 10).await;
    until_refused(&world, None, |n| format!("2001:db8:0:1::{n:x}")).await;
    assert_eq!(from(&world, "2001:db8:0:2::1", None).await.status(), 200);
}

#[tokio::test]
async fn without_a_trusted_proxy_nobody_chooses_their_address() {
    let world = World::with(|config| config.rate_limit.address = rate(10)).await;
    until_refused(&world, None, |n| format!("203.0.113.{n}")).await;
}

#[tokio::test]
async fn over_a_socket_the_operation_is_refused_and_the_socket_goes_on() {
    let world = world(120, 1_000).await;
    let manager = world.signed_in("manager").await;
    let socket = manager.connects().await;
    let mut large = socket.subscribes(HUGE).await;

    let refusal = large.refusal().await;

    assert_eq!(refusal[0]["extensions"]["code"], "RATE_LIMITED");
    assert_eq!(refusal[0]["extensions"]["bucket"], "subject");
    assert!(refusal[0]["extensions"]["retryAfterMs"].as_u64().unwrap() > 0);
    let mut cheap = socket.subscribes(CHEAP).await;
    assert!(cheap.next().await["data"]["viewer"]["subject"].is_string());
}

#[tokio::test]
async fn an_event_stream_tells_it_in_an_event() {
    let world = world(120, 1_000).await;
    let manager = world.signed_in("manager").await;
    let request = world.client.post(format!("{}/graphql", world.url)).bearer_auth(manager.token());
    let request = request.header("accept", "text/event-stream");
    let body = json!({"query": HUGE});

    let text = request.json(&body).send().await.unwrap().text().await.unwrap();

    assert!(text.contains("\"code\":\"RATE_LIMITED\""), "{text}");
    assert!(
        text.contains("\"bucket\":\"subject\"") && text.ends_with("event: complete\ndata:\n\n"),
        "{text}"
    );
}

#[tokio::test]
async fn an_event_is_paid_for_and_one_that_cannot_be_is_to_be_fetched() {
    let world = world(800, 1_000).await;
    let (manager, admin) = (world.signed_in("manager").await, world.signed_in("admin").await);
    let socket = manager.connects().await;
    let tasks: Vec<String> = (0..45).map(|n| format!("t{n}: task {{ id }}")).collect();
    let document = format!("subscription {{ changed: taskChanged {{ taskId {} }} }}", tasks.join(" "));
    let mut changes = socket.subscribes(&document).await;
    // It is let in when an event is told.
    while changes.soon().await.is_none() {
        admin.creates_task("First").await;
    }
    let mut left = u64::MAX;

    let refused = loop {
        admin.creates_task("Another").await;
        let event = changes.next().await;
        let Some(now) = event["extensions"]["cost"]["remaining"].as_u64() else { break event };
        assert!(now < left, "every event is paid: {event}");
        left = now;
    };

    let error = &refused["errors"][0];
    assert_eq!(error["extensions"]["code"], "RATE_LIMITED", "{refused}");
    assert_eq!((&error["path"], &error["extensions"]["refetch"]), (&json!(["changed"]), &json!(true)));
    assert_eq!(error["extensions"]["bucket"], "subject");
    assert!(error["extensions"]["retryAfterMs"].as_u64().unwrap() > 0);
    admin.creates_task("Last").await;
    assert!(changes.next().await.is_object(), "the subscription goes on");
}

#[tokio::test]
async fn somebody_has_so_many_subscriptions_open_over_all_their_connections() {
    let world = World::with(|config| config.http.max_subscriptions_per_subject = 2).await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let (one, another) = (manager.connects().await, manager.connects().await);
    let quiet = "subscription { viewerPermissionsChanged { permissions } }";
    let first = one.subscribes(quiet).await;
    let _second = another.subscribes(quiet).await;

    let refusal = another.subscribes(quiet).await.refusal().await;

    let told = &refusal[0]["extensions"];
    assert_eq!((&told["code"], &told["limit"]), (&json!("TOO_MANY_SUBSCRIPTIONS"), &json!(2)));
    assert_eq!(told["what"], "open subscriptions of one subject");
    let request = world.client.post(format!("{}/graphql", world.url)).bearer_auth(manager.token());
    let request = request.header("accept", "text/event-stream").json(&json!({"query": quiet}));
    let stream = request.send().await.unwrap().text().await.unwrap();
    assert!(stream.contains("\"code\":\"TOO_MANY_SUBSCRIPTIONS\""), "{stream}");
    let mut query = another.subscribes(CHEAP).await;
    assert!(query.next().await["data"].is_object(), "queries are no subscriptions");
    assert!(viewer.connects().await.subscribes(quiet).await.soon().await.is_none(), "others have their own");
    first.stops().await;
    let mut later = one.subscribes(quiet).await;
    assert!(later.soon().await.is_none(), "one that ends makes room");
}
