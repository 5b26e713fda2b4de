//! From the text of a document to its tree: text within its limits, so that parsing it is bounded, one parse, tree within
//! its limits. The same text has the same tree, and clients send the same few, so trees are kept: to copy one takes a
//! fraction of what it takes to parse it. Nothing else is known of a document because it was sent before.

use std::sync::Arc;

use async_graphql::{
    Positioned, Request,
    parser::types::{ExecutableDocument, Selection},
};
use moka::sync::Cache;

use super::rejection::Rejection;
use crate::graphql::DocumentLimits;

/// Most that all trees take together, in bytes.
const MAX_BYTES: u64 = 32 << 20;
/// Most that a tree takes for each byte of its text: it takes two to select a field, and the list that the field stands
/// in may be twice as long as it has to be.
const BYTES_EACH: usize = size_of::<Positioned<Selection>>();

/// Parses documents, and keeps what came of those that are within their limits.
pub(super) struct Parser {
    trees: Cache<Arc<str>, Arc<ExecutableDocument>>,
}

impl Parser {
    pub(super) fn new() -> Self {
        let weight = |text: &Arc<str>, _: &Arc<ExecutableDocument>| {
            u32::try_from((text.len() + 1) * BYTES_EACH).unwrap_or(u32::MAX)
        };
        Self { trees: Cache::builder().max_capacity(MAX_BYTES).weigher(weight).build() }
    }

    /// Puts the tree of its document into `request`.
    ///
    /// # Errors
    /// The document is not GraphQL, or above a limit.
    pub(super) fn parse(&self, request: &mut Request) -> Result<(), Rejection> {
        if let Some(tree) = self.trees.get(request.query.as_str()) {
            request.set_parsed_query(ExecutableDocument::clone(&tree));
            return Ok(());
        }
        let limits = DocumentLimits::default();
        limits.check_text(&request.query).map_err(Rejection::unfit)?;
        let tree = request.parsed_query().map_err(|error| Rejection::syntax(&error.locations))?;
        limits.check(tree).map_err(Rejection::unfit)?;
        let tree = Arc::new(tree.clone());
        self.trees.insert(request.query.as_str().into(), tree);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `parser` makes of `text`: its fields, or why it has none.
    fn parsed(parser: &Parser, text: &str) -> Result<String, String> {
        let mut request = Request::new(text);
        parser.parse(&mut request).map_err(|refused| refused.line())?;
        Ok(format!("{:?}", request.parsed_query().unwrap()))
    }

    #[test]
    fn a_document_that_is_sent_again_is_not_parsed_again_and_says_the_same() {
        let parser = Parser::new();
        let text =
            "query A($n: Int = 3) { tasks(first: $n) { ...T } } fragment T on TaskConnection { totalCount }";

        let first = parsed(&parser, text).unwrap();

        assert!(parser.trees.contains_key(text));
        assert_eq!(parsed(&parser, text).unwrap(), first);
        assert_ne!(parsed(&parser, &text.replace('3', "4")).unwrap(), first);
    }

    #[test]
    fn a_refused_document_is_refused_again() {
        let parser = Parser::new();
        let wide = format!("{{ {} }}", "__typename ".repeat(21));
        for text in ["{", "{ a { ...F } } fragment F on A { ...F }", &wide, "{ a(b: \"\"\") }"] {
            let first = parsed(&parser, text).unwrap_err();

            assert_eq!(parsed(&parser, text).unwrap_err(), first);
            assert!(!parser.trees.contains_key(text));
        }
    }

    #[test]
    fn many_documents_push_each_other_out() {
        let parser = Parser::new();
        for number in 0..2_000 {
            parsed(&parser, &format!("{{ a(b: \"{}\", c: {number}) }}", "b".repeat(1_000))).unwrap();
        }

        parser.trees.run_pending_tasks();

        let most = MAX_BYTES / (1_000 * BYTES_EACH as u64);
        assert!((1..=most).contains(&parser.trees.entry_count()));
    }
}
