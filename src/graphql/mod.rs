//! The API: where *who is asking* (`auth`) meets *may they* (`permit`).
//!
//! A field declares what it needs with a directive ([`directives`]); the guard ([`guard`]) reads the declaration and
//! asks the operation's decisions ([`decisions`]) before the resolver runs. Resolvers only see rows of the caller's
//! tenant. Errors get their codes in one place ([`error`]).

mod api_info;
mod bad_ids;
mod budget;
mod connection;
mod context;
mod decision_log;
mod decisions;
mod describe;
mod directives;
mod document;
mod error;
mod field_errors;
mod guard;
mod id;
mod input;
mod limits;
mod login;
mod node;
mod permission;
mod plan;
mod reason;
mod requirements;
mod roles;
mod rules;
mod sync_status;
mod task;
mod trail;
mod user;
mod user_error;
mod validation;
mod variables;
mod viewer;

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{
    EmptySubscription, MergedObject, Name, Request, Response, SDLExportOptions, Schema, ServerError, Value,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
    registry::Registry,
};
use time::OffsetDateTime;

pub use budget::TooManyChecks;
pub use context::Caller;
pub use limits::{DocumentError, DocumentLimits, LimitExceeded};
pub use rules::CoverageError;

use context::{Operation, SignedIn};
use decisions::Decisions;
use describe::Described;
use roles::RoleBook;
use rules::Rules;
use trail::{Trail, TrailContext};

use crate::{
    audit::{Log, Origin},
    auth::{Authenticator, VerifiedUser},
    permit::{Facts, Freshness, Pdp},
    store::{Store, StoreError},
    sync::Sync,
};

/// Reading.
#[derive(MergedObject, Default)]
struct Query(
    api_info::ApiInfoQuery,
    viewer::ViewerQuery,
    node::NodeQuery,
    task::TaskQuery,
    user::UserQuery,
    permission::PermissionQuery,
    requirements::RequirementQuery,
    decision_log::DecisionLogQuery,
);

/// Writing. Fields run one after another, and each is decided afresh.
#[derive(MergedObject, Default)]
struct Mutation(login::LoginMutation, task::TaskMutation, user::UserMutation);

type ApiSchema = Schema<Described<Query>, Described<Mutation>, EmptySubscription>;

/// What the API can be told about itself.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `INTROSPECTION`: whether clients may read the schema. Default true. Off, errors suggest no names either.
    pub introspection: bool,
    /// `RECEIPT`: whether answers carry `extensions.authz`. Default true.
    pub receipt: bool,
}

/// What the API stands on.
#[derive(Debug, Clone)]
pub struct Services {
    pub store: Store,
    pub pdp: Pdp,
    pub facts: Facts,
    pub sync: Sync,
    pub log: Log,
    pub authenticator: Authenticator,
}

/// The executable API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: ApiSchema,
    /// The schema's types; the library does not lend its own.
    registry: Arc<Registry>,
    services: Arc<Services>,
    trails: TrailContext,
    sdl: Arc<str>,
    manifest: Arc<str>,
    config: Config,
}

/// Whether the parts that operations need answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    pub database: bool,
    pub pdp: bool,
}

impl Api {
    /// Builds the schema and proves that every field is covered by a rule.
    ///
    /// # Errors
    /// Every hole in the schema's protection.
    pub fn new(services: Services, config: Config) -> Result<Self, Vec<CoverageError>> {
        let registry = Arc::new(types());
        let rules = Arc::new(Rules::read(&registry)?);
        let manifest = serde_json::to_string_pretty(&rules.manifest()).unwrap_or_default();
        let services = Arc::new(services);
        let trails = TrailContext {
            rules: rules.clone(),
            roles: RoleBook::new(services.facts.clone()),
            log: services.log.clone(),
        };
        let mut schema =
            Schema::build(Described(Query::default()), Described(Mutation::default()), EmptySubscription)
                .extension(field_errors::FieldErrors)
                .data(rules)
                .data(document::Validator::new(config))
                .data(services.clone());
        if !config.introspection {
            schema = schema.disable_introspection().disable_suggestions();
        }
        let schema = schema.finish();
        Ok(Self {
            trails,
            sdl: printed(&schema).into(),
            schema,
            registry,
            services,
            manifest: manifest.into(),
            config,
        })
    }

    /// Counts the permissions that the operation certainly asks about.
    ///
    /// # Errors
    /// They are more than one operation may ask about.
    pub fn check_budget(&self, request: &mut Request) -> Result<(), TooManyChecks> {
        budget::check(request)
    }

