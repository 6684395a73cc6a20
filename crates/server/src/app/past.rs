//! An instance as it was: rebuilt from its history, for whoever may see it today.

use crate::app::App;
use crate::app::access::Seen;
use crate::error::Error;
use crate::view::{access_of, access_to_past};
use jiff::Timestamp;
use zhupi_engine::form::FieldAccess;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::ledger::{Entry, beginning, replay};

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
        let access = access_of(now, &seen.template, &seen.directory, viewer);
        let template = self.template(tenant, then.template, then.template_version).await?;
        let access = access_to_past(&template, &seen.template, &access);
        seen.template = template;
        seen.stored.instance = then;
        Ok((seen, access))
    }
}
