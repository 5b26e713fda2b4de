//! How much a document may ask for. Checked before validation, whose own cost grows with the document, and
//! memoised by fragment: a kilobyte of fragments that spread each other twice is counted in microseconds.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned,
    parser::types::{Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};

/// Deepest nesting of brackets that is handed to the parser, which recurses with it.
const MAX_NESTING: u64 = 64;

/// Limits of a document. Counts are after expanding every fragment where it is spread.
#[derive(Debug, Clone, Copy)]
pub struct DocumentLimits {
    /// Selected fields.
    pub fields: u64,
    /// Nesting of selected fields. The introspection query of common clients needs 13.
    pub depth: u64,
    pub aliases: u64,
    pub root_fields: u64,
    pub directives: u64,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self { fields: 1_000, depth: 16, aliases: 50, root_fields: 20, directives: 50 }
    }
}

/// A limit that a document exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded {
    pub what: &'static str,
    pub limit: u64,
    /// At least so much; counting stops at the largest number there is.
    pub actual: u64,
}

/// What a selection asks for, fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    fields: u64,
    depth: u64,
    aliases: u64,
    root_fields: u64,
    directives: u64,
}

impl DocumentLimits {
    /// Looks at the text alone, so that the parser's recursion is bounded.
    ///
    /// # Errors
    /// Brackets are nested too deeply.
    pub fn check_text(&self, document: &str) -> Result<(), LimitExceeded> {
        let actual = nesting(document.as_bytes());
        within("nesting of brackets", MAX_NESTING, actual)
    }

    /// Looks at every operation of the document.
    ///
    /// # Errors
    /// The first limit that one of them exceeds.
    pub fn check(&self, document: &ExecutableDocument) -> Result<(), LimitExceeded> {
        let mut counter = Counter { document, fragments: HashMap::new(), visited: 0 };
        for (_, operation) in document.operations.iter() {
            let size = counter.operation(&operation.node);
            within("fields", self.fields, size.fields)?;
            within("depth", self.depth, size.depth)?;
            within("aliases", self.aliases, size.aliases)?;
            within("root fields", self.root_fields, size.root_fields)?;
            within("directives", self.directives, size.directives)?;
        }
        Ok(())
    }
}

fn within(what: &'static str, limit: u64, actual: u64) -> Result<(), LimitExceeded> {
    if actual > limit { Err(LimitExceeded { what, limit, actual }) } else { Ok(()) }
}

struct Counter<'a> {
    document: &'a ExecutableDocument,
    /// `None` while a fragment is being counted: a cycle adds nothing, and validation refuses it later.
    fragments: HashMap<&'a Name, Option<Size>>,
    /// Selections looked at; stays linear in the document.
    visited: u64,
}

impl<'a> Counter<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Size {
        let mut size = self.selections(&operation.selection_set.node);
        size.directives = size.directives.saturating_add(count(&operation.directives));
        size
    }

    fn selections(&mut self, set: &'a SelectionSet) -> Size {
        let mut total = Size::default();
        for selection in &set.items {
            self.visited += 1;
            let size = match &selection.node {
                Selection::Field(field) => {
                    let below = self.selections(&field.node.selection_set.node);
                    Size {
                        fields: below.fields.saturating_add(1),
                        depth: below.depth.saturating_add(1),
                        aliases: below.aliases.saturating_add(u64::from(field.node.alias.is_some())),
                        root_fields: 1,
                        directives: below.directives.saturating_add(count(&field.node.directives)),
                    }
                }
                Selection::InlineFragment(inline) => {
                    self.selections(&inline.node.selection_set.node).with_directives(&inline.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node).with_directives(&spread.node.directives)
                }
            };
            total = total.and(size);
        }
        total
    }

    fn fragment(&mut self, name: &'a Name) -> Size {
        if let Some(known) = self.fragments.get(name) {
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Size::default() };
        self.fragments.insert(name, None);
        let size =
            self.selections(&fragment.node.selection_set.node).with_directives(&fragment.node.directives);
        self.fragments.insert(name, Some(size));
        size
    }
}

impl Size {
    const fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            depth: if self.depth > other.depth { self.depth } else { other.depth },
            aliases: self.aliases.saturating_add(other.aliases),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            directives: self.directives.saturating_add(other.directives),
        }
    }

    fn with_directives(mut self, directives: &[Positioned<Directive>]) -> Self {
        self.directives = self.directives.saturating_add(count(directives));
        self
    }
}

fn count(directives: &[Positioned<Directive>]) -> u64 {
    directives.len() as u64
}

/// Deepest nesting of `{`, `[` and `(` outside strings and comments.
fn nesting(document: &[u8]) -> u64 {
    let (mut depth, mut deepest, mut at) = (0_u64, 0_u64, 0);
    while let Some(&byte) = document.get(at) {
        at += match byte {
            b'"' => string_length(&document[at..]),
            b'#' => document[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count(),
            _ => 1,
        };
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Length of the string or block string that `text` begins with, quotes included.
fn string_length(text: &[u8]) -> usize {
    if text.starts_with(br#"""""#) {
        let mut at = 3;
        while at < text.len() {
            if text[at..].starts_with(br#"\""""#) {
                at += 4;
            } else if text[at..].starts_with(br#"""""#) {
                return at + 3;
            } else {
                at += 1;
            }
        }
        return text.len();
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            // An unterminated string ends with its line, as for the lexer.
            b'"' | b'\n' | b'\r' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
