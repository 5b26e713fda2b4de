//! What every path answers, whatever the method: GraphQL-shaped, named, and nothing that was switched off.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::World;

async fn told(world: &World, method: Method, path: &str) -> (StatusCode, Option<String>, Value) {
    let response = world.client.request(method, format!("{}{path}", world.url)).send().await.unwrap();
    let allow = response.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
    (response.status(), allow, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_wrong_method_or_path_is_told_in_the_shape_of_graphql() {
    let world = World::with(|config| config.http.console = true).await;
    for (method, path, status, allowed) in [
        (Method::POST, "/", 405, Some("GET, HEAD")),
        (Method::DELETE, "/console/x/graphiql.js", 405, Some("GET, HEAD")),
        (Method::POST, "/schema.graphql", 405, Some("GET, HEAD")),
        (Method::OPTIONS, "/schema.graphql", 405, Some("GET, HEAD")),
        (Method::OPTIONS, "/graphql", 405, Some("GET, POST")),
        (Method::GET, "/console/x/graphiql.js", 404, None),
        (Method::GET, "/nowhere", 404, None),
        (Method::OPTIONS, "/nowhere", 404, None),
    ] {
        let (got, allow, answer) = told(&world, method.clone(), path).await;
        assert_eq!((got.as_u16(), allow.as_deref()), (status, allowed), "{method} {path}");
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["code"], "BAD_REQUEST", "{method} {path}: {answer}");
        assert!(error["requestId"].is_string(), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn the_schema_is_served_only_where_clients_may_read_it() {
    for (introspection, status) in [(true, 200), (false, 404)] {
        let world = World::with(|config| config.graphql.introspection = introspection).await;
        assert_eq!(told(&world, Method::GET, "/schema.graphql").await.0, status);
        assert_eq!(told(&world, Method::GET, "/permissions.json").await.0, 200);
    }
}
