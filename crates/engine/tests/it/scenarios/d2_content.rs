//! D2: an approval is bound to what was approved.

use crate::world::*;
use serde_json::json;
use zhupi_engine::command::{Opinion, Return, ReturnTo};
use zhupi_engine::form::{Access, FieldAccess, FieldKind};
use zhupi_engine::instance::SlotState;
use zhupi_engine::template::{AllReject, Approval, Block, Dedup, Mode, Template};
use zhupi_engine::{Command, Event, Rejection, Status};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

/// `a` before a node at which the sum may be changed.
fn flow(mode: Mode, names: &[&str], material: bool) -> Template {
    let fields = FieldAccess([("sum".into(), Access::Edit)].into());
    let n = Approval { mode, fields, ..node("n", members(names)) };
    let mut sum = field("sum", FieldKind::Number);
    sum.material = material;
    let mut template = with_form(vec![sum], vec![Block::Approval(n)]);
    template.settings.dedup = Dedup::default();
    template
}

fn start(template: Template) -> Run {
    Run::start_with(world(), template, "ann", json!({ "sum": 800 }))
}

#[test]
fn a_material_change_asks_colleagues_of_the_same_visit_again() {
    let run = start(flow(ALL, &["bob", "cid", "dan"], true)).approve("bob");
    let run = run.approve_with("cid", json!({ "sum": 12000 }));
    assert_eq!((run.pending().as_str(), run.state("cid")), ("bob dan", SlotState::Approved));
    let slot = run.slot_of("bob");
    let first = |event: &Event| matches!(event, Event::SlotDecided { slot: it, .. } if *it == slot);
    assert_eq!(
        run.events.iter().filter(|event| first(event)).count(),
        1,
        "what he said stays in the history"
    );
    assert_eq!(run.approve("bob").approve("dan").status(), Status::Approved);
}

#[test]
fn other_changes_ask_nobody_again() {
    let run = start(flow(ALL, &["bob", "cid"], false)).approve("bob");
    assert_eq!(run.approve_with("cid", json!({ "sum": 12000 })).status(), Status::Approved);
    let run = start(flow(ALL, &["bob", "cid"], true)).approve("bob");
    assert_eq!(run.approve_with("cid", json!({ "sum": 800 })).status(), Status::Approved);
}

#[test]
fn in_turn_they_are_asked_again_one_after_another() {
    let run = start(flow(Mode::InTurn, &["bob", "cid", "dan"], true)).approve("bob").approve("cid");
    let run = run.approve_with("dan", json!({ "sum": 12000 }));
    assert_eq!(run.pending(), "bob");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").status(), Status::Approved);
}

#[test]
fn whoever_was_spared_in_turn_is_asked_after_a_material_change() {
    for (sum, status) in [(12000, Status::Running), (800, Status::Approved)] {
        let mut template = flow(Mode::InTurn, &["cid", "bob"], true);
        template.flow.insert(0, ask("a", &["bob"]));
        let run = start(template).approve("bob").approve_with("cid", json!({ "sum": sum }));
        assert_eq!(run.status(), status);
        assert_eq!(run.pending(), if status == Status::Running { "bob" } else { "" });
    }
}

#[test]
fn whoever_has_left_since_is_not_asked_again() {
    let run = start(flow(ALL, &["bob", "cid"], true)).approve("bob").with(|world| world.disabled("bob"));
    assert_eq!(run.approve_with("cid", json!({ "sum": 12000 })).status(), Status::Approved);
}

/// Whether the change is material or not: he has not seen what he would decide on.
#[test]
fn whoever_saw_other_values_does_not_decide_on_these() {
    let digest = |run: &Run| run.instance.contents.last().map(|content| content.digest.clone());
    let mut run = start(flow(ALL, &["bob", "cid"], false));
    let seen = digest(&run);
    run = run.approve_with("bob", json!({ "sum": 900 }));
    let opinion = |run: &Run, seen| Opinion { seen, ..Opinion::new(run.slot_of("cid"), "no") };
    let old = opinion(&run, seen);
    let back = Return { opinion: old.clone(), to: ReturnTo::Initiator, resume: None };
    for command in [Command::Approve(old.clone()), Command::Reject(old), Command::Return(back)] {
        assert_eq!(run.act("cid", command), Err(Rejection::ContentChanged));
    }
    let slot = run.slot_of("bob");
    let decided = run.instance.slot(slot).unwrap().1.decided.clone().unwrap();
    let approved = run.instance.contents.iter().position(|it| Some(&it.digest) == digest(&run).as_ref());
    assert_eq!(Some(decided.content as usize), approved, "bob approved what he had made of it");
    let opinion = opinion(&run, digest(&run));
    run.act("cid", Command::Approve(opinion)).unwrap();
    assert_eq!(run.status(), Status::Approved);
}
