//! What is known of a document before anything is executed: that it keeps the [`limits`], what it [`cost`]s, how many
//! permissions it will certainly ask about ([`budget`]), its [`variables`] as the specification coerces them, the fields
//! at its root, each once ([`roots`]), and the mistakes that the library overlooks ([`validation`]). Documents that come as an argument have a [`validator`].

pub(super) mod budget;
pub(super) mod cost;
pub(super) mod limits;
pub(super) mod roots;
pub(super) mod type_lookup;
pub(super) mod validation;
pub(super) mod validator;
pub(super) mod variables;
