//! The real program as a process of its own, which can be killed.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use taskgate::sandbox::Sandbox;

/// Longest that the program may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    pub(crate) url: String,
    child: Child,
}

impl Process {
    /// Starts the program against the stand-ins and waits until it answers.
    pub(crate) async fn start(sandbox: &Sandbox, database: &str, more: &[(&str, &str)]) -> Self {
        let process = Self::spawn(sandbox, database, more, Stdio::null());
        tokio::time::timeout(PATIENCE, process.answers()).await.expect("the program answers");
        process
    }

    /// Starts the program against the stand-ins and waits until it has said `words` in its log.
    pub(crate) async fn start_until_it_says(
        sandbox: &Sandbox,
        database: &str,
        more: &[(&str, &str)],
        words: &'static str,
    ) -> Self {
        let mut process = Self::spawn(sandbox, database, more, Stdio::piped());
        let log = BufReader::new(process.child.stderr.take().unwrap());
        let said = tokio::task::spawn_blocking(move || log.lines().any(|line| line.unwrap().contains(words)));
        let said = tokio::time::timeout(PATIENCE, said).await;
        assert!(said.expect("the program says something").unwrap(), "it ended without saying: {words}");
        process
    }

    /// Starts the program, says everything to `log` that libraries say to their makers, and waits until it answers.
    pub(crate) async fn start_talkative(
        sandbox: &Sandbox,
        database: &str,
        more: &[(&str, &str)],
        log: File,
    ) -> Self {
        let more = [more, &[("--log-json", "true")]].concat();
        let (mut command, url) = command(sandbox, database, &more);
        let child = command.env("RUST_LOG", "debug").stderr(log).spawn().unwrap();
        let process = Self { url, child };
        tokio::time::timeout(PATIENCE, process.answers()).await.expect("the program answers");
        process
    }

    fn spawn(sandbox: &Sandbox, database: &str, more: &[(&str, &str)], log: Stdio) -> Self {
        let (mut command, url) = command(sandbox, database, more);
        Self { url, child: command.stderr(log).spawn().unwrap() }
    }

    async fn answers(&self) {
        while reqwest::get(format!("{}/health", self.url)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A metric without labels; `None` before it was first measured.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let page = self.metrics().await;
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Memory that it has at the moment.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.is_told_to_stop();
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn is_told_to_stop(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ends(&mut self) {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, ended).await.expect("it ends").success());
    }

    /// What `/metrics` shows.
    pub(crate) async fn metrics(&self) -> String {
        reqwest::get(format!("{}/metrics", self.url)).await.unwrap().text().await.unwrap()
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        // Killed already is killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with its flags, and where it will answer.
fn command(sandbox: &Sandbox, database: &str, more: &[(&str, &str)]) -> (Command, String) {
    // Free for now; nobody else on this machine asks for a port by number.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    for (flag, value) in super::flags(sandbox, database).iter().map(|(a, b)| (*a, b.as_str())) {
        command.args([flag, value]);
    }
    for (flag, value) in more {
        command.args([flag, value]);
    }
    command.args(["--listen-addr", &format!("127.0.0.1:{port}")]).stdout(Stdio::null());
    (command, format!("http://127.0.0.1:{port}"))
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
