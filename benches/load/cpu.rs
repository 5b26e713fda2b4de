//! Processor time of the serving threads, from Linux's `schedstat`. Elsewhere there is none and the column is empty.

use std::{fs, time::Duration};

/// Name of the load client's threads.
pub(crate) const CLIENT: &str = "client";
/// Name of the stub PDP's threads.
pub(crate) const PDP: &str = "pdp";

/// What all threads but those of the client and the PDP have used; the database driver's are among them.
pub(crate) fn serving() -> Option<Duration> {
    let own = std::process::id().to_string();
    let mut total = 0;
    for task in fs::read_dir("/proc/self/task").ok()?.flatten() {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        if [CLIENT, PDP].contains(&name.trim()) || *task.file_name() == *own {
            continue;
        }
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        total += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(total))
}
