//! Users who arrive: by signing in, or created by an administrator. What Permit has to know about them goes into the
//! outbox in the same transaction.

use entity::{
    outbox::{Kind, State},
    role_assignment,
    user::{self, Column, Model},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Entry, Idempotency, KeyReused, NewUser, StoreError, TenantStore, idempotency::Remembered, now};

/// What Permit has to know about a person, and when it does not need to be told again.
#[derive(Debug, Clone)]
pub struct Desired {
    /// JSON, read by whoever carries it out.
    pub json: String,
    /// Equal for equal contents under equal settings.
    pub fingerprint: String,
}

/// What a sign-in found and wrote.
#[derive(Debug)]
pub enum SignIn {
    Known(Arrival),
    /// This person was removed from the tenant; nothing was written.
    Removed,
}

/// Somebody who signed in.
#[derive(Debug)]
pub struct Arrival {
    pub user: Model,
    /// The user was not known in this tenant before.
    pub created: bool,
    /// Name or e-mail differ from before.
    pub changed: bool,
    /// The item that tells Permit; `None` when there is nothing to tell.
    pub work: Option<i64>,
}

/// How a creation ended.
#[derive(Debug)]
pub enum UserCreation<T> {
    /// The item that tells Permit, and what is stored under the idempotency key.
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

impl TenantStore {
    /// Finds or creates the row of a person who signs in, keeps name and e-mail as given, and asks for Permit to be
    /// told if it knows something else, if something is unfinished, or if `always`.
    ///
    /// Several sign-ins of one person at once end in one row and wait for one item.
    ///
    /// # Errors
    /// The database failed; nothing was written.
    pub async fn sign_in(
        &self,
        person: NewUser,
        desired: &Desired,
        always: bool,
    ) -> Result<SignIn, StoreError> {
        let tx = self.begin_for(&person.subject).await?;
        let subject = person.subject.clone();
        if self.tombstone_of(&tx, &subject).await?.is_some() {
            return Ok(SignIn::Removed);
        }
        let known = self.users().filter(Column::Subject.eq(&subject)).one(&tx).await?;
        let created = known.is_none();
        let (user, changed) = match known {
            None => (self.insert_user(&tx, person, desired.json.clone()).await?, true),
            Some(user) => update_profile(&tx, user, person).await?,
        };
        let (user, work) = self.demand_sync(&tx, user, desired, always).await?;
        tx.commit().await?;
        Ok(SignIn::Known(Arrival { user, created, changed, work }))
    }

    /// Stores what Permit has to know, and finds or adds the item that tells it.
    async fn demand_sync(
        &self,
        tx: &DatabaseTransaction,
        user: Model,
        desired: &Desired,
        always: bool,
    ) -> Result<(Model, Option<i64>), StoreError> {
        let waiting = self.unfinished(tx, &user.subject).await?;
        let waiting =
            waiting.into_iter().rfind(|item| item.kind == Kind::Sync && item.state == State::Pending);
        let same = user.desired.as_deref() == Some(&desired.json);
        if let Some(item) = waiting.as_ref().filter(|_| same) {
            self.hurry(tx, vec![item.seq]).await?;
            return Ok((user, Some(item.seq)));
        }
        let known = user.fingerprint.as_deref() == Some(&desired.fingerprint);
        if known && waiting.is_none() && !always {
            return Ok((user, None));
        }
        let subject = user.subject.clone();
        let mut next: user::ActiveModel = user.into();
        next.desired = Set(Some(desired.json.clone()));
        next.fingerprint = Set(None);
        next.visible = Set(false);
        let user = next.update(tx).await?;
        Ok((user, Some(self.enqueue(tx, &subject, Kind::Sync).await?)))
    }

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
    /// The database failed; nothing was created.
    pub async fn create_user<T: Serialize + DeserializeOwned + Sync + Send>(
        &self,
        new: NewUser,
        desired: &Desired,
        roles: &[Entry],
        key: Option<&Idempotency>,
        outcome: impl FnOnce(&Model, i64) -> T + Send,
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
        let user = self.insert_user(&tx, new, desired.json.clone()).await?;
        self.write_entries(&tx, user.id, &[], roles).await?;
        let work = self.enqueue(&tx, &subject, Kind::Sync).await?;
        if let Some(key) = key {
            self.remember(&tx, key, &outcome(&user, work)).await?;
        }
        tx.commit().await?;
        Ok(UserCreation::Created { user, work })
    }

    /// Notes that the PDP was seen to know what was last written about the user.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_visible(&self, user: uuid::Uuid) -> Result<(), StoreError> {
        let seen = user::ActiveModel { visible: Set(true), ..Default::default() };
        user::Entity::update_many().set(seen).filter(Column::Id.eq(user)).exec(&self.db).await?;
        Ok(())
    }
}

/// The row with name and e-mail as far as they are given, and whether that changed it.
async fn update_profile(
    tx: &DatabaseTransaction,
    user: Model,
    person: NewUser,
) -> Result<(Model, bool), StoreError> {
    let name = person.name.or_else(|| user.name.clone());
    let email = person.email.or_else(|| user.email.clone());
    if user.name == name && user.email == email {
        return Ok((user, false));
    }
    let mut next: user::ActiveModel = user.into();
    next.name = Set(name);
    next.email = Set(email);
    next.updated_at = Set(now());
    Ok((next.update(tx).await?, true))
}

/// A role that an administrator gives to a user who is being created.
pub fn given(role: &str) -> Entry {
    Entry::new(role, role_assignment::Source::Manual, role_assignment::State::Giving)
}
