//! The token check by itself: the first time, and every time after.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::world::World;

/// Tokens that are verified once each.
const FIRST: usize = 200;
/// Times that one token is presented again.
const AGAIN: u32 = 200_000;

/// What one check takes.
pub(crate) struct TokenFigures {
    /// Median of the signature checks.
    pub(crate) first: Duration,
    /// Mean of the look-ups: a single one is below the clock's resolution.
    pub(crate) again: Duration,
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is a header value");
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

pub(crate) async fn measure(world: &World) -> TokenFigures {
    let mut first = Vec::with_capacity(FIRST);
    for _ in 0..FIRST {
        let headers = bearer(&world.another_token().await);
        let start = Instant::now();
        world.authenticator.authenticate(&headers).await.expect("a good token");
        first.push(start.elapsed());
    }
    first.sort_unstable();
    let headers = bearer(&world.token);
    let start = Instant::now();
    for _ in 0..AGAIN {
        world.authenticator.authenticate(&headers).await.expect("a good token");
    }
    TokenFigures { first: first[FIRST / 2], again: start.elapsed() / AGAIN }
}
