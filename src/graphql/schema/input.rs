//! Limits of what people type. They are checked here, named in the schema, and reported as `userErrors`.

use sha2::{Digest as _, Sha256};

use super::user_error::{UserError, UserErrorCode};

/// Longest title of a task, in characters after trimming.
pub(super) const MAX_TITLE: usize = 200;
/// Longest notes of a task, in characters.
pub(super) const MAX_NOTES: usize = 10_000;
/// Longest name, in characters.
pub(super) const MAX_NAME: usize = 200;
/// Longest e-mail address, in characters: longer ones cannot be delivered to (RFC 5321, erratum 1690).
const MAX_EMAIL: usize = 254;
/// Longest subject, in bytes, as for the `sub` of a token.
pub(super) const MAX_SUBJECT: usize = 255;
/// Longest idempotency key, in characters.
pub(super) const MAX_KEY: usize = 200;

/// A title, trimmed.
pub(in crate::graphql) fn title(text: &str) -> Result<String, UserError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UserError::new(UserErrorCode::Blank, &["title"], "A title is needed."));
    }
    bounded(text, "title", MAX_TITLE)
}

/// Notes, as typed. Empty notes are none.
pub(in crate::graphql) fn notes(text: Option<String>) -> Result<Option<String>, UserError> {
    match text {
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => bounded(&text, "notes", MAX_NOTES).map(Some),
        None => Ok(None),
    }
}

/// A person's name, trimmed. A blank one is none.
pub(in crate::graphql) fn name(text: Option<String>) -> Result<Option<String>, UserError> {
    match trimmed(text.as_deref()) {
        None => Ok(None),
        Some(text) => bounded(text, "name", MAX_NAME).map(Some),
    }
}

/// An e-mail address, trimmed. A blank one is none. Only the shape is looked at: Permit refuses a user whose address
/// is none, which would look like an outage.
pub(in crate::graphql) fn email(text: Option<String>) -> Result<Option<String>, UserError> {
    match trimmed(text.as_deref()) {
        None => Ok(None),
        Some(text) if text.chars().count() <= MAX_EMAIL && !is_email(text) => {
            Err(UserError::new(UserErrorCode::Invalid, &["email"], "This is not an e-mail address."))
        }
        Some(text) => bounded(text, "email", MAX_EMAIL).map(Some),
    }
}

fn trimmed(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let dotted = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    plain && dotted && !local.is_empty() && !domain.contains('@')
}

/// The `sub` of the tokens that a user will present.
pub(in crate::graphql) fn subject(text: &str) -> Result<String, UserError> {
    let invalid = |message: &str| UserError::new(UserErrorCode::Invalid, &["subject"], message);
    match text {
        "" => Err(UserError::new(UserErrorCode::Blank, &["subject"], "A subject is needed.")),
        text if text.len() > MAX_SUBJECT => Err(too_long("subject", MAX_SUBJECT)),
        text if text.chars().any(|c| c.is_control() || c.is_whitespace()) => {
            Err(invalid("A subject has no spaces or control characters."))
        }
        text if text.ends_with("@clients") => {
            Err(invalid("A machine is no user: it is never written to Permit as one."))
        }
        text => Ok(text.to_owned()),
    }
}

/// An idempotency key, as sent.
pub(super) fn idempotency_key(text: Option<String>) -> Result<Option<String>, UserError> {
    match text {
        Some(text) if text.trim().is_empty() => {
            Err(UserError::new(UserErrorCode::Blank, &["idempotencyKey"], "An idempotency key is not blank."))
        }
        Some(text) => bounded(&text, "idempotencyKey", MAX_KEY).map(Some),
        None => Ok(None),
    }
}

/// Hexadecimal SHA-256 over `parts`, in which no part can be mistaken for another.
pub(in crate::graphql) fn hash(parts: &[Option<&str>]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        match part {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
    }
    format!("{:x}", hash.finalize())
}

fn bounded(text: &str, field: &'static str, limit: usize) -> Result<String, UserError> {
    if text.chars().count() > limit {
        return Err(too_long(field, limit));
    }
    // PostgreSQL cannot store it, and no person can see it.
    if text.contains('\0') {
        return Err(UserError::new(UserErrorCode::Invalid, &[field], "A NUL character cannot be stored."));
    }
    Ok(text.to_owned())
}

fn too_long(field: &'static str, limit: usize) -> UserError {
    UserError::new(UserErrorCode::TooLong, &[field], format!("At most {limit} characters are allowed."))
}
