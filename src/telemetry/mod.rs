//! Logs, metrics and, with the feature `otel`, traces of the process.
//!
//! Fields of log lines: `request.id`, `trace.id`, `tenant.id`, `permission`, `decision.id`, `error`, `cause`. No subject,
//! token, claim set, name, e-mail address or body is ever among them: who did something is in the log of decisions,
//! under the id of the request.

mod metrics;
#[cfg(feature = "otel")]
mod otel;

use std::io::IsTerminal as _;

use secrecy::SecretString;
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use url::Url;

pub use self::metrics::metrics;

/// Where traces are sent, and which.
#[derive(Debug, Clone)]
pub struct Traces {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: a collector that takes OTLP over HTTP. `https`, or loopback.
    pub endpoint: Url,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: what it wants to hear beside them.
    pub headers: Vec<(String, SecretString)>,
    /// `OTEL_SERVICE_NAME`: who we are. Default `taskgate`.
    pub service: String,
    /// `OTEL_TRACES_SAMPLER_ARG`: the part of the traces that begin here, 0 to 1, which is recorded. Default 1.
    pub ratio: f64,
}

/// What has to be sent before the process ends.
#[derive(Debug)]
pub struct Telemetry {
    #[cfg(feature = "otel")]
    spans: Option<otel::Spans>,
}

impl Telemetry {
    /// Begins logging to standard error. `RUST_LOG` chooses what; default: `info` for us, `warn` for libraries. Colours
    /// are for terminals: in a file or a log collector their codes would stand between the words. Spans are sent to
    /// where `traces` says, whatever is logged.
    ///
    /// # Errors
    /// The exporter of traces cannot be made.
    pub fn start(json: bool, traces: Option<&Traces>) -> anyhow::Result<Self> {
        let filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,taskgate=info"));
        let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
        let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
        let lines = if json { lines.json().boxed() } else { lines.boxed() };
        let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
        #[cfg(feature = "otel")]
        {
            let spans = traces.map(otel::Spans::start).transpose()?;
            registry.with(spans.as_ref().map(otel::Spans::layer)).init();
            Ok(Self { spans })
        }
        #[cfg(not(feature = "otel"))]
        {
            registry.init();
            if traces.is_some() {
                tracing::warn!(
                    "OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this program is built without traces"
                );
            }
            Ok(Self {})
        }
    }

    /// Sends what is left, for at most five seconds.
    pub fn stop(self) {
        #[cfg(feature = "otel")]
        if let Some(spans) = self.spans {
            spans.stop();
        }
    }
}
