//! An administrator hires somebody, gives and takes a role, and lets them go: from then on their token is nobody's.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;

use super::{actor::Actor, ledger::End, operations as ops, people::Person};

pub(crate) async fn hires_and_fires(actor: &Actor) {
    let world = &actor.world;
    let subject = format!("auth0|hand-{}", world.number());
    let hand = Person::new(subject.as_str(), &actor.person.tenant, &["viewer"]);
    let input = json!({"subject": subject, "roles": ["viewer"], "idempotencyKey": subject});
    let (end, answer) = actor.writes(ops::HIRE, "createUser", &input, &[]).await;
    let id = answer.and_then(|answer| answer.field("createUser")["user"]["id"].as_str().map(str::to_owned));
    let (End::Done(_), Some(id)) = (end, id) else { return };
    hand.renews(&world.client, &world.token_url).await;
    if hand.token().is_empty() {
        return;
    }
    let works = async || {
        if let Some(answer) = world.ask(&hand.token(), ops::LIST, &json!({"first": 5})).await {
            world.judge(&hand, &answer, &[]);
        }
    };
    works().await;
    let role = json!({"userId": id, "role": "manager"});
    actor.writes(ops::PROMOTE, "assignRole", &role, &[]).await;
    works().await;
    actor.writes(ops::DEMOTE, "unassignRole", &role, &[]).await;
    works().await;
    hand.leaves.store(true, Relaxed);
    let (end, answer) = actor.writes(ops::FIRE, "deleteUser", &json!({"id": id}), &[]).await;
    let gone = answer.is_some_and(|answer| answer.field("deleteUser")["deletedUserId"].is_string());
    if !gone || !matches!(end, End::Done(_)) {
        return;
    }
    for document in [ops::LIST, ops::VIEWER, ops::LOGIN] {
        if let Some(answer) = world.ask(&hand.token(), document, &json!({})).await {
            world.judge_stranger(&hand, &answer);
        }
    }
}
