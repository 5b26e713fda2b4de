//! The spans of OpenTelemetry behind those of `tracing`.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{RECORDED, TraceContext};

/// Makes `span` a part of the trace; its own place then. `None` where spans are sent nowhere.
pub(super) fn joined(span: &Span, context: Option<TraceContext>) -> Option<TraceContext> {
    if let Some(context) = context {
        // An error means that nobody listens to the span.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(context)));
    }
    let own = span.context();
    let own = own.span().span_context().clone();
    own.is_valid().then(|| TraceContext {
        trace: u128::from_be_bytes(own.trace_id().to_bytes()),
        parent: u64::from_be_bytes(own.span_id().to_bytes()),
        flags: own.trace_flags().to_u8() & RECORDED,
    })
}

fn remote(context: TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace.to_be_bytes()),
        SpanId::from_bytes(context.parent.to_be_bytes()),
        TraceFlags::new(context.flags),
        true,
        TraceState::NONE,
    )
}
