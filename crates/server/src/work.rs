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
use std::time::Duration;
use tokio::sync::Notify;
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

/// What a worker does between two steps that found nothing.
struct Rhythm<'a> {
    pause: fn() -> Duration,
    /// It begins earlier when this is called.
    woken: Option<&'a Notify>,
    /// What a failed step is called in the log; the next one may succeed.
    trouble: &'static str,
}

/// Takes one step after the other while they find something to do, until told to stop.
async fn go_round<F>(stop: &CancellationToken, rhythm: Rhythm<'_>, step: impl Fn() -> F)
where
    F: Future<Output = Result<bool, Error>>,
{
    let Rhythm { pause, woken, trouble } = rhythm;
    let call = || async {
        match woken {
            Some(woken) => woken.notified().await,
            None => std::future::pending().await,
        }
    };
    while !stop.is_cancelled() {
        match step().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => tracing::warn!(%cause, "{trouble}"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = call() => {}
            () = tokio::time::sleep(pause()) => {}
        }
    }
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
