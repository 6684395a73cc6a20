//! Deliveries: claimed, tried, written down. At least once: a worker that dies leaves a lease that runs out.

use super::children::{self, ANSWER, BEGIN_CHILD, END_CHILD};
use super::trigger::{self, TRIGGER};
use super::{schedule, stuck, webhook};
use crate::app::{App, Shared};
use crate::compat;
use crate::error::Error;
use crate::outbound::{Call, Reply};
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zhupi_store::{Attempt, Delivery, Outcome};

/// The kind of delivery that goes to a webhook of ours: its target is the webhook's id, its payload the body.
pub const WEBHOOK: &str = "webhook";
/// The kind that tells a business system of a completion: its payload is the body of the call.
pub const BPM_COMPLETE: &str = "bpm_complete";
/// The target of completions; a workspace has one business system.
pub const COMPLETION_TARGET: &str = "completion";

/// How many deliveries one process has under way at most.
const PARALLEL: usize = 32;
/// Longer than any attempt can take.
const LEASE: Duration = Duration::from_secs(60);
const OBSERVE: Duration = Duration::from_secs(5);
const POLL_MS: std::ops::Range<u64> = 250..500;

/// Why something was not delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Another attempt may help.
    Again(String),
    /// Nothing will help.
    Never(String),
    /// Nothing will help, and everybody who sees the instance may know so much of why: no address, no value of a form.
    Refused { why: String, told: String },
}

impl Trouble {
    /// All that is known of why, for those who look after deliveries.
    fn why(&self) -> &str {
        match self {
            Trouble::Again(why) | Trouble::Never(why) | Trouble::Refused { why, .. } => why,
        }
    }

    /// What everybody may know of why.
    pub fn told(&self) -> Option<&str> {
        match self {
            Trouble::Refused { told, .. } => Some(told),
            Trouble::Again(_) | Trouble::Never(_) => None,
        }
    }
}

/// What an attempt brought.
struct Tried {
    reply: Option<Reply>,
    result: Result<(), Trouble>,
}

/// Whether an answer says that the other side took it.
type Verdict = fn(&Reply) -> Result<(), String>;

/// Claims what is due and tries each once. Says how many there were.
pub async fn deliver_due(app: &Shared) -> Result<usize, Error> {
    let due = claim(app, PARALLEL).await?;
    for done in join_all(due.iter().map(|delivery| deliver_one(app, delivery))).await {
        done?;
    }
    Ok(due.len())
}

