//! Logs and metrics of the process.
//!
//! Fields of log lines: `request.id`, `trace.id`, `tenant.id`, `permission`, `decision.id`, `error`, `cause`. No subject,
//! token, claim set, name, e-mail address or body is ever among them: who did something is in the log of decisions,
//! under the id of the request.

mod metrics;

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use self::metrics::metrics;

/// Begins logging to standard error. `RUST_LOG` chooses what; default: `info` for us, `warn` for libraries. Colours
/// are for terminals: in a file or a log collector their codes would stand between the words.
pub fn log(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,taskgate=info"));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
    if json {
        registry.with(lines.json()).init();
    } else {
        registry.with(lines).init();
    }
}
