//! `zhupi check`: verify the history of every instance of every workspace, and that each instance is sound.

use super::migrate::open_existing;
use zhupi_engine::Instance;
use zhupi_engine::ids::{InstanceId, TenantId};
use zhupi_engine::ledger::{Entry, Follower};
use zhupi_server::Config;
use zhupi_store::{HistoryRow, Store, Stored};

/// How many instances are read at once, and how often progress is told.
const AT_ONCE: u32 = 200;
const TOLD_EVERY: usize = 10_000;

/// Whether everything fits. What does not is printed, a line for each instance.
pub async fn check(config: &Config, replay: bool) -> Result<(), String> {
    let store = open_existing(config).await?;
    let (mut checked, mut faulty) = (0, 0);
    let mut after = None;
    loop {
        let page = store.scan_instances(after, AT_ONCE).await.map_err(|error| error.to_string())?;
        let Some((tenant, last)) = page.last() else { break };
        after = Some((*tenant, last.instance.id));
        for (tenant, stored) in &page {
            let faults = check_one(&store, *tenant, stored, replay).await?;
            for fault in &faults {
                println!("workspace {tenant} instance {}: {fault}", stored.instance.id);
            }
            checked += 1;
            faulty += usize::from(!faults.is_empty());
            if checked % TOLD_EVERY == 0 {
                eprintln!("{checked} instances checked, {faulty} with faults");
            }
        }
    }
    store.close().await;
    println!("{checked} instances checked, {faulty} with faults");
    if faulty == 0 { Ok(()) } else { Err("the database is not what was written".to_owned()) }
}

async fn check_one(
    store: &Store,
    tenant: TenantId,
    stored: &Stored,
    replay: bool,
) -> Result<Vec<String>, String> {
    let id = stored.instance.id;
    let rows = store.load_history(tenant, id).await.map_err(|error| error.to_string())?;
    let mut faults = stored.instance.broken();
    match follow(id, &rows, stored) {
        Ok(entries) if replay && rebuilt(&stored.instance, &entries) != stored.instance => {
            faults.push("the history leads to another state than the one that is kept".to_owned());
        }
        Ok(_) => {}
        Err(fault) => faults.push(fault),
    }
    Ok(faults)
}

/// The entries of a history that fits; else the first place where it does not.
fn follow(id: InstanceId, rows: &[HistoryRow], stored: &Stored) -> Result<Vec<Entry>, String> {
    let mut follower = Follower::default();
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let entry = follower.follow(row.seq, &row.body, &row.hash).map_err(|breach| breach.to_string())?;
        check_columns(id, row, &entry)?;
        entries.push(entry);
    }
    follower.finish(stored.instance.version, &stored.head).map_err(|breach| breach.to_string())?;
    Ok(entries)
}

/// What stands beside the text of an entry, for lists, has to say the same as the text.
fn check_columns(id: InstanceId, row: &HistoryRow, entry: &Entry) -> Result<(), String> {
    let same = entry.instance == id
        && entry.at.as_microsecond() == row.at
        && entry.actor == row.actor
        && entry.command == row.command;
    if same {
        Ok(())
    } else {
        Err(format!("entry {} was changed: its columns differ from its content", row.seq))
    }
}

/// The instance that a history leads to.
fn rebuilt(kept: &Instance, entries: &[Entry]) -> Instance {
    let mut instance = Instance::draft(kept.id, kept.template, kept.template_version, kept.initiator);
    for entry in entries {
        for event in &entry.events {
            instance.apply(event);
        }
        instance.version = entry.seq;
    }
    instance
}
