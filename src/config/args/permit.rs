//! Whether they may: the PDP, Permit's REST API, and how users and roles get there.

use clap::{Args as ClapArgs, ValueEnum};
use secrecy::SecretString;

use crate::sync::RolePolicy;

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Permit")]
pub struct PermitArgs {
    /// Key of a Permit environment. Give it as an environment variable: flags are visible to other processes.
    #[arg(long, env = "PERMIT_API_KEY", hide_env_values = true)]
    pub permit_api_key: Option<SecretString>,
    /// Where decisions come from, for example `http://127.0.0.1:7766`.
    #[arg(long, env = "PERMIT_PDP_URL")]
    pub permit_pdp_url: Option<String>,
    /// Permit's REST API.
    #[arg(long, env = "PERMIT_API_URL", default_value = crate::permit::Config::API_URL)]
    pub permit_api_url: String,
    /// Longest wait for a connection to the PDP or the REST API.
    #[arg(long, env = "PERMIT_CONNECT_TIMEOUT_MS", default_value_t = 1_000)]
    pub permit_connect_timeout_ms: u64,
    /// Longest wait for an answer of the PDP; a later one is no decision.
    #[arg(long, env = "PERMIT_ANSWER_TIMEOUT_MS", default_value_t = 2_000)]
    pub permit_answer_timeout_ms: u64,
    /// Longest wait for an answer of the REST API.
    #[arg(long, env = "PERMIT_API_TIMEOUT_MS", default_value_t = 5_000)]
    pub permit_api_timeout_ms: u64,
    /// Whether users and roles are written through the PDP, which then tells when it knows them: `auto`, `on`, `off`.
    #[arg(long, env = "PERMIT_FACTS_PROXY", default_value = "auto")]
    pub permit_facts_proxy: String,
    /// How long such a write waits for the PDP to know it, beside the time for the REST API.
    #[arg(long, env = "PERMIT_FACTS_WAIT_MS", default_value_t = 5_000)]
    pub permit_facts_wait_ms: u64,
    /// Writes to the REST API in a minute, deletes among them. Permit admits 300 to an environment; leave the others some.
    #[arg(long, env = "PERMIT_WRITES_PER_MINUTE", default_value_t = crate::permit::Config::WRITES_PER_MINUTE.get())]
    pub permit_writes_per_minute: u32,
    /// Deletes in a minute. Permit admits 60.
    #[arg(long, env = "PERMIT_DELETES_PER_MINUTE", default_value_t = crate::permit::Config::DELETES_PER_MINUTE.get())]
    pub permit_deletes_per_minute: u32,
    /// Changes of the policy in a minute, for `taskgate policy`. Permit admits 40.
    #[arg(long, env = "PERMIT_SCHEMA_WRITES_PER_MINUTE", default_value_t = crate::permit::Config::SCHEMA_WRITES_PER_MINUTE.get())]
    pub permit_schema_writes_per_minute: u32,
    /// How old what somebody was found to hold may be when it is used for reads; 0: every operation asks. Writes always
    /// ask.
    #[arg(long, env = "PERMIT_DECISION_TTL", default_value_t = 0)]
    pub permit_decision_ttl: u64,
    /// Whether a task's owner and assignee hold permissions on it by attribute rules of Permit, which needs a PDP that
    /// has them. Owner and assignee come from this server's database; no task is copied to Permit.
    #[arg(long, env = "OBJECT_RULES", default_value_t = false, action = clap::ArgAction::Set)]
    pub object_rules: bool,
    /// Longest that a login, or a change of users or roles, waits for Permit; what is not done then is done later.
    #[arg(long, env = "LOGIN_DEADLINE_MS", default_value_t = 5_000)]
    pub login_deadline_ms: u64,
    /// Whose word counts when the roles of a token and of Permit disagree.
    #[arg(long, env = "ROLE_POLICY", value_enum, default_value_t = RolePolicyArg::Merge)]
    pub role_policy: RolePolicyArg,
    /// Whether an organization that Permit does not know becomes a tenant there at its first login.
    #[arg(long, env = "CREATE_TENANTS", default_value_t = false, action = clap::ArgAction::Set)]
    pub create_tenants: bool,
    /// Whether an e-mail address that Auth0 has not verified is copied to Permit: it could be anybody's.
    #[arg(long, env = "COPY_UNVERIFIED_EMAIL", default_value_t = false, action = clap::ArgAction::Set)]
    pub copy_unverified_email: bool,
    /// How often it is asked again what those who are subscribed may do.
    #[arg(long, env = "PERMISSION_RECHECK_INTERVAL", default_value_t = 10_000)]
    pub permission_recheck_interval: u64,
    /// Age at which something that Permit or Auth0 still refuses waits for `taskgate sync replay --dead`.
    #[arg(long, env = "SYNC_GIVE_UP_AFTER_MS", default_value_t = 86_400_000)]
    pub sync_give_up_after_ms: u64,
    /// Time until another node, or this one after a restart, takes over what a node was doing that died.
    #[arg(long, env = "SYNC_LEASE_MS", default_value_t = 30_000)]
    pub sync_lease_ms: u64,
}

/// [`RolePolicy`], as it is written in the setting.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolePolicyArg {
    /// A user holds exactly the roles of the token.
    IdpWins,
    /// A role is given the first time a token names it; from then on only Permit counts.
    PermitWins,
    /// Roles of the token follow the token; what a person gave or took away in Permit stays.
    Merge,
    /// The roles of the first token are given; later tokens change nothing.
    FirstLoginOnly,
}

impl From<RolePolicyArg> for RolePolicy {
    fn from(policy: RolePolicyArg) -> Self {
        match policy {
            RolePolicyArg::IdpWins => Self::IdpWins,
            RolePolicyArg::PermitWins => Self::PermitWins,
            RolePolicyArg::Merge => Self::Merge,
            RolePolicyArg::FirstLoginOnly => Self::FirstLoginOnly,
        }
    }
}
