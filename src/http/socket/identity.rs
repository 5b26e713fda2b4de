//! Who speaks on a socket, and until when. A browser cannot send headers with a WebSocket, so the token may come in
//! the payload of `connection_init` as well, and a later one of the same person in the payload of a `ping`.

use std::{net::IpAddr, sync::Arc};

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::Instant;

use super::{
    super::{
        AppState,
        execution::{Deadline, admit},
        rejection::Rejection,
        sender::Sender,
    },
    protocol::Payload,
};
use crate::auth::{AccessToken, AuthError};

/// Somebody whose token was verified, or nobody in particular.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) sender: Sender,
    /// When the socket has to be closed.
    pub(super) deadline: Option<Instant>,
}

impl Identity {
    /// Verifies `token` like that of an HTTP request; none is anonymous.
    pub(super) async fn verify(
        state: Arc<AppState>,
        address: IpAddr,
        token: Option<AccessToken>,
    ) -> Result<Self, Rejection> {
        let sender = Sender::presenting(&state, address, Ok(token)).await?;
        let deadline = sender.subject.verified().map(|user| Instant::now() + user.time_left());
        admit(&state.api, &sender.subject, Deadline::after(state.config.operation_timeout)).await?;
        Ok(Self { sender, deadline })
    }

    /// Whether both are the same person in the same tenant.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        match (self.sender.subject.verified(), other.sender.subject.verified()) {
            (Some(ours), Some(theirs)) => ours.id == theirs.id && ours.tenant == theirs.tenant,
            _ => false,
        }
    }

    /// Tells the client when to send a new token.
    pub(super) fn expiry(&self) -> Payload {
        let moment = self.sender.subject.verified().and_then(|user| {
            OffsetDateTime::from_unix_timestamp(user.expires_at).ok()?.format(&Rfc3339).ok()
        });
        moment.map(|moment| ("expiresAt".to_owned(), json!(moment))).into_iter().collect()
    }
}

/// The token of a payload: `authorization`, written in any case as in HTTP, at the top (graphql-ws, GraphiQL, urql) or
/// among `headers` (Apollo, Hasura).
pub(super) fn token_of(payload: &Payload) -> Result<Option<AccessToken>, AuthError> {
    let headers = payload.get("headers").and_then(Value::as_object);
    let mut found = authorizations(payload).chain(headers.into_iter().flat_map(authorizations));
    let Some(first) = found.next() else { return Ok(None) };
    if found.any(|other| other != first) {
        return Err(AuthError::BadRequest("Send one authorization, not several."));
    }
    AccessToken::from_authorization(first.as_str().unwrap_or_default()).map(Some)
}

fn authorizations(members: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let named = members.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    named.map(|(_, value)| value).filter(|value| !value.is_null())
}

/// The token of a socket whose handshake may have carried one too.
pub(super) fn one_of(
    header: Option<AccessToken>,
    payload: Option<AccessToken>,
) -> Result<Option<AccessToken>, AuthError> {
    match (header, payload) {
        (Some(header), Some(payload)) if header != payload => {
            Err(AuthError::BadRequest("The header and connection_init carry different tokens."))
        }
        (header, payload) => Ok(payload.or(header)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: Value) -> Result<Option<AccessToken>, AuthError> {
        token_of(payload.as_object().unwrap())
    }

    #[test]
    fn a_token_is_found_where_clients_put_it() {
        let expected = AccessToken::from_authorization("Bearer a.b.c").unwrap();
        for payload in [
            json!({"authorization": "Bearer a.b.c"}),
            json!({"Authorization": "bearer a.b.c", "other": 1}),
            json!({"headers": {"Authorization": "Bearer a.b.c"}}),
            json!({"authorization": "Bearer a.b.c", "headers": {"AUTHORIZATION": "Bearer a.b.c"}}),
        ] {
            assert_eq!(token(payload.clone()), Ok(Some(expected.clone())), "{payload}");
        }
        for payload in
            [json!({}), json!({"authorization": null}), json!({"headers": 7}), json!({"token": "a.b.c"})]
        {
            assert_eq!(token(payload.clone()), Ok(None), "{payload}");
        }
    }

    #[test]
    fn an_ambiguous_or_unreadable_token_is_refused() {
        for payload in [
            json!({"authorization": "a.b.c"}),
            json!({"authorization": 7}),
            json!({"authorization": ""}),
            json!({"authorization": "Basic YTpi"}),
            json!({"authorization": "Bearer a.b.c", "Authorization": "Bearer d.e.f"}),
            json!({"authorization": "Bearer a.b.c", "headers": {"Authorization": "Bearer d.e.f"}}),
        ] {
            assert!(matches!(token(payload.clone()), Err(AuthError::BadRequest(_))), "{payload}");
        }
    }

    #[test]
    fn header_and_payload_must_agree() {
        let token = |text: &str| AccessToken::new(text).unwrap();
        assert_eq!(one_of(Some(token("a")), Some(token("a"))), Ok(Some(token("a"))));
        assert_eq!(one_of(Some(token("a")), None), Ok(Some(token("a"))));
        assert_eq!(one_of(None, Some(token("b"))), Ok(Some(token("b"))));
        assert!(one_of(Some(token("a")), Some(token("b"))).is_err());
    }
}
