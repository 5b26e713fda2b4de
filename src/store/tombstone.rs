//! Who was removed from which tenant.

use std::{collections::HashSet, sync::Arc};

use entity::tombstone::{Column, Entity, Model};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, TenantStore};

/// People who are asked about with one statement.
const PEOPLE_AT_ONCE: usize = 500;

/// Somebody in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    pub tenant: Arc<str>,
    pub subject: Arc<str>,
}

impl From<Model> for Person {
    fn from(stone: Model) -> Self {
        Self { tenant: stone.tenant_id.into(), subject: stone.subject.into() }
    }
}

impl Store {
    /// Those of `people` who were removed from their tenant; asked for all of them together.
    ///
    /// # Errors
    /// The database failed.
    pub async fn removed_among(&self, people: &HashSet<Person>) -> Result<HashSet<Person>, StoreError> {
        let asked: Vec<&Person> = people.iter().collect();
        let mut removed = HashSet::new();
        for asked in asked.chunks(PEOPLE_AT_ONCE) {
            let tenants: HashSet<&str> = asked.iter().map(|person| &*person.tenant).collect();
            let stones = Entity::find()
                .filter(Column::TenantId.is_in(tenants))
                .filter(Column::Subject.is_in(asked.iter().map(|person| &*person.subject)));
            removed.extend(stones.all(&self.db).await?.into_iter().map(Person::from));
        }
        // A subject may have been removed from the tenant of somebody else among them.
        removed.retain(|person| people.contains(person));
        Ok(removed)
    }
}

impl TenantStore {
    /// Whether `subject` was removed from this tenant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_removed(&self, subject: &str) -> Result<bool, StoreError> {
        Ok(self.tombstone_of(&self.db, subject).await?.is_some())
    }

    pub(super) async fn tombstone_of(
        &self,
        db: &impl ConnectionTrait,
        subject: &str,
    ) -> Result<Option<Model>, StoreError> {
        Ok(Entity::find_by_id((self.tenant.to_string(), subject.to_owned())).one(db).await?)
    }

    pub(super) async fn lift_tombstone(
        &self,
        tx: &DatabaseTransaction,
        subject: &str,
    ) -> Result<(), StoreError> {
        let identity = (self.tenant.to_string(), subject.to_owned());
        Entity::delete_by_id(identity).exec(tx).await?;
        Ok(())
    }
}
