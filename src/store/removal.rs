//! Users who are removed: a tombstone stays, so that their tokens are refused and no login brings them back.

use entity::{
    outbox::{self, Kind, State},
    task, tombstone, user,
};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, Condition, DatabaseTransaction, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

use super::{
    Progress, Store, StoreError, TenantStore,
    event::{Changed, TaskWrite},
    now,
    outbox::progress_of,
};

/// The report of an item that left the person where they are, because another tenant has them.
pub const KEPT_ELSEWHERE: &str = "KEPT_ELSEWHERE";

/// Tasks that change hands with one statement.
const TASKS_AT_ONCE: u64 = 500;

/// What becomes of the tasks of somebody who is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TasksOnRemoval {
    /// They stay, without owner or assignee.
    KeepUnassigned,
    /// This user takes them over.
    Reassign(Uuid),
}

/// How a removal began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovalStart {
    Begun(RemovalItems),
    /// No such user, and none that is still being removed.
    Absent,
    /// Nobody else in the tenant is an administrator; nothing was done.
    LastAdmin,
    /// The user who is to take the tasks over is not in this tenant; nothing was done.
    HeirAbsent,
}

/// The items that carry a removal out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovalItems {
    /// At Permit.
    pub permit: i64,
    /// At Auth0; `None` when the server was given no access to it.
    pub account: Option<i64>,
}

impl Store {
    /// Whether any tenant has `subject`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_known(&self, subject: &str) -> Result<bool, StoreError> {
        let rows = user::Entity::find().filter(user::Column::Subject.eq(subject));
        Ok(rows.count(&self.db).await? > 0)
    }

    /// Notes that the subject is another tenant's too, so that its account stays as well.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep_account(&self, tenant: &str, subject: &str) -> Result<(), StoreError> {
        let pending = self.tenant(tenant).unfinished(&self.db, subject).await?;
        for item in pending.into_iter().filter(|item| item.kind == Kind::Account) {
            let mut item: outbox::ActiveModel = item.into();
            item.state = Set(State::Done);
            item.finished_at = Set(Some(now()));
            item.report = Set(Some(KEPT_ELSEWHERE.to_owned()));
            item.update(&self.db).await?;
        }
        Ok(())
    }
}

impl TenantStore {
    /// Removes a user here for the subject `by` and asks for their removal at Permit and, if `with_account`, at Auth0:
    /// row, roles and tasks in one transaction. For a user whose removal is under way, asks for what is unfinished once more.
    ///
    /// # Errors
    /// The database failed; nothing was done, unless it is [in doubt](StoreError::InDoubt).
    pub async fn begin_removal(
        &self,
        id: Uuid,
        tasks: TasksOnRemoval,
        with_account: bool,
        by: &str,
    ) -> Result<RemovalStart, StoreError> {
        let Some(user) = self.find_user(id).await? else { return self.resume_removal(id).await };
        let tx = self.begin_for(&user.subject).await?;
        if self.users().filter(user::Column::Id.eq(id)).one(&tx).await?.is_none() {
            drop(tx);
            return self.resume_removal(id).await;
        }
        if self.is_last_admin(&tx, id).await? {
            return Ok(RemovalStart::LastAdmin);
        }
        let heir = match tasks {
            TasksOnRemoval::KeepUnassigned => None,
            TasksOnRemoval::Reassign(heir) => Some(heir),
        };
        if heir == Some(id) || !self.is_member(&tx, heir).await? {
            return Ok(RemovalStart::HeirAbsent);
        }
        let mut write = self.tasks_in(tx, by);
        self.hand_over(&mut write, id, heir).await?;
        // Whoever changes a task locks it before they look at its people, so the tasks had to come first; nobody can
        // give the user another one from here on.
        self.users().filter(user::Column::Id.eq(id)).lock_exclusive().one(&write.tx).await?;
        self.hand_over(&mut write, id, heir).await?;
        let items = self.bury_user(&write.tx, &user, with_account).await?;
        write.commit_permissions(&user.subject).await?;
        Ok(RemovalStart::Begun(items))
    }

