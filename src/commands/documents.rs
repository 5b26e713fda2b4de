//! The documents of clients: who can run them.

use super::policy::load;
use crate::{
    graphql::{ClientNeed, ClientOperation},
    policy::{Holder, Needed, Policy},
};

/// Warns of trusted documents that no role can run. They are served all the same: roles may be given more at any time.
///
/// # Errors
/// The policy that is built in cannot be read.
pub(super) fn warn_of_idle(trusted: &[ClientOperation]) -> anyhow::Result<()> {
    let policy = load(None)?;
    for operation in trusted.iter().filter(|operation| able(&policy, operation).is_empty()) {
        let name = operation.name.as_deref().unwrap_or_default();
        tracing::warn!(
            document.id = operation.place.file,
            operation.name = name,
            "no role can run this document"
        );
    }
    Ok(())
}

/// Who holds everything that the operation needs whatever its variables are.
pub(super) fn able(policy: &Policy, operation: &ClientOperation) -> Vec<Holder> {
    let certain = operation.needs.iter().filter(|need| need.is_certain);
    let needed: Vec<Needed> = certain
        .map(|ClientNeed { resource, action, on_object, .. }| Needed {
            resource: resource.clone(),
            action: action.clone(),
            on_object: *on_object,
        })
        .collect();
    policy.able(&needed)
}
