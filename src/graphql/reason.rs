//! Why a permission was denied, and what to do about it. Built from reason *codes* and from what we know
//! ourselves, never from the PDP's text, so that nothing about other people can leak through it.

use async_graphql::Enum;

use crate::permit::DenyCode;

/// Why a permission is not held.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DenialReason {
    /// The account has not been copied to Permit yet: call `login`.
    UserNotSynced,
    /// Permit does not know the tenant.
    NoSuchTenant,
    /// The caller holds no role in this tenant.
    NoRoleInTenant,
    /// None of the caller's roles holds the permission.
    NoPermission,
    /// Permit does not know the resource.
    NoSuchResource,
    /// The resource has no such action.
    NoSuchAction,
    /// The caller is in no relation to the object that would allow it.
    NoRelation,
    /// No attribute rule matches.
    NoMatchingRule,
    /// The decision point cannot evaluate the policy that would be needed.
    UnsupportedByPdp,
    /// The decision point gave no reason.
    Unknown,
}

impl DenialReason {
    pub(super) const fn code(self) -> &'static str {
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
            Self::Unknown => "UNKNOWN",
        }
    }

    /// One sentence on what would change the answer.
    pub(super) fn hint(self, resource: &str, action: &str) -> String {
        match self {
            Self::UserNotSynced => {
                "Call the `login` mutation: it copies your account and your roles to Permit.".to_owned()
            }
            Self::NoSuchTenant => {
                "Your organization does not exist in Permit; an administrator has to create it.".to_owned()
            }
            Self::NoRoleInTenant => {
                "You hold no role in this tenant; ask an administrator for one, then call `login`.".to_owned()
            }
            Self::NoPermission => format!(
                "None of your roles holds `{resource}:{action}`. Once it is granted to one of them in Permit it \
                 holds at once, without a new login."
            ),
            Self::NoSuchResource | Self::NoSuchAction => {
                format!("`{resource}:{action}` is no permission of this API; see `/permissions.json`.")
            }
            Self::NoRelation | Self::NoMatchingRule => {
                format!("No rule gives you `{resource}:{action}` on this object.")
            }
            Self::UnsupportedByPdp => {
                "The decision point cannot evaluate this policy; an operator has to run one that can."
                    .to_owned()
            }
            Self::Unknown => format!("Ask an administrator for `{resource}:{action}`."),
        }
    }
}

impl From<DenyCode> for DenialReason {
    fn from(code: DenyCode) -> Self {
        match code {
            DenyCode::UserNotSynced => Self::UserNotSynced,
            DenyCode::NoSuchTenant => Self::NoSuchTenant,
            DenyCode::NoRoleInTenant => Self::NoRoleInTenant,
            DenyCode::NoPermission => Self::NoPermission,
            DenyCode::NoSuchResource => Self::NoSuchResource,
            DenyCode::NoSuchAction => Self::NoSuchAction,
            DenyCode::NoRelation => Self::NoRelation,
            DenyCode::NoMatchingRule => Self::NoMatchingRule,
            DenyCode::UnsupportedByPdp => Self::UnsupportedByPdp,
        }
    }
}
