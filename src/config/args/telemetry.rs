//! Where traces are sent. The names are OpenTelemetry's own.

use clap::Args as ClapArgs;
use secrecy::SecretString;

#[derive(ClapArgs, Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "a field is named as its flag is")]
#[command(next_help_heading = "Traces (programs that are built with the feature `otel`)")]
pub struct TelemetryArgs {
    /// Collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`. Without it no span is sent anywhere.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Headers for the collector, `name=value`, separated by commas.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true)]
    pub otel_exporter_otlp_headers: Option<SecretString>,
    /// The name under which traces show this server.
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "taskgate")]
    pub otel_service_name: String,
    /// Which part of the traces that begin here is recorded, 0 to 1. Of others, their sender decides.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value_t = 1.0)]
    pub otel_traces_sampler_arg: f64,
}
