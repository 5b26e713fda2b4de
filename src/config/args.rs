//! Flags and environment variables, as clap reads them. Meanings are checked in `check`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{
    Args as ClapArgs, Parser, ValueEnum,
    builder::{OsStringValueParser, TypedValueParser as _},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::Command;
use crate::sync::RolePolicy;

/// A GraphQL task API guarded by Auth0 and Permit.io.
///
/// Every flag can be given as the environment variable named beside it. Times are in milliseconds, sizes in bytes.
#[derive(Parser, Debug, Clone)]
#[command(name = "taskgate", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[cfg(feature = "sandbox")]
    #[command(flatten)]
    pub sandbox: SandboxArgs,
    #[command(flatten)]
    pub auth0: Auth0Args,
    #[command(flatten)]
    pub permit: PermitArgs,
    #[command(flatten)]
    pub server: ServerArgs,
}

impl Args {
    /// What the command line and the environment say. A blank setting is none: compose files and CI pass on what
    /// nobody has set.
    pub fn read() -> Self {
        let args = Self::try_parse().unwrap_or_else(|error| {
            // To `policy`, 2 means that there is something to do: a mistyped flag must not look like that.
            if error.use_stderr() && std::env::args_os().any(|word| word == "policy") {
                // Nothing is left to report a broken standard error to.
                let _ = error.print();
                std::process::exit(1);
            }
            error.exit()
        });
        args.without_blanks()
    }

    fn without_blanks(mut self) -> Self {
        let (auth0, permit, server) = (&mut self.auth0, &mut self.permit, &mut self.server);
        for text in [
            &mut auth0.auth0_domain,
            &mut auth0.auth0_issuer,
            &mut auth0.auth0_audience,
            &mut auth0.auth0_roles_claim,
            &mut auth0.auth0_mgmt_client_id,
            &mut auth0.auth0_mgmt_audience,
            &mut permit.permit_pdp_url,
            &mut server.console_token_url,
        ] {
            text.take_if(|text| text.trim().is_empty());
        }
        let secrets =
            [&mut auth0.auth0_mgmt_client_secret, &mut permit.permit_api_key, &mut server.database_url];
        for secret in secrets {
            secret.take_if(|secret| secret.expose_secret().trim().is_empty());
        }
        auth0.auth0_ca_file.take_if(|file| file.as_os_str().is_empty());
        if permit.permit_api_url.trim().is_empty() {
            crate::permit::Config::API_URL.clone_into(&mut permit.permit_api_url);
        }
        self
    }

    /// Why the sandbox does not start with these settings: it stands beside no setting of real services, and it
    /// signs tokens for whoever asks, so nobody but this machine may reach the API that believes them.
    pub fn conflict_with_sandbox(&self) -> Option<String> {
        let api_url = self.permit.permit_api_url.trim_end_matches('/');
        let real_services = [
            ("AUTH0_DOMAIN", self.auth0.auth0_domain.is_some()),
            ("AUTH0_ISSUER", self.auth0.auth0_issuer.is_some()),
            ("AUTH0_AUDIENCE", self.auth0.auth0_audience.is_some()),
            ("AUTH0_ROLES_CLAIM", self.auth0.auth0_roles_claim.is_some()),
            ("AUTH0_CA_FILE", self.auth0.auth0_ca_file.is_some()),
            ("AUTH0_MGMT_CLIENT_ID", self.auth0.auth0_mgmt_client_id.is_some()),
            ("AUTH0_MGMT_CLIENT_SECRET", self.auth0.auth0_mgmt_client_secret.is_some()),
            ("AUTH0_MGMT_AUDIENCE", self.auth0.auth0_mgmt_audience.is_some()),
            ("PERMIT_API_KEY", self.permit.permit_api_key.is_some()),
            ("PERMIT_PDP_URL", self.permit.permit_pdp_url.is_some()),
            ("PERMIT_API_URL", api_url != crate::permit::Config::API_URL),
        ];
        if let Some((setting, _)) = real_services.into_iter().find(|(_, is_set)| *is_set) {
            return Some(format!("beside {setting}: choose the sandbox or the real services"));
        }
        // What is no address at all is reported with the other settings.
        let address = self.server.listen_addr.parse::<SocketAddr>().ok()?;
        (!address.ip().is_loopback()).then(|| "with a LISTEN_ADDR that is not loopback".to_owned())
    }
}

