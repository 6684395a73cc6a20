//! Taking a running instance over to another version of its template (semantics B19), by whoever administers either.

use super::Asking;
use crate::app::App;
use crate::app::access::{may_manage, may_see};
use crate::error::Error;
use std::collections::BTreeMap;
use std::sync::Arc;
use zhupi_engine::decide::{Migration, Report, migrate};
use zhupi_engine::ids::{InstanceId, NodeId, TenantId, UserId};
use zhupi_engine::{Command, Event, Rejection, Template};

/// Where a migration leads.
#[derive(Clone, Debug)]
pub struct Destination {
    pub version: u32,
    /// New ids of nodes and lanes whose id changed.
    pub nodes: BTreeMap<NodeId, NodeId>,
}

impl App {
    /// What a migration would do, without doing it.
    pub async fn preview_migration(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: InstanceId,
        to: &Destination,
    ) -> Result<Report, Error> {
        let seen = self.see_instance(tenant, actor, id).await?;
        let instance = &seen.stored.instance;
        if !may_manage(&seen.template.settings, &seen.directory, actor) {
            return Err(Rejection::NotAdministrator.into());
        }
        let new = self.template(tenant, instance.template, to.version).await?;
        let command =
            Command::Migrate { version: to.version, nodes: to.nodes.clone(), reason: String::new() };
        let outside = self.outside(tenant, instance.template, (&new, instance), &command).await?;
        let migration = Migration {
            old: &seen.template,
            new: &new,
            version: to.version,
            directory: &seen.directory,
            nodes: &to.nodes,
            at: self.now(),
            by: actor,
            reason: "",
            outside: &outside,
        };
        Ok(migration.report(instance)?)
    }

    /// What happens to an instance that is taken over, and the template it follows then.
    pub(super) async fn take_over(
        &self,
        asking: Asking<'_>,
        (version, nodes, reason): (u32, &BTreeMap<NodeId, NodeId>, &str),
    ) -> Result<(Vec<Event>, Arc<Template>), Error> {
        let Asking { tenant, instance, template, directory, envelope } = asking;
        if !may_see(instance, template, directory, envelope.actor) {
            return Err(Error::NotFound);
        }
        if !may_manage(&template.settings, directory, envelope.actor) {
            return Err(Rejection::NotAdministrator.into());
        }
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Rejection::TextRequired { field: "reason" }.into());
        }
        if version == instance.template_version {
            return Err(Error::field("version", "the instance follows this version already"));
        }
        if let Some(seen) = envelope.seen_version.filter(|seen| *seen != instance.version) {
            return Err(Rejection::StaleVersion { seen, actual: instance.version }.into());
        }
        let new = self.template(tenant, instance.template, version).await?;
        let (at, by) = (envelope.at, envelope.actor);
        let outside = &self.outside(tenant, instance.template, (&new, instance), &envelope.command).await?;
        let old = template;
        let migration = Migration { old, new: &new, version, directory, nodes, at, by, reason, outside };
        let events = migrate(&migration, instance)?;
        Ok((events, new))
    }
}
