//! Looking again at the open tasks of people who begin or end an absence, or who have left: what has to move, moves. The
//! note that it is due was written together with its cause; sweeping twice does no harm.

use super::{Rhythm, go_round};
use crate::app::Shared;
use crate::app::act::Options;
use crate::error::Error;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, SYSTEM, TenantId, UserId};
use zhupi_engine::{Command, Directory};
use zhupi_store::Sweep;

/// Longer than a sweep should take; a longer one is begun again by somebody else, who finds less to do.
const LEASE_US: i64 = 300_000_000;
const POLL: Duration = Duration::from_secs(2);
const INSTANCES_AT_ONCE: u32 = 100;

/// Sweeps when it is due, until told to stop.
pub async fn run(app: Shared, stop: CancellationToken) {
    let rhythm =
        Rhythm { pause: || POLL, woken: Some(&app.wake.sweeps), trouble: "cannot sweep, and will try again" };
    go_round(&stop, rhythm, || sweep_one(&app)).await;
}

/// Does the sweep that is due longest. `false`: none is due.
pub async fn sweep_one(app: &Shared) -> Result<bool, Error> {
    let now = app.now_us();
    let Some(sweep) = app.store.due_sweep(now, now.saturating_add(LEASE_US)).await? else { return Ok(false) };
    // What asks for the sweep may have been written by another process a moment ago.
    app.directory_changed(sweep.tenant);
    let directory = app.directory(sweep.tenant).await?;
    for person in concerned(&directory, &sweep) {
        sweep_tasks_of(app, sweep.tenant, person).await?;
    }
    app.store.finish_sweep(&sweep).await?;
    Ok(true)
}

/// He himself, and whoever may hold what was his: his substitutes, and theirs.
fn concerned(directory: &Directory, sweep: &Sweep) -> Vec<UserId> {
    let mut people = vec![sweep.user];
    let mut place = 0;
    while let Some(person) = people.get(place).copied() {
        for absence in directory.absences_of(person) {
            if !people.contains(&absence.substitute) {
                people.push(absence.substitute);
            }
        }
        place += 1;
    }
    people
}

async fn sweep_tasks_of(app: &Shared, tenant: TenantId, person: UserId) -> Result<(), Error> {
    let mut after = InstanceId(Uuid::nil());
    loop {
        let page = app.store.list_asked_instances(tenant, person, after, INSTANCES_AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        for instance in page {
            sweep_instance(app, tenant, instance).await?;
        }
    }
}

/// An instance that refuses must not keep the others from being swept.
async fn sweep_instance(app: &Shared, tenant: TenantId, instance: InstanceId) -> Result<(), Error> {
    match app.act(tenant, SYSTEM, instance, Command::Sweep, Options::default()).await {
        Ok(_) => Ok(()),
        Err(error @ (Error::Unavailable(_) | Error::Conflict)) => Err(error),
        Err(error) => {
            let cause = error.cause().map_or_else(|| error.to_string(), str::to_owned);
            tracing::error!(%cause, instance_id = %instance, "open tasks could not be looked at again");
            Ok(())
        }
    }
}
