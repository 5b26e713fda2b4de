//! What a worker reads before it brings Permit in step with a user, and writes afterwards; and the changes of roles
//! that give it something to do.

use entity::{
    outbox::{self, Kind},
    role_assignment::{Source, State},
    user::{self, Column, Model},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};

use super::{ADMIN, Entry, LastAdmin, StoreError, TenantStore, commit, now};

/// A user as they are to become in Permit.
#[derive(Debug, Clone)]
pub struct SyncState {
    pub user: Model,
    pub ledger: Vec<Entry>,
    /// The newest item that this state serves.
    last: i64,
}

/// What became of one entry of the ledger.
#[derive(Debug, Clone)]
pub struct Settled {
    pub role: String,
    /// The state that was carried out; an entry that is in another one by now is left alone.
    pub from: State,
    /// `None`: the entry goes.
    pub to: Option<State>,
}

/// The end of a synchronisation.
#[derive(Debug, Clone)]
pub struct SyncEnd {
    pub settled: Vec<Settled>,
    /// Everything desired is the case; `None` while something could not be done.
    pub fingerprint: Option<String>,
    /// The roles of a token were carried out.
    pub with_token: bool,
    /// The PDP is known to know it.
    pub visible: bool,
    /// JSON for whoever waits.
    pub report: String,
}

impl TenantStore {
    /// What is to be brought about for `subject`; `None` if they are not in this tenant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sync_state(&self, subject: &str) -> Result<Option<SyncState>, StoreError> {
        let tx = self.begin_for(subject).await?;
        let Some(user) = self.users().filter(Column::Subject.eq(subject)).one(&tx).await? else {
            return Ok(None);
        };
        let items = self.unfinished(&tx, subject).await?;
        let last = items.iter().filter(|item| item.kind == Kind::Sync).map(|item| item.seq).max();
        let ledger = self.entries(&tx, user.id).await?;
        Ok(Some(SyncState { user, ledger, last: last.unwrap_or_default() }))
    }

    /// Replaces what the ledger says about a user by what `change` makes of it.
    ///
    /// # Errors
    /// The database failed; the ledger is as before.
    pub async fn change_ledger(
        &self,
        user: &Model,
        change: impl FnOnce(&[Entry]) -> Vec<Entry> + Send,
    ) -> Result<Vec<Entry>, StoreError> {
        let tx = self.begin_for(&user.subject).await?;
        let before = self.entries(&tx, user.id).await?;
        let next = change(&before);
        self.write_entries(&tx, user.id, &before, &next).await?;
        commit(tx).await?;
        Ok(next)
    }

    /// Notes what was carried out, while the rest is still to do.
    ///
    /// # Errors
    /// The database failed; carrying it out once more is harmless.
    pub async fn settle(&self, user: &Model, settled: &[Settled]) -> Result<(), StoreError> {
        self.change_ledger(user, |before| after(before, settled)).await?;
        self.tell_permissions(&user.subject).await;
        Ok(())
    }

    /// Notes what was carried out, and finishes every item that `state` serves.
    ///
    /// # Errors
    /// The database failed; carrying it out once more is harmless.
    pub async fn complete_sync(&self, state: &SyncState, end: SyncEnd) -> Result<(), StoreError> {
        let subject = &state.user.subject;
        let tx = self.begin_for(subject).await?;
        if let Some(user) = self.users().filter(Column::Id.eq(state.user.id)).one(&tx).await? {
            let before = self.entries(&tx, user.id).await?;
            self.write_entries(&tx, user.id, &before, &after(&before, &end.settled)).await?;
            // A newer login has its own item, which brings about what it desires.
            let current = user.desired == state.user.desired;
            let first = user.first_login_at;
            let mut next: user::ActiveModel = user.into();
            if current {
                next.fingerprint = Set(end.fingerprint);
            }
            next.visible = Set(end.visible);
            next.synced_at = Set(Some(now()));
            next.first_login_at = Set(first.or_else(|| end.with_token.then(now)));
            next.update(&tx).await?;
        }
        self.finish_up_to(&tx, subject, Kind::Sync, state.last, &end.report).await?;
        self.commit_permissions(tx, subject).await
    }

    /// Forgets that Permit is in step with the user: somebody changed it behind our back.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_sync(&self, user: &Model) -> Result<(), StoreError> {
        let stale = user::ActiveModel { fingerprint: Set(None), ..Default::default() };
        user::Entity::update_many().set(stale).filter(Column::Id.eq(user.id)).exec(&self.db).await?;
        Ok(())
    }

    /// Gives a role to a user; the item that tells Permit, or `None` if the user was removed meanwhile.
    ///
    /// # Errors
    /// The database failed; nothing was changed, unless it is [in doubt](StoreError::InDoubt).
    pub async fn give_role(&self, user: &Model, role: &str) -> Result<Option<i64>, StoreError> {
        let tx = self.begin_for(&user.subject).await?;
        if !self.is_member(&tx, Some(user.id)).await? {
            return Ok(None);
        }
        self.order(&tx, user, role, State::Giving).await?;
        let work = self.enqueue(&tx, &user.subject, Kind::Sync).await?;
        commit(tx).await?;
        Ok(Some(work))
    }

    /// Takes a role from a user, unless nobody else is an administrator; the item that tells Permit, or `None` if the
    /// user was removed meanwhile.
    ///
    /// # Errors
    /// The database failed; nothing was changed, unless it is [in doubt](StoreError::InDoubt).
    pub async fn take_role(
        &self,
        user: &Model,
        role: &str,
    ) -> Result<Result<Option<i64>, LastAdmin>, StoreError> {
        let tx = self.begin_for(&user.subject).await?;
        if !self.is_member(&tx, Some(user.id)).await? {
            return Ok(Ok(None));
        }
        if role == ADMIN && self.is_last_admin(&tx, user.id).await? {
            return Ok(Err(LastAdmin));
        }
        self.order(&tx, user, role, State::Taking).await?;
        let work = self.enqueue(&tx, &user.subject, Kind::Sync).await?;
        commit(tx).await?;
        Ok(Ok(Some(work)))
    }

    /// Writes down that a person wants `role` in `state`.
    async fn order(
        &self,
        tx: &DatabaseTransaction,
        user: &Model,
        role: &str,
        state: State,
    ) -> Result<(), StoreError> {
        let before = self.entries(tx, user.id).await?;
        let mut next = before.clone();
        let known = next.iter_mut().find(|entry| entry.role == role);
        match known {
            Some(entry) => (entry.state, entry.source) = (state, Source::Manual),
            None => next.push(Entry::new(role, Source::Manual, state)),
        }
        self.write_entries(tx, user.id, &before, &next).await
    }

    /// The unfinished items of a user, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn unfinished_of(&self, subject: &str) -> Result<Vec<outbox::Model>, StoreError> {
        self.unfinished(&self.db, subject).await
    }
}

fn after(before: &[Entry], settled: &[Settled]) -> Vec<Entry> {
    let at = now();
    let apply = |entry: &Entry| {
        let end = settled.iter().find(|end| end.role == entry.role && end.from == entry.state);
        match end.map(|end| end.to) {
            None => Some(entry.clone()),
            Some(None) => None,
            Some(Some(state)) => {
                let seen = if state == State::Held { Some(at) } else { entry.permit_seen_at };
                Some(Entry { state, permit_seen_at: seen, ..entry.clone() })
            }
        }
    };
    before.iter().filter_map(apply).collect()
}
