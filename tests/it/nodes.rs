//! Three processes over one PostgreSQL database: what happens through one is told to the subscribers of all, also when
//! one is killed and connections are cut. Needs `TEST_DATABASE_URL`.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use taskgate::sandbox::{Ports, Sandbox};

use crate::{
    subscription_ends::last_word,
    subscriptions::{CHANGES, begun},
    support::{Fresh, Persona, Process, Subscription, eventually, server},
};

/// Nothing here is the work of a clock: permissions are asked again once an hour.
const SETTINGS: [(&str, &str); 3] = [
    ("--permission-recheck-interval", "3600000"),
    ("--sync-lease-ms", "1000"),
    ("--permit-answer-timeout-ms", "20000"),
];
const LOGIN: &str = "mutation { login { ready } }";
const CREATE: &str = "mutation($title: String!) { createTask(input: {title: $title}) { task { id } } }";

struct Cluster {
    nodes: Vec<Process>,
    sandbox: Sandbox,
    client: reqwest::Client,
    server: DatabaseConnection,
    database: Fresh,
}

impl Cluster {
    /// They start together on an empty database.
    async fn start() -> Option<Self> {
        let database = Fresh::on_postgres().await?;
        let sandbox = Sandbox::start(Ports { issuer: 0, permit_api: 0, pdp: 0 }).await.unwrap();
        let nodes = join_all((0..3).map(|_| Process::start(&sandbox, &database.url, &SETTINGS))).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let server = Database::connect(&server().unwrap()).await.unwrap();
        Some(Self { nodes, sandbox, client, server, database })
    }

    async fn token(&self, name: &str) -> String {
        let url = format!("{}/{name}", self.sandbox.token_url());
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    fn at(&self, node: usize, token: &str) -> Persona<'_> {
        Persona::new(&self.client, &self.nodes[node].url, Some(token.to_owned()))
    }

    /// Somebody's token, after a login at the first node.
    async fn signed_in(&self, name: &str) -> String {
        let token = self.token(name).await;
        let login = self.at(0, &token).asks(LOGIN).await.data();
        assert_eq!(login["login"]["ready"], true, "{name}");
        token
    }

    /// Somebody who is subscribed on every node, and hears.
    async fn subscribed(&self, token: &str, creator: &str) -> Vec<Subscription> {
        let mut subscriptions = Vec::new();
        for node in 0..self.nodes.len() {
            subscriptions.push(self.at(node, token).connects().await.subscribes(CHANGES).await);
        }
        begun(&self.at(0, creator), &mut subscriptions).await;
        subscriptions
    }

    /// Ends the connections on which nodes hear each other.
    async fn cuts_listeners(&self) {
        let name = self.database.url.rsplit('/').next().unwrap();
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND application_name = 'taskgate-listener'"
        );
        self.server.execute_unprepared(&end).await.unwrap();
    }

    /// Whether anybody may connect to the database from now on.
    async fn admits_connections(&self, is_admitted: bool) {
        let name = self.database.url.rsplit('/').next().unwrap();
        let admit = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {is_admitted}");
        self.server.execute_unprepared(&admit).await.unwrap();
    }

    /// Waits until `/metrics` of each node has this line.
    async fn shows(&self, line: &str) {
        for node in &self.nodes {
            let is_shown = async || node.metrics().await.lines().any(|shown| shown == line).then_some(());
            eventually(line, is_shown).await;
        }
    }

    /// Titles of the tasks that were created and are counted, whatever their creators were told.
    async fn counted(&self) -> BTreeMap<String, usize> {
        let rows = Database::connect(&self.database.url).await.unwrap();
        let query = "SELECT after->>'title' FROM task_events WHERE after->>'title' LIKE 'Counted%'";
        let rows = rows.query_all_raw(Statement::from_string(DbBackend::Postgres, query)).await.unwrap();
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), 1)).collect()
    }
}

fn title(answer: &Value) -> String {
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["taskChanged"]["task"]["title"].as_str().unwrap().to_owned()
}

/// How often each counted task was told, until the one named `last` is.
async fn told(subscription: &mut Subscription, last: &str) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    loop {
        match title(&subscription.next().await) {
            title if title == last => return told,
            title if title.starts_with("Counted") => *told.entry(title).or_default() += 1,
            _ => {}
        }
    }
}

