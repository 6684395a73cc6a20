//! Deliveries as rows: due, claimed, in order, recorded, asked for again.

use crate::databases::{on_both, workspace};
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_store::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, Outcome, Outdated, Page, Session, Store, Told,
};

const NOW: i64 = 1_000_000;
const LEASE: i64 = 60_000_000;
const NONE: [Uuid; 0] = [];

async fn tell(store: &Store, tenant: TenantId, instance: InstanceId, seq: i64, kind: &str) -> Delivery {
    let told = Told { kind: kind.to_owned(), target: "there".to_owned(), payload: "{}".to_owned() };
    let alone = Delivery::alone(tenant, Uuid::now_v7(), told, NOW);
    let delivery = Delivery { instance, seq, ..alone };
    store.insert_delivery(&delivery).await.unwrap();
    delivery
}

async fn claim(store: &Store, now: i64) -> Vec<Uuid> {
    let claimed = store.claim_deliveries(now, now + LEASE, 10).await.unwrap();
    claimed.into_iter().map(|delivery| delivery.id).collect()
}

fn attempt(number: u32) -> Attempt {
    Attempt {
        number,
        at: NOW,
        duration_us: 5,
        status: Some(500),
        response: "no".to_owned(),
        error: Some("status 500".to_owned()),
    }
}

fn new_instance() -> InstanceId {
    InstanceId(Uuid::now_v7())
}

#[tokio::test]
async fn a_lease_keeps_others_away_until_it_runs_out() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let one = tell(&store, tenant, new_instance(), 1, "webhook").await;
        assert_eq!(claim(&store, NOW - 1).await, NONE);
        assert_eq!(claim(&store, NOW).await, [one.id]);
        assert_eq!(claim(&store, NOW + LEASE - 1).await, NONE);
        assert_eq!(claim(&store, NOW + LEASE).await, [one.id]);
    })
    .await;
}

#[tokio::test]
async fn who_lost_his_lease_records_nothing() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        tell(&store, tenant, new_instance(), 1, "webhook").await;
        let slow = store.claim_deliveries(NOW, NOW + LEASE, 1).await.unwrap().remove(0);
        let fast = store.claim_deliveries(NOW + LEASE, NOW + 2 * LEASE, 1).await.unwrap().remove(0);
        assert!(!store.record_attempt(&slow, &attempt(1), Outcome::Dead).await.unwrap());
        assert!(store.record_attempt(&fast, &attempt(1), Outcome::Delivered).await.unwrap());
        assert!(!store.record_attempt(&fast, &attempt(2), Outcome::Dead).await.unwrap());
        assert_eq!(store.list_attempts(tenant, slow.id).await.unwrap(), [attempt(1)]);
        let now = store.load_delivery(tenant, slow.id).await.unwrap().unwrap();
        assert_eq!((now.state, now.attempts), (DeliveryState::Delivered, 1));
    })
    .await;
}

#[tokio::test]
async fn the_first_of_an_instance_and_target_goes_first() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let elsewhere = workspace(&store, "b").await;
        let instance = new_instance();
        let second = tell(&store, tenant, instance, 2, "webhook").await;
        let first = tell(&store, tenant, instance, 1, "webhook").await;
        let stranger = tell(&store, elsewhere, instance, 3, "webhook").await;
        let mut claimed = claim(&store, NOW).await;
        claimed.sort();
        let mut expected = vec![first.id, stranger.id];
        expected.sort();
        assert_eq!(claimed, expected);
        let held = store.load_delivery(tenant, first.id).await.unwrap().unwrap();
        let retry = Outcome::Retry { at: NOW + 500 };
        assert!(store.record_attempt(&held, &attempt(1), retry).await.unwrap());
        let behind = store.load_delivery(tenant, second.id).await.unwrap().unwrap();
        assert_eq!(behind.next_at, NOW + 500, "it sleeps as long as the one before it");
        assert_eq!(claim(&store, NOW + 499).await, NONE);
        assert_eq!(claim(&store, NOW + 500).await, [first.id]);
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_sealer_is_nobody_elses_work() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        tell(&store, tenant, new_instance(), 1, "seal").await;
        assert_eq!(claim(&store, NOW).await, NONE);
        assert_eq!(store.delivery_backlog().await.unwrap().waiting, 0);
    })
    .await;
}

