//! The outbox from the side of a change: items added, hurried and finished in the change's own transaction.

use entity::outbox::{self, Column, Entity, Kind, Model, State};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    QueryFilter as _, QueryOrder as _,
};

use super::{
    StoreError, TenantStore, now,
    outbox::{begun_anew, done},
};

impl TenantStore {
    /// Adds an item, due at once, and makes due what waits before it.
    pub(super) async fn enqueue(
        &self,
        db: &impl ConnectionTrait,
        subject: &str,
        kind: Kind,
    ) -> Result<i64, StoreError> {
        let before = self.unfinished(db, subject).await?;
        let waiting = before.iter().filter(|item| item.state == State::Pending && item.lease.is_none());
        self.hurry(db, waiting.map(|item| item.seq).collect()).await?;
        let at = now();
        let item = outbox::ActiveModel {
            tenant_id: Set(self.tenant.to_string()),
            subject: Set(subject.to_owned()),
            kind: Set(kind),
            state: Set(State::Pending),
            attempts: Set(0),
            due_at: Set(at),
            created_at: Set(at),
            ..Default::default()
        };
        Ok(item.insert(db).await?.seq)
    }

    /// The unfinished items of a subject in this tenant, oldest first.
    pub(super) async fn unfinished(
        &self,
        db: &impl ConnectionTrait,
        subject: &str,
    ) -> Result<Vec<Model>, StoreError> {
        Ok(Entity::find()
            .filter(Column::TenantId.eq(&*self.tenant))
            .filter(Column::Subject.eq(subject))
            .filter(Column::State.ne(State::Done))
            .order_by_asc(Column::Seq)
            .all(db)
            .await?)
    }

    /// Makes the items `seqs` due at once, also those that were given up, as if they had never been attempted.
    pub(super) async fn hurry(&self, db: &impl ConnectionTrait, seqs: Vec<i64>) -> Result<(), StoreError> {
        Entity::update_many()
            .set(begun_anew())
            .filter(Column::Seq.is_in(seqs))
            .filter(Column::State.ne(State::Done))
            .exec(db)
            .await?;
        Ok(())
    }

    /// Marks every item of `kind` up to `last` as done: one synchronisation serves all that waited for one, and those
    /// that were given up before.
    pub(super) async fn finish_up_to(
        &self,
        db: &impl ConnectionTrait,
        subject: &str,
        kind: Kind,
        last: i64,
        report: &str,
    ) -> Result<(), StoreError> {
        Entity::update_many()
            .set(done(report))
            .filter(Column::TenantId.eq(&*self.tenant))
            .filter(Column::Subject.eq(subject))
            .filter(Column::Kind.eq(kind))
            .filter(Column::State.ne(State::Done))
            .filter(Column::Seq.lte(last))
            .exec(db)
            .await?;
        Ok(())
    }
}
