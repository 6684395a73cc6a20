//! Completions as rows: taken once, together with what hands them on.

use crate::databases::{duplicate, on_both, workspace};
use uuid::Uuid;
use zhupi_engine::ids::UserId;
use zhupi_store::{CallbackHandler, Completion, Delivery, Error, Told};

fn completion(id: &str) -> Completion {
    Completion {
        flow_instance_id: id.to_owned(),
        class: "c".to_owned(),
        report: "{}".to_owned(),
        effect: Uuid::now_v7(),
        received_at: 1,
    }
}

#[tokio::test]
async fn a_completion_is_taken_once_and_its_delivery_with_it() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let elsewhere = workspace(&store, "b").await;
        let told = Told { kind: "webhook".to_owned(), target: "t".to_owned(), payload: "{}".to_owned() };
        let first = Delivery::alone(tenant, Uuid::now_v7(), told.clone(), 1);
        let second = Delivery::alone(tenant, Uuid::now_v7(), told, 1);
        let taken = completion("1");
        assert!(store.take_completion(tenant, &taken, Some(&first)).await.unwrap());
        assert!(!store.take_completion(tenant, &completion("1"), Some(&second)).await.unwrap());
        assert_eq!(store.load_completion(tenant, "1").await.unwrap(), Some(taken));
        assert!(store.load_delivery(tenant, first.id).await.unwrap().is_some());
        assert_eq!(store.load_delivery(tenant, second.id).await.unwrap(), None);
        assert!(store.take_completion(elsewhere, &completion("1"), None).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_class_has_one_handler_which_is_changed_by_whom_has_read_it_last() {
    on_both(async |store| {
        let tenant = workspace(&store, "a").await;
        let handler = CallbackHandler {
            class: "c".to_owned(),
            action: "{}".to_owned(),
            active: true,
            revision: 1,
            created_by: UserId(Uuid::now_v7()),
            created_at: 1,
            updated_at: 1,
        };
        store.create_callback_handler(tenant, &handler).await.unwrap();
        let again = store.create_callback_handler(tenant, &handler).await;
        assert_eq!(again, Err(duplicate("callback_handlers")));
        let off = CallbackHandler { active: false, updated_at: 2, ..handler.clone() };
        store.update_callback_handler(tenant, &off).await.unwrap();
        assert_eq!(store.update_callback_handler(tenant, &handler).await, Err(Error::Conflict));
        let now = CallbackHandler { revision: 2, ..off };
        assert_eq!(store.load_callback_handler(tenant, "c").await.unwrap(), Some(now.clone()));
        assert_eq!(store.list_callback_handlers(tenant).await.unwrap(), [now]);
        assert!(store.delete_callback_handler(tenant, "c").await.unwrap());
        assert!(!store.delete_callback_handler(tenant, "c").await.unwrap());
    })
    .await;
}
