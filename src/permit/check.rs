//! A question to the PDP and its answer, in our words: no JSON, no HTTP.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde_json::Value;

/// One question: may `user` do `action` on `resource` in `tenant`?
///
/// Identifiers are ours, not Permit's: keys are encoded on the way out. Cheap to clone and to compare: an operation
/// holds up to thousands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Check {
    /// Who asks: the `sub` of the token.
    pub user: Arc<str>,
    /// What they want to do, spelled as in Permit: `delete`.
    pub action: Cow<'static, str>,
    /// The type of thing, spelled as in Permit: `task`.
    pub resource: Cow<'static, str>,
    /// Which of them; `None` asks about the type as a whole.
    pub key: Option<Arc<str>>,
    /// Whose. Roles hold in one tenant only.
    pub tenant: Arc<str>,
    /// What attribute rules may look at.
    pub attributes: Attributes,
}

impl Check {
    /// Asks about the type as a whole. Set [`key`](Self::key) and [`attributes`](Self::attributes) to ask about
    /// one instance.
    pub fn new(
        user: impl Into<Arc<str>>,
        tenant: impl Into<Arc<str>>,
        resource: impl Into<Cow<'static, str>>,
        action: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            user: user.into(),
            action: action.into(),
            resource: resource.into(),
            key: None,
            tenant: tenant.into(),
            attributes: Attributes::default(),
        }
    }
}

/// Attributes of a resource, shared between the clones of a check. None at all cost nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes(Option<Arc<BTreeMap<Cow<'static, str>, Arc<str>>>>);

impl Attributes {
    /// Name and value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|map| map.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Arc<str>>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let map: BTreeMap<_, _> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        // One form for "none", or equal checks would differ.
        Self((!map.is_empty()).then(|| Arc::new(map)))
    }
}

/// How old the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The PDP may answer from its own cache, if it has one.
    AnyAge,
    /// Decided now (`Cache-Control: no-cache`). For writes.
    Fresh,
}

/// What the PDP said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Allow,
    /// They may not.
    Deny {
        /// Why, if the PDP runs with `PDP_DEBUG` and gave a code that we know.
        code: Option<DenyCode>,
    },
}

impl Decision {
    /// Whether this is [`Decision::Allow`].
    pub const fn is_allow(self) -> bool {
        matches!(self, Self::Allow)
    }
}

/// Why the PDP denies. Only its codes are read, never its text, which names other tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenyCode {
    /// The user was never copied to Permit.
    UserNotSynced,
    /// Permit has no such tenant.
    NoSuchTenant,
    /// No role in this tenant.
    NoRoleInTenant,
    /// Roles, but none with this permission.
    NoPermission,
    /// The policy has no such resource type.
    NoSuchResource,
    /// The resource type has no such action.
    NoSuchAction,
    /// No relation to the instance that would grant it.
    NoRelation,
    /// No attribute rule matches.
    NoMatchingRule,
    /// The policy has rules that this PDP cannot evaluate.
    UnsupportedByPdp,
}

impl DenyCode {
    /// As in `extensions.reason`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UserNotSynced => "USER_NOT_SYNCED",
            Self::NoSuchTenant => "NO_SUCH_TENANT",
            Self::NoRoleInTenant => "NO_ROLE_IN_TENANT",
            Self::NoPermission => "NO_PERMISSION",
            Self::NoSuchResource => "NO_SUCH_RESOURCE",
            Self::NoSuchAction => "NO_SUCH_ACTION",
            Self::NoRelation => "NO_RELATION",
            Self::NoMatchingRule => "NO_MATCHING_RULE",
            Self::UnsupportedByPdp => "UNSUPPORTED_BY_PDP",
        }
    }

    /// The first known code in a `debug` object: roles speak before relations, relations before attributes.
    ///
    /// The object is a courtesy of the policy and differs between its versions, so nothing in it is an error.
    pub(super) fn in_debug(debug: &Value) -> Option<Self> {
        ["/code", "/rbac/code", "/rebac/code", "/abac/code"]
            .into_iter()
            .filter_map(|place| debug.pointer(place)?.as_str())
            .find_map(Self::of_policy)
    }

    /// The codes of Permit's own policy (packages `permit.debug.rbac`, `.rebac` and `.abac`).
    fn of_policy(code: &str) -> Option<Self> {
        Some(match code {
            "user_not_synced" => Self::UserNotSynced,
            "no_such_tenant" => Self::NoSuchTenant,
            "no_user_roles" | "no_role_in_tenant" => Self::NoRoleInTenant,
            "no_permission" => Self::NoPermission,
            "no_such_resource" => Self::NoSuchResource,
            "no_such_action" => Self::NoSuchAction,
            "no_graph_roles" => Self::NoRelation,
            "no_matching_usersets" | "no_matching_resourcesets" | "no_matching_rules" => Self::NoMatchingRule,
            "cloud_pdp_not_supporting_abac" => Self::UnsupportedByPdp,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_attributes_are_no_attributes() {
        let none = Attributes::from_iter(Vec::<(&str, &str)>::new());

        assert_eq!(none, Attributes::default());
        assert_eq!(none.iter().count(), 0);
    }

    #[test]
    fn the_code_of_the_roles_speaks_first() {
        let debug = json!({"abac": {"code": "no_matching_rules"}, "rbac": {"code": "no_permission"}});
        assert_eq!(DenyCode::in_debug(&debug), Some(DenyCode::NoPermission));

        let debug = json!({"rbac": {"code": "disabled"}, "rebac": {"code": "no_graph_roles"}});
        assert_eq!(DenyCode::in_debug(&debug), Some(DenyCode::NoRelation));
    }

    #[test]
    fn whatever_else_the_policy_says_is_ignored() {
        for debug in [json!(null), json!("denied"), json!({"rbac": ["no_permission"]}), json!({"code": 7})] {
            assert_eq!(DenyCode::in_debug(&debug), None, "{debug}");
        }
        assert_eq!(DenyCode::in_debug(&json!({"rbac": {"reason": "no_permission", "code": "new"}})), None);
    }
}
