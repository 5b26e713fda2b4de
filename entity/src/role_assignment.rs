//! Our copy of which role a user holds in a tenant, as written by `login` and the role mutations.

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

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
