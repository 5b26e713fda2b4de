//! Stand-ins for Auth0 and Permit on loopback, with the real wire formats.
//!
//! They import neither `auth` nor `permit` on purpose: they state the wire formats a second time, so that a
//! misspelt field breaks a test instead of agreeing with itself. They listen on loopback only, sign with keys that
//! are new at every start, and are started by an explicit flag.

mod faults;
pub mod issuer;
pub mod permit;
mod service;

use std::{fmt, io};

pub use service::{Counts, Service};

/// Identifier of the API at the sandbox's Auth0.
pub const AUDIENCE: &str = "https://taskgate.example/api";
/// Claim that lists role names.
pub const ROLES_CLAIM: &str = "https://taskgate.example/roles";

/// Where the stand-ins listen; 0 chooses a free port.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub issuer: u16,
    pub permit_api: u16,
    pub pdp: u16,
}

/// A port that somebody else has.
#[derive(Debug, thiserror::Error)]
#[error(
    "the sandbox's {service} cannot listen; is another sandbox running? Its port can be moved, see --help"
)]
pub struct StartError {
    service: &'static str,
    #[source]
    source: io::Error,
}

/// The running stand-ins. They end when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    pub issuer: Service,
    pub permit_api: Service,
    pub pdp: Service,
}

impl Sandbox {
    /// Starts Auth0, Permit's REST API and the PDP, all three in their first state.
    ///
    /// # Errors
    /// A port is taken.
    pub async fn start(ports: Ports) -> Result<Self, StartError> {
        let settings = issuer::Settings {
            port: ports.issuer,
            audience: AUDIENCE.to_owned(),
            roles_claim: ROLES_CLAIM.to_owned(),
        };
        let failed = |service| move |source| StartError { service, source };
        let issuer = issuer::start(settings).await.map_err(failed("Auth0"))?;
        let ports = permit::Settings { api_port: ports.permit_api, pdp_port: ports.pdp };
        let permit = permit::start(ports).await.map_err(failed("Permit"))?;
        Ok(Self { issuer, permit_api: permit.api, pdp: permit.pdp })
    }

    /// The `iss` of tokens.
    pub fn issuer_name(&self) -> String {
        format!("{}/", self.issuer.url())
    }

    /// Where personas get tokens.
    pub fn token_url(&self) -> String {
        format!("{}/sandbox/token", self.issuer.url())
    }

    /// What to print at start: addresses, personas, and a first request to paste.
    pub fn banner(&self, api: &str) -> impl fmt::Display {
        let token_url = self.token_url();
        let personas = issuer::PERSONAS.map(|(name, about)| format!("    {name:<9} {about}")).join("\n");
        format!(
            "taskgate sandbox: nothing here is real, and nothing is kept

  API and console   {api}/
  Auth0 stand-in    {issuer}/
  Permit REST API   {rest}   (key {key})
  Permit PDP        {pdp}

  Personas
{personas}

  Try it
    TOKEN=$(curl -s {token_url}/manager)
    curl -s {api}/graphql -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\
      -d '{{\"query\":\"mutation {{ login {{ ready viewer {{ subject permissions }} }} }}\"}}'
",
            issuer = self.issuer.url(),
            rest = self.permit_api.url(),
            pdp = self.pdp.url(),
            key = permit::API_KEY,
        )
    }
}
