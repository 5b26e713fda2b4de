//! Who could ever have everything that an operation needs.

use std::fmt;

use super::table::Policy;

/// A permission that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub resource: String,
    pub action: String,
    /// About one object, to which somebody may stand in a relation.
    pub on_object: bool,
}

/// Somebody who can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// `None`: whoever has no role.
    pub role: Option<String>,
    /// Only with objects in which they stand, and object rules.
    pub only_own: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role.as_deref().unwrap_or("anybody"))?;
        if self.only_own { f.write_str(" with objects of their own") } else { Ok(()) }
    }
}

impl Policy {
    /// Who alone has everything that is needed: whoever has no role if that is enough, else each such role. Nobody, if no
    /// single role has all of it: people with several roles are not looked for.
    pub fn able(&self, needed: &[Needed]) -> Vec<Holder> {
        let holders: Vec<Holder> = std::iter::once(None)
            .chain(self.roles.keys().map(Some))
            .filter_map(|role| {
                let gaps: Vec<&Needed> = needed.iter().filter(|need| !self.holds(role, need)).collect();
                let is_able = gaps.iter().all(|need| need.on_object && self.relates(need));
                is_able.then(|| Holder { role: role.cloned(), only_own: !gaps.is_empty() })
            })
            .collect();
        let anybody = holders.first().filter(|holder| holder.role.is_none()).map(|holder| holder.only_own);
        match anybody {
            Some(false) => holders.into_iter().take(1).collect(),
            // What anybody can do with their own, each role can.
            Some(true) => {
                holders.into_iter().filter(|holder| holder.role.is_none() || !holder.only_own).collect()
            }
            None => holders,
        }
    }

    fn holds(&self, role: Option<&String>, need: &Needed) -> bool {
        let held = role.and_then(|role| self.roles.get(role));
        held.is_some_and(|held| held.contains(&need.permission()))
    }

    fn relates(&self, need: &Needed) -> bool {
        self.relations.values().any(|held| held.contains(&need.permission()))
    }
}

impl Needed {
    /// `resource:action`.
    pub fn permission(&self) -> String {
        format!("{}:{}", self.resource, self.action)
    }
}
