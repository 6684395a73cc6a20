//! Every statement fits the schema that the migrations make.

use crate::databases::on_both;

#[tokio::test]
async fn every_statement_can_be_prepared() {
    on_both(|store| async move {
        assert!(store.prepare_all().await.unwrap() > 50);
    })
    .await;
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    on_both(|store| async move {
        store.migrate().await.unwrap();
        store.ping().await.unwrap();
    })
    .await;
}
