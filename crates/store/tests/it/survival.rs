//! Killed processes, backups, several nodes that start at once, and databases that are too new.

use crate::databases::{on_both, on_postgres};
use crate::entities;
use crate::requests::{commenting, load, request, somebody, submit};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId};
use zhupi_engine::ledger::Follower;
use zhupi_store::{Committed, Error, Scanned, Store};

const VICTIM: &str = "ZHUPI_TEST_VICTIM";

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("zhupi-test-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.join("zhupi.db").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn check_integrity(path: &Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    let answer: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
}

/// All histories hold; says how many instances there are.
async fn check_all(store: &Store) -> usize {
    let all = store.scan_instances(None, 100_000).await.unwrap();
    for Scanned { tenant, stored, differing, .. } in &all {
        assert_eq!(differing, &[] as &[&str]);
        assert_eq!(store.check_tasks(*tenant, &stored.instance).await, Ok(vec![]));
        let mut follower = Follower::default();
        for row in store.load_history(*tenant, stored.instance.id).await.unwrap() {
            follower.follow(row.seq, &row.body, &row.hash).unwrap();
        }
        follower.finish(stored.instance.version, &stored.head).unwrap();
    }
    let histories = store.scan_histories(None, 100_000).await.unwrap();
    assert!(histories.len() == all.len() && histories.iter().all(|it| it.has_instance));
    all.len()
}

