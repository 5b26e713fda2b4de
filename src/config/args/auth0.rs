//! Who is asking: the issuer of tokens, and its Management API.

use std::path::PathBuf;

use clap::{
    Args as ClapArgs,
    builder::{OsStringValueParser, TypedValueParser as _},
};
use secrecy::SecretString;

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Auth0")]
pub struct Auth0Args {
    /// Tenant domain, for example `example.eu.auth0.com`. Tokens must be issued by `https://DOMAIN/`.
    #[arg(long, env = "AUTH0_DOMAIN")]
    pub auth0_domain: Option<String>,
    /// Exact `iss` of tokens, where it is not `https://DOMAIN/` (a custom domain, a development issuer).
    #[arg(long, env = "AUTH0_ISSUER")]
    pub auth0_issuer: Option<String>,
    /// Identifier of this API at Auth0; tokens must name it as an audience.
    #[arg(long, env = "AUTH0_AUDIENCE")]
    pub auth0_audience: Option<String>,
    /// Claim that lists role names; e-mail and name are read from the same namespace.
    #[arg(long, env = "AUTH0_ROLES_CLAIM")]
    pub auth0_roles_claim: Option<String>,
    /// File with a further root certificate, PEM, for an issuer behind a private authority.
    #[arg(long, env = "AUTH0_CA_FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub auth0_ca_file: Option<PathBuf>,
    /// Machine-to-machine application that may remove accounts at Auth0; without it they stay.
    #[arg(long, env = "AUTH0_MGMT_CLIENT_ID")]
    pub auth0_mgmt_client_id: Option<String>,
    /// Its secret. Give it as an environment variable: flags are visible to other processes.
    #[arg(long, env = "AUTH0_MGMT_CLIENT_SECRET", hide_env_values = true)]
    pub auth0_mgmt_client_secret: Option<SecretString>,
    /// Identifier of Auth0's Management API, where it is not `https://DOMAIN/api/v2/` (a custom domain).
    #[arg(long, env = "AUTH0_MGMT_AUDIENCE")]
    pub auth0_mgmt_audience: Option<String>,
    /// Organizations that may use this server, separated by commas; empty: any.
    #[arg(long, env = "ALLOWED_TENANTS", value_delimiter = ',')]
    pub allowed_tenants: Vec<String>,
    /// Shortest time between two fetches of the signing keys.
    #[arg(long, env = "JWKS_COOLDOWN_MS", default_value_t = 30_000)]
    pub jwks_cooldown_ms: u64,
    /// How long the last good signing keys are used while Auth0 is down.
    #[arg(long, env = "JWKS_MAX_STALE_MS", default_value_t = 86_400_000)]
    pub jwks_max_stale_ms: u64,
}
