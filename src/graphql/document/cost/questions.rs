//! How many permissions an operation asks about, at most: once about the tenant, and with object rules about each task
//! too, which happens where the tenant as a whole is denied.

use std::collections::HashSet;

use super::Foreseen;

/// What object rules are about.
const TASK: &str = "task";

/// Counts them.
pub(super) struct Questions<'a> {
    object_rules: bool,
    asked: HashSet<(&'a str, &'a str)>,
    foreseen: Vec<(&'a str, &'a str)>,
    count: u64,
}

impl<'a> Questions<'a> {
    pub(super) fn new(object_rules: bool) -> Self {
        Self { object_rules, asked: HashSet::new(), foreseen: Vec::new(), count: 0 }
    }

    /// Whether single tasks are asked about.
    pub(super) const fn of_objects(&self) -> bool {
        self.object_rules
    }

    /// A field of a mutation begins, for which no answer is remembered.
    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }

    /// `resource:action` in the tenant, and perhaps on so many objects.
    pub(super) fn ask(&mut self, resource: &'a str, action: &'a str, objects: u64) {
        let is_new = self.asked.insert((resource, action));
        self.add(u64::from(is_new));
        if self.object_rules && resource == TASK {
            self.add(objects);
        }
    }

    /// A field below the root certainly asks about this in the tenant, if it is resolved at all.
    pub(super) fn foresee(&mut self, resource: &'a str, action: &'a str) {
        if !self.foreseen.contains(&(resource, action)) {
            self.foreseen.push((resource, action));
        }
    }

    /// What is foreseen to be asked.
    pub(super) fn foreseen(&self) -> Foreseen {
        let owned =
            |(resource, action): &(&str, &str)| ((*resource).to_owned().into(), (*action).to_owned().into());
        Foreseen(self.foreseen.iter().map(owned).collect())
    }

    /// Questions of which no other is known to be the same.
    pub(super) fn add(&mut self, different: u64) {
        self.count = self.count.saturating_add(different);
    }

    /// All of them. One is never seen in the document: whoever is refused something may be told the roles that allow
    /// it, and has to hold `policy:explain` for that.
    pub(super) const fn total(&self) -> u64 {
        self.count.saturating_add(if self.count > 0 { 1 } else { 0 })
    }
}
