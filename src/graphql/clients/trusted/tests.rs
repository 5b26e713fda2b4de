use serde_json::{Value, json};

use super::*;

const PAGE: &str = "query Page { tasks { nodes { id } } }";

fn apollo(operations: Value) -> String {
    json!({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}).to_string()
}

async fn problems(file: &str) -> Vec<String> {
    TrustedDocuments::read(file).await.err().map(|UntrustedFile(problems)| problems).unwrap_or_default()
}

#[tokio::test]
async fn both_formats_are_read_and_documents_found_by_id_and_by_hash() {
    let listed = json!([{"id": "abc", "name": "Page", "type": "query", "body": PAGE}]);
    for file in [apollo(listed), json!({"abc": PAGE}).to_string()] {
        let trusted = TrustedDocuments::read(&file).await.unwrap();
        let hash = sha256(PAGE);
        for id in ["abc", &hash, &format!("sha256:{hash}")] {
            let found = trusted.named(id).unwrap();
            assert_eq!((found.name.as_deref(), found.text.as_str()), (Some("Page"), PAGE), "{id}");
        }
        assert!(trusted.named("abd").is_none());
        assert_eq!(trusted.operations.len(), 1);
        assert_eq!(trusted.operations[0].needs[0].resource, "task");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let told = problems(&apollo(json!([
        {"id": "a", "name": "A", "type": "query", "body": "query A { nothing }"},
        {"id": "b", "name": "B", "type": "query", "body": "query B {"},
        {"id": "c", "name": "D", "type": "query", "body": "query C { apiInfo { name } }"},
        {"id": "d", "name": "D", "type": "mutation", "body": "query D { apiInfo { name } }"},
        {"id": "e", "name": "E", "type": "query", "body": "query E { apiInfo { name } } query F { apiInfo { name } }"},
        {"id": "a", "name": "G", "type": "query", "body": "query G { apiInfo { name } }"},
        {"id": "h"},
    ])))
    .await;
    for expected in [
        "a:1:11: Unknown field",
        "b:1:",
        "c: the operation has another name",
        "d: the operation is of another type",
        "e: a trusted document has exactly one operation",
        "operations[5]: the id a is listed twice",
        "operations[6]: missing field `body`",
    ] {
        assert!(told.iter().any(|problem| problem.starts_with(expected)), "{expected} is not in {told:#?}");
    }
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused_as_a_whole() {
    for (file, expected) in [
        ("nonsense", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ("{}", "it lists no document"),
        (r#"{"format":"other","version":1,"operations":[]}"#, "its `format` is not known"),
        (r#"{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}"#, "only version 1"),
        (r#"{"format":"apollo-persisted-query-manifest","version":1}"#, "`operations` is no list"),
        (r#"{"abc":7}"#, "abc: the document is no text"),
    ] {
        let told = problems(file).await;
        assert!(told.len() == 1 && told[0].starts_with(expected), "{file}: {told:?}");
    }
}

#[tokio::test]
async fn fragments_of_one_document_are_none_of_anothers_business() {
    let document =
        |name: &str| format!("query {name} {{ apiInfo {{ ...F }} }} fragment F on ApiInfo {{ name }}");
    let file = json!({"a": document("A"), "b": document("B")}).to_string();
    assert_eq!(problems(&file).await, [""; 0]);
}