#[tokio::test]
async fn the_backlog_is_counted_over_all_workspaces() {
    on_both(async |store| {
        assert_eq!(store.delivery_backlog().await.unwrap().oldest_due, None);
        for code in ["a", "b"] {
            let tenant = workspace(&store, code).await;
            tell(&store, tenant, new_instance(), 1, "webhook").await;
        }
        let backlog = store.delivery_backlog().await.unwrap();
        assert_eq!((backlog.waiting, backlog.oldest_due), (2, Some(NOW)));
    })
    .await;
}

#[tokio::test]
async fn a_list_keeps_to_its_workspace_and_its_filter() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let elsewhere = workspace(&store, "b").await;
        let one = tell(&store, tenant, new_instance(), 1, "webhook").await;
        let two = tell(&store, tenant, new_instance(), 1, "bpm_complete").await;
        let stranger = tell(&store, elsewhere, new_instance(), 1, "webhook").await;
        let list = async |filter: &DeliveryFilter| {
            let page = store.list_deliveries(tenant, filter, &Page::first(10)).await.unwrap();
            page.rows.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>()
        };
        let all = DeliveryFilter::default();
        assert_eq!(list(&all).await, [two.id, one.id]);
        assert_eq!(list(&DeliveryFilter { kind: Some("webhook".to_owned()), ..all.clone() }).await, [one.id]);
        assert_eq!(list(&DeliveryFilter { instance: Some(two.instance), ..all.clone() }).await, [two.id]);
        assert_eq!(list(&DeliveryFilter { state: Some(DeliveryState::Dead), ..all.clone() }).await, NONE);
        assert_eq!(list(&DeliveryFilter { until: Some(NOW), ..all.clone() }).await, NONE);
        assert_eq!(list(&DeliveryFilter { from: Some(NOW), ..all }).await, [two.id, one.id]);
        assert_eq!(store.load_delivery(tenant, stranger.id).await.unwrap(), None);
    })
    .await;
}

/// What was taken goes with its attempts; what waits or died stays, and so does what is younger.
#[tokio::test]
async fn old_deliveries_are_forgotten_with_their_attempts() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let mut left = Vec::new();
        for (age, outcome) in [
            (3, Some(Outcome::Delivered)),
            (2, Some(Outcome::Dead)),
            (2, None),
            (1, Some(Outcome::Delivered)),
        ] {
            let told = Told { kind: "webhook".to_owned(), target: "t".to_owned(), payload: "{}".to_owned() };
            let made = Delivery::alone(tenant, Uuid::now_v7(), told, NOW - age);
            store.insert_delivery(&made).await.unwrap();
            if let Some(outcome) = outcome {
                let all = store.claim_deliveries(NOW, NOW + LEASE, 10).await.unwrap();
                let mine = all.iter().find(|it| it.id == made.id).unwrap();
                assert!(store.record_attempt(mine, &attempt(1), outcome).await.unwrap());
            }
            left.push(made.id);
        }
        let outdated = Outdated { delivered_before: Some(NOW - 1), ..Outdated::default() };
        assert!(store.forget_outdated(outdated, 10).await.unwrap());
        assert!(!store.forget_outdated(outdated, 10).await.unwrap());
        assert!(store.load_delivery(tenant, left[0]).await.unwrap().is_none());
        assert!(store.list_attempts(tenant, left[0]).await.unwrap().is_empty());
        for id in &left[1..] {
            assert!(store.load_delivery(tenant, *id).await.unwrap().is_some());
        }
        assert!(!store.forget_outdated(Outdated::default(), 10).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn logins_that_are_over_are_forgotten() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let user = UserId(Uuid::now_v7());
        let session =
            |hash: u8, expires_at| Session { token_hash: [hash; 32], user, created_at: 1, expires_at };
        store.create_session(tenant, &session(1, 10)).await.unwrap();
        store.create_session(tenant, &session(2, 30)).await.unwrap();
        let outdated = Outdated { logins_before: Some(20), ..Outdated::default() };
        assert!(store.forget_outdated(outdated, 10).await.unwrap());
        assert_eq!(store.load_session(tenant, &[1; 32], 5).await.unwrap(), None);
        assert!(store.load_session(tenant, &[2; 32], 5).await.unwrap().is_some());
    })
    .await;
}
