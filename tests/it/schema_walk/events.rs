//! The same walk through what subscribers are told of tasks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{PERSONAS, Scene, oracle::Oracle, walk::Walk};
use crate::support::Subscription;

/// The one root field that tells of objects.
pub(super) const ROOT: &str = "taskChanged";

impl Scene {
    /// Renames tasks, one after another.
    async fn renames(&self, tasks: &[&String], title: &str) {
        let admin = self.world.persona("admin").await;
        let document = "mutation($id: ID!, $title: String!) {
            updateTask(input: {id: $id, title: $title}) { userErrors { code } } }";
        for id in tasks {
            admin.asks_with(document, json!({"id": id, "title": title})).await.data();
        }
    }

    /// The tasks, those last that `persona` may read.
    fn hidden_first(&self, oracle: &Oracle, persona: &str) -> Vec<&String> {
        let mut tasks: Vec<&String> = self.tasks.iter().collect();
        tasks.sort_by_key(|id| oracle.may_read(persona, "Task", id));
        tasks
    }

    async fn listens(&self, oracle: &Oracle, persona: &str) -> Subscription {
        let document = format!("subscription {{ {ROOT} {} }}", self.schema.selection("TaskChange", 3));
        let asker = self.world.persona(persona).await;
        let mut subscription = asker.connects().await.subscribes(&document).await;
        let tasks = self.hidden_first(oracle, persona);
        for number in 0.. {
            self.renames(&tasks[tasks.len() - 1..], &format!("Warm-up {number}")).await;
            if subscription.soon().await.is_some() {
                break;
            }
        }
        subscription
    }
}

/// What is told of the tasks that are renamed to `title`, up to the task `last`. An earlier event may show the new
/// title already.
async fn told(subscription: &mut Subscription, title: &str, last: &str) -> BTreeMap<String, Value> {
    let mut answers = BTreeMap::new();
    loop {
        let answer = subscription.next().await;
        let change = &answer["data"]["taskChanged"];
        // A task that is hidden has no title to tell.
        if change["task"].is_null() || change["task"]["title"] == title {
            let is_last = change["taskId"] == last;
            answers.insert(change["taskId"].to_string(), answer);
            if is_last {
                return answers;
            }
        }
    }
}

#[tokio::test]
async fn every_persona_is_told_of_exactly_what_the_oracle_lets_them_read() {
    for object_rules in [false, true] {
        let scene = Scene::set(object_rules).await;
        let before = scene.oracle().await;
        for persona in PERSONAS {
            let readable = scene.tasks.iter().filter(|id| before.may_read(persona, "Task", id)).count();
            if readable == 0 {
                continue;
            }
            let mut subscription = scene.listens(&before, persona).await;
            let tasks = scene.hidden_first(&before, persona);
            scene.renames(&tasks, persona).await;

            let answers = told(&mut subscription, persona, tasks[tasks.len() - 1]).await;

            let oracle = scene.oracle().await;
            let mut walk = Walk::new(&scene.schema, &oracle, persona);
            for answer in answers.values() {
                walk.paid(ROOT, answer);
                walk.answer(ROOT, "TaskChange", answer);
            }
            assert_eq!(walk.differences, [""; 0], "object rules: {object_rules}");
            assert_eq!(answers.len(), readable, "{persona}, object rules: {object_rules}");
        }
    }
}
