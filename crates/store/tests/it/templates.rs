//! Templates, files, webhooks and settings.

use crate::databases::{duplicate, on_both, workspace};
use futures_util::future::join_all;
use uuid::Uuid;
use zhupi_engine::ids::{FileId, TemplateId, TenantId, UserId};
use zhupi_store::{
    Draft, Error, FileFilter, FileRow, NewTemplate, NewVersion, Page, Stamp, Store, TemplateFilter,
    TemplateState, VersionRow, Webhook,
};

const SOMEBODY: UserId = UserId(Uuid::from_u128(7));

fn draft(name: &str) -> Draft {
    Draft {
        name: name.to_owned(),
        category: "人事".to_owned(),
        definition: format!(r#"{{"name":"{name}"}}"#),
        source_kind: "wps".to_owned(),
        source: Some(format!(r#"{{ "kept": 1.0, "name": "{name}" }}"#)),
    }
}

fn version(name: &str) -> NewVersion {
    NewVersion { draft: draft(name), digest: [3; 32], by: SOMEBODY, at: 9 }
}

async fn template(store: &Store, tenant: TenantId, code: &str) -> TemplateId {
    let id = TemplateId(Uuid::now_v7());
    let new =
        NewTemplate { id, code: code.to_owned(), draft: draft(&code.to_uppercase()), by: SOMEBODY, at: 5 };
    store.create_template(tenant, &new).await.unwrap();
    id
}

async fn config_version(store: &Store, tenant: TenantId) -> i64 {
    let all = store.tenant_versions().await.unwrap();
    all.iter().find(|it| it.tenant == tenant).unwrap().config
}

#[tokio::test]
async fn a_template_begins_enabled_and_unpublished() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let id = template(&store, tenant, "leave").await;
        let row = store.load_template(tenant, id).await.unwrap().unwrap();
        assert_eq!((row.code.as_str(), row.name.as_str(), row.category.as_str()), ("leave", "LEAVE", "人事"));
        assert_eq!((row.state, row.current_version, row.draft_revision), (TemplateState::Enabled, None, 1));
        assert_eq!((row.draft, row.source), (draft("LEAVE").definition, draft("LEAVE").source));
        assert_eq!((row.created_by, row.created_at, row.updated_at), (SOMEBODY, 5, 5));
        assert!(store.find_template_by_code(tenant, "leave").await.unwrap().is_some());
        assert_eq!(store.load_template(other, id).await.unwrap(), None);
        assert_eq!(store.find_template_by_code(other, "leave").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_taken_until_its_template_is_deleted() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let id = template(&store, tenant, "leave").await;
        let again = NewTemplate {
            id: TemplateId(Uuid::now_v7()),
            code: "leave".to_owned(),
            draft: draft("另一个"),
            by: SOMEBODY,
            at: 6,
        };
        let before = config_version(&store, tenant).await;
        assert_eq!(store.create_template(tenant, &again).await, Err(duplicate("templates")));
        assert_eq!(config_version(&store, tenant).await, before);

        let stamp = Stamp { by: SOMEBODY, at: 7 };
        let set = async |state| store.set_template_state(tenant, id, state, stamp).await.unwrap();
        assert!(set(TemplateState::Disabled).await);
        assert!(set(TemplateState::Deleted).await);
        assert!(!set(TemplateState::Enabled).await);
        assert_eq!(store.find_template_by_code(tenant, "leave").await.unwrap(), None);
        store.create_template(tenant, &again).await.unwrap();
        let found = store.find_template_by_code(tenant, "leave").await.unwrap().unwrap();
        assert_eq!(found.id, again.id);
    })
    .await;
}

#[tokio::test]
async fn a_draft_is_saved_only_over_the_revision_that_was_read() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let id = template(&store, tenant, "leave").await;
        let stamp = Stamp { by: UserId(Uuid::from_u128(8)), at: 6 };
        let bare = Draft { source: None, source_kind: "native".to_owned(), ..draft("请假") };
        assert_eq!(store.save_draft(tenant, id, 1, &bare, stamp).await, Ok(2));
        assert_eq!(store.save_draft(tenant, id, 1, &draft("迟到"), stamp).await, Err(Error::Conflict));
        assert_eq!(store.save_draft(other, id, 2, &draft("别人"), stamp).await, Err(Error::Conflict));
        let row = store.load_template(tenant, id).await.unwrap().unwrap();
        assert_eq!((row.name.as_str(), row.draft_revision, row.current_version), ("请假", 2, None));
        assert_eq!((row.source_kind.as_str(), row.source), ("native", None));
        assert_eq!((row.updated_by, row.updated_at, row.created_by), (stamp.by, 6, SOMEBODY));
    })
    .await;
}

