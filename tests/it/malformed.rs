//! A thousand requests that are wrong in every way: each gets a typed error, none a 500, and the server lives.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::support::World;

/// A request: header value, content type, accept, body.
type Wrong = (String, String, String, Vec<u8>);

fn wrong() -> impl Strategy<Value = Wrong> {
    let token = prop_oneof![
        "[ -~]{0,60}",
        "Bearer [A-Za-z0-9._-]{0,200}",
        "Bearer eyJ[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}",
    ];
    let kind = prop_oneof![Just("application/json".to_owned()), "[ -~]{0,30}"];
    let accept = prop_oneof![Just("application/graphql-response+json".to_owned()), "[ -~]{0,40}"];
    let document = prop_oneof![
        "\\PC{0,200}",
        "[{}()\\[\\]a-z:!$@\"# ,.|&=]{0,200}",
        "\\{ (task|node|user|tasks|nodes)\\((id|ids|first|after|filter): [\"a-z0-9{}:\\[\\]-]{0,20}\\) \\{ id \\} \\}",
        "mutation \\{ (createTask|deleteTask|login|assignRole)\\(input: \\{[a-z: \"0-9]{0,40}\\}\\) \\{ [a-zA-Z ]{0,20} \\} \\}",
    ];
    let variables =
        prop_oneof!["\\PC{0,40}".prop_map(|text| json!(text)), any::<i64>().prop_map(|n| json!({"a": n}))];
    let body = prop_oneof![
        (document, variables).prop_map(|(query, variables)| {
            json!({"query": query, "variables": variables}).to_string().into_bytes()
        }),
        proptest::collection::vec(any::<u8>(), 0..200),
        "[{}\\[\\]\":,a-z0-9 ]{0,200}".prop_map(String::into_bytes),
    ];
    (token, kind, accept, body)
}

#[tokio::test]
async fn a_thousand_malformed_requests_each_get_a_typed_error() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let valid = world.token(json!({})).await;
    // The same cases in every run, so that a failure can be looked at.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut cases = TestRunner::new_with_rng(Config::default(), rng);
    for case in 0..1_000 {
        let (token, kind, accept, body) = wrong().new_tree(&mut cases).unwrap().current();
        let token = if case % 2 == 0 { format!("Bearer {valid}") } else { token };
        let request = world.client.post(format!("{}/graphql", world.url));
        let request =
            request.header("authorization", token).header("content-type", kind).header("accept", accept);

        let response = request.body(body.clone()).send().await.unwrap();

        let status = response.status();
        assert!(status.as_u16() < 500, "{status}: {}", String::from_utf8_lossy(&body));
        let answer: serde_json::Value = response.json().await.unwrap();
        if status != 200 || answer.get("data").is_none() {
            let code = &answer["errors"][0]["extensions"]["code"];
            assert!(code.is_string(), "{status} {answer} {}", String::from_utf8_lossy(&body));
        }
        for error in answer["errors"].as_array().into_iter().flatten() {
            assert!(error["extensions"]["code"].is_string(), "{answer} {}", String::from_utf8_lossy(&body));
            assert_ne!(
                error["extensions"]["code"],
                "INTERNAL",
                "{answer} {}",
                String::from_utf8_lossy(&body)
            );
        }
    }
    assert_eq!(admin.asks("{ tasks { totalCount } }").await.codes(), [""; 0]);
}
