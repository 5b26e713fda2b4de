//! The PDP's JSON, private to its client. Questions borrow from the checks; nothing is ever `null`, which the real
//! server refuses in some places.
//!
//! Of an answer only `allow` counts. `result` is a legacy duplicate that may be `false` beside `allow: true`.

use std::{borrow::Cow, collections::HashMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::TenantPermissions;
use crate::permit::{Attributes, Check, Decision, DenyCode, Flaw, PermitError, key};

/// The resource type under which `/user-permissions` lists what holds in a whole tenant.
pub(super) const TENANT_TYPE: &str = "__tenant";

/// Body of `/allowed`, and element of the bulk body.
#[derive(Serialize)]
pub(super) struct Query<'a> {
    user: User<'a>,
    action: &'a str,
    resource: Resource<'a>,
    context: Empty,
}

#[derive(Serialize)]
struct User<'a> {
    key: Cow<'a, str>,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    tenant: Cow<'a, str>,
    attributes: &'a Attributes,
    /// The tenant once more, where the vendor's own SDK puts it for policies that look there.
    context: ResourceContext<'a>,
}

#[derive(Serialize)]
struct ResourceContext<'a> {
    tenant: Cow<'a, str>,
}

#[derive(Serialize)]
struct Empty {}

impl<'a> From<&'a Check> for Query<'a> {
    fn from(check: &'a Check) -> Self {
        let tenant = key::encode(&check.tenant);
        Self {
            user: User { key: key::encode_user(&check.user) },
            action: &check.action,
            resource: Resource {
                kind: &check.resource,
                key: check.key.as_deref().map(key::encode),
                tenant: tenant.clone(),
                attributes: &check.attributes,
                context: ResourceContext { tenant },
            },
            context: Empty {},
        }
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Body of `/allowed/bulk`: a bare array.
pub(super) struct Queries<'a>(pub(super) &'a [Check]);

impl Serialize for Queries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Query::from))
    }
}

/// Body of `/user-permissions`, narrowed to one tenant and to what holds in all of it.
#[derive(Serialize)]
pub(super) struct PermissionsQuery<'a> {
    user: User<'a>,
    tenants: [&'a str; 1],
    resource_types: [&'static str; 1],
}

impl<'a> PermissionsQuery<'a> {
    /// `tenant` is a key already, `user` is not.
    pub(super) fn new(user: &'a str, tenant: &'a str) -> Self {
        Self { user: User { key: key::encode_user(user) }, tenants: [tenant], resource_types: [TENANT_TYPE] }
    }
}

#[derive(Deserialize)]
struct Verdict<'a> {
    allow: bool,
    /// Kept as text until a denial asks for it, and never trusted to have any shape.
    #[serde(borrow, default)]
    debug: Option<&'a RawValue>,
}

impl From<Verdict<'_>> for Decision {
    fn from(verdict: Verdict<'_>) -> Self {
        if verdict.allow {
            return Self::Allow;
        }
        let debug = verdict.debug.and_then(|debug| serde_json::from_str(debug.get()).ok());
        Self::Deny { code: debug.as_ref().and_then(DenyCode::in_debug) }
    }
}

#[derive(Deserialize)]
struct Verdicts<'a> {
    #[serde(borrow)]
    allow: Vec<Object<Verdict<'a>>>,
}

/// A JSON object. By itself, serde also reads a struct from an array, and `[true]` would be an `allow`.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// The answer of `/allowed`, as a list of one.
pub(super) fn decision(body: &[u8]) -> Result<Vec<Decision>, PermitError> {
    let Object(verdict): Object<Verdict<'_>> = parse(body)?;
    Ok(vec![verdict.into()])
}

/// The answer of `/allowed/bulk` to `asked` checks. One malformed element discredits the others.
pub(super) fn decisions(body: &[u8], asked: usize) -> Result<Vec<Decision>, PermitError> {
    let Object(verdicts): Object<Verdicts<'_>> = parse(body)?;
    let got = verdicts.allow.len();
    if got != asked {
        return Err(PermitError::Incomplete { asked, got });
    }
    Ok(verdicts.allow.into_iter().map(|Object(verdict)| verdict.into()).collect())
}

#[derive(Deserialize)]
struct PermissionsEntry {
    permissions: Vec<String>,
    roles: Option<Vec<String>>,
}

