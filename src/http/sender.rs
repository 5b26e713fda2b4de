//! Who sends a request, and whose bucket of points pays for it.
//!
//! Every request costs a point when it arrives, its document by its length before it is read, and its operation what it
//! costs. Somebody whose token was verified before
//! pays themselves. Everybody else's address pays before anything is verified, because nothing that a stranger can ask
//! for costs more than the signature of a bad token.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};

use super::{AppState, address, connection::Connection, operation::Operation, rejection::Rejection};
use crate::{
    auth::{AccessToken, AuthError, Authenticator, Subject},
    graphql::Bill,
    rate_limit::Payer,
};

/// What a request costs when it arrives.
const ARRIVAL: u32 = 1;
/// What each KiB of a document costs beyond the first: to read a long one takes as long as many small operations.
const READING: u32 = 10;

/// Somebody who is heard.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) subject: Subject,
    /// As presented.
    pub(super) token: Option<AccessToken>,
    payer: Payer,
}

impl Sender {
    /// Who sends a request with these headers.
    pub(super) async fn of(
        state: &AppState,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Self, Rejection> {
        let address = address_of(state, headers, extensions);
        Self::presenting(state, address, Authenticator::presented(headers)).await
    }

    /// Who presents this token, if any, from this address.
    pub(super) async fn presenting(
        state: &AppState,
        address: IpAddr,
        presented: Result<Option<AccessToken>, AuthError>,
    ) -> Result<Self, Rejection> {
        if let Ok(Some(token)) = &presented
            && let Some(user) = state.authenticator.remembered(token).await
        {
            let payer = Payer::Subject(user.id.clone());
            state.rate_limits.charge(&payer, ARRIVAL)?;
            return Ok(Self { subject: Subject::User(user), token: Some(token.clone()), payer });
        }
        let payer = Payer::Address(address);
        state.rate_limits.charge(&payer, ARRIVAL)?;
        let Some(token) = presented? else {
            return Ok(Self { subject: Subject::Anonymous, token: None, payer });
        };
        let user = state.authenticator.authenticate_token(&token).await?;
        let payer = Payer::Subject(user.id.clone());
        Ok(Self { subject: Subject::User(user), token: Some(token), payer })
    }

    /// Pays for one more request on the same connection.
    pub(super) fn arrives(&self, state: &AppState) -> Result<(), Rejection> {
        state.rate_limits.charge(&self.payer, ARRIVAL)?;
        Ok(())
    }

    /// Pays for a document that is about to be read.
    pub(super) fn pays_to_read(&self, state: &AppState, text: &str) -> Result<(), Rejection> {
        let kibibytes = u32::try_from(text.len() / 1024).unwrap_or(u32::MAX);
        if kibibytes > 0 {
            state.rate_limits.charge(&self.payer, kibibytes.saturating_mul(READING))?;
        }
        Ok(())
    }

    /// Pays for an operation.
    pub(super) fn pays(&self, state: &AppState, operation: &Operation) -> Result<Bill, Rejection> {
        let cost = operation.cost();
        let points = u32::try_from(cost.points).unwrap_or(u32::MAX);
        let balance = state.rate_limits.charge(&self.payer, points)?;
        Ok(Bill { cost, balance })
    }
}

/// Where a request comes from, as far as it can be believed.
pub(super) fn address_of(state: &AppState, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    // Only a router without a server has no connection.
    let peer = extensions.get::<Connection>().map_or(IpAddr::from([0; 4]), Connection::peer);
    address::of(peer, headers, &state.config.trusted_proxies)
}