    /// Executes one operation. Every error of the answer, and the answer itself, carry the request id.
    pub async fn execute(&self, mut request: Request, caller: Caller) -> Response {
        let freshness = if is_mutation(&mut request) { Freshness::Fresh } else { Freshness::AnyAge };
        let request_id = caller.request_id.clone();
        let signed_in = caller.subject.verified().map(|user| {
            let store = self.services.store.tenant(&user.tenant);
            let origin = Origin { request_id: request_id.clone(), trace_id: caller.trace_id.clone() };
            let trail = Trail::new(self.trails.clone(), user.clone(), store.clone(), origin);
            SignedIn::new(user.clone(), store, Arc::new(trail))
        });
        let trail = signed_in.as_ref().map(|caller| caller.trail.clone());
        let decisions = Decisions::new(self.services.pdp.clone(), freshness, trail);
        let operation = Arc::new(Operation::new(caller, decisions, signed_in));
        let mut response = match self.coerce(&mut request).await {
            Ok(()) => self.schema.execute(request.data(operation.clone())).await,
            Err(errors) => Response::from_errors(errors),
        };
        for error in &mut response.errors {
            // What the library refuses before our extension sees it.
            field_errors::set_code(error, "GRAPHQL_VALIDATION_FAILED");
            error.extensions.get_or_insert_default().set("requestId", request_id.as_str());
        }
        response.extensions.insert("requestId".to_owned(), Value::String(request_id));
        if self.config.receipt
            && let Ok(receipt) = async_graphql::to_value(operation.decisions.receipt())
        {
            response.extensions.insert("authz".to_owned(), receipt);
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
        if let Ok(document) = request.parsed_query() {
            let rehearsal = variables::rehearsal(document.clone());
            let invalid = self.schema.execute(rehearsal).await.errors;
            if !invalid.is_empty() {
                return Err(invalid);
            }
        }
        if !found.errors.is_empty() {
            return Err(found.errors);
        }
        variables::leave_out(request, &found.omitted);
        Ok(())
    }

    /// The schema in the schema definition language, with its directives, if clients may read it.
    pub fn sdl(&self) -> Option<&str> {
        self.config.introspection.then_some(&*self.sdl)
    }

    /// What every field needs, as JSON.
    pub fn permissions(&self) -> &str {
        &self.manifest
    }

    /// Whether `user` was removed from their tenant; their token is good, and no longer accepted.
    ///
    /// # Errors
    /// Nobody knows.
    pub async fn is_removed(&self, user: &VerifiedUser) -> Result<bool, StoreError> {
        self.services.store.tenant(&user.tenant).is_removed(&user.id).await
    }

    /// Asks database and PDP for a sign of life.
    pub async fn ready(&self) -> Readiness {
        let (database, pdp) = tokio::join!(self.services.store.ready(), self.services.pdp.ready());
        Readiness { database: database.is_ok(), pdp: pdp.is_ok() }
    }
}

/// The schema in the schema definition language, without a server to serve it.
pub fn sdl() -> String {
    printed(&Schema::new(Described(Query::default()), Described(Mutation::default()), EmptySubscription))
}

/// Every permission that a field or an input field asks for, as (resource, action), spelled as in Permit.
///
/// # Errors
/// Every hole in the schema's protection.
pub fn required_permissions() -> Result<BTreeSet<(String, String)>, Vec<CoverageError>> {
    let owned = |(resource, action): (&str, &str)| (resource.to_owned(), action.to_owned());
    Rules::read(&types()).map(|rules| rules.permissions().map(owned).collect())
}

/// The types of the schema.
fn types() -> Registry {
    rules::registry::<Described<Query>, Described<Mutation>>()
}

/// With the addresses of the scalars' specifications, which code generators go by.
fn printed(schema: &ApiSchema) -> String {
    schema.sdl_with_options(SDLExportOptions::new().include_specified_by())
}

/// Whether the selected operation is a mutation. What cannot be parsed or selected is refused later, by the executor.
fn is_mutation(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    selected(document, name.as_deref()).is_some_and(|operation| operation.ty == OperationType::Mutation)
}

/// The operation that `name` selects, or the only one.
fn selected<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let mut operations = document
        .operations
        .iter()
        .filter(|(operation, _)| name.is_none() || operation.map(Name::as_str) == name)
        .map(|(_, definition)| &definition.node);
    operations.next().filter(|_| operations.next().is_none())
}

/// A stored point in time as a date.
fn instant(micros: i64) -> Result<OffsetDateTime, error::ApiError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .map_err(|_| error::ApiError::Internal("a stored time is out of range"))
}
