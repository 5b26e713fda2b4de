//! Creates that may be repeated: the outcome is stored in the same transaction as the row and returned again.

use entity::idempotency_key::{self, Column, Entity};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    QueryFilter as _,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{StoreError, TenantStore, now};

/// How long an outcome is kept, in microseconds: 24 hours.
const KEPT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Names one create. Unique per tenant, subject and mutation.
#[derive(Debug, Clone)]
pub struct Idempotency {
    pub subject: String,
    pub mutation: &'static str,
    /// As the client sent it.
    pub key: String,
    /// Of everything that the outcome depends on, hexadecimal SHA-256.
    pub input_hash: String,
}

/// The key was used with another input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyReused;

/// What is known about a key.
pub(super) enum Remembered<T> {
    Nothing,
    OtherInput,
    Outcome(T),
}

impl TenantStore {
    pub(super) async fn recall<T, C>(&self, db: &C, asked: &Idempotency) -> Result<Remembered<T>, StoreError>
    where
        T: DeserializeOwned,
        C: ConnectionTrait,
    {
        let row = Entity::find()
            .filter(Column::TenantId.eq(&*self.tenant))
            .filter(Column::Subject.eq(&asked.subject))
            .filter(Column::Mutation.eq(asked.mutation))
            .filter(Column::Key.eq(&asked.key))
            .filter(Column::CreatedAt.gt(now() - KEPT_MICROS))
            .one(db)
            .await?;
        match row {
            None => Ok(Remembered::Nothing),
            Some(row) if row.input_hash != asked.input_hash => Ok(Remembered::OtherInput),
            Some(row) => {
                serde_json::from_str(&row.outcome).map(Remembered::Outcome).map_err(StoreError::Outcome)
            }
        }
    }

    /// Stores the outcome and forgets the expired ones of every tenant.
    pub(super) async fn remember<T, C>(
        &self,
        db: &C,
        asked: &Idempotency,
        outcome: &T,
    ) -> Result<(), StoreError>
    where
        T: Serialize + Sync,
        C: ConnectionTrait,
    {
        let at = now();
        Entity::delete_many().filter(Column::CreatedAt.lte(at - KEPT_MICROS)).exec(db).await?;
        let row = idempotency_key::ActiveModel {
            tenant_id: Set(self.tenant.to_string()),
            subject: Set(asked.subject.clone()),
            mutation: Set(asked.mutation.to_owned()),
            key: Set(asked.key.clone()),
            input_hash: Set(asked.input_hash.clone()),
            outcome: Set(serde_json::to_string(outcome).map_err(StoreError::Outcome)?),
            created_at: Set(at),
        };
        row.insert(db).await?;
        Ok(())
    }
}
