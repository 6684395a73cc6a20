//! Timers of instances: claimed when they are due, fired through the one write path, late rather than never. A worker that
//! dies leaves a lease that runs out. A timer fires once: firing takes its row away in the same write, and a timer that
//! has fired does nothing the second time.

use super::{Rhythm, go_round};
use crate::app::act::Options;
use crate::app::{App, Shared};
use crate::error::Error;
use futures_util::future::join_all;
use metrics::{counter, histogram};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zhupi_engine::Command;
use zhupi_engine::ids::{InstanceId, SYSTEM, TenantId};
use zhupi_store::TimerRow;

/// How many timers one process claims at once.
const BATCH: u32 = 64;
/// Longer than firing a batch can take.
const LEASE_US: i64 = 60_000_000;
const POLL_MS: std::ops::Range<u64> = 500..1_000;

/// Fires timers as they become due, until told to stop.
pub async fn run(app: Shared, stop: CancellationToken) {
    let rhythm = Rhythm {
        pause: || Duration::from_millis(fastrand::u64(POLL_MS)),
        woken: Some(&app.wake.timers),
        trouble: "cannot look for timers",
    };
    go_round(&stop, rhythm, || async { Ok(fire_due(&app).await? > 0) }).await;
}

/// Claims what is due and fires it: instances at the same time, the timers of one instance one after the other. Says how
/// many there were.
pub async fn fire_due(app: &Shared) -> Result<usize, Error> {
    let now = app.now_us();
    let rows = app.store.due_timers(now, now.saturating_add(LEASE_US), BATCH).await?;
    let mut by_instance: BTreeMap<(TenantId, InstanceId), Vec<TimerRow>> = BTreeMap::new();
    for row in &rows {
        by_instance.entry((row.tenant, row.instance)).or_default().push(*row);
    }
    join_all(by_instance.into_values().map(|rows| fire_in_order(app, rows))).await;
    Ok(rows.len())
}

async fn fire_in_order(app: &Shared, mut rows: Vec<TimerRow>) {
    rows.sort_by_key(|row| (row.fire_at, row.visit, row.timer));
    for row in rows {
        if let Err(cause) = fire_one(app, &row).await {
            let (instance_id, cause) =
                (row.instance, cause.cause().map_or_else(|| cause.to_string(), str::to_owned));
            tracing::warn!(%cause, %instance_id, "a timer could not be fired, and will be tried again");
        }
    }
}

/// Fires one timer. One that is not needed any more does nothing.
pub async fn fire_one(app: &Shared, row: &TimerRow) -> Result<(), Error> {
    let command = Command::Fire { visit: row.visit, timer: row.timer };
    match app.act(row.tenant, SYSTEM, row.instance, command, Options::default()).await {
        Ok(_) => {
            counter!("zhupi_timers_fired_total").increment(1);
            histogram!("zhupi_timer_lateness_seconds").record(lateness_s(app, row));
            Ok(())
        }
        // Nothing is left of the instance that it was set for.
        Err(Error::NotFound) => Ok(app.store.forget_timer(row).await?),
        Err(error) => Err(error),
    }
}

fn lateness_s(app: &App, row: &TimerRow) -> f64 {
    Duration::from_micros((app.now_us() - row.fire_at).max(0).unsigned_abs()).as_secs_f64()
}
