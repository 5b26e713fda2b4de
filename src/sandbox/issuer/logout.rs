//! `/v2/logout` and `/oidc/logout` (OpenID Connect RP-Initiated Logout, section 2): both end the browser's session and
//! lead back to the application.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{LOCATION, SET_COOKIE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use url::Url;

use super::{Issuer, on_loopback, pages::Problem};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new().route("/v2/logout", get(logout)).route("/oidc/logout", get(end_session).post(end_session))
}

#[derive(Debug, Deserialize)]
struct Logout {
    #[serde(rename = "returnTo")]
    return_to: Option<String>,
}

async fn logout(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    Query(logout): Query<Logout>,
) -> Response {
    let forget = [(SET_COOKIE, issuer.state().sessions.end(&headers))];
    match logout.return_to.as_deref().and_then(|text| Url::parse(text).ok()).filter(on_loopback) {
        Some(url) => (StatusCode::FOUND, forget, [(LOCATION, url.to_string())]).into_response(),
        None => (forget, "OK").into_response(),
    }
}

/// Without `id_token_hint`: the cookie tells whose session to end.
#[derive(Debug, Deserialize)]
struct EndOfSession {
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// By query or by form: the extractor reads what fits the method.
async fn end_session(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    Form(asked): Form<EndOfSession>,
) -> Result<Response, Problem> {
    let forget = [(SET_COOKIE, issuer.state().sessions.end(&headers))];
    let Some(target) = asked.post_logout_redirect_uri else { return Ok((forget, "OK").into_response()) };
    let url = Url::parse(&target).ok().filter(on_loopback);
    let mut url = url.ok_or_else(|| {
        Problem::Invalid("post_logout_redirect_uri must lead to an application on this machine".into())
    })?;
    if let Some(state) = &asked.state {
        url.query_pairs_mut().append_pair("state", state);
    }
    Ok((StatusCode::FOUND, forget, [(LOCATION, url.to_string())]).into_response())
}
