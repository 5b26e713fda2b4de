//! The header `traceparent` (W3C Trace Context, level 1): of which trace a request is a part. Only the trace's id is
//! used, to find a request's decisions again; a header that is wrong in any way is as if it had not been sent.

use axum::http::{HeaderMap, HeaderName};

/// Version, trace, parent and flags, in hexadecimal.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Digits of the four parts.
const DIGITS: [usize; 4] = [2, 32, 16, 2];

/// The id of the trace, 32 hexadecimal digits.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let text = sent.next()?.to_str().ok()?;
    sent.next().is_none().then(|| parse(text)).flatten().map(str::to_owned)
}

fn parse(text: &str) -> Option<&str> {
    let mut parts = text.splitn(5, '-');
    let mut part = |digits| parts.next().filter(|part| part.len() == digits && part.bytes().all(is_digit));
    let [version, trace, parent, _flags] =
        [part(DIGITS[0])?, part(DIGITS[1])?, part(DIGITS[2])?, part(DIGITS[3])?];
    let is_nothing = |id: &str| id.bytes().all(|byte| byte == b'0');
    // Later versions may add parts, which this one does not read; 255 is none.
    let more = parts.next().is_some();
    let known = if version == "00" { !more } else { version != "ff" };
    (known && !is_nothing(trace) && !is_nothing(parent)).then_some(trace)
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_header_is_read_as_the_recommendation_says_or_not_at_all() {
        let good = [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-00"),
            format!("cc-{TRACE}-00f067aa0ba902b7-00-what-the-future-brings"),
        ];
        for text in good {
            assert_eq!(parse(&text), Some(TRACE), "{text}");
        }
        let bad = [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("0-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}0-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-1"),
            format!("cc-{TRACE}-00f067aa0ba902b7-00.what"),
            format!(" 00-{TRACE}-00f067aa0ba902b7-01"),
        ];
        for text in bad {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let value = format!("00-{TRACE}-00f067aa0ba902b7-01").parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, value);
        assert_eq!(trace_id(&headers).as_deref(), Some(TRACE));
        headers.append(TRACEPARENT, headers[TRACEPARENT].clone());
        assert_eq!(trace_id(&headers), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_an_id(text in "[0-9a-f-]{0,60}") {
            prop_assert!(parse(&text).is_none_or(|id| id.len() == 32));
        }
    }
}
