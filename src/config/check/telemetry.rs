//! Where traces are sent.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Args, Problems, filled, url};
use crate::telemetry::Traces;

/// `None` where they are sent nowhere.
pub(super) fn traces(args: &Args, problems: &mut Problems) -> Option<Traces> {
    let given = &args.telemetry;
    let ratio = given.otel_traces_sampler_arg;
    if !(0.0..=1.0).contains(&ratio) {
        problems.note("OTEL_TRACES_SAMPLER_ARG", "must be between 0 and 1");
    }
    let headers = given.otel_exporter_otlp_headers.as_ref().map_or("", SecretString::expose_secret);
    let headers = headers.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), SecretString::from(value.trim())))
    });
    let headers: Option<Vec<_>> = headers.collect();
    if headers.is_none() {
        problems.note("OTEL_EXPORTER_OTLP_HEADERS", "has something that is not name=value");
    }
    let endpoint = filled(given.otel_exporter_otlp_endpoint.as_deref())?;
    let endpoint = url("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, problems)?;
    Some(Traces { endpoint, headers: headers?, service: given.otel_service_name.clone(), ratio })
}
