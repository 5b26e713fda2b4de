//! What operators see of a running server: every series that the guide promises, log lines that lead to a request, and
//! nothing about anybody.

use std::{collections::BTreeSet, fs::File};

use serde_json::{Value, json};

use crate::{
    subscriptions::CHANGES,
    support::{Line, Process, World, eventually},
};

const PERSONAS: [&str; 5] = ["admin", "manager", "viewer", "newcomer", "outsider"];
/// What people write and clients name; nobody else is to read it.
const TITLE: &str = "Buy flowers in secret";
const OPERATION: &str = "FlowersForSomebody";

/// A server, who asked it, and what it wrote.
struct Scene {
    server: Process,
    tokens: Vec<String>,
    log: std::path::PathBuf,
    _world: World,
    _files: tempfile::TempDir,
}

impl Scene {
    /// Everything happens that is counted anywhere.
    async fn played() -> Self {
        let world = World::start().await;
        let files = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/scene.db?mode=rwc", files.path().display());
        let log = files.path().join("log");
        let more = [("--permit-decision-ttl", "60000"), ("--permit-facts-proxy", "off")];
        let server =
            Process::start_talkative(&world.sandbox, &database, &more, File::create(&log).unwrap()).await;
        let mut tokens = Vec::new();
        for name in PERSONAS {
            let token = world.persona(name).await.token();
            let persona = world.bearer_at(&server.url, token.clone());
            assert_eq!(persona.asks("mutation { login { ready } }").await.data()["login"]["ready"], true);
            persona.asks("{ tasks { totalCount } }").await;
            tokens.push(token);
        }
        let persona = |n: usize| world.bearer_at(&server.url, tokens[n].clone());
        let (admin, manager) = (persona(0), persona(1));
        let task = manager.creates_task(TITLE).await;
        assert_eq!(manager.deletes(&task).await.refusal()["code"], "FORBIDDEN");
        manager.asks(&format!("query {OPERATION} {{ tasks {{ nodes {{ title }} }} }}")).await.data();
        world.bearer_at(&server.url, "no.token".to_owned()).asks("{ __typename }").await;
        let bearer = json!({"authorization": format!("Bearer {}", tokens[1])});
        let mut line = Line::initialised(&server.url, bearer).await;
        line.says(&json!({"type": "subscribe", "id": "1", "payload": {"query": CHANGES}})).await;
        drop(line);
        let user = persona(3).user_id().await;
        let removal = "mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }";
        admin.asks_with(removal, json!({"id": user})).await.data();
        Self { server, tokens, log, _world: world, _files: files }
    }

    /// Whatever tells who somebody is, which tenants there are, or what somebody wrote.
    fn nothing_personal(&self, text: &str, what: &str) {
        let mut words = vec![TITLE.to_owned(), OPERATION.to_owned()];
        for name in PERSONAS {
            let (initial, rest) = name.split_at(1);
            words.push(format!("sandbox-{name}"));
            words.push(format!("{name}@"));
            words.push(format!("Sandbox {}{rest}", initial.to_uppercase()));
        }
        // The part of a token that is its holder's, and its signature.
        words.extend(self.tokens.iter().flat_map(|token| token.split('.').skip(1)).map(str::to_owned));
        for word in words {
            let found = text.lines().find(|line| line.contains(&word));
            assert!(found.is_none(), "{what} tells {word}: {}", found.unwrap_or_default());
        }
    }
}

/// A row of the guide: a name, its labels, and its type.
fn promised() -> Vec<(String, BTreeSet<String>, String)> {
    let guide = include_str!("../../docs/operations.md");
    let table = guide.split("## What `/metrics` tells").nth(1).unwrap();
    let rows =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let labels = cells[2].split(", ").filter(|label| *label != "\u{2013}").map(str::to_owned).collect();
        (cells[1].clone(), labels, cells[3].clone())
    };
    rows.skip(2).map(row).collect()
}