#[tokio::test]
async fn no_event_is_lost_or_told_twice_when_a_node_is_killed_and_connections_are_cut() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let manager = cluster.signed_in("manager").await;
    let mut subscriptions = cluster.subscribed(&manager, &manager).await;
    let creates = async |cluster: &Cluster, node: usize, title: &str| {
        cluster.at(node, &manager).tries(CREATE, json!({"title": title})).await
    };

    for round in 0..4 {
        let titles: Vec<String> = (0..12).map(|n| format!("Counted {round}.{n}")).collect();
        let work = titles.iter().enumerate().map(|(n, title)| creates(&cluster, n % 3, title));
        let (answers, ()) = tokio::join!(join_all(work), cluster.cuts_listeners());
        assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.codes().is_empty())));
    }
    // Some of these are committed, and nobody is told so.
    let (url, client) = (cluster.nodes[2].url.clone(), cluster.client.clone());
    let doomed = Persona::new(&client, &url, Some(manager.clone()));
    let mut work: FuturesUnordered<_> =
        (0..20).map(|n| doomed.tries(CREATE, json!({"title": format!("Counted doomed {n}")}))).collect();
    work.next().await.unwrap().unwrap();
    cluster.nodes[2].kill();
    while work.next().await.is_some() {}
    for round in 4..6 {
        let titles: Vec<String> = (0..12).map(|n| format!("Counted {round}.{n}")).collect();
        let work = titles.iter().enumerate().map(|(n, title)| creates(&cluster, n % 2, title));
        let (answers, ()) = tokio::join!(join_all(work), cluster.cuts_listeners());
        assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.codes().is_empty())));
    }
    // Told after all of them, as hearing goes in the order of the commits, and after whatever had to be looked up.
    let counted = cluster.counted().await;
    creates(&cluster, 0, "Last").await.unwrap().data();

    assert!(counted.len() > 72, "{} tasks are counted", counted.len());
    for subscription in &mut subscriptions[..2] {
        assert_eq!(told(subscription, "Last").await, counted);
    }
}

#[tokio::test]
async fn a_role_that_is_taken_and_a_removal_end_subscriptions_on_every_node() {
    let Some(cluster) = Cluster::start().await else { return };
    let admin = cluster.signed_in("admin").await;
    let (manager, viewer) = (cluster.signed_in("manager").await, cluster.signed_in("viewer").await);
    let mut managers = cluster.subscribed(&manager, &admin).await;
    let mut viewers = cluster.subscribed(&viewer, &admin).await;
    let (taken, removed) = (cluster.at(0, &viewer).user_id().await, cluster.at(0, &manager).user_id().await);

    let document = "mutation($user: ID!) {
        unassignRole(input: {userId: $user, role: \"viewer\"}) { outcome { outcome } } }";
    cluster.at(1, &admin).asks_with(document, json!({"user": taken})).await.data();

    for subscription in &mut viewers {
        assert_eq!(last_word(subscription).await["code"], "FORBIDDEN");
    }

    // Told while nobody hears, or found out by everybody who hears again.
    cluster.cuts_listeners().await;
    let document = "mutation($user: ID!) { deleteUser(input: {id: $user}) { deletedUserId } }";
    cluster.at(2, &admin).asks_with(document, json!({"user": removed})).await.data();

    for subscription in &mut managers {
        assert_eq!(last_word(subscription).await["reason"], "USER_REMOVED");
    }
    for node in 0..3 {
        let mut late = cluster.at(node, &manager).asks(LOGIN).await;
        assert_eq!(
            (late.status.as_u16(), late.body["errors"][0]["extensions"].take()["reason"].take()),
            (401, json!("USER_REMOVED"))
        );
    }
}

#[tokio::test]
async fn a_monitor_sees_whether_a_node_hears_the_others_and_how_late() {
    let Some(cluster) = Cluster::start().await else { return };
    cluster.shows("feed_connected 1").await;
    let lag = async || cluster.nodes[0].metric("feed_lag_seconds").await;
    let lag = eventually("an echo", lag).await;
    assert!((0.0..60.0).contains(&lag), "{lag}");

    cluster.admits_connections(false).await;
    cluster.cuts_listeners().await;
    cluster.shows("feed_connected 0").await;

    cluster.admits_connections(true).await;
    cluster.shows("feed_connected 1").await;
    cluster.shows("feed_catch_ups_total 1").await;
}
