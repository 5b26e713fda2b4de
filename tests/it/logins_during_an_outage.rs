//! A crowd that signs in while Permit is away, and Permit's limits afterwards.

use std::num::NonZeroU32;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::World;

const LOGIN: &str = "mutation { login { ready roleOutcomes { outcome } } }";
const ROLES: &str = "https://taskgate.example/roles";

async fn tokens(world: &World, count: usize) -> Vec<String> {
    let orders = (0..count).map(|n| {
        let roles = if n % 2 == 0 { json!(["viewer"]) } else { json!(["manager", "viewer"]) };
        world.token(json!({"claims": {"sub": format!("auth0|crowd-{n}"), ROLES: roles}}))
    });
    stream::iter(orders).buffered(8).collect().await
}

#[tokio::test]
async fn two_hundred_people_who_sign_in_during_an_outage_are_all_there_afterwards() {
    let trouble = [
        json!({"kind": "status", "status": 500}),
        json!({"kind": "status", "status": 429, "retryAfter": 1}),
        json!({"kind": "malformed"}),
        json!({"kind": "hang"}),
        json!({"kind": "truncated"}),
    ];
    let world = World::with(|config| {
        config.sync.deadline = std::time::Duration::from_secs(2);
        config.permit.writes_per_minute = NonZeroU32::new(8_800).unwrap();
    })
    .await;
    // Forty times Permit's published limits, for a client that keeps forty times its usual pace.
    world.sets_limits(json!({"requestsPerMinute": 40_000, "writesPerMinute": 12_000})).await;
    let api = world.sandbox.permit_api.url();
    let tokens = tokens(&world, 200).await;

    for (crowd, fault) in tokens.chunks(40).zip(trouble) {
        world.mend(&api).await;
        world.break_it(&api, fault.clone()).await;
        let logins = crowd.iter().map(|token| {
            let person = world.bearer(token.clone());
            async move { person.asks(LOGIN).await.data() }
        });
        let logins: Vec<Value> = stream::iter(logins).buffered(40).collect().await;
        for login in logins {
            assert_eq!(login["login"]["ready"], false, "{fault}");
            assert_eq!(login["login"]["roleOutcomes"][0]["outcome"], "QUEUED", "{fault}");
        }
        // The outage goes on for minutes: everything is due again and fails again.
        world.replays().await;
    }
    // Between two outages the API is well for an instant, which a few of those who wait use.
    let waiting = world.outbox().await["pending"].as_u64().unwrap();
    assert!((150..=200).contains(&waiting), "{waiting}");

    world.mend(&api).await;
    world.replays().await;
    world.until_the_outbox_is_empty().await;

    for n in 0..200 {
        let expected = if n % 2 == 0 { vec!["viewer"] } else { vec!["manager", "viewer"] };
        assert_eq!(world.roles_in_permit(&format!("auth0|crowd-{n}")).await, expected, "{n}");
    }
    assert_eq!(world.limits_exceeded().await, 0, "no 429 was our fault");
    let late = world.bearer(tokens[0].clone()).asks(LOGIN).await.data();
    assert_eq!(late["login"]["ready"], true);
}
