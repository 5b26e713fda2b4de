//! What a resource is made of, its actions and its attributes: named things with an id that live and go with it.
//!
//! A body says them as a map from key to fields. A part that was there before keeps its id and its times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    refusal::Refusal,
    row::{is_plain_key, now},
};

/// Parts of one kind by key.
pub(super) type Parts<P> = BTreeMap<String, Part<P>>;

/// One part; `fields` is what its kind adds. Whatever a body says of id, key and times is not believed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part<P> {
    #[serde(skip_deserializing, default = "Uuid::new_v4", with = "uuid::serde::simple")]
    pub(super) id: Uuid,
    #[serde(skip_deserializing)]
    pub(super) key: String,
    #[serde(skip, default = "now")]
    pub(super) created_at: String,
    #[serde(skip, default = "now")]
    pub(super) updated_at: String,
    #[serde(flatten)]
    pub(super) fields: P,
}

impl<P> Part<P> {
    pub(super) fn new(key: &str, fields: P) -> Self {
        let now = now();
        Self { id: Uuid::new_v4(), key: key.to_owned(), created_at: now.clone(), updated_at: now, fields }
    }

    /// Whether this is the part's key or its id.
    pub(super) fn is(&self, ident: &str) -> bool {
        self.key == ident || Uuid::parse_str(ident) == Ok(self.id)
    }
}

/// Checks the keys of what a body says under `member`, and gives known parts back what is theirs.
pub(super) fn settle<P: PartialEq>(
    parts: &mut Parts<P>,
    before: Option<&Parts<P>>,
    member: &str,
) -> Result<(), Refusal> {
    for (key, part) in parts {
        if !is_plain_key(key) {
            return Err(Refusal::invalid(member, "string does not match the pattern of keys"));
        }
        part.key.clone_from(key);
        let Some(known) = before.and_then(|before| before.get(key)) else { continue };
        part.id = known.id;
        part.created_at.clone_from(&known.created_at);
        if part.fields == known.fields {
            part.updated_at.clone_from(&known.updated_at);
        }
    }
    Ok(())
}