    async fn bury_user(
        &self,
        tx: &DatabaseTransaction,
        user: &user::Model,
        with_account: bool,
    ) -> Result<RemovalItems, StoreError> {
        let stone = tombstone::ActiveModel {
            tenant_id: Set(self.tenant.to_string()),
            subject: Set(user.subject.clone()),
            user_id: Set(user.id),
            removed_at: Set(now()),
        };
        stone.insert(tx).await?;
        // Roles go with the row.
        user::Entity::delete_by_id(user.id).exec(tx).await?;
        let permit = self.enqueue(tx, &user.subject, Kind::Remove).await?;
        let account =
            if with_account { Some(self.enqueue(tx, &user.subject, Kind::Account).await?) } else { None };
        Ok(RemovalItems { permit, account })
    }

    async fn resume_removal(&self, id: Uuid) -> Result<RemovalStart, StoreError> {
        let stone = tombstone::Entity::find()
            .filter(tombstone::Column::TenantId.eq(&*self.tenant))
            .filter(tombstone::Column::UserId.eq(id))
            .one(&self.db)
            .await?;
        let Some(stone) = stone else { return Ok(RemovalStart::Absent) };
        let unfinished = self.unfinished(&self.db, &stone.subject).await?;
        if !unfinished.iter().any(|item| item.kind != Kind::Sync) {
            return Ok(RemovalStart::Absent);
        }
        self.hurry(&self.db, unfinished.iter().map(|item| item.seq).collect()).await?;
        let newest = async |kind| {
            let items = outbox::Entity::find()
                .filter(outbox::Column::TenantId.eq(&*self.tenant))
                .filter(outbox::Column::Subject.eq(&stone.subject))
                .filter(outbox::Column::Kind.eq(kind))
                .order_by_desc(outbox::Column::Seq);
            Ok::<_, StoreError>(items.one(&self.db).await?.map(|item: outbox::Model| item.seq))
        };
        match newest(Kind::Remove).await? {
            Some(permit) => {
                Ok(RemovalStart::Begun(RemovalItems { permit, account: newest(Kind::Account).await? }))
            }
            None => Ok(RemovalStart::Absent),
        }
    }

    /// Whether `subject` is in this tenant again since the removal `item`, and Permit was told so.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_back_since(&self, subject: &str, item: i64) -> Result<bool, StoreError> {
        if self.user_of(subject).await?.is_none() {
            return Ok(false);
        }
        let unfinished = self.unfinished(&self.db, subject).await?;
        // While Permit is still to be told, the removal comes first and the telling after it.
        Ok(!unfinished.iter().any(|later| later.kind == Kind::Sync && later.seq > item))
    }

    /// Puts `to`, or nobody, in the place of `from` wherever they own a task or are to do it.
    async fn hand_over(
        &self,
        write: &mut TaskWrite<'_>,
        from: Uuid,
        to: Option<Uuid>,
    ) -> Result<(), StoreError> {
        let involved =
            Condition::any().add(task::Column::OwnerId.eq(from)).add(task::Column::AssigneeId.eq(from));
        let next = self.tasks().filter(involved).order_by_asc(task::Column::Id).limit(TASKS_AT_ONCE);
        loop {
            let tasks = next.clone().lock_exclusive().all(&write.tx).await?;
            if tasks.is_empty() {
                return Ok(());
            }
            let at = now();
            let replaced = |column: task::Column| {
                Expr::case(column.eq(from), Expr::value(to)).finally(Expr::col(column))
            };
            task::Entity::update_many()
                .col_expr(task::Column::OwnerId, replaced(task::Column::OwnerId).into())
                .col_expr(task::Column::AssigneeId, replaced(task::Column::AssigneeId).into())
                .col_expr(task::Column::Version, Expr::col(task::Column::Version).add(1))
                .col_expr(task::Column::UpdatedAt, Expr::value(at))
                .filter(task::Column::Id.is_in(tasks.iter().map(|task| task.id)))
                .exec(&write.tx)
                .await?;
            let change = |before: task::Model| {
                let replaced = |person: Option<Uuid>| if person == Some(from) { to } else { person };
                let after = task::Model {
                    owner_id: replaced(before.owner_id),
                    assignee_id: replaced(before.assignee_id),
                    version: before.version + 1,
                    updated_at: at,
                    ..before.clone()
                };
                Changed { before, after }
            };
            write.updated(&tasks.into_iter().map(change).collect::<Vec<_>>()).await?;
        }
    }

    /// How far the item `seq` is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn progress(&self, seq: i64) -> Result<Option<Progress>, StoreError> {
        progress_of(&self.db, seq).await
    }
}
