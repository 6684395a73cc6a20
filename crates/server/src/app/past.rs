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
use zhupi_engine::{Event, Template};

/// Which of its states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// After so many accepted commands.
    Version(u64),
    /// After everything up to this time.
    Time(Timestamp),
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

    /// The version of the template under which each entry of a whole history was recorded; one that is not known counts as
    /// today's.
    pub async fn versions_of(
        &self,
        tenant: TenantId,
        seen: &Seen,
        entries: &[Entry],
    ) -> Result<Vec<Arc<Template>>, Error> {
        let now = &seen.stored.instance;
        let mut version = beginning(now, entries).template_version;
        let mut versions = Vec::with_capacity(entries.len());
        for entry in entries {
            version = entry.events.iter().rev().find_map(new_version).unwrap_or(version);
            versions.push(match version {
                0 => Arc::clone(&seen.template),
                known => self.template(tenant, now.template, known).await?,
            });
        }
        Ok(versions)
    }
}

fn new_version(event: &Event) -> Option<u32> {
    if let Event::Migrated { version, .. } = event { Some(*version) } else { None }
}
