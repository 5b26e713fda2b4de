//! What the text of a document tells before it is parsed. The parser (async-graphql-parser's `graphql.pest`) recurses
//! with the brackets and goes back when a string does not end, so both are looked at here.
//!
//! This scanner and the parser must see the same strings, or brackets hide in them. They do, up to the first place
//! that no token can begin at, which the parser does not get past: both take the longest comment, the same ends of
//! strings, and `\"""` as the only escape of a block string. They would differ on `"""` without an end, which the
//! parser reads as `""` and a further string; the grammar of GraphQL has no such thing (section 2.1.4: an empty
//! string is not followed by a quote), so that it is refused.

use async_graphql::Pos;

use super::{DocumentError, within};

/// Longest document, in bytes. The parser takes up to a microsecond and a few hundred bytes of memory for each.
const MAX_BYTES: usize = 100_000;
/// Deepest nesting of brackets.
const MAX_NESTING: u64 = 64;
/// Longest name or number, in bytes: errors repeat it.
const MAX_WORD_BYTES: usize = 200;

/// Looks at the text alone, in one pass.
pub(super) fn check(document: &str) -> Result<(), DocumentError> {
    within("document bytes", MAX_BYTES as u64, document.len() as u64)?;
    let text = document.as_bytes();
    let (mut depth, mut deepest, mut longest, mut at) = (0_u64, 0_u64, 0, 0);
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        let length = match byte {
            b'"' => string_length(rest).ok_or_else(|| DocumentError::Unterminated(place(document, at)))?,
            b'#' => length_while(rest, |byte| !matches!(byte, b'\n' | b'\r')),
            byte if is_word(byte) => length_while(rest, is_word),
            _ => 1,
        };
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            byte if is_word(byte) => longest = longest.max(length),
            _ => {}
        }
        at += length;
    }
    within("nesting of brackets", MAX_NESTING, deepest)?;
    within("bytes of a name", MAX_WORD_BYTES as u64, longest as u64)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn length_while(text: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| wanted(**byte)).count()
}

/// Length of the string or block string that `text` begins with, quotes included; `None` for a block string without
/// an end.
fn string_length(text: &[u8]) -> Option<usize> {
    if !text.starts_with(br#"""""#) {
        return Some(line_string_length(text));
    }
    let mut at = 3;
    while at < text.len() {
        if text[at..].starts_with(br#"\""""#) {
            at += 4;
        } else if text[at..].starts_with(br#"""""#) {
            return Some(at + 3);
        } else {
            at += 1;
        }
    }
    None
}

fn line_string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            // Without an end it ends with its line, as for the parser, which refuses it there.
            b'"' | b'\n' | b'\r' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Line and column of the byte at `at`, counted from one.
