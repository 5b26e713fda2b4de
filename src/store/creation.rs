//! Users whom an administrator creates. What Permit has to know about them goes into the outbox in the same
//! transaction.

use entity::{
    outbox::{Kind, State as ItemState},
    role_assignment::{Source, State},
    user::{Column, Model},
};
use sea_orm::{ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Desired, Entry, Idempotency, KeyReused, NewUser, StoreError, TenantStore, commit,
    idempotency::Remembered, outbox, removal::KEPT_ELSEWHERE,
};

/// How a creation ended.
#[derive(Debug)]
pub enum UserCreation<T> {
    /// The item that tells Permit.
    Created {
        user: Model,
        work: i64,
    },
    /// An earlier call with the same key created a user; this is what it stored.
    Repeated(T),
    /// This tenant has the subject already.
    Taken,
    KeyReused,
}

/// A role that an administrator gives to a user who is being created.
pub fn given(role: &str) -> Entry {
    Entry::new(role, Source::Manual, State::Giving)
}

impl TenantStore {
    /// What an earlier `createUser` with this key stored, if there was one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn recall_user_creation<T: DeserializeOwned>(
        &self,
        key: &Idempotency,
    ) -> Result<Option<Result<T, KeyReused>>, StoreError> {
        Ok(match self.recall(&self.db, key).await? {
            Remembered::Nothing => None,
            Remembered::OtherInput => Some(Err(KeyReused)),
            Remembered::Outcome(outcome) => Some(Ok(outcome)),
        })
    }

    /// Creates a user with `roles` to be given; lifts the tombstone of somebody who was removed before. `outcome`
    /// makes of row and item what is stored under `key`.
    ///
    /// # Errors
    /// The database failed; nothing was created, unless it is [in doubt](StoreError::InDoubt).
    pub async fn create_user<T: Serialize + DeserializeOwned + Sync + Send>(
        &self,
        new: NewUser,
        desired: &Desired,
        roles: &[Entry],
        key: Option<&Idempotency>,
        outcome: impl Fn(&Model, i64) -> T + Send + Sync,
    ) -> Result<UserCreation<T>, StoreError> {
        match self.try_create_user(new.clone(), desired, roles, key, &outcome).await {
            // Somebody stored the same key between our look and our insert: theirs is the outcome.
            Err(StoreError::Duplicate(_)) => self.try_create_user(new, desired, roles, key, &outcome).await,
            created => created,
        }
    }

    async fn try_create_user<T: Serialize + DeserializeOwned + Sync + Send>(
        &self,
        new: NewUser,
        desired: &Desired,
        roles: &[Entry],
        key: Option<&Idempotency>,
        outcome: &(impl Fn(&Model, i64) -> T + Send + Sync),
    ) -> Result<UserCreation<T>, StoreError> {
        let subject = new.subject.clone();
        let tx = self.begin_for(&subject).await?;
        if let Some(key) = key {
            match self.recall(&tx, key).await? {
                Remembered::Nothing => {}
                Remembered::OtherInput => return Ok(UserCreation::KeyReused),
                Remembered::Outcome(earlier) => return Ok(UserCreation::Repeated(earlier)),
            }
        }
        if self.users().filter(Column::Subject.eq(&subject)).one(&tx).await?.is_some() {
            return Ok(UserCreation::Taken);
        }
        self.lift_tombstone(&tx, &subject).await?;
        self.revive_removal(&tx, &subject).await?;
        let user = self.insert_user(&tx, new, desired.json.clone()).await?;
        self.write_entries(&tx, user.id, &[], roles).await?;
        let work = self.enqueue(&tx, &subject, Kind::Sync).await?;
        if let Some(key) = key {
            self.remember(&tx, key, &outcome(&user, work)).await?;
        }
        commit(tx).await?;
        Ok(UserCreation::Created { user, work })
    }

    /// Lets a removal that was given up run once more, before the person is told to Permit again: their old roles must
    /// not come back with them. The account at Auth0 is needed again.
    async fn revive_removal(&self, tx: &DatabaseTransaction, subject: &str) -> Result<(), StoreError> {
        let unfinished = self.unfinished(tx, subject).await?;
        let dead = unfinished.iter().filter(|item| item.state == ItemState::Dead);
        let (accounts, others): (Vec<_>, Vec<_>) = dead.partition(|item| item.kind == Kind::Account);
        self.hurry(tx, others.iter().map(|item| item.seq).collect()).await?;
        entity::outbox::Entity::update_many()
            .set(outbox::done(KEPT_ELSEWHERE))
            .filter(entity::outbox::Column::Seq.is_in(accounts.iter().map(|item| item.seq)))
            .exec(tx)
            .await?;
        Ok(())
    }
}
