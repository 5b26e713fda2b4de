//! Trusted documents: those of our own clients, which their build tools write into a file. They are validated when the
//! server starts, each by itself, so that a client that was built against another schema is found then and not later.

mod manifest;

use std::{collections::HashMap, sync::Arc};

use async_graphql::parser::parse_query;
use sha2::{Digest as _, Sha256};

pub use manifest::{Listed, MAX_ID_BYTES, ManifestError, read_manifest};

use crate::graphql::{Client, ClientOperation, DocumentLimits, SourceFile, read_documents};

/// A document that a client of ours sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedDocument {
    /// As in the file.
    pub id: String,
    /// Name of its operation.
    pub name: Option<String>,
    pub text: String,
}

/// All of them. Empty where no file is named.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    by_id: HashMap<String, Arc<TrustedDocument>>,
    by_hash: HashMap<String, Arc<TrustedDocument>>,
    /// What each of them needs.
    pub operations: Vec<ClientOperation>,
}

/// Everything that is wrong with a file of trusted documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntrustedFile(pub Vec<String>);

impl TrustedDocuments {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it, one sentence each.
    pub async fn read(text: &str) -> Result<Self, UntrustedFile> {
        let (listed, mut problems) = match read_manifest(text) {
            Ok(listed) => (listed, Vec::new()),
            Err(ManifestError::Unreadable(what)) => return Err(UntrustedFile(vec![what])),
            Err(ManifestError::Entries { readable, problems }) => (readable, problems),
        };
        let client = documents(&listed).await.map_err(UntrustedFile)?;
        problems.extend(client.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)));
        let mut trusted = Self { operations: client.operations, ..Self::default() };
        for document in listed {
            match named(&document) {
                Ok(name) => trusted.add(TrustedDocument { name, id: document.id, text: document.text }),
                Err(what) => problems.push(what),
            }
        }
        if problems.is_empty() { Ok(trusted) } else { Err(UntrustedFile(problems)) }
    }

    fn add(&mut self, document: TrustedDocument) {
        let document = Arc::new(document);
        self.by_hash.insert(sha256(&document.text), document.clone());
        self.by_id.insert(document.id.clone(), document);
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The document with this id, which may be `sha256:` and the hash of its text ("GraphQL over HTTP", appendix A).
    pub fn named(&self, id: &str) -> Option<&Arc<TrustedDocument>> {
        self.by_id.get(id).or_else(|| self.hashed(id.strip_prefix("sha256:").unwrap_or(id)))
    }

    /// The document whose text has this hash.
    pub fn hashed(&self, sha256: &str) -> Option<&Arc<TrustedDocument>> {
        self.by_hash.get(sha256)
    }
}

/// What clients call a document: SHA-256 in lower-case hexadecimal digits.
pub fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// What the listed documents need, and what is wrong with them.
async fn documents(listed: &[Listed]) -> Result<Client, Vec<String>> {
    let files =
        listed.iter().map(|Listed { id, text, .. }| SourceFile { name: id.clone(), text: text.clone() });
    let holes =
        |holes: Vec<crate::graphql::CoverageError>| holes.iter().map(ToString::to_string).collect::<Vec<_>>();
    read_documents(files.collect()).await.map_err(holes)
}

/// The name of the one operation, which has to be what the file says.
fn named(document: &Listed) -> Result<Option<String>, String> {
    let Listed { id, text, name, kind } = document;
    // What is too much or cannot be read is a problem already.
    let is_fit = DocumentLimits::default().check_text(text).is_ok();
    let Some(parsed) = is_fit.then(|| parse_query(text).ok()).flatten() else { return Ok(None) };
    let mut operations = parsed.operations.iter();
    let (Some((found, operation)), None) = (operations.next(), operations.next()) else {
        return Err(format!("{id}: a trusted document has exactly one operation"));
    };
    let found = found.map(ToString::to_string);
    if name.is_some() && *name != found {
        return Err(format!("{id}: the operation has another name in the document than in the file"));
    }
    if kind.as_ref().is_some_and(|kind| *kind != operation.node.ty.to_string()) {
        return Err(format!("{id}: the operation is of another type in the document than in the file"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
