//! The sandbox's Permit, held to what the real one publishes: rate limits, the facts proxy, and faults to order.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use taskgate::sandbox::permit::API_KEY;

use crate::support::World;

/// Calls of Permit as a client of it makes them.
impl World {
    fn call(&self, service: &str, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.client.request(method, format!("{service}{path}")).bearer_auth(API_KEY)
    }

    async fn at_api(&self, method: &str, path: &str, body: Value) -> Response {
        self.call(&self.sandbox.permit_api.url(), method, path).json(&body).send().await.unwrap()
    }

    async fn at_pdp(&self, method: &str, path: &str, body: Value) -> Response {
        self.call(&self.sandbox.pdp.url(), method, path).json(&body).send().await.unwrap()
    }

    async fn control(&self, service: &str, path: &str, body: Value) {
        let request = self.client.put(format!("{service}/sandbox/{path}")).json(&body);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    async fn limits(&self) -> Value {
        let url = format!("{}/sandbox/limits", self.sandbox.permit_api.url());
        self.client.get(url).send().await.unwrap().json().await.unwrap()
    }
}

const FACTS: &str = "/v2/facts/taskgate/sandbox";

fn user(name: &str) -> String {
    format!("{FACTS}/users/{name}")
}

#[tokio::test]
async fn the_published_limits_hold_unless_they_are_changed() {
    let world = World::start().await;
    let published = json!({
        "requestsPerMinute": 1000, "writesPerMinute": 300, "deletesPerMinute": 60, "schemaWritesPerMinute": 40,
        "refused": 0,
    });
    assert_eq!(world.limits().await, published);

    for _ in 0..60 {
        assert_eq!(world.at_api("DELETE", &user("nobody"), json!({})).await.status(), 404);
    }
    assert_eq!(world.at_api("DELETE", &user("nobody"), json!({})).await.status(), 429);
    let grant = "/v2/schema/taskgate/sandbox/roles/viewer/permissions";
    for _ in 0..40 {
        assert_eq!(world.at_api("POST", grant, json!({"permissions": []})).await.status(), 200);
    }
    assert_eq!(world.at_api("POST", grant, json!({"permissions": []})).await.status(), 429);
    let role = "/v2/schema/taskgate/sandbox/roles/viewer";
    assert_eq!(world.at_api("PATCH", role, json!({"name": "Reader"})).await.status(), 200);
    assert_eq!(world.at_api("PUT", &user("a"), json!({"key": "a"})).await.status(), 201);
    assert_eq!(world.limits().await["refused"], 2);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let world = World::start().await;
    world.control(&world.sandbox.permit_api.url(), "limits", json!({"writesPerMinute": 1})).await;
    assert_eq!(world.at_api("PUT", &user("a"), json!({"key": "a"})).await.status(), 201);

    let refused = world.at_api("PUT", &user("b"), json!({"key": "b"})).await;

    assert_eq!(refused.status(), 429);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    let details: Value = refused.json().await.unwrap();
    for member in ["id", "title", "error_code", "message", "support_link"] {
        assert!(details[member].is_string(), "{member} in {details}");
    }
    assert_eq!(world.at_api("GET", &user("b"), json!({})).await.status(), 404, "reading goes on");
}

#[tokio::test]
async fn facts_through_the_pdp_count_and_decisions_do_not() {
    let world = World::start().await;
    let api = world.sandbox.permit_api.url();
    // Two were made by the server when it started.
    world.control(&api, "limits", json!({"requestsPerMinute": 4})).await;
    let check = json!({"user": {"key": "a"}, "action": "get", "resource": {"type": "task"}});

    assert_eq!(world.at_pdp("PUT", &user("a"), json!({"key": "a"})).await.status(), 201);
    for _ in 0..5 {
        assert_eq!(world.at_pdp("POST", "/allowed", check.clone()).await.status(), 200);
    }
    assert_eq!(world.at_api("GET", &user("a"), json!({})).await.status(), 200);
    assert_eq!(world.at_pdp("GET", &user("a"), json!({})).await.status(), 429);
    assert_eq!(world.limits().await["refused"], 1);
}

#[tokio::test]
async fn an_unanswered_request_was_carried_out_and_a_hanging_one_was_not() {
    let world = World::start().await;
    let api = world.sandbox.permit_api.url();
    for (kind, status) in [("unanswered", StatusCode::OK), ("hang", StatusCode::NOT_FOUND)] {
        world.break_it(&api, json!({"kind": kind, "method": "PUT", "times": 1})).await;

        let request = world.call(&api, "PUT", &user(kind)).json(&json!({"key": kind}));
        let silence = request.timeout(Duration::from_millis(300)).send().await;

        assert!(silence.unwrap_err().is_timeout(), "{kind}");
        assert_eq!(world.at_api("GET", &user(kind), json!({})).await.status(), status, "{kind}");
    }
}

#[tokio::test]
async fn a_fault_strikes_only_the_method_and_the_paths_it_names() {
    let world = World::start().await;
    let fault = json!({"kind": "status", "status": 503, "method": "DELETE", "pathPrefix": FACTS});
    world.break_it(&world.sandbox.permit_api.url(), fault).await;

    assert_eq!(world.at_api("DELETE", &user("a"), json!({})).await.status(), 503);
    assert_eq!(world.at_api("GET", &user("a"), json!({})).await.status(), 404);
    let role = "/v2/schema/taskgate/sandbox/roles/viewer";
    assert_eq!(world.at_api("DELETE", role, json!({})).await.status(), 204);
}

/// What the proxy answers to a sync of a user with these headers, while the PDP is an hour behind.
async fn synced(world: &World, name: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut request = world.call(&world.sandbox.pdp.url(), "PUT", &user(name)).json(&json!({"key": name}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.timeout(Duration::from_secs(5)).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_proxy_waits_as_it_is_told_and_says_whether_it_waited_in_vain() {
    let world = World::start().await;
    let pdp = world.sandbox.pdp.url();
    world.control(&pdp, "propagation-delay", json!({"ms": 3_600_000})).await;
    let (wait, policy) = ("X-Wait-Timeout", "X-Timeout-Policy");

    let (status, body) = synced(&world, "a", &[(wait, "0.05"), (policy, "fail")]).await;
    assert_eq!(
        (status.as_u16(), &body),
        (424, &json!({"detail": "Timeout waiting for update to be received"}))
    );
    assert_eq!(world.at_api("GET", &user("a"), json!({})).await.status(), 200, "written all the same");
    assert_eq!(synced(&world, "b", &[(wait, "0.05")]).await.0, 201, "by default it ignores the time-out");
    assert_eq!(synced(&world, "c", &[(wait, "0"), (policy, "fail")]).await.0, 201, "0 is no wait at all");

    for (header, value, complaint) in [
        (wait, "soon", "Invalid X-Wait-timeout header, expected float, got 'soon'"),
        (policy, "hope", "Invalid X-Timeout-Policy header, expected ignore or fail, got 'hope'"),
    ] {
        let (status, body) = synced(&world, "d", &[(header, value)]).await;
        assert_eq!((status.as_u16(), &body), (400, &json!({"detail": complaint})));
        assert_eq!(world.at_api("GET", &user("d"), json!({})).await.status(), 404, "nothing was written");
    }
    let patient = [(wait, "60"), (policy, "fail")];
    let (waiting, ()) = tokio::join!(synced(&world, "e", &patient), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.control(&pdp, "propagation-delay", json!({"ms": 0})).await;
    });
    assert_eq!(waiting.0, 201, "it was seen in time");
}

#[tokio::test]
async fn what_the_proxy_does_not_wait_for_is_passed_on_as_it_is() {
    let world = World::start().await;
    let pdp = world.sandbox.pdp.url();
    assert_eq!(world.at_api("PUT", &user("a"), json!({"key": "a"})).await.status(), 201);
    world.control(&pdp, "propagation-delay", json!({"ms": 3_600_000})).await;

    for (method, path, body) in [
        ("POST", format!("{FACTS}/tenants/default/users"), json!({"key": "a"})),
        ("PATCH", format!("{FACTS}/tenants/default"), json!({"name": "Default"})),
        ("DELETE", format!("{FACTS}/tenants/default/users/a"), json!({})),
        ("DELETE", user("a"), json!({})),
    ] {
        let request = world.call(&pdp, method, &path).header("X-Wait-Timeout", "junk").json(&body);
        let response = request.timeout(Duration::from_secs(5)).send().await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
    }
}

#[tokio::test]
async fn a_role_taken_through_the_proxy_is_shown() {
    let world = World::start().await;
    assert_eq!(world.at_api("PUT", &user("a"), json!({"key": "a"})).await.status(), 201);
    let assignments = format!("{FACTS}/role_assignments");
    let held = json!({"user": "a", "role": "viewer", "tenant": "default"});
    for (path, body) in [(assignments.clone(), held.clone()), (format!("{}/roles", user("a")), held.clone())]
    {
        assert_eq!(world.at_pdp("POST", &assignments, held.clone()).await.status(), 200);

        let taken = world.at_pdp("DELETE", &path, body).await;

        assert_eq!(taken.status(), 200, "{path}");
        let shown: Value = taken.json().await.unwrap();
        assert_eq!((&shown["user"], &shown["role"]), (&json!("a"), &json!("viewer")), "{path}");
    }
    assert_eq!(world.at_api("POST", &assignments, held.clone()).await.status(), 200);
    assert_eq!(world.at_api("DELETE", &assignments, held).await.status(), 204, "the REST API shows nothing");
}

#[tokio::test]
async fn the_proxy_can_be_taken_away_as_at_the_hosted_pdp() {
    let world = World::start().await;
    let pdp = world.sandbox.pdp.url();
    world.control(&pdp, "facts-proxy", json!({"enabled": false})).await;

    let absent = world.at_pdp("GET", &format!("{FACTS}/users"), json!({})).await;
    assert_eq!(absent.status(), 404);
    assert_eq!(absent.json::<Value>().await.unwrap(), json!({"detail": "Not Found"}));
    assert_eq!(world.at_pdp("PUT", "/facts/users/a", json!({"key": "a"})).await.status(), 404);
    assert_eq!(world.at_pdp("GET", "/version", json!({})).await.status(), 200);

    world.control(&pdp, "facts-proxy", json!({"enabled": true})).await;
    assert_eq!(world.at_pdp("PUT", "/facts/users/a", json!({"key": "a"})).await.status(), 201);
}

#[tokio::test]
async fn the_pdp_tells_its_version_to_whoever_has_the_key() {
    let world = World::start().await;

    let told: Value = world.at_pdp("GET", "/version", json!({})).await.json().await.unwrap();

    assert!(told["api_version"].is_u64(), "{told}");
    let stranger = world.client.get(format!("{}/version", world.sandbox.pdp.url())).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}
