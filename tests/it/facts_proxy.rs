//! Our client of the facts proxy against the sandbox: what it calls visible is decided on at once.

use std::time::Duration;

use serde_json::json;
use taskgate::{
    permit::{
        Assigned, Check, Config, Facts, Freshness, Pdp, ProxyState, ProxyUse, UserProfile, Visibility,
        Written,
    },
    sandbox::permit::API_KEY,
};

use crate::support::World;

fn settings(world: &World, facts_proxy: ProxyUse) -> Config {
    let (pdp, api) = (&world.sandbox.pdp, &world.sandbox.permit_api);
    let config = Config::new(pdp.url().parse().unwrap(), api.url().parse().unwrap(), API_KEY.into());
    Config { facts_proxy, ..config }
}

async fn delay(world: &World, ms: u64) {
    let url = format!("{}/sandbox/propagation-delay", world.sandbox.pdp.url());
    world.client.put(url).json(&json!({"ms": ms})).send().await.unwrap().error_for_status().unwrap();
}

async fn makes_a_viewer(facts: &Facts, name: &str) -> Written<Assigned> {
    let profile = UserProfile { key: name.to_owned(), ..UserProfile::default() };
    facts.put_user(&profile).await.unwrap();
    facts.assign(name, "viewer", "default").await.unwrap()
}

async fn may_read(config: &Config, name: &str) -> bool {
    let pdp = Pdp::new(config).unwrap();
    let answers = pdp.decide(&[Check::new(name, "default", "task", "get")], Freshness::Fresh).await;
    answers.decisions[0].as_ref().unwrap().is_allow()
}

#[tokio::test]
async fn what_is_called_visible_is_decided_on_at_once() {
    let world = World::start().await;
    delay(&world, 300).await;
    let config = settings(&world, ProxyUse::Auto);
    let facts = Facts::new(&config).unwrap();

    let written = makes_a_viewer(&facts, "a").await;

    assert_eq!(written, Written { what: Assigned::New, visibility: Visibility::Visible });
    assert!(may_read(&config, "a").await);
    let taken = facts.unassign("a", "viewer", "default").await.unwrap();
    assert_eq!(taken.visibility, Visibility::Visible);
    assert!(!may_read(&config, "a").await);
    assert_eq!(world.count(&world.sandbox.permit_api.url(), "PUT").await, 0);
}

#[tokio::test]
async fn what_the_pdp_is_too_slow_for_is_written_and_not_yet_visible() {
    let world = World::start().await;
    delay(&world, 60_000).await;
    let config = Config { facts_wait: Duration::from_millis(50), ..settings(&world, ProxyUse::On) };

    let written = makes_a_viewer(&Facts::new(&config).unwrap(), "a").await;

    assert_eq!(written, Written { what: Assigned::New, visibility: Visibility::NotYet });
    assert!(!may_read(&config, "a").await);
    delay(&world, 0).await;
    assert!(may_read(&config, "a").await);
}

#[tokio::test]
async fn a_pdp_without_the_proxy_or_without_life_leaves_the_rest_api() {
    let mut world = World::start().await;
    let url = format!("{}/sandbox/facts-proxy", world.sandbox.pdp.url());
    world.client.put(url).json(&json!({"enabled": false})).send().await.unwrap();
    let config = settings(&world, ProxyUse::Auto);
    let facts = Facts::new(&config).unwrap();

    assert_eq!(facts.proxy_state().await.unwrap(), ProxyState::Absent);
    assert_eq!(makes_a_viewer(&facts, "a").await.visibility, Visibility::Unknown);
    assert!(may_read(&config, "a").await);

    world.sandbox.pdp.stop().await;
    let facts = Facts::new(&settings(&world, ProxyUse::On)).unwrap();
    assert_eq!(makes_a_viewer(&facts, "b").await.visibility, Visibility::Unknown);
}
