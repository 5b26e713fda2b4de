//! `/authorize`: a page on which a persona is chosen instead of a password typed, then back to the application with
//! a code (RFC 6749, section 4.1, with PKCE of RFC 7636). Whoever is signed in already goes back at once, unless the
//! application wants the page (`prompt`, OpenID Connect Core, section 3.1.2.1).

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Form, Router,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{
        HeaderMap, StatusCode,
        header::{LOCATION, SET_COOKIE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::{
    Issuer, on_loopback,
    pages::{self, Problem},
    personas::Persona,
    tokens::SPA,
};

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// The request as the application sends it, and as the page sends it back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Authorization {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    response_mode: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    /// Whose members alone may sign in.
    organization: Option<String>,
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
    Router::new().route("/authorize", get(ask).post(choose))
}

/// Error and description, as the application is told them.
type Refusal = (&'static str, String);

async fn ask(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    request: Result<Query<Authorization>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(authorization) = request.map_err(|_| unreadable())?;
    let target = authorization.target()?;
    if let Some(flaw) = authorization.flaw(&issuer) {
        return Ok(authorization.refuse(target, flaw));
    }
    let signed_in =
        issuer.signed_in(&headers).filter(|persona| authorization.refusal(Some(persona)).is_none());
    match signed_in {
        Some(persona) if !authorization.wants_the_page() => {
            Ok(authorization.grant(&issuer, target, persona.name))
        }
        _ if authorization.prompt.as_deref() == Some("none") => {
            Ok(authorization.refuse(target, ("login_required", "Login required".to_owned())))
        }
        _ => Ok(pages::choice(&authorization, &issuer.state().personas)),
    }
}

async fn choose(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    choice: Result<Form<Choice>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(Choice { persona, authorization }) = choice.map_err(|_| unreadable())?;
    let target = authorization.target()?;
    let flaw = authorization.flaw(&issuer);
    if let Some(refusal) = flaw.or_else(|| authorization.refusal(issuer.persona(&persona).as_ref())) {
        return Ok(authorization.refuse(target, refusal));
    }
    let cookie = issuer.state().sessions.begin(&headers, &persona);
    Ok(([(SET_COOKIE, cookie)], authorization.grant(&issuer, target, &persona)).into_response())
}

/// The words of the framework would say how it is programmed.
fn unreadable() -> Problem {
    Problem::Invalid("The request cannot be read".to_owned())
}

impl Authorization {
    /// Where the answer goes. Nobody is ever sent to an address that was not checked.
    fn target(&self) -> Result<Url, Problem> {
        let missing = |name| Problem::Invalid(format!("Missing required parameter: {name}"));
        let client = self.client_id.as_deref().ok_or_else(|| missing("client_id"))?;
        if client != SPA {
            return Err(Problem::Invalid(format!("Unknown client: {client}")));
        }
        let address = self.redirect_uri.as_deref().ok_or_else(|| missing("redirect_uri"))?;
        Url::parse(address).ok().filter(on_loopback).ok_or(Problem::Callback)
    }

    /// Why nobody can sign in with this request.
    fn flaw(&self, issuer: &Issuer) -> Option<Refusal> {
        let proof_key =
            self.code_challenge.is_some() && self.code_challenge_method.as_deref() == Some("S256");
        if self.response_type.as_deref() != Some("code") {
            Some(("unsupported_response_type", "Only the code flow is supported".to_owned()))
        } else if !proof_key {
            Some(("invalid_request", "PKCE with S256 is required".to_owned()))
        } else {
            let unknown = self.audience.as_ref().filter(|audience| **audience != issuer.settings.audience);
            unknown.map(|audience| ("access_denied", format!("Service not found: {audience}")))
        }
    }

    /// Why this persona cannot.
    fn refusal(&self, persona: Option<&Persona>) -> Option<Refusal> {
        let Some(persona) = persona else { return Some(("access_denied", "No such persona".to_owned())) };
        if persona.is_blocked() {
            return Some(("unauthorized", "user is blocked".to_owned()));
        }
        let foreign = self.organization.as_deref().filter(|asked| persona.org_id != Some(*asked));
        foreign.map(|organization| {
            let sub = persona.sub();
            ("access_denied", format!("user {sub} is not part of the {organization} organization"))
        })
    }

    fn wants_the_page(&self) -> bool {
        let mut prompts = self.prompt.iter().flat_map(|prompt| prompt.split(' '));
        prompts.any(|prompt| matches!(prompt, "login" | "select_account"))
    }

    /// Back to the application with a code for a persona who may sign in.
    fn grant(&self, issuer: &Issuer, target: Url, persona: &str) -> Response {
        let code = issuer.state().codes.give(self.pending(persona));
        self.answer(target, &[("code", &code)])
    }

    fn pending(&self, persona: &str) -> Pending {
        Pending {
            persona: persona.to_owned(),
            client_id: self.client_id.clone().unwrap_or_default(),
            redirect_uri: self.redirect_uri.clone().unwrap_or_default(),
            scope: self.scope.clone().unwrap_or_default(),
            audience: self.audience.clone(),
            nonce: self.nonce.clone(),
            challenge: self.code_challenge.clone().unwrap_or_default(),
            since: Instant::now(),
        }
    }

    /// Back to the application, by redirect or, in an iframe, by message.
    fn answer(&self, mut target: Url, parameters: &[(&str, &str)]) -> Response {
        if self.response_mode.as_deref() == Some("web_message") {
            let mut told: serde_json::Map<_, _> =
                parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            told.insert("state".into(), self.state.clone().into());
            return pages::message(&target, &told);
        }
        target.query_pairs_mut().extend_pairs(parameters);
        if let Some(state) = &self.state {
            target.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::FOUND, [(LOCATION, target.to_string())]).into_response()
    }

    fn refuse(&self, target: Url, (error, description): Refusal) -> Response {
        self.answer(target, &[("error", error), ("error_description", &description)])
    }
}
