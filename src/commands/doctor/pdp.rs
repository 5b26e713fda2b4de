//! The PDP: whether it decides, and about the environment that the REST API writes to.

use reqwest::StatusCode;

use super::Report;
use crate::permit::{Check, Config, Decision, Facts, Freshness, Pdp, PermitError, ProxyState, ProxyUse};

const PDP: &str = "PDP";
const VERSION: &str = "PDP version";
const PROXY: &str = "facts proxy";
const DECISION: &str = "decision";
const ATTRIBUTES: &str = "attribute rules";

/// Somebody whom Permit cannot know.
const NOBODY: &str = "taskgate-doctor";

pub(super) async fn examine(config: &Config, object_rules: bool, report: &mut Report) {
    // A key or an address that cannot be used at all was found by whoever looked at the REST API.
    let (Ok(pdp), Ok(facts)) = (Pdp::new(config), Facts::new(config)) else {
        return report.skip(&[PDP, VERSION, PROXY, DECISION]);
    };
    if let Err(error) = pdp.ready().await {
        let fix = match error {
            PermitError::Rejected { .. } => "it runs and is not ready: look at its log, PDP_API_KEY first",
            _ => {
                "is it started, and does PERMIT_PDP_URL lead to it? \
                 docker run -p 127.0.0.1:7766:7000 -e PDP_API_KEY=… permitio/pdp-v2"
            }
        };
        report.fail(PDP, error.to_string(), fix);
        return report.skip(&[VERSION, PROXY, DECISION]);
    }
    report.ok(PDP, "healthy");
    match pdp.version().await {
        Ok(version) => report.ok(VERSION, format!("speaks version {version} of its API")),
        Err(error) => {
            report.warn(VERSION, error.to_string(), "the hosted PDP does not tell; update your own");
        }
    }
    proxy(&facts, config.facts_proxy, report).await;
    decision(&pdp, report).await;
    if object_rules {
        attributes(&pdp, report).await;
    }
}

async fn attributes(pdp: &Pdp, report: &mut Report) {
    match pdp.has_attribute_rules().await {
        Ok(true) => report.ok(ATTRIBUTES, "evaluated, as OBJECT_RULES=true needs"),
        Ok(false) => report.fail(
            ATTRIBUTES,
            "this PDP does not evaluate them, so owners and assignees hold nothing by OBJECT_RULES=true",
            "run a PDP of your own, or set OBJECT_RULES to false",
        ),
        Err(error) => report.fail(ATTRIBUTES, error.to_string(), "look at the log of the PDP"),
    }
}

async fn proxy(facts: &Facts, choice: ProxyUse, report: &mut Report) {
    match facts.proxy_state().await {
        Ok(ProxyState::There) => report.ok(PROXY, "there: a login knows when the PDP has seen its roles"),
        Ok(ProxyState::Unused) => report.ok(PROXY, "not used, as PERMIT_FACTS_PROXY says"),
        Ok(ProxyState::Absent) if choice == ProxyUse::On => report.fail(
            PROXY,
            "this PDP has none, and PERMIT_FACTS_PROXY=on demands it",
            "set PERMIT_FACTS_PROXY to auto, or run a PDP of your own",
        ),
        Ok(ProxyState::Absent) => {
            report.ok(PROXY, "none, as with the hosted PDP: a login asks until the PDP has seen its roles");
        }
        Err(error) => report.warn(PROXY, error.to_string(), "until it says, writes go to the REST API"),
    }
}

/// The PDP compares the key with its own, so one that decides speaks about the environment of the key.
async fn decision(pdp: &Pdp, report: &mut Report) {
    let answers = pdp.decide(&[Check::new(NOBODY, "default", "task", "get")], Freshness::Fresh).await;
    match answers.decisions.into_iter().next() {
        Some(Ok(Decision::Deny { .. })) => {
            report.ok(DECISION, "the PDP decides with our key, so it knows what the REST API is told");
        }
        Some(Ok(Decision::Allow)) => report.fail(
            DECISION,
            "the PDP allows somebody who does not exist",
            "look in Permit for a rule that allows everybody",
        ),
        Some(Err(PermitError::Rejected { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN })) => {
            report.fail(
                DECISION,
                "the PDP does not accept our key: it is of another environment",
                "start the PDP with PDP_API_KEY = PERMIT_API_KEY",
            );
        }
        Some(Err(error)) => report.fail(DECISION, error.to_string(), "look at the log of the PDP"),
        None => report.fail(DECISION, "the PDP was not asked", "run the doctor again"),
    }
}
