//! The PDP, Permit's REST API, and how users and roles get there.

use secrecy::ExposeSecret as _;

use super::{Args, Problems, positive, rate, required, url};
use crate::{permit, sync};

pub(super) fn permit(args: &Args, problems: &mut Problems) -> Option<permit::Config> {
    let given = &args.permit;
    let key = given.permit_api_key.clone().filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() {
        problems.note("PERMIT_API_KEY", "is missing");
    }
    let pdp_url = required("PERMIT_PDP_URL", given.permit_pdp_url.as_deref(), problems)
        .and_then(|text| url("PERMIT_PDP_URL", &text, problems));
    let api_url = url("PERMIT_API_URL", &given.permit_api_url, problems);
    let proxy = facts_proxy(&given.permit_facts_proxy, problems);
    let writes = rate("PERMIT_WRITES_PER_MINUTE", given.permit_writes_per_minute, problems);
    let deletes = rate("PERMIT_DELETES_PER_MINUTE", given.permit_deletes_per_minute, problems);
    let schema_writes =
        rate("PERMIT_SCHEMA_WRITES_PER_MINUTE", given.permit_schema_writes_per_minute, problems);
    let times = [
        ("PERMIT_CONNECT_TIMEOUT_MS", given.permit_connect_timeout_ms),
        ("PERMIT_ANSWER_TIMEOUT_MS", given.permit_answer_timeout_ms),
        ("PERMIT_API_TIMEOUT_MS", given.permit_api_timeout_ms),
        ("PERMIT_FACTS_WAIT_MS", given.permit_facts_wait_ms),
    ];
    let [connect, answer, api, wait] = times.map(|(setting, millis)| positive(setting, millis, problems));
    let mut config = permit::Config::new(pdp_url?, api_url?, key?);
    config.connect_timeout = connect;
    config.answer_timeout = answer;
    config.api_timeout = api;
    config.facts_wait = wait;
    config.facts_proxy = proxy?;
    config.writes_per_minute = writes;
    config.deletes_per_minute = deletes;
    config.schema_writes_per_minute = schema_writes;
    Some(config)
}

/// The settings of commands that speak with Permit's REST API and ask for no decision.
/// Nothing is asked of the PDP, so its address does not matter.
pub(in crate::config) fn permit_api(args: &Args) -> Result<permit::Config, Problems> {
    let mut args = args.clone();
    args.permit.permit_pdp_url = Some(args.permit.permit_api_url.clone());
    "off".clone_into(&mut args.permit.permit_facts_proxy);
    let mut problems = Problems::default();
    let config = permit(&args, &mut problems);
    // One address, one complaint.
    problems.0.retain(|problem| !problem.starts_with("PERMIT_PDP_URL"));
    config.filter(|_| problems.0.is_empty()).ok_or(problems)
}

pub(super) fn sync(args: &Args, problems: &mut Problems) -> sync::Config {
    let given = &args.permit;
    sync::Config {
        policy: given.role_policy.into(),
        create_tenants: given.create_tenants,
        copy_unverified_email: given.copy_unverified_email,
        deadline: positive("LOGIN_DEADLINE_MS", given.login_deadline_ms, problems),
        give_up_after: positive("SYNC_GIVE_UP_AFTER_MS", given.sync_give_up_after_ms, problems),
        lease: positive("SYNC_LEASE_MS", given.sync_lease_ms, problems),
    }
}

fn facts_proxy(text: &str, problems: &mut Problems) -> Option<permit::ProxyUse> {
    match text.trim() {
        "auto" | "" => Some(permit::ProxyUse::Auto),
        "on" => Some(permit::ProxyUse::On),
        "off" => Some(permit::ProxyUse::Off),
        _ => {
            problems.note("PERMIT_FACTS_PROXY", "is neither auto, on nor off");
            None
        }
    }
}
