//! Who stands in for whom: chains, circles, templates and periods.

use crate::world::*;
use jiff::Timestamp;
use zhupi_engine::Directory;
use zhupi_engine::absence::Absence;
use zhupi_engine::ids::{TemplateId, UserId};

fn away(owner: &str, substitute: &str, from: i64, until: i64) -> Absence {
    Absence {
        id: uuid(&format!("{owner}-{substitute}")).into(),
        owner: user(owner),
        substitute: user(substitute),
        from: at(from),
        until: at(until),
        templates: Vec::new(),
        reason: "on leave".to_owned(),
        move_open: true,
    }
}

fn people() -> World {
    World::new().people(&["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"])
}

fn with(absences: Vec<Absence>) -> Directory {
    people().directory().with_absences(absences)
}

fn template_id() -> TemplateId {
    uuid("template").into()
}

fn stands_in(directory: &Directory, owner: &str, now: Timestamp) -> Option<UserId> {
    directory.substitute_of(user(owner), template_id(), now).map(|it| it.user)
}

#[test]
fn an_absence_holds_from_its_first_moment_until_just_before_its_last() {
    let directory = with(vec![away("ann", "bob", 100, 200)]);
    for (second, expected) in [(99, None), (100, Some("bob")), (199, Some("bob")), (200, None)] {
        assert_eq!(stands_in(&directory, "ann", at(second)), expected.map(user), "{second}");
    }
    assert_eq!(stands_in(&directory, "bob", at(150)), None);
}

#[test]
fn an_absence_may_be_for_some_templates_only() {
    let ours = Absence { templates: vec![template_id()], ..away("ann", "bob", 0, 10) };
    let others = Absence { templates: vec![uuid("other").into()], ..away("ann", "bob", 0, 10) };
    assert_eq!(stands_in(&with(vec![ours.clone()]), "ann", at(5)), Some(user("bob")));
    assert_eq!(stands_in(&with(vec![others.clone()]), "ann", at(5)), None);
    assert!(!ours.overlaps(&others));
    assert!(ours.overlaps(&away("ann", "cat", 9, 20)));
    assert!(!ours.overlaps(&away("ann", "cat", 10, 20)));
}

#[test]
fn absent_substitutes_are_followed_and_named() {
    let directory =
        with(vec![away("ann", "bob", 0, 10), away("bob", "cat", 0, 10), away("cat", "dan", 0, 10)]);
    let found = directory.substitute_of(user("ann"), template_id(), at(5)).unwrap();
    assert_eq!((found.user, found.through), (user("dan"), vec![user("bob"), user("cat")]));
    assert_eq!((found.absence, found.reason.as_str()), (uuid("ann-bob").into(), "on leave"));
}

#[test]
fn in_a_circle_the_owner_keeps_it() {
    let circle = vec![away("ann", "bob", 0, 10), away("bob", "cat", 0, 10), away("cat", "ann", 0, 10)];
    assert_eq!(stands_in(&with(circle), "ann", at(5)), None);
    // A circle that he only leads into is one too.
    let lasso = vec![away("ann", "bob", 0, 10), away("bob", "cat", 0, 10), away("cat", "bob", 0, 10)];
    assert_eq!(stands_in(&with(lasso), "ann", at(5)), None);
}

#[test]
fn five_substitutes_are_followed_and_not_six() {
    let names = ["ann", "bob", "cat", "dan", "eve", "fay", "gus"];
    let chain: Vec<Absence> =
        names.iter().zip(names.iter().skip(1)).map(|(owner, next)| away(owner, next, 0, 10)).collect();
    assert_eq!(stands_in(&with(chain[..5].to_vec()), "ann", at(5)), Some(user("fay")));
    assert_eq!(stands_in(&with(chain), "ann", at(5)), None);
}

#[test]
fn a_disabled_substitute_is_passed_over_and_without_another_the_owner_keeps_it() {
    let world = people().disabled("bob");
    let absences = vec![away("ann", "bob", 0, 10)];
    let alone = world.directory().with_absences(absences.clone());
    assert_eq!(stands_in(&alone, "ann", at(5)), None);
    let other = world.directory().with_absences([absences, vec![away("ann", "cat", 1, 10)]].concat());
    assert_eq!(stands_in(&other, "ann", at(5)), Some(user("cat")));
    let deeper = world.directory().with_absences(vec![away("ann", "cat", 0, 10), away("cat", "bob", 0, 10)]);
    assert_eq!(stands_in(&deeper, "ann", at(5)), None);
}

#[test]
fn an_unknown_substitute_is_a_problem() {
    let problems = with(vec![away("ann", "nobody", 0, 10)]).check();
    assert_eq!(problems.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["user_unknown"]);
}

#[test]
fn what_is_open_moves_too_where_an_absence_says_nothing_of_it() {
    let mut written = serde_json::to_value(away("ann", "bob", 0, 100)).unwrap();
    written.as_object_mut().unwrap().remove("move_open");
    let read: Absence = serde_json::from_value(written).unwrap();
    assert!(read.move_open);
}
