//! Calendars, absences and the sweeps they ask for.

use crate::databases::{on_both, workspace};
use jiff::Timestamp;
use uuid::Uuid;
use zhupi_engine::absence::Absence;
use zhupi_engine::calendar::Calendar;
use zhupi_engine::directory::User;
use zhupi_engine::ids::{AbsenceId, CalendarId, DepartmentId, TenantId, UserId};
use zhupi_store::{Error, Page, Store, Sweep, UserRow};

fn calendar(name: &str) -> Calendar {
    let mut calendar = Calendar::standard(CalendarId(Uuid::now_v7()), name);
    calendar.holidays.insert("2026-10-01".parse().unwrap());
    calendar.make_up.insert("2026-10-10".parse().unwrap(), vec!["09:00-12:00".parse().unwrap()]);
    calendar
}

fn absence(owner: UserId, from: i64, until: i64) -> Absence {
    Absence {
        id: AbsenceId(Uuid::now_v7()),
        owner,
        substitute: UserId(Uuid::now_v7()),
        from: Timestamp::from_microsecond(from).unwrap(),
        until: Timestamp::from_microsecond(until).unwrap(),
        templates: vec![Uuid::now_v7().into()],
        reason: "年假".to_owned(),
        move_open: false,
    }
}

fn someone() -> UserId {
    UserId(Uuid::now_v7())
}

async fn directory_version(store: &Store, tenant: TenantId) -> i64 {
    let all = store.tenant_versions().await.unwrap();
    all.iter().find(|it| it.tenant == tenant).unwrap().directory
}

/// Every sweep that is due, done.
async fn sweeps(store: &Store, now: i64) -> Vec<Sweep> {
    let mut done = Vec::new();
    while let Some(sweep) = store.due_sweep(now, now + 1).await.unwrap() {
        store.finish_sweep(&sweep).await.unwrap();
        done.push(sweep);
    }
    done
}

#[tokio::test]
async fn calendars_are_loaded_with_the_directory() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "north").await, workspace(&store, "south").await);
        let (first, mut second) = (calendar("一"), calendar("二"));
        let department = DepartmentId(Uuid::now_v7());
        let before = directory_version(&store, tenant).await;
        store.put_calendar(tenant, &first, 5).await.unwrap();
        store.put_calendar(tenant, &second, 5).await.unwrap();
        assert!(store.set_default_calendar(tenant, Some(first.id)).await.unwrap());
        assert!(store.set_default_calendar(tenant, Some(second.id)).await.unwrap());
        store.set_department_calendar(tenant, department, Some(second.id)).await.unwrap();
        store.set_department_calendar(tenant, department, Some(first.id)).await.unwrap();
        second.time_zone = Some("Asia/Tokyo".to_owned());
        store.put_calendar(tenant, &second, 6).await.unwrap();
        assert_eq!(directory_version(&store, tenant).await, before + 7);

        let calendars = store.load_directory(tenant).await.unwrap().calendars;
        assert_eq!(calendars.all, [first.clone(), second.clone()]);
        assert_eq!(calendars.default, Some(second.id), "replacing it leaves it the default one");
        assert_eq!(calendars.of_departments, [(department, first.id)].into());
        assert_eq!(store.load_directory(other).await.unwrap().calendars.all, []);

        let unknown = CalendarId(Uuid::now_v7());
        assert!(!store.set_default_calendar(tenant, Some(unknown)).await.unwrap());
        assert_eq!(store.load_directory(tenant).await.unwrap().calendars.default, Some(second.id));
        assert!(store.delete_calendar(tenant, first.id).await.unwrap());
        assert!(!store.delete_calendar(tenant, first.id).await.unwrap());
        assert!(store.set_default_calendar(tenant, None).await.unwrap());
        store.set_department_calendar(tenant, department, None).await.unwrap();
        let calendars = store.load_directory(tenant).await.unwrap().calendars;
        assert_eq!((calendars.all.len(), calendars.default, calendars.of_departments.len()), (1, None, 0));
    })
    .await;
}

