//! Workspaces, people, sessions, apps and tokens.

use crate::databases::{duplicate, on_both, workspace};
use uuid::Uuid;
use zhupi_engine::directory::{Department, Directory, Role, User, UserGroup};
use zhupi_engine::ids::{DepartmentId, GroupId, RoleId, TenantId, UserId};
use zhupi_store::{
    App, Error, Page, People, Session, Store, Tenant, TenantVersions, Token, TokenFilter, UserFilter, UserRow,
};

fn person(login: &str, name: &str) -> UserRow {
    UserRow {
        user: User {
            id: UserId(Uuid::now_v7()),
            name: name.to_owned(),
            active: true,
            departments: vec![],
            supervisor: None,
            approval_limit: None,
            admin: false,
        },
        login: login.to_owned(),
        email: None,
        mobile: None,
        locale: None,
    }
}

/// Two people, one above the other, with one of everything else.
fn company() -> People {
    let mut chief = person("chief", "王总");
    let mut clerk = person("clerk", "李文");
    let (head_office, branch) = (DepartmentId(Uuid::now_v7()), DepartmentId(Uuid::now_v7()));
    chief.user.admin = true;
    chief.user.departments = vec![head_office];
    clerk.user.departments = vec![branch, head_office];
    clerk.user.supervisor = Some(chief.user.id);
    clerk.user.approval_limit = Some("10000.50".parse().unwrap());
    clerk.email = Some("clerk@example.com".to_owned());
    clerk.locale = Some("zh-CN".to_owned());
    let (boss, worker) = (chief.user.id, clerk.user.id);
    People {
        departments: vec![
            Department { id: head_office, name: "总部".to_owned(), parent: None, heads: vec![boss] },
            Department {
                id: branch,
                name: "分部".to_owned(),
                parent: Some(head_office),
                heads: vec![worker, boss],
            },
        ],
        roles: vec![Role { id: RoleId(Uuid::now_v7()), name: "出纳".to_owned(), members: vec![worker] }],
        groups: vec![UserGroup { id: GroupId(Uuid::now_v7()), name: "组".to_owned(), members: vec![boss] }],
        passwords: vec![(boss, "$argon2id$boss".to_owned())],
        users: vec![chief, clerk],
    }
}

fn snapshot(people: &People) -> Directory {
    Directory::new(
        people.users.iter().map(|row| row.user.clone()).collect(),
        people.departments.clone(),
        people.roles.clone(),
        people.groups.clone(),
    )
}

async fn versions(store: &Store, tenant: TenantId) -> TenantVersions {
    let all = store.tenant_versions().await.unwrap();
    *all.iter().find(|it| it.tenant == tenant).unwrap()
}

#[tokio::test]
async fn a_workspace_is_found_by_its_unique_code() {
    on_both(|store| async move {
        let id = workspace(&store, "north").await;
        let found = store.load_tenant_by_code("north").await.unwrap().unwrap();
        assert_eq!(Some(&found), store.load_tenant(id).await.unwrap().as_ref());
        assert_eq!((found.id, found.name.as_str()), (id, "NORTH"));
        assert_eq!(store.load_tenant_by_code("south").await.unwrap(), None);

        let again = Tenant { id: TenantId(Uuid::now_v7()), ..found };
        assert_eq!(store.create_tenant(&again).await, Err(duplicate("tenants")));
        assert_eq!(store.list_tenants().await.unwrap().len(), 1);
        assert!(store.update_tenant(id, "North", "Europe/Berlin").await.unwrap());
        assert!(!store.update_tenant(again.id, "North", "Europe/Berlin").await.unwrap());
        assert_eq!(store.load_directory(id).await.unwrap().time_zone, "Europe/Berlin");
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_loaded_as_it_was_put() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let mut people = company();
        store.put_directory(tenant, &people, 5).await.unwrap();
        assert_eq!(store.load_directory(tenant).await.unwrap(), snapshot(&people));

        people.users[1].user.active = false;
        people.users[1].user.supervisor = None;
        people.departments[1].parent = None;
        people.roles[0].members.clear();
        people.groups[0].name = "新组".to_owned();
        store.put_user(tenant, &people.users[1], 6).await.unwrap();
        store.put_department(tenant, &people.departments[1]).await.unwrap();
        store.put_role(tenant, &people.roles[0]).await.unwrap();
        store.put_group(tenant, &people.groups[0]).await.unwrap();
        assert_eq!(store.load_directory(tenant).await.unwrap(), snapshot(&people));
        let clerk = &people.users[1];
        assert_eq!(store.load_user(tenant, clerk.user.id).await.unwrap().as_ref(), Some(clerk));
    })
    .await;
}

