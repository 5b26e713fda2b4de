//! Servers as processes of their own, so that memory and processor time are theirs alone.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

/// Longest that a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Process {
    /// The program, with as many open files as the system allows.
    pub(crate) async fn taskgate(flags: &[(&'static str, String)]) -> Self {
        // Free for now; nobody else on this machine asks for a port by number.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -n \"$(ulimit -Hn)\" && exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_taskgate"),
        ]);
        command.env("RUST_LOG", "off").stdout(Stdio::null());
        for (flag, value) in flags {
            command.args([flag, value.as_str()]);
        }
        let child = command.args(["--listen-addr", &address.to_string()]).spawn().expect("the program");
        let listens = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.expect("the program listens");
        Self { address, child }
    }

    /// The Node server; `None`, with a word, where there is no Node.
    pub(crate) fn node(settings: &Value) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/node");
        if !folder.join("node_modules").exists() {
            let mut install = Command::new("npm");
            install.args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder);
            if !install.status().is_ok_and(|status| status.success()) {
                eprintln!("there is no Node server: `npm ci` in {} failed", folder.display());
                return None;
            }
        }
        let mut command = Command::new("node");
        command.args(["server.js", &settings.to_string()]).current_dir(&folder).env("NODE_ENV", "production");
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|error| eprintln!("there is no Node server: `node` does not start: {error}"))
            .ok()?;
        let mut port = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut port).expect("a line");
        let port: u16 = port.trim().parse().expect("the Node server listens");
        Some(Self { address: SocketAddr::from(([127, 0, 0, 1], port)), child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
