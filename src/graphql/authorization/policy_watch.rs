//! Whether Permit's policy has the resources and actions that the schema asks about: without one of them, every check of
//! it is denied, and nothing says why.
//!
//! It is looked at when the server starts and again while something is missing or nobody knows, in the background and
//! whoever asks for readiness. A REST API that does not answer is no reason not to be ready: decisions do not need it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::permit::{Facts, PermitError, policy};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Longest that somebody waits for the outcome of the first look. Later ones are not waited for.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// What Permit's policy was last seen to have of what the schema asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySight {
    /// Permit has not said.
    Unknown,
    Complete,
    /// Without these, as `resource:action`.
    Lacks(Vec<String>),
}

/// Looks until everything is there; ends with the last clone.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct PolicyWatch {
    /// `None` until the first look has an outcome.
    seen: watch::Receiver<Option<PolicySight>>,
    _looking: Arc<Looking>,
}

#[derive(Debug)]
struct Looking(JoinHandle<()>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PolicyWatch {
    pub(in crate::graphql) fn start(facts: Facts, required: BTreeSet<(String, String)>) -> Self {
        let (tell, seen) = watch::channel(None);
        let looking = tokio::spawn(async move { look(&facts, &required, &tell).await });
        Self { seen, _looking: Arc::new(Looking(looking)) }
    }

    /// What was seen last.
    pub(in crate::graphql) async fn seen(&self) -> PolicySight {
        let mut seen = self.seen.clone();
        match timeout(FIRST_LOOK, seen.wait_for(Option::is_some)).await {
            Ok(Ok(sight)) => sight.clone().unwrap_or(PolicySight::Unknown),
            // Later than anybody should wait.
            _ => PolicySight::Unknown,
        }
    }
}

async fn look(
    facts: &Facts,
    required: &BTreeSet<(String, String)>,
    tell: &watch::Sender<Option<PolicySight>>,
) {
    loop {
        let sight = facts.resources().await.map(|known| policy::missing(required, &known));
        let is_complete = sight.as_ref().is_ok_and(Vec::is_empty);
        tell.send_if_modified(|seen| keep(seen, sight));
        if is_complete {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether there is news. What was seen once is believed until Permit says something else.
fn keep(seen: &mut Option<PolicySight>, sight: Result<Vec<String>, PermitError>) -> bool {
    let next = match sight {
        Ok(missing) if missing.is_empty() => PolicySight::Complete,
        Ok(missing) => PolicySight::Lacks(missing),
        Err(error) => {
            tracing::debug!(cause = error.cause().code(), %error, "Permit did not say what its policy has");
            seen.clone().unwrap_or(PolicySight::Unknown)
        }
    };
    if *seen == Some(next.clone()) {
        return false;
    }
    match &next {
        PolicySight::Complete => tracing::info!("Permit's policy has everything that the schema asks about"),
        PolicySight::Lacks(missing) => tracing::error!(
            missing = missing.join(", "),
            "Permit's policy lacks what the schema asks about, so it is denied to everybody; see `taskgate policy plan`"
        ),
        PolicySight::Unknown => tracing::warn!("nobody knows yet whether Permit's policy is complete"),
    }
    *seen = Some(next);
    true
}