/// The answer of `/user-permissions`, by `type:key`.
pub(super) fn permissions(body: &[u8]) -> Result<HashMap<String, TenantPermissions>, PermitError> {
    let entries: HashMap<String, PermissionsEntry> = parse(body)?;
    let held = |entry: PermissionsEntry| TenantPermissions {
        roles: entry.roles.unwrap_or_default(),
        permissions: entry.permissions,
    };
    Ok(entries.into_iter().map(|(id, entry)| (id, held(entry))).collect())
}

#[derive(Deserialize)]
struct Version {
    api_version: u64,
}

/// The answer of `/version`.
pub(super) fn version(body: &[u8]) -> Result<u64, PermitError> {
    parse::<Version>(body).map(|version| version.api_version)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, PermitError> {
    serde_json::from_slice(body).map_err(|_| Flaw::Malformed.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_check_about_a_type_is_written_without_nulls() {
        let check = Check::new("auth0|john", "default", "task", "get");

        assert_eq!(
            serde_json::to_value(Query::from(&check)).unwrap(),
            json!({
                "user": {"key": "auth0|john"},
                "action": "get",
                "resource": {
                    "type": "task", "tenant": "default", "attributes": {}, "context": {"tenant": "default"},
                },
                "context": {},
            }),
        );
    }

    #[test]
    fn keys_are_encoded_and_words_of_the_policy_are_not() {
        let mut check = Check::new("oidc|a/b", "acme.com", "Task.x", "read notes");
        check.key = Some("42/7".into());
        check.attributes = Attributes::from_iter([("owner", "oidc|a/b")]);

        assert_eq!(
            serde_json::to_value(Queries(&[check])).unwrap(),
            json!([{
                "user": {"key": "enc-b2lkY3xhL2I"},
                "action": "read notes",
                "resource": {
                    "type": "Task.x", "key": "enc-NDIvNw", "tenant": "enc-YWNtZS5jb20",
                    "attributes": {"owner": "oidc|a/b"}, "context": {"tenant": "enc-YWNtZS5jb20"},
                },
                "context": {},
            }]),
        );
    }

    #[test]
    fn only_allow_counts() {
        let said = |body: &str| decision(body.as_bytes()).map(|decisions| decisions[0]);

        assert_eq!(said(r#"{"allow":true,"result":false}"#).unwrap(), Decision::Allow);
        assert_eq!(said(r#"{"allow":false,"result":true}"#).unwrap(), Decision::Deny { code: None });
        assert_eq!(
            said(r#"{"allow":false,"debug":{"rbac":{"code":"user_not_synced"}}}"#).unwrap(),
            Decision::Deny { code: Some(DenyCode::UserNotSynced) },
        );
    }

    #[test]
    fn an_answer_without_a_boolean_allow_is_no_answer() {
        let bodies = [
            "",
            "null",
            "true",
            "[]",
            "[true]",
            "{}",
            r#"{"result":true}"#,
            r#"{"allow":null}"#,
            r#"{"allow":1}"#,
            r#"{"allow":"true"}"#,
            r#"{"allow":true"#,
            r#"{"allow":false,"allow":true}"#,
        ];
        for body in bodies {
            assert!(
                matches!(decision(body.as_bytes()), Err(PermitError::BadAnswer(Flaw::Malformed))),
                "{body}"
            );
        }
        assert!(decisions(br#"{"allow":[{"allow":true},{"allow":"yes"}]}"#, 2).is_err());
        assert!(decisions(br#"{"allow":true}"#, 1).is_err());
        assert!(decisions(br#"{"allow":[[true]]}"#, 1).is_err());
        assert!(decisions(br#"[[{"allow":true}]]"#, 1).is_err());
    }

    #[test]
    fn a_list_of_another_length_is_worthless() {
        let body = br#"{"allow":[{"allow":true},{"allow":true}]}"#;

        assert!(decisions(body, 2).is_ok());
        assert!(matches!(decisions(body, 3), Err(PermitError::Incomplete { asked: 3, got: 2 })));
        assert!(matches!(decisions(body, 1), Err(PermitError::Incomplete { asked: 1, got: 2 })));
    }

    #[test]
    fn any_debug_leaves_the_decision_as_it_is() {
        for debug in ["null", "7", "[[]]", r#""text""#, r#"{"rbac":{"code":{}}}"#] {
            let body = format!(r#"{{"allow":false,"debug":{debug}}}"#);
            assert_eq!(decision(body.as_bytes()).unwrap(), [Decision::Deny { code: None }], "{debug}");
        }
    }
}