#[tokio::test]
async fn publishing_makes_the_next_version_and_keeps_the_ones_before() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let id = template(&store, tenant, "leave").await;
        assert_eq!(store.publish(tenant, id, 1, &version("一")).await, Ok(1));
        assert_eq!(store.publish(tenant, id, 1, &version("旧")).await, Err(Error::Conflict));
        assert_eq!(store.publish(other, id, 2, &version("别人")).await, Err(Error::Conflict));
        assert_eq!(store.publish(tenant, id, 2, &version("二")).await, Ok(2));

        let row = store.load_template(tenant, id).await.unwrap().unwrap();
        assert_eq!((row.current_version, row.draft_revision), (Some(2), 3));
        assert_eq!((row.name.as_str(), row.draft), ("二", draft("二").definition));
        let first = VersionRow {
            template: id,
            version: 1,
            definition: draft("一").definition,
            source_kind: "wps".to_owned(),
            source: draft("一").source,
            digest: [3; 32],
            published_by: SOMEBODY,
            published_at: 9,
        };
        assert_eq!(store.load_version(tenant, id, 1).await.unwrap(), Some(first));
        assert_eq!(store.load_version(tenant, id, 3).await.unwrap(), None);
        assert_eq!(store.load_version(other, id, 1).await.unwrap(), None);

        let newest = store.list_versions(tenant, id, &Page::first(1)).await.unwrap();
        let oldest = Page { limit: 1, after: newest.next };
        let oldest = store.list_versions(tenant, id, &oldest).await.unwrap();
        let numbers: Vec<u32> = newest.rows.iter().chain(&oldest.rows).map(|it| it.version).collect();
        assert_eq!((numbers, oldest.next), (vec![2, 1], None));
    })
    .await;
}

