//! What the decision point said, and why it was asked.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decisions")]
pub struct Model {
    /// Version 7; the `decisionId` of the refusal, if it was one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub tenant_id: String,
    /// Whom it was about.
    pub subject: String,
    pub resource: String,
    pub action: String,
    /// Key of the instance, if the question was about one.
    pub key: Option<String>,
    pub allowed: bool,
    /// Code of the reason of a denial.
    pub reason: Option<String>,
    pub request_id: String,
    /// 32 hexadecimal digits, if the request was part of a trace.
    pub trace_id: Option<String>,
    /// Who asked, if it was somebody else.
    pub asked_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
