//! Any order of changes, decisions, withdrawals and deletions: the history of an object leads to what the object says, and
//! no trigger has two approvals of it open.

use super::Office;
use fastrand::Rng;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashSet};
use zhupi_engine::entity::{Data, RunState, Timing, lay, value};
use zhupi_engine::ids::{InstanceId, UserId};
use zhupi_engine::{Command, Status};
use zhupi_server::app::act::Options;
use zhupi_server::app::entities::{ToldOfEntity, What};
use zhupi_store::{EntryKind, Page, RunRow};

const SEEDS: u64 = 6;
const STEPS: usize = 60;
const FIELDS: [&str; 4] = ["title", "customer", "expect_amount", "stage"];

#[tokio::test]
async fn any_order_of_events_keeps_the_history_of_an_object_whole() {
    let office = Office::new().await;
    let mut seen = HashSet::new();
    for seed in 0..SEEDS {
        let sort = format!("Sort{seed}");
        let fields: Vec<Json> =
            FIELDS.iter().map(|id| json!({"id": id, "kind": "text", "title": id})).collect();
        let body = json!({"name": sort, "fields": fields, "stage_field": "stage"});
        let path = format!("/v1/entity-types/{sort}");
        let admin = &office.company.admin.session;
        office.company.app.call("PUT", &path).by(admin).json(&body).send().await.expect(200);
        let mut rng = Rng::with_seed(seed);
        draw_triggers(&office, &sort, &mut rng).await;
        for step in 0..STEPS {
            act(&office, &sort, &mut rng).await;
            check(&office, &sort, &mut seen)
                .await
                .unwrap_or_else(|why| panic!("seed {seed} step {step}: {why}"));
        }
    }
    // The walk is worth something only if it sees every end.
    for state in [RunState::Applied, RunState::Dropped, RunState::Reverted, RunState::Conflict] {
        assert!(seen.contains(&state), "{state:?} never happened");
    }
}

async fn draw_triggers(office: &Office, sort: &str, rng: &mut Rng) {
    let editable = |rng: &mut Rng| match rng.u8(..3) {
        0 => json!({"policy": "free", "material": ["nothing"]}),
        1 => json!({"policy": "free", "material": ["title"]}),
        _ => json!({"policy": "only", "fields": FIELDS}),
    };
    let deletion = |rng: &mut Rng| if rng.bool() { "forbidden" } else { "withdraws" };
    let apply = |rng: &mut Rng| if rng.bool() { "staged" } else { "then_revert" };
    for more in [
        json!({"on": "created"}),
        json!({"on": "updated", "watch": ["title"], "after": {"approved": {"set": {"customer": "hook"}}}}),
        json!({"on": "updated", "watch": ["customer"], "after": {"approved": {"set": {"title": "hook"}}}}),
        json!({"on": "stage_changed", "after": {"rejected": {"set": {"customer": "no"}}}}),
        json!({"on": "deleted"}),
    ] {
        let mut more = more;
        more["editable"] = editable(rng);
        more["deletion"] = json!(deletion(rng));
        more["apply"] = json!(apply(rng));
        office.trigger(sort, more).await;
    }
}

/// One random thing that somebody does; refusals are fine.
async fn act(office: &Office, sort: &str, rng: &mut Rng) {
    let (app, tenant, ann) = (&office.company.app.app, office.company.app.tenant, office.company.ann.id);
    let told = |what: What, data: Data| ToldOfEntity {
        entity_type: sort.to_owned(),
        id: "1".to_owned(),
        what,
        data,
        labels: BTreeMap::new(),
        title: None,
        seen: None,
    };
    let open = app.store.list_open_runs(tenant, sort, "1").await.unwrap();
    let running: Vec<&RunRow> = open.iter().filter(|run| run.run.state == RunState::Running).collect();
    let stuck: Vec<&RunRow> = open.iter().filter(|run| run.run.state == RunState::Conflict).collect();
    let outcome = match rng.u8(..20) {
        0..=9 => {
            let data = Data::from_iter([
                (rng.choice(FIELDS).unwrap().to_owned(), json!(rng.u8(..5).to_string())),
                (rng.choice(FIELDS).unwrap().to_owned(), json!(rng.u8(..5).to_string())),
            ]);
            app.tell_entity(tenant, ann, &told(What::Saved, data)).await.err()
        }
        10 => app.tell_entity(tenant, ann, &told(What::Deleted, Data::new())).await.err(),
        11 if !stuck.is_empty() => {
            settle(office, stuck[0], rng).await;
            None
        }
        12 => {
            let latest = app.store.list_entity_runs(tenant, sort, "1", &Page::first(1)).await.unwrap().rows;
            match latest.first() {
                Some(run) => app.resubmit_entity(tenant, ann, run.instance).await.err(),
                None => None,
            }
        }
        _ if running.is_empty() => None,
        verb => decide(office, running[rng.usize(..running.len())].instance, verb).await,
    };
    if let Some(error) = outcome {
        assert!(error.status().is_client_error(), "{error}");
    }
}

