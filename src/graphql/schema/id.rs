//! Global ids: opaque to clients, `Type:uuid` in base64url to us, so that `node(id)` knows where to look
//! (Relay's object identification).

use std::{borrow::Cow, marker::PhantomData};

use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::bad_ids::bad_id;

/// The types that have global ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::graphql) enum NodeKind {
    Task,
    User,
}

impl NodeKind {
    pub(in crate::graphql) const ALL: [Self; 2] = [Self::Task, Self::User];

    pub(in crate::graphql) const fn type_name(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::User => "User",
        }
    }

    /// The kind whose resource is called so.
    pub(in crate::graphql) fn of(noun: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.noun() == noun)
    }

    pub(in crate::graphql) const fn noun(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::User => "user",
        }
    }
}

/// What a global id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) struct GlobalId {
    pub(in crate::graphql) kind: NodeKind,
    pub(in crate::graphql) uuid: Uuid,
}

impl GlobalId {
    /// `None` for anything that this server cannot have written.
    pub(in crate::graphql) fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (name, uuid) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        let kind = NodeKind::ALL.into_iter().find(|kind| kind.type_name() == name)?;
        let uuid = Uuid::try_parse(uuid).ok()?;
        // One object, one id: a second spelling would defeat client caches.
        (Self { kind, uuid }.encode() == text).then_some(Self { kind, uuid })
    }

    pub(in crate::graphql) fn encode(self) -> String {
        let mut uuid = Uuid::encode_buffer();
        let uuid = self.uuid.hyphenated().encode_lower(&mut uuid);
        URL_SAFE_NO_PAD.encode([self.kind.type_name(), ":", uuid].concat())
    }
}

/// An `ID` in the answer, which is encoded only where it is selected.
impl OutputType for GlobalId {
    fn type_name() -> Cow<'static, str> {
        <ID as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::String(self.encode()))
    }
}

/// The global id of a task or of a user, as an output value.
pub(super) fn global_id(kind: NodeKind, uuid: Uuid) -> ID {
    ID(GlobalId { kind, uuid }.encode())
}

/// A kind of object, as a type.
pub(super) trait Kind: Send + Sync {
    const KIND: NodeKind;
}

#[derive(Debug, Clone, Copy)]
pub(super) enum TaskKind {}
#[derive(Debug, Clone, Copy)]
pub(super) enum UserKind {}

impl Kind for TaskKind {
    const KIND: NodeKind = NodeKind::Task;
}

impl Kind for UserKind {
    const KIND: NodeKind = NodeKind::User;
}

/// An argument that must be the global id of one kind of object. In the schema it is an `ID`.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdOf<K> {
    pub(in crate::graphql) uuid: Uuid,
    kind: PhantomData<K>,
}

pub(super) type TaskId = IdOf<TaskKind>;
pub(super) type UserId = IdOf<UserKind>;

impl<K: Kind> IdOf<K> {
    /// As the client sent it.
    pub(in crate::graphql) fn text(&self) -> String {
        GlobalId { kind: K::KIND, uuid: self.uuid }.encode()
    }
}

impl<K: Kind> InputType for IdOf<K> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let text = match value {
            Some(Value::String(text)) => text,
            // The specification lets clients write an ID as a number.
            Some(Value::Number(number)) => number.to_string(),
            other => return Err(InputValueError::expected_type(other.unwrap_or_default())),
        };
        match GlobalId::decode(&text) {
            Some(GlobalId { kind, uuid }) if kind == K::KIND => Ok(Self { uuid, kind: PhantomData }),
            _ => Err(bad_id(K::KIND, text)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.text())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// What is said about something that should be the id of any object.
pub(in crate::graphql) const NO_ID: &str = "This is not an id of this API.";

/// What is said about an id that is none, or that of another type.
pub(in crate::graphql) fn not_an_id(kind: NodeKind) -> String {
    format!("This is not the id of a {}.", kind.noun())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::fuzz;

    #[test]
    fn fuzz_ids() {
        let uuid = Uuid::from_bytes([7; 16]);
        let [task, user] = [NodeKind::Task, NodeKind::User].map(|kind| GlobalId { kind, uuid }.encode());
        fuzz("ids", &[&task, &user, "VGFzazow", "Task:0"], |bytes| {
            for text in [String::from_utf8_lossy(bytes).into_owned(), URL_SAFE_NO_PAD.encode(bytes)] {
                assert!(GlobalId::decode(&text).is_none_or(|id| id.encode() == text), "{text}");
            }
        });
    }

    proptest! {
        #[test]
        fn an_id_comes_back_as_it_was(bytes: [u8; 16], task: bool) {
            let kind = if task { NodeKind::Task } else { NodeKind::User };
            let id = GlobalId { kind, uuid: Uuid::from_bytes(bytes) };
            prop_assert_eq!(GlobalId::decode(&id.encode()), Some(id));
        }

        #[test]
        fn what_decodes_is_spelled_in_one_way_only(text in ".{0,80}") {
            if let Some(id) = GlobalId::decode(&text) {
                prop_assert_eq!(id.encode(), text);
            }
        }
    }

    #[test]
    fn upper_case_and_unknown_types_are_no_ids() {
        let upper = URL_SAFE_NO_PAD.encode(format!("Task:{}", "018F3A5E-0000-7000-8000-00000000000A"));
        let unknown = URL_SAFE_NO_PAD.encode("Team:018f3a5e-0000-7000-8000-00000000000a");
        for text in [upper.as_str(), unknown.as_str(), "", "Task:1", "VGFzazo"] {
            assert_eq!(GlobalId::decode(text), None, "{text}");
        }
    }
}
