//! Of which trace a piece of work is a part (W3C Trace Context, level 1): what the header `traceparent` of a request says
//! is passed on with every question to the decision point. A request that names no trace begins one, and a header that
//! is wrong in any way is as if it had not been sent. What the outbox writes belongs to no trace: it is done later, perhaps
//! by another node.
//!
//! `tracestate` belongs to the tracing system of whoever sent it, and goes no further. With the feature `otel` the ids of
//! our own spans stand in the header; without it, ids that nobody else knows, which still tell one trace from another.

#[cfg(feature = "otel")]
mod spans;

use tracing::Span;
use uuid::Uuid;

/// Digits of the four parts: version, trace, parent and flags, in hexadecimal.
const DIGITS: [usize; 4] = [2, 32, 16, 2];

/// The one flag of level 1: somebody records the trace. The others are written as zero (section 3.2.2.5.2).
const RECORDED: u8 = 1;

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// Not zero.
    trace: u128,
    /// The piece of work of which whatever comes next is a part. Not zero.
    parent: u64,
    /// [`RECORDED`], or nothing.
    flags: u8,
}

impl TraceContext {
    /// The name of the header.
    pub const HEADER: &str = "traceparent";

    /// What a header says.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let mut part =
            |digits| parts.next().filter(|part| part.len() == digits && part.bytes().all(is_digit));
        let [version, trace, parent, flags] =
            [part(DIGITS[0])?, part(DIGITS[1])?, part(DIGITS[2])?, part(DIGITS[3])?];
        // Later versions may add parts, which this one does not read; 255 is none.
        let more = parts.next().is_some();
        let known = if version == "00" { !more } else { version != "ff" };
        let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let parent = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        known.then_some(Self { trace, parent, flags: flags & RECORDED })
    }

    /// A trace that begins here, and that nobody is known to record.
    pub fn begin() -> Self {
        Self { trace: Uuid::new_v4().as_u128(), parent: some_id(), flags: 0 }
    }

    /// Where the work of `span` is, which is part of the trace that was `sent`, or else begins one. `span` has not been
    /// entered.
    pub fn of_work(span: &Span, sent: Option<Self>) -> Self {
        joined(span, sent).or(sent).unwrap_or_else(Self::begin)
    }

    /// The header of a call that is the work of `span`, which has not been entered.
    pub fn of_call(self, span: &Span) -> String {
        joined(span, Some(self)).unwrap_or_else(|| Self { parent: some_id(), ..self }).written()
    }

    /// The id of the trace, 32 hexadecimal digits.
    pub fn id(self) -> String {
        format!("{:032x}", self.trace)
    }

    fn written(self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, self.flags)
    }
}

/// Makes `span` a part of the trace, if spans are sent anywhere; its own place then.
#[cfg(feature = "otel")]
fn joined(span: &Span, context: Option<TraceContext>) -> Option<TraceContext> {
    spans::joined(span, context)
}

/// Spans are sent nowhere.
#[cfg(not(feature = "otel"))]
const fn joined(_: &Span, _: Option<TraceContext>) -> Option<TraceContext> {
    None
}

/// Random, and never zero: the version of a UUID stands in its first half.
fn some_id() -> u64 {
    Uuid::new_v4().as_u64_pair().0
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
            let read = TraceContext::parse(&text).map(TraceContext::id);
            assert_eq!(read.as_deref(), Some(TRACE), "{text}");
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
            assert_eq!(TraceContext::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn a_call_is_a_part_of_the_same_trace_and_has_an_id_of_its_own() {
        let sent = TraceContext::parse(&format!("00-{TRACE}-00f067aa0ba902b7-01")).unwrap();
        let calls = [sent.of_call(&Span::none()), sent.of_call(&Span::none())];

        for call in &calls {
            let read = TraceContext::parse(call).unwrap();
            assert_eq!((read.trace, read.flags), (sent.trace, 1));
            assert_ne!(read.parent, sent.parent);
        }
        assert_ne!(calls[0], calls[1]);
        assert_ne!(TraceContext::begin().trace, TraceContext::begin().trace);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was_but_for_flags_that_nobody_knows(
            ids in "0[0-9]-[0-9a-f]{32}-[0-9a-f]{16}", flags: u8,
        ) {
            let written = TraceContext::parse(&format!("{ids}-{flags:02x}")).map(TraceContext::written);
            let expected = format!("{}-{:02x}", &ids[2..], flags & 1);
            prop_assert!(written.is_none_or(|written| written[2..] == expected));
        }
    }
}
