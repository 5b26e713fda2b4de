//! The conditions of a set: comparisons of attributes, joined by `allOf`, `anyOf` and `not`.
//!
//! ```json
//! {"allOf": [{"allOf": [{"resource.owner": {"equals": {"ref": "user.key"}}}]}]}
//! ```
//!
//! They are understood when they are written: what this stand-in cannot evaluate is refused and not kept. A comparison
//! with an attribute that is not there does not hold, whatever the operator; only `not` turns that round.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::operator::Operator;

/// Conditions as they were sent, and what they mean.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub(super) struct Conditions {
    source: Value,
    tree: Condition,
}

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare { attribute: Attribute, operator: Operator, operand: Operand },
}

#[derive(Debug, Clone)]
enum Operand {
    Literal(Value),
    Ref(Attribute),
}

/// An attribute of the user or of the resource, such as `user.key`.
#[derive(Debug, Clone)]
struct Attribute {
    of: Of,
    name: String,
}

#[derive(Debug, Clone, Copy)]
enum Of {
    User,
    Resource,
}

/// What one check says, and what is stored about its user.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) user: Map<String, Value>,
    pub(super) resource: Map<String, Value>,
}

impl Conditions {
    pub(super) fn hold(&self, known: &Known) -> bool {
        self.tree.holds(known)
    }
}

/// No condition, which always holds.
impl Default for Conditions {
    fn default() -> Self {
        Self { source: Value::Object(Map::new()), tree: Condition::All(Vec::new()) }
    }
}

impl TryFrom<Value> for Conditions {
    type Error = String;

    fn try_from(source: Value) -> Result<Self, String> {
        let tree = Condition::read(&source)?;
        Ok(Self { source, tree })
    }
}

impl From<Conditions> for Value {
    fn from(conditions: Conditions) -> Self {
        conditions.source
    }
}

impl Condition {
    fn read(source: &Value) -> Result<Self, String> {
        let members = source.as_object().ok_or("a condition is an object")?;
        let all = members.iter().map(|(name, value)| Self::read_member(name, value));
        all.collect::<Result<_, _>>().map(Self::All)
    }

    fn read_member(name: &str, value: &Value) -> Result<Self, String> {
        match name {
            "allOf" => Self::read_list(name, value).map(Self::All),
            "anyOf" => Self::read_list(name, value).map(Self::Any),
            "not" => Ok(Self::Not(Box::new(Self::read(value)?))),
            attribute => Self::read_comparisons(&Attribute::read(attribute)?, value),
        }
    }

    fn read_list(name: &str, value: &Value) -> Result<Vec<Self>, String> {
        let list = value.as_array().ok_or_else(|| format!("'{name}' is a list"))?;
        list.iter().map(Self::read).collect()
    }

    fn read_comparisons(attribute: &Attribute, value: &Value) -> Result<Self, String> {
        let comparisons = value.as_object().ok_or("an attribute is compared by an object of operators")?;
        let read = comparisons.iter().map(|(operator, operand)| {
            let operator = serde_json::from_value(Value::from(operator.as_str()))
                .map_err(|_| format!("the sandbox does not imitate the operator '{operator}'"))?;
            Ok(Self::Compare { attribute: attribute.clone(), operator, operand: Operand::read(operand)? })
        });
        read.collect::<Result<_, String>>().map(Self::All)
    }

    fn holds(&self, known: &Known) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.holds(known)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(known)),
            Self::Not(condition) => !condition.holds(known),
            Self::Compare { attribute, operator, operand } => {
                let operand = match operand {
                    Operand::Literal(value) => Some(value),
                    Operand::Ref(other) => other.value(known),
                };
                let both = attribute.value(known).zip(operand);
                both.is_some_and(|(value, operand)| attribute.compare(*operator, value, operand))
            }
        }
    }
}

impl Operand {
    fn read(source: &Value) -> Result<Self, String> {
        match source.as_object().and_then(|object| object.get("ref")) {
            Some(Value::String(attribute)) => Attribute::read(attribute).map(Self::Ref),
            Some(_) => Err("'ref' names an attribute".to_owned()),
            None => Ok(Self::Literal(source.clone())),
        }
    }
}

