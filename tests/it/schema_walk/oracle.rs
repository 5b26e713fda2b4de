//! What the API should answer, stated a second time: who holds what, and what each field needs. Nothing here is read
//! from the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Resource and action; whether admin, manager and viewer hold it, and whether owner and assignee do.
#[rustfmt::skip]
const HELD: [(&str, [bool; 3], [bool; 2]); 13] = [
    //                    admin manager viewer    owner  assignee
    ("task:get",         [true, true,  true ],   [true,  true ]),
    ("task:create",      [true, true,  false],   [false, false]),
    ("task:update",      [true, true,  false],   [true,  false]),
    ("task:check",       [true, true,  true ],   [true,  true ]),
    ("task:delete",      [true, false, false],   [true,  false]),
    ("task:assign",      [true, true,  false],   [true,  false]),
    ("task:read-notes",  [true, true,  false],   [true,  true ]),
    ("user:get",         [true, true,  false],   [false, false]),
    ("user:create",      [true, false, false],   [false, false]),
    ("user:delete",      [true, false, false],   [false, false]),
    ("user:assign-role", [true, false, false],   [false, false]),
    ("audit:get",        [true, false, false],   [false, false]),
    ("policy:explain",   [true, false, false],   [false, false]),
];

const ROLES: [&str; 3] = ["admin", "manager", "viewer"];

/// Fields of objects that need more than their object. Every other field is readable with it.
const NEEDS: [(&str, &str); 4] = [
    ("Task.notes", "task:read-notes"),
    ("Task.owner", "user:get"),
    ("Task.assignee", "user:get"),
    ("Task.history", "audit:get"),
];

/// Who owns a task and who is to do it, by the names of personas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relations {
    pub(super) owner: &'static str,
    pub(super) assignee: Option<&'static str>,
}

pub(super) struct Oracle {
    object_rules: bool,
    needs: BTreeMap<String, String>,
    /// By global id.
    tasks: BTreeMap<String, Relations>,
    /// Ids of the outsider's organization.
    outside: BTreeSet<String>,
    /// What every scalar is, by type, id and field, as somebody saw it who may see everything.
    truth: BTreeMap<(String, String, String), Value>,
}

impl Oracle {
    pub(super) fn new(
        object_rules: bool,
        tasks: BTreeMap<String, Relations>,
        outside: BTreeSet<String>,
    ) -> Self {
        let needs = NEEDS.map(|(field, permission)| (field.to_owned(), permission.to_owned()));
        Self { object_rules, needs: needs.into(), tasks, outside, truth: BTreeMap::new() }
    }

    /// Tells of a task that is new.
    pub(super) fn add_task(&mut self, id: &str, owner: &'static str) {
        self.tasks.insert(id.to_owned(), Relations { owner, assignee: None });
    }

    /// Tells of something that is new in the outsider's organization.
    pub(super) fn add_outside(&mut self, id: &str) {
        self.outside.insert(id.to_owned());
    }

    /// What this field needs is another thing than was thought, or nothing.
    pub(super) fn unlearn(&mut self, coordinate: &str, permission: Option<&str>) {
        match permission {
            Some(permission) => self.needs.insert(coordinate.to_owned(), permission.to_owned()),
            None => self.needs.remove(coordinate),
        };
    }

    pub(super) fn learn(&mut self, object: &str, id: &str, field: &str, value: &Value) {
        self.truth.insert((object.to_owned(), id.to_owned(), field.to_owned()), value.clone());
    }

    pub(super) fn truth(&self, object: &str, id: &str, field: &str) -> Option<&Value> {
        self.truth.get(&(object.to_owned(), id.to_owned(), field.to_owned()))
    }

    pub(super) fn need(&self, coordinate: &str) -> Option<&str> {
        self.needs.get(coordinate).map(String::as_str)
    }

    /// Whether `persona` holds `permission`, on the task `task` if one is named.
    pub(super) fn holds(&self, persona: &str, permission: &str, task: Option<&str>) -> bool {
        let Some((_, roles, relations)) = HELD.iter().find(|(held, ..)| *held == permission) else {
            return false;
        };
        // The outsider is an administrator elsewhere.
        let persona = if persona == "outsider" { "admin" } else { persona };
        let by_role = ROLES.iter().zip(roles).any(|(role, held)| *role == persona && *held);
        let related = task.and_then(|task| self.tasks.get(task)).filter(|_| self.object_rules);
        by_role
            || related.is_some_and(|related| {
                (related.owner == persona && relations[0])
                    || (related.assignee == Some(persona) && relations[1])
            })
    }

    /// Whether an object is of another organization than `persona`.
    pub(super) fn is_elsewhere(&self, persona: &str, id: &str) -> bool {
        self.outside.contains(id) != (persona == "outsider")
    }

    /// Whether `persona` may see an object. What was never learned is nobody's.
    pub(super) fn may_read(&self, persona: &str, kind: &str, id: &str) -> bool {
        if self.is_elsewhere(persona, id) {
            return false;
        }
        match kind {
            "Task" => self.holds(persona, "task:get", Some(id)),
            "TaskEvent" => self.holds(persona, "audit:get", None),
            _ => self.holds(persona, &format!("{}:get", kind.to_lowercase()), None),
        }
    }

    /// Every permission of the API, as resource and action.
    pub(super) fn all_permissions() -> impl Iterator<Item = (&'static str, &'static str)> {
        HELD.iter().filter_map(|(held, ..)| held.split_once(':'))
    }

    /// Every permission of the API that `persona` holds in their tenant, sorted.
    pub(super) fn permissions(&self, persona: &str) -> Vec<&'static str> {
        let mut held: Vec<_> =
            HELD.iter().map(|(held, ..)| *held).filter(|held| self.holds(persona, held, None)).collect();
        held.sort_unstable();
        held
    }
}