#[cfg(feature = "sandbox")]
#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Sandbox (stand-ins for Auth0 and Permit on loopback)")]
pub struct SandboxArgs {
    /// Start stand-ins for Auth0 and Permit, and serve against them. Needs no account and no network.
    #[arg(long)]
    pub sandbox: bool,
    /// Port of the stand-in for Auth0.
    #[arg(long, env = "SANDBOX_ISSUER_PORT", default_value_t = 4001)]
    pub sandbox_issuer_port: u16,
    /// Port of the stand-in for Permit's REST API.
    #[arg(long, env = "SANDBOX_PERMIT_API_PORT", default_value_t = 4002)]
    pub sandbox_permit_api_port: u16,
    /// Port of the stand-in for Permit's PDP.
    #[arg(long, env = "SANDBOX_PDP_PORT", default_value_t = 4003)]
    pub sandbox_pdp_port: u16,
}

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

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Permit")]
pub struct PermitArgs {
    /// Key of a Permit environment. Give it as an environment variable: flags are visible to other processes.
    #[arg(long, env = "PERMIT_API_KEY", hide_env_values = true)]
    pub permit_api_key: Option<SecretString>,
    /// Where decisions come from, for example `http://127.0.0.1:7766`.
    #[arg(long, env = "PERMIT_PDP_URL")]
    pub permit_pdp_url: Option<String>,
    /// Permit's REST API.
    #[arg(long, env = "PERMIT_API_URL", default_value = crate::permit::Config::API_URL)]
    pub permit_api_url: String,
    /// Longest wait for a connection to the PDP or the REST API.
    #[arg(long, env = "PERMIT_CONNECT_TIMEOUT_MS", default_value_t = 1_000)]
    pub permit_connect_timeout_ms: u64,
    /// Longest wait for an answer of the PDP; a later one is no decision.
    #[arg(long, env = "PERMIT_ANSWER_TIMEOUT_MS", default_value_t = 2_000)]
    pub permit_answer_timeout_ms: u64,
    /// Longest wait for an answer of the REST API.
    #[arg(long, env = "PERMIT_API_TIMEOUT_MS", default_value_t = 5_000)]
    pub permit_api_timeout_ms: u64,
    /// Whether users and roles are written through the PDP, which then tells when it knows them: `auto`, `on`, `off`.
    #[arg(long, env = "PERMIT_FACTS_PROXY", default_value = "auto")]
    pub permit_facts_proxy: String,
    /// How long such a write waits for the PDP to know it, beside the time for the REST API.
    #[arg(long, env = "PERMIT_FACTS_WAIT_MS", default_value_t = 5_000)]
    pub permit_facts_wait_ms: u64,
    /// Writes to the REST API in a minute, deletes among them. Permit admits 300 to an environment; leave the others some.
    #[arg(long, env = "PERMIT_WRITES_PER_MINUTE", default_value_t = crate::permit::Config::WRITES_PER_MINUTE.get())]
    pub permit_writes_per_minute: u32,
    /// Deletes in a minute. Permit admits 60.
    #[arg(long, env = "PERMIT_DELETES_PER_MINUTE", default_value_t = crate::permit::Config::DELETES_PER_MINUTE.get())]
    pub permit_deletes_per_minute: u32,
    /// Changes of the policy in a minute, for `taskgate policy`. Permit admits 40.
    #[arg(long, env = "PERMIT_SCHEMA_WRITES_PER_MINUTE", default_value_t = crate::permit::Config::SCHEMA_WRITES_PER_MINUTE.get())]
    pub permit_schema_writes_per_minute: u32,
    /// How old what somebody was found to hold may be when it is used for reads; 0: every operation asks. Writes always
    /// ask.
    #[arg(long, env = "PERMIT_DECISION_TTL", default_value_t = 0)]
    pub permit_decision_ttl: u64,
    /// Whether a task's owner and assignee hold permissions on it by attribute rules of Permit, which needs a PDP that
    /// has them. Owner and assignee come from this server's database; no task is copied to Permit.
    #[arg(long, env = "OBJECT_RULES", default_value_t = false, action = clap::ArgAction::Set)]
    pub object_rules: bool,
    /// Longest that a login, or a change of users or roles, waits for Permit; what is not done then is done later.
    #[arg(long, env = "LOGIN_DEADLINE_MS", default_value_t = 5_000)]
    pub login_deadline_ms: u64,
    /// Whose word counts when the roles of a token and of Permit disagree.
    #[arg(long, env = "ROLE_POLICY", value_enum, default_value_t = RolePolicyArg::Merge)]
    pub role_policy: RolePolicyArg,
    /// Whether an organization that Permit does not know becomes a tenant there at its first login.
    #[arg(long, env = "CREATE_TENANTS", default_value_t = false, action = clap::ArgAction::Set)]
    pub create_tenants: bool,
    /// Whether an e-mail address that Auth0 has not verified is copied to Permit: it could be anybody's.
    #[arg(long, env = "COPY_UNVERIFIED_EMAIL", default_value_t = false, action = clap::ArgAction::Set)]
    pub copy_unverified_email: bool,
    /// How often it is asked again what those who are subscribed may do.
    #[arg(long, env = "PERMISSION_RECHECK_INTERVAL", default_value_t = 10_000)]
    pub permission_recheck_interval: u64,
    /// Age at which something that Permit or Auth0 still refuses waits for `taskgate sync replay --dead`.
    #[arg(long, env = "SYNC_GIVE_UP_AFTER_MS", default_value_t = 86_400_000)]
    pub sync_give_up_after_ms: u64,
    /// Time until another node, or this one after a restart, takes over what a node was doing that died.
    #[arg(long, env = "SYNC_LEASE_MS", default_value_t = 30_000)]
    pub sync_lease_ms: u64,
}