fn place(document: &str, at: usize) -> Pos {
    let before = &document[..at];
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    Pos { line: before.matches('\n').count() + 1, column }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::{fuzz::fuzz, graphql::DocumentLimits};

    /// On a stack as large as that of the runtime's threads.
    #[test]
    fn fuzz_documents() {
        let seeds = [
            "query Q($a: [Int!]! = [1, 2], $b: In = {c: \"d\"}) @x(y: $a) { z: a(b: $b, c: -1.5e3, d: E, e: null) { ...f ...{ g } } }",
            "fragment f on T @skip(if: true) { a ... on U @include(if: $v) { b(c: \"\"\"block \\\"\"\" \"quoted\" \"\"\") } }",
            "{ a(b: [[[[{c: [{d: \"e\\u00e9\\n\"}]}]]]]) { b { c { d { e } } } } } # comment",
            "subscription { taskChanged(filter: {ownerId: \"x\"}) { task { title } } }",
            "{a(b:[{c:[{c:[{c:[{c:[",
        ];
        let run = move || {
            let (mut parsed, limits) = (0, DocumentLimits::default());
            fuzz("documents", &seeds, |bytes| {
                let text = String::from_utf8_lossy(bytes);
                if check(&text).is_ok()
                    && let Ok(document) = parse_query(&text)
                {
                    parsed += 1;
                    let _ = limits.check(&document);
                }
            });
            assert!(parsed > 0);
        };
        std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).unwrap().join().unwrap();
    }

    fn exceeded(document: &str) -> Option<&'static str> {
        match check(document) {
            Err(DocumentError::Exceeded(exceeded)) => Some(exceeded.what),
            _ => None,
        }
    }

    /// On a stack as large as that of the runtime's threads. An overflow ends the process, and so the test.
    fn parses_in_peace(document: String) -> bool {
        let parse = move || parse_query(document).is_ok();
        std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(parse).unwrap().join().unwrap()
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        let many = "{".repeat(500);
        for document in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"{many} \\\"\"\" {many}\"\"\") }}"),
            format!("# {many}\n{{ a }}"),
            format!("# {many}\r{{ a }}"),
            format!("\u{feff}{{ a(b: \"\" c: \"\\\\\") }} # \"\"\" {many}"),
        ] {
            assert_eq!(check(&document), Ok(()), "{document:.40}");
            assert!(parses_in_peace(document));
        }
    }

    #[test]
    fn a_document_of_brackets_never_reaches_the_parser() {
        for opening in ["{a", "{a(b:[", "{a(b:{c:", "query($a:[", "{a(b:\"\"){", "{...{"] {
            let document = opening.repeat(MAX_BYTES / opening.len());
            assert_eq!(exceeded(&document), Some("nesting of brackets"), "{opening}");
        }
    }

    #[test]
    fn the_parser_survives_what_is_let_through() {
        for opening in ["{a", "{a(b:[", "{...{", "{a(b:{c:", "query($a:["] {
            let brackets = opening.bytes().filter(|byte| b"{[(".contains(byte)).count();
            let document = opening.repeat(64 / brackets);
            assert_eq!(check(&document), Ok(()));
            assert!(!parses_in_peace(document));
        }
    }

    #[test]
    fn a_block_string_without_an_end_is_no_empty_string() {
        let deep = format!("{{ nodes(ids: [ \"\"\" \" {}{}]) {{ id }} }}", "[".repeat(500), "]".repeat(500));
        assert_eq!(check(&deep), Err(DocumentError::Unterminated(Pos { line: 1, column: 16 })));
        let late = "{ a }\n# é\n  é \"\"\" \\\"\"\"";
        assert_eq!(check(late), Err(DocumentError::Unterminated(Pos { line: 3, column: 5 })));
        let slow = format!("{{ nodes(ids: [\"\"\"a\" {}]) {{ id }} }}", "\"\\\"\"\"\" \" ".repeat(4_000));
        assert!(matches!(check(&slow), Err(DocumentError::Unterminated(_))));
    }

    #[test]
    fn long_documents_and_long_words_are_refused() {
        assert_eq!(exceeded(&" ".repeat(MAX_BYTES)), None);
        assert_eq!(exceeded(&" ".repeat(MAX_BYTES + 1)), Some("document bytes"));
        for word in ["a", "_", "7"] {
            assert_eq!(exceeded(&word.repeat(200)), None);
            assert_eq!(exceeded(&word.repeat(201)), Some("bytes of a name"));
        }
        assert_eq!(exceeded(&format!("{{ a(b: \"{}\") }}", "a".repeat(201))), None, "a string is no name");
    }

    /// Stands for more brackets than the stack has room for.
    const DEEP: &str = "deep";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever the scanner takes for a string, the parser does too, or brackets could hide in it.
        #[test]
        fn no_brackets_hide_from_the_scanner(
            tokens in vec(
                select(vec![
                    "\"", "\"", "\"\"\"", "\"\"\"", "\\", "\\\"\"\"", "#", "\n", "\r", " ", "é", "\u{feff}", "[", "]",
                    DEEP, DEEP, DEEP,
                ]),
                1..9,
            )
        ) {
            let deep = tokens.iter().filter(|token| **token == DEEP).count();
            let opened = tokens.concat().replace(DEEP, &"[".repeat(500));
            let document = format!("{{ a(b: [{opened}{}]) }}", "]".repeat(500 * deep));
            if check(&document).is_ok() {
                parses_in_peace(document);
            }
        }
    }
}
