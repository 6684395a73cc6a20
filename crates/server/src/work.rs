//! What is done without anybody waiting for it: deliveries, timers, sweeps of open tasks, the jobs that follow from
//! approvals of signing flows, looking at published templates again, and forgetting what is outdated. A worker is a step
//! function and a loop around it; tests call the step.

pub mod children;
pub mod findings;
pub mod outbox;
pub mod retention;
pub mod schedule;
pub mod seal;
pub mod signature;
pub mod stuck;
pub mod sweeps;
pub mod timers;
pub mod trigger;
pub mod webhook;

use crate::app::{App, Shared};
use crate::error::Error;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Works until it is told to stop, and then finishes what was begun.
pub async fn run(app: Shared, stop: CancellationToken) {
    tokio::join!(
        outbox::run(app.clone(), stop.clone()),
        timers::run(app.clone(), stop.clone()),
        sweeps::run(app.clone(), stop.clone()),
        seal::run(app.clone(), stop.clone()),
        findings::run(app.clone(), stop.clone()),
        retention::run(app, stop),
    );
}

impl App {
    /// Does everything that is due by now, and what becomes due by doing it.
    pub async fn work_until_idle(self: &Arc<Self>) -> Result<(), Error> {
        while sweeps::sweep_one(self).await?
            || timers::fire_due(self).await? > 0
            || outbox::deliver_due(self).await? > 0
            || seal::prepare_one(self).await?
            || findings::check_one(self).await?
            || retention::forget_some(self).await?
        {}
        Ok(())
    }
}
