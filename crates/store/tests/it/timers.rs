//! Timer rows follow from their instance, and are claimed by one worker at a time.

use crate::databases::on_both;
use crate::requests::{act, at, request, somebody};
use uuid::Uuid;
use zhupi_engine::Instance;
use zhupi_engine::ids::{InstanceId, TenantId, TimerId, VisitId};
use zhupi_engine::instance::{Timer, VisitState};
use zhupi_store::{Change, Committed, Store, TimerRow};

fn timer(id: u32, second: i64) -> Timer {
    Timer { id: TimerId(id), at: at(second), action: Some(0), slot: None, fired: false, stopped: None }
}

fn us(second: i64) -> i64 {
    at(second).as_microsecond()
}

async fn begin(store: &Store, tenant: TenantId, timers: &[Timer]) -> Instance {
    let mut made = request(somebody(), &[somebody()], 1);
    made.visits[0].timers = timers.to_vec();
    let change = Change::first(tenant, &made, act(made.initiator, 1, "x"), None).unwrap();
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
    made
}

async fn go_on(store: &Store, tenant: TenantId, id: InstanceId, change: impl Fn(&mut Instance)) -> Instance {
    let before = store.load_instance(tenant, id).await.unwrap().unwrap();
    let mut next = before.instance.clone();
    change(&mut next);
    next.version += 1;
    let change = Change::following(tenant, &before, &next, act(next.initiator, 2, "x")).unwrap();
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
    assert_eq!(store.check_timers(tenant, &next).await.unwrap(), Vec::<String>::new());
    next
}

/// Which timers are due, with the time they were set for.
async fn due(store: &Store, now: i64) -> Vec<(u32, i64)> {
    let mut rows = store.due_timers(us(now), us(now), 100).await.unwrap();
    rows.sort_by_key(|row| (row.fire_at, row.timer));
    rows.iter().map(|row| (row.timer.0, (row.fire_at - us(0)) / 1_000_000)).collect()
}

#[tokio::test]
async fn timers_are_set_moved_and_taken_away_with_their_instance() {
    on_both(|store| async move {
        let tenant = TenantId(Uuid::now_v7());
        let made = begin(&store, tenant, &[timer(0, 10), timer(1, 20)]).await;
        assert_eq!(store.check_timers(tenant, &made).await.unwrap(), Vec::<String>::new());
        assert_eq!(due(&store, 9).await, []);
        assert_eq!(due(&store, 20).await, [(0, 10), (1, 20)]);

        go_on(&store, tenant, made.id, |it| it.visits[0].timers = vec![timer(1, 30), timer(2, 40)]).await;
        assert_eq!(due(&store, 99).await, [(1, 30), (2, 40)]);
        go_on(&store, tenant, made.id, |it| it.visits[0].timers[0].fired = true).await;
        assert_eq!(due(&store, 99).await, [(2, 40)]);
        go_on(&store, tenant, made.id, |it| {
            it.visits[0].state = VisitState::Passed;
            it.visits[0].timers.clear();
        })
        .await;
        assert_eq!(due(&store, 99).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_timer_is_claimed_by_one_worker_until_its_lease_ends() {
    on_both(|store| async move {
        let tenant = TenantId(Uuid::now_v7());
        let made = begin(&store, tenant, &[timer(0, 10)]).await;
        let claim = |now: i64| store.due_timers(us(now), us(now + 5), 10);
        let (one, two) = tokio::join!(claim(10), claim(10));
        let taken: Vec<TimerRow> = [one.unwrap(), two.unwrap()].concat();
        let expected =
            TimerRow { tenant, instance: made.id, visit: VisitId(0), timer: TimerId(0), fire_at: us(10) };
        assert_eq!(taken, [expected]);
        assert_eq!(claim(14).await.unwrap(), []);
        assert_eq!(claim(15).await.unwrap(), [expected], "the lease is over");

        let moved = go_on(&store, tenant, made.id, |it| it.visits[0].timers = vec![timer(0, 12)]).await;
        store.forget_timer(&expected).await.unwrap();
        assert_eq!(
            store.check_timers(tenant, &moved).await.unwrap(),
            Vec::<String>::new(),
            "it was set again"
        );
        let again = TimerRow { fire_at: us(12), ..expected };
        assert_eq!(claim(15).await.unwrap(), [again], "setting it again ends the lease");
        store.forget_timer(&again).await.unwrap();
        assert_eq!(store.check_timers(tenant, &moved).await.unwrap(), ["timer 0 of visit 0 is missing"]);
    })
    .await;
}
