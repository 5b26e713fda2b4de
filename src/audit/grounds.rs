//! Why somebody was denied something, as one of the codes that clients know. Inferred from our own rows where the PDP
//! gave no code, and inferred once: the refusal and the log of it say the same.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::OnceCell;

use crate::store::{Standing, StoreError, TenantStore};

/// What our rows say about one subject, looked up at most once.
#[derive(Debug)]
pub struct Grounds {
    subject: Arc<str>,
    store: TenantStore,
    standing: OnceCell<Standing>,
}

/// Where the reason of a denial comes from.
#[derive(Debug, Clone)]
pub enum Cause {
    /// It is this code.
    Known(&'static str),
    /// It follows from how the subject stands; who holds a role lacks `otherwise`.
    Inferred { grounds: Arc<Grounds>, otherwise: &'static str },
}

impl Grounds {
    /// Those of `subject` in the tenant of `store`.
    pub fn new(subject: Arc<str>, store: TenantStore) -> Self {
        Self { subject, store, standing: OnceCell::new() }
    }

    /// Whom they are about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// How the subject stands, looked up the first time.
    ///
    /// # Errors
    /// The database failed.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        // In a box, or everybody who may have to explain a denial would carry the look-up along.
        self.standing.get_or_try_init(|| self.store.standing(&self.subject).boxed()).await.copied()
    }
}

impl Cause {
    /// The code.
    ///
    /// # Errors
    /// It has to be inferred, and the database failed.
    pub async fn code(&self) -> Result<&'static str, StoreError> {
        let (grounds, otherwise) = match self {
            Self::Known(code) => return Ok(code),
            Self::Inferred { grounds, otherwise } => (grounds, otherwise),
        };
        Ok(match grounds.standing().await? {
            Standing::Unknown => "USER_NOT_SYNCED",
            Standing::NoTenant => "NO_SUCH_TENANT",
            Standing::NoRole => "NO_ROLE_IN_TENANT",
            Standing::Holder => otherwise,
        })
    }
}
