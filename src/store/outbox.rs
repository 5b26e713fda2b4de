//! The outbox: what is still to be told to Permit and Auth0. Items are written in the transaction of the change
//! that they are about, leased by one worker at a time, and carried out in order for each subject.

use std::time::Duration;

use entity::outbox::{self, Column, Entity, Kind, Model, State};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
    sea_query::{Alias, Expr, ExprTrait as _, LockBehavior, LockType, Query},
};
use uuid::Uuid;

use super::{Store, StoreError, commit, has_turn, now};

/// Stands for a cause when an attempt ended well before all was done.
const PARTLY: &str = "PARTLY_DONE";

/// One item, leased to whoever holds this.
#[derive(Debug, Clone)]
pub struct Job {
    pub seq: i64,
    pub tenant: String,
    pub subject: String,
    pub kind: Kind,
    /// Attempts that failed before this one.
    pub attempts: u32,
    /// What earlier attempts did of it, as JSON.
    pub report: Option<String>,
    /// An earlier attempt may have written something that nobody saw arrive.
    pub resumed: bool,
    /// How long the item waits by now.
    pub age: Duration,
    pub(super) lease: Uuid,
}

/// How far an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Not attempted yet, or being attempted.
    Waiting,
    /// An attempt failed, for the reason with this code; there will be another one.
    Failed { cause: String },
    /// Given up, for the reason with this code.
    Dead { cause: String },
    /// Done; what was done, as JSON.
    Done { report: String },
}

impl Store {
    /// Leases the item that is due longest and whose subject has no older one, for `length`.
    ///
    /// # Errors
    /// The database failed; nothing was leased.
    pub async fn lease(&self, length: Duration) -> Result<Option<Job>, StoreError> {
        let tx = self.begin().await?;
        let at = now();
        let due = due(at);
        let first = due.clone().order_by_asc(Column::DueAt);
        let skipping = first.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let Some(item) = skipping.one(&tx).await? else { return Ok(None) };
        // Somebody who is concerned with this person wakes a worker afterwards. Whoever has their turn may wait for this
        // very row, so that to wait for the turn in turn would never end.
        if !has_turn(&tx, &item.subject).await? {
            return Ok(None);
        }
        let Some(item) = due.filter(Column::Seq.eq(item.seq)).one(&tx).await? else { return Ok(None) };
        let lease = Uuid::new_v4();
        let mut leased: outbox::ActiveModel = item.into();
        leased.lease = Set(Some(lease));
        leased.leased_until = Set(Some(at.saturating_add(micros(length))));
        let item = leased.update(&tx).await?;
        commit(tx).await?;
        Ok(Some(Job {
            seq: item.seq,
            tenant: item.tenant_id,
            subject: item.subject,
            kind: item.kind,
            attempts: u32::try_from(item.attempts).unwrap_or_default(),
            resumed: item.cause.is_some(),
            report: item.report,
            age: Duration::from_micros(u64::try_from(at - item.created_at).unwrap_or_default()),
            lease,
        }))
    }

    /// Extends the lease of `job` to `length` from now; false if somebody else has it by now.
    ///
    /// # Errors
    /// The database failed; the lease runs out by itself.
    pub async fn renew(&self, job: &Job, length: Duration) -> Result<bool, StoreError> {
        let until = outbox::ActiveModel {
            leased_until: Set(Some(now().saturating_add(micros(length)))),
            ..Default::default()
        };
        update(&self.db, job, until).await
    }

    /// Lets go of `job` after a failed attempt; the next one is due after `pause`.
    ///
    /// # Errors
    /// The database failed; the lease runs out by itself.
    pub async fn retry(&self, job: &Job, cause: &str, pause: Duration) -> Result<(), StoreError> {
        let item = outbox::ActiveModel {
            attempts: Set(i32::try_from(job.attempts.saturating_add(1)).unwrap_or(i32::MAX)),
            due_at: Set(now().saturating_add(micros(pause))),
            cause: Set(Some(cause.to_owned())),
            ..released()
        };
        update(&self.db, job, item).await.map(drop)
    }

    /// Lets go of `job` after a part of its work, of which `report` tells; the rest is due at once.
    ///
    /// # Errors
    /// The database failed; the lease runs out by itself.
    pub async fn resume(&self, job: &Job, report: &str) -> Result<(), StoreError> {
        let item = outbox::ActiveModel {
            due_at: Set(now()),
            cause: Set(Some(PARTLY.to_owned())),
            report: Set(Some(report.to_owned())),
            ..released()
        };
        update(&self.db, job, item).await.map(drop)
    }

