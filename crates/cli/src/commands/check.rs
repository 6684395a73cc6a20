//! `zhupi check`: verify the history of every instance of every workspace, and that each instance is sound.

use super::migrate::open_existing;
use zhupi_engine::Instance;
use zhupi_engine::ids::{InstanceId, TenantId};
use zhupi_engine::ledger::{Entry, Follower, beginning, replay};
use zhupi_server::Config;
use zhupi_store::{HistoryRow, Scanned, Store, Stored};

/// How many instances are read at once, how many names of histories, and how often progress is told.
const AT_ONCE: u32 = 200;
const NAMES_AT_ONCE: u32 = 5_000;
const TOLD_EVERY: usize = 10_000;

#[derive(Default)]
struct Count {
    checked: usize,
    faulty: usize,
}

/// Whether everything fits. What does not is printed, a line for each fault.
pub async fn check(config: &Config, replay: bool) -> Result<(), String> {
    let store = open_existing(config).await?;
    let mut count = Count::default();
    check_instances(&store, replay, &mut count).await?;
    find_lost(&store, &mut count).await?;
    store.close().await;
    println!("{} instances checked, {} with faults", count.checked, count.faulty);
    if count.faulty == 0 { Ok(()) } else { Err("the database is not what was written".to_owned()) }
}

async fn check_instances(store: &Store, replay: bool, count: &mut Count) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = store.scan_instances(after, AT_ONCE).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.tenant, last.id));
        for scanned in &page {
            count.add(scanned.tenant, scanned.id, &check_one(store, scanned, replay).await?);
        }
    }
}

/// Histories whose instance was taken away.
async fn find_lost(store: &Store, count: &mut Count) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = store.scan_histories(after, NAMES_AT_ONCE).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.tenant, last.instance));
        for lost in page.iter().filter(|it| !it.has_instance) {
            let fault = "the instance is missing, but its history is there".to_owned();
            count.add(lost.tenant, lost.instance, &[fault]);
        }
    }
}

impl Count {
    fn add(&mut self, tenant: TenantId, instance: InstanceId, faults: &[String]) {
        for fault in faults {
            println!("workspace {tenant} instance {instance}: {fault}");
        }
        self.checked += 1;
        self.faulty += usize::from(!faults.is_empty());
        if self.checked.is_multiple_of(TOLD_EVERY) {
            eprintln!("{} instances checked, {} with faults", self.checked, self.faulty);
        }
    }
}

async fn check_one(store: &Store, scanned: &Scanned, replay: bool) -> Result<Vec<String>, String> {
    let Scanned { tenant, id, stored, differing } = scanned;
    let rows = store.load_history(*tenant, *id).await.map_err(|error| error.to_string())?;
    let mut faults = stored.instance.broken();
    faults.extend(differing.iter().map(|column| format!("its column `{column}` differs from its state")));
    match follow(*id, &rows, stored) {
        Ok(entries) if replay && rebuilt(&stored.instance, &entries) != stored.instance => {
            faults.push("the history leads to another state than the one that is kept".to_owned());
        }
        Ok(_) => {}
        Err(fault) => faults.push(fault),
    }
    if replay {
        let tasks = store.check_tasks(*tenant, &stored.instance).await;
        faults.extend(tasks.map_err(|error| error.to_string())?);
        let timers = store.check_timers(*tenant, &stored.instance).await;
        faults.extend(timers.map_err(|error| error.to_string())?);
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
    replay(beginning(kept, entries), entries)
}
