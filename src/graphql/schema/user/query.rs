//! Reading users.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::user::Model;

use super::User;
use crate::{
    graphql::{
        authorization::{
            directives::{Scope, requires},
            guard::permitted,
        },
        execution::{context::ContextExt as _, error::ApiError},
        schema::{
            connection::{Listing, PageArguments, PageInfo, Sorted, encode},
            id::UserId,
            input::MAX_NAME,
        },
    },
    store::{Page, TenantStore},
};

/// The list of users in its one order.
const LISTING: Listing = Listing { list: "users", order: "CREATED_AT_DESC", sorted_by: Sorted::Instant };

/// Narrows a list of users.
#[derive(InputObject, Debug, Default)]
pub(in crate::graphql) struct UserFilter {
    /// Only users whose name has this part; letters A to Z match in either case.
    name_contains: Option<String>,
}

#[derive(Default)]
pub(in crate::graphql) struct UserQuery;

#[Object(guard = permitted("Query"))]
impl UserQuery {
    /// The user with this id in the caller's tenant; null when there is none.
    #[graphql(directive = requires::apply("user", "get", Scope::Tenant))]
    async fn user(&self, ctx: &Context<'_>, id: UserId) -> Result<Option<User>> {
        Ok(ctx.signed_in()?.store.find_user(id.uuid).await.map_err(ApiError::from)?.map(User))
    }

    /// The users of the caller's tenant, newest first; 20 a page, at most 100.
    #[graphql(directive = requires::apply("user", "get", Scope::Tenant))]
    async fn users(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<UserFilter>,
    ) -> Result<Option<UserConnection>> {
        let name_contains = filter.unwrap_or_default().read()?;
        let request = PageArguments { first, after, last, before }.read(LISTING)?;
        let store = &ctx.signed_in()?.store;
        let page = store.list_users(name_contains.as_deref(), &request).await.map_err(ApiError::from)?;
        Ok(Some(UserConnection { name_contains, page }))
    }
}

impl UserFilter {
    fn read(self) -> Result<Option<String>, ApiError> {
        match self.name_contains {
            Some(part) if part.chars().count() > MAX_NAME || part.contains('\0') => Err(ApiError::bad_input(
                "nameContains",
                format!("At most {MAX_NAME} characters, none of them NUL."),
            )),
            part => Ok(part.filter(|part| !part.is_empty())),
        }
    }
}

/// A page of a list of users.
pub(in crate::graphql) struct UserConnection {
    name_contains: Option<String>,
    page: Page<Model>,
}

/// A user and their place in the list.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UserEdge {
    /// The user.
    node: User,
    /// Their place, for `after` and `before`.
    cursor: String,
}

/// A page of a list of users.
#[Object]
impl UserConnection {
    /// The users of this page with their cursors.
    async fn edges(&self) -> Vec<UserEdge> {
        self.page
            .rows
            .iter()
            .map(|user| UserEdge { node: User(user.clone()), cursor: cursor(user) })
            .collect()
    }

    /// The users of this page.
    async fn nodes(&self) -> Vec<User> {
        self.page.rows.iter().cloned().map(User).collect()
    }

    /// Where this page stands in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page, cursor)
    }

    /// How many users the list has, over all its pages; null when they are more than an `Int` holds.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let store = &ctx.signed_in()?.store;
        let count = store.count_users(self.name_contains.as_deref()).await.map_err(ApiError::from)?;
        Ok(i32::try_from(count).ok())
    }
}

fn cursor(user: &Model) -> String {
    encode(LISTING, TenantStore::user_position(user))
}
