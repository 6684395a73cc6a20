//! A closed loop of clients: each asks again as soon as it has its answer.

use crate::meter;
use crate::subject::Subject;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What came of a run.
#[derive(Clone, Default)]
pub struct Sample {
    pub actions: u64,
    pub failed: u64,
    pub per_second: f64,
    pub p50_us: u32,
    pub p99_us: u32,
    /// Processor time of everything that belongs to the subject, the clients included.
    pub cpu_us: f64,
    /// Part of the machine's work that was not ours.
    pub foreign: f64,
    pub why_failed: Option<String>,
}

struct Client {
    latencies_us: Vec<u32>,
    failed: u64,
    why_failed: Option<String>,
}

/// Lets `clients` of them act for a while.
pub async fn drive(subject: &Arc<Subject>, clients: usize, duration: Duration) -> Sample {
    let (ours, all) = (subject.cpu_us(), meter::machine_cpu_us());
    let started = Instant::now();
    let deadline = started + duration;
    let running: Vec<_> =
        (0..clients).map(|client| tokio::spawn(one(subject.clone(), client, deadline))).collect();
    let mut latencies = Vec::new();
    let mut sample = Sample::default();
    for client in running {
        let Ok(client) = client.await else { continue };
        latencies.extend(client.latencies_us);
        sample.failed += client.failed;
        sample.why_failed = sample.why_failed.or(client.why_failed);
    }
    let seconds = started.elapsed().as_secs_f64();
    let ours = subject.cpu_us().saturating_sub(ours) as f64;
    let all = meter::machine_cpu_us().saturating_sub(all) as f64;
    latencies.sort_unstable();
    sample.actions = latencies.len() as u64;
    sample.per_second = sample.actions as f64 / seconds;
    sample.p50_us = meter::quantile(&latencies, 0.5);
    sample.p99_us = meter::quantile(&latencies, 0.99);
    sample.cpu_us = ours / (sample.actions.max(1)) as f64;
    sample.foreign = if all > 0.0 { ((all - ours) / all).max(0.0) } else { 0.0 };
    sample
}

async fn one(subject: Arc<Subject>, number: usize, deadline: Instant) -> Client {
    let mut client = Client { latencies_us: Vec::with_capacity(4096), failed: 0, why_failed: None };
    while Instant::now() < deadline {
        let Some(ticket) = subject.next_ticket() else {
            client.why_failed = Some("no work is left; ask for more instances".to_owned());
            break;
        };
        let started = Instant::now();
        match subject.act(number, ticket).await {
            Ok(()) => client.latencies_us.push(started.elapsed().as_micros() as u32),
            Err(why) => {
                client.failed += 1;
                client.why_failed = Some(why);
            }
        }
    }
    client
}
