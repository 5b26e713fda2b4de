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
    /// JSON of what Permit has to know about this person: profile and roles of the last token.
    pub desired: Option<String>,
    /// Of `desired`, once everything in it was carried out; `None` while something is left to do.
    pub fingerprint: Option<String>,
    /// When the roles of a token were carried out for the first time.
    pub first_login_at: Option<i64>,
    /// When Permit was last brought in step.
    pub synced_at: Option<i64>,
    /// The PDP was seen to know what was last written.
    pub visible: bool,
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
