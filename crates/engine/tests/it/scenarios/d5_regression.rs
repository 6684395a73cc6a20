//! D5: a changed template tried on requests that are over.

use crate::world::*;
use serde_json::json;
use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test};
use zhupi_engine::form::FieldKind;
use zhupi_engine::ids::{InstanceId, NodeId};
use zhupi_engine::regression::{Case, EXAMPLES, Regression, Trial};
use zhupi_engine::template::{Approval, Block, EmptyRule, Mode, PersonRule, Template, When};

/// The boss decides from this sum on.
fn from(limit: i64) -> Template {
    let test = Test::Number { op: Compare::GreaterOrEqual, value: limit.into(), currency: None };
    let condition = Condition { subject: Subject::Field("sum".into()), test };
    let high = When::AnyOf(vec![Group { conditions: vec![condition] }]);
    let lanes =
        vec![lane("high", 1, high, vec![ask("boss", &["cid"])]), lane("low", 2, When::Default, vec![])];
    with_form(vec![field("sum", FieldKind::Money)], vec![ask("first", &["bob"]), branch("b", lanes)])
}

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

fn cases(sums: &[u32]) -> Vec<Case> {
    let case = |(n, sum): (u128, &u32)| {
        let run = Run::start_with(world(), from(1000), "ann", json!({ "sum": sum.to_string() }));
        Case { instance: InstanceId(uuid::Uuid::from_u128(n)), ..Case::of(&run.instance) }
    };
    (0..).zip(sums).map(case).collect()
}

fn run(new: &Template, sums: &[u32]) -> Regression {
    let (old, directory) = (from(1000), world().directory());
    let trial = Trial { old: &old, new, directory: &directory, at: at(0) };
    let mut report = Regression::default();
    cases(sums).iter().for_each(|case| report.add(&trial, case));
    report
}

fn counts(report: &Regression) -> [u32; 6] {
    let Regression { run, same, other_path, other_people, refused, nobody, .. } = report;
    [*run, *same, *other_path, *other_people, *refused, *nobody]
}

#[test]
fn an_unchanged_template_changes_nothing() {
    let report = run(&from(1000), &[5, 5_000]);
    assert_eq!(counts(&report), [2, 2, 0, 0, 0, 0]);
    assert!(report.nodes.is_empty());
}

#[test]
fn requests_between_the_limits_take_another_path_and_stand_as_examples() {
    let report = run(&from(100), &[99, 100, 999, 1000]);
    assert_eq!(counts(&report), [4, 2, 2, 0, 0, 0]);
    let (boss, lane) = (&report.nodes[&NodeId::from("boss")], &report.nodes[&NodeId::from("b")]);
    assert_eq!((boss.new, boss.gone, lane.changed), (2, 0, 2));
    assert_eq!(boss.examples, [1, 2].map(|n| InstanceId(uuid::Uuid::from_u128(n))));
    assert_eq!(counts(&run(&from(10_000), &[5_000]))[2], 1);
}

#[test]
fn other_people_on_the_same_path_are_told_apart_from_another_path() {
    let mut new = from(1000);
    new.flow[0] = ask("first", &["dan"]);
    assert_eq!(counts(&run(&new, &[5])), [1, 0, 0, 1, 0, 0]);
    new.flow[0] = ask_in("first", &["bob"], Mode::InTurn);
    assert_eq!(counts(&run(&new, &[5])), [1, 0, 0, 1, 0, 0]);
}

#[test]
fn where_nobody_is_found_is_said_whatever_happens_then() {
    for (empty, refused) in [
        (EmptyRule::TemplateAdmin, 0),
        (EmptyRule::AutoApprove, 0),
        (EmptyRule::Members(vec![user("dan")]), 0),
        (EmptyRule::BlockSubmit, 1),
    ] {
        let mut new = from(1000);
        let nobody = by(PersonRule::Role(role("empty")));
        new.flow.push(Block::Approval(Approval { empty, ..node("last", nobody) }));
        let report = run(&new, &[5]);
        assert_eq!((report.nobody, report.refused), (1, refused));
        assert_eq!(report.nodes[&NodeId::from("last")].nobody, 1);
    }
    let mut stuck = from(1000);
    stuck.flow.push(Block::Approval(node("last", by(PersonRule::Role(role("empty"))))));
    let (old, directory) = (from(1000), world().without_admin().directory());
    let trial = Trial { old: &old, new: &stuck, directory: &directory, at: at(0) };
    let mut report = Regression::default();
    report.add(&trial, &cases(&[5])[0]);
    assert_eq!((report.nobody, report.other_path), (1, 1));
}

#[test]
fn only_some_examples_are_kept() {
    let report = run(&from(1), &[5; 20]);
    assert_eq!((report.other_path, report.nodes[&NodeId::from("boss")].examples.len()), (20, EXAMPLES));
}
