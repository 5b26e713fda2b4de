//! The ledger: which role a user holds in a tenant, where it came from, and what is still to be done about it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role_assignments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// Key of the role, spelled as in Permit.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    pub tenant_id: String,
    pub source: Source,
    pub state: State,
    /// The last token that was looked at named the role.
    pub in_token: bool,
    pub token_seen_at: Option<i64>,
    pub permit_seen_at: Option<i64>,
    pub created_at: i64,
}

/// Who gave the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Source {
    /// The roles claim of a token.
    #[sea_orm(string_value = "IDP")]
    Idp,
    /// A person, through this API or in Permit.
    #[sea_orm(string_value = "MANUAL")]
    Manual,
}

/// What is the case, or is to become so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum State {
    /// Written down before Permit is told, so that after a crash the assignment is known to be ours.
    #[sea_orm(string_value = "GIVING")]
    Giving,
    #[sea_orm(string_value = "HELD")]
    Held,
    /// Written down before Permit is told.
    #[sea_orm(string_value = "TAKING")]
    Taking,
    /// Taken away by a person while the token names it: it stays away.
    #[sea_orm(string_value = "REVOKED")]
    Revoked,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