#[tokio::test]
async fn every_directory_write_counts_the_directory_version_up() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let people = company();
        let before = versions(&store, tenant).await;
        store.put_directory(tenant, &people, 5).await.unwrap();
        store.put_user(tenant, &people.users[0], 6).await.unwrap();
        store.put_department(tenant, &people.departments[0]).await.unwrap();
        store.put_role(tenant, &people.roles[0]).await.unwrap();
        store.put_group(tenant, &people.groups[0]).await.unwrap();
        let after = versions(&store, tenant).await;
        assert_eq!((after.directory, after.config), (before.directory + 5, before.config));
    })
    .await;
}

#[tokio::test]
async fn what_was_made_from_an_older_directory_is_not_written() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let mut people = company();
        store.put_directory(tenant, &people, 5).await.unwrap();
        let version = store.load_directory_version(tenant).await.unwrap().unwrap();
        store.put_role(tenant, &people.roles[0]).await.unwrap();
        let before = store.load_directory(tenant).await.unwrap();
        people.roles[0].members.clear();
        assert_eq!(store.put_directory_at(tenant, version, &people, 6).await, Err(Error::Conflict));
        assert_eq!(store.load_directory(tenant).await.unwrap(), before);
        store.put_directory_at(tenant, version + 1, &people, 6).await.unwrap();
        assert_eq!(store.load_directory(tenant).await.unwrap(), snapshot(&people));
        assert_eq!(store.load_directory_version(TenantId(Uuid::now_v7())).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_login_belongs_to_one_person_of_a_workspace() {
    on_both(|store| async move {
        let (north, south) = (workspace(&store, "north").await, workspace(&store, "south").await);
        store.put_user(north, &person("clerk", "李文"), 5).await.unwrap();
        store.put_user(south, &person("clerk", "李武"), 5).await.unwrap();
        let before = versions(&store, north).await;

        let refused = store.put_user(north, &person("clerk", "李斌"), 5).await;
        assert_eq!(refused, Err(duplicate("users")));
        let twins = People { users: vec![person("a", "A"), person("a", "B")], ..People::default() };
        assert_eq!(store.put_directory(north, &twins, 5).await, Err(duplicate("users")));
        assert_eq!(versions(&store, north).await, before);
        assert_eq!(store.load_directory(north).await.unwrap().users().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_put_into_a_workspace_that_does_not_exist() {
    on_both(|store| async move {
        let nowhere = TenantId(Uuid::now_v7());
        assert_eq!(store.put_user(nowhere, &person("a", "A"), 5).await, Err(Error::Conflict));
        assert_eq!(store.put_setting(nowhere, "a", "b", 5).await, Err(Error::Conflict));
        assert_eq!(store.load_directory(nowhere).await.unwrap(), snapshot(&People::default()));
    })
    .await;
}

#[tokio::test]
async fn an_account_keeps_its_password_when_the_person_is_put_again() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let other = workspace(&store, "south").await;
        let people = company();
        store.put_directory(tenant, &people, 5).await.unwrap();
        store.put_user(tenant, &people.users[0], 6).await.unwrap();
        let chief = store.load_account(tenant, "chief").await.unwrap().unwrap();
        assert_eq!((chief.user, chief.active), (people.users[0].user.id, true));
        assert_eq!(chief.password_hash.as_deref(), Some("$argon2id$boss"));
        let clerk = store.load_account(tenant, "clerk").await.unwrap().unwrap();
        assert_eq!(clerk.password_hash, None);

        assert!(store.set_password(tenant, clerk.user, "$argon2id$new", 7).await.unwrap());
        let clerk = store.load_account_of(tenant, clerk.user).await.unwrap().unwrap();
        assert_eq!(clerk.password_hash.as_deref(), Some("$argon2id$new"));
        assert!(!store.set_password(other, clerk.user, "$argon2id$theirs", 7).await.unwrap());
        assert_eq!(store.load_account(other, "clerk").await.unwrap(), None);
        assert_eq!(store.load_account_of(other, clerk.user).await.unwrap(), None);
        assert_eq!(store.load_user(other, clerk.user).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn people_are_listed_by_page_and_by_part_of_a_name() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let names = ["Ann", "Bo_b", "Boob", "Hannah", "王安"];
        let users = names.iter().map(|name| person(&name.to_lowercase(), name)).collect();
        store.put_directory(tenant, &People { users, ..People::default() }, 5).await.unwrap();
        let mut gone = person("annex", "Zoe");
        gone.user.active = false;
        store.put_user(tenant, &gone, 5).await.unwrap();

        let all = UserFilter::default();
        let first = store.list_users(tenant, &all, &Page::first(4)).await.unwrap();
        assert_eq!(first.rows.len(), 4);
        let rest = Page { limit: 4, after: first.next };
        let second = store.list_users(tenant, &all, &rest).await.unwrap();
        let seen: Vec<&str> =
            first.rows.iter().chain(&second.rows).map(|row| row.user.name.as_str()).collect();
        assert_eq!(seen, ["Ann", "Bo_b", "Boob", "Hannah", "王安", "Zoe"]);
        assert_eq!(second.next, None);

        let find = async |text: &str, active| {
            let filter = UserFilter { text: Some(text.to_owned()), active };
            let found = store.list_users(tenant, &filter, &Page::first(9)).await.unwrap();
            found.rows.into_iter().map(|row| row.user.name).collect::<Vec<_>>()
        };
        assert_eq!(find("ANN", None).await, ["Ann", "Hannah", "Zoe"]);
        assert_eq!(find("ann", Some(true)).await, ["Ann", "Hannah"]);
        assert_eq!(find("ann", Some(false)).await, ["Zoe"]);
        assert_eq!(find("o_b", None).await, ["Bo_b"]);
        assert_eq!(find("安", None).await, ["王安"]);
        assert_eq!(find("%", None).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_session_lives_until_it_expires_or_is_ended() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let user = UserId(Uuid::now_v7());
        let session = |n| Session { token_hash: [n; 32], user, created_at: 10, expires_at: 20 };
        for n in 1..=3 {
            store.create_session(tenant, &session(n)).await.unwrap();
        }
        assert_eq!(store.create_session(tenant, &session(1)).await, Err(duplicate("sessions")));
        let alive = async |n, now| store.load_session(tenant, &[n; 32], now).await.unwrap();
        assert_eq!(alive(1, 19).await, Some(session(1)));
        assert_eq!(alive(1, 20).await, None);
        assert_eq!(alive(9, 19).await, None);
        assert_eq!(store.load_session(other, &[1; 32], 19).await.unwrap(), None);

        assert!(store.extend_session(tenant, &[1; 32], 40).await.unwrap());
        assert!(!store.extend_session(other, &[1; 32], 40).await.unwrap());
        store.delete_expired_sessions(tenant, 20).await.unwrap();
        assert!(alive(1, 39).await.is_some());
        assert_eq!(alive(2, 1).await, None);
        store.delete_session(tenant, &[1; 32]).await.unwrap();
        store.delete_session(tenant, &[1; 32]).await.unwrap();
        assert_eq!(alive(1, 19).await, None);

        store.create_session(tenant, &session(4)).await.unwrap();
        store.delete_sessions_of(tenant, user).await.unwrap();
        assert_eq!(alive(4, 19).await, None);
    })
    .await;
}

#[tokio::test]
async fn failed_logins_are_counted_and_forgotten() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        assert_eq!(store.login_failures(tenant, "ann").await.unwrap(), None);
        store.record_failure(tenant, "ann", 100, 0).await.unwrap();
        let second = store.record_failure(tenant, "ann", 150, 50).await.unwrap();
        assert_eq!((second.failures, second.first_at), (2, 100));

        let fresh = store.record_failure(tenant, "ann", 900, 800).await.unwrap();
        assert_eq!((fresh.failures, fresh.first_at), (1, 900));
        store.clear_failures(tenant, "ann").await.unwrap();
        assert_eq!(store.login_failures(tenant, "ann").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn failures_at_the_same_moment_are_all_counted() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let tries = (0..20).map(|at| store.record_failure(tenant, "ann", at, 0));
        for outcome in futures_util::future::join_all(tries).await {
            outcome.unwrap();
        }
        assert_eq!(store.login_failures(tenant, "ann").await.unwrap().unwrap().failures, 20);
    })
    .await;
}

fn app(id: &str) -> App {
    App {
        id: id.to_owned(),
        name: "ERP".to_owned(),
        secret: vec![0, 1, 255],
        scopes: vec!["templates".to_owned(), "instances".to_owned()],
        user: None,
        active: true,
        created_by: UserId(Uuid::now_v7()),
        created_at: 5,
        updated_at: 5,
    }
}

fn token(n: u8) -> Token {
    Token {
        id: Uuid::now_v7(),
        token_hash: [n; 32],
        name: format!("token {n}"),
        user: None,
        app: None,
        scopes: vec!["all".to_owned()],
        created_at: 5,
        expires_at: None,
        revoked_at: None,
    }
}

#[tokio::test]
async fn an_app_changes_its_secret_and_is_disabled() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let erp = app("AK1");
        store.create_app(tenant, &erp).await.unwrap();
        assert_eq!(store.create_app(tenant, &erp).await, Err(duplicate("apps")));
        assert_eq!(store.load_app(tenant, "AK1").await.unwrap(), Some(erp.clone()));
        assert_eq!(store.load_app(other, "AK1").await.unwrap(), None);

        let before = versions(&store, tenant).await;
        assert!(store.rotate_app_secret(tenant, "AK1", vec![7], 6).await.unwrap());
        assert!(!store.rotate_app_secret(other, "AK1", vec![7], 6).await.unwrap());
        assert!(store.disable_app(tenant, "AK1", 7).await.unwrap());
        assert!(!store.disable_app(tenant, "AK2", 7).await.unwrap());
        assert_eq!(versions(&store, tenant).await.config, before.config + 2);
        let changed = App { secret: vec![7], active: false, updated_at: 7, ..erp };
        assert_eq!(store.list_apps(tenant).await.unwrap(), [changed]);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_refused_once_expired_or_revoked_or_its_app_disabled() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        store.create_app(tenant, &app("AK1")).await.unwrap();
        let user = UserId(Uuid::now_v7());
        let plain = Token { user: Some(user), ..token(1) };
        let brief = Token { expires_at: Some(20), ..token(2) };
        let of_app = Token { app: Some("AK1".to_owned()), ..token(3) };
        for it in [&plain, &brief, &of_app] {
            store.create_token(tenant, it).await.unwrap();
        }
        assert_eq!(store.create_token(tenant, &token(1)).await, Err(duplicate("tokens")));
        let live = async |n, now| store.load_token(tenant, &[n; 32], now).await.unwrap();
        assert_eq!(live(1, 99).await.as_ref(), Some(&plain));
        assert_eq!(live(2, 19).await.as_ref(), Some(&brief));
        assert_eq!(live(2, 20).await, None);
        assert_eq!(live(3, 99).await.as_ref(), Some(&of_app));
        assert_eq!(store.load_token(other, &[1; 32], 9).await.unwrap(), None);

        assert!(!store.revoke_token(other, plain.id, 50).await.unwrap());
        assert!(store.revoke_token(tenant, plain.id, 50).await.unwrap());
        assert!(!store.revoke_token(tenant, plain.id, 51).await.unwrap());
        assert_eq!(live(1, 99).await, None);
        store.disable_app(tenant, "AK1", 50).await.unwrap();
        assert_eq!(live(3, 99).await, None);

        let all = store.list_tokens(tenant, &TokenFilter::default(), &Page::first(2)).await.unwrap();
        assert_eq!(all.rows, [of_app.clone(), brief]);
        let rest = Page { limit: 2, after: all.next };
        let rest = store.list_tokens(tenant, &TokenFilter::default(), &rest).await.unwrap();
        assert_eq!(rest.rows, [Token { revoked_at: Some(50), ..plain }]);
        let his = TokenFilter { user: Some(user), app: None };
        assert_eq!(store.list_tokens(tenant, &his, &Page::first(9)).await.unwrap().rows, rest.rows);
        let its = TokenFilter { user: None, app: Some("AK1".to_owned()) };
        assert_eq!(store.list_tokens(tenant, &its, &Page::first(9)).await.unwrap().rows, [of_app]);
    })
    .await;
}
