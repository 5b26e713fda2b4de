//! What an operator sees of the outbox, over all tenants, and can do about it.

use std::time::Duration;

use entity::outbox::{self, Column, Entity, Kind, State};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::{Store, StoreError, now, outbox::begun_anew};

/// The outbox at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Items that are still to be carried out.
    pub pending: u64,
    /// Items that were given up.
    pub dead: u64,
    /// Age of the oldest pending item.
    pub lag: Duration,
}

/// An item that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    pub seq: i64,
    pub tenant: String,
    pub subject: String,
    pub kind: Kind,
    pub state: State,
    /// Attempts that failed.
    pub attempts: u32,
    pub age: Duration,
    /// Until the next attempt.
    pub due_in: Duration,
    /// Code of what went wrong at the last attempt.
    pub cause: Option<String>,
}

impl Store {
    /// How much is waiting, and for how long.
    ///
    /// # Errors
    /// The database failed.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let count = |state: State| Entity::find().filter(Column::State.eq(state)).count(&self.db);
        let oldest = Entity::find()
            .filter(Column::State.eq(State::Pending))
            .order_by_asc(Column::CreatedAt)
            .limit(1)
            .one(&self.db)
            .await?;
        Ok(Backlog {
            pending: count(State::Pending).await?,
            dead: count(State::Dead).await?,
            lag: oldest.map(|item| since(item.created_at)).unwrap_or_default(),
        })
    }

    /// The oldest `limit` items that are not done.
    ///
    /// # Errors
    /// The database failed.
    pub async fn unfinished(&self, limit: u64) -> Result<Vec<Unfinished>, StoreError> {
        let items = Entity::find()
            .filter(Column::State.is_in([State::Pending, State::Dead]))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(items.into_iter().map(Unfinished::from).collect())
    }

    /// Makes every pending item due at once and, if `dead`, those that were given up as well; how many.
    ///
    /// # Errors
    /// The database failed; nothing was changed.
    pub async fn replay(&self, dead: bool) -> Result<u64, StoreError> {
        let mut which = Condition::any().add(Column::State.eq(State::Pending));
        if dead {
            which = which.add(Column::State.eq(State::Dead));
        }
        Ok(Entity::update_many().set(begun_anew()).filter(which).exec(&self.db).await?.rows_affected)
    }
}

impl From<outbox::Model> for Unfinished {
    fn from(item: outbox::Model) -> Self {
        Self {
            seq: item.seq,
            tenant: item.tenant_id,
            subject: item.subject,
            kind: item.kind,
            state: item.state,
            attempts: u32::try_from(item.attempts).unwrap_or_default(),
            age: since(item.created_at),
            due_in: micros(item.due_at - now()),
            cause: item.cause,
        }
    }
}

fn since(at: i64) -> Duration {
    micros(now() - at)
}

/// Nothing for a time that has passed.
fn micros(length: i64) -> Duration {
    Duration::from_micros(u64::try_from(length).unwrap_or_default())
}
