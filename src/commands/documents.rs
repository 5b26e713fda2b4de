//! The documents of clients: who can run them, and whether the server can start with those that it is to trust.

use std::path::Path;

use super::policy::load;
use crate::{
    graphql::{ClientNeed, ClientOperation, TrustedDocuments, UntrustedFile},
    policy::{Holder, Needed, Policy},
};

/// Looks at the trusted documents before anything else starts. One that no role can run is only warned about: roles may
/// be given more at any time.
///
/// # Errors
/// Everything that is wrong with the file, one sentence each.
pub(super) async fn check_trusted(file: &Path) -> Result<(), Vec<String>> {
    let text =
        tokio::fs::read_to_string(file).await.map_err(|error| vec![format!("cannot be read: {error}")])?;
    let trusted = TrustedDocuments::read(&text).await.map_err(|UntrustedFile(problems)| problems)?;
    let policy = load(None).map_err(|error| vec![format!("cannot be held against the policy: {error}")])?;
    for operation in trusted.operations.iter().filter(|operation| able(&policy, operation).is_empty()) {
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