impl Attribute {
    fn read(text: &str) -> Result<Self, String> {
        let (of, name) = match text.split_once('.') {
            Some(("user", name)) => (Of::User, name),
            Some(("resource", name)) => (Of::Resource, name),
            _ => return Err(format!("the sandbox does not imitate conditions on '{text}'")),
        };
        Ok(Self { of, name: name.to_owned() })
    }

    fn value<'a>(&self, known: &'a Known) -> Option<&'a Value> {
        let attributes = match self.of {
            Of::User => &known.user,
            Of::Resource => &known.resource,
        };
        attributes.get(&self.name).filter(|value| !value.is_null())
    }

    /// `user.role` is each of the roles that are held; `user.roles` is the list of them.
    fn compare(&self, operator: Operator, value: &Value, operand: &Value) -> bool {
        match (self.of, self.name.as_str(), value) {
            (Of::User, "role", Value::Array(roles)) if operator == Operator::NotEquals => {
                !roles.is_empty() && !roles.contains(operand)
            }
            (Of::User, "role", Value::Array(roles)) => roles.iter().any(|role| operator.holds(role, operand)),
            _ => operator.holds(value, operand),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(conditions: Value) -> bool {
        let roles = json!(["viewer", "clerk"]);
        let user = json!({"key": "ann", "role": roles, "roles": roles, "age": 31});
        let Value::Object(user) = user else { panic!() };
        let Value::Object(resource) = json!({"type": "doc", "owner": "ann", "shared": null}) else {
            panic!()
        };
        Conditions::try_from(conditions).unwrap().hold(&Known { user, resource })
    }

    #[test]
    fn an_attribute_is_compared_with_another_by_reference() {
        assert!(holds(json!({"allOf": [{"allOf": [{"resource.owner": {"equals": {"ref": "user.key"}}}]}]})));
        assert!(!holds(json!({"resource.type": {"equals": {"ref": "user.key"}}})));
    }

    #[test]
    fn what_is_not_there_equals_nothing_and_differs_from_nothing() {
        for operator in ["equals", "not-equals", "less-than", "in", "contains"] {
            assert!(!holds(json!({"resource.author": {operator: "ann"}})), "{operator}");
            assert!(!holds(json!({"resource.shared": {operator: "ann"}})), "{operator}: null is nothing");
            assert!(!holds(json!({"user.key": {operator: {"ref": "resource.author"}}})), "{operator}");
        }
        assert!(holds(json!({"not": {"resource.author": {"equals": "ann"}}})));
    }

    #[test]
    fn conditions_are_joined_as_their_names_say() {
        let (yes, no) = (json!({"user.key": {"equals": "ann"}}), json!({"user.key": {"equals": "bob"}}));
        assert!(holds(json!({"anyOf": [no, yes]})));
        assert!(!holds(json!({"allOf": [no, yes]})));
        assert!(!holds(json!({"anyOf": []})));
        assert!(holds(json!({"allOf": []})));
        assert!(holds(json!({"user.age": {"greater-than": 30, "less-than-equals": 31}})));
        assert!(!holds(json!({"user.age": {"greater-than": 30, "less-than": 31}})));
    }

    #[test]
    fn a_role_is_one_of_those_that_the_user_holds() {
        assert!(holds(json!({"user.role": {"equals": "clerk"}})));
        assert!(!holds(json!({"user.role": {"equals": "admin"}})));
        assert!(holds(json!({"user.role": {"not-equals": "admin"}})));
        assert!(!holds(json!({"user.role": {"not-equals": "clerk"}})));
        assert!(holds(json!({"user.role": {"in": ["clerk", "admin"]}})));
        assert!(holds(json!({"user.roles": {"array_contains": "clerk"}})));
        assert!(!holds(json!({"user.roles": {"equals": "clerk"}})));
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        for nonsense in [
            json!([]),
            json!({"allOf": {}}),
            json!({"tenant.tier": {"equals": "gold"}}),
            json!({"user.key": "ann"}),
            json!({"user.key": {"resembles": "ann"}}),
            json!({"user.key": {"equals": {"ref": 7}}}),
            json!({"user.key": {"equals": {"ref": "key"}}}),
        ] {
            assert!(Conditions::try_from(nonsense.clone()).is_err(), "{nonsense}");
        }
    }
}
