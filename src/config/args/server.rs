//! The server itself: where it listens, its limits, and what it shows.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Server")]
pub struct ServerArgs {
    /// Address and port to listen on.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:4000")]
    pub listen_addr: String,
    /// Origins of browsers that may call the API, separated by commas, for example `https://app.example.com`.
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-For` or `Forwarded` is believed, separated by commas, for example
    /// `10.0.0.0/8`.
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<String>,
    /// Points that one operation may cost; 0: no limit.
    #[arg(long, env = "MAX_OPERATION_COST", default_value_t = 20_000)]
    pub max_operation_cost: u32,
    /// Points that a subject may spend at once at this node; 0: no limit.
    #[arg(long, env = "SUBJECT_POINTS", default_value_t = 100_000)]
    pub subject_points: u32,
    /// Points that come back to a subject each second.
    #[arg(long, env = "SUBJECT_POINTS_PER_SECOND", default_value_t = 5_000)]
    pub subject_points_per_second: u32,
    /// Points that an address may spend at once at this node without a verified token; 0: no limit.
    #[arg(long, env = "ADDRESS_POINTS", default_value_t = 20_000)]
    pub address_points: u32,
    /// Points that come back to an address each second.
    #[arg(long, env = "ADDRESS_POINTS_PER_SECOND", default_value_t = 1_000)]
    pub address_points_per_second: u32,
    /// Largest request body.
    #[arg(long, env = "MAX_BODY_BYTES", default_value_t = 1024 * 1024)]
    pub max_body_bytes: usize,
    /// Longest that a client may take for its request headers.
    #[arg(long, env = "HEADER_TIMEOUT_MS", default_value_t = 10_000)]
    pub header_timeout_ms: u64,
    /// Longest that a client may take for its request body.
    #[arg(long, env = "BODY_TIMEOUT_MS", default_value_t = 10_000)]
    pub body_timeout_ms: u64,
    /// Longest that a client may take to read what it was sent; whoever does not is let go.
    #[arg(long, env = "SEND_TIMEOUT_MS", default_value_t = 10_000)]
    pub send_timeout_ms: u64,
    /// Longest that an operation may take: a query, a mutation, the opening of a subscription, and each of its events. At
    /// most 60 s.
    #[arg(long, env = "OPERATION_TIMEOUT_MS", default_value_t = 30_000)]
    pub operation_timeout_ms: u64,
    /// Longest that a WebSocket may stay open before its `connection_init`.
    #[arg(long, env = "WS_INIT_TIMEOUT_MS", default_value_t = 3_000)]
    pub ws_init_timeout_ms: u64,
    /// Pause between two signs of life: a ping on a WebSocket, which ends when nothing comes back before the next, and
    /// a comment in an event stream.
    #[arg(long, env = "WS_KEEP_ALIVE_MS", default_value_t = 20_000)]
    pub ws_keep_alive_ms: u64,
    /// Operations in flight on one WebSocket.
    #[arg(long, env = "MAX_SUBSCRIPTIONS_PER_SOCKET", default_value_t = 32)]
    pub max_subscriptions_per_socket: usize,
    /// Open subscriptions of one subject at this node, over all their connections.
    #[arg(long, env = "MAX_SUBSCRIPTIONS_PER_SUBJECT", default_value_t = 100)]
    pub max_subscriptions_per_subject: usize,
    /// Connections that are served at the same time; a WebSocket is one.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: usize,
    /// How long requests are still taken after the signal to stop, while `/ready` says no: for load balancers.
    #[arg(long, env = "SHUTDOWN_DELAY_MS", default_value_t = 0)]
    pub shutdown_delay_ms: u64,
    /// How long running requests may go on after that.
    #[arg(long, env = "SHUTDOWN_GRACE_MS", default_value_t = 10_000)]
    pub shutdown_grace_ms: u64,
    /// How long the log of decisions keeps each of them; 0: there is no log, and an earlier one is erased.
    #[arg(long, env = "DECISION_LOG_RETENTION_MS", default_value_t = 604_800_000)]
    pub decision_log_retention_ms: u64,
    /// What becomes of documents that are not in `TRUSTED_DOCUMENTS_FILE`: off, log or enforce.
    #[arg(long, env = "TRUSTED_DOCUMENTS", default_value = "off")]
    pub trusted_documents: String,
    /// The documents of our own clients: Apollo's manifest, or an object of ids and documents as the Relay compiler and
    /// graphql-codegen write it.
    #[arg(long, env = "TRUSTED_DOCUMENTS_FILE")]
    pub trusted_documents_file: Option<PathBuf>,
    /// How much is remembered of documents that clients send once and then call by their hash; 0: nothing.
    #[arg(long, env = "PERSISTED_QUERIES_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub persisted_queries_bytes: u64,
    /// Whether clients may read the schema by introspection.
    #[arg(long, env = "INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub introspection: bool,
    /// Whether answers carry the receipt `extensions.authz`.
    #[arg(long, env = "RECEIPT", default_value_t = true, action = clap::ArgAction::Set)]
    pub receipt: bool,
    /// Whether the GraphiQL console is served at `/`. On in the sandbox, off else.
    #[arg(long, env = "CONSOLE", action = clap::ArgAction::Set)]
    pub console: Option<bool>,
    /// Where the console's persona menu gets tokens; set by the sandbox.
    #[arg(long, env = "CONSOLE_TOKEN_URL")]
    pub console_token_url: Option<String>,
    /// Log lines as JSON.
    #[arg(long, env = "LOG_JSON", default_value_t = false, action = clap::ArgAction::Set)]
    pub log_json: bool,
}
