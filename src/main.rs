//! The program: read flags, perhaps start the sandbox, run the command.

use std::process::ExitCode;

use taskgate::{
    commands,
    config::{Args, Config},
    telemetry::Telemetry,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::read();
    let telemetry = Telemetry::start(args.server.log_json, Config::traces_from_args(&args).as_ref())?;
    let code = run(args).await;
    telemetry.stop();
    code
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    #[cfg(feature = "sandbox")]
    if args.sandbox.sandbox {
        return in_sandbox(args).await;
    }
    commands::run(args, |_| Ok(())).await
}

/// Starts the stand-ins and tells the server their addresses; from there on it cannot know the difference.
#[cfg(feature = "sandbox")]
async fn in_sandbox(mut args: Args) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;

    use taskgate::sandbox::{AUDIENCE, Ports, ROLES_CLAIM, Sandbox, issuer, permit::API_KEY};

    if let Some(conflict) = args.conflict_with_sandbox() {
        writeln!(std::io::stderr(), "--sandbox does not start {conflict}.")?;
        return Ok(ExitCode::from(2));
    }
    let sandbox = Sandbox::start(Ports {
        issuer: args.sandbox.sandbox_issuer_port,
        permit_api: args.sandbox.sandbox_permit_api_port,
        pdp: args.sandbox.sandbox_pdp_port,
    })
    .await?;
    let files = folder()?;
    args.auth0.auth0_issuer = Some(sandbox.issuer_name());
    args.auth0.auth0_audience = Some(AUDIENCE.to_owned());
    args.auth0.auth0_roles_claim = Some(ROLES_CLAIM.to_owned());
    args.auth0.auth0_mgmt_client_id = Some(issuer::MACHINE.to_owned());
    args.auth0.auth0_mgmt_client_secret = Some(issuer::MACHINE_SECRET.to_owned().into());
    args.permit.permit_api_key = Some(API_KEY.to_owned().into());
    args.permit.permit_api_url = sandbox.permit_api.url();
    args.permit.permit_pdp_url = Some(sandbox.pdp.url());
    args.database
        .database_url
        .get_or_insert_with(|| format!("sqlite://{}/tasks.db?mode=rwc", files.path().display()).into());
    args.server.console.get_or_insert(true);
    args.server.console_token_url.get_or_insert_with(|| sandbox.token_url());
    commands::run(args, |api| writeln!(std::io::stdout(), "{}", sandbox.banner(&format!("http://{api}"))))
        .await
}

/// A folder of our own under a random name, closed to others: nobody can have put a database there before us. It
/// goes with the value.
#[cfg(feature = "sandbox")]
fn folder() -> std::io::Result<tempfile::TempDir> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("taskgate-sandbox-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        folder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    folder.tempdir()
}
