//! How an operation is executed: variables are coerced, the operation gets its decisions and its loaders, and every
//! answer carries the request id and a receipt.
//!
//! A subscription gets them anew with each of its events: what was true of the last one need not be true of the next.

pub(super) mod answer_size;
pub(super) mod bill;
pub(super) mod context;
pub(super) mod eager;
pub(super) mod error;
pub(super) mod field_errors;
pub(super) mod signed_in;

use std::{any::TypeId, future::ready, sync::Arc};

use async_graphql::{Request, Response, ServerError, Value, parser::types::OperationType};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use self::{
    answer_size::AnswerSize,
    context::{Operation, SignedIn},
    eager::Blanks,
};
use super::{
    Api, Caller,
    authorization::{
        decisions::{Decisions, Source},
        trail::Trail,
    },
    document::{cost::Foreseen, roots, variables},
    schema::subscription::{Events, single_field},
    selected,
};
use crate::{audit::Origin, permit::Freshness};

impl Api {
    /// Executes one query or mutation. Every error of the answer, and the answer itself, carry the request id.
    pub async fn execute(&self, mut request: Request, caller: Caller) -> Response {
        let is_mutation = operation_type(&mut request) == Some(OperationType::Mutation);
        let request_id = caller.request_id.clone();
        let operation = if is_mutation {
            let source = self.for_writing(&caller);
            self.operation(caller, source, Foreseen::default())
        } else {
            let source = self.for_reading(&caller);
            self.operation(caller, source, foreseen(&mut request))
        };
        let response = match self.prepare(&mut request).await {
            Ok(()) => self.schema.execute(with(request, &operation)).await,
            Err(errors) => Response::from_errors(errors),
        };
        self.finished(response, &request_id, &operation)
    }

