//! Users: the object, the list, and what administrators do with them.

mod mutation;
mod payload;
mod query;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use entity::user::Model;
use time::OffsetDateTime;

pub(in crate::graphql) use mutation::UserMutation;
pub(in crate::graphql) use payload::{RoleOutcome, outcomes};
pub(in crate::graphql) use query::UserQuery;

use super::id::{NodeKind, global_id};
use crate::{
    graphql::{
        authorization::object_rules::{Demand, Ruling},
        execution::{
            context::{ContextExt as _, Operation, SignedIn},
            error::ApiError,
        },
        instant,
    },
    store::Source,
};

/// A person in the caller's tenant.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct User(pub(in crate::graphql) Model);

/// A person in the caller's tenant.
#[Object]
impl User {
    /// Globally unique and stable; good for `node(id:)`.
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id(NodeKind::User, self.0.id)
    }

    /// The `sub` of this person's tokens, for example `auth0|507f1f77bcf86cd799439020`.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The name, if one is known.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The e-mail address, if one is known.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// When this person was first seen in the tenant.
    async fn created_at(&self) -> Result<OffsetDateTime> {
        Ok(instant(self.0.created_at)?)
    }

    /// Roles in the caller's tenant, as of the last login or role change; sorted by name.
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<RoleAssignment>> {
        Ok(roles(ctx.signed_in()?, self.0.id).await?)
    }
}

/// A role that a user holds in a tenant.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct RoleAssignment {
    /// Key of the role, spelled as in Permit.
    role: String,
    /// Key of the tenant.
    tenant: String,
    /// Who gave it.
    source: Option<RoleSource>,
}

/// Who gave a role.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleSource {
    /// The identity provider, through the roles claim of a token.
    Idp,
    /// A person, through this API or in Permit.
    Manual,
}

impl From<Source> for RoleSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Idp => Self::Idp,
            Source::Manual => Self::Manual,
        }
    }
}

/// The user that a mutation was about, if the caller may read users.
async fn shown(operation: &Operation, user: Option<User>) -> Result<Option<User>, ApiError> {
    let rulings = operation.decide(&[Demand::new("user", "get", None)]).await?;
    Ok(user.filter(|_| rulings.iter().all(Ruling::allows)))
}

/// The roles of a user, with those of the other users that are pending.
pub(in crate::graphql) async fn roles(
    caller: &SignedIn,
    user: uuid::Uuid,
) -> Result<Vec<RoleAssignment>, ApiError> {
    let tenant = &caller.tenant;
    let roles = caller.load_roles(user).await?.into_iter();
    Ok(roles
        .map(|held| RoleAssignment {
            role: held.role,
            tenant: tenant.to_string(),
            source: Some(held.source.into()),
        })
        .collect())
}
