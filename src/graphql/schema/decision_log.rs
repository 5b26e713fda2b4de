//! The log of decisions, for the auditors of a tenant.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    connection::{Listing, PageArguments, PageInfo, Sorted, encode},
    id::{NodeKind, global_id},
    input::MAX_SUBJECT,
};
use crate::{
    graphql::{
        authorization::{
            directives::{Scope, requires},
            guard::permitted,
            reason::DenialReason,
        },
        execution::{context::ContextExt as _, error::ApiError},
        instant,
    },
    store::{DecisionQuery, LoggedDecision, Page, TenantStore},
};

/// The log in its one order.
const LISTING: Listing = Listing { list: "decisions", order: "AT_DESC", sorted_by: Sorted::Instant };

/// What the decision point said about somebody.
#[derive(Debug, Clone)]
struct Decision(LoggedDecision);

/// What the decision point said about somebody.
#[Object]
impl Decision {
    /// Names the decision; the `decisionId` of the refusal, if it was one.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When it was made.
    async fn at(&self) -> Result<OffsetDateTime> {
        Ok(instant(self.0.at)?)
    }

    /// Whom it is about: the `sub` of their tokens.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The resource, spelled as in Permit.
    async fn resource(&self) -> &str {
        &self.0.resource
    }

    /// The action, spelled as in Permit.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// Id of the object that it is about; null for the tenant as a whole.
    async fn key(&self) -> Option<ID> {
        let key = self.0.key.as_ref()?;
        let known = NodeKind::of(&self.0.resource).zip(Uuid::try_parse(key).ok());
        Some(known.map_or_else(|| ID(key.clone()), |(kind, uuid)| global_id(kind, uuid)))
    }

    /// Whether it was allowed.
    async fn allowed(&self) -> bool {
        self.0.allowed
    }

    /// Why it was denied; null when it was allowed.
    async fn reason(&self) -> Option<DenialReason> {
        self.0.reason.as_deref().map(DenialReason::of)
    }

    /// Names the request that needed it, as the header `x-request-id` of its answer did.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Id of the trace that the request was part of (W3C Trace Context); of its own, if it named none.
    async fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// Who asked with `explain(asUser:)`: the `sub` of their tokens. Null when the subject asked themselves.
    async fn asked_by(&self) -> Option<&str> {
        self.0.asked_by.as_deref()
    }
}

/// Narrows the log; everything given must hold.
#[derive(InputObject, Debug, Default)]
struct DecisionFilter {
    /// Only decisions about the person or machine with this `sub`.
    subject: Option<String>,
    /// Only decisions on this resource.
    resource: Option<String>,
    /// Only decisions on this action.
    action: Option<String>,
    /// Only what was allowed (true) or denied (false).
    allowed: Option<bool>,
    /// Only decisions made at this time or later.
    since: Option<OffsetDateTime>,
}

#[derive(Default)]
pub(super) struct DecisionLogQuery;

#[Object(guard = permitted("Query"))]
impl DecisionLogQuery {
    /// What the decision point said about whoever acted in the caller's tenant, newest first; 20 a page, at most 100. A
    /// decision appears a moment after it was made, and is kept for as long as the server is told to, a week by
    /// default. Empty when the server keeps no log.
    #[graphql(directive = requires::apply("audit", "get", Scope::Tenant))]
    async fn decisions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<DecisionFilter>,
    ) -> Result<Option<DecisionConnection>> {
        let query = filter.unwrap_or_default().read()?;
        let request = PageArguments { first, after, ..PageArguments::default() }.read(LISTING)?;
        let page = ctx.signed_in()?.store.list_decisions(&query, &request).await.map_err(ApiError::from)?;
        Ok(Some(DecisionConnection(page)))
    }
}

impl DecisionFilter {
    fn read(self) -> Result<DecisionQuery, ApiError> {
        for (field, text) in
            [("subject", &self.subject), ("resource", &self.resource), ("action", &self.action)]
        {
            if text.as_ref().is_some_and(|text| text.len() > MAX_SUBJECT || text.contains('\0')) {
                let message = format!("At most {MAX_SUBJECT} bytes, none of them NUL.");
                return Err(ApiError::bad_input(field, message));
            }
        }
        let micros =
            |at: OffsetDateTime| i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        Ok(DecisionQuery {
            subject: self.subject,
            resource: self.resource,
            action: self.action,
            allowed: self.allowed,
            since: self.since.map(micros),
        })
    }
}

/// A page of the log.
struct DecisionConnection(Page<LoggedDecision>);

/// A decision and its place in the log.
#[derive(SimpleObject)]
struct DecisionEdge {
    /// The decision.
    node: Decision,
    /// Its place, for `after`.
    cursor: String,
}

/// A page of the log.
#[Object]
impl DecisionConnection {
    /// The decisions of this page with their cursors.
    async fn edges(&self) -> Vec<DecisionEdge> {
        let edge = |row: &LoggedDecision| DecisionEdge { node: Decision(row.clone()), cursor: cursor(row) };
        self.0.rows.iter().map(edge).collect()
    }

    /// The decisions of this page.
    async fn nodes(&self) -> Vec<Decision> {
        self.0.rows.iter().cloned().map(Decision).collect()
    }

    /// Where this page stands in the log.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.0, cursor)
    }
}

fn cursor(row: &LoggedDecision) -> String {
    encode(LISTING, TenantStore::decision_position(row))
}
