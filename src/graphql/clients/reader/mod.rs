//! The documents of a client, read against the schema without a server: which operations there are, whether they are
//! valid, and what each of them needs.
//!
//! Fragments may stand in other files than the operations that spread them, as client tools have it: all files are one
//! namespace of fragments. An operation is looked at as it would be sent, with the fragments that it reaches and no
//! others, and within the limits of the server's documents.

mod library;
mod needs;

use std::fmt;

use async_graphql::{Pos, Schema, parser::types::ExecutableDocument, registry::Registry};

pub use needs::ClientNeed;

use crate::graphql::{
    ApiSchema, CoverageError, Described, DocumentError, DocumentLimits, Mutation, Query, Subscription,
    authorization::rules::Rules,
    document::{validation, variables::rehearsal},
    execution::field_errors::FieldErrors,
    types,
};
use library::Library;

/// How the library ends what it says of a fragment that no operation spreads, which is none of our business.
const NEVER_USED: &str = "is never used";

/// A file of a client.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub name: String,
    pub text: String,
}

/// A place in a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What a client's files say.
#[derive(Debug, Default)]
pub struct Client {
    /// Those that are valid, in the order of the files.
    pub operations: Vec<ClientOperation>,
    /// What the server would not execute.
    pub problems: Vec<Problem>,
}

/// A valid operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOperation {
    /// `None` for the only operation of a file, which needs no name.
    pub name: Option<String>,
    pub place: Place,
    /// Each permission once, sorted.
    pub needs: Vec<ClientNeed>,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub place: Place,
    pub what: String,
}

/// Reads all files of a client.
///
/// # Errors
/// Holes in the schema's protection: without them, nobody knows what anything needs.
pub async fn read_client(files: Vec<SourceFile>) -> Result<Client, Vec<CoverageError>> {
    let mut client = Client::default();
    Reader::new()?.read(Library::read(files), &mut client).await;
    Ok(client.sorted())
}

/// Reads files each of which stands alone, with the fragments that it needs.
///
/// # Errors
/// The same.
pub async fn read_documents(files: Vec<SourceFile>) -> Result<Client, Vec<CoverageError>> {
    let (reader, mut client) = (Reader::new()?, Client::default());
    for file in files {
        reader.read(Library::read(vec![file]), &mut client).await;
    }
    Ok(client.sorted())
}

impl Client {
    fn sorted(mut self) -> Self {
        self.problems.sort();
        self.problems.dedup();
        self
    }
}

/// What documents are read against.
struct Reader {
    registry: Registry,
    rules: Rules,
    schema: ApiSchema,
}

impl Reader {
    fn new() -> Result<Self, Vec<CoverageError>> {
        let registry = types();
        let rules = Rules::read(&registry)?;
        let (query, mutation) = (Described(Query::default()), Described(Mutation::default()));
        let schema = Schema::build(query, mutation, Described(Subscription)).extension(FieldErrors).finish();
        Ok(Self { registry, rules, schema })
    }

    async fn read(&self, library: Library, client: &mut Client) {
        client.problems.extend(library.problems.iter().cloned());
        for entry in library.entries() {
            let mut found = mistakes(&self.schema, &entry.document).await;
            if found.is_empty() {
                let overlooked =
                    validation::overlooked(&self.registry, &entry.document, &entry.operation.node);
                found.extend(overlooked.into_iter().map(|error| (first(&error.locations), error.message)));
            }
            if entry.is_for_fragment {
                found.retain(|(_, what)| !what.ends_with(NEVER_USED));
            } else if found.is_empty() {
                client.operations.push(ClientOperation {
                    name: entry.name.as_ref().map(ToString::to_string),
                    place: library.place(entry.operation.pos),
                    needs: needs::of(&self.registry, &self.rules, &entry.document, &entry.operation.node),
                });
            }
            client.problems.extend(found.into_iter().map(|(pos, what)| {
                let place = library.place(pos.unwrap_or(entry.operation.pos));
                Problem { place, what }
            }));
        }
    }
}

/// What the server says to the document before it executes anything.
async fn mistakes(schema: &ApiSchema, document: &ExecutableDocument) -> Vec<(Option<Pos>, String)> {
    if let Err(error) = DocumentLimits::default().check(document) {
        return vec![told(&error)];
    }
    let answer = schema.execute(rehearsal(document.clone())).await;
    answer.errors.into_iter().map(|error| (first(&error.locations), error.message)).collect()
}

fn first(places: &[Pos]) -> Option<Pos> {
    places.first().copied()
}

fn told(error: &DocumentError) -> (Option<Pos>, String) {
    match error {
        DocumentError::Unterminated(pos) => (Some(*pos), "this block string has no end".to_owned()),
        DocumentError::Circle(pos) => (Some(*pos), "this fragment spreads itself".to_owned()),
        DocumentError::Exceeded(limit) => {
            (None, format!("{} {}, and the server takes {}", limit.actual, limit.what, limit.limit))
        }
    }
}
