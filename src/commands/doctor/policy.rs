//! Permit's REST API: whether the key opens an environment, and whether its policy knows what our schema asks for.

use std::collections::BTreeSet;

use super::Report;
use crate::{
    auth::{RolesClaim, VerifiedUser},
    commands::diagnosis::{self, Diagnosis},
    graphql,
    permit::{Config, Facts, policy},
};

const API: &str = diagnosis::API;
const KEY: &str = diagnosis::KEY;
const ACTIONS: &str = "resources and actions";
const ROLES: &str = "roles";
const TENANT: &str = "tenant";

/// `bearer` is whoever the pasted token is of.
pub(super) async fn examine(config: &Config, bearer: Option<&VerifiedUser>, report: &mut Report) {
    let facts = match Facts::new(config) {
        Ok(facts) => facts,
        Err(error) => {
            report.fail(KEY, error.to_string(), "look at PERMIT_API_KEY, PERMIT_API_URL and PERMIT_PDP_URL");
            return;
        }
    };
    if !key(&facts, report).await {
        report.skip(&[ACTIONS, ROLES]);
        return;
    }
    match graphql::required_permissions() {
        Ok(required) => {
            actions(&facts, &required, report).await;
            roles(&facts, &required, bearer, report).await;
        }
        Err(holes) => {
            let what = format!("{} holes in the schema's protection", holes.len());
            report.fail(ACTIONS, what, "the server does not start either, and names them");
        }
    }
    if let Some(bearer) = bearer {
        tenant(&facts, &bearer.tenant, report).await;
    }
}

/// Whether the key opens an environment.
async fn key(facts: &Facts, report: &mut Report) -> bool {
    let reached = "reachable";
    match facts.scope().await {
        Ok(scope) => {
            report.ok(API, reached);
            report.ok(KEY, format!("opens environment {} of project {}", scope.environment, scope.project));
            return true;
        }
        Err(error) => match diagnosis::of_scope(&error) {
            Diagnosis { is_key: true, what, fix } => {
                report.ok(API, reached);
                report.fail(KEY, what, fix);
            }
            Diagnosis { is_key: false, what, fix } => {
                report.fail(API, what, fix);
                report.skip(&[KEY]);
            }
        },
    }
    false
}

type Permissions = BTreeSet<(String, String)>;

async fn actions(facts: &Facts, required: &Permissions, report: &mut Report) {
    let known = match facts.resources().await {
        Ok(known) => known,
        Err(error) => return report.fail(ACTIONS, error.to_string(), "run the doctor again"),
    };
    let missing = policy::missing(required, &known);
    if missing.is_empty() {
        report.ok(ACTIONS, format!("all {} that the schema asks for", required.len()));
    } else {
        let what = format!("the policy has no {}", missing.join(", "));
        report.fail(
            ACTIONS,
            what,
            "run `taskgate policy apply`, or create them in Permit as resource:action, spelled so",
        );
    }
}

async fn roles(facts: &Facts, required: &Permissions, bearer: Option<&VerifiedUser>, report: &mut Report) {
    let roles = match facts.role_permissions().await {
        Ok(roles) => roles,
        Err(error) => return report.fail(ROLES, error.to_string(), "run the doctor again"),
    };
    let granted: BTreeSet<&String> = roles.values().flatten().collect();
    let (held, idle): (Vec<String>, Vec<String>) =
        required.iter().map(written).partition(|permission| granted.contains(permission));
    let fix = "give permissions to roles in Permit's policy editor";
    if held.is_empty() {
        let what = format!("{} in the policy, and none grants anything of ours", roles.len());
        report.warn(ROLES, what, fix);
    } else if idle.is_empty() {
        report.ok(ROLES, format!("{} in the policy; every permission is granted by one", roles.len()));
    } else {
        report.warn(ROLES, format!("none grants {}", idle.join(", ")), fix);
    }
    if let Some(RolesClaim::Listed(named)) = bearer.map(|user| &user.roles) {
        let unknown: Vec<&str> =
            named.iter().filter(|role| !roles.contains_key(*role)).map(String::as_str).collect();
        if !unknown.is_empty() {
            let what = format!("Permit has none that is called {}, as the token says", unknown.join(", "));
            report.warn(ROLES, what, "create it, or rename it at Auth0; mind the case");
        }
    }
}

async fn tenant(facts: &Facts, tenant: &str, report: &mut Report) {
    match facts.tenant_exists(tenant).await {
        Ok(true) => report.ok(TENANT, format!("Permit has the token's tenant {tenant}")),
        Ok(false) => {
            let fix = "create the tenant in Permit; its key is the `org_id` of the token";
            report.warn(TENANT, format!("Permit has no tenant {tenant}, so nobody of it can sign in"), fix);
        }
        Err(error) => report.fail(TENANT, error.to_string(), "run the doctor again"),
    }
}

fn written((resource, action): &(String, String)) -> String {
    format!("{resource}:{action}")
}
