//! What is done without anybody waiting for it: deliveries, the jobs that follow from approvals of signing flows, and
//! looking at published templates again. A worker is a step function and a loop around it; tests call the step.

pub mod findings;
pub mod outbox;
pub mod schedule;
pub mod seal;
pub mod signature;
pub mod webhook;

use crate::app::{App, Shared};
use crate::error::Error;
use tokio_util::sync::CancellationToken;

/// Works until it is told to stop, and then finishes what was begun.
pub async fn run(app: Shared, stop: CancellationToken) {
    tokio::join!(
        outbox::run(app.clone(), stop.clone()),
        seal::run(app.clone(), stop.clone()),
        findings::run(app, stop)
    );
}

impl App {
    /// Does everything that is due by now, and what becomes due by doing it.
    pub async fn work_until_idle(&self) -> Result<(), Error> {
        while outbox::deliver_due(self).await? > 0
            || seal::prepare_one(self).await?
            || findings::check_one(self).await?
        {}
        Ok(())
    }
}
