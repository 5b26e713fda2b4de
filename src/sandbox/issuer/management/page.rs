//! The part of a list that a query asks for: `page`, `per_page`, `include_totals`, as Auth0 spells them.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::refusal::Refusal;

/// Parameters of the query string.
pub(super) type Parameters = HashMap<String, String>;

/// Rows of a page that asks for no other number.
const USUAL: usize = 50;
/// Most rows of a page.
const MOST: usize = 100;

/// Cuts `rows` to the page that was asked for; with totals they are called `name` in an object.
pub(super) fn cut(query: &Parameters, name: &str, rows: Vec<Value>) -> Result<Value, Refusal> {
    let size = number(query, "per_page")?.unwrap_or(USUAL);
    if size > MOST {
        let problem = format!("Value {size} is greater than maximum {MOST} on property per_page");
        return Err(Refusal::Query(problem));
    }
    let start = number(query, "page")?.unwrap_or(0).saturating_mul(size);
    let total = rows.len();
    let shown: Vec<Value> = rows.into_iter().skip(start).take(size).collect();
    let with_totals = query.get("include_totals").is_some_and(|value| value == "true");
    Ok(if with_totals {
        json!({"start": start, "limit": size, "length": shown.len(), "total": total, name: shown})
    } else {
        json!(shown)
    })
}

fn number(query: &Parameters, name: &str) -> Result<Option<usize>, Refusal> {
    let parse = |text: &String| {
        text.parse().map_err(|_| Refusal::Query(format!("Expected type integer on property {name}")))
    };
    query.get(name).map(parse).transpose()
}