#[tokio::test]
async fn absences_are_loaded_with_the_directory_until_they_are_over() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let (ann, bob) = (someone(), someone());
        let (first, second) = (absence(ann, 100, 200), absence(ann, 300, 400));
        for it in [&first, &second, &absence(bob, 100, 250)] {
            store.put_absence(tenant, it, None, 5).await.unwrap();
        }
        let directory = store.load_directory(tenant).await.unwrap();
        assert_eq!(directory.absences_of(ann), [first.clone(), second.clone()]);

        let listed = store.list_absences(tenant, Some(ann), &Page::first(1)).await.unwrap();
        assert_eq!(listed.rows, std::slice::from_ref(&second));
        let rest = Page { limit: 5, after: listed.next };
        assert_eq!(
            store.list_absences(tenant, Some(ann), &rest).await.unwrap().rows,
            std::slice::from_ref(&first)
        );
        assert_eq!(store.list_absences(tenant, None, &Page::first(5)).await.unwrap().rows.len(), 3);

        sweeps(&store, 200).await;
        assert_eq!(
            store.load_directory(tenant).await.unwrap().absences_of(ann),
            std::slice::from_ref(&second)
        );
        assert_eq!(store.load_absence(tenant, first.id).await.unwrap(), Some(first));
        store.delete_absence(tenant, &second, 210).await.unwrap();
        assert_eq!(store.delete_absence(tenant, &second, 210).await, Err(Error::Conflict));
        assert_eq!(store.load_absence(tenant, second.id).await.unwrap(), None);
        assert_eq!(store.load_directory(tenant).await.unwrap().absences().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_absence_asks_for_a_sweep_when_it_begins_and_when_it_ends() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let ann = someone();
        let mut away = absence(ann, 100, 200);
        store.put_absence(tenant, &away, None, 5).await.unwrap();
        assert_eq!(sweeps(&store, 99).await, []);
        assert_eq!(sweeps(&store, 100).await, [Sweep { tenant, user: ann, due_at: 100 }]);

        // Changing it asks at once, of the old substitute too.
        let before = away.clone();
        away.substitute = someone();
        store.put_absence(tenant, &away, Some(&before), 150).await.unwrap();
        let mut asked: Vec<UserId> = sweeps(&store, 150).await.iter().map(|it| it.user).collect();
        asked.sort();
        let mut expected = [ann, before.substitute];
        expected.sort();
        assert_eq!(asked, expected);
        assert_eq!(sweeps(&store, 200).await, [Sweep { tenant, user: ann, due_at: 200 }]);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_person_is_swept() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        let user = User {
            id: someone(),
            name: "Ann".to_owned(),
            active: true,
            departments: vec![],
            supervisor: None,
            approval_limit: None,
            admin: false,
        };
        let mut row = UserRow { user, login: "ann".to_owned(), email: None, mobile: None, locale: None };
        store.put_user(tenant, &row, 5).await.unwrap();
        assert_eq!(sweeps(&store, 5).await, []);
        row.user.active = false;
        store.put_user(tenant, &row, 6).await.unwrap();
        assert_eq!(sweeps(&store, 6).await, [Sweep { tenant, user: row.user.id, due_at: 6 }]);
    })
    .await;
}

#[tokio::test]
async fn a_sweep_is_taken_by_one_and_comes_again_unless_it_is_finished() {
    on_both(|store| async move {
        let tenant = workspace(&store, "north").await;
        store.put_absence(tenant, &absence(someone(), 100, 200), None, 5).await.unwrap();
        let (one, two) = tokio::join!(store.due_sweep(100, 150), store.due_sweep(100, 150));
        let taken: Vec<Sweep> = [one, two].into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(taken.len(), 1);
        assert_eq!(store.due_sweep(149, 160).await.unwrap(), None);
        assert_eq!(store.due_sweep(150, 160).await.unwrap(), Some(taken[0]));
        store.finish_sweep(&taken[0]).await.unwrap();
        assert_eq!(store.due_sweep(199, 260).await.unwrap(), None);
    })
    .await;
}