/// Delivers what is due, as soon as it is, until told to stop.
pub async fn run(app: Shared, stop: CancellationToken) {
    let mut under_way = JoinSet::new();
    let mut observed: Option<Instant> = None;
    while !stop.is_cancelled() {
        match claim(&app, PARALLEL - under_way.len()).await {
            Ok(claimed) => claimed.into_iter().for_each(|delivery| start(&app, &mut under_way, delivery)),
            Err(cause) => tracing::warn!(%cause, "cannot look for deliveries"),
        }
        if observed.is_none_or(|at| at.elapsed() > OBSERVE) {
            observe_backlog(&app).await;
            observed = Some(Instant::now());
        }
        let has_room = under_way.len() < PARALLEL;
        tokio::select! {
            () = stop.cancelled() => {}
            _ = under_way.join_next(), if !under_way.is_empty() => {}
            () = app.wake.outbox.notified(), if has_room => {}
            () = tokio::time::sleep(Duration::from_millis(fastrand::u64(POLL_MS))), if has_room => {}
        }
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

fn start(app: &Shared, under_way: &mut JoinSet<()>, delivery: Delivery) {
    let app = app.clone();
    under_way.spawn(async move {
        if let Err(cause) = deliver_one(&app, &delivery).await {
            tracing::warn!(%cause, delivery_id = %delivery.id, "a delivery could not be recorded");
        }
    });
}

async fn claim(app: &App, limit: usize) -> Result<Vec<Delivery>, Error> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let now = app.now_us();
    Ok(app.store.claim_deliveries(now, now + micros(LEASE), limit).await?)
}

/// Tries a claimed delivery once and writes down what came of it. An error says that nothing was written, so that the
/// lease runs out and the delivery is tried again.
async fn deliver_one(app: &Shared, delivery: &Delivery) -> Result<(), Error> {
    let at = app.now_us();
    let begun = Instant::now();
    let Tried { reply, result } = attempt(app, delivery).await?;
    let took = begun.elapsed();
    let number = delivery.attempts + 1;
    let outcome = outcome_of(delivery, &result, app.now_us());
    let trouble = result.err();
    let attempt = Attempt {
        number,
        at,
        duration_us: micros(took),
        status: reply.as_ref().map(|reply| reply.status),
        response: reply.map(|reply| reply.body.replace('\0', "\u{fffd}")).unwrap_or_default(),
        error: trouble.as_ref().map(|it| it.why().to_owned()),
    };
    count(delivery, outcome, took);
    if let (Outcome::Dead, Some(trouble)) = (outcome, &trouble) {
        let why = trouble.told().unwrap_or(trouble.why());
        tracing::warn!(delivery_id = %delivery.id, kind = delivery.kind, why, "a delivery is dead");
        stuck::stop(app, delivery, trouble).await?;
    }
    if app.store.record_attempt(delivery, &attempt, outcome).await? {
        return Ok(());
    }
    tracing::warn!(delivery_id = %delivery.id, "a delivery took longer than its lease");
    Ok(())
}

async fn attempt(app: &Shared, delivery: &Delivery) -> Result<Tried, Error> {
    let done = match delivery.kind.as_str() {
        BEGIN_CHILD => children::begin(app, delivery).await,
        END_CHILD => children::end(app, delivery).await,
        ANSWER => children::answer(app, delivery).await,
        _ => return call(app, delivery).await,
    };
    Ok(Tried { reply: None, result: done })
}

/// Calls another system.
async fn call(app: &App, delivery: &Delivery) -> Result<Tried, Error> {
    let (prepared, verdict): (_, Verdict) = match delivery.kind.as_str() {
        WEBHOOK => (webhook::call(app, delivery).await, webhook::verdict),
        TRIGGER => (trigger::call(app, delivery), webhook::verdict),
        BPM_COMPLETE => (compat::bpm::call(app, delivery).await, compat::bpm::verdict),
        other => (Ok(Err(Trouble::Never(format!("nobody delivers `{other}`")))), webhook::verdict),
    };
    let call: Call = match prepared {
        Ok(Ok(call)) => call,
        Ok(Err(trouble)) => return Ok(Tried { reply: None, result: Err(trouble) }),
        Err(Error::Internal(cause)) => {
            tracing::error!(%cause, delivery_id = %delivery.id, "a call could not be made ready");
            let trouble = Trouble::Again("the call could not be made ready; the log says why".to_owned());
            return Ok(Tried { reply: None, result: Err(trouble) });
        }
        Err(error) => return Err(error),
    };
    // A refused address may be another one tomorrow, or be allowed by then.
    Ok(match app.outbound.send(call).await {
        Ok(reply) => Tried { result: verdict(&reply).map_err(Trouble::Again), reply: Some(reply) },
        Err(failure) => Tried { reply: None, result: Err(Trouble::Again(failure.to_string())) },
    })
}

fn outcome_of(delivery: &Delivery, result: &Result<(), Trouble>, now: i64) -> Outcome {
    match result {
        Ok(()) => Outcome::Delivered,
        Err(Trouble::Never(_) | Trouble::Refused { .. }) => Outcome::Dead,
        Err(Trouble::Again(_)) => {
            let number = delivery.attempts - delivery.attempts_before + 1;
            match schedule::pause_after(number, fastrand::u8(..)) {
                Some(pause) => Outcome::Retry { at: now + micros(pause) },
                None => Outcome::Dead,
            }
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn count(delivery: &Delivery, outcome: Outcome, took: Duration) {
    let word = match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Dead => "dead",
    };
    let kind = delivery.kind.clone();
    metrics::counter!("zhupi_delivery_attempts_total", "kind" => kind.clone(), "outcome" => word)
        .increment(1);
    metrics::histogram!("zhupi_delivery_seconds", "kind" => kind).record(took.as_secs_f64());
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; these are small numbers")]
async fn observe_backlog(app: &App) {
    let Ok(backlog) = app.store.delivery_backlog().await else { return };
    let waits_s = backlog.oldest_due.map_or(0, |due| (app.now_us() - due).max(0) / 1_000_000);
    metrics::gauge!("zhupi_deliveries_waiting").set(backlog.waiting as f64);
    metrics::gauge!("zhupi_deliveries_overdue_seconds").set(waits_s as f64);
}
