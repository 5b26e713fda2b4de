//! What a person does all day: reads, writes, signs in, and lets the oracle judge every answer.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    ledger::{End, What, Write},
    operations::{self as ops, origin},
    oracle::Answer,
    people::Person,
    timeline::{Claim, Fact},
    world::{ENOUGH, Met, World},
};

pub(crate) struct Actor {
    pub(crate) world: Arc<World>,
    pub(crate) person: Arc<Person>,
    pub(crate) rng: fastrand::Rng,
    /// Longest pause between two requests, in milliseconds.
    pub(crate) pause_ms: u64,
}

impl Actor {
    pub(crate) async fn lives(mut self) {
        while self.person.token().is_empty() && !self.world.is_over() {
            self.renews().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.signs_in().await;
        while !self.world.is_over() {
            self.acts().await;
            let pause = self.rng.u64(0..=self.pause_ms);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn acts(&mut self) {
        let (task, count) = self.world.some_task(&self.person.tenant, &mut self.rng);
        match (self.rng.u8(..100), task) {
            (0..2, _) => self.renews().await,
            (2..6, _) => self.signs_in().await,
            (6..10, _) => self.reads(ops::VIEWER, json!({})).await,
            (10..14, _) => self.reads(ops::USERS, json!({})).await,
            (14..17, _) => super::mischief::tries(self).await,
            (17..19, _) if self.person.is_admin() => super::staff::hires_and_fires(self).await,
            (19..40, _) => {
                let first = self.rng.u8(1..=50);
                self.reads(ops::LIST, json!({"first": first})).await;
            }
            (40..55, _) if count < ENOUGH => self.creates().await,
            (40..60, Some(task)) if count >= ENOUGH => self.deletes(task).await,
            (55..65, Some(task)) => self.reads(ops::ONE, json!({"id": task.id})).await,
            (65..69, Some(task)) => self.reads(ops::HISTORY, json!({"id": task.id})).await,
            (69..80, Some(task)) => self.renames(task).await,
            (80..90, Some(task)) => self.ticks_off(task).await,
            (90..95, Some(task)) => self.assigns(task).await,
            (95..100, Some(task)) => self.deletes(task).await,
            _ => {}
        }
    }

    pub(crate) async fn asks(&self, document: &str, variables: &Value) -> Option<Answer> {
        self.world.ask(&self.person.token(), document, variables).await
    }

    pub(crate) async fn reads(&self, document: &str, variables: Value) {
        if let Some(answer) = self.asks(document, &variables).await {
            self.world.judge(&self.person, &answer, &[]);
        }
    }

    /// Gets a new token, with other roles perhaps.
    async fn renews(&mut self) {
        if !self.person.token().is_empty() && !self.person.is_admin() && self.rng.u8(..3) == 0 {
            self.person.toggles(if self.rng.bool() { "viewer" } else { "manager" });
        }
        self.person.renews(&self.world.client, &self.world.token_url).await;
    }

    async fn signs_in(&self) {
        let Some(answer) = self.asks(ops::LOGIN, &json!({})).await else { return };
        self.world.judge(&self.person, &answer, &[]);
        if let Some(id) = answer.field("login")["viewer"]["user"]["id"].as_str() {
            self.person.id.get_or_init(|| id.to_owned());
        }
    }

    async fn creates(&self) {
        let title = format!("{}/{}/{}", self.person.tenant, self.person.subject, self.world.number());
        let input = json!({"title": title, "notes": "n", "idempotencyKey": title});
        let mut is_repeated = false;
        // The key makes it safe to ask again.
        for _ in 0..3 {
            let (mut end, answer) = self.writes(ops::CREATE, "createTask", &input, &[]).await;
            if end != End::Unknown {
                // The permission may be lost by now that an earlier attempt still had.
                if end == End::Refused && is_repeated {
                    end = End::Unknown;
                }
                let id =
                    answer.and_then(|it| it.field("createTask")["task"]["id"].as_str().map(str::to_owned));
                self.notes(id, What::Create, Some(title), end);
                return;
            }
            is_repeated = true;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.notes(None, What::Create, Some(title), End::Unknown);
    }

    async fn renames(&self, task: Met) {
        let (tenant, creator) = origin(&task.title);
        let title = format!("{tenant}/{creator}/{}", self.world.number());
        let input = json!({"id": task.id, "title": title});
        let (end, _) = self.writes(ops::UPDATE, "updateTask", &input, &[self.on(&task, "update")]).await;
        self.notes(Some(task.id), What::Rename, Some(title), end);
    }

    async fn ticks_off(&mut self, task: Met) {
        let completed = self.rng.bool();
        let input = json!({"id": task.id, "completed": completed});
        let (end, _) =
            self.writes(ops::COMPLETE, "setTaskCompleted", &input, &[self.on(&task, "check")]).await;
        self.notes(Some(task.id), What::Complete(completed), None, end);
    }

    async fn assigns(&mut self, task: Met) {
        let world = self.world.clone();
        let colleagues = world.people.iter().filter(|it| it.tenant == self.person.tenant);
        let colleagues: Vec<_> = colleagues.filter(|it| it.id.get().is_some()).collect();
        let chosen = self.rng.choice(&colleagues).filter(|_| self.rng.u8(..4) > 0);
        if !world.reserves(&task.id) {
            return;
        }
        let assigned = |user: &str| Fact::Assignee { user: user.to_owned(), task: task.id.clone() };
        let earlier =
            world.timeline.lasting(|fact| matches!(fact, Fact::Assignee { task: it, .. } if *it == task.id));
        if let Some(chosen) = chosen {
            world.timeline.may_begin(assigned(&chosen.subject));
        }
        let to = chosen.and_then(|it| it.id.get().cloned());
        let input = json!({"id": task.id, "assigneeId": to});
        let (end, _) = self.writes(ops::ASSIGN, "assignTask", &input, &[self.on(&task, "assign")]).await;
        let ended = match end {
            End::Done(_) => earlier,
            // A row may have another assignee from then on, which nobody can tell: both could be.
            End::Unknown => Vec::new(),
            End::Refused => chosen
                .map(|it| assigned(&it.subject))
                .into_iter()
                .filter(|it| !earlier.contains(it))
                .collect(),
        };
        let now = chosen.filter(|_| end != End::Refused).map(|it| assigned(&it.subject));
        ended.iter().filter(|fact| Some(*fact) != now.as_ref()).for_each(|fact| world.timeline.ends(fact));
        if end != End::Unknown {
            world.releases(&task.id);
        }
        self.notes(Some(task.id), What::Assign(to), None, end);
    }

    async fn deletes(&self, task: Met) {
        let input = json!({"id": task.id});
        let (end, _) = self.writes(ops::DELETE, "deleteTask", &input, &[self.on(&task, "delete")]).await;
        if matches!(end, End::Done(_)) {
            self.world.parts_from(&self.person.tenant, &task.id);
        }
        self.notes(Some(task.id), What::Delete, None, end);
    }

    /// Writes, and has the answer judged; `claims` are what it shows when it was done.
    pub(crate) async fn writes(
        &self,
        document: &str,
        field: &str,
        input: &Value,
        claims: &[Claim],
    ) -> (End, Option<Answer>) {
        let Some(answer) = self.asks(document, &json!({"input": input})).await else {
            return (End::Unknown, None);
        };
        let payload = answer.field(field);
        let was_allowed = payload.is_object();
        self.world.judge(&self.person, &answer, if was_allowed { claims } else { &[] });
        let end = if was_allowed && payload["userErrors"] == json!([]) {
            let version = payload["task"]["version"].as_i64().and_then(|it| i32::try_from(it).ok());
            End::Done(version)
        } else if was_allowed {
            End::Refused
        } else {
            let refused =
                ["FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED", "AUTHZ_UNAVAILABLE", "AUTHN_UNAVAILABLE"];
            let is_certain = answer.errors().len() == 1 && answer.codes().all(|code| refused.contains(&code));
            if is_certain { End::Refused } else { End::Unknown }
        };
        if answer.codes().any(|code| code == "NOT_FOUND")
            && let Some(id) = input["id"].as_str()
        {
            // Gone, or hidden from this person: others will meet it again.
            self.world.parts_from(&self.person.tenant, id);
        }
        (end, Some(answer))
    }

    fn notes(&self, task: Option<String>, what: What, title: Option<String>, end: End) {
        if let (What::Create, Some(id), Some(title)) = (&what, &task, &title) {
            self.world.meets(&self.person.tenant, id, title);
        }
        self.world.ledger.note(Write { by: self.person.subject.clone(), task, what, title, end });
    }

    fn on(&self, task: &Met, action: &str) -> Claim {
        Claim {
            permission: format!("task:{action}"),
            task: Some(task.id.clone()),
            owned: origin(&task.title).1 == self.person.subject,
        }
    }
}
