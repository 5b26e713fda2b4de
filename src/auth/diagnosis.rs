//! What the issuer publishes, looked at step by step, for whoever has to find out why tokens are not accepted. Requests
//! of the API never come here.

use super::{Authenticator, FetchError};

/// The issuer's key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedKeys {
    /// Entries of any sort.
    pub published: usize,
    /// Those that may verify RS256.
    pub usable: usize,
}

impl Authenticator {
    /// Reads the issuer's discovery document, if it was not read before.
    ///
    /// # Errors
    /// It cannot be had, or says something else than the settings.
    pub async fn discover(&self) -> Result<(), FetchError> {
        self.keys.issuer().discovery().await.map(drop)
    }

    /// Reads the issuer's key set, past the one in memory.
    ///
    /// # Errors
    /// It cannot be had. One without a usable key is not an error.
    pub async fn published_keys(&self) -> Result<PublishedKeys, FetchError> {
        let set = self.keys.issuer().key_set().await?;
        Ok(PublishedKeys { published: set.len(), usable: set.usable().len() })
    }
}
