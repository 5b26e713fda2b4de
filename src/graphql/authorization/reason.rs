//! Why a permission was denied, and what to do about it. Built from reason *codes* and from what we know
//! ourselves, never from the PDP's text, so that nothing about other people can leak through it.

use async_graphql::{Enum, resolver_utils::EnumType as _};

use crate::permit::DenyCode;

/// Why a permission is not held.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::graphql) enum DenialReason {
    /// The subject's account has not been copied to Permit yet: they have to call `login`.
    UserNotSynced,
    /// Permit does not know the tenant.
    NoSuchTenant,
    /// The subject holds no role in this tenant.
    NoRoleInTenant,
    /// None of the subject's roles holds the permission.
    NoPermission,
    /// Permit does not know the resource.
    NoSuchResource,
    /// The resource has no such action.
    NoSuchAction,
    /// The subject is in no relation to the object that would allow it.
    NoRelation,
    /// No attribute rule matches.
    NoMatchingRule,
    /// The decision point cannot evaluate the policy that would be needed.
    UnsupportedByPdp,
    /// The decision point gave no reason.
    Unknown,
}

impl DenialReason {
    /// As in `extensions.reason`: the name of the value.
    pub(in crate::graphql) const fn code(self) -> &'static str {
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

    /// The reason with this code.
    pub(in crate::graphql) fn of(code: &str) -> Self {
        let known = Self::items().iter().find(|item| item.name == code);
        known.map_or(Self::Unknown, |item| item.value)
    }

    /// Whether it is told to somebody who holds a role, and about something that a role may hold.
    pub(in crate::graphql) const fn is_of_a_role_holder(self) -> bool {
        match self {
            Self::NoPermission
            | Self::NoRelation
            | Self::NoMatchingRule
            | Self::UnsupportedByPdp
            | Self::Unknown => true,
            Self::UserNotSynced
            | Self::NoSuchTenant
            | Self::NoRoleInTenant
            | Self::NoSuchResource
            | Self::NoSuchAction => false,
        }
    }

    /// The same about somebody else than the reader.
    pub(in crate::graphql) fn hint_about_another(self, resource: &str, action: &str) -> String {
        match self {
            Self::UserNotSynced => {
                "They have to call the `login` mutation, which copies their account and roles to Permit."
                    .to_owned()
            }
            Self::NoRoleInTenant => {
                "They hold no role in this tenant; an administrator can give them one.".to_owned()
            }
            Self::NoPermission => format!(
                "None of their roles holds `{resource}:{action}`. Once it is granted to one of them in Permit it holds \
                 at once, without a new login."
            ),
            Self::NoRelation | Self::NoMatchingRule => {
                format!("No rule gives them `{resource}:{action}` on this object.")
            }
            Self::NoSuchTenant | Self::NoSuchResource | Self::NoSuchAction | Self::UnsupportedByPdp => {
                self.hint(resource, action)
            }
            Self::Unknown => format!("Whether a role of theirs holds `{resource}:{action}` is not known."),
        }
    }

    /// One sentence on what would change the answer.
    pub(in crate::graphql) fn hint(self, resource: &str, action: &str) -> String {
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
            Self::NoSuchResource => format!(
                "There is no resource `{resource}`, in this API or in Permit. `/permissions.json` lists what this \
                 API asks for, and Permit has to have all of it."
            ),
            Self::NoSuchAction => format!(
                "The resource `{resource}` has no action `{action}`, in this API or in Permit. `/permissions.json` \
                 lists what this API asks for, and Permit has to have all of it."
            ),
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
        Self::of(code.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_again_by_its_code() {
        for item in DenialReason::items() {
            assert_eq!((item.value.code(), DenialReason::of(item.name)), (item.name, item.value));
        }
        assert_eq!(DenialReason::of("no such code"), DenialReason::Unknown);
    }

    #[test]
    fn every_code_of_the_pdp_is_a_reason() {
        for code in [
            DenyCode::UserNotSynced,
            DenyCode::NoSuchTenant,
            DenyCode::NoRoleInTenant,
            DenyCode::NoPermission,
            DenyCode::NoSuchResource,
            DenyCode::NoSuchAction,
            DenyCode::NoRelation,
            DenyCode::NoMatchingRule,
            DenyCode::UnsupportedByPdp,
        ] {
            assert_ne!(DenialReason::from(code), DenialReason::Unknown, "{code:?}");
        }
    }
}
