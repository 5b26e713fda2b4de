//! The only mapping from our errors to what a client sees: a code, a sentence and the fields of that code.
//! Causes go to the log, once, here.
#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use async_graphql::{Error, ErrorExtensionValues, ErrorExtensions as _, Value};
use uuid::Uuid;

use crate::{
    auth::Reason,
    graphql::{
        authorization::{decisions::Undecided, reason::DenialReason},
        document::{budget::TooManyChecks, limits::LimitExceeded, validator::Unfit},
        schema::id::NodeKind,
    },
    permit::PermitError,
    store::StoreError,
};

/// Sent with `retryAfterMs` when nobody told a better time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a field was not answered.
///
/// It has no `Display` on purpose: a text alone would lose the code.
#[derive(Debug)]
pub(in crate::graphql) enum ApiError {
    /// The field needs a signed-in caller and there is none.
    SignInRequired,
    /// The caller was removed from the tenant.
    Removed,
    Denied(Box<Denial>),
    /// A question to the PDP has no answer.
    Undecided(Undecided),
    /// The object does not exist or is hidden from the caller; which of them is not told.
    NotFound {
        kind: NodeKind,
        /// As the client sent it.
        id: String,
    },
    /// A shape that the server cannot read.
    BadInput {
        field: String,
        message: String,
    },
    /// A document that was sent as the argument `document`.
    Document(Unfit),
    /// The caller may not read it, and it answers `null` as if it were not there.
    Hidden,
    /// A subscriber was not told of something.
    Missed(Missed),
    Store(StoreError),
    /// A look-up for several fields at once failed; why was logged then.
    Batch,
    /// A fault of ours.
    Internal(&'static str),
}

/// Why a subscriber was not told of something.
#[derive(Debug, Clone)]
pub(in crate::graphql) enum Missed {
    /// Whether they may be told has no answer.
    Undecided(PermitError),
    /// The database failed.
    Fault,
    /// They do not read what they are told.
    TooSlow,
    /// There is more to tell than this node can decide.
    Overload,
}

/// A permission that the caller does not hold.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Denial {
    pub(in crate::graphql) resource: String,
    pub(in crate::graphql) action: String,
    /// Global id of the object, when the question was about one.
    pub(in crate::graphql) key: Option<String>,
    pub(in crate::graphql) tenant: String,
    pub(in crate::graphql) reason: DenialReason,
    /// Roles that would allow it; none for a caller who may not know them.
    pub(in crate::graphql) roles: Vec<String>,
    /// Under this name the decision is found in the log.
    pub(super) decision_id: Uuid,
}

/// Marks an error that answers `null` and is not reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct HiddenMark;

