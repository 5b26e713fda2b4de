//! Who sends a request, and whose bucket of points pays for it.
//!
//! Every request costs a point when it arrives, its document by its length before it is read, and its operation what it
//! costs. Somebody whose token was verified before pays themselves. Everybody else's address pays: out of one
//! bucket for whoever has no token, and out of another for a token that has to be verified, before it is, because
//! nothing that a stranger can ask for costs more than the signature of a bad one.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};

use super::{AppState, address, connection::Connection, operation::Operation, rejection::Rejection};
use crate::{
    auth::{AccessToken, AuthError, Authenticator, Subject},
    graphql::{Bill, Caller},
    rate_limit::{Payer, Purse},
    trace::TraceContext,
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
    purse: Purse,
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
        let purse = |payer| Purse::new(state.rate_limits.clone(), payer);
        if let Ok(Some(token)) = &presented
            && let Some(user) = state.authenticator.remembered(token).await
        {
            let purse = purse(Payer::Subject(user.id.clone()));
            purse.pay(ARRIVAL)?;
            return Ok(Self { subject: Subject::User(user), token: Some(token.clone()), purse });
        }
        let Some(token) = presented.transpose() else {
            let purse = purse(Payer::Address(address));
            purse.pay(ARRIVAL)?;
            return Ok(Self { subject: Subject::Anonymous, token: None, purse });
        };
        purse(Payer::Verification(address)).pay(ARRIVAL)?;
        let token = token?;
        let user = state.authenticator.authenticate_token(&token).await?;
        let purse = purse(Payer::Subject(user.id.clone()));
        Ok(Self { subject: Subject::User(user), token: Some(token), purse })
    }

    /// Whose bucket pays.
    pub(super) const fn payer(&self) -> &Payer {
        self.purse.payer()
    }

    /// Pays for one more request on the same connection.
    pub(super) fn arrives(&self) -> Result<(), Rejection> {
        self.purse.pay(ARRIVAL)?;
        Ok(())
    }

    /// Pays for a document that is about to be read.
    pub(super) fn pays_to_read(&self, text: &str) -> Result<(), Rejection> {
        let kibibytes = u32::try_from(text.len() / 1024).unwrap_or(u32::MAX);
        if kibibytes > 0 {
            self.purse.pay(kibibytes.saturating_mul(READING))?;
        }
        Ok(())
    }

    /// Pays for an operation, and sends it.
    pub(super) fn sends(
        self,
        operation: &Operation,
        request_id: String,
        trace: TraceContext,
    ) -> Result<Caller, Rejection> {
        let Self { subject, token, purse } = self;
        let bill = Bill::paid(operation.cost(), purse)?;
        Ok(Caller { subject, token, request_id, trace, bill })
    }
}

/// Where a request comes from, as far as it can be believed.
pub(super) fn address_of(state: &AppState, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    // Only a router without a server has no connection.
    let peer = extensions.get::<Connection>().map_or(IpAddr::from([0; 4]), Connection::peer);
    address::of(peer, headers, &state.config.trusted_proxies)
}
