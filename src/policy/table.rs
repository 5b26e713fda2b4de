//! The policy file: a table of words, columns apart by blanks.
//!
//! Plain text, because the table itself is the thing to read and to review: it looks the same in an editor, in a diff and
//! in a terminal, a permission is one line, and a reader of a change sees column and row at once. Nothing is skipped
//! silently: what is neither a comment nor a complete row is an error with its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::permit::key;

/// First word of the line that names the columns.
const HEADER: &str = "permission";

/// Largest file that is read. The table of a large product is a hundredth of it.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Who may do what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Every permission that has a row, as (resource, action).
    pub permissions: BTreeSet<(String, String)>,
    /// Permissions of each role, as `resource:action`.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// Permissions of whoever stands in an attribute, as `resource:action`.
    pub relations: BTreeMap<Relation, BTreeSet<String>>,
}

/// An attribute of a resource that holds the key of a user, written `task.owner`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    pub resource: String,
    pub attribute: String,
}

impl Relation {
    /// Key of the set of all resources that the asking user stands in.
    pub fn set(&self) -> String {
        format!("{}_{}", self.resource, self.attribute)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.resource, self.attribute)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A column of the table.
enum Column {
    Role(String),
    Relation(Relation),
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut lines = (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty());
        let mut reader = Reader::default();
        match lines.next() {
            None => reader.note(1, format!("the table begins with a line `{HEADER}` and the columns")),
            Some((line, header)) => reader.header(line, header),
        }
        // Without columns every row would be a mistake of its own.
        if reader.mistakes.is_empty() {
            lines.for_each(|(line, row)| reader.row(line, row));
            reader.finish();
        }
        if reader.mistakes.is_empty() { Ok(reader.policy) } else { Err(reader.mistakes) }
    }
}

#[derive(Default)]
struct Reader {
    header: usize,
    columns: Vec<Column>,
    policy: Policy,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn note(&mut self, line: usize, what: String) {
        self.mistakes.push(Mistake { line, what });
    }

    fn header(&mut self, line: usize, text: &str) {
        self.header = line;
        let mut words = text.split_whitespace();
        if words.next() != Some(HEADER) {
            return self.note(line, format!("the first line names the columns and begins with `{HEADER}`"));
        }
        let mut names = BTreeSet::new();
        for word in words {
            if !names.insert(word) {
                self.note(line, format!("the column {word} is there twice"));
                continue;
            }
            if let Some(column) = column(word) {
                self.columns.push(column);
            } else {
                self.note(line, format!("{word} is neither the key of a role nor resource.attribute"));
            }
        }
        self.open_columns(line);
    }

    /// A column without a single x counts too: the role exists.
    fn open_columns(&mut self, line: usize) {
        let mut sets = BTreeMap::new();
        for column in &self.columns {
            match column {
                Column::Role(role) => {
                    self.policy.roles.insert(role.clone(), BTreeSet::new());
                }
                Column::Relation(relation) => {
                    self.policy.relations.insert(relation.clone(), BTreeSet::new());
                    if let Some(other) = sets.insert(relation.set(), relation) {
                        let what = format!("{other} and {relation} would both be called {}", relation.set());
                        self.mistakes.push(Mistake { line, what });
                    }
                }
            }
        }
    }

    fn row(&mut self, line: usize, text: &str) {
        let mut words = text.split_whitespace();
        let permission = words.next().unwrap_or_default();
        let cells: Vec<&str> = words.collect();
        let Some((resource, action)) = split(permission, ':') else {
            return self.note(line, format!("{permission} is not a permission, resource:action"));
        };
        if !self.policy.permissions.insert((resource.to_owned(), action.to_owned())) {
            self.note(line, format!("{permission} has a row already"));
        }
        if cells.len() != self.columns.len() {
            let (has, needs) = (cells.len(), self.columns.len());
            return self
                .note(line, format!("{permission} has {has} cells, and the table has {needs} columns"));
        }
        for (column, cell) in self.columns.iter().zip(cells) {
            let outcome = match cell {
                "-" => Ok(()),
                "x" => give(&mut self.policy, column, permission, resource),
                _ => Err(format!("{cell:?} is neither x nor -")),
            };
            self.mistakes.extend(outcome.err().map(|what| Mistake { line, what }));
        }
    }

    /// What only the whole table shows.
    fn finish(&mut self) {
        if self.policy.permissions.is_empty() {
            self.note(self.header, "the table has no rows".to_owned());
        }
        let Policy { permissions, relations, .. } = &self.policy;
        let is_known = |name: &String| permissions.iter().any(|(resource, _)| resource == name);
        let unknown: Vec<String> = relations
            .keys()
            .filter(|relation| !is_known(&relation.resource))
            .map(|relation| format!("{relation}: no row is about a {}", relation.resource))
            .collect();
        for what in unknown {
            self.note(self.header, what);
        }
    }
}

/// Gives the permission, which is on `resource`, to the holders of a column.
fn give(policy: &mut Policy, column: &Column, permission: &str, resource: &str) -> Result<(), String> {
    let held = match column {
        Column::Role(role) => policy.roles.entry(role.clone()).or_default(),
        Column::Relation(relation) if relation.resource == resource => {
            policy.relations.entry(relation.clone()).or_default()
        }
        Column::Relation(relation) => {
            let on = &relation.resource;
            return Err(format!("{relation} says nothing about {permission}, which is not on a {on}"));
        }
    };
    held.insert(permission.to_owned());
    Ok(())
}

fn column(word: &str) -> Option<Column> {
    if key::is_legal(word) {
        return Some(Column::Role(word.to_owned()));
    }
    let (resource, attribute) = split(word, '.')?;
    Some(Column::Relation(Relation { resource: resource.to_owned(), attribute: attribute.to_owned() }))
}

/// The two keys on both sides of `separator`.
fn split(word: &str, separator: char) -> Option<(&str, &str)> {
    word.split_once(separator).filter(|(one, other)| key::is_legal(one) && key::is_legal(other))
}
