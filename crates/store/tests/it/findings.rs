//! What was found about templates, and which have to be looked at again.

use crate::databases::{on_both, workspace};
use uuid::Uuid;
use zhupi_engine::directory::Role;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};
use zhupi_store::{Draft, Findings, NewTemplate, NewVersion, People, Stamp, Store, TemplateState};

const SOMEBODY: UserId = UserId(Uuid::from_u128(7));

fn draft() -> Draft {
    Draft {
        name: "Leave".to_owned(),
        category: String::new(),
        definition: "{}".to_owned(),
        source_kind: "native".to_owned(),
        source: None,
    }
}

async fn template(store: &Store, tenant: TenantId) -> TemplateId {
    let id = TemplateId(Uuid::now_v7());
    let new = NewTemplate { id, code: id.to_string(), draft: draft(), by: SOMEBODY, at: 5 };
    store.create_template(tenant, &new).await.unwrap();
    id
}

async fn publish(store: &Store, tenant: TenantId, id: TemplateId, revision: u32) {
    let version = NewVersion { draft: draft(), digest: [3; 32], by: SOMEBODY, at: 9 };
    store.publish(tenant, id, revision, &version).await.unwrap();
}

/// Looks at everything that has to be looked at; gives what it was.
async fn look(store: &Store, old: i64, changed: i64, now: i64) -> Vec<(TemplateId, u32)> {
    let unchecked = store.list_unchecked(old, changed, 10).await.unwrap();
    for one in &unchecked {
        let found = Findings {
            template: one.template,
            version: one.version,
            directory_version: one.directory_version,
            problems: "[]".to_owned(),
            checked_at: now,
        };
        store.put_findings(one.tenant, &found).await.unwrap();
        assert_eq!(store.load_findings(one.tenant, one.template).await.unwrap(), Some(found));
    }
    unchecked.into_iter().map(|one| (one.template, one.version)).collect()
}

#[tokio::test]
async fn published_templates_are_looked_at_once_for_each_version() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let id = template(&store, tenant).await;
        assert_eq!(look(&store, 0, 0, 10).await, []);
        assert_eq!(store.load_findings(tenant, id).await.unwrap(), None);
        publish(&store, tenant, id, 1).await;
        assert_eq!(look(&store, 0, 0, 10).await, [(id, 1)]);
        assert_eq!(look(&store, 0, 0, 11).await, []);
        let revision = store.load_template(tenant, id).await.unwrap().unwrap().draft_revision;
        publish(&store, tenant, id, revision).await;
        assert_eq!(look(&store, 0, 0, 12).await, [(id, 2)]);
        let other = workspace(&store, "south").await;
        assert_eq!(store.load_findings(other, id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn they_are_looked_at_again_when_they_grow_old_or_people_change() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let id = template(&store, tenant).await;
        publish(&store, tenant, id, 1).await;
        assert_eq!(look(&store, 0, 0, 10).await, [(id, 1)]);
        assert_eq!(look(&store, 10, 11, 20).await, []);
        assert_eq!(look(&store, 11, 11, 20).await, [(id, 1)]);

        let role = Role { id: Uuid::now_v7().into(), name: "Finance".to_owned(), members: Vec::new() };
        let people = People { roles: vec![role], ..People::default() };
        store.put_directory(tenant, &people, 21).await.unwrap();
        assert_eq!(look(&store, 11, 20, 30).await, [], "not so soon");
        assert_eq!(look(&store, 11, 21, 30).await, [(id, 1)]);
        assert_eq!(look(&store, 11, 31, 40).await, []);

        let stamp = Stamp { by: SOMEBODY, at: 41 };
        store.set_template_state(tenant, id, TemplateState::Disabled, stamp).await.unwrap();
        assert_eq!(look(&store, 100, 100, 110).await, []);
    })
    .await;
}
