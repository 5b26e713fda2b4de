//! How a condition compares two values. Values of unlike kinds compare to false.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::Value;

/// As conditions spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Operator {
    #[serde(rename = "equals")]
    Equals,
    #[serde(rename = "not-equals")]
    NotEquals,
    #[serde(rename = "less-than")]
    LessThan,
    #[serde(rename = "greater-than")]
    GreaterThan,
    #[serde(rename = "less-than-equals")]
    LessThanEquals,
    #[serde(rename = "greater-than-equals")]
    GreaterThanEquals,
    /// A text within a text.
    #[serde(rename = "contains")]
    Contains,
    /// One of the listed.
    #[serde(rename = "in")]
    In,
    #[serde(rename = "array_contains")]
    ArrayContains,
    #[serde(rename = "array_subset")]
    ArraySubset,
    #[serde(rename = "array_superset")]
    ArraySuperset,
    #[serde(rename = "array_intersect")]
    ArrayIntersect,
}

impl Operator {
    pub(super) fn holds(self, value: &Value, operand: &Value) -> bool {
        match self {
            Self::Equals => value == operand,
            Self::NotEquals => value != operand,
            Self::LessThan => order(value, operand) == Some(Ordering::Less),
            Self::GreaterThan => order(value, operand) == Some(Ordering::Greater),
            Self::LessThanEquals => order(value, operand).is_some_and(Ordering::is_le),
            Self::GreaterThanEquals => order(value, operand).is_some_and(Ordering::is_ge),
            Self::Contains => {
                let texts = value.as_str().zip(operand.as_str());
                texts.is_some_and(|(text, part)| text.contains(part))
            }
            Self::In => operand.as_array().is_some_and(|list| list.contains(value)),
            Self::ArrayContains => value.as_array().is_some_and(|list| list.contains(operand)),
            Self::ArraySubset => {
                lists(value, operand, |mine, theirs| mine.iter().all(|one| theirs.contains(one)))
            }
            Self::ArraySuperset => {
                lists(value, operand, |mine, theirs| theirs.iter().all(|one| mine.contains(one)))
            }
            Self::ArrayIntersect => {
                lists(value, operand, |mine, theirs| mine.iter().any(|one| theirs.contains(one)))
            }
        }
    }
}

fn order(value: &Value, operand: &Value) -> Option<Ordering> {
    match (value, operand) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn lists(value: &Value, operand: &Value, compare: impl Fn(&[Value], &[Value]) -> bool) -> bool {
    let both = value.as_array().zip(operand.as_array());
    both.is_some_and(|(mine, theirs)| compare(mine, theirs))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_holds_and_fails_as_it_says() {
        for (operator, value, holds_with, fails_with) in [
            ("equals", json!("a"), json!("a"), json!("b")),
            ("not-equals", json!("a"), json!("b"), json!("a")),
            ("less-than", json!(1), json!(2), json!(1)),
            ("greater-than", json!(2.5), json!(2), json!(3)),
            ("less-than-equals", json!("2026-01-01"), json!("2026-01-01"), json!("2025-12-31")),
            ("greater-than-equals", json!(2), json!(2), json!("1")),
            ("contains", json!("budget"), json!("dge"), json!("x")),
            ("in", json!("a"), json!(["a", "b"]), json!(["b"])),
            ("array_contains", json!(["a", "b"]), json!("b"), json!("c")),
            ("array_subset", json!(["a"]), json!(["a", "b"]), json!(["b"])),
            ("array_superset", json!(["a", "b"]), json!(["b"]), json!(["c"])),
            ("array_intersect", json!(["a", "b"]), json!(["b", "c"]), json!(["c"])),
        ] {
            let read: Operator = serde_json::from_value(json!(operator)).unwrap();
            assert!(read.holds(&value, &holds_with), "{operator} {holds_with}");
            assert!(!read.holds(&value, &fails_with), "{operator} {fails_with}");
        }
    }

    #[test]
    fn unlike_kinds_have_no_order() {
        assert!(!Operator::LessThan.holds(&json!(1), &json!("2")));
        assert!(!Operator::GreaterThanEquals.holds(&json!(true), &json!(false)));
        assert!(!Operator::ArraySubset.holds(&json!("a"), &json!(["a"])));
    }
}
