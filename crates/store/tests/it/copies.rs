//! Instances that ask once more what an ended one asked.

use crate::databases::on_both;
use crate::requests::{request, somebody, submit};
use uuid::Uuid;
use zhupi_engine::ids::TenantId;

#[tokio::test]
async fn copies_are_listed_from_new_to_old_and_only_in_their_workspace() {
    on_both(|store| async move {
        let tenant = TenantId(Uuid::now_v7());
        let [ann, bob] = [0; 2].map(|_| somebody());
        let old = request(ann, &[bob], 10);
        submit(&store, tenant, &old).await;
        let mut copies = Vec::new();
        for second in [20, 30] {
            let mut copy = request(ann, &[bob], second);
            copy.copied_from = Some(old.id);
            submit(&store, tenant, &copy).await;
            copies.insert(0, copy.id);
        }
        assert_eq!(store.list_copies(tenant, old.id, 20).await.unwrap(), copies);
        assert_eq!(store.list_copies(tenant, old.id, 1).await.unwrap(), copies[..1]);
        assert_eq!(store.list_copies(tenant, copies[0], 20).await.unwrap(), []);
        assert_eq!(store.list_copies(TenantId(Uuid::now_v7()), old.id, 20).await.unwrap(), []);
    })
    .await;
}