    /// Executes any operation: one answer for a query or a mutation; for a subscription one for each event, until it
    /// ends. A subscription that cannot begin until `deadline`, or that has to end, says so with its last answer.
    pub fn subscribe(
        &self,
        mut request: Request,
        caller: Caller,
        deadline: Instant,
    ) -> BoxStream<'static, Response> {
        let api = self.clone();
        let answers = async move {
            if operation_type(&mut request) == Some(OperationType::Subscription) {
                api.open(request, caller, deadline).await
            } else {
                stream::once(ready(api.execute(request, caller).await)).boxed()
            }
        };
        // In a box of its own, which is gone when the answers begin: a subscription may last for days.
        answers.boxed().flatten_stream().boxed()
    }

    async fn open(
        &self,
        mut request: Request,
        caller: Caller,
        deadline: Instant,
    ) -> BoxStream<'static, Response> {
        let request_id = caller.request_id.clone();
        // Only a login uses the token.
        let caller = Caller { token: None, ..caller };
        let source = Source::Pool(self.pumps.pool.within(caller.trace));
        let operation = self.operation(caller, source, Foreseen::default());
        let answers = match self.prepare_subscription(&mut request).await {
            Ok(()) => {
                let events = Events::new(&mut request, operation.clone(), self.config.operation_timeout);
                let begun = events.begun.clone();
                let answers = self.schema.execute_stream(with(request, &operation).data(events));
                begun.in_time(answers, deadline, self.config.operation_timeout)
            }
            Err(errors) => stream::once(ready(Response::from_errors(errors))).boxed(),
        };
        let api = self.clone();
        answers.map(move |answer| api.finished(answer, &request_id, &operation)).boxed()
    }

    async fn prepare(&self, request: &mut Request) -> Result<(), Vec<ServerError>> {
        self.coerce(request).await?;
        if roots::are_written_once(request) {
            return Ok(());
        }
        // The document is validated as it was written.
        self.rehearse(request).await?;
        roots::merge(request).map_err(|error| vec![error])
    }

    async fn prepare_subscription(&self, request: &mut Request) -> Result<(), Vec<ServerError>> {
        self.coerce(request).await?;
        if single_field::stands_alone(request) {
            return Ok(());
        }
        // The executor sees only fields that stand in the operation itself, so the document is validated before
        // they are put there.
        self.rehearse(request).await?;
        single_field::put_first(request).map_err(|error| vec![error])
    }

    /// Whatever is written is decided now.
    fn for_writing(&self, caller: &Caller) -> Source {
        Source::Pdp(self.services.pdp.within(caller.trace), Freshness::Fresh)
    }

    fn for_reading(&self, caller: &Caller) -> Source {
        let pdp = self.services.pdp.within(caller.trace);
        match (&self.snapshots, caller.subject.verified()) {
            (Some(snapshots), Some(user)) => Source::Snapshot(snapshots.of(user, pdp)),
            _ => Source::Pdp(pdp, Freshness::AnyAge),
        }
    }

    fn operation(&self, caller: Caller, source: Source, foreseen: Foreseen) -> Arc<Operation> {
        let signed_in = caller.subject.verified().map(|user| {
            let store = self.services.store.tenant(&user.tenant);
            let origin = Origin { request_id: caller.request_id.clone(), trace_id: Some(caller.trace.id()) };
            let trail = Trail::new(self.trails.clone(), user.clone(), store.clone(), origin);
            SignedIn::new(user.clone(), store, trail)
        });
        let trail = signed_in.as_ref().map(|caller| caller.trail.clone());
        let Foreseen(needs) = foreseen;
        let checks = signed_in.as_ref().map(|caller| {
            needs.into_iter().map(|(resource, action)| caller.check(resource, action)).collect()
        });
        let decisions = Decisions::new(source, trail).foreseeing(checks.unwrap_or_default());
        Arc::new(Operation::new(caller, decisions, signed_in, self.config.object_rules))
    }

    fn finished(&self, mut response: Response, request_id: &str, operation: &Operation) -> Response {
        for error in &mut response.errors {
            // What the library refuses before our extension sees it: a document, or an argument of a subscription.
            let code = if error.path.is_empty() { "GRAPHQL_VALIDATION_FAILED" } else { "BAD_USER_INPUT" };
            field_errors::set_code(error, code);
            error.extensions.get_or_insert_default().set("requestId", request_id);
        }
        response.extensions.insert("requestId".to_owned(), Value::from(request_id));
        operation.bill.add_to(&mut response);
        if self.config.receipt {
            add_receipt(&mut response, operation);
        } else {
            response.extensions.remove("authz");
        }
        response
    }

    /// Makes the request say what the specification reads from it: see [`variables`].
    async fn coerce(&self, request: &mut Request) -> Result<(), Vec<ServerError>> {
        let found = variables::coerce(&self.registry, request);
        if found.is_empty() {
            return Ok(());
        }
        // The document comes first: a variable means nothing in one that is not valid.
        self.rehearse(request).await?;
        if !found.errors.is_empty() {
            return Err(found.errors);
        }
        variables::leave_out(request, &found.omitted);
        Ok(())
    }

    /// Validates the document of `request`, and executes nothing. What cannot be parsed is refused later.
    async fn rehearse(&self, request: &mut Request) -> Result<(), Vec<ServerError>> {
        let Ok(document) = request.parsed_query() else { return Ok(()) };
        let rehearsal = variables::rehearsal(document.clone());
        let invalid = self.schema.execute(rehearsal).await.errors;
        if invalid.is_empty() { Ok(()) } else { Err(invalid) }
    }
}

/// What is known of the questions of a query. A mutation asks for each of its fields afresh.
fn foreseen(request: &mut Request) -> Foreseen {
    let known = request.data.get(&TypeId::of::<Foreseen>()).and_then(|known| known.downcast_ref());
    known.cloned().unwrap_or_default()
}

/// What the fields of `operation` work with.
fn with(request: Request, operation: &Arc<Operation>) -> Request {
    let (size, blanks) = (Arc::new(AnswerSize::default()), Arc::new(Blanks::default()));
    request.data(operation.clone()).data(size).data(blanks)
}

/// Adds what the decisions of `operation` took, unless the answer has a receipt of its own.
pub(in crate::graphql) fn add_receipt(response: &mut Response, operation: &Operation) {
    if !response.extensions.contains_key("authz")
        && let Ok(receipt) = async_graphql::to_value(operation.decisions.receipt())
    {
        response.extensions.insert("authz".to_owned(), receipt);
    }
}

/// The type of the selected operation. What cannot be parsed or selected is refused later, by the executor.
fn operation_type(request: &mut Request) -> Option<OperationType> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().ok()?;
    selected(document, name.as_deref()).map(|operation| operation.ty)
}
