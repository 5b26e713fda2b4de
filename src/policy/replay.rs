//! Which logged decisions would be others under a proposed policy.
//!
//! A decision is replayed from the roles that its subject holds now. Where that does not settle it, because a rule on
//! attributes may have its say, it is *undecidable*: it counts neither as flipped nor as unchanged.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::permit::policy::State;

/// Roles by tenant and subject.
pub type Holders = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A decision as it is logged; what else stands in the line does not matter here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Logged {
    tenant: String,
    subject: String,
    resource: String,
    action: String,
    /// Of one object, if object rules asked.
    #[serde(default)]
    key: Option<String>,
    allowed: bool,
}

/// Logged decisions, equal ones counted.
#[derive(Debug, Default)]
pub struct Log(BTreeMap<Question, u64>);

/// All decisions on these are replayed alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    pub tenant: String,
    pub subject: String,
    /// `resource:action`.
    pub permission: String,
    /// Whether it was asked about one object.
    pub on_object: bool,
    /// What was decided.
    pub allowed: bool,
}

/// What would become of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replay {
    pub total: u64,
    pub unchanged: u64,
    /// Others under the proposed policy.
    pub flips: Vec<Flip>,
    /// Roles alone do not tell.
    pub undecidable: Vec<(Question, u64)>,
}

/// Decisions that would be the opposite.
#[derive(Debug, PartialEq, Eq)]
pub struct Flip {
    pub question: Question,
    pub count: u64,
    /// Under the present policy it is the opposite already: roles have changed since, or the policy.
    pub already: bool,
}

/// What roles tell about a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
    /// Not by roles, but a rule may allow it.
    Perhaps,
}

impl Log {
    /// Adds a line of the log.
    ///
    /// # Errors
    /// It is not a decision.
    pub fn add(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let Logged { tenant, subject, resource, action, key, allowed } = serde_json::from_str(line)?;
        let permission = format!("{resource}:{action}");
        let question = Question { tenant, subject, permission, on_object: key.is_some(), allowed };
        *self.0.entry(question).or_default() += 1;
        Ok(())
    }

    /// The tenants in which decisions were taken.
    pub fn tenants(&self) -> BTreeSet<&str> {
        self.0.keys().map(|question| question.tenant.as_str()).collect()
    }

    /// Decides everything again, with the roles of now: under `proposed`, which `policy` leads to, and for comparison as
    /// Permit is `today`.
    pub fn replay(self, policy: &Policy, holders: &Holders, today: &State, proposed: &State) -> Replay {
        let mut replay = Replay::default();
        for (question, count) in self.0 {
            replay.total += count;
            let verdict = |state| verdict(&question, policy, holders, state);
            match (verdict(proposed), question.allowed) {
                // Nobody looked at the roles when the object decided, and somebody may stand in it still.
                (Verdict::Allowed, true)
                    if question.on_object && rules(&question, proposed).next().is_some() =>
                {
                    replay.undecidable.push((question, count));
                }
                (Verdict::Allowed, true) | (Verdict::Denied, false) => replay.unchanged += count,
                (Verdict::Allowed, false) => {
                    let already = verdict(today) == Verdict::Allowed;
                    replay.flips.push(Flip { question, count, already });
                }
                (Verdict::Denied, true) => {
                    let already = verdict(today) == Verdict::Denied;
                    replay.flips.push(Flip { question, count, already });
                }
                (Verdict::Perhaps, _) => replay.undecidable.push((question, count)),
            }
        }
        replay
    }
}

fn verdict(question: &Question, policy: &Policy, holders: &Holders, state: &State) -> Verdict {
    let held = holders.get(&question.tenant).and_then(|subjects| subjects.get(&question.subject));
    if held.into_iter().flatten().any(|role| grants(state, role, &question.permission)) {
        return Verdict::Allowed;
    }
    // The rules of relations look at attributes of the object, which a question about no object has not.
    let of_relations: BTreeSet<_> = policy.rules().map(|(_, rule)| rule).collect();
    let may_allow = rules(question, state).any(|rule| question.on_object || !of_relations.contains(rule));
    if may_allow { Verdict::Perhaps } else { Verdict::Denied }
}

fn rules<'a>(question: &Question, state: &'a State) -> impl Iterator<Item = &'a crate::permit::policy::Rule> {
    state.rules.iter().filter(|rule| rule.permission == question.permission)
}

/// Whether the role, or one that it extends, grants the permission.
fn grants(state: &State, role: &str, permission: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut roles = vec![role];
    while let Some(key) = roles.pop() {
        let Some(role) = state.roles.get(key).filter(|_| seen.insert(key)) else { continue };
        if role.permissions.contains(permission) {
            return true;
        }
        roles.extend(role.extends.iter().map(String::as_str));
    }
    false
}
