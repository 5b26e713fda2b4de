//! The ledger of role assignments: which role a user holds, who gave it, and what is still to be done about it.

use std::collections::HashMap;

use entity::role_assignment::{self, Column, Entity, Model, Source, State};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{ADMIN, StoreError, TenantStore, now};

/// Rows of one statement; SQLite binds at most 32,766 values, nine a row.
const ROWS_PER_STATEMENT: usize = 500;

/// What the ledger says about one role of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Spelled as in Permit.
    pub role: String,
    pub source: Source,
    pub state: State,
    /// The last token that was looked at named the role.
    pub in_token: bool,
    /// When a token last named it, in microseconds since the Unix epoch; `None`: never.
    pub token_seen_at: Option<i64>,
    /// When Permit was last seen to hold it.
    pub permit_seen_at: Option<i64>,
}

/// A role that a user holds, and who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub role: String,
    pub source: Source,
}

/// Why a role cannot be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastAdmin;

impl Entry {
    pub fn new(role: &str, source: Source, state: State) -> Self {
        Self {
            role: role.to_owned(),
            source,
            state,
            in_token: false,
            token_seen_at: None,
            permit_seen_at: None,
        }
    }

    /// Permit holds the role, as far as is known.
    pub fn is_held(&self) -> bool {
        matches!(self.state, State::Held | State::Taking)
    }
}

impl TenantStore {
    fn ledger(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(&*self.tenant))
    }

    /// The roles that each of `users` holds, sorted by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn roles_of(&self, users: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Role>>, StoreError> {
        let rows = self.held_by(users).all(&self.db).await?;
        let mut roles: HashMap<Uuid, Vec<Role>> = HashMap::new();
        for row in rows {
            roles.entry(row.user_id).or_default().push(Role { role: row.role, source: row.source });
        }
        Ok(roles)
    }

    pub(super) fn held_by(&self, users: Vec<Uuid>) -> Select<Entity> {
        let held = Column::State.is_in([State::Held, State::Taking]);
        self.ledger().filter(Column::UserId.is_in(users)).filter(held).order_by_asc(Column::Role)
    }

    /// Everything that the ledger says about a user, sorted by role.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ledger_of(&self, user: Uuid) -> Result<Vec<Entry>, StoreError> {
        self.entries(&self.db, user).await
    }

    pub(super) async fn entries(
        &self,
        db: &impl ConnectionTrait,
        user: Uuid,
    ) -> Result<Vec<Entry>, StoreError> {
        let rows = self.ledger().filter(Column::UserId.eq(user)).order_by_asc(Column::Role).all(db).await?;
        Ok(rows.into_iter().map(Entry::from).collect())
    }

    /// Makes `next` what the ledger says about a user of whom it says `before`.
    pub(super) async fn write_entries(
        &self,
        tx: &DatabaseTransaction,
        user: Uuid,
        before: &[Entry],
        next: &[Entry],
    ) -> Result<(), StoreError> {
        let gone: Vec<&str> = before
            .iter()
            .filter(|entry| !next.iter().any(|kept| kept.role == entry.role))
            .map(|entry| entry.role.as_str())
            .collect();
        for roles in gone.chunks(ROWS_PER_STATEMENT) {
            Entity::delete_many()
                .filter(Column::UserId.eq(user))
                .filter(Column::Role.is_in(roles.iter().copied()))
                .exec(tx)
                .await?;
        }
        let changed: Vec<&Entry> = next.iter().filter(|entry| !before.contains(entry)).collect();
        for entries in changed.chunks(ROWS_PER_STATEMENT) {
            self.upsert(tx, user, entries).await?;
        }
        Ok(())
    }

    async fn upsert(
        &self,
        tx: &DatabaseTransaction,
        user: Uuid,
        entries: &[&Entry],
    ) -> Result<(), StoreError> {
        let rows = entries.iter().map(|entry| role_assignment::ActiveModel {
            user_id: Set(user),
            role: Set(entry.role.clone()),
            tenant_id: Set(self.tenant.to_string()),
            source: Set(entry.source),
            state: Set(entry.state),
            in_token: Set(entry.in_token),
            token_seen_at: Set(entry.token_seen_at),
            permit_seen_at: Set(entry.permit_seen_at),
            created_at: Set(now()),
        });
        let changing =
            [Column::Source, Column::State, Column::InToken, Column::TokenSeenAt, Column::PermitSeenAt];
        let identity =
            OnConflict::columns([Column::UserId, Column::Role]).update_columns(changing).to_owned();
        Entity::insert_many(rows).on_conflict(identity).exec_without_returning(tx).await?;
        Ok(())
    }

    /// Whether taking the admin role from `user` would leave the tenant without an administrator. Two admins who
    /// remove each other at the same moment cannot both succeed.
    pub(super) async fn is_last_admin(
        &self,
        tx: &DatabaseTransaction,
        user: Uuid,
    ) -> Result<bool, StoreError> {
        // Locked on PostgreSQL, where readers do not exclude each other as SQLite's write lock does.
        let admins = self.admins().lock_exclusive().all(tx).await?;
        Ok(admins.iter().any(|admin| admin.user_id == user)
            && admins.iter().all(|admin| admin.user_id == user))
    }

    pub(super) fn admins(&self) -> Select<Entity> {
        self.ledger()
            .filter(Column::Role.eq(ADMIN))
            .filter(Column::State.is_in([State::Held, State::Giving]))
            .order_by_asc(Column::UserId)
    }
}

impl From<Model> for Entry {
    fn from(row: Model) -> Self {
        Self {
            role: row.role,
            source: row.source,
            state: row.state,
            in_token: row.in_token,
            token_seen_at: row.token_seen_at,
            permit_seen_at: row.permit_seen_at,
        }
    }
}
