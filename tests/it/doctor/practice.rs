//! One run of the program, and what it said.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use taskgate::sandbox::{AUDIENCE, ROLES_CLAIM, permit::API_KEY};
use tempfile::TempDir;

use crate::support::World;

/// A world, and settings that fit it.
pub(super) struct Practice {
    pub(super) world: World,
    pub(super) settings: BTreeMap<&'static str, String>,
    pub(super) files: TempDir,
}

/// What the program said.
pub(super) struct Visit {
    pub(super) code: Option<i32>,
    pub(super) said: String,
    /// Everything, standard error included.
    pub(super) all: String,
}

impl Practice {
    pub(super) async fn open() -> Self {
        let world = World::start().await;
        let files = tempfile::tempdir().unwrap();
        let settings = BTreeMap::from([
            ("AUTH0_ISSUER", world.sandbox.issuer_name()),
            ("AUTH0_AUDIENCE", AUDIENCE.to_owned()),
            ("AUTH0_ROLES_CLAIM", ROLES_CLAIM.to_owned()),
            ("PERMIT_API_KEY", API_KEY.to_owned()),
            ("PERMIT_API_URL", world.sandbox.permit_api.url()),
            ("PERMIT_PDP_URL", world.sandbox.pdp.url()),
            ("DATABASE_URL", format!("sqlite://{}/doctor.db?mode=rwc", files.path().display())),
        ]);
        Self { world, settings, files }
    }

    pub(super) async fn run(&self, words: &[&str], input: &str) -> Visit {
        let mut program = Command::new(env!("CARGO_BIN_EXE_taskgate"));
        program.env_clear().envs(&self.settings).args(words);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = input.to_owned();
        // In a thread of its own: the stand-ins answer in this one.
        let run = move || -> Output {
            let mut running = program.spawn().unwrap();
            // A program that does not read its input may be gone already.
            let _ = running.stdin.take().unwrap().write_all(input.as_bytes());
            running.wait_with_output().unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
        Visit { code: output.status.code(), said, all }
    }

    pub(super) async fn visit(&self) -> Visit {
        self.run(&["doctor"], "").await
    }

    pub(super) async fn visit_with(&self, token: &str) -> Visit {
        let visit = self.run(&["doctor", "--token", "-"], token).await;
        assert!(!visit.all.contains(token), "the token is repeated");
        visit
    }
}

impl Visit {
    /// The only line about this.
    pub(super) fn line(&self, subject: &str) -> &str {
        let mut lines = self.said.lines().filter(|line| line[6..].starts_with(&format!("{subject}: ")));
        let line = lines.next().unwrap_or_else(|| panic!("nothing about {subject} in:\n{}", self.said));
        assert_eq!(lines.next(), None, "{subject}");
        line
    }

    /// The run failed, and this line is one of its failures.
    pub(super) fn failure(&self, subject: &str) -> &str {
        let line = self.line(subject);
        assert!(line.starts_with("FAIL"), "{line}");
        assert_eq!(self.code, Some(1), "{}", self.all);
        line
    }

    pub(super) fn failures(&self) -> usize {
        self.said.lines().filter(|line| line.starts_with("FAIL")).count()
    }
}
