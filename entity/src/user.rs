//! A person in one tenant. The same subject in two tenants is two rows.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: String,
    /// `sub` of the access token.
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// Of the profile and roles last written to Permit; `None` until a login succeeded completely.
    pub fingerprint: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

// By hand: names and e-mail addresses must not reach a log line.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("user::Model").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
