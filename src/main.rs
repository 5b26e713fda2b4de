//! The program: read flags, perhaps start the sandbox, run the command.

use std::process::ExitCode;

use clap::Parser as _;
use taskgate::{commands, config::Args, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    telemetry::log(args.server.log_json);
    #[cfg(feature = "sandbox")]
    if args.sandbox.sandbox {
        return in_sandbox(args).await;
    }
    commands::run(args).await
}

/// Starts the stand-ins and tells the server their addresses; from there on it cannot know the difference.
#[cfg(feature = "sandbox")]
async fn in_sandbox(mut args: Args) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;

    use taskgate::sandbox::{AUDIENCE, Ports, ROLES_CLAIM, Sandbox, issuer, permit::API_KEY};

    if let Some(setting) = args.real_service() {
        let message =
            format!("--sandbox does not start beside {setting}: choose the sandbox or the real services.");
        writeln!(std::io::stderr(), "{message}")?;
        return Ok(ExitCode::from(2));
    }
    let sandbox = Sandbox::start(Ports {
        issuer: args.sandbox.sandbox_issuer_port,
        permit_api: args.sandbox.sandbox_permit_api_port,
        pdp: args.sandbox.sandbox_pdp_port,
    })
    .await?;
    let database = std::env::temp_dir().join(format!("taskgate-sandbox-{}.db", std::process::id()));
    args.auth0.auth0_issuer = Some(sandbox.issuer_name());
    args.auth0.auth0_audience = Some(AUDIENCE.to_owned());
    args.auth0.auth0_roles_claim = Some(ROLES_CLAIM.to_owned());
    args.auth0.auth0_mgmt_client_id = Some(issuer::MACHINE.to_owned());
    args.auth0.auth0_mgmt_client_secret = Some(issuer::MACHINE_SECRET.to_owned().into());
    args.permit.permit_api_key = Some(API_KEY.to_owned().into());
    args.permit.permit_api_url = sandbox.permit_api.url();
    args.permit.permit_pdp_url = Some(sandbox.pdp.url());
    args.server
        .database_url
        .get_or_insert_with(|| format!("sqlite://{}?mode=rwc", database.display()).into());
    args.server.console.get_or_insert(true);
    args.server.console_token_url.get_or_insert_with(|| sandbox.token_url());
    writeln!(std::io::stdout(), "{}", sandbox.banner(&format!("http://{}", args.server.listen_addr)))?;
    let outcome = commands::run(args).await;
    for suffix in ["", "-wal", "-shm"] {
        // A database of the operator's own choice is not at this path, and then there is nothing to remove.
        let _ = std::fs::remove_file(format!("{}{suffix}", database.display()));
    }
    outcome
}
