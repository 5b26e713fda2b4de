//! Users who sign in. What Permit has to know about them goes into the outbox in the same transaction.

use entity::{
    outbox::{Kind, State},
    user::{self, Column, Model},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};

use super::{NewUser, StoreError, TenantStore, commit, now};

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

impl TenantStore {
    /// Finds or creates the row of a person who signs in, keeps name and e-mail as given, and asks for Permit to be
    /// told if it knows something else, if something is unfinished, or if `always`.
    ///
    /// Several sign-ins of one person at once end in one row and wait for one item.
    ///
    /// # Errors
    /// The database failed; nothing was written, unless it is [in doubt](StoreError::InDoubt).
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
        commit(tx).await?;
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

    /// Notes that the PDP was seen to know what was last written about the user; false if that changed since `user`
    /// was read.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_visible(&self, user: &Model) -> Result<bool, StoreError> {
        let seen = user::ActiveModel { visible: Set(true), ..Default::default() };
        let unchanged = user::Entity::update_many()
            .set(seen)
            .filter(Column::Id.eq(user.id))
            .filter(Column::SyncedAt.eq(user.synced_at))
            .exec(&self.db)
            .await?;
        self.tell_permissions(&user.subject).await;
        Ok(unchanged.rows_affected > 0)
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
