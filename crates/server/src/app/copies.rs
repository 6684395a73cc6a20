//! Asking once more what was asked before: what of an ended instance fits the version that is submitted now, and which
//! instances are tied to one another that way.

use crate::app::App;
use crate::app::access::Seen;
use crate::error::Error;
use crate::view::access_of;
use std::sync::Arc;
use zhupi_engine::decide::{Copied, copy, may_copy};
use zhupi_engine::ids::{InstanceId, TemplateId, TenantId, UserId};
use zhupi_engine::{Problem, Template};
use zhupi_store::TemplateState;

/// Most copies of one instance that are shown.
const MOST_SHOWN: u32 = 20;

/// What can be asked once more, and in which version.
#[derive(Clone, Debug)]
pub struct Copy {
    pub template: TemplateId,
    pub version: u32,
    pub copied: Copied,
}

/// Instances that were copied from one another, as far as somebody may see them.
#[derive(Clone, Debug, Default)]
pub struct Tied {
    pub copied_from: Option<Seen>,
    /// From new to old.
    pub copies: Vec<Seen>,
}

impl App {
    /// What its initiator can ask once more after an instance has ended, in the version that is submitted now.
    pub async fn prepare_copy(&self, tenant: TenantId, actor: UserId, id: InstanceId) -> Result<Copy, Error> {
        let Seen { stored, template: from, directory } = self.see_instance(tenant, actor, id).await?;
        let instance = &stored.instance;
        may_copy(instance, &directory, actor)?;
        let (version, to) = self.current_version(tenant, instance.template).await?;
        let at = self.now();
        let access = access_of(instance, &from, &directory, actor);
        let copied = copy(instance, (&from, &to), &directory, &access, at);
        Ok(Copy { template: instance.template, version, copied })
    }

    async fn current_version(&self, tenant: TenantId, id: TemplateId) -> Result<(u32, Arc<Template>), Error> {
        let version = self.version_to_submit(tenant, id).await?;
        Ok((version, self.template(tenant, id, version).await?))
    }

    /// Refuses a submission as a copy of what its author cannot copy.
    pub(super) async fn check_copied(
        &self,
        tenant: TenantId,
        actor: UserId,
        template: TemplateId,
        from: InstanceId,
    ) -> Result<(), Error> {
        let refused = |code, message| {
            let problem = Problem::error("copied_from", code, message);
            Err(Error::Invalid(vec![problem]))
        };
        let seen = match self.see_instance(tenant, actor, from).await {
            Ok(seen) => seen,
            Err(Error::NotFound) => return refused("instance_unknown", "there is no such instance"),
            Err(other) => return Err(other),
        };
        if seen.stored.instance.template != template {
            return refused("template_unfit", "this is an instance of another template");
        }
        Ok(may_copy(&seen.stored.instance, &seen.directory, actor)?)
    }

    /// What an instance was copied from and what was copied from it.
    pub async fn tied(&self, tenant: TenantId, viewer: UserId, seen: &Seen) -> Result<Tied, Error> {
        let instance = &seen.stored.instance;
        let mut tied = Tied::default();
        if let Some(from) = instance.copied_from {
            tied.copied_from = self.if_seen(tenant, viewer, from).await?;
        }
        if instance.status.is_ended() {
            for copy in self.store.list_copies(tenant, instance.id, MOST_SHOWN).await? {
                tied.copies.extend(self.if_seen(tenant, viewer, copy).await?);
            }
        }
        Ok(tied)
    }

    async fn if_seen(&self, tenant: TenantId, viewer: UserId, id: InstanceId) -> Result<Option<Seen>, Error> {
        match self.see_instance(tenant, viewer, id).await {
            Ok(seen) => Ok(Some(seen)),
            Err(Error::NotFound) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The version that is submitted now, where a running instance follows an older one: it goes on with its own until a
    /// manager takes it over (semantics B4.8, B19).
    pub async fn newer_version(&self, tenant: TenantId, seen: &Seen) -> Result<Option<u32>, Error> {
        let instance = &seen.stored.instance;
        if instance.status.is_ended() {
            return Ok(None);
        }
        let row = self.store.load_template(tenant, instance.template).await?;
        let row = row.filter(|row| row.state != TemplateState::Deleted);
        Ok(row.and_then(|row| row.current_version).filter(|current| *current > instance.template_version))
    }
}
