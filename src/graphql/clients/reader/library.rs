//! All files of a client together: their operations, their fragments, and where everything stands.
//!
//! Each file is parsed with as many empty lines before it as the files before it have lines. So a position tells its file,
//! wherever it has got to meanwhile.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned,
    parser::{
        self, parse_query, parse_schema,
        types::{
            DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection,
            SelectionSet,
        },
    },
};

use super::{Place, Problem, SourceFile, told};
use crate::graphql::DocumentLimits;

/// The parser wants an operation in every document.
const NO_OPERATION: &str = "taskgate_no_operation";

#[derive(Default)]
pub(super) struct Library {
    /// Name, and number of lines before the first one.
    files: Vec<(String, usize)>,
    operations: Vec<(Option<Name>, Positioned<OperationDefinition>)>,
    fragments: HashMap<Name, Positioned<FragmentDefinition>>,
    pub(super) problems: Vec<Problem>,
}

/// One document, as it would be sent.
pub(super) struct Entry {
    pub(super) name: Option<Name>,
    pub(super) operation: Positioned<OperationDefinition>,
    pub(super) document: ExecutableDocument,
    /// The operation is ours, to look at a fragment that no operation spreads.
    pub(super) is_for_fragment: bool,
}

impl Library {
    pub(super) fn read(files: Vec<SourceFile>) -> Self {
        let mut library = Self::default();
        let mut lines = 0;
        for SourceFile { name, text } in files {
            library.files.push((name, lines));
            library.add(&text, lines);
            lines += text.lines().count() + 1;
        }
        library.operations.sort_by_key(|(_, operation)| operation.pos);
        library
    }

    fn add(&mut self, text: &str, lines_before: usize) {
        let start = Pos { line: lines_before + 1, column: 1 };
        if let Err(error) = DocumentLimits::default().check_text(text) {
            let (pos, what) = told(&error);
            let pos = pos.map_or(start, |pos| Pos { line: pos.line + lines_before, ..pos });
            return self.note(pos, what);
        }
        let padded = format!("{}{text}", "\n".repeat(lines_before));
        match parsed(&padded) {
            Ok(document) => self.take(document),
            // Tools keep the schema among the documents.
            Err(_) if parse_schema(text).is_ok() => {}
            Err(error) => self.note(error.positions().next().unwrap_or(start), reason(&error)),
        }
    }

    fn take(&mut self, document: ExecutableDocument) {
        match document.operations {
            DocumentOperations::Single(operation) => self.operations.push((None, operation)),
            DocumentOperations::Multiple(operations) => {
                let real = operations.into_iter().filter(|(name, _)| name != NO_OPERATION);
                self.operations.extend(real.map(|(name, operation)| (Some(name), operation)));
            }
        }
        let mut fragments: Vec<_> = document.fragments.into_iter().collect();
        fragments.sort_by_key(|(_, fragment)| fragment.pos);
        for (name, fragment) in fragments {
            if let Some(known) = self.fragments.get(&name) {
                let known = self.place(known.pos);
                self.note(fragment.pos, format!("fragment {name} stands in {known} already"));
            } else {
                self.fragments.insert(name, fragment);
            }
        }
    }

    fn note(&mut self, pos: Pos, what: String) {
        let place = self.place(pos);
        self.problems.push(Problem { place, what });
    }

    pub(super) fn place(&self, pos: Pos) -> Place {
        let file = self.files.iter().rev().find(|(_, lines_before)| *lines_before < pos.line);
        let (file, lines_before) = file.cloned().unwrap_or_default();
        Place { file, line: pos.line - lines_before, column: pos.column }
    }

    /// Every operation with the fragments that it reaches, and every fragment that none reaches.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut spread = HashSet::new();
        for (name, operation) in &self.operations {
            let document = self.document(operation, &operation.node.selection_set.node);
            spread.extend(document.fragments.keys().cloned());
            let (name, operation) = (name.clone(), operation.clone());
            entries.push(Entry { name, operation, document, is_for_fragment: false });
        }
        let nothing = parse_query("{ __typename }").expect("it is GraphQL").operations;
        let DocumentOperations::Single(nothing) = nothing else { return entries };
        let mut left: Vec<_> = self.fragments.iter().filter(|(name, _)| !spread.contains(*name)).collect();
        left.sort_by_key(|(_, fragment)| fragment.pos);
        for (name, fragment) in left {
            let operation = Positioned::new(nothing.node.clone(), fragment.pos);
            let mut document = self.document(&operation, &fragment.node.selection_set.node);
            document.fragments.insert(name.clone(), fragment.clone());
            entries.push(Entry { name: None, operation, document, is_for_fragment: true });
        }
        entries
    }

    /// `operation` with all fragments that can be reached from `set`.
    fn document(
        &self,
        operation: &Positioned<OperationDefinition>,
        set: &SelectionSet,
    ) -> ExecutableDocument {
        let mut fragments = HashMap::new();
        let mut names = spreads(set);
        while let Some(name) = names.pop() {
            let Some((name, fragment)) = self.fragments.get_key_value(name) else { continue };
            if fragments.insert(name.clone(), fragment.clone()).is_none() {
                names.extend(spreads(&fragment.node.selection_set.node));
            }
        }
        ExecutableDocument { operations: DocumentOperations::Single(operation.clone()), fragments }
    }
}

/// The text, which may have fragments alone or nothing at all.
fn parsed(text: &str) -> Result<ExecutableDocument, parser::Error> {
    parse_query(text).or_else(|error| {
        let with_operation = format!("{text}\nquery {NO_OPERATION} {{ __typename }}");
        parse_query(with_operation).map_err(|_| error)
    })
}

/// The parser draws a picture of the place; what it expected there stands last.
fn reason(error: &parser::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches([' ', '=']).to_owned()
}

/// Names of the fragments that a selection set spreads, at any depth. The text was within the limits of nesting.
fn spreads(set: &SelectionSet) -> Vec<&str> {
    let found = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => spreads(&field.node.selection_set.node),
        Selection::InlineFragment(inline) => spreads(&inline.node.selection_set.node),
        Selection::FragmentSpread(spread) => vec![spread.node.fragment_name.node.as_str()],
    });
    found.flatten().collect()
}
