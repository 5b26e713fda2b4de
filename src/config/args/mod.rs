//! Flags and environment variables, as clap reads them. Meanings are checked in `check`.

mod auth0;
mod database;
mod permit;
mod server;
mod telemetry;

use std::net::SocketAddr;

#[cfg(feature = "sandbox")]
use clap::Args as ClapArgs;
use clap::Parser;
use secrecy::ExposeSecret as _;

use self::{
    auth0::Auth0Args, database::DatabaseArgs, permit::PermitArgs, server::ServerArgs,
    telemetry::TelemetryArgs,
};
use super::Command;

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
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    pub telemetry: TelemetryArgs,
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
        let Self { auth0, permit, database, server, .. } = &mut self;
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
            [&mut auth0.auth0_mgmt_client_secret, &mut permit.permit_api_key, &mut database.database_url];
        for secret in secrets {
            secret.take_if(|secret| secret.expose_secret().trim().is_empty());
        }
        server.trusted_documents_file.take_if(|file| file.as_os_str().is_empty());
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
