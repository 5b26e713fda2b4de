//! What clients see: the roots, and one file for each thing that can be read or written. What the types have in common
//! is here too: ids ([`id`]), pages ([`connection`]), what people type ([`input`]) and what they did wrong with it
//! ([`user_error`]).

pub(super) mod api_info;
pub(super) mod bad_ids;
pub(super) mod connection;
pub(super) mod decision_log;
pub(super) mod explain;
pub(super) mod id;
pub(super) mod input;
pub(super) mod login;
pub(super) mod node;
pub(super) mod permission;
pub(super) mod rate_limit;
pub(super) mod requirements;
pub(super) mod subscription;
pub(super) mod sync_status;
pub(super) mod task;
pub(super) mod user;
pub(super) mod user_error;
pub(super) mod viewer;

use async_graphql::{MergedObject, SDLExportOptions, Schema, registry::Registry};

use self::subscription::Subscription;
use super::authorization::{describe::Described, rules};

/// Reading.
#[derive(MergedObject, Default)]
pub(super) struct Query(
    api_info::ApiInfoQuery,
    viewer::ViewerQuery,
    node::NodeQuery,
    task::TaskQuery,
    user::UserQuery,
    permission::PermissionQuery,
    requirements::RequirementQuery,
    decision_log::DecisionLogQuery,
    explain::ExplainQuery,
    rate_limit::RateLimitQuery,
);

/// Writing. Fields run one after another, and each is decided afresh.
#[derive(MergedObject, Default)]
pub(super) struct Mutation(login::LoginMutation, task::TaskMutation, user::UserMutation);

pub(super) type ApiSchema = Schema<Described<Query>, Described<Mutation>, Described<Subscription>>;

/// The schema in the schema definition language, without a server to serve it.
pub fn sdl() -> String {
    printed(&Schema::new(
        Described(Query::default()),
        Described(Mutation::default()),
        Described(Subscription),
    ))
}

/// The types of the schema.
pub(super) fn types() -> Registry {
    rules::registry::<Described<Query>, Described<Mutation>, Described<Subscription>>()
}

/// With the addresses of the scalars' specifications, which code generators go by.
pub(super) fn printed(schema: &ApiSchema) -> String {
    schema.sdl_with_options(SDLExportOptions::new().include_specified_by())
}
