//! Users of a tenant. The same subject in two tenants is two rows.

use entity::user::{self, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Select,
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    Idempotency, KeyReused, Page, PageRequest, Position, Role, SortValue, StoreError, TenantStore,
    idempotency::Remembered,
    now,
    page::{Keyset, page},
};

/// A user to be created.
#[derive(Clone)]
pub struct NewUser {
    /// `sub` of the tokens this person will present.
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// How a creation ended.
#[derive(Debug)]
pub enum UserCreation {
    Created(Model),
    /// This tenant has the subject already.
    Taken,
}

/// What a sign-in found and wrote.
#[derive(Debug)]
pub struct SignIn {
    pub user: Model,
    /// The user was not known in this tenant before.
    pub created: bool,
    /// Name or e-mail differ from before.
    pub changed: bool,
}

/// Newest first.
const ORDER: Keyset<Column> = Keyset { column: Column::CreatedAt, id: Column::Id, descending: true };

impl TenantStore {
    fn users(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(&*self.tenant))
    }

    /// Where `user` stands in the list of users.
    pub fn user_position(user: &Model) -> Position {
        Position { value: SortValue::Instant(user.created_at), id: user.id }
    }

    /// The user `id`, if this tenant has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_user(&self, id: Uuid) -> Result<Option<Model>, StoreError> {
        Ok(self.users().filter(Column::Id.eq(id)).one(&self.db).await?)
    }

    /// Those of `ids` that this tenant has, in no order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_users(&self, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(self.users().filter(Column::Id.is_in(ids)).all(&self.db).await?)
    }

    /// The user whose tokens carry `subject`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn user_of(&self, subject: &str) -> Result<Option<Model>, StoreError> {
        Ok(self.users().filter(Column::Subject.eq(subject)).one(&self.db).await?)
    }

    /// One page of the users whose name has `name_contains` in it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_users(
        &self,
        name_contains: Option<&str>,
        request: &PageRequest,
    ) -> Result<Page<Model>, StoreError> {
        page(&self.db, self.named(name_contains), ORDER, request).await
    }

    /// How many users have `name_contains` in their name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_users(&self, name_contains: Option<&str>) -> Result<u64, StoreError> {
        Ok(self.named(name_contains).count(&self.db).await?)
    }

    fn named(&self, part: Option<&str>) -> Select<Entity> {
        match part {
            Some(part) => self.users().filter(self.contains(Column::Name, part)),
            None => self.users(),
        }
    }

    pub(super) async fn is_member(
        &self,
        db: &impl ConnectionTrait,
        id: Option<Uuid>,
    ) -> Result<bool, StoreError> {
        let Some(id) = id else { return Ok(true) };
        Ok(self.users().filter(Column::Id.eq(id)).count(db).await? > 0)
    }

    /// Whether a tenant other than this one has `subject`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_known_elsewhere(&self, subject: &str) -> Result<bool, StoreError> {
        let elsewhere =
            Entity::find().filter(Column::Subject.eq(subject)).filter(Column::TenantId.ne(&*self.tenant));
        Ok(elsewhere.count(&self.db).await? > 0)
    }

    /// Finds or creates the row of a person who signs in, and keeps name and e-mail as given. Several sign-ins
    /// of one new person at once end in one row.
    ///
    /// # Errors
    /// The database failed; nothing was written.
    pub async fn sign_in(&self, person: NewUser) -> Result<SignIn, StoreError> {
        match self.try_sign_in(person.clone()).await {
            Err(StoreError::Duplicate(_)) => self.try_sign_in(person).await,
            outcome => outcome,
        }
    }

    async fn try_sign_in(&self, person: NewUser) -> Result<SignIn, StoreError> {
        let tx = self.begin().await?;
        let known =
            self.users().filter(Column::Subject.eq(&person.subject)).lock_exclusive().one(&tx).await?;
        let (user, created, changed) = match known {
            None => (self.insert_user(&tx, person).await?, true, true),
            Some(user) if user.name == person.name && user.email == person.email => (user, false, false),
            Some(user) => {
                let mut next: user::ActiveModel = user.into();
                next.name = Set(person.name);
                next.email = Set(person.email);
                next.updated_at = Set(now());
                (next.update(&tx).await?, false, true)
            }
        };
        tx.commit().await?;
        Ok(SignIn { user, created, changed })
    }

    async fn insert_user(&self, db: &impl ConnectionTrait, new: NewUser) -> Result<Model, StoreError> {
        let at = now();
        let user = user::ActiveModel {
            id: Set(Uuid::now_v7()),
            tenant_id: Set(self.tenant.to_string()),
            subject: Set(new.subject),
            name: Set(new.name),
            email: Set(new.email),
            fingerprint: Set(None),
            created_at: Set(at),
            updated_at: Set(at),
        };
        Ok(user.insert(db).await?)
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

    /// Creates a user with `roles`; `outcome` makes of the row what is stored under `key`.
    ///
    /// # Errors
    /// The database failed; nothing was created.
    pub async fn create_user<T: Serialize + Sync>(
        &self,
        new: NewUser,
        roles: &[Role],
        key: Option<&Idempotency>,
        outcome: impl FnOnce(&Model) -> T + Send,
    ) -> Result<UserCreation, StoreError> {
        let tx = self.begin().await?;
        let user = match self.insert_user(&tx, new).await {
            Err(StoreError::Duplicate(_)) => return Ok(UserCreation::Taken),
            inserted => inserted?,
        };
        self.add_roles(&tx, user.id, roles).await?;
        if let Some(key) = key {
            self.remember(&tx, key, &outcome(&user)).await?;
        }
        tx.commit().await?;
        Ok(UserCreation::Created(user))
    }

    /// Notes what was last written to Permit for this user.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_fingerprint(&self, id: Uuid, fingerprint: Option<String>) -> Result<(), StoreError> {
        let user = user::ActiveModel { fingerprint: Set(fingerprint), ..Default::default() };
        Entity::update_many()
            .set(user)
            .filter(Column::TenantId.eq(&*self.tenant))
            .filter(Column::Id.eq(id))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Removes the row; tasks stay, without owner or assignee.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_user(&self, id: Uuid) -> Result<(), StoreError> {
        Entity::delete_many()
            .filter(Column::TenantId.eq(&*self.tenant))
            .filter(Column::Id.eq(id))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}
