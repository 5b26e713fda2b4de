//! Which document a request means: its text, a trusted document by its id, or one that was sent before by its hash
//! (Apollo's automatic persisted queries).
//!
//! `TRUSTED_DOCUMENTS` is a ladder: `off` executes whatever is sent, `log` too but counts and names what is not trusted,
//! `enforce` executes trusted documents alone, however they are sent: by id, by hash or as text.
//!
//! A document is remembered by its hash only after it has passed every limit and was paid for, and by nothing else, so that
//! nobody can put one in the place of another. One that is not trusted is named only if somebody who signed in sends it, so
//! that strangers cannot fill the log.
//!
//! Metrics: `untrusted_documents_total`.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use moka::sync::Cache;

use super::rejection::Rejection;
use crate::{
    auth::Subject,
    graphql::{TrustedDocument, TrustedDocuments, sha256},
};

/// What a remembered document takes beside its text and its hash, in bytes.
const OVERHEAD: usize = 300;
/// Untrusted documents that are named in the log; more are only counted.
const MAX_NAMED: usize = 1_000;

/// Which documents are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ladder {
    Off,
    Log,
    Enforce,
}

/// Which documents are known, and which are executed.
#[derive(Debug, Clone)]
pub struct DocumentsConfig {
    /// `TRUSTED_DOCUMENTS`: what becomes of documents that are not trusted. Default off.
    pub ladder: Ladder,
    /// `TRUSTED_DOCUMENTS_FILE`: manifest of the trusted documents.
    pub file: Option<PathBuf>,
    /// `PERSISTED_QUERIES_BYTES`: how much is remembered of documents that clients send. Default 16 MiB; 0: nothing.
    pub persisted_bytes: u64,
}

/// How a request says which document it means.
#[derive(Debug)]
pub(super) enum Named {
    Text(String),
    /// `documentId`.
    Id(String),
    /// `extensions.persistedQuery.sha256Hash`, with the text if it has to be remembered.
    Hash {
        hash: String,
        text: Option<String>,
    },
}

/// A document that may be executed.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) trusted: Option<Arc<TrustedDocument>>,
    pub(super) keepsake: Keepsake,
}

/// What is kept of a document that was found good and paid for.
#[derive(Debug, Default)]
pub(super) struct Keepsake {
    /// To be remembered, under its hash.
    new: Option<(String, Arc<str>)>,
    /// Hash of one that is not trusted, where that is looked at.
    untrusted: Option<String>,
}

/// All documents that are known.
pub(super) struct Documents {
    ladder: Ladder,
    trusted: TrustedDocuments,
    /// Texts by their hashes.
    persisted: Option<Cache<String, Arc<str>>>,
    named: Mutex<HashSet<String>>,
}

impl Documents {
    pub(super) fn new(config: &DocumentsConfig, trusted: TrustedDocuments) -> Self {
        let weight = |hash: &String, text: &Arc<str>| {
            u32::try_from(hash.len() + text.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let persisted = Cache::builder().max_capacity(config.persisted_bytes).weigher(weight).build();
        let persists = config.persisted_bytes > 0 && config.ladder != Ladder::Enforce;
        let named = Mutex::default();
        Self { ladder: config.ladder, trusted, persisted: persists.then_some(persisted), named }
    }

    /// The document that is meant.
    pub(super) fn find(&self, named: Named) -> Result<Found, Rejection> {
        match named {
            Named::Text(text) => self.sent(text, None),
            Named::Id(id) => {
                let hash = id.strip_prefix("sha256:").unwrap_or_default();
                self.known(&id, hash).ok_or_else(|| self.unknown(&id))
            }
            Named::Hash { hash, text: None } => self.known(&hash, &hash).ok_or_else(|| self.unknown(&hash)),
            Named::Hash { hash, text: Some(text) } if hash == sha256(&text) => self.sent(text, Some(hash)),
            Named::Hash { .. } => Err(Rejection::bad_request("`sha256Hash` is not the hash of `query`.")),
        }
    }

    /// Keeps what is kept of a document that `subject` sent.
    pub(super) fn keep(&self, keepsake: &Keepsake, subject: &Subject) {
        if let (Some(persisted), Some((hash, text))) = (&self.persisted, &keepsake.new) {
            persisted.insert(hash.clone(), text.clone());
        }
        if let Some(hash) = &keepsake.untrusted {
            metrics::counter!("untrusted_documents_total").increment(1);
            if subject.verified().is_some() {
                self.name(hash);
            }
        }
    }

    fn known(&self, id: &str, hash: &str) -> Option<Found> {
        if let Some(trusted) = self.trusted.named(id) {
            let (text, trusted) = (trusted.text.clone(), Some(trusted.clone()));
            return Some(Found { text, trusted, keepsake: Keepsake::default() });
        }
        let text = self.persisted.as_ref()?.get(hash)?;
        let keepsake = Keepsake { new: None, untrusted: self.untrusted(hash) };
        Some(Found { text: text.to_string(), trusted: None, keepsake })
    }

    /// A document that came as text, and perhaps with its hash.
    fn sent(&self, text: String, new: Option<String>) -> Result<Found, Rejection> {
        let with_text = |hash| (hash, Arc::from(text.as_str()));
        if self.ladder == Ladder::Off && self.trusted.is_empty() {
            let keepsake = Keepsake { new: new.map(with_text), untrusted: None };
            return Ok(Found { text, trusted: None, keepsake });
        }
        let hash = new.clone().unwrap_or_else(|| sha256(&text));
        let trusted = self.trusted.hashed(&hash).cloned();
        if trusted.is_none() && self.ladder == Ladder::Enforce {
            return Err(Rejection::document_not_allowed(&format!("sha256:{hash}")));
        }
        let untrusted = if trusted.is_none() { self.untrusted(&hash) } else { None };
        let keepsake = Keepsake { new: new.map(with_text), untrusted };
        Ok(Found { text, trusted, keepsake })
    }

    fn untrusted(&self, hash: &str) -> Option<String> {
        (self.ladder == Ladder::Log).then(|| hash.to_owned())
    }

    fn unknown(&self, id: &str) -> Rejection {
        if self.ladder == Ladder::Enforce {
            Rejection::document_not_allowed(id)
        } else if self.persisted.is_none() && self.trusted.is_empty() {
            Rejection::persisted_query_not_supported()
        } else {
            Rejection::persisted_query_not_found(id)
        }
    }

    /// Names an untrusted document in the log, once.
    fn name(&self, hash: &str) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < MAX_NAMED && named.insert(hash.to_owned()) {
            tracing::warn!(document.id = format!("sha256:{hash}"), "a document that is not trusted was sent");
        }
    }
}
