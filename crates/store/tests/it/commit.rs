//! Changes are committed together, each for itself, and never lost.

use crate::databases::{on_both, on_postgres};
use crate::requests::{act, approve, at, commenting, load, request, somebody, submit, tell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::task::JoinSet;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId};
use zhupi_engine::ledger::Follower;
use zhupi_store::{Change, Committed, Error, IdempotencyRow, NewDelivery, Store};

fn tenant() -> TenantId {
    TenantId(Uuid::now_v7())
}

/// The chain of an instance holds and ends where the instance says.
async fn check_history(store: &Store, tenant: TenantId, id: InstanceId) -> u64 {
    let stored = load(store, tenant, id).await;
    let mut follower = Follower::default();
    for row in store.load_history(tenant, id).await.unwrap() {
        follower.follow(row.seq, &row.body, &row.hash).unwrap();
    }
    follower.finish(stored.instance.version, &stored.head).unwrap();
    stored.instance.version
}

#[tokio::test]
async fn what_is_committed_is_loaded_again() {
    on_both(|store| async move {
        let tenant = tenant();
        let made = request(somebody(), &[somebody()], 5);
        let change =
            Change::first(tenant, &made, act(made.initiator, 5, "x"), Some("CRM-1".to_owned())).unwrap();
        let head = change.head();
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        let stored = load(&store, tenant, made.id).await;
        assert_eq!(stored.instance, made);
        assert_eq!(stored.head, head);
        assert_eq!(stored.meta.business_key.as_deref(), Some("CRM-1"));
        assert_eq!(stored.meta.created_at, at(5).as_microsecond());
        assert_eq!(check_history(&store, tenant, made.id).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_second_change_of_one_version_is_a_conflict() {
    on_both(|store| async move {
        let tenant = tenant();
        let before = submit(&store, tenant, &request(somebody(), &[somebody()], 1)).await;
        let (one, other) = (somebody(), somebody());
        let first = store.commit(commenting(tenant, &before, one, 2)).await;
        let second = store.commit(commenting(tenant, &before, other, 2)).await;
        assert_eq!((first, second), (Ok(Committed::Done), Ok(Committed::Conflict)));
        let again = Change::first(tenant, &before.instance, act(one, 3, "again"), None).unwrap();
        assert_eq!(store.commit(again).await, Ok(Committed::Conflict));
        assert_eq!(check_history(&store, tenant, before.instance.id).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_used_once_and_leads_back_to_its_instance() {
    on_both(|store| async move {
        let tenant = tenant();
        let user = somebody();
        let row = |instance| IdempotencyRow {
            user,
            key: "k1".to_owned(),
            request_hash: [7; 32],
            instance,
            created_at: 5,
        };
        let (one, other) = (request(user, &[user], 1), request(user, &[user], 2));
        let mut outcomes = Vec::new();
        for made in [&one, &other] {
            let mut change = Change::first(tenant, made, act(user, 1, "x"), None).unwrap();
            change.idempotency = Some(row(made.id));
            outcomes.push(store.commit(change).await.unwrap());
        }
        assert_eq!(outcomes, [Committed::Done, Committed::DuplicateKey]);
        assert_eq!(store.load_instance(tenant, other.id).await, Ok(None));
        assert_eq!(store.find_idempotent(tenant, user, "k1").await, Ok(Some(row(one.id))));
        assert_eq!(store.find_idempotent(tenant, somebody(), "k1").await, Ok(None));
    })
    .await;
}

/// Asks for many changes at the same moment; every third one is doomed in one way or another.
#[tokio::test]
async fn a_change_that_fails_does_not_fail_its_neighbours() {
    on_both(|store| async move {
        let tenant = tenant();
        let user = somebody();
        let stale = submit(&store, tenant, &request(user, &[user], 1)).await;
        submit_with_key(&store, tenant, &request(user, &[user], 1), "taken").await.unwrap();
        store.commit(commenting(tenant, &stale, user, 2)).await.unwrap();
        let mut work = JoinSet::new();
        for n in 0..90 {
            let (store, stale) = (store.clone(), stale.clone());
            work.spawn(async move {
                let made = request(user, &[user], n);
                let (expected, outcome) = match n % 9 {
                    3 => (Committed::Conflict, store.commit(commenting(tenant, &stale, user, n)).await),
                    6 => (Committed::DuplicateKey, submit_with_key(&store, tenant, &made, "taken").await),
                    _ => (Committed::Done, submit_with_key(&store, tenant, &made, &format!("key {n}")).await),
                };
                assert_eq!(outcome, Ok(expected), "change {n}");
                if expected == Committed::Done {
                    assert_eq!(check_history(&store, tenant, made.id).await, 1);
                }
            });
        }
        work.join_all().await;
        assert_eq!(check_history(&store, tenant, stale.instance.id).await, 2);
    })
    .await;
}

async fn submit_with_key(
    store: &Store,
    tenant: TenantId,
    made: &zhupi_engine::Instance,
    key: &str,
) -> Result<Committed, Error> {
    let mut change = Change::first(tenant, made, act(made.initiator, 1, "x"), None)?;
    change.idempotency = Some(IdempotencyRow {
        user: made.initiator,
        key: key.to_owned(),
        request_hash: [1; 32],
        instance: made.id,
        created_at: 1,
    });
    store.commit(change).await
}

/// Many people comment on few instances, each trying again after a conflict. No comment is lost or counted twice.
async fn crowd(store: &Store, tenant: TenantId, ids: &[InstanceId], people: usize, comments: usize) {
    let ids: Arc<[InstanceId]> = ids.into();
    let mut work = JoinSet::new();
    for person in 0..people {
        let (store, ids) = (store.clone(), Arc::clone(&ids));
        work.spawn(async move {
            let by = somebody();
            for n in 0..comments {
                let id = ids[(person * 31 + n * 17) % ids.len()];
                loop {
                    let before = load(&store, tenant, id).await;
                    match store.commit(commenting(tenant, &before, by, 9)).await.unwrap() {
                        Committed::Done => break,
                        Committed::Conflict => tokio::task::yield_now().await,
                        Committed::DuplicateKey => panic!("there is no key"),
                    }
                }
            }
        });
    }
    work.join_all().await;
}

async fn submit_many(store: &Store, tenant: TenantId, number: i64) -> Vec<InstanceId> {
    let mut work = JoinSet::new();
    for n in 0..number {
        let store = store.clone();
        work.spawn(async move {
            submit(&store, tenant, &request(somebody(), &[somebody()], n)).await.instance.id
        });
    }
    work.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_share_commits_and_none_is_lost() {
    on_both(|store| async move {
        let tenant = tenant();
        let ids = submit_many(&store, tenant, 200).await;
        let before = store.counters();
        crowd(&store, tenant, &ids, 64, 10).await;
        let after = store.counters();
        let mut accepted = 0;
        for &id in &ids {
            accepted += check_history(&store, tenant, id).await - 1;
            let stored = load(&store, tenant, id).await;
            assert_eq!(stored.instance.comments.len() as u64, stored.instance.version - 1);
        }
        assert_eq!(accepted, 640);
        let commits = after.commits - before.commits;
        assert!(commits < 640 / 2, "{commits} commits for 640 changes");
        let trips = after.round_trips - before.round_trips;
        assert!(trips < 640, "{trips} round trips for 640 changes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_one_database_lose_nothing() {
    on_postgres(|store, address| async move {
        let tenant = tenant();
        let ids = submit_many(&store, tenant, 30).await;
        let other = Store::open(&address).await.unwrap();
        let [here, there] = [&store, &other].map(|node| crowd(node, tenant, &ids, 24, 10));
        tokio::join!(here, there);
        let mut accepted = 0;
        for &id in &ids {
            accepted += check_history(&store, tenant, id).await - 1;
        }
        assert_eq!(accepted, 480);
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_loses_no_change_and_doubles_none() {
    on_postgres(|store, server| async move {
        let tenant = tenant();
        let ids = submit_many(&store, tenant, 40).await;
        let done = Arc::new(AtomicUsize::new(0));
        let killer = tokio::spawn(cut_connections(server, Arc::clone(&done)));
        crowd(&store, tenant, &ids, 16, 40).await;
        done.store(1, Relaxed);
        assert!(killer.await.unwrap() > 0, "nothing was cut");
        let mut accepted = 0;
        for &id in &ids {
            accepted += check_history(&store, tenant, id).await - 1;
        }
        assert_eq!(accepted, 640);
    })
    .await;
}

/// Ends all connections of the store again and again; says how many.
async fn cut_connections(database: String, done: Arc<AtomicUsize>) -> i64 {
    let (client, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut cut = 0;
    for _ in 0..2 {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND pg_sleep(0.02) IS NOT NULL";
        cut += client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        if done.load(Relaxed) > 0 {
            break;
        }
    }
    cut
}

#[tokio::test]
async fn a_change_goes_to_its_end_when_its_caller_goes_away() {
    on_both(|store| async move {
        let tenant = tenant();
        let before = submit(&store, tenant, &request(somebody(), &[somebody()], 1)).await;
        let mut commit = Box::pin(store.commit(commenting(tenant, &before, somebody(), 2)));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(commit.as_mut().poll(cx))).await;
        drop(commit);
        if polled.is_pending() {
            // The next change of the same instance queues behind it.
            let behind = store.commit(commenting(tenant, &before, somebody(), 3)).await;
            assert_eq!(behind, Ok(Committed::Conflict));
        }
        assert_eq!(check_history(&store, tenant, before.instance.id).await, 2);
    })
    .await;
}

#[tokio::test]
async fn deliveries_come_with_their_change_or_not_at_all() {
    on_both(|store| async move {
        let tenant = tenant();
        let before = submit(&store, tenant, &request(somebody(), &[somebody()], 1)).await;
        let telling = |target: &str| {
            let mut change = commenting(tenant, &before, somebody(), 2);
            change.outbox.push(NewDelivery {
                id: Uuid::now_v7(),
                kind: "test".to_owned(),
                target: target.to_owned(),
                payload: "{}".to_owned(),
                due_at: 100,
            });
            change
        };
        assert_eq!(store.commit(telling("one")).await, Ok(Committed::Done));
        assert_eq!(store.commit(telling("other")).await, Ok(Committed::Conflict));
        let due = store.claim_deliveries(100, 500, 10).await.unwrap();
        assert_eq!(due.iter().map(|it| it.target.as_str()).collect::<Vec<_>>(), ["one"]);
    })
    .await;
}

#[tokio::test]
async fn one_tenant_never_sees_the_rows_of_another() {
    on_both(|store| async move {
        let (ours, theirs) = (tenant(), tenant());
        let (initiator, asked) = (somebody(), somebody());
        let mut made = request(initiator, &[asked], 1);
        tell(&mut made, asked, 1);
        let before = submit(&store, ours, &made).await;
        assert_eq!(store.load_instance(theirs, made.id).await, Ok(None));
        assert_eq!(store.load_history(theirs, made.id).await, Ok(vec![]));
        assert_eq!(store.count_boxes(theirs, asked).await, Ok(Default::default()));
        let mut next = made.clone();
        approve(&mut next, 0, asked, 2);
        let foreign = Change::following(theirs, &before, &next, act(asked, 2, "x")).unwrap();
        assert_eq!(store.commit(foreign).await, Ok(Committed::Conflict));
        assert_eq!(check_history(&store, ours, made.id).await, 1);
    })
    .await;
}
