//! Timers: one row for each moment an instance waits for. The rows follow from the instance and are written together with
//! it, by `commit.rs`; they exist so that what is due is one short range of an index.

use crate::change::TimerChange;
use crate::error::{Error, Result};
use crate::sql::{Expect, Row, Sql, stmt};
use crate::store::Store;
use std::collections::BTreeMap;
use zhupi_engine::Instance;
use zhupi_engine::ids::{InstanceId, TenantId, TimerId, VisitId};

pub(crate) static ALL: &[&Sql] = &[&CLAIM, &FORGET, &KEPT];

static CLAIM: Sql = Sql::new(
    "UPDATE timers SET lease_until = $2
     WHERE lease_until <= $1 AND (tenant_id, instance_id, name) IN (
         SELECT tenant_id, instance_id, name FROM timers WHERE fire_at <= $1 AND lease_until <= $1
         ORDER BY fire_at LIMIT $3)
     RETURNING tenant_id, instance_id, name, fire_at",
);
/// Unless it was set again meanwhile.
static FORGET: Sql =
    Sql::new("DELETE FROM timers WHERE tenant_id = $1 AND instance_id = $2 AND name = $3 AND fire_at = $4");
static KEPT: Sql =
    Sql::new("SELECT name, fire_at FROM timers WHERE tenant_id = $1 AND instance_id = $2 ORDER BY name");

/// A timer that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerRow {
    /// Whose.
    pub tenant: TenantId,
    /// Of which instance.
    pub instance: InstanceId,
    /// Of which visit.
    pub visit: VisitId,
    /// Which.
    pub timer: TimerId,
    /// When it was to fire, in microseconds since 1970.
    pub fire_at: i64,
}

impl Store {
    /// Takes timers of all tenants that are due, for itself alone until `lease_until`. Firing one is a change that also
    /// cancels it; one that is not cancelled comes again.
    pub async fn due_timers(&self, now: i64, lease_until: i64, limit: u32) -> Result<Vec<TimerRow>> {
        let rows = self.write_returning(&CLAIM, vec![now.into(), lease_until.into(), limit.into()]).await?;
        rows.iter().map(timer).collect()
    }

    /// Takes away a timer that turned out to be no longer of use, unless it was set again meanwhile.
    pub async fn forget_timer(&self, row: &TimerRow) -> Result<()> {
        let name = name(row.visit, row.timer);
        let params = vec![row.tenant.into(), row.instance.into(), name.into(), row.fire_at.into()];
        self.write(vec![stmt(&FORGET, params, Expect::Any)]).await?.or_conflict()
    }

    /// Where the timer rows of an instance are not those that follow from its state; empty where all are.
    pub async fn check_timers(&self, tenant: TenantId, instance: &Instance) -> Result<Vec<String>> {
        let rows = self.query(&KEPT, vec![tenant.into(), instance.id.into()]).await?;
        let mut kept = BTreeMap::new();
        for row in &rows {
            kept.insert(row.text(0)?, row.i64(1)?);
        }
        let mut faults = Vec::new();
        for ((visit, timer), at) in waiting(instance) {
            match kept.remove(&name(visit, timer)) {
                None => faults.push(format!("timer {timer} of visit {visit} is missing")),
                Some(found) if found != at => {
                    faults.push(format!("timer {timer} of visit {visit} differs from its state"));
                }
                Some(_) => {}
            }
        }
        faults.extend(kept.into_keys().map(|name| format!("timer `{name}` does not follow from its state")));
        Ok(faults)
    }
}

/// What an accepted command changes among the timers of its instance.
pub(crate) fn changes(before: Option<&Instance>, next: &Instance) -> Vec<TimerChange> {
    let old = before.map(waiting).unwrap_or_default();
    let new = waiting(next);
    let gone = old.keys().filter(|key| !new.contains_key(key));
    let gone = gone.map(|(visit, timer)| TimerChange::Cancel { name: name(*visit, *timer) });
    let set = new
        .iter()
        .filter(|(key, at)| old.get(key) != Some(at))
        .map(|((visit, timer), at)| TimerChange::Set { name: name(*visit, *timer), fire_at: *at });
    gone.chain(set).collect()
}

/// The timers that have not fired, with their time in microseconds since 1970.
fn waiting(instance: &Instance) -> BTreeMap<(VisitId, TimerId), i64> {
    let timers = instance.visits.iter().flat_map(|visit| visit.timers.iter().map(|timer| (visit.id, timer)));
    let waiting = timers.filter(|(_, timer)| timer.runs());
    waiting.map(|(visit, timer)| ((visit, timer.id), timer.at.as_microsecond())).collect()
}

fn name(visit: VisitId, timer: TimerId) -> String {
    format!("{visit}:{timer}")
}

fn named(name: &str) -> Result<(VisitId, TimerId)> {
    let parts =
        name.split_once(':').and_then(|(visit, timer)| Some((visit.parse().ok()?, timer.parse().ok()?)));
    let (visit, timer) = parts.ok_or_else(|| Error::corrupt(format!("`{name}` is no name of a timer")))?;
    Ok((VisitId(visit), TimerId(timer)))
}

fn timer(row: &Row) -> Result<TimerRow> {
    let (visit, timer) = named(row.str(2)?)?;
    let (tenant, instance, fire_at) = (row.uuid(0)?.into(), row.uuid(1)?.into(), row.i64(3)?);
    Ok(TimerRow { tenant, instance, visit, timer, fire_at })
}
