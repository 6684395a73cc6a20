//! Turns and loads, by which work is shared out.

use crate::databases::on_both;
use crate::requests::{request, somebody, submit};
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::ids::{NodeId, TemplateId, TenantId};

#[tokio::test]
async fn the_latest_turn_of_each_node_is_kept() {
    on_both(|store| async move {
        let tenant = TenantId(Uuid::now_v7());
        let template = TemplateId(Uuid::now_v7());
        let (node, other) = (NodeId::from("n"), NodeId::from("m"));
        let [ann, bob] = [0; 2].map(|_| somebody());
        store.take_turn(tenant, template, &node, ann, 10).await.unwrap();
        store.take_turn(tenant, template, &node, bob, 20).await.unwrap();
        store.take_turn(tenant, template, &node, ann, 15).await.unwrap();
        store.take_turn(tenant, template, &other, ann, 5).await.unwrap();
        let last = store.last_turns(tenant, template).await.unwrap();
        assert_eq!(last, BTreeMap::from([(node.clone(), bob), (other, ann)]));
        let elsewhere = store.last_turns(TenantId(Uuid::now_v7()), template).await.unwrap();
        assert_eq!(elsewhere, BTreeMap::new());
    })
    .await;
}

#[tokio::test]
async fn open_tasks_are_counted_for_each_person() {
    on_both(|store| async move {
        let tenant = TenantId(Uuid::now_v7());
        let [ann, bob, busy] = [0; 3].map(|_| somebody());
        submit(&store, tenant, &request(ann, &[bob, busy], 10)).await;
        submit(&store, tenant, &request(ann, &[busy], 20)).await;
        let loads = store.open_tasks(tenant).await.unwrap();
        assert_eq!(loads, BTreeMap::from([(bob, 1), (busy, 2)]));
        assert_eq!(store.open_tasks(TenantId(Uuid::now_v7())).await.unwrap(), BTreeMap::new());
    })
    .await;
}
