//! Which task lies in whose box, and how boxes and lists are paged.

use crate::databases::on_both;
use crate::requests::{act, approve, at, load, request, somebody, submit, tell};
use uuid::Uuid;
use zhupi_engine::ids::{SlotId, TemplateId, TenantId, UserId};
use zhupi_engine::{Instance, Status};
use zhupi_store::{
    BoxCounts, Change, Committed, Cursor, InstanceFilter, InstanceSearch, Page, Store, Stored, TaskBox,
    TaskFilter, TaskKind, TaskRow,
};

fn tenant() -> TenantId {
    TenantId(Uuid::now_v7())
}

async fn rows(store: &Store, tenant: TenantId, person: UserId, which: TaskBox) -> Vec<TaskRow> {
    let page = Page::first(100);
    store.list_tasks(tenant, person, which, &TaskFilter::default(), &page).await.unwrap().rows
}

async fn counts(store: &Store, tenant: TenantId, person: UserId) -> [u32; 4] {
    let BoxCounts { todo, done, cc, mine } = store.count_boxes(tenant, person).await.unwrap();
    [todo, done, cc, mine]
}

async fn follow(store: &Store, tenant: TenantId, before: &Stored, next: &Instance, second: i64) {
    let change = Change::following(tenant, before, next, act(somebody(), second, "x")).unwrap();
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
    assert_eq!(store.check_tasks(tenant, next).await, Ok(vec![]));
}

#[tokio::test]
async fn a_decided_task_moves_and_the_others_leave() {
    on_both(|store| async move {
        let tenant = tenant();
        let [initiator, one, other, told] = [0; 4].map(|_| somebody());
        let mut made = request(initiator, &[one, other], 10);
        tell(&mut made, told, 10);
        let before = submit(&store, tenant, &made).await;
        assert_eq!(counts(&store, tenant, one).await, [1, 0, 0, 0]);
        assert_eq!(counts(&store, tenant, other).await, [1, 0, 0, 0]);
        assert_eq!(counts(&store, tenant, told).await, [0, 0, 1, 0]);
        assert_eq!(counts(&store, tenant, initiator).await, [0, 0, 0, 1]);
        let mut next = made.clone();
        approve(&mut next, 1, other, 20);
        follow(&store, tenant, &before, &next, 20).await;
        assert_eq!(counts(&store, tenant, one).await, [0, 0, 0, 0]);
        assert_eq!(counts(&store, tenant, other).await, [0, 1, 0, 0]);
        let done = &rows(&store, tenant, other, TaskBox::Done).await[0];
        assert_eq!((done.slot(), done.at), (Some(SlotId(1)), at(20).as_microsecond()));
        assert_eq!((done.status, done.title.as_str()), (Status::Approved, "报销 10"));
        assert_eq!(done.node.as_ref().map(|it| it.as_str()), Some("manager"));
        let mine = &rows(&store, tenant, initiator, TaskBox::Mine).await[0];
        assert_eq!((mine.instance, mine.kind), (made.id, TaskKind::Instance));
    })
    .await;
}

