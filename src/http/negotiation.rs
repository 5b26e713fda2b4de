//! Which media type an answer gets, from the `Accept` header: RFC 9110 section 12.5.1 with the two types of
//! "GraphQL over HTTP", and event streams.
//!
//! Invariant: a type is chosen by the most specific range that matches it. Equal weights go to the range that was
//! written first, and a wildcard means `application/json`, which is what clients older than the specification read;
//! an event stream gets only who names it.
//!
//! Source: <https://graphql.github.io/graphql-over-http/draft/>, sections "Media types" and "Legacy watershed".

use axum::http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};

/// The media type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/json`: a request that arrived well-formed is answered 200, whatever its document.
    Json,
    /// `application/graphql-response+json`: the status tells whether the document was executed.
    GraphqlResponse,
    /// `text/event-stream`: any number of answers.
    EventStream,
}

impl MediaType {
    /// In the order of preference among equals.
    const ALL: [Self; 3] = [Self::Json, Self::GraphqlResponse, Self::EventStream];

    /// Value of `Content-Type`.
    pub(super) const fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
        })
    }

    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::GraphqlResponse => ("application", "graphql-response+json"),
            Self::EventStream => ("text", "event-stream"),
        }
    }

    /// How well `accept` fits; `None` when it refuses this type.
    fn fit(self, accept: &str) -> Option<Fit> {
        let (kind, subtype) = self.name();
        fit(accept, kind, subtype)
            .filter(|fit| fit.weight > 0 && (self != Self::EventStream || fit.specificity == 2))
    }
}

/// How well a range of `Accept` fits one type.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// 0 for `*/*`, 1 for `application/*`, 2 for the type itself.
    specificity: u8,
    /// In thousandths; 0 refuses the type.
    weight: u16,
    /// Where it stands in the header.
    position: usize,
}

/// The media type that the client likes best of ours; `None` is 406.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<MediaType> {
    let accept = accept(headers)?;
    if accept.trim().is_empty() {
        return Some(MediaType::Json);
    }
    let best = MediaType::ALL.into_iter().filter_map(|media| Some((media, media.fit(&accept)?)));
    // `max_by_key` keeps the last of equals: the order of `ALL` is for wildcards, which share one position.
    best.rev()
        .max_by_key(|(_, fit)| (fit.weight, fit.specificity, usize::MAX - fit.position))
        .map(|(media, _)| media)
}

/// Whether the client reads event streams, however much it likes something else.
pub(super) fn reads_events(headers: &HeaderMap) -> bool {
    accept(headers).is_some_and(|accept| MediaType::EventStream.fit(&accept).is_some())
}

/// Whether a browser asks for a page: HTML is named, and no answer of ours is liked better by name.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let Some(accept) = accept(headers) else { return false };
    let named = |(kind, subtype)| {
        fit(&accept, kind, subtype).filter(|fit| fit.specificity == 2).map_or(0, |fit| fit.weight)
    };
    let html = named(("text", "html"));
    html > 0 && MediaType::ALL.iter().all(|media| named(media.name()) < html)
}

/// Whether the body is declared to be JSON in UTF-8. Anything a browser sends across origins without asking first
/// (`text/plain`, forms, no type at all) is not.
pub(super) fn is_json_body(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let Some(range) = split(value, ',').next().filter(|only| only.len() == value.len()) else { return false };
    Range::read(range, 0)
        .is_some_and(|range| (range.kind, range.subtype) == ("application".into(), "json".into()))
}

/// All `Accept` headers as one, empty when there are none; `None` when they are not text.
fn accept(headers: &HeaderMap) -> Option<String> {
    let values: Result<Vec<&str>, _> = headers.get_all(ACCEPT).iter().map(HeaderValue::to_str).collect();
    Some(values.ok()?.join(","))
}

fn fit(accept: &str, kind: &str, subtype: &str) -> Option<Fit> {
    split(accept, ',')
        .enumerate()
        .filter_map(|(position, text)| Range::read(text, position))
        .filter_map(|range| range.fit(kind, subtype))
        .max_by_key(|fit| (fit.specificity, usize::MAX - fit.position))
}

/// One media range, in lower case.
struct Range {
    kind: String,
    subtype: String,
    weight: u16,
    position: usize,
}

impl Range {
    /// `None` for what is no media range, has a weight that is none, or wants another charset than UTF-8. Other
    /// parameters are ignored: our types have none.
    fn read(text: &str, position: usize) -> Option<Self> {
        let mut parts = split(text, ';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let (kind, subtype) = name.split_once('/')?;
        let mut weight = 1_000;
        for parameter in parts.filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value)?,
                "charset" if !value.eq_ignore_ascii_case("utf-8") => return None,
                _ => {}
            }
        }
        Some(Self { kind: kind.to_owned(), subtype: subtype.to_owned(), weight, position })
    }

    fn fit(&self, kind: &str, subtype: &str) -> Option<Fit> {
        let specificity = match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", "*") => 0,
            (range, "*") if range == kind => 1,
            (range, sub) if range == kind && sub == subtype => 2,
            _ => return None,
        };
        Some(Fit { specificity, weight: self.weight, position: self.position })
    }
}

/// `0`, `0.25`, `1.000`: at most three decimals and at most 1 (RFC 9110 section 12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let weight = format!("{whole}{decimals:0<3}").parse().ok()?;
    (weight <= 1_000).then_some(weight)
}

/// Splits at `separator` outside quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::fuzz;

    #[test]
    fn fuzz_negotiation() {
        let seeds = [
            "application/graphql-response+json; charset=utf-8, application/json;q=0.9, */*;q=0.1",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif;q=0.8;p=\"a,\\\"b;c\"",
            "text/event-stream;q=1.000, application/*;q=0",
            "application/json; charset=\"utf-8\"",
        ];
        fuzz("negotiation", &seeds, |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let headers: HeaderMap = [(ACCEPT, value.clone()), (CONTENT_TYPE, value)].into_iter().collect();
            let _ =
                (negotiate(&headers), reads_events(&headers), prefers_html(&headers), is_json_body(&headers));
        });
    }
}
