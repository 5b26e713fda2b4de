//! The settings of commands that speak with Permit's REST API and ask for no decision.

use super::{Problems, permit};
use crate::{config::Args, permit::Config};

/// Nothing is asked of the PDP, so its address does not matter.
pub(in crate::config) fn permit_api(args: &Args) -> Result<Config, Problems> {
    let mut args = args.clone();
    args.permit.permit_pdp_url = Some(args.permit.permit_api_url.clone());
    "off".clone_into(&mut args.permit.permit_facts_proxy);
    let mut problems = Problems::default();
    let config = permit(&args, &mut problems);
    // One address, one complaint.
    problems.0.retain(|problem| !problem.starts_with("PERMIT_PDP_URL"));
    config.filter(|_| problems.0.is_empty()).ok_or(problems)
}
