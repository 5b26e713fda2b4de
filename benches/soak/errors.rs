//! What the design promises about errors: the codes, the fields of each, and the status when there is no data.

use serde_json::Value;

const REASONS: [&str; 15] = [
    "MISSING_TOKEN",
    "MALFORMED",
    "OPAQUE_TOKEN",
    "EXPIRED",
    "NOT_YET_VALID",
    "WRONG_ISSUER",
    "WRONG_AUDIENCE",
    "UNKNOWN_KEY",
    "BAD_SIGNATURE",
    "ALGORITHM_NOT_ALLOWED",
    "SENDER_CONSTRAINED",
    "WRONG_TYPE",
    "UNSUPPORTED_CRIT",
    "MISSING_CLAIM",
    "USER_REMOVED",
];
const CAUSES: [&str; 4] = ["TIMEOUT", "RATE_LIMITED", "UNREACHABLE", "BAD_ANSWER"];

/// Code, the fields beside `requestId`, and the statuses of a whole request that failed with it.
const CODES: [(&str, &[&str], &[u16]); 15] = [
    ("UNAUTHENTICATED", &["reason"], &[401]),
    ("AUTHN_UNAVAILABLE", &["retryAfterMs"], &[503]),
    ("FORBIDDEN", &["action", "resource", "tenant", "reason", "hint", "decisionId"], &[200]),
    ("AUTHZ_UNAVAILABLE", &["retryAfterMs", "cause"], &[200]),
    ("NOT_FOUND", &["type", "id"], &[200]),
    ("BAD_USER_INPUT", &[], &[200, 400]),
    ("BAD_REQUEST", &[], &[400]),
    ("GRAPHQL_PARSE_FAILED", &[], &[200, 400]),
    ("GRAPHQL_VALIDATION_FAILED", &[], &[200, 400]),
    ("QUERY_TOO_COMPLEX", &["limit", "actual", "what"], &[400]),
    ("TOO_MANY_CHECKS", &["limit", "actual", "what"], &[400]),
    ("RATE_LIMITED", &["retryAfterMs", "bucket"], &[429]),
    ("TENANT_NOT_ALLOWED", &["tenant"], &[403]),
    ("INTERNAL", &[], &[500]),
    // Of subscriptions alone; in the README.
    ("EVENTS_MISSED", &["cause", "refetch"], &[200]),
];

/// What is wrong with an error as such; `None` when it keeps what is promised.
pub(crate) fn complaint(error: &Value, status: u16, has_data: bool) -> Option<String> {
    let extensions = &error["extensions"];
    let code = extensions["code"].as_str().unwrap_or_default();
    let Some((_, fields, statuses)) = CODES.iter().find(|(known, ..)| *known == code) else {
        return Some(format!("the code {code:?} is not one of the design's: {error}"));
    };
    if error["message"].as_str().is_none_or(str::is_empty) {
        return Some(format!("{code} has no message: {error}"));
    }
    let missing = fields.iter().chain(&["requestId"]).find(|field| extensions[**field].is_null());
    if let Some(field) = missing {
        return Some(format!("{code} has no {field}: {error}"));
    }
    let told = |field: &str| extensions[field].as_str().unwrap_or_default();
    if code == "UNAUTHENTICATED" && !REASONS.contains(&told("reason")) {
        return Some(format!("an unknown reason: {error}"));
    }
    if code == "AUTHZ_UNAVAILABLE" && !CAUSES.contains(&told("cause")) {
        return Some(format!("an unknown cause: {error}"));
    }
    let expected = if has_data { &[200][..] } else { statuses };
    (!expected.contains(&status)).then(|| format!("{code} with status {status}: {error}"))
}
