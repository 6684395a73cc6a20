//! Who may see an instance, and who may see or change a template. What somebody may do with an instance, the engine says:
//! `view::allowed_actions`.

use crate::app::App;
use crate::error::Error;
use std::sync::Arc;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::template::Settings;
use zhupi_engine::{Directory, Instance, Template};
use zhupi_store::Stored;

/// An instance that its reader may see, with all one needs to read it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub stored: Stored,
    pub template: Arc<Template>,
    pub directory: Arc<Directory>,
}

impl App {
    /// The instance, for somebody who may see it; for everybody else there is none.
    pub async fn see_instance(
        &self,
        tenant: TenantId,
        viewer: UserId,
        id: InstanceId,
    ) -> Result<Seen, Error> {
        let stored = self.store.load_instance(tenant, id).await?.ok_or(Error::NotFound)?;
        let instance = &stored.instance;
        let template = self.template(tenant, instance.template, instance.template_version).await?;
        let directory = self.directory(tenant).await?;
        if !may_see(instance, &template, &directory, viewer) {
            return Err(Error::NotFound);
        }
        Ok(Seen { stored, template, directory })
    }
}

/// Whoever asks, is or was asked, was told or was mentioned may see an instance; so may those who administer its template or the workspace.
/// To everybody else it does not exist.
pub fn may_see(instance: &Instance, template: &Template, directory: &Directory, viewer: UserId) -> bool {
    instance.initiator == viewer
        || was_asked(instance, viewer)
        || instance.cc.iter().any(|entry| entry.user == viewer)
        || instance.comments.iter().any(|comment| comment.mentions.contains(&viewer))
        || may_manage(&template.settings, directory, viewer)
}

fn was_asked(instance: &Instance, viewer: UserId) -> bool {
    instance.visits.iter().flat_map(|visit| &visit.slots).any(|slot| slot.is_or_was_with(viewer))
}

/// A template's managers and the workspace's administrators may change it.
pub fn may_manage(settings: &Settings, directory: &Directory, person: UserId) -> bool {
    settings.managers.contains(&person) && directory.is_active(person) || directory.is_admin(person)
}

/// Whoever a template is meant for may see and use it; so may those who change it.
pub fn may_use(settings: &Settings, directory: &Directory, person: UserId) -> bool {
    directory.in_scope(person, &settings.visible_to) || may_manage(settings, directory, person)
}
