//! Random faults, one after another: of the issuer, of Permit's two sides, of the database, and of the server itself.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{outages::Part, world::World};

pub(crate) struct Faults {
    pub(crate) world: Arc<World>,
    pub(crate) rng: fastrand::Rng,
    /// Whether the server may be killed and stopped.
    pub(crate) ends_servers: bool,
}

impl Faults {
    /// Breaks one thing after another until the run is over, with pauses in which everything works.
    pub(crate) async fn strike(mut self, until: tokio::time::Instant) {
        if self.ends_servers {
            // However short the run is.
            tokio::time::sleep(Duration::from_secs(3)).await;
            self.ends_server().await;
        }
        while !self.world.is_over() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(self.rng.u64(500..5_000))).await;
            let length = Duration::from_millis(self.rng.u64(100..2_000));
            match self.rng.u8(..12) {
                0..4 => self.breaks(Part::Pdp, length).await,
                4..6 => self.breaks(Part::PermitApi, length).await,
                6..8 => self.breaks(Part::Issuer, length).await,
                8..10 => self.breaks(Part::Database, length).await,
                _ if self.ends_servers => self.ends_server().await,
                _ => {}
            }
        }
    }

    async fn breaks(&mut self, part: Part, length: Duration) {
        let outage = self.world.outages.begin(part);
        if part == Part::Database {
            let what = self.world.database.disturb(&mut self.rng, length).await;
            self.world.findings.count(&format!("fault: database, {what}"));
        } else if self.rng.u8(..4) == 0 {
            self.world.findings.count(&format!("fault: {part:?}, stopped"));
            self.stops(part, length).await;
        } else {
            let fault = self.fault();
            self.world
                .findings
                .count(&format!("fault: {part:?}, {}", fault["kind"].as_str().unwrap_or_default()));
            let url = format!("{}/sandbox/faults", self.url(part).await);
            self.switches(self.world.client.put(&url).json(&fault)).await;
            tokio::time::sleep(length).await;
            self.switches(self.world.client.delete(&url)).await;
        }
        self.world.outages.end(outage);
    }

    /// A part that others have stopped meanwhile is waited for.
    async fn switches(&self, request: reqwest::RequestBuilder) {
        while request.try_clone().expect("a body in memory").send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn fault(&mut self) -> Value {
        match self.rng.u8(..9) {
            0 => json!({"kind": "delay", "ms": self.rng.u64(50..3_000)}),
            1 => json!({"kind": "status", "status": 500}),
            2 => json!({"kind": "status", "status": 503}),
            3 => json!({"kind": "status", "status": 429, "retryAfter": 1}),
            4 => json!({"kind": "hang"}),
            5 => json!({"kind": "unanswered"}),
            6 => json!({"kind": "malformed"}),
            7 => json!({"kind": "truncated"}),
            _ => json!({"kind": "wrongLength"}),
        }
    }

    async fn url(&self, part: Part) -> String {
        match part {
            Part::Pdp => self.world.pdp.lock().await.url(),
            Part::PermitApi => self.world.permit_api.lock().await.url(),
            _ => self.world.sandbox.lock().await.issuer.url(),
        }
    }

    /// Every connection breaks, and new ones are refused.
    async fn stops(&self, part: Part, length: Duration) {
        let world = &self.world;
        let (mut pdp, mut api, mut sandbox);
        let service = match part {
            Part::Pdp => {
                pdp = world.pdp.lock().await;
                &mut *pdp
            }
            Part::PermitApi => {
                api = world.permit_api.lock().await;
                &mut *api
            }
            _ => {
                sandbox = world.sandbox.lock().await;
                &mut sandbox.issuer
            }
        };
        service.stop().await;
        tokio::time::sleep(length).await;
        service.restart().await.expect("its port is free");
    }

    async fn ends_server(&mut self) {
        let mut server = self.world.server.lock().await;
        let outage = self.world.outages.begin(Part::Server);
        if self.rng.bool() {
            self.world.findings.count("fault: server, killed");
            server.crash().await;
        } else {
            self.world.findings.count("fault: server, stopped");
            server.restart().await;
        }
        self.world.outages.end(outage);
    }
}
