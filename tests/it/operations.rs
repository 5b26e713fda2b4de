//! What is written for operators agrees with the program: settings, dashboards, alerts and their runbooks, and the files
//! that came from elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use taskgate::config::Args;

const GUIDE: &str = include_str!("../../docs/operations.md");
const ALERTS: &str = include_str!("../../ops/prometheus/alerts.yml");
const README: &str = include_str!("../../README.md");
/// What a query is made of beside the names of series and labels.
const PROMQL: [&str; 17] = [
    "absent",
    "offset",
    "unless",
    "sum",
    "max",
    "rate",
    "increase",
    "histogram_quantile",
    "scalar",
    "time",
    "by",
    "on",
    "and",
    "or",
    "m",
    "h",
    "e",
];

/// The words in back quotes of the first `cells` cells of each row of the table that follows `heading`.
fn table(text: &str, heading: &str, cells: usize) -> Vec<Vec<String>> {
    let table = text.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let rows =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| row.split('|').skip(1).take(cells).map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn series() -> BTreeSet<String> {
    let rows = table(GUIDE, "## What `/metrics` tells", 1);
    rows.iter().flat_map(|row| quoted(&row[0])).collect()
}

/// The names of series in a query: words that are no label, no text and no part of the language.
fn named(query: &str) -> BTreeSet<String> {
    let mut outside = String::new();
    let mut depth = 0_u32;
    for part in query.split_inclusive(['{', '}', '[', ']']) {
        if depth == 0 {
            outside.push_str(part);
        }
        match part.chars().last() {
            Some('{' | '[') => depth += 1,
            Some('}' | ']') => depth -= 1,
            _ => {}
        }
    }
    for grouping in ["by (", "on ("] {
        while let Some(start) = outside.find(grouping) {
            let length = outside[start..].find(')').unwrap();
            outside.replace_range(start..=start + length, " ");
        }
    }
    let words = outside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words =
        words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()) && !PROMQL.contains(word));
    let base = |word: &str| {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
        histogram.unwrap_or(word).to_owned()
    };
    words.map(base).collect()
}

fn queries(dashboard: &Value) -> Vec<String> {
    match dashboard {
        Value::Object(members) => {
            let own = members.get("expr").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(queries)).collect()
        }
        Value::Array(items) => items.iter().flat_map(queries).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn dashboards_and_alerts_ask_for_series_that_exist() {
    let series = series();
    let dashboard: Value = serde_json::from_str(include_str!("../../ops/grafana/taskgate.json")).unwrap();
    let shown = queries(&dashboard);
    let alerts = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned);
    let alerts: Vec<String> = alerts.collect();
    assert!(shown.len() > 20 && alerts.len() > 10);
    for query in shown.iter().chain(&alerts) {
        for name in named(query) {
            // Whether a server answered is told by the monitor itself.
            assert!(series.contains(&name) || name == "up", "no {name} on the page, but in: {query}");
        }
    }
    let shown: BTreeSet<String> = shown.iter().flat_map(|query| named(query)).collect();
    let unseen: Vec<&String> =
        series.iter().filter(|name| *name != "build_info" && !shown.contains(*name)).collect();
    assert!(unseen.is_empty(), "the dashboard does not show {unseen:?}");
}

#[test]
fn every_alert_has_a_runbook_and_a_test() {
    let names = |text: &'static str, prefix: &'static str| -> BTreeSet<&'static str> {
        text.lines().filter_map(|line| line.trim_start_matches(['-', ' ']).strip_prefix(prefix)).collect()
    };
    let alerts = names(ALERTS, "alert: ");
    let runbooks = GUIDE.split("## Alerts").nth(1).unwrap().split("\n## ").next().unwrap();
    assert_eq!(names(runbooks, "### "), alerts);
    assert_eq!(names(include_str!("../../ops/prometheus/alerts_test.yml"), "alertname: "), alerts);
}

/// The settings of the README, each with its default.
fn documented() -> BTreeMap<String, String> {
    let rows = table(README, "## Settings", 2);
    rows.iter().flat_map(|row| quoted(&row[0]).map(|setting| (setting, row[1].clone()))).collect()
}

#[test]
fn every_setting_is_in_the_readme_with_its_default_and_explained_by_the_program() {
    let documented = documented();
    let command = Args::command();
    let mut settings = BTreeSet::new();
    for flag in command.get_arguments() {
        let Some(setting) = flag.get_env().and_then(|name| name.to_str()) else { continue };
        let default = documented.get(setting).unwrap_or_else(|| panic!("{setting} is not in the README"));
        assert!(flag.get_help().is_some(), "--help does not explain {setting}");
        assert_eq!(flag.get_long().unwrap().to_uppercase().replace('-', "_"), setting);
        for value in flag.get_default_values() {
            assert!(default.contains(value.to_str().unwrap()), "{setting}: {value:?} is not in {default}");
        }
        settings.insert(setting.to_owned());
    }
    assert_eq!(settings, documented.into_keys().collect(), "the README names settings that there are not");
}

fn lists_of_vendored_files() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut lists = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("versions.txt") {
                lists.push(path);
            }
        }
    }
    lists
}

#[test]
fn files_that_came_from_elsewhere_are_the_ones_that_were_looked_at() {
    let lists = lists_of_vendored_files();
    assert!(!lists.is_empty());
    for list in lists {
        let folder = list.parent().unwrap();
        let text = fs::read_to_string(&list).unwrap();
        let mut listed = BTreeSet::from(["versions.txt".to_owned()]);
        for row in text.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = row.split(" | ").collect();
            let hash = format!("{:x}", Sha256::digest(fs::read(folder.join(cells[0])).unwrap()));
            assert_eq!(hash, cells[4], "{} is not the file of {}", cells[0], list.display());
            listed.insert(cells[0].to_owned());
        }
        let there =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let there: BTreeSet<String> = there.filter(|name| !name.starts_with("LICENSE")).collect();
        assert_eq!(there, listed, "{}", list.display());
    }
}
