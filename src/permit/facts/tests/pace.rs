//! Writes that wait for their turn.

use std::{num::NonZeroU32, time::Duration};

use super::*;

/// One turn in a minute, after a burst of six.
const SLOW: NonZeroU32 = NonZeroU32::MIN;

async fn no_turn_for(write: impl Future<Output = Result<(), PermitError>>) -> bool {
    tokio::time::timeout(Duration::from_millis(100), write).await.is_err()
}

#[tokio::test]
async fn a_write_without_a_turn_is_not_sent_and_a_read_needs_none() {
    let server = Server::start(|asked| if asked.line() == SCOPE { scope() } else { created() }).await;
    let facts = Facts::new(&Config { writes_per_minute: SLOW, ..server.config() }).unwrap();
    for _ in 0..6 {
        facts.add_to_tenant("t", "a").await.unwrap();
    }

    assert!(no_turn_for(facts.add_to_tenant("t", "a")).await);
    assert!(
        no_turn_for(facts.clone().delete_user("a")).await,
        "clones share the pace, and deletes are writes"
    );
    facts.user("a").await.unwrap();

    assert_eq!(server.asked().len(), 1 + 6 + 1);
}

#[tokio::test]
async fn deletes_have_a_slower_pace_of_their_own() {
    let server = Server::start(|asked| if asked.line() == SCOPE { scope() } else { created() }).await;
    let facts = Facts::new(&Config { deletes_per_minute: SLOW, ..server.config() }).unwrap();
    for _ in 0..2 {
        facts.delete_user("a").await.unwrap();
        facts.remove_from_tenant("t", "a").await.unwrap();
        facts.unassign("a", "viewer", "t").await.unwrap();
    }

    assert!(no_turn_for(facts.delete_user("a")).await);
    facts.put_user(&profile()).await.unwrap();
}

#[tokio::test]
async fn changes_of_the_policy_have_the_slowest_pace_of_all() {
    let server = Server::start(|asked| if asked.line() == SCOPE { scope() } else { created() }).await;
    let facts = Facts::new(&Config { schema_writes_per_minute: SLOW, ..server.config() }).unwrap();
    for _ in 0..3 {
        facts.delete_role("a").await.unwrap();
        facts.grant("a", &BTreeSet::new()).await.unwrap();
    }

    assert!(no_turn_for(facts.delete_role("a")).await);
    facts.add_to_tenant("t", "a").await.unwrap();
}

#[tokio::test]
async fn waiting_for_a_turn_is_not_waiting_for_permit() {
    let server = Server::start(|asked| if asked.line() == SCOPE { scope() } else { created() }).await;
    // A turn every second after the burst of 18.
    let pace = NonZeroU32::new(60).unwrap();
    let config =
        Config { writes_per_minute: pace, api_timeout: Duration::from_millis(500), ..server.config() };
    let facts = Facts::new(&config).unwrap();

    for _ in 0..20 {
        facts.add_to_tenant("t", "a").await.unwrap();
    }
}

fn created() -> Reply {
    Reply::Json(201, json!({}))
}