    /// Gives `job` up.
    ///
    /// # Errors
    /// The database failed; the lease runs out by itself.
    pub async fn bury(&self, job: &Job, cause: &str) -> Result<(), StoreError> {
        let item = outbox::ActiveModel {
            state: Set(State::Dead),
            cause: Set(Some(cause.to_owned())),
            finished_at: Set(Some(now())),
            ..released()
        };
        update(&self.db, job, item).await.map(drop)
    }

    /// Notes that `job` is done, and what was done.
    ///
    /// # Errors
    /// The database failed; the work will be done again, which must be harmless.
    pub async fn finish(&self, job: &Job, report: &str) -> Result<(), StoreError> {
        if update(&self.db, job, done(report)).await? {
            self.tenant(&job.tenant).tell_permissions(&job.subject).await;
        }
        Ok(())
    }

    /// How far the item `seq` is; `None` if it was done too long ago.
    ///
    /// # Errors
    /// The database failed.
    pub async fn progress(&self, seq: i64) -> Result<Option<Progress>, StoreError> {
        progress_of(&self.db, seq).await
    }
}

pub(super) async fn progress_of(db: &impl ConnectionTrait, seq: i64) -> Result<Option<Progress>, StoreError> {
    Ok(Entity::find_by_id(seq).one(db).await?.map(Progress::from))
}

/// What may be leased now.
pub(super) fn due(at: i64) -> Select<Entity> {
    Entity::find().filter(is_free(at)).filter(Column::DueAt.lte(at)).filter(heads_its_queue(at))
}

/// Pending and not leased, or leased by somebody who did not come back.
fn is_free(at: i64) -> Condition {
    let unleased = Condition::any().add(Column::LeasedUntil.is_null()).add(Column::LeasedUntil.lt(at));
    Condition::all().add(Column::State.eq(State::Pending)).add(unleased)
}

/// No older item of the same person in the same tenant is pending, and nobody works for them in another tenant at the
/// moment: what waits for one tenant must not hold up the others, and Permit knows a person once.
fn heads_its_queue(at: i64) -> Expr {
    let other = Alias::new("other");
    let of = |column: Column| Expr::col((other.clone(), column));
    let ours = |column: Column| Expr::col((Entity, column));
    let older = of(Column::TenantId).eq(ours(Column::TenantId)).and(of(Column::Seq).lt(ours(Column::Seq)));
    let in_work = of(Column::Seq).ne(ours(Column::Seq)).and(of(Column::LeasedUntil).gte(at));
    let query = Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, other.clone())
        .and_where(of(Column::Subject).eq(ours(Column::Subject)))
        .and_where(of(Column::State).eq("PENDING"))
        .and_where(older.or(in_work))
        .to_owned();
    Expr::exists(query).not()
}

/// Due now, as if it had never been attempted.
pub(super) fn begun_anew() -> outbox::ActiveModel {
    let at = now();
    outbox::ActiveModel {
        state: Set(State::Pending),
        attempts: Set(0),
        due_at: Set(at),
        // What was given up for its age must not be given up again at once.
        created_at: Set(at),
        finished_at: Set(None),
        ..Default::default()
    }
}

fn released() -> outbox::ActiveModel {
    outbox::ActiveModel { lease: Set(None), leased_until: Set(None), ..Default::default() }
}

pub(super) fn done(report: &str) -> outbox::ActiveModel {
    outbox::ActiveModel {
        state: Set(State::Done),
        finished_at: Set(Some(now())),
        cause: Set(None),
        report: Set(Some(report.to_owned())),
        ..released()
    }
}

/// Changes the item of `job`, if the lease is still ours.
async fn update(db: &impl ConnectionTrait, job: &Job, item: outbox::ActiveModel) -> Result<bool, StoreError> {
    let ours = Entity::update_many()
        .set(item)
        .filter(Column::Seq.eq(job.seq))
        .filter(Column::Lease.eq(job.lease))
        .exec(db)
        .await?;
    Ok(ours.rows_affected > 0)
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

impl From<Model> for Progress {
    fn from(item: Model) -> Self {
        let cause = item.cause.unwrap_or_default();
        match item.state {
            State::Done => Self::Done { report: item.report.unwrap_or_default() },
            State::Dead => Self::Dead { cause },
            State::Pending if item.attempts > 0 && item.lease.is_none() => Self::Failed { cause },
            State::Pending => Self::Waiting,
        }
    }
}
