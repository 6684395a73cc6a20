//! Who administers a workspace, and who draws its templates.

use crate::app::App;
use crate::caller::{Caller, Scope};
use crate::error::Error;
use zhupi_engine::ids::{RoleId, TenantId, UserId};

/// The setting that names the role whose holders manage templates, beside the administrators.
pub const TEMPLATE_MANAGER_ROLE: &str = "template_manager_role";

impl App {
    /// Only administrators of the workspace go on.
    pub async fn require_admin(&self, caller: &Caller) -> Result<(), Error> {
        caller.require(Scope::Admin)?;
        if self.directory(caller.tenant).await?.is_admin(caller.user) {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }

    /// Only administrators and template managers of the workspace go on.
    pub async fn require_template_manager(&self, caller: &Caller) -> Result<(), Error> {
        caller.require(Scope::Admin)?;
        let may = self.manages_templates(caller.tenant, caller.user).await?;
        if may { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Whether the person may create templates.
    pub async fn manages_templates(&self, tenant: TenantId, user: UserId) -> Result<bool, Error> {
        let directory = self.directory(tenant).await?;
        if directory.is_admin(user) {
            return Ok(true);
        }
        let setting = self.store.load_setting(tenant, TEMPLATE_MANAGER_ROLE).await?;
        let role = setting.and_then(|id| id.parse::<RoleId>().ok());
        let holders = role.and_then(|id| directory.role(id)).map(|role| &role.members);
        Ok(holders.is_some_and(|holders| holders.contains(&user)))
    }
}
