//! What a client's build tools and this server tell each other: the documents of a client read without a server
//! ([`reader`]), those that a server is told to [`trust`](trusted), and its permissions as types ([`typescript`]).

pub(super) mod reader;
pub(super) mod trusted;
pub(super) mod typescript;