/// Commits as fast as it can and says what was acknowledged, until it is killed. Does nothing but for the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim_of_the_next_test() {
    let Ok(url) = std::env::var(VICTIM) else { return };
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let mut work = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        work.spawn(async move {
            let tenant = TenantId(Uuid::now_v7());
            let mut stored = submit(&store, tenant, &request(somebody(), &[somebody()], 1)).await;
            loop {
                let mut change = commenting(tenant, &stored, somebody(), 2);
                change.entity = Some(entities::step(stored.instance.version));
                let outcome = store.commit(change).await;
                assert_eq!(outcome, Ok(Committed::Done));
                stored = load(&store, tenant, stored.instance.id).await;
                println!("\nacknowledged {} {} {}", tenant, stored.instance.id, stored.instance.version);
            }
        });
    }
    work.join_all().await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let folder = Folder::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "survival::victim_of_the_next_test", "--nocapture"])
        .env(VICTIM, folder.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix("acknowledged ") {
            let parts: Vec<&str> = rest.split(' ').collect();
            acknowledged.push((parts[0].to_owned(), parts[1].to_owned(), parts[2].parse::<u64>().unwrap()));
        }
        if acknowledged.len() == 300 {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    assert_eq!(acknowledged.len(), 300);
    let store = Store::open(&folder.url()).await.unwrap();
    store.migrate().await.unwrap();
    for (tenant, id, version) in acknowledged {
        let (tenant, id) = (tenant.parse::<TenantId>().unwrap(), id.parse::<InstanceId>().unwrap());
        let now = load(&store, tenant, id).await.instance.version;
        assert!(now >= version);
        // The object was changed once with each of them, and its history tells of each.
        let object = store.load_entity(tenant, "Contract", "7").await.unwrap().unwrap();
        assert_eq!(object.revision.unsigned_abs() + 1, now);
        let page = zhupi_store::Page::first(100_000);
        let history = store.list_entity_history(tenant, "Contract", "7", &page).await.unwrap();
        assert_eq!(history.rows.len() as u64 + 1, now);
    }
    assert_eq!(check_all(&store).await, 8);
    store.close().await;
    check_integrity(&folder.0.join("zhupi.db"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_writing_is_whole() {
    let folder = Folder::new();
    let store = Store::open(&folder.url()).await.unwrap();
    store.migrate().await.unwrap();
    let tenant = TenantId(Uuid::now_v7());
    let mut stored = submit(&store, tenant, &request(somebody(), &[somebody()], 1)).await;
    let copy = folder.0.join("copy.db");
    let (backup, target) = (store.clone(), copy.clone());
    let backup = tokio::spawn(async move { backup.backup_to(&target).await });
    let mut version = 1;
    while !backup.is_finished() || version < 50 {
        assert_eq!(store.commit(commenting(tenant, &stored, somebody(), 2)).await, Ok(Committed::Done));
        stored = load(&store, tenant, stored.instance.id).await;
        version += 1;
    }
    assert_eq!(backup.await.unwrap(), Ok(()));
    assert!(matches!(store.backup_to(&copy).await, Err(Error::Io(_))), "never over another file");
    check_integrity(&copy);
    let copied = Store::open(&format!("sqlite:{}", copy.display())).await.unwrap();
    assert_eq!(check_all(&copied).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_migrate_once() {
    let folder = Folder::new();
    start_at_once(folder.url()).await;
    on_postgres(|store, url| async move {
        store.close().await;
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
        start_at_once(url).await;
    })
    .await;
}

async fn start_at_once(url: String) {
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = url.clone();
        nodes.spawn(async move {
            let store = Store::open(&url).await.unwrap();
            store.migrate().await.unwrap();
            store.prepare_all().await.unwrap();
            store.close().await;
        });
    }
    nodes.join_all().await;
}

#[tokio::test]
async fn a_database_of_a_newer_zhupi_is_refused() {
    let folder = Folder::new();
    let store = Store::open(&folder.url()).await.unwrap();
    store.migrate().await.unwrap();
    let db = rusqlite::Connection::open(folder.0.join("zhupi.db")).unwrap();
    db.execute("INSERT INTO migrations (number, name, applied_at) VALUES (9999, 'from the future', 0)", ())
        .unwrap();
    assert!(matches!(store.migrate().await, Err(Error::Newer { found: 9999, .. })));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    on_both(|store| async move {
        store.close().await;
        assert!(matches!(store.ping().await, Err(Error::Unavailable(_))));
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for address in ["mysql://localhost/zhupi", "postgres://localhost:not-a-port/zhupi"] {
        assert!(matches!(Store::open(address).await, Err(Error::Address(_))), "{address}");
    }
}

#[tokio::test]
async fn names_and_numbers_of_other_systems_lead_back_to_ours() {
    on_both(|store| async move {
        let (tenant, other) = (TenantId(Uuid::now_v7()), TenantId(Uuid::now_v7()));
        let ids = [0; 3].map(|_| Uuid::now_v7());
        store.put_alias(tenant, "flow", "F-1", ids[0]).await.unwrap();
        assert_eq!(store.alias(tenant, "flow", ids[0]).await.unwrap().as_deref(), Some("F-1"));
        assert_eq!(store.resolve_alias(tenant, "flow", "F-1").await, Ok(Some(ids[0])));
        assert_eq!(store.resolve_alias(other, "flow", "F-1").await, Ok(None));
        let taken = store.put_alias(tenant, "flow", "F-1", ids[1]).await;
        assert_eq!(taken, Err(Error::Duplicate { what: "aliases".to_owned() }));
        let mut work = tokio::task::JoinSet::new();
        for n in 0..30 {
            let store = store.clone();
            work.spawn(async move { (n % 3, store.number_for(tenant, "record", ids[n % 3]).await.unwrap()) });
        }
        let mut numbers = work.join_all().await;
        numbers.sort();
        numbers.dedup();
        let mut given: Vec<i64> = numbers.into_iter().map(|(_, number)| number).collect();
        given.sort();
        assert_eq!(given, [1, 2, 3]);
        let first = store.resolve_alias(tenant, "record", "1").await.unwrap().unwrap();
        assert!(ids.contains(&first));
    })
    .await;
}

#[tokio::test]
async fn numbers_given_by_hand_are_passed_over() {
    on_both(|store| async move {
        let tenant = TenantId(Uuid::now_v7());
        for number in 1..=20 {
            store.put_alias(tenant, "user", &number.to_string(), Uuid::now_v7()).await.unwrap();
        }
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let first = store.number_for(tenant, "user", one).await.unwrap();
        assert!(first > 20, "{first}");
        assert_eq!(store.number_for(tenant, "user", one).await, Ok(first));
        assert_eq!(store.number_for(tenant, "user", other).await, Ok(first + 1));
    })
    .await;
}