#[tokio::test]
async fn of_many_who_publish_at_once_one_wins() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let id = template(&store, tenant, "leave").await;
        let new = version("同时");
        let outcomes = join_all((0..8).map(|_| store.publish(tenant, id, 1, &new))).await;
        assert_eq!(outcomes.iter().filter(|it| **it == Ok(1)).count(), 1);
        assert_eq!(outcomes.iter().filter(|it| **it == Err(Error::Conflict)).count(), 7);
        assert_eq!(store.list_versions(tenant, id, &Page::first(9)).await.unwrap().rows.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn templates_are_listed_newest_first_without_deleted_ones() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let mut ids = vec![];
        for code in ["leave", "travel", "buy_it", "buyXit"] {
            ids.push(template(&store, tenant, code).await);
        }
        let stamp = Stamp { by: SOMEBODY, at: 7 };
        let native =
            Draft { source_kind: "native".to_owned(), category: "财务".to_owned(), ..draft("Buy") };
        store.save_draft(tenant, ids[2], 1, &native, stamp).await.unwrap();
        store.set_template_state(tenant, ids[0], TemplateState::Deleted, stamp).await.unwrap();
        store.set_template_state(tenant, ids[1], TemplateState::Disabled, stamp).await.unwrap();

        let first = store.list_templates(tenant, &TemplateFilter::default(), &Page::first(2)).await.unwrap();
        let rest = Page { limit: 2, after: first.next };
        let rest = store.list_templates(tenant, &TemplateFilter::default(), &rest).await.unwrap();
        let seen: Vec<&str> = first.rows.iter().chain(&rest.rows).map(|it| it.code.as_str()).collect();
        assert_eq!((seen, rest.next), (vec!["buyXit", "buy_it", "travel"], None));

        let check = async |filter: TemplateFilter, codes: &[&str]| {
            let found = store.list_templates(tenant, &filter, &Page::first(9)).await.unwrap();
            let found: Vec<&str> = found.rows.iter().map(|it| it.code.as_str()).collect();
            assert_eq!(found, codes, "{filter:?}");
        };
        let all = TemplateFilter::default;
        check(TemplateFilter { state: Some(TemplateState::Deleted), ..all() }, &["leave"]).await;
        check(TemplateFilter { state: Some(TemplateState::Enabled), ..all() }, &["buyXit", "buy_it"]).await;
        check(TemplateFilter { category: Some("财务".to_owned()), ..all() }, &["buy_it"]).await;
        check(TemplateFilter { source_kind: Some("native".to_owned()), ..all() }, &["buy_it"]).await;
        check(TemplateFilter { text: Some("Y_IT".to_owned()), ..all() }, &["buy_it"]).await;
        check(TemplateFilter { text: Some("TRAV".to_owned()), ..all() }, &["travel"]).await;
        check(TemplateFilter { created_by: Some(UserId(Uuid::nil())), ..all() }, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_file_is_found_by_id_and_by_its_bytes() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let file = |n: u8| FileRow {
            id: FileId(Uuid::now_v7()),
            name: format!("合同 {n}.pdf"),
            media_type: "application/pdf".to_owned(),
            size: 1 << 40,
            sha256: [n; 32],
            location: format!("ab/{n}"),
            created_by: SOMEBODY,
            created_at: 5,
        };
        let (one, two) = (file(1), file(2));
        store.insert_file(tenant, &one).await.unwrap();
        store.insert_file(tenant, &two).await.unwrap();
        assert_eq!(store.insert_file(tenant, &one).await, Err(duplicate("files")));
        assert_eq!(store.load_file(tenant, one.id).await.unwrap().as_ref(), Some(&one));
        assert_eq!(store.load_file(other, one.id).await.unwrap(), None);
        let page = store.list_files(tenant, &FileFilter::default(), &Page::first(1)).await.unwrap();
        assert_eq!(page.rows, [two]);
        let same = FileFilter { sha256: Some([1; 32]), created_by: Some(SOMEBODY) };
        assert_eq!(store.list_files(tenant, &same, &Page::first(9)).await.unwrap().rows, [one]);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_is_changed_only_over_the_revision_that_was_read() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let hook = Webhook {
            id: Uuid::now_v7(),
            name: "ERP".to_owned(),
            url: "https://erp.example/hook".to_owned(),
            events: vec!["instance.approved".to_owned()],
            secret: vec![0, 200],
            active: true,
            revision: 1,
            created_by: SOMEBODY,
            created_at: 5,
            updated_at: 5,
        };
        let before = config_version(&store, tenant).await;
        store.create_webhook(tenant, &hook).await.unwrap();
        assert_eq!(store.create_webhook(tenant, &hook).await, Err(duplicate("webhooks")));
        assert_eq!(store.load_active_webhooks(tenant).await.unwrap(), std::slice::from_ref(&hook));

        let silent = Webhook { active: false, events: vec![], updated_at: 6, ..hook.clone() };
        assert_eq!(store.update_webhook(tenant, &silent).await, Ok(2));
        assert_eq!(store.update_webhook(tenant, &hook).await, Err(Error::Conflict));
        let second = Webhook { revision: 2, ..silent };
        assert_eq!(store.update_webhook(other, &second).await, Err(Error::Conflict));
        assert_eq!(store.load_webhook(tenant, hook.id).await.unwrap(), Some(second.clone()));
        assert_eq!(store.load_webhook(other, hook.id).await.unwrap(), None);
        assert_eq!(store.load_active_webhooks(tenant).await.unwrap(), []);
        assert_eq!(store.list_webhooks(tenant, &Page::first(9)).await.unwrap().rows, [second]);

        assert!(!store.delete_webhook(other, hook.id).await.unwrap());
        assert!(store.delete_webhook(tenant, hook.id).await.unwrap());
        assert!(!store.delete_webhook(tenant, hook.id).await.unwrap());
        assert_eq!(config_version(&store, tenant).await, before + 3);
    })
    .await;
}

#[tokio::test]
async fn a_setting_is_put_replaced_and_removed() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        store.put_setting(tenant, "bpm.callback", "{}", 5).await.unwrap();
        store.put_setting(tenant, "bpm.callback", r#"{"a":1}"#, 6).await.unwrap();
        assert_eq!(store.load_setting(tenant, "bpm.callback").await.unwrap().as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(store.load_setting(other, "bpm.callback").await.unwrap(), None);
        let all = store.list_settings(tenant).await.unwrap();
        assert_eq!((all.len(), all[0].updated_at), (1, 6));
        store.delete_setting(tenant, "bpm.callback").await.unwrap();
        store.delete_setting(tenant, "bpm.callback").await.unwrap();
        assert_eq!(store.load_setting(tenant, "bpm.callback").await.unwrap(), None);
        assert_eq!(config_version(&store, tenant).await, 5);
    })
    .await;
}
