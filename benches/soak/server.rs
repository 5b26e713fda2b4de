//! The real program as a process of its own, which is killed, stopped and started again on the same port.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Longest that the program may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    flags: Vec<(&'static str, String)>,
    child: Child,
}

impl Server {
    pub(crate) async fn start(flags: Vec<(&'static str, String)>) -> Self {
        // Free for now; nobody else on this machine asks for a port by number.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let child = spawn(address, &flags);
        let mut server = Self { address, flags, child };
        server.answers().await;
        server
    }

    /// Ends it at once, as a power cut would, and starts it again.
    pub(crate) async fn crash(&mut self) {
        self.child.kill().expect("a running server");
        self.child.wait().expect("an end");
        self.again().await;
    }

    /// Tells it to stop, waits until it has, and starts it again.
    pub(crate) async fn restart(&mut self) {
        let told = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("the program `kill`").success(), "the server was running");
        let start = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(start.elapsed() < PATIENCE, "the server does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.again().await;
    }

    async fn again(&mut self) {
        self.child = spawn(self.address, &self.flags);
        self.answers().await;
    }

    async fn answers(&mut self) {
        let start = Instant::now();
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            if let Some(status) = self.child.try_wait().expect("a child") {
                // The database may be away when it starts; whoever supervises it tries again.
                tokio::time::sleep(Duration::from_millis(200)).await;
                assert!(start.elapsed() < PATIENCE, "the server does not start: {status}");
                self.child = spawn(self.address, &self.flags);
            }
            assert!(start.elapsed() < PATIENCE, "the server does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Resident memory in KiB; `None` where the system does not tell.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(address: SocketAddr, flags: &[(&'static str, String)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    command.env_clear().env("RUST_LOG", "off");
    for (flag, value) in flags {
        command.args([flag, value.as_str()]);
    }
    command.args(["--listen-addr", &address.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program")
}
