//! Users of a tenant. The same subject in two tenants is two rows.

use entity::user::{self, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, Select,
};
use uuid::Uuid;

use super::{
    Page, PageRequest, Position, SortValue, StoreError, TenantStore, now,
    page::{Keyset, page},
};

/// A user to be created.
#[derive(Clone)]
pub struct NewUser {
    /// `sub` of the tokens this person will present.
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// Newest first.
pub(super) const ORDER: Keyset<Column> =
    Keyset { column: Column::CreatedAt, id: Column::Id, descending: true };

impl TenantStore {
    pub(super) fn users(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(&*self.tenant))
    }

    /// Where `user` stands in the list of users.
    pub fn user_position(user: &Model) -> Position {
        Position { value: SortValue::Instant(user.created_at), id: user.id }
    }

    /// The user `id`, if this tenant has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_user(&self, id: Uuid) -> Result<Option<Model>, StoreError> {
        Ok(self.users().filter(Column::Id.eq(id)).one(&self.db).await?)
    }

    /// Those of `ids` that this tenant has, in no order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_users(&self, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(self.users().filter(Column::Id.is_in(ids)).all(&self.db).await?)
    }

    /// The user whose tokens carry `subject`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn user_of(&self, subject: &str) -> Result<Option<Model>, StoreError> {
        Ok(self.users().filter(Column::Subject.eq(subject)).one(&self.db).await?)
    }

    /// One page of the users whose name has `name_contains` in it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_users(
        &self,
        name_contains: Option<&str>,
        request: &PageRequest,
    ) -> Result<Page<Model>, StoreError> {
        page(&self.db, self.named(name_contains), ORDER, request).await
    }

    /// How many users have `name_contains` in their name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_users(&self, name_contains: Option<&str>) -> Result<u64, StoreError> {
        Ok(self.named(name_contains).count(&self.db).await?)
    }

    pub(super) fn named(&self, part: Option<&str>) -> Select<Entity> {
        match part {
            Some(part) => self.users().filter(self.contains(Column::Name, part)),
            None => self.users(),
        }
    }

    pub(super) async fn is_member(
        &self,
        db: &impl ConnectionTrait,
        id: Option<Uuid>,
    ) -> Result<bool, StoreError> {
        let Some(id) = id else { return Ok(true) };
        Ok(self.users().filter(Column::Id.eq(id)).count(db).await? > 0)
    }

    /// Whether a tenant other than this one has `subject`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_known_elsewhere(&self, subject: &str) -> Result<bool, StoreError> {
        let elsewhere =
            Entity::find().filter(Column::Subject.eq(subject)).filter(Column::TenantId.ne(&*self.tenant));
        Ok(elsewhere.count(&self.db).await? > 0)
    }

    pub(super) async fn insert_user(
        &self,
        db: &impl ConnectionTrait,
        new: NewUser,
        desired: String,
    ) -> Result<Model, StoreError> {
        let at = now();
        let user = user::ActiveModel {
            id: Set(Uuid::now_v7()),
            tenant_id: Set(self.tenant.to_string()),
            subject: Set(new.subject),
            name: Set(new.name),
            email: Set(new.email),
            desired: Set(Some(desired)),
            fingerprint: Set(None),
            first_login_at: Set(None),
            synced_at: Set(None),
            visible: Set(false),
            created_at: Set(at),
            updated_at: Set(at),
        };
        Ok(user.insert(db).await?)
    }
}
