//! The two formats in which clients list their documents: Apollo's manifest, which
//! `generate-persisted-query-manifest` writes, and the flat object of ids and texts of the Relay compiler and of
//! graphql-codegen.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

/// How Apollo's manifest calls itself.
const APOLLO: &str = "apollo-persisted-query-manifest";
/// Longest id, in bytes: errors repeat it.
pub const MAX_ID_BYTES: usize = 200;

/// A document as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub text: String,
    /// What the file says of the operation, if it does.
    pub name: Option<String>,
    pub kind: Option<String>,
}

/// What is wrong with the file as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestError {
    /// Nothing in it can be read.
    Unreadable(String),
    /// Some of it cannot be read; one sentence each.
    Entries { readable: Vec<Listed>, problems: Vec<String> },
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    body: String,
}

/// Reads the text of a file in either format.
///
/// # Errors
/// See [`ManifestError`].
pub fn read_manifest(text: &str) -> Result<Vec<Listed>, ManifestError> {
    let unreadable = |what: &str| ManifestError::Unreadable(what.to_owned());
    let file: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| unreadable(&format!("it is no JSON object: {error}")))?;
    let entries: Vec<(String, Result<Listed, String>)> = match file.get("format") {
        Some(format) if format != APOLLO => return Err(unreadable("its `format` is not known")),
        Some(_) if file.get("version") != Some(&Value::from(1)) => {
            return Err(unreadable("only version 1 of the manifest is supported"));
        }
        Some(_) => {
            let operations = file.get("operations").and_then(Value::as_array);
            let operations = operations.ok_or_else(|| unreadable("`operations` is no list"))?;
            operations
                .iter()
                .enumerate()
                .map(|(at, entry)| (format!("operations[{at}]"), apollo(entry)))
                .collect()
        }
        None => file.into_iter().map(|(id, text)| (id.clone(), flat(id, text))).collect(),
    };
    sorted_out(entries)
}

fn apollo(entry: &Value) -> Result<Listed, String> {
    let Operation { id, name, kind, body } =
        Operation::deserialize(entry).map_err(|error| error.to_string())?;
    Ok(Listed { id, text: body, name, kind })
}

fn flat(id: String, text: Value) -> Result<Listed, String> {
    match text {
        Value::String(text) => Ok(Listed { id, text, name: None, kind: None }),
        _ => Err("the document is no text".to_owned()),
    }
}

fn sorted_out(entries: Vec<(String, Result<Listed, String>)>) -> Result<Vec<Listed>, ManifestError> {
    let (mut readable, mut problems, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    if entries.is_empty() {
        problems.push("it lists no document".to_owned());
    }
    for (place, entry) in entries {
        match entry {
            Err(what) => problems.push(format!("{place}: {what}")),
            Ok(listed) if listed.id.is_empty() || listed.id.len() > MAX_ID_BYTES => {
                problems.push(format!("{place}: an id has 1 to {MAX_ID_BYTES} bytes"));
            }
            Ok(listed) if !ids.insert(listed.id.clone()) => {
                problems.push(format!("{place}: the id {} is listed twice", listed.id));
            }
            Ok(listed) => readable.push(listed),
        }
    }
    if problems.is_empty() { Ok(readable) } else { Err(ManifestError::Entries { readable, problems }) }
}