/// A sample of the page: the name of its series and its labels.
fn sample(line: &str) -> (String, Vec<(String, String)>) {
    let name = line.split(['{', ' ']).next().unwrap();
    let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
    let label = |label: &str| {
        let (name, value) = label.split_once('=').unwrap();
        (name.to_owned(), value.trim_matches('"').to_owned())
    };
    (name.to_owned(), labels.split(',').filter(|label| !label.is_empty()).map(label).collect())
}

/// The samples of a series, those of a histogram under its one name.
fn samples(page: &str, name: &str) -> Vec<Vec<(String, String)>> {
    let of = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}"));
    let samples = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(sample);
    samples.filter(|(name, _)| of.contains(name)).map(|(_, labels)| labels).collect()
}

#[tokio::test]
async fn the_page_has_every_series_that_the_guide_promises_and_no_other_and_tells_about_nobody() {
    let scene = Scene::played().await;
    let promised = promised();
    assert!(promised.len() > 20);
    let page = eventually("every promised series", async || {
        let page = scene.server.metrics().await;
        promised.iter().all(|(name, ..)| !samples(&page, name).is_empty()).then_some(page)
    })
    .await;
    for (name, labels, kind) in &promised {
        assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{name} is no {kind}");
        assert!(page.contains(&format!("# HELP {name} ")), "{name} is not explained");
        for sample in samples(&page, name) {
            let found: BTreeSet<String> =
                sample.iter().map(|(label, _)| label.clone()).filter(|label| label != "le").collect();
            assert_eq!(&found, labels, "{name}");
            for (label, value) in sample {
                let sane = value.len() < 30
                    && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
                assert!(sane, "{name} has {label}={value}");
            }
        }
    }
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let promised: BTreeSet<&str> = promised.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(types.collect::<BTreeSet<_>>(), promised, "the guide names all of them");
    scene.nothing_personal(&page, "the page");
    for tenant in ["\"default\"", "org_outside"] {
        assert!(!page.contains(tenant), "the page tells {tenant}");
    }
}

#[tokio::test]
async fn a_monitor_sees_whether_a_server_is_ready() {
    let world = World::start().await;
    let files = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/ready.db?mode=rwc", files.path().display());
    let server = Process::start(&world.sandbox, &database, &[("--permit-facts-proxy", "off")]).await;
    let is = async |ready: f64| (server.metric("ready").await == Some(ready)).then_some(());
    eventually("a server that is ready", async || is(1.0).await).await;

    let pdp = world.sandbox.pdp.url();
    world.break_it(&pdp, json!({"kind": "status", "status": 500})).await;
    eventually("a server without its decision point", async || is(0.0).await).await;

    world.mend(&pdp).await;
    eventually("a server that has it again", async || is(1.0).await).await;
}

#[tokio::test]
async fn operations_are_counted_by_what_became_of_them() {
    let scene = Scene::played().await;
    let page = scene.server.metrics().await;
    for (kind, outcome) in [
        ("query", "OK"),
        ("query", "FORBIDDEN"),
        ("mutation", "OK"),
        ("mutation", "FORBIDDEN"),
        ("unknown", "UNAUTHENTICATED"),
    ] {
        let labels = format!("{{operation=\"other\",type=\"{kind}\",outcome=\"{outcome}\"}}");
        let line = format!("graphql_requests_total{labels} ");
        assert!(page.lines().any(|found| found.starts_with(&line)), "{line} is not in {page}");
    }
    for cause in ["outcome=\"allow\",cause=\"OK\"", "outcome=\"deny\",cause=\"UNKNOWN\""] {
        assert!(page.contains(&format!("decisions_total{{{cause}}} ")), "{cause} is not in {page}");
    }
}

#[tokio::test]
async fn log_lines_lead_to_their_request_and_tell_about_nobody_even_when_everything_is_said() {
    let mut scene = Scene::played().await;
    scene.server.stop();
    let log = std::fs::read_to_string(&scene.log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refusal = lines.iter().find(|line| line["fields"]["permission"] == "task:delete").unwrap();
    let request = &refusal["spans"][0];
    assert!(request["request.id"].is_string(), "{refusal}");
    assert_eq!(request["trace.id"].as_str().map(str::len), Some(32), "{refusal}");
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"), "libraries say something too");
    scene.nothing_personal(&log, "the log");
}
