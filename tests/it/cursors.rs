//! Cursors that this server did not write, or wrote for another list.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Persona, World};

async fn after(persona: &Persona<'_>, list: &str, arguments: &str, cursor: &str) -> Value {
    let document =
        format!("query($after: String) {{ {list}(after: $after {arguments}) {{ nodes {{ id }} }} }}");
    persona.asks_with(&document, json!({"after": cursor})).await.body
}

async fn first_cursor(persona: &Persona<'_>, list: &str, arguments: &str) -> String {
    let document = format!("{{ {list}({arguments}) {{ pageInfo {{ startCursor }} }} }}");
    persona.asks(&document).await.data()[list]["pageInfo"]["startCursor"].as_str().unwrap().to_owned()
}

/// The cursor with its sort value replaced.
fn forged(cursor: &str, value: Value) -> String {
    let mut inside: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap();
    inside["p"]["value"] = value;
    URL_SAFE_NO_PAD.encode(inside.to_string())
}

#[tokio::test]
async fn a_cursor_is_good_for_the_list_and_the_order_that_it_was_made_for() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    admin.creates_task("t").await;
    let newest = first_cursor(&admin, "tasks", "first: 1").await;
    let by_title = first_cursor(&admin, "tasks", "orderBy: {field: TITLE, direction: ASC}").await;
    let user = first_cursor(&admin, "users", "first: 1").await;
    let title = ", orderBy: {field: TITLE, direction: ASC}";

    for (list, arguments, cursor) in
        [("tasks", "", &newest), ("tasks", title, &by_title), ("users", "", &user)]
    {
        assert!(after(&admin, list, arguments, cursor).await.get("errors").is_none(), "{list} {arguments}");
    }
    for (list, arguments, cursor) in [
        ("tasks", "", user.clone()),
        ("users", "", newest.clone()),
        ("tasks", title, newest.clone()),
        ("tasks", "", by_title.clone()),
        ("tasks", "", forged(&newest, json!("text"))),
        ("tasks", "", forged(&newest, json!(1.5))),
        ("tasks", title, forged(&by_title, json!(1))),
        ("tasks", title, forged(&by_title, json!("a\u{0}"))),
    ] {
        let body = after(&admin, list, arguments, &cursor).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{list} {arguments}: {body}");
        assert_eq!(body["errors"][0]["extensions"]["field"], "after");
    }
}
