//! The shape that all named objects of an environment share: an id, a key, two times and their own fields.
//!
//! A table is ordered by key, so that pages are stable. Objects are found by key or by id, as the paths of the
//! REST API allow; keys are case-sensitive and never change.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use super::{environment::Environment, refusal::Refusal, wire::Query};

/// Members of a JSON object.
pub(super) type Members = Map<String, Value>;

/// One object; `fields` is what its kind adds.
#[derive(Debug, Clone)]
pub(super) struct Row<F> {
    pub(super) id: Uuid,
    pub(super) key: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) fields: F,
}

impl<F> Row<F> {
    pub(super) fn new(key: String, fields: F) -> Self {
        let now = now();
        Self { id: Uuid::new_v4(), key, created_at: now.clone(), updated_at: now, fields }
    }

    /// Whether this is the object's key, or its id in either spelling.
    pub(super) fn is(&self, ident: &str) -> bool {
        self.key == ident || Uuid::parse_str(ident) == Ok(self.id)
    }
}

/// What a request is about to make of an object, while it is checked.
pub(super) struct Draft<'a, F> {
    pub(super) environment: &'a Environment,
    pub(super) key: &'a str,
    /// The fields until now; none of a new object.
    pub(super) before: Option<&'a F>,
    /// What the request says.
    pub(super) body: &'a Members,
}

/// What differs between the kinds of objects; `collection` does the rest.
///
/// `parent` is the resource in the path, for kinds that live under one.
pub(super) trait Kind: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// As error messages name it.
    const NAME: &'static str;
    /// Members that a create must have and that null does not clear.
    const REQUIRED: &'static [&'static str] = &["key", "name"];
    /// Paths to what the real API takes and this one does not: refused unless it is empty.
    const NOT_IMITATED: &'static [&'static str] = &[];
    /// Lists come as `{data, total_count, page_count}` even when nobody asks for the count.
    const ALWAYS_PAGED: bool = false;

    fn table<'a>(environment: &'a Environment, parent: Option<&str>) -> Result<&'a Table<Self>, Refusal>;

    fn table_mut<'a>(
        environment: &'a mut Environment,
        parent: Option<&str>,
    ) -> Result<&'a mut Table<Self>, Refusal>;

    fn legal_key(key: &str) -> bool {
        is_plain_key(key)
    }

    /// Key under which the table holds a new object.
    fn table_key(key: &str, _body: &Members) -> String {
        key.to_owned()
    }

    /// Checks the fields and fills in what follows from others.
    fn complete(&mut self, _draft: &Draft<'_, Self>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Adds to the answer what is not a field.
    fn extend(_row: &Row<Self>, _environment: &Environment, _parent: Option<&str>, _read: &mut Members) {}

    /// Whether a list with this query shows the object.
    fn matches(_row: &Row<Self>, _environment: &Environment, _query: &Query) -> bool {
        true
    }

    /// Removes what cannot live with the object as it is now.
    fn changed(_environment: &mut Environment) {}

    /// Removes what cannot live without the object.
    fn forget(_environment: &mut Environment, _parent: Option<&str>, _row: &Row<Self>) {}
}

/// Objects of one kind by key.
#[derive(Debug, Clone)]
pub(super) struct Table<F>(BTreeMap<String, Row<F>>);

impl<F> Default for Table<F> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<F> Table<F> {
    pub(super) fn get(&self, key: &str) -> Option<&Row<F>> {
        self.0.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Row<F>> {
        self.0.get_mut(key)
    }

    /// Whether `ident` is the key or the id of the object `key`.
    pub(super) fn names(&self, ident: &str, key: &str) -> bool {
        ident == key || self.get(key).is_some_and(|row| row.is(ident))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row<F>> {
        self.0.values()
    }

    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut Row<F>> {
        self.0.values_mut()
    }

    /// Leaves only the objects with such fields.
    pub(super) fn retain(&mut self, stays: impl Fn(&F) -> bool) {
        self.0.retain(|_, row| stays(&row.fields));
    }

    /// Adds or replaces.
    pub(super) fn put(&mut self, key: &str, fields: F) {
        self.0.insert(key.to_owned(), Row::new(key.to_owned(), fields));
    }
}

impl<F: Kind> Table<F> {
    /// The object that has this key or this id.
    pub(super) fn find(&self, ident: &str) -> Result<&Row<F>, Refusal> {
        let by_id = || self.0.values().find(|row| row.is(ident));
        self.0.get(ident).or_else(by_id).ok_or_else(|| not_found::<F>(ident))
    }

    pub(super) fn find_mut(&mut self, ident: &str) -> Result<&mut Row<F>, Refusal> {
        let key = self.find(ident)?.key.clone();
        self.0.get_mut(&key).ok_or_else(|| not_found::<F>(ident))
    }

    pub(super) fn insert(&mut self, row: Row<F>) -> Result<&Row<F>, Refusal> {
        let key = row.key.clone();
        match self.0.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => Ok(place.insert(row)),
            std::collections::btree_map::Entry::Occupied(taken) => {
                Err(Refusal::taken(F::NAME, "key", taken.key()))
            }
        }
    }

    pub(super) fn remove(&mut self, ident: &str) -> Result<Row<F>, Refusal> {
        let key = self.find(ident)?.key.clone();
        self.0.remove(&key).ok_or_else(|| not_found::<F>(ident))
    }
}

fn not_found<F: Kind>(ident: &str) -> Refusal {
    Refusal::NotFound { kind: F::NAME, ident: ident.to_owned() }
}

/// Keys of everything but users: `^[A-Za-z0-9\-_]+$`.
pub(super) fn is_plain_key(key: &str) -> bool {
    is_key_of(key, b"-_")
}

/// A key of ASCII letters, digits and `others`.
pub(super) fn is_key_of(key: &str, others: &[u8]) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

/// The present time as the API prints it: `2024-06-30T21:29:52+00:00`.
pub(super) fn now() -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
    OffsetDateTime::now_utc().format(FORMAT).expect("a date and a time have all parts of the format")
}
