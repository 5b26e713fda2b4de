//! What REST calls share in their outer form: body, query, page.
//!
//! Bodies are read from DELETE too, because both SDKs send them there; unknown members are ignored, and a body of the
//! wrong shape is answered as FastAPI would.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Default and largest number of objects on a page.
const PER_PAGE: usize = 30;
const MAX_PER_PAGE: usize = 100;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Refusal::invalid("__root__", "body could not be read"))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Refusal::body(&error))
    }
}

/// The query string, names repeated as sent.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
            .map(Self)
            .map_err(|error| Refusal::query("__root__", error.to_string()))
    }
}

impl Query {
    /// The last value, as a dictionary would keep it.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.values(name).last()
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.one(name).is_some_and(|value| matches!(value, "true" | "True" | "1"))
    }

    /// Whether the parameter is absent or one of its values is wanted.
    pub(super) fn admits(&self, name: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
        let mut values = self.values(name).peekable();
        values.peek().is_none() || values.any(is_wanted)
    }

    /// Whether `search` is absent or part of one of `texts`, letters of either case alike.
    pub(super) fn finds<'a>(&self, texts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        let Some(sought) = self.one("search").map(str::to_lowercase) else { return true };
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&sought))
    }

    /// The asked page of `objects`; with `paged` or on demand with the count around it.
    pub(super) fn page<T>(
        &self,
        objects: Vec<T>,
        paged: bool,
        read: impl Fn(&T) -> Value,
    ) -> Result<Value, Refusal> {
        let page = self.number("page", 1, usize::MAX)?;
        let per_page = self.number("per_page", PER_PAGE, MAX_PER_PAGE)?;
        let skipped = (page - 1).saturating_mul(per_page);
        let data: Vec<Value> = objects.iter().skip(skipped).take(per_page).map(read).collect();
        if !paged && !self.is_true("include_total_count") {
            return Ok(Value::Array(data));
        }
        let total = objects.len();
        Ok(json!({"data": data, "total_count": total, "page_count": total.div_ceil(per_page)}))
    }

    fn number(&self, name: &str, default: usize, max: usize) -> Result<usize, Refusal> {
        let Some(text) = self.one(name) else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|number| (1..=max).contains(number))
            .ok_or_else(|| Refusal::query(name, format!("ensure this value is a number from 1 to {max}")))
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query(serde_urlencoded::from_str(text).unwrap())
    }

    #[test]
    fn the_second_page_starts_after_the_first() {
        let page = query("page=2&per_page=2&include_total_count=true");
        let answer = page.page((1..=5).collect(), false, |n| json!(n)).unwrap();
        assert_eq!(answer, json!({"data": [3, 4], "total_count": 5, "page_count": 3}));
    }

    #[test]
    fn a_plain_list_has_thirty_objects_at_most() {
        let answer = query("").page((0..40).collect(), false, |n| json!(n)).unwrap();
        assert_eq!(answer.as_array().map(Vec::len), Some(30));
    }

    #[test]
    fn a_page_of_more_than_a_hundred_is_refused() {
        assert!(query("per_page=101").page(vec![1], false, |n| json!(n)).is_err());
        assert!(query("page=0").page(vec![1], false, |n| json!(n)).is_err());
    }

    #[test]
    fn repeated_parameters_are_alternatives() {
        let query = query("user=a&user=b");
        assert!(query.admits("user", |user| user == "b"));
        assert!(!query.admits("user", |user| user == "c"));
        assert!(query.admits("tenant", |_| false));
    }
}
