//! People in the office who change roles and policy at Permit while the server runs, and change them back.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    people::Person,
    timeline::{Fact, ROLES},
    world::World,
};

const PERMISSIONS: [&str; 9] = [
    "task:get",
    "task:create",
    "task:update",
    "task:check",
    "task:delete",
    "task:assign",
    "task:read-notes",
    "user:get",
    "audit:get",
];

pub(crate) struct Clerk {
    pub(crate) world: Arc<World>,
    pub(crate) rng: fastrand::Rng,
}

impl Clerk {
    pub(crate) async fn works(mut self) {
        while !self.world.is_over() {
            tokio::time::sleep(Duration::from_millis(self.rng.u64(50..500))).await;
            let (path, body, fact) = if self.rng.bool() { self.permission() } else { self.assignment() };
            let held = !self.world.timeline.lasting(|it| *it == fact).is_empty();
            let (first, then) =
                if held { (Method::DELETE, Method::POST) } else { (Method::POST, Method::DELETE) };
            self.writes(first, &path, &body).await;
            tokio::time::sleep(Duration::from_millis(self.rng.u64(20..1_500))).await;
            self.writes(then, &path, &body).await;
        }
    }

    async fn writes(&self, method: Method, path: &str, body: &Value) {
        // Who is not there yet is refused, and another login or clerk may have been faster.
        self.world.office.asks(method, path, body).await;
        self.world.findings.count("changes at Permit");
    }

    fn permission(&mut self) -> (String, Value, Fact) {
        let role = *self.rng.choice(&ROLES).expect("a role");
        let permission = *self.rng.choice(&PERMISSIONS).expect("a permission");
        let path = format!("/v2/schema/taskgate/sandbox/roles/{role}/permissions");
        let fact = Fact::Grants { role: role.to_owned(), permission: permission.to_owned() };
        (path, json!({"permissions": [permission]}), fact)
    }

    fn assignment(&mut self) -> (String, Value, Fact) {
        let role = *self.rng.choice(&ROLES).expect("a role");
        let world = self.world.clone();
        let person: &Person = self.rng.choice(&world.people).expect("a person");
        let body = json!({"user": person.subject, "role": role, "tenant": person.tenant});
        let fact = Fact::Holds {
            user: person.subject.clone(),
            tenant: person.tenant.clone(),
            role: role.to_owned(),
        };
        ("/v2/facts/taskgate/sandbox/role_assignments".to_owned(), body, fact)
    }
}
