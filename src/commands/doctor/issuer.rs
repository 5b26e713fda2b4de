//! Auth0: whether the issuer is the configured one and publishes keys that can be used; then the pasted token.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Report, token};
use crate::auth::{Authenticator, Config, FetchError, VerifiedUser};

const ISSUER: &str = "issuer";
const KEYS: &str = "signing keys";

/// Whose the pasted token is, if it is accepted.
pub(super) async fn examine(
    config: &Config,
    token: Option<&SecretString>,
    report: &mut Report,
) -> Option<Arc<VerifiedUser>> {
    let authenticator = match Authenticator::new(config.clone()) {
        Ok(authenticator) => authenticator,
        Err(error) => {
            report.fail(ISSUER, error.to_string(), "look at AUTH0_DOMAIN, AUTH0_ISSUER and AUTH0_CA_FILE");
            report.skip(&[KEYS, token::TOKEN]);
            return None;
        }
    };
    if let Err(error) = authenticator.discover().await {
        report.fail(ISSUER, format!("{}: {error}", config.issuer), advice(&error, &config.issuer));
        report.skip(&[KEYS, token::TOKEN]);
        return None;
    }
    report.ok(ISSUER, format!("{} publishes what is configured", config.issuer));
    if !keys(&authenticator, config, report).await {
        report.skip(&[token::TOKEN]);
        return None;
    }
    token::examine(&authenticator, config, token, report).await
}

/// Whether there is a usable one.
async fn keys(authenticator: &Authenticator, config: &Config, report: &mut Report) -> bool {
    match authenticator.published_keys().await {
        Ok(keys) if keys.usable == 0 => {
            let what = format!("{} published, none of them verifies RS256", keys.published);
            report.fail(KEYS, what, "choose RS256 as the signing algorithm of the API at Auth0");
        }
        Ok(keys) => {
            report.ok(KEYS, format!("{} published, {} usable for RS256", keys.published, keys.usable));
            return true;
        }
        Err(error) => report.fail(KEYS, error.to_string(), advice(&error, &config.issuer)),
    }
    false
}

fn advice(error: &FetchError, issuer: &str) -> String {
    let discovery = format!("{issuer}.well-known/openid-configuration");
    match error {
        FetchError::Unreachable(_) | FetchError::TimedOut => {
            "is AUTH0_DOMAIN right, and can this machine reach it? A private authority needs AUTH0_CA_FILE"
                .into()
        }
        FetchError::OtherIssuer => {
            format!(
                "set AUTH0_ISSUER to the `issuer` that {discovery} shows, letter by letter, slash included"
            )
        }
        FetchError::OtherOrigin => {
            format!("jwks_uri and userinfo_endpoint in {discovery} must begin with the issuer's own address")
        }
        FetchError::Rejected(_) | FetchError::TooLarge | FetchError::Malformed(_) | FetchError::NoKeys => {
            format!("AUTH0_DOMAIN or AUTH0_ISSUER must lead to an issuer: open {discovery}")
        }
    }
}
