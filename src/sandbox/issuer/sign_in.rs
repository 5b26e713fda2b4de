//! `/authorize`: a page on which a persona is chosen instead of a password typed, then back to the application with
//! a code (RFC 6749, section 4.1, with PKCE of RFC 7636).

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Form, Router,
    extract::{Query, State},
    http::{
        StatusCode,
        header::{CONTENT_SECURITY_POLICY, LOCATION},
    },
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::{Issuer, on_loopback, personas::Persona, tokens::SPA};

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// The request as the application sends it, and as the page sends it back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Authorization {
    client_id: String,
    redirect_uri: String,
    response_type: Option<String>,
    response_mode: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    persona: String,
    #[serde(flatten)]
    authorization: Authorization,
}

/// A sign-in that waits for its exchange.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) persona: String,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) audience: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    since: Instant,
}

/// Codes that were given out; each is good once.
#[derive(Default)]
pub(super) struct Codes(HashMap<String, Pending>);

impl Codes {
    fn give(&mut self, pending: Pending) -> String {
        self.0.retain(|_, pending| pending.since.elapsed() < CODE_LIFETIME);
        let code = Uuid::new_v4().simple().to_string();
        self.0.insert(code.clone(), pending);
        code
    }

    pub(super) fn take(&mut self, code: &str) -> Option<Pending> {
        self.0.remove(code).filter(|pending| pending.since.elapsed() < CODE_LIFETIME)
    }
}

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new().route("/authorize", get(ask).post(choose)).route("/v2/logout", get(logout))
}

async fn ask(State(issuer): State<Arc<Issuer>>, Query(authorization): Query<Authorization>) -> Response {
    if authorization.target().is_none() {
        return mismatch();
    }
    if authorization.prompt.as_deref() == Some("none") {
        return authorization.answer(&[("error", "login_required"), ("error_description", "Login required")]);
    }
    match authorization.flaw() {
        Some((error, description)) => {
            authorization.answer(&[("error", error), ("error_description", description)])
        }
        None => page(&authorization, &issuer.state().personas),
    }
}

async fn choose(State(issuer): State<Arc<Issuer>>, Form(choice): Form<Choice>) -> Response {
    let authorization = choice.authorization;
    if authorization.target().is_none() {
        return mismatch();
    }
    if let Some((error, description)) = authorization.flaw() {
        return authorization.answer(&[("error", error), ("error_description", description)]);
    }
    let refused = match issuer.persona(&choice.persona) {
        None => Some(("access_denied", "No such persona")),
        Some(persona) if persona.is_blocked() => Some(("unauthorized", "user is blocked")),
        Some(_) => None,
    };
    if let Some((error, description)) = refused {
        return authorization.answer(&[("error", error), ("error_description", description)]);
    }
    let code = issuer.state().codes.give(authorization.pending(choice.persona));
    authorization.answer(&[("code", &code)])
}

impl Authorization {
    /// Where the answer goes. Nobody is ever sent to an address that was not checked.
    fn target(&self) -> Option<Url> {
        let url = Url::parse(&self.redirect_uri).ok().filter(on_loopback);
        url.filter(|_| self.client_id == SPA)
    }

    fn flaw(&self) -> Option<(&'static str, &'static str)> {
        let proof_key =
            self.code_challenge.is_some() && self.code_challenge_method.as_deref() == Some("S256");
        if self.response_type.as_deref() != Some("code") {
            Some(("unsupported_response_type", "Only the code flow is supported"))
        } else if !proof_key {
            Some(("invalid_request", "PKCE with S256 is required"))
        } else {
            None
        }
    }

    fn pending(&self, persona: String) -> Pending {
        Pending {
            persona,
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            scope: self.scope.clone().unwrap_or_default(),
            audience: self.audience.clone(),
            nonce: self.nonce.clone(),
            challenge: self.code_challenge.clone().unwrap_or_default(),
            since: Instant::now(),
        }
    }

    /// Back to the application, by redirect or, in an iframe, by message.
    fn answer(&self, parameters: &[(&str, &str)]) -> Response {
        let Some(mut url) = self.target() else { return mismatch() };
        if self.response_mode.as_deref() == Some("web_message") {
            return self.message(&url, parameters);
        }
        url.query_pairs_mut().extend_pairs(parameters);
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::FOUND, [(LOCATION, url.to_string())]).into_response()
    }

    fn message(&self, target: &Url, parameters: &[(&str, &str)]) -> Response {
        let mut told: serde_json::Map<_, _> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        told.insert("state".into(), self.state.clone().into());
        let message = serde_json::json!({"type": "authorization_response", "response": told});
        // `<` cannot end the script element when it is written as an escape.
        let message = message.to_string().replace('<', "\\u003c");
        let origin = serde_json::json!(target.origin().ascii_serialization());
        let script = format!("(window.opener || window.parent).postMessage({message}, {origin});");
        Html(format!("<!doctype html><title>Signed in</title><script>{script}</script>")).into_response()
    }
}

/// A page, never a redirect: the address is not one that people may be sent to.
fn mismatch() -> Response {
    let page = "<!doctype html><title>Callback URL mismatch</title><h1>Callback URL mismatch</h1>\
                <p>The sandbox sends people back to applications on this machine only.</p>";
    (StatusCode::FORBIDDEN, Html(page)).into_response()
}

/// One button for each persona who has an account; the request travels along in hidden fields.
fn page(authorization: &Authorization, personas: &[Persona]) -> Response {
    let fields = serde_json::to_value(authorization).unwrap_or_default();
    let texts =
        fields.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let hidden = texts.fold(String::new(), |html, (name, value)| {
        html + &format!(r#"<input type="hidden" name="{name}" value="{}">"#, escaped(value))
    });
    let buttons = personas.iter().fold(String::new(), |html, Persona { name, description: about, .. }| {
        html + &format!(r#"<p><button name="persona" value="{name}"><b>{name}</b> {about}</button></p>"#)
    });
    let html = format!(
        r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox sign-in</title>
<meta name="viewport" content="width=device-width"><style>body{{font:1rem system-ui;max-width:32rem;margin:4rem auto}}
button{{font:inherit;width:100%;text-align:left;padding:.75rem 1rem}}</style>
<h1>Who are you today?</h1><form method="post" action="/authorize">{hidden}{buttons}</form></html>"#
    );
    // No `form-action`: browsers apply it to the redirect back to the application too.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[derive(Debug, Deserialize)]
struct Logout {
    #[serde(rename = "returnTo")]
    return_to: Option<String>,
}

async fn logout(Query(logout): Query<Logout>) -> Response {
    match logout.return_to.as_deref().and_then(|text| Url::parse(text).ok()).filter(on_loopback) {
        Some(url) => (StatusCode::FOUND, [(LOCATION, url.to_string())]).into_response(),
        None => "OK".into_response(),
    }
}
