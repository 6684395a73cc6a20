//! An instance as it was: rebuilt from its history, for whoever may see it today.

use crate::app::App;
use crate::app::access::Seen;
use crate::error::Error;
use crate::view::access_to_past;
use jiff::Timestamp;
use std::sync::Arc;
use zhupi_engine::form::FieldAccess;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::ledger::{Entry, beginning, replay};
use zhupi_engine::{Event, Instance, Template};

/// Which of its states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// After so many accepted commands.
    Version(u64),
    /// After everything up to this time.
    Time(Timestamp),
}

/// A part of a history that was written under one version of the template.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// The number of its last entry.
    pub until: u64,
    /// The instance at its end.
    pub instance: Instance,
    /// That version; one that is not known counts as today's.
    pub template: Arc<Template>,
}

impl App {
    /// The instance at a moment of its past, with the template it followed then and what its reader may see of it. There is none before its beginning, nor
    /// at a version it has not reached.
    pub async fn see_past(
        &self,
        tenant: TenantId,
        viewer: UserId,
        id: InstanceId,
        moment: Moment,
    ) -> Result<(Seen, FieldAccess), Error> {
        let mut seen = self.see_instance(tenant, viewer, id).await?;
        let now = &seen.stored.instance;
        let mut entries = Vec::new();
        let mut later = Vec::new();
        for row in self.store.load_history(tenant, id).await? {
            let is_later = match moment {
                Moment::Version(version) => row.seq > version,
                Moment::Time(at) => row.at > at.as_microsecond(),
            };
            if row.seq > now.version {
                break;
            }
            let of = if is_later { &mut later } else { &mut entries };
            of.push(serde_json::from_str::<Entry>(&row.body).map_err(Error::internal)?);
        }
        let reached = entries.last().ok_or(Error::NotFound)?.seq;
        if matches!(moment, Moment::Version(version) if version != reached) {
            return Err(Error::NotFound);
        }
        let then = replay(beginning(now, entries.iter().chain(&later)), &entries);
        let template = self.template(tenant, then.template, then.template_version).await?;
        let today = (now, seen.template.as_ref());
        let access = access_to_past(std::slice::from_ref(&template), today, &seen.directory, viewer);
        seen.template = template;
        seen.stored.instance = then;
        Ok((seen, access))
    }

    /// A whole history in its chapters; there is always a last one.
    pub async fn chapters(
        &self,
        tenant: TenantId,
        seen: &Seen,
        entries: &[Entry],
    ) -> Result<Vec<Chapter>, Error> {
        let now = &seen.stored.instance;
        let mut chapters = Vec::new();
        let mut then = beginning(now, entries);
        for entry in entries {
            if entry.events.iter().any(|event| matches!(event, Event::Migrated { .. })) {
                let template = match then.template_version {
                    0 => Arc::clone(&seen.template),
                    known => self.template(tenant, now.template, known).await?,
                };
                chapters.push(Chapter { until: then.version, instance: then.clone(), template });
            }
            then = replay(then, [entry]);
        }
        let (instance, template) = (now.clone(), Arc::clone(&seen.template));
        chapters.push(Chapter { until: now.version, instance, template });
        Ok(chapters)
    }
}
