//! The API: where *who is asking* (`auth`) meets *may they* (`permit`).
//!
//! [`schema`] is what clients see. [`document`] is what is known of a document before it is executed, [`execution`] what
//! an operation is executed with, and [`authorization`] asks for each field whether the caller may, before its resolver
//! runs. Resolvers only see rows of the caller's tenant. Errors get their codes in one place ([`error`]). [`clients`] is
//! for the build tools of clients. `Api::execute` and `Api::subscribe` are in [`execution`], `Api::cost` and
//! `Api::check_budget` in [`document`].

mod authorization;
mod clients;
mod document;
mod execution;
mod schema;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_graphql::{
    Name, Schema,
    parser::types::{ExecutableDocument, OperationDefinition},
    registry::Registry,
};
use time::OffsetDateTime;

pub use authorization::{policy_watch::PolicySight, rules::CoverageError};
pub use clients::{
    reader::{Client, ClientNeed, ClientOperation, Place, Problem, SourceFile, read_client, read_documents},
    trusted::{
        Listed, MAX_ID_BYTES, ManifestError, TrustedDocument, TrustedDocuments, UntrustedFile, read_manifest,
        sha256,
    },
    typescript::typescript,
};
pub use document::{
    budget::TooManyChecks,
    cost::Cost,
    limits::{DocumentError, DocumentLimits, LimitExceeded},
};
pub use execution::{bill::Bill, context::Caller};
pub use schema::sdl;

use authorization::{
    decisions::Snapshots, describe::Described, policy_watch::PolicyWatch, roles::RoleBook, rules::Rules,
    trail::TrailContext,
};
use document::validator::Validator;
use execution::{error, field_errors::FieldErrors};
use schema::{
    ApiSchema, Mutation, Query, printed,
    subscription::{Pumps, Subscription},
    types,
};

use crate::{
    audit::Log,
    auth::{Authenticator, VerifiedUser},
    events::Hub,
    permit::{Facts, Pdp},
    store::{Store, StoreError},
    sync::Sync,
};

/// What the API can be told about itself.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `INTROSPECTION`: whether clients may read the schema. Default true. Off, errors suggest no names either.
    pub introspection: bool,
    /// `RECEIPT`: whether answers carry `extensions.authz`. Default true.
    pub receipt: bool,
    /// `PERMISSION_RECHECK_INTERVAL`: how often it is asked again what subscribers may do. Default 10 s.
    pub permission_recheck_interval: Duration,
    /// `PERMIT_DECISION_TTL`: how old what somebody was found to hold may be when it is used for reads. Default 0: it is
    /// asked anew by every operation.
    pub decision_ttl: Duration,
    /// `OBJECT_RULES`: whether a task's owner and assignee hold permissions on it by attribute rules of Permit.
    /// Default false.
    pub object_rules: bool,
    /// `OPERATION_TIMEOUT_MS`: longest that the opening of a subscription may take, and each of its events.
    pub operation_timeout: Duration,
    /// `MAX_OPERATION_COST`: points that one operation may cost. Default 20,000; 0: no limit.
    pub max_cost: u64,
}

/// What the API stands on.
#[derive(Debug, Clone)]
pub struct Services {
    pub store: Store,
    pub pdp: Pdp,
    pub facts: Facts,
    pub sync: Sync,
    pub hub: Hub,
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
    policy: PolicyWatch,
    config: Config,
    pumps: Arc<Pumps>,
    /// What users were found to hold, where reads may use it.
    snapshots: Option<Arc<Snapshots>>,
}

/// Whether the parts that operations need answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    pub database: bool,
    pub pdp: bool,
    pub policy: PolicySight,
}

impl Api {
    /// Builds the schema, proves that every field is covered by a rule, and begins to serve subscribers, for which a
    /// runtime is needed.
    ///
    /// # Errors
    /// Every hole in the schema's protection.
    pub fn new(services: Services, config: Config) -> Result<Self, Vec<CoverageError>> {
        let registry = Arc::new(types());
        let rules = Arc::new(Rules::read(&registry)?);
        let manifest = written(&rules);
        let policy = PolicyWatch::start(services.facts.clone(), owned(&rules));
        let services = Arc::new(services);
        let pumps = Arc::new(Pumps::start(&services, config));
        let snapshots = Snapshots::new(config.decision_ttl, services.store.feed());
        let trails = TrailContext {
            rules: rules.clone(),
            roles: RoleBook::new(services.facts.clone()),
            log: services.log.clone(),
        };
        let (query, mutation) = (Query::default(), Mutation::default());
        let mut schema = Schema::build(Described(query), Described(mutation), Described(Subscription))
            .extension(FieldErrors)
            .data(rules)
            .data(pumps.board.clone())
            .data(Validator::new(config))
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
            policy,
            config,
            pumps,
            snapshots,
        })
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
    /// Nobody knows; why is logged.
    pub async fn is_removed(&self, user: &VerifiedUser) -> Result<bool, StoreError> {
        let removed = self.services.store.tenant(&user.tenant).is_removed(&user.id).await;
        removed.inspect_err(error::store_failed)
    }

    /// Asks database and PDP for a sign of life. What is known of Permit's policy is told without asking.
    pub async fn ready(&self) -> Readiness {
        let (store, pdp) = (&self.services.store, &self.services.pdp);
        let (database, pdp, policy) = tokio::join!(store.ready(), pdp.ready(), self.policy.seen());
        Readiness { database: database.is_ok(), pdp: pdp.is_ok(), policy }
    }
}

/// Every permission that a field or an input field asks for, as (resource, action), spelled as in Permit.
///
/// # Errors
/// Every hole in the schema's protection.
pub fn required_permissions() -> Result<BTreeSet<(String, String)>, Vec<CoverageError>> {
    Rules::read(&types()).map(|rules| owned(&rules))
}

fn owned(rules: &Rules) -> BTreeSet<(String, String)> {
    rules.permissions().map(|(resource, action)| (resource.to_owned(), action.to_owned())).collect()
}

/// The manifest that `/permissions.json` serves, without a server to serve it.
///
/// # Errors
/// Every hole in the schema's protection.
pub fn manifest() -> Result<String, Vec<CoverageError>> {
    Rules::read(&types()).map(|rules| written(&rules))
}

fn written(rules: &Rules) -> String {
    serde_json::to_string_pretty(&rules.manifest()).unwrap_or_default()
}

/// The operation that `name` selects, or the only one.
pub(crate) fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
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
