//! Resident memory of the server over the last part of the run, in which it is not ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::world::World;

/// Parts of the time without ends of the server: warm-up, then what is compared.
const BEFORE: std::ops::Range<f64> = 0.4..0.7;
const AFTER: f64 = 0.7;

#[derive(Debug, Default)]
pub(crate) struct Memory(Vec<(Instant, u64)>);

/// In KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Memory {
    pub(crate) async fn watch(world: Arc<World>) -> Self {
        let mut samples = Vec::new();
        while !world.is_over() {
            samples.extend(world.server.lock().await.resident().map(|kib| (Instant::now(), kib)));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Self(samples)
    }

    /// The least of two parts of the time since `calm`: what requests take while they wait for something that is broken
    /// comes and goes, and a leak stays. `None` where the system does not tell.
    pub(crate) fn growth(&self, calm: Instant) -> Option<Growth> {
        let (last, _) = self.0.last()?;
        let length = last.saturating_duration_since(calm).as_secs_f64();
        let part = |at: Instant| at.saturating_duration_since(calm).as_secs_f64() / length;
        let floor = |wanted: &dyn Fn(f64) -> bool| {
            let sizes = self.0.iter().filter(|(at, _)| *at > calm && wanted(part(*at)));
            sizes.map(|(_, kib)| *kib).min()
        };
        Some(Growth { before: floor(&|it| BEFORE.contains(&it))?, after: floor(&|it| it >= AFTER)? })
    }
}

impl Growth {
    #[expect(
        clippy::cast_precision_loss,
        reason = "KiB of one process are far below the precision of a double"
    )]
    pub(crate) fn percent(self) -> f64 {
        (self.after as f64 / self.before as f64 - 1.0) * 100.0
    }
}