impl From<Unfit> for ApiError {
    fn from(unfit: Unfit) -> Self {
        Self::Document(unfit)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl ApiError {
    pub(in crate::graphql) fn bad_input(field: &str, message: impl Into<String>) -> Self {
        Self::BadInput { field: field.to_owned(), message: message.into() }
    }

    fn log(&self) {
        match self {
            Self::Store(error) => store_failed(error),
            Self::Undecided(Undecided::Permit(error)) | Self::Missed(Missed::Undecided(error)) => {
                tracing::warn!(error = chain(error), "no decision");
            }
            Self::Internal(what) => tracing::error!(what, "internal fault"),
            Self::Denied(denial) => tracing::info!(
                permission = format!("{}:{}", denial.resource, denial.action),
                tenant.id = denial.tenant,
                decision.id = %denial.decision_id,
                "refused"
            ),
            Self::SignInRequired
            | Self::Removed
            | Self::Undecided(Undecided::TooMany { .. })
            | Self::NotFound { .. }
            | Self::BadInput { .. }
            | Self::Missed(Missed::Fault | Missed::TooSlow | Missed::Overload)
            | Self::Document(_)
            | Self::Hidden
            | Self::Batch => {}
        }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        error.log();
        match error {
            ApiError::SignInRequired => unauthenticated(Reason::MissingToken),
            ApiError::Removed => unauthenticated(Reason::UserRemoved),
            ApiError::Denied(denial) => forbidden(&denial),
            ApiError::Undecided(Undecided::TooMany { asked }) => too_many_checks(asked),
            ApiError::Undecided(Undecided::Permit(error)) => unavailable(&error),
            ApiError::NotFound { kind, id } => {
                coded("NOT_FOUND", &format!("There is no such {}.", kind.noun())).extend_with(|_, e| {
                    e.set("type", kind.type_name());
                    e.set("id", id.as_str());
                })
            }
            ApiError::BadInput { field, message } => {
                coded("BAD_USER_INPUT", &message).extend_with(|_, e| e.set("field", field.as_str()))
            }
            ApiError::Document(Unfit::TooComplex(exceeded)) => too_complex(exceeded),
            ApiError::Document(Unfit::Invalid(mistakes)) => invalid_document(&mistakes),
            ApiError::Hidden => {
                let mut error = Error::new("hidden");
                error.source = Some(std::sync::Arc::new(HiddenMark));
                error
            }
            ApiError::Missed(missed) => events_missed(&missed),
            ApiError::Store(StoreError::InDoubt(_)) => in_doubt(),
            ApiError::Store(_) | ApiError::Batch | ApiError::Internal(_) => internal(),
        }
    }
}

/// Logs what the database did wrong, for whoever cannot return it.
pub(in crate::graphql) fn store_failed(error: &StoreError) {
    tracing::error!(cause = error.cause(), error = chain(error), "store failed");
}

fn internal() -> Error {
    coded("INTERNAL", "The server made a mistake.")
}

fn in_doubt() -> Error {
    let message = "The database was lost, and nobody knows what came of it: look before you repeat it.";
    coded("INTERNAL", message).extend_with(|_, e| e.set("outcome", "UNKNOWN"))
}

/// Whatever the cause, what the client shows may be out of date.
fn events_missed(missed: &Missed) -> Error {
    let lost = |cause: &'static str| {
        let message = "Events were missed: fetch again what you show, and subscribe anew.";
        coded("EVENTS_MISSED", message).extend_with(|_, e| e.set("cause", cause))
    };
    let error = match missed {
        Missed::Undecided(error) => unavailable(error),
        Missed::Fault => internal(),
        Missed::TooSlow => lost("SLOW_CONSUMER"),
        Missed::Overload => lost("OVERLOAD"),
    };
    error.extend_with(|_, e| e.set("refetch", true))
}

fn coded(code: &str, message: &str) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", code))
}

fn unauthenticated(reason: Reason) -> Error {
    coded("UNAUTHENTICATED", reason.advice()).extend_with(|_, e| e.set("reason", reason.code()))
}

fn forbidden(denial: &Denial) -> Error {
    let permission = format!("{}:{}", denial.resource, denial.action);
    coded("FORBIDDEN", &format!("You may not do this: it needs the permission {permission}.")).extend_with(
        |_, e| {
            e.set("action", denial.action.as_str());
            e.set("resource", denial.resource.as_str());
            if let Some(key) = &denial.key {
                e.set("resourceKey", key.as_str());
            }
            e.set("tenant", denial.tenant.as_str());
            e.set("reason", denial.reason.code());
            e.set("hint", denial.reason.hint(&denial.resource, &denial.action));
            if !denial.roles.is_empty() {
                e.set("rolesThatAllow", denial.roles.clone());
            }
            e.set("decisionId", denial.decision_id.to_string());
        },
    )
}

fn too_many_checks(asked: u64) -> Error {
    let told = TooManyChecks { actual: asked };
    coded("TOO_MANY_CHECKS", TooManyChecks::ADVICE).extend_with(|_, e| {
        e.set("limit", told.limit());
        e.set("actual", told.actual);
        e.set("what", TooManyChecks::WHAT);
    })
}

fn too_complex(exceeded: LimitExceeded) -> Error {
    coded("QUERY_TOO_COMPLEX", "The document asks for too much at once.").extend_with(|_, e| {
        e.set("field", "document");
        e.set("what", exceeded.what);
        e.set("limit", exceeded.limit);
        e.set("actual", exceeded.actual);
    })
}

fn invalid_document(mistakes: &[String]) -> Error {
    let first = mistakes.first().map_or("", String::as_str);
    coded("BAD_USER_INPUT", &format!("The document is not valid: {first}")).extend_with(|_, e| {
        e.set("field", "document");
        e.set("messages", mistakes.iter().map(Value::from).collect::<Vec<_>>());
    })
}

fn unavailable(error: &PermitError) -> Error {
    let wait = error.retry_after().unwrap_or(RETRY_AFTER);
    coded("AUTHZ_UNAVAILABLE", "Permissions cannot be decided at the moment; try again.").extend_with(
        |_, e| {
            e.set("retryAfterMs", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            e.set("cause", error.cause().code());
        },
    )
}

/// The error and all its causes, for the log alone.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The code that an error carries already.
pub(super) fn code_of(extensions: Option<&ErrorExtensionValues>) -> Option<&str> {
    if let Value::String(code) = extensions?.get("code")? { Some(code) } else { None }
}
