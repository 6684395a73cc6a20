//! Serial numbers and forms that are not finished.

use crate::databases::{on_both, workspace};
use std::collections::BTreeSet;
use uuid::Uuid;
use zhupi_engine::ids::{TemplateId, UserId};
use zhupi_store::{Error, FORM_DRAFT_LIMIT, FormDraft};

fn draft(title: &str, at: i64) -> FormDraft {
    FormDraft {
        id: Uuid::now_v7(),
        template: TemplateId(Uuid::now_v7()),
        title: title.to_owned(),
        body: "{}".to_owned(),
        revision: 1,
        created_at: at,
        updated_at: at,
    }
}

#[tokio::test]
async fn a_serial_number_is_given_out_once() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let template = TemplateId(Uuid::now_v7());
        let takers: Vec<_> = (0..20)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.take_serial(tenant, template, "2026").await.unwrap() })
            })
            .collect();
        let mut taken = BTreeSet::new();
        for taker in takers {
            taken.insert(taker.await.unwrap());
        }
        assert_eq!(taken, (1..=20).collect());
        assert_eq!(store.take_serial(tenant, template, "2027").await.unwrap(), 1);
        assert_eq!(store.take_serial(other, template, "2026").await.unwrap(), 1);
        assert_eq!(store.take_serial(tenant, TemplateId(Uuid::now_v7()), "2026").await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn drafts_belong_to_one_person_and_lose_no_change() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let (ann, bob) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
        let (first, second) = (draft("one", 1), draft("two", 2));
        store.create_form_draft(tenant, ann, &first).await.unwrap();
        store.create_form_draft(tenant, ann, &second).await.unwrap();
        let changed = FormDraft { body: "{\"a\":1}".to_owned(), updated_at: 3, ..first.clone() };
        store.update_form_draft(tenant, ann, &changed).await.unwrap();
        assert!(matches!(store.update_form_draft(tenant, ann, &changed).await, Err(Error::Conflict)));
        assert!(matches!(store.update_form_draft(tenant, bob, &second).await, Err(Error::Conflict)));

        let kept = FormDraft { revision: 2, ..changed };
        assert_eq!(store.load_form_draft(tenant, ann, first.id).await.unwrap(), Some(kept.clone()));
        assert_eq!(store.load_form_draft(tenant, bob, first.id).await.unwrap(), None);
        assert_eq!(store.load_form_draft(other, ann, first.id).await.unwrap(), None);
        assert_eq!(store.list_form_drafts(tenant, ann).await.unwrap(), [kept, second]);
        assert_eq!(store.list_form_drafts(tenant, bob).await.unwrap(), []);
        assert!(!store.delete_form_draft(tenant, bob, first.id).await.unwrap());
        assert!(store.delete_form_draft(tenant, ann, first.id).await.unwrap());
        assert!(!store.delete_form_draft(tenant, ann, first.id).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn nobody_keeps_more_drafts_than_allowed() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let ann = UserId(Uuid::now_v7());
        for number in 0..FORM_DRAFT_LIMIT {
            store.create_form_draft(tenant, ann, &draft("", number.into())).await.unwrap();
        }
        let one_more = draft("", 1000);
        assert!(matches!(store.create_form_draft(tenant, ann, &one_more).await, Err(Error::Conflict)));
        store.create_form_draft(tenant, UserId(Uuid::now_v7()), &one_more).await.unwrap();
    })
    .await;
}
