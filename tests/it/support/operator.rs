//! What an operator does beside the running servers.

use std::{process::Command, time::Duration};

use serde_json::Value;

use super::World;

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(2);

impl World {
    /// Runs the program with these words on this world's database; what it prints.
    pub(crate) async fn command(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskgate"));
        command.args(words).env("DATABASE_URL", &self.database);
        // Meanwhile the server goes on, which may be in the middle of a transaction.
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The outbox, as `sync status --json` tells it.
    pub(crate) async fn outbox(&self) -> Value {
        let text = self.command(&["sync", "status", "--json"]).await;
        serde_json::from_str(&text).unwrap()
    }

    /// Has everything that waits told at once.
    pub(crate) async fn replays(&self) {
        self.command(&["sync", "replay"]).await;
    }

    /// Waits until nothing is left to be told.
    pub(crate) async fn until_the_outbox_is_empty(&self) {
        let emptied = async {
            loop {
                let outbox = self.outbox().await;
                if outbox["pending"] == 0 && outbox["dead"] == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, emptied).await.expect("the outbox is emptied");
    }
}
