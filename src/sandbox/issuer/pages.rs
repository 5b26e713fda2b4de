//! What `/authorize` shows: the choice of a persona, the message to a window that nobody sees, and what is wrong with a
//! request whose sender must not get an answer.

use axum::{
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};
use url::Url;

use super::{personas::Persona, sign_in::Authorization};

/// Why there is a page and never a redirect: the address is not one that people may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// What the request lacks or has too much of.
    Invalid(String),
    /// The address is none of the client's.
    Callback,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::Invalid(text) => (StatusCode::BAD_REQUEST, "Invalid request", text),
            Self::Callback => {
                let text = "The sandbox sends people back to applications on this machine only.";
                (StatusCode::FORBIDDEN, "Callback URL mismatch", text.to_owned())
            }
        };
        let text = escaped(&text);
        let page = format!("<!doctype html><title>{title}</title><h1>{title}</h1><p>{text}</p>");
        (status, Html(page)).into_response()
    }
}

/// One button for each persona who has an account; the request travels along in hidden fields.
pub(super) fn choice(authorization: &Authorization, personas: &[Persona]) -> Response {
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

/// Posts the answer to the window that asked, if it is the application's.
pub(super) fn message(target: &Url, response: &serde_json::Map<String, Value>) -> Response {
    let title = if response.contains_key("code") { "Signed in" } else { "Not signed in" };
    let message = json!({"type": "authorization_response", "response": response});
    // `<` cannot end the script element when it is written as an escape.
    let message = message.to_string().replace('<', "\\u003c");
    let origin = json!(target.origin().ascii_serialization());
    let script = format!("(window.opener || window.parent).postMessage({message}, {origin});");
    Html(format!("<!doctype html><title>{title}</title><script>{script}</script>")).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
