//! Requests that are wrong in every way, a thousand at random and others with malice: each gets a typed error, soon
//! and short, none a 500, and the server lives.

use std::time::{Duration, Instant};

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

/// Documents that once took the process, minutes or megabytes, and the code of what they get now.
fn malicious() -> Vec<(String, &'static str)> {
    let nodes = |ids: &str| format!("{{ nodes(ids: [{ids}]) {{ id }} }}");
    let fragments =
        |times: usize, fragment: fn(usize) -> String| (0..times).map(fragment).collect::<String>();
    let chain = fragments(2_500, |n| format!("fragment f{n} on Query{{...f{}}}", n + 1));
    let unused = fragments(1_500, |n| format!("fragment f{n} on Query {{ x{n} ...f{n} }} "));
    let doubled = fragments(28, |n| format!("fragment f{n} on Query {{ ...f{0} ...f{0} }} ", n + 1));
    let doubling = |last: &str| format!("{{ apiInfo {{ ...f0 }} }} {doubled} {last}");
    vec![
        (nodes(&format!("\"\"\" \" {}{}", "[".repeat(500), "]".repeat(500))), "GRAPHQL_PARSE_FAILED"),
        (nodes(&format!("\"\"\"a\" {}", "\"\\\"\"\"\" \" ".repeat(4_000))), "GRAPHQL_PARSE_FAILED"),
        (nodes(&"[".repeat(40_000)), "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", "a ".repeat(300_000)), "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", "n".repeat(50_000)), "QUERY_TOO_COMPLEX"),
        (doubling(""), "QUERY_TOO_COMPLEX"),
        (doubling("fragment f28 on Query { apiInfo { name } }"), "QUERY_TOO_COMPLEX"),
        (format!("{{ apiInfo {{ name }} }} {chain}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ apiInfo {{ name }} }} {unused}"), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ {}a{} }}", "...{".repeat(40), "}".repeat(40)), "QUERY_TOO_COMPLEX"),
        ("{ ...f } fragment f on Query { apiInfo { name } ...f }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ apiInfo {{ {} }} }}", "nothing ".repeat(900)), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ apiInfo @{} {{ name }} }}", "n".repeat(200)), "GRAPHQL_VALIDATION_FAILED"),
    ]
}

#[tokio::test]
async fn no_document_takes_the_process_or_much_of_its_time_and_space() {
    let world = World::start().await;
    for (document, code) in malicious() {
        let started = Instant::now();

        let answer = world.nobody().asks(&document).await;

        assert!(started.elapsed() < Duration::from_secs(2), "{:?}: {document:.80}", started.elapsed());
        assert!(answer.status.as_u16() <= 400, "{document:.80}: {}", answer.status);
        let errors = answer.body["errors"].as_array().unwrap_or_else(|| panic!("{document:.80}"));
        assert!((1..=20).contains(&errors.len()), "{document:.80}: {} errors", errors.len());
        assert!(answer.codes().iter().all(|told| *told == code), "{document:.80}: {:?}", answer.codes());
        assert!(answer.body.to_string().len() < 20_000, "{document:.80}");
        for error in errors {
            assert!(error["message"].as_str().unwrap().chars().count() <= 201, "{document:.80}");
        }
    }
}

#[tokio::test]
async fn what_a_document_may_not_do_when_it_is_executed_it_may_not_do_as_an_argument() {
    let world = World::start().await;
    let outer = "query($d: String!) { permissionRequirements(document: $d) { coordinate } }";
    for (document, code) in malicious() {
        let started = Instant::now();

        let answer = world.nobody().asks_with(outer, json!({"d": document})).await;

        assert!(started.elapsed() < Duration::from_secs(2), "{:?}: {document:.80}", started.elapsed());
        let expected = if code == "QUERY_TOO_COMPLEX" { code } else { "BAD_USER_INPUT" };
        assert_eq!(answer.codes(), [expected], "{document:.80}");
        assert!(answer.body.to_string().len() < 20_000, "{document:.80}");
    }
}

#[tokio::test]
async fn a_value_of_any_size_is_not_sent_back() {
    let world = World::start().await;
    let large = "S".repeat(50_000);
    let by_variable = "query($order: TaskOrder) { tasks(orderBy: $order) { totalCount } }";
    let by_literal = format!("{{ tasks(orderBy: \"{large}\") {{ totalCount }} }}");
    for (document, order) in [
        (by_literal.as_str(), json!(null)),
        (by_variable, json!(large)),
        (by_variable, json!({"field": large})),
        (by_variable, json!(vec!["S"; 50_000])),
    ] {
        let answer = world.nobody().asks_with(document, json!({"order": order})).await;
        assert!(answer.body.to_string().len() < 2_000, "{} bytes", answer.body.to_string().len());
        assert_eq!(answer.codes().len(), 1, "{:?}", answer.codes());
    }
}
