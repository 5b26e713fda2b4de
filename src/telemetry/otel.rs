//! Spans, sent as OTLP over HTTP by a thread of their own: no request waits for the collector. What it does not take in
//! time is lost.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use secrecy::ExposeSecret as _;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use super::Traces;

/// Longest that the collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What records spans and sends them.
#[derive(Debug)]
pub(super) struct Spans(SdkTracerProvider);

impl Spans {
    pub(super) fn start(traces: &Traces) -> anyhow::Result<Self> {
        let endpoint = format!("{}/v1/traces", traces.endpoint.as_str().trim_end_matches('/'));
        let headers: HashMap<String, String> = traces
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(TIMEOUT)
            .with_headers(headers)
            .build()
            .context("the exporter of traces cannot be made")?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            // Whoever began a trace has decided for all of its parts.
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(traces.ratio))))
            .with_resource(Resource::builder().with_service_name(traces.service.clone()).build())
            .build();
        Ok(Self(provider))
    }

    /// Hands over spans of ours. Those of libraries may say anything.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let ours = Targets::new().with_target("taskgate", LevelFilter::INFO);
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("taskgate")).with_filter(ours)
    }

    pub(super) fn stop(self) {
        if let Err(error) = self.0.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}
