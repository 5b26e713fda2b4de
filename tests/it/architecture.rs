//! Who may know whom. The table below is the architecture; a change to it is a change that somebody reviews.

use std::{collections::BTreeSet, fs, path::Path};

/// Modules and what they may import of ours.
const IMPORTS: [(&str, &[&str]); 19] = [
    (
        "app",
        &[
            "audit",
            "auth",
            "auth0_admin",
            "config",
            "events",
            "graphql",
            "http",
            "permit",
            "rate_limit",
            "store",
            "sync",
        ],
    ),
    ("audit", &["store"]),
    ("auth", &[]),
    ("auth0_admin", &[]),
    (
        "commands",
        &["app", "auth", "config", "graphql", "http", "permit", "policy", "store", "sync", "telemetry"],
    ),
    (
        "config",
        &[
            "audit",
            "auth",
            "auth0_admin",
            "graphql",
            "http",
            "permit",
            "rate_limit",
            "store",
            "sync",
            "telemetry",
        ],
    ),
    ("events", &["store"]),
    ("fuzz", &[]),
    ("graphql", &["audit", "auth", "events", "permit", "rate_limit", "store", "sync", "trace"]),
    ("http", &["auth", "graphql", "rate_limit", "trace"]),
    ("lib", &[]),
    ("permit", &["trace"]),
    ("policy", &["permit"]),
    ("rate_limit", &[]),
    ("sandbox", &[]),
    ("store", &[]),
    ("sync", &["auth0_admin", "permit", "store"]),
    ("telemetry", &[]),
    ("trace", &[]),
];

/// Crates and the modules that may name them.
const CRATES: [(&str, &[&str]); 6] = [
    ("axum", &["app", "http", "sandbox"]),
    ("async_graphql", &["graphql", "http"]),
    ("sea_orm", &["store"]),
    ("migration", &["store"]),
    ("entity", &["graphql", "store", "sync"]),
    ("clap", &["config", "main"]),
];

/// Longest file, in lines, its tests included.
const MAX_LINES: usize = 320;

/// Every file below `folder`, and the module it belongs to.
fn sources(folder: &str) -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                let module = name.split(['/', '.']).next().unwrap().to_owned();
                files.push((module, name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// Code without comments, and without what only tests see.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether a path begins with this crate; `identity::` does not begin with `entity::`.
fn names(code: &str, krate: &str) -> bool {
    let path = format!("{krate}::");
    let mut before = code.match_indices(&path).map(|(at, _)| code[..at].chars().next_back());
    before.any(|c| c.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}

/// Names of our modules in `crate::x` and `crate::{x, y}`.
fn imported(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        if let Some(list) = after.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            for (at, character) in list.char_indices() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => {
                        names.insert(word(list[start..at].trim()));
                        break;
                    }
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.insert(word(list[start..at].trim()));
                        start = at + 1;
                    }
                    _ => {}
                }
            }
        } else {
            names.insert(word(after));
        }
    }
    names.remove("");
    names
}

#[test]
fn modules_import_only_what_the_table_allows() {
    for (module, name, text) in sources("src").iter().filter(|(module, ..)| module != "main") {
        let (_, allowed) = IMPORTS
            .iter()
            .find(|(known, _)| known == module)
            .unwrap_or_else(|| panic!("src/{name}: the module {module} is not in the table"));
        for import in imported(&code(text)) {
            let fine = import == *module || allowed.contains(&import.as_str());
            assert!(fine, "src/{name} imports crate::{import}, which {module} may not know");
        }
    }
}

#[test]
fn crates_are_named_only_where_the_table_allows() {
    let tests_only = ["auth0_admin/tests/scripted.rs", "permit/scripted.rs"];
    for (module, name, text) in
        sources("src").iter().filter(|(_, name, _)| !tests_only.contains(&name.as_str()))
    {
        let code = code(text);
        for (krate, allowed) in CRATES {
            let named = names(&code, krate);
            let fine = !named || allowed.contains(&module.as_str()) || name.ends_with("tests.rs");
            assert!(fine, "src/{name} names {krate}, which {module} may not");
        }
    }
}

#[test]
fn one_guard_stands_on_types_and_nothing_goes_round_it() {
    for (_, name, text) in sources("src/graphql") {
        let code = code(&text);
        for line in code.lines().filter(|line| line.contains("guard =")) {
            assert!(line.contains("guard = permitted(") && !line.contains(".or("), "{name}: {line}");
        }
        for way_round in ["ComplexObject", "data_unchecked"] {
            assert!(!code.contains(way_round), "{name} uses {way_round}");
        }
    }
}

#[test]
fn the_sandbox_is_started_by_main_alone() {
    for (module, name, text) in sources("src") {
        if !matches!(module.as_str(), "main" | "sandbox" | "config" | "lib") {
            assert!(!code(&text).contains("sandbox"), "src/{name} knows the sandbox");
        }
    }
}

#[test]
fn files_hold_one_concept_and_open_with_what_they_are_for() {
    for folder in ["src", "entity/src", "migration/src", "tests/it"] {
        for (_, name, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= MAX_LINES, "{folder}/{name} has {lines} lines");
            let documented =
                text.starts_with("//!") || name.ends_with("tests.rs") || name.contains("/tests/");
            assert!(documented, "{folder}/{name} does not say what it is for");
        }
    }
}
