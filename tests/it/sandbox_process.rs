//! The program as somebody starts it: `--sandbox` on free ports, in a folder for temporary files of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    process::{Child, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;

/// A running program; ends when it is dropped.
struct Program {
    child: Child,
    files: TempDir,
    /// Whoever prints into a closed pipe ends.
    _output: BufReader<ChildStdout>,
}

fn sandbox(listen: &str) -> (Command, TempDir) {
    let files = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    program.env_clear().env("TMPDIR", files.path()).args(["--sandbox", "--listen-addr", listen]);
    for service in ["issuer", "permit-api", "pdp"] {
        program.args([&format!("--sandbox-{service}-port"), "0"]);
    }
    (program, files)
}

impl Program {
    /// Starts it and reads up to the address of the API.
    fn start(change: impl FnOnce(&mut Command)) -> (Self, String) {
        let (mut program, files) = sandbox("127.0.0.1:0");
        change(&mut program);
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let line = output.by_ref().lines().map(Result::unwrap).find(|line| line.contains("API and console"));
        let api = line.and_then(|line| line.split_whitespace().last().map(str::to_owned)).unwrap_or_default();
        (Self { child, files, _output: output }, api)
    }

    fn left_behind(&self) -> Vec<String> {
        let entries = fs::read_dir(self.files.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn stop(&mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended, which is what the test wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_address_that_is_announced_answers_at_once_even_when_the_port_was_free_to_choose() {
    let (_program, api) = Program::start(|_| {});
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = client.get(format!("{api}ready")).send().await.unwrap();
    assert_eq!(ready.status(), 200, "{api}");
}

#[test]
fn nothing_is_announced_when_the_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = sandbox(&taken.local_addr().unwrap().to_string()).0.output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stderr).contains("choose another LISTEN_ADDR"));
}

#[cfg(unix)]
#[test]
fn its_database_has_a_name_that_nobody_can_guess_and_goes_with_it() {
    use std::os::unix::fs::PermissionsExt as _;

    // Under `nohup` the program outlives its terminal on purpose, and so do its children.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim();
    let is_hangup_ignored = u64::from_str_radix(ignored, 16).unwrap() & 1 == 1;
    for signal in ["HUP", "INT", "TERM"].into_iter().filter(|name| *name != "HUP" || !is_hangup_ignored) {
        let (mut program, api) = Program::start(|_| {});
        assert!(api.starts_with("http://127.0.0.1:"), "{api}");
        let [folder] = program.left_behind().try_into().unwrap();
        assert!(!folder.contains(&program.child.id().to_string()), "{folder} tells the process");
        let mode = fs::metadata(program.files.path().join(&folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others can look into {folder}");

        assert_eq!(program.stop(signal), Some(0), "{signal}");
        assert_eq!(program.left_behind(), Vec::<String>::new(), "{signal}");
    }
}

#[test]
fn blank_settings_are_none() {
    let blanks = ["AUTH0_DOMAIN", "AUTH0_CA_FILE", "PERMIT_API_KEY", "PERMIT_API_URL", "DATABASE_URL"];
    let (_program, api) = Program::start(|program| {
        program.envs(blanks.map(|setting| (setting, " ".repeat(usize::from(setting != "AUTH0_CA_FILE")))));
    });
    assert!(api.starts_with("http://127.0.0.1:"), "{api}");
}

#[cfg(unix)]
#[test]
fn log_lines_have_no_colours_outside_a_terminal() {
    let (mut program, _) = Program::start(|_| {});
    program.stop("TERM");
    let mut log = String::new();
    program.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("listening") && !log.contains('\u{1b}'), "{log:?}");
}
