//! Tokens that must never be believed: foreign keys, other audiences, no signature, no token at all.

use serde_json::{Value, json};

use super::{
    actor::Actor,
    operations as ops,
    people::{Person, order},
};

pub(crate) async fn tries(actor: &mut Actor) {
    let world = &actor.world;
    let orders = [
        json!({"key": "foreign"}),
        json!({"key": "none"}),
        json!({"key": "hs256-public-key"}),
        json!({"claims": {"aud": "https://other.example/"}}),
        json!({"claims": {"exp": 1_000_000_000}}),
        json!({"claims": {"iss": "https://other.example/"}}),
        json!({"claims": {"sub": Value::Null}}),
    ];
    let ordered = actor.rng.choice(&orders).expect("an order");
    let Some(token) = order(&world.client, &world.token_url, ordered).await else { return };
    let forger = Person::forger(&token);
    for (document, variables) in [(ops::LIST, json!({"first": 3})), (ops::LOGIN, json!({}))] {
        if let Some(answer) = world.ask(&token, document, &variables).await {
            world.judge_stranger(&forger, &answer);
        }
    }
}
