//! Our copy of the role assignments of a tenant's users.

use std::collections::HashMap;

use entity::role_assignment::{self, Column, Entity, Model, Source};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{ADMIN, StoreError, TenantStore, now};

/// A role, spelled as in Permit, and who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub role: String,
    pub source: Source,
}

/// How taking a role away ended.
#[derive(Debug, PartialEq, Eq)]
pub enum AdminRemoval {
    /// These were taken away; empty if the user did not hold them.
    Taken(Vec<Role>),
    /// Nobody else in the tenant is an admin; nothing was changed.
    LastAdmin,
}

impl TenantStore {
    fn assignments(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(&*self.tenant))
    }

    /// The roles of each of `users`, sorted by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn roles_of(&self, users: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Role>>, StoreError> {
        let rows = self
            .assignments()
            .filter(Column::UserId.is_in(users))
            .order_by_asc(Column::Role)
            .all(&self.db)
            .await?;
        let mut roles: HashMap<Uuid, Vec<Role>> = HashMap::new();
        for row in rows {
            roles.entry(row.user_id).or_default().push(row.into());
        }
        Ok(roles)
    }

    /// Makes `roles` what we know of the user's roles.
    ///
    /// # Errors
    /// The database failed; the copy is as before.
    pub async fn replace_roles(&self, user: Uuid, roles: &[Role]) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        Entity::delete_many()
            .filter(Column::TenantId.eq(&*self.tenant))
            .filter(Column::UserId.eq(user))
            .exec(&tx)
            .await?;
        self.add_roles(&tx, user, roles).await?;
        Ok(tx.commit().await?)
    }

    /// Adds one role; knowing it already is no error.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_role(&self, user: Uuid, role: &Role) -> Result<(), StoreError> {
        self.add_roles(&self.db, user, std::slice::from_ref(role)).await
    }

    pub(super) async fn add_roles(
        &self,
        db: &impl ConnectionTrait,
        user: Uuid,
        roles: &[Role],
    ) -> Result<(), StoreError> {
        let rows = roles.iter().map(|role| role_assignment::ActiveModel {
            user_id: Set(user),
            role: Set(role.role.clone()),
            tenant_id: Set(self.tenant.to_string()),
            source: Set(role.source),
            created_at: Set(now()),
        });
        Entity::insert_many(rows)
            .on_conflict(OnConflict::columns([Column::UserId, Column::Role]).do_nothing().to_owned())
            .try_insert()
            .exec_without_returning(db)
            .await?;
        Ok(())
    }

    /// Takes `role`, or every role when `None`, away from the user, unless that would leave the tenant without
    /// an admin. Two admins who remove each other at the same moment cannot both succeed.
    ///
    /// # Errors
    /// The database failed; nothing was changed.
    pub async fn take_roles(&self, user: Uuid, role: Option<&str>) -> Result<AdminRemoval, StoreError> {
        let tx = self.begin().await?;
        // Locked on PostgreSQL, where readers do not exclude each other as SQLite's write lock does.
        let admins = self.assignments().filter(Column::Role.eq(ADMIN)).lock_exclusive().all(&tx).await?;
        let mut concerned = self.assignments().filter(Column::UserId.eq(user));
        if let Some(role) = role {
            concerned = concerned.filter(Column::Role.eq(role));
        }
        let rows = concerned.all(&tx).await?;
        let demotes = rows.iter().any(|row| row.role == ADMIN);
        if demotes && admins.iter().all(|admin| admin.user_id == user) {
            return Ok(AdminRemoval::LastAdmin);
        }
        let names: Vec<&str> = rows.iter().map(|row| row.role.as_str()).collect();
        Entity::delete_many()
            .filter(Column::UserId.eq(user))
            .filter(Column::Role.is_in(names))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(AdminRemoval::Taken(rows.into_iter().map(Role::from).collect()))
    }

    /// Puts back what [`take_roles`](Self::take_roles) took, after Permit refused to follow.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_back_roles(&self, user: Uuid, roles: &[Role]) -> Result<(), StoreError> {
        self.add_roles(&self.db, user, roles).await
    }
}

impl From<Model> for Role {
    fn from(row: Model) -> Self {
        Self { role: row.role, source: row.source }
    }
}
