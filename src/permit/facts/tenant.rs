//! Tenants and who belongs to them.

use reqwest::Method;

use super::{Facts, Family, Visibility, key, wire};
use crate::permit::PermitError;

impl Facts {
    /// Makes sure that the tenant `key` exists. One that does is left as it is, its name included.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn create_tenant(&self, key: &str, name: &str) -> Result<Visibility, PermitError> {
        let body = wire::TenantCreate { key: &key::encode(key), name };
        match self.write_seen("create-tenant", Method::POST, "tenants", &body).await {
            Ok(written) => Ok(written.visibility),
            Err(PermitError::Conflict) => Ok(Visibility::Unknown),
            Err(error) => Err(error),
        }
    }

    /// Whether Permit has the tenant `key`.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn tenant_exists(&self, key: &str) -> Result<bool, PermitError> {
        match self.get("tenant", Family::Facts, &path(key)).await {
            Ok(_) => Ok(true),
            Err(PermitError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes `user` a member of `tenant`, without a role. A member stays one.
    ///
    /// # Errors
    /// [`PermitError::NotFound`] without such a tenant; no usable answer.
    pub async fn add_to_tenant(&self, tenant: &str, user: &str) -> Result<(), PermitError> {
        let user = key::encode_user(user);
        let body = wire::UserCreate::only(&user);
        let path = format!("{}/users", path(tenant));
        match self.write("add-to-tenant", Method::POST, &path, &body).await {
            Ok(_) | Err(PermitError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes `user` out of `tenant`, with all roles there. Nothing to take out is success.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn remove_from_tenant(&self, tenant: &str, user: &str) -> Result<(), PermitError> {
        let path = format!("{}/users/{}", path(tenant), key::path_segment(&key::encode_user(user)));
        match self.delete("remove-from-tenant", &path).await {
            Ok(_) | Err(PermitError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn path(tenant: &str) -> String {
    format!("tenants/{}", key::path_segment(&key::encode(tenant)))
}
