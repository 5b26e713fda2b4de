//! Processor time of whoever serves, from Linux's `schedstat`. Elsewhere there is none and the column is empty.

use std::{fs, time::Duration};

/// Name of the load client's threads.
pub(crate) const CLIENT: &str = "client";
/// Name of the stub PDP's threads.
pub(crate) const PDP: &str = "pdp";

/// What the process has used: another one as a whole, of this one all threads but those of the client and the PDP. The
/// database driver's are among them.
pub(crate) fn used(process: Option<u32>) -> Option<Duration> {
    let own = std::process::id();
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{}/task", process.unwrap_or(own))).ok()?.flatten() {
        // A thread may end meanwhile.
        let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
        let is_ours = [CLIENT, PDP].contains(&name.trim()) || *task.file_name() == *own.to_string();
        if process.is_none() && is_ours {
            continue;
        }
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        total += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(total))
}

/// Resident memory of a process in KiB.
pub(crate) fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
