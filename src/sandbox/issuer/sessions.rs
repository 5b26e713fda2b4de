//! Who is signed in in which browser. A cookie remembers it, so that an application can get a token without asking
//! again: by redirect, or in a frame that nobody sees.
//!
//! The cookie is sent in a frame only when the application is on the same host, whatever its port: a page of
//! `localhost` has none of `127.0.0.1`. So it is between an application and Auth0 without a custom domain, too.
//! Source: <https://auth0.com/docs/manage-users/sessions/session-lifetime>.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use uuid::Uuid;

/// Name of the cookie.
const NAME: &str = "sandbox_session";
/// After this long, Auth0 asks again.
const LIFETIME: Duration = Duration::from_hours(3 * 24);

/// Sessions by the value of their cookie.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<String, Session>);

#[derive(Debug)]
struct Session {
    persona: String,
    since: Instant,
}

impl Sessions {
    /// Signs a persona in where the request came from, instead of whoever was; answers the cookie to set.
    pub(super) fn begin(&mut self, headers: &HeaderMap, persona: &str) -> HeaderValue {
        self.end(headers);
        self.0.retain(|_, session| session.since.elapsed() < LIFETIME);
        let id = Uuid::new_v4().simple().to_string();
        self.0.insert(id.clone(), Session { persona: persona.to_owned(), since: Instant::now() });
        cookie(&id, "")
    }

    /// Name of the persona who is signed in where the request came from.
    pub(super) fn persona(&self, headers: &HeaderMap) -> Option<&str> {
        let session = ids(headers).find_map(|id| self.0.get(id))?;
        (session.since.elapsed() < LIFETIME).then_some(&*session.persona)
    }

    /// Signs out whoever is signed in where the request came from; answers the cookie that forgets it.
    pub(super) fn end(&mut self, headers: &HeaderMap) -> HeaderValue {
        for id in ids(headers) {
            self.0.remove(id);
        }
        cookie("", "; Max-Age=0")
    }
}

fn cookie(id: &str, more: &str) -> HeaderValue {
    let text = format!("{NAME}={id}; Path=/; HttpOnly; SameSite=Lax{more}");
    HeaderValue::try_from(text).expect("letters and digits")
}

fn ids(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == NAME).map(|(_, id)| id)
}
