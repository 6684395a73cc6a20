//! How many sub-processes were begun under an instance.

use crate::databases::{on_both, workspace};
use crate::requests::{act, request, somebody};
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId};
use zhupi_store::{Change, Committed};

#[tokio::test]
async fn sub_processes_are_counted_under_the_instance_they_come_from() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let root = InstanceId(Uuid::now_v7());
        for second in 1..4 {
            let child = request(somebody(), &[], second);
            let begun = act(child.initiator, second, "begun");
            let mut change = Change::first(tenant, &child, begun, None).unwrap();
            change.root = Some(root);
            assert_eq!(store.commit(change).await, Ok(Committed::Done));
        }
        assert_eq!(store.count_children(tenant, root, 9).await.unwrap(), 3);
        assert_eq!(store.count_children(tenant, root, 2).await.unwrap(), 2);
        assert_eq!(store.count_children(TenantId(Uuid::now_v7()), root, 9).await.unwrap(), 0);
    })
    .await;
}