#[tokio::test]
async fn somebody_who_stands_in_gets_the_done_row() {
    on_both(|store| async move {
        let tenant = tenant();
        let (asked, substitute) = (somebody(), somebody());
        let before = submit(&store, tenant, &request(somebody(), &[asked], 1)).await;
        let mut next = before.instance.clone();
        approve(&mut next, 0, substitute, 2);
        follow(&store, tenant, &before, &next, 2).await;
        assert_eq!(counts(&store, tenant, asked).await, [0, 0, 0, 0]);
        assert_eq!(counts(&store, tenant, substitute).await, [0, 1, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_unread_until_it_is_opened() {
    on_both(|store| async move {
        let tenant = tenant();
        let told = somebody();
        let mut made = request(somebody(), &[somebody()], 1);
        tell(&mut made, told, 1);
        let before = submit(&store, tenant, &made).await;
        assert!(!rows(&store, tenant, told, TaskBox::Cc).await[0].is_read);
        let mut next = made.clone();
        next.cc[0].read_at = Some(at(5));
        next.version = 2;
        follow(&store, tenant, &before, &next, 5).await;
        let row = &rows(&store, tenant, told, TaskBox::Cc).await[0];
        assert_eq!((row.is_read, row.kind), (true, TaskKind::Cc(0)));
    })
    .await;
}

#[tokio::test]
async fn pages_go_from_new_to_old_without_gap_or_repetition() {
    on_both(|store| async move {
        let tenant = tenant();
        let (initiator, asked) = (somebody(), somebody());
        let mut made = Vec::new();
        for n in 0..23 {
            // Several at the same moment, so that the id decides.
            let instance = request(initiator, &[asked], n / 4);
            submit(&store, tenant, &instance).await;
            made.push((n / 4, instance.id));
        }
        made.sort();
        made.reverse();
        let expected: Vec<_> = made.into_iter().map(|(_, id)| id).collect();
        for which in [TaskBox::Todo, TaskBox::Mine] {
            let person = if which == TaskBox::Todo { asked } else { initiator };
            let mut found = Vec::new();
            let mut page = Page::first(5);
            loop {
                let part =
                    store.list_tasks(tenant, person, which, &TaskFilter::default(), &page).await.unwrap();
                found.extend(part.rows.iter().map(|row| row.instance));
                let Some(next) = part.next else { break };
                page.after = Some(next.to_string().parse::<Cursor>().unwrap());
            }
            assert_eq!(found, expected, "{which:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn lists_are_narrowed_by_what_is_asked() {
    on_both(|store| async move {
        let tenant = tenant();
        let (initiator, asked) = (somebody(), somebody());
        let one = request(initiator, &[asked], 1);
        let mut other = request(somebody(), &[asked], 2);
        other.template = TemplateId(Uuid::from_u128(8));
        submit(&store, tenant, &one).await;
        let change =
            Change::first(tenant, &other, act(other.initiator, 2, "x"), Some("C-2".to_owned())).unwrap();
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        let all = InstanceFilter::default();
        let cases = [
            (all.clone(), vec![other.id, one.id]),
            (InstanceFilter { initiator: Some(initiator), ..all.clone() }, vec![one.id]),
            (InstanceFilter { template: Some(other.template), ..all.clone() }, vec![other.id]),
            (InstanceFilter { business_key: Some("C-2".to_owned()), ..all.clone() }, vec![other.id]),
            (InstanceFilter { status: Some(Status::Approved), ..all.clone() }, vec![]),
            (InstanceFilter { status: Some(Status::Running), initiator: Some(asked), ..all }, vec![]),
        ];
        for (filter, expected) in cases {
            let page = store.list_instances(tenant, &filter, &Page::first(9)).await.unwrap();
            let found: Vec<_> = page.rows.iter().map(|row| row.id).collect();
            assert_eq!(found, expected, "{filter:?}");
            assert_eq!(store.count_instances(tenant, &filter).await, Ok(expected.len() as u32));
        }
        let of_template = TaskFilter { template: Some(other.template) };
        for (which, person) in [(TaskBox::Todo, asked), (TaskBox::Mine, other.initiator)] {
            let page = store.list_tasks(tenant, person, which, &of_template, &Page::first(9)).await.unwrap();
            assert_eq!(page.rows.iter().map(|row| row.instance).collect::<Vec<_>>(), [other.id]);
        }
        assert_eq!(load(&store, tenant, one.id).await.instance, one);
    })
    .await;
}

#[tokio::test]
async fn all_instances_of_all_tenants_are_scanned_once() {
    on_both(|store| async move {
        let mut expected = Vec::new();
        for n in 0..7 {
            let tenant = tenant();
            let made = request(somebody(), &[somebody()], n);
            submit(&store, tenant, &made).await;
            expected.push((tenant, made.id));
        }
        expected.sort();
        let mut found = Vec::new();
        loop {
            let part = store.scan_instances(found.last().copied(), 3).await.unwrap();
            if part.is_empty() {
                break;
            }
            assert!(part.iter().all(|it| it.differing.is_empty()));
            found.extend(part.into_iter().map(|it| (it.tenant, it.stored.instance.id)));
        }
        assert_eq!(found, expected);
        let mut histories = Vec::new();
        loop {
            let part = store.scan_histories(histories.last().copied(), 3).await.unwrap();
            if part.is_empty() {
                break;
            }
            assert!(part.iter().all(|it| it.has_instance));
            histories.extend(part.into_iter().map(|it| (it.tenant, it.instance)));
        }
        assert_eq!(histories, expected);
    })
    .await;
}

#[tokio::test]
async fn finished_instances_of_a_template_come_from_new_to_old() {
    on_both(|store| async move {
        let tenant = tenant();
        let mut ended = Vec::new();
        for second in 0..5 {
            let mut made = request(somebody(), &[somebody()], second);
            if second != 2 {
                made.ended_at = Some(at(second));
                ended.push(made.id);
            }
            submit(&store, tenant, &made).await;
        }
        ended.reverse();
        let template = TemplateId(Uuid::from_u128(7));
        let first = store.list_finished(tenant, template, &Page::first(3)).await.unwrap();
        let page = Page { limit: 3, after: first.next };
        let second = store.list_finished(tenant, template, &page).await.unwrap();
        assert_eq!((first.rows.len(), second.rows.len(), second.next), (3, 1, None));
        let found: Vec<_> = first.rows.iter().chain(&second.rows).map(|it| it.instance.id).collect();
        assert_eq!(found, ended);
        let other = TemplateId(Uuid::from_u128(8));
        assert_eq!(store.list_finished(tenant, other, &page).await.unwrap().rows, []);
    })
    .await;
}

/// Whatever leads the search, and page by page; other workspaces are never looked through.
#[tokio::test]
async fn instances_are_searched_by_whatever_is_known_of_them() {
    on_both(|store| async move {
        let (tenant, elsewhere) = (tenant(), TenantId(Uuid::now_v7()));
        let asker = somebody();
        let mut all = Vec::new();
        for (n, title) in [(1, "A Trip"), (2, "a trip_2"), (3, "other")] {
            let mut instance = request(asker, &[somebody()], n);
            instance.title = title.to_owned();
            instance.serial = Some(format!("S-{n}"));
            for of in [tenant, elsewhere] {
                let key = Some(format!("K-{n}"));
                let change = Change::first(of, &instance, act(asker, n, "x"), key).unwrap();
                assert_eq!(store.commit(change).await, Ok(Committed::Done));
            }
            all.push(instance);
        }
        let (none, title) = (InstanceFilter::default(), |text: &str| InstanceSearch {
            title: Some(text.to_owned()),
            ..InstanceSearch::default()
        });
        let serial = InstanceSearch { serial: Some("S-2".to_owned()), ..InstanceSearch::default() };
        let key = |text: &str| InstanceFilter { business_key: Some(text.to_owned()), ..none.clone() };
        let of = |filter: &InstanceFilter| InstanceFilter { initiator: Some(asker), ..filter.clone() };
        let after = InstanceFilter { template: Some(all[0].template), ..none.clone() };
        let cases = [
            (none.clone(), title("TRIP"), vec![1, 0]),
            (of(&none), title("trip"), vec![1, 0]),
            (after, title("p_"), vec![1]),
            (key("K-1"), title("trip"), vec![0]),
            (key("K-3"), title("trip"), vec![]),
            (none.clone(), serial.clone(), vec![1]),
            (key("K-2"), serial.clone(), vec![1]),
            (key("K-1"), serial, vec![]),
        ];
        for (filter, search, expected) in cases {
            let page = store.search_instances(tenant, (&filter, &search), &Page::first(9)).await.unwrap();
            let found: Vec<_> = page.rows.iter().map(|row| row.id).collect();
            let expected: Vec<_> = expected.into_iter().map(|at: usize| all[at].id).collect();
            assert_eq!(found, expected, "{filter:?} {search:?}");
        }
        let first = store.search_instances(tenant, (&none, &title("trip")), &Page::first(1)).await.unwrap();
        let next = Page { limit: 1, after: first.next };
        let rest = store.search_instances(tenant, (&none, &title("trip")), &next).await.unwrap();
        assert_eq!((first.rows[0].id, rest.rows[0].id, rest.next), (all[1].id, all[0].id, None));
        let created = InstanceSearch {
            created_from: Some(rest.rows[0].created_at),
            created_to: Some(first.rows[0].created_at),
            ..InstanceSearch::default()
        };
        let between = store.search_instances(tenant, (&none, &created), &Page::first(9)).await.unwrap();
        assert_eq!(between.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [all[0].id]);
    })
    .await;
}
