//! What is still to be told to Permit and Auth0. An item is written in the transaction of the change that it is
//! about, and carried out by whoever leases it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The order of the items of one subject.
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub tenant_id: String,
    pub subject: String,
    pub kind: Kind,
    pub state: State,
    /// Attempts that failed.
    pub attempts: i32,
    /// Not before this time.
    pub due_at: i64,
    /// Names the lease of whoever carries it out.
    pub lease: Option<Uuid>,
    pub leased_until: Option<i64>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    /// Code of what went wrong at the last attempt.
    pub cause: Option<String>,
    /// JSON of what was done.
    pub report: Option<String>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Kind {
    /// Bring Permit in step with a user's desired profile and with the ledger of their roles.
    #[sea_orm(string_value = "SYNC")]
    Sync,
    /// Remove a user from Permit, or from one tenant of it.
    #[sea_orm(string_value = "REMOVE")]
    Remove,
    /// Remove the account at Auth0.
    #[sea_orm(string_value = "ACCOUNT")]
    Account,
}

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum State {
    #[sea_orm(string_value = "PENDING")]
    Pending,
    #[sea_orm(string_value = "DONE")]
    Done,
    /// Given up after too long; waits for an operator.
    #[sea_orm(string_value = "DEAD")]
    Dead,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
