//! Who the caller is and what they may do.

use async_graphql::{Context, ID, Object, Result};

use super::{
    permission::{PermissionResult, Question, ask_one, held},
    sync_status::{SyncStatus, status},
    user::{RoleAssignment, User, roles},
};
use crate::graphql::{
    authorization::{directives::signed_in, guard::permitted},
    execution::context::ContextExt as _,
};

/// The caller.
pub(in crate::graphql) struct Viewer;

#[derive(Default)]
pub(super) struct ViewerQuery;

#[Object(guard = permitted("Query"))]
impl ViewerQuery {
    /// The caller: who they are and what they may do.
    #[graphql(directive = signed_in::apply())]
    async fn viewer(&self) -> Option<Viewer> {
        Some(Viewer)
    }
}

/// The caller.
#[Object]
impl Viewer {
    /// The caller's own user; null before the first `login`, and for a machine.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(ctx.signed_in()?.row().await?.map(User))
    }

    /// The `sub` of the token, which is also the user's key in Permit.
    async fn subject(&self, ctx: &Context<'_>) -> Result<ID> {
        Ok(ID(ctx.signed_in()?.subject.to_string()))
    }

    /// The tenant that everything in this API is about: the token's organization, else `default`.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.signed_in()?.tenant.to_string())
    }

    /// The caller's roles in this tenant, as of the last login or role change; sorted by name.
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<RoleAssignment>> {
        let caller = ctx.signed_in()?;
        match caller.row().await? {
            Some(row) => Ok(roles(caller, row.id).await?),
            None => Ok(Vec::new()),
        }
    }

    /// How far Permit is in step with this user.
    async fn sync(&self, ctx: &Context<'_>) -> Result<SyncStatus> {
        Ok(status(ctx.signed_in()?).await?)
    }

    /// The permissions of this API that the caller holds at this moment, as `task:get`, sorted.
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Option<Vec<String>>> {
        Ok(Some(held(ctx).await?))
    }

    /// Whether the caller holds a permission, and if not, why and what to do.
    async fn can(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource, spelled as in Permit, for example `task`.")] resource: String,
        #[graphql(desc = "The action, spelled as in Permit, for example `delete`.")] action: String,
        #[graphql(desc = "Id of a task or of a user; absent for the tenant as a whole.")] key: Option<ID>,
    ) -> Result<Option<PermissionResult>> {
        ask_one(ctx, Question::read(resource, action, key)?).await
    }
}
