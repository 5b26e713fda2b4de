//! One line of the log, on its way there.

use std::{borrow::Cow, sync::Arc};

use uuid::Uuid;

use super::Cause;
use crate::store::LoggedDecision;

/// The request that asked.
#[derive(Debug)]
pub struct Origin {
    pub request_id: String,
    /// 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// A verdict of the PDP.
#[derive(Debug)]
pub struct Entry {
    /// Version 7: the name of the verdict, wherever it is told.
    pub id: Uuid,
    /// Microseconds since the Unix epoch.
    pub at: i64,
    pub tenant: Arc<str>,
    /// Whom it is about.
    pub subject: Arc<str>,
    pub resource: Cow<'static, str>,
    pub action: Cow<'static, str>,
    /// Key of the instance, if the question was about one.
    pub key: Option<Arc<str>>,
    /// Why it was denied; `None`: allowed.
    pub denied: Option<Cause>,
    pub origin: Arc<Origin>,
    /// Who asked, if it was somebody else.
    pub asked_by: Option<Arc<str>>,
}

impl Entry {
    /// The line as it is written. Where the reason cannot be found out, it is `UNKNOWN`.
    pub(super) async fn row(self) -> LoggedDecision {
        let reason = match &self.denied {
            None => None,
            Some(cause) => Some(cause.code().await.unwrap_or("UNKNOWN")),
        };
        LoggedDecision {
            id: self.id,
            at: self.at,
            tenant_id: storable(&self.tenant),
            subject: storable(&self.subject),
            resource: storable(&self.resource),
            action: storable(&self.action),
            key: self.key.as_deref().map(storable),
            allowed: self.denied.is_none(),
            reason: reason.map(str::to_owned),
            request_id: storable(&self.origin.request_id),
            trace_id: self.origin.trace_id.clone(),
            asked_by: self.asked_by.as_deref().map(storable),
        }
    }
}

/// PostgreSQL refuses a NUL, and with it the lines of everybody else in the batch.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