async fn decide(office: &Office, instance: InstanceId, verb: u8) -> Option<zhupi_server::error::Error> {
    let (app, tenant) = (&office.company.app.app, office.company.app.tenant);
    let stored = app.store.load_instance(tenant, instance).await.unwrap().unwrap();
    let slot = stored.instance.pending().next().map(|(_, slot)| slot.id)?;
    let words = |words: &str| zhupi_engine::command::Opinion::new(slot, words.to_owned());
    let (who, command): (UserId, Command) = match verb {
        13..=16 => (office.company.bob.id, Command::Approve(words("yes"))),
        17 | 18 => (office.company.bob.id, Command::Reject(words("no"))),
        _ => (office.company.ann.id, Command::Withdraw { reason: "enough".to_owned() }),
    };
    app.act(tenant, who, instance, command, Options::default()).await.err()
}

async fn settle(office: &Office, run: &RunRow, rng: &mut Rng) {
    let (app, tenant) = (&office.company.app.app, office.company.app.tenant);
    let row = app.store.load_entity(tenant, &run.entity_type, "1").await.unwrap().unwrap();
    let choice =
        if rng.bool() { zhupi_engine::entity::Choice::Ours } else { zhupi_engine::entity::Choice::Theirs };
    let admin = office.company.admin.id;
    app.resolve_conflict(tenant, admin, run.instance, &choice, row.revision).await.unwrap();
}

async fn check(office: &Office, sort: &str, seen: &mut HashSet<RunState>) -> Result<(), String> {
    let (store, tenant) = (&office.company.app.app.store, office.company.app.tenant);
    let Some(row) = store.load_entity(tenant, sort, "1").await.unwrap() else { return Ok(()) };
    let mut history = store.list_entity_history(tenant, sort, "1", &Page::first(1000)).await.unwrap().rows;
    history.reverse();
    let revisions: Vec<i64> = history.iter().map(|entry| entry.revision).collect();
    if revisions != (1..=row.revision).collect::<Vec<_>>() {
        return Err(format!("revisions {revisions:?} of {}", row.revision));
    }
    let runs = store.list_entity_runs(tenant, sort, "1", &Page::first(1000)).await.unwrap().rows;
    let mut says = Data::new();
    for entry in &history {
        let of = entry.instance.and_then(|id| runs.iter().find(|run| run.instance == id));
        if entry.instance.is_some() != of.is_some() {
            return Err(format!("entry {} names no approval", entry.revision));
        }
        let in_place = of.is_some_and(|run| {
            run.run.on == Timing::Created || run.run.apply == zhupi_engine::entity::Apply::ThenRevert
        });
        let changes = match entry.kind {
            EntryKind::Asked | EntryKind::Conflict => false,
            EntryKind::Amended => in_place,
            EntryKind::Created if entry.revision > 1 => {
                says = Data::new();
                true
            }
            EntryKind::Created
            | EntryKind::Changed
            | EntryKind::Ahead
            | EntryKind::Applied
            | EntryKind::Dropped
            | EntryKind::Reverted
            | EntryKind::Resolved
            | EntryKind::Deleted => true,
        };
        if changes {
            let stale = entry.changes.iter().find(|change| *value(&says, &change.field) != change.old);
            if let Some(change) = stale {
                return Err(format!("entry {} of {} is not based on what was", entry.revision, change.field));
            }
            lay(&mut says, &entry.changes);
        }
    }
    if says != row.data {
        return Err(format!("the history says {says:?}, the object {:?}", row.data));
    }
    check_runs(office, &runs, seen).await
}

async fn check_runs(office: &Office, runs: &[RunRow], seen: &mut HashSet<RunState>) -> Result<(), String> {
    let (store, tenant) = (&office.company.app.app.store, office.company.app.tenant);
    let mut open = HashSet::new();
    for run in runs {
        seen.insert(run.run.state);
        if run.run.state.is_open() && !open.insert(run.trigger) {
            return Err(format!("trigger {} has two open approvals", run.trigger));
        }
        let status = store.load_instance(tenant, run.instance).await.unwrap().unwrap().instance.status;
        if (run.run.state == RunState::Running) != (status == Status::Running) {
            return Err(format!("approval {} is {:?}, its instance {status:?}", run.instance, run.run.state));
        }
        if run.run.state.is_open() == run.settled_at.is_some() {
            return Err(format!("approval {} does not know whether it is settled", run.instance));
        }
    }
    Ok(())
}