/// [`RolePolicy`], as it is written in the setting.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolePolicyArg {
    /// A user holds exactly the roles of the token.
    IdpWins,
    /// A role is given the first time a token names it; from then on only Permit counts.
    PermitWins,
    /// Roles of the token follow the token; what a person gave or took away in Permit stays.
    Merge,
    /// The roles of the first token are given; later tokens change nothing.
    FirstLoginOnly,
}

impl From<RolePolicyArg> for RolePolicy {
    fn from(policy: RolePolicyArg) -> Self {
        match policy {
            RolePolicyArg::IdpWins => Self::IdpWins,
            RolePolicyArg::PermitWins => Self::PermitWins,
            RolePolicyArg::Merge => Self::Merge,
            RolePolicyArg::FirstLoginOnly => Self::FirstLoginOnly,
        }
    }
}

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Server")]
pub struct ServerArgs {
    /// Address and port to listen on.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:4000")]
    pub listen_addr: String,
    /// `sqlite://FILE?mode=rwc` or `postgres://…`. Default: `sqlite://taskgate.db?mode=rwc`; in the sandbox a
    /// temporary file of its own.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Connections to the database.
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 8)]
    pub database_max_connections: u32,
    /// Longest wait for a connection to the database.
    #[arg(long, env = "DATABASE_TIMEOUT_MS", default_value_t = 5_000)]
    pub database_timeout_ms: u64,
    /// Origins of browsers that may call the API, separated by commas, for example `https://app.example.com`.
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Largest request body.
    #[arg(long, env = "MAX_BODY_BYTES", default_value_t = 1024 * 1024)]
    pub max_body_bytes: usize,
    /// Longest that a client may take for its request headers.
    #[arg(long, env = "HEADER_TIMEOUT_MS", default_value_t = 10_000)]
    pub header_timeout_ms: u64,
    /// Longest that a client may take for its request body.
    #[arg(long, env = "BODY_TIMEOUT_MS", default_value_t = 10_000)]
    pub body_timeout_ms: u64,
    /// Longest that a client may take to read what it was sent; whoever does not is let go.
    #[arg(long, env = "SEND_TIMEOUT_MS", default_value_t = 10_000)]
    pub send_timeout_ms: u64,
    /// Longest that a WebSocket may stay open before its `connection_init`.
    #[arg(long, env = "WS_INIT_TIMEOUT_MS", default_value_t = 3_000)]
    pub ws_init_timeout_ms: u64,
    /// Pause between two signs of life: a ping on a WebSocket, which ends when nothing comes back before the next, and
    /// a comment in an event stream.
    #[arg(long, env = "WS_KEEP_ALIVE_MS", default_value_t = 20_000)]
    pub ws_keep_alive_ms: u64,
    /// Operations in flight on one WebSocket.
    #[arg(long, env = "MAX_SUBSCRIPTIONS_PER_SOCKET", default_value_t = 32)]
    pub max_subscriptions_per_socket: usize,
    /// Connections that are served at the same time; a WebSocket is one.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: usize,
    /// How long running requests may go on after the signal to stop.
    #[arg(long, env = "SHUTDOWN_GRACE_MS", default_value_t = 10_000)]
    pub shutdown_grace_ms: u64,
    /// How long the log of decisions keeps each of them; 0: there is no log, and an earlier one is erased.
    #[arg(long, env = "DECISION_LOG_RETENTION_MS", default_value_t = 604_800_000)]
    pub decision_log_retention_ms: u64,
    /// Whether clients may read the schema by introspection.
    #[arg(long, env = "INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub introspection: bool,
    /// Whether answers carry the receipt `extensions.authz`.
    #[arg(long, env = "RECEIPT", default_value_t = true, action = clap::ArgAction::Set)]
    pub receipt: bool,
    /// Whether the GraphiQL console is served at `/`. On in the sandbox, off else.
    #[arg(long, env = "CONSOLE", action = clap::ArgAction::Set)]
    pub console: Option<bool>,
    /// Where the console's persona menu gets tokens; set by the sandbox.
    #[arg(long, env = "CONSOLE_TOKEN_URL")]
    pub console_token_url: Option<String>,
    /// Log lines as JSON.
    #[arg(long, env = "LOG_JSON", default_value_t = false, action = clap::ArgAction::Set)]
    pub log_json: bool,
}
