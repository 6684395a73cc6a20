//! D2: an approval is bound to what was approved.

use crate::flows::{each, parallel, trigger};
use crate::world::*;
use serde_json::json;
use zhupi_engine::command::{AddSign, Opinion, Return, ReturnTo};
use zhupi_engine::event::{AddKind, Decision};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind, FormData, Value};
use zhupi_engine::instance::{Outcome, SlotState};
use zhupi_engine::template::*;
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
    let back = Return::new(old.clone(), ReturnTo::Initiator);
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

// ---- changes from elsewhere ----

/// Beside an open visit of bob and cid, another branch in which dan decides before something changes the sum.
fn beside(then: Vec<Block>) -> Run {
    let fields = FieldAccess([("sum".into(), Access::Edit)].into());
    let other = Approval { fields, ..node("other", members(&["dan"])) };
    let lane = std::iter::once(Block::Approval(other)).chain(then).chain([ask("last", &["eve"])]);
    let fork = parallel("f", vec![vec![ask_in("n", &["bob", "cid"], ALL)], lane.collect()]);
    let sum = Field { material: true, ..field("sum", FieldKind::Number) };
    let template = with_form(vec![sum, field("note", FieldKind::Text)], vec![Block::Parallel(fork)]);
    Run::start_with(world().people(&["eve"]), template, "ann", json!({ "sum": 800 }))
}

fn set(field: &str, formula: &str) -> Block {
    let set = SetField { field: field.into(), formula: formula.to_owned() };
    trigger("t", TriggerAction::SetFields(vec![set]))
}

#[test]
fn a_change_in_another_branch_asks_open_visits_again() {
    let run = beside(vec![]).approve("bob").approve_with("dan", json!({ "sum": 12000 }));
    assert_eq!(run.pending(), "bob cid eve");
    let run = beside(vec![]).approve("bob").approve_with("dan", json!({ "sum": 800 }));
    assert_eq!(run.pending(), "cid eve");
    let run = beside(vec![]).approve("bob").approve("cid").approve_with("dan", json!({ "sum": 12000 }));
    assert_eq!(run.pending(), "eve", "what is closed stays as it was decided");
}

#[test]
fn a_change_by_a_trigger_asks_open_visits_again() {
    let run = beside(vec![set("sum", "sum + 1")]).approve("bob").approve("dan");
    assert_eq!(run.pending(), "bob cid eve");
    assert_eq!(run.approve("bob").approve("cid").approve("eve").status(), Status::Approved);
    let run = beside(vec![set("note", "'paid'")]).approve("bob").approve("dan");
    assert_eq!(run.pending(), "cid eve", "nothing hangs on the note");
}

#[test]
fn an_answer_from_elsewhere_asks_open_visits_again() {
    let (url, sets) = ("https://example.com/".to_owned(), vec!["sum".into()]);
    let call = trigger("t", TriggerAction::CallAndWait { url, sets, within: None });
    let mut run = beside(vec![call]).approve("bob").approve("dan");
    assert_eq!(run.pending(), "cid");
    let visit = run.visit("t").id;
    let values = FormData([("sum".into(), Value::Number(12000.into()))].into());
    run.system(at(9_000), Command::Answer { visit, outcome: Outcome::Approved, values }).unwrap();
    assert_eq!(run.pending(), "bob cid eve");
}

/// What one has left to the other is settled by it: of a vote that needs two, one who rejected and one who is gone are left.
#[test]
fn whoever_left_is_not_asked_again_and_that_may_settle_the_visit() {
    let vote = Mode::Vote(Vote::at(Threshold::Count(2)));
    let fields = FieldAccess([("sum".into(), Access::Edit)].into());
    let other = Approval { fields, ..node("other", members(&["dan"])) };
    let voters = ask_in("n", &["bob", "cid", "eve"], vote);
    let fork = parallel("f", vec![vec![voters], vec![Block::Approval(other)]]);
    let sum = Field { material: true, ..field("sum", FieldKind::Number) };
    let template = with_form(vec![sum], vec![Block::Parallel(fork)]);
    let run = Run::start_with(world().people(&["eve"]), template, "ann", json!({ "sum": 800 }));
    let run = run.approve("bob").reject("cid").with(|world| world.disabled("bob"));
    assert_eq!(run.pending(), "eve dan");
    let run = run.approve_with("dan", json!({ "sum": 12000 }));
    assert_eq!((run.state("bob"), run.status()), (SlotState::Removed, Status::Rejected));
}

/// Whoever decides rows of a table in a branch of their own is asked again for those rows alone.
#[test]
fn rows_of_others_ask_nobody_again() {
    let columns = vec![field("cost", FieldKind::Number), field("owner", FieldKind::Contact)];
    let items = Field { columns, ..field("items", FieldKind::Table) };
    let total = Field {
        formula: Some("sum(items.cost)".to_owned()),
        material: true,
        ..field("total", FieldKind::Number)
    };
    let items = Field { material: true, ..items };
    let fields = FieldAccess([("items".into(), Access::Edit)].into());
    let line = node("line", by(PersonRule::Item { column: Some("owner".into()) }));
    let mut line = Approval { fields, mode: ALL, ..line };
    if let Approvers::People(rules) = &mut line.approvers {
        rules.push(named(&["dan"]));
    }
    let each = Block::Each(each("e", "items", vec![Block::Approval(line)]));
    let beside = vec![ask_in("n", &["eve", "fay"], ALL)];
    let fork = parallel("f", vec![vec![each], beside]);
    let template = with_form(vec![items, total], vec![Block::Parallel(fork)]);
    let rows = json!({ "items": [
        { "cost": 1, "owner": [uuid("bob")] }, { "cost": 2, "owner": [uuid("cid")] },
    ] });
    let mut run = Run::start_with(world().people(&["eve", "fay"]), template, "ann", rows).approve("eve");
    let slot = |run: &Run, visit: usize, place: usize| run.visits("line")[visit].slots[place].clone();
    let of_cid = slot(&run, 1, 0);
    run.act("cid", Command::decide(Decision::Approve, of_cid.id, "")).unwrap();
    let of_dan = slot(&run, 0, 1);
    run.act("dan", Command::decide(Decision::Approve, of_dan.id, "")).unwrap();
    let edits = run.edits(json!({ "items": [
        { "_row": 1, "cost": 100, "owner": [uuid("bob")] }, { "_row": 2, "cost": 2, "owner": [uuid("cid")] },
    ] }));
    let opinion = Opinion { edits, ..Opinion::new(slot(&run, 0, 0).id, "") };
    run.act("bob", Command::Approve(opinion)).unwrap();
    assert_eq!(slot(&run, 0, 1).state, SlotState::Pending, "dan has approved another cost of this row");
    assert_eq!(slot(&run, 1, 0).state, SlotState::Approved, "cid has decided his own row");
    assert_eq!(run.state("eve"), SlotState::Pending, "eve decides on the whole");
}

/// What has to be filled in is filled in by whoever approves; a no needs nothing, and people brought in only read.
#[test]
fn only_whoever_approves_has_to_fill_in_what_the_node_demands() {
    let demanding = || {
        let fields = FieldAccess([("note".into(), Access::Require)].into());
        let approval = Approval { fields, ..node("n", members(&["bob"])) };
        let template = with_form(vec![field("note", FieldKind::Text)], vec![Block::Approval(approval)]);
        Run::start(World::new().people(&["ann", "bob", "cid"]), template, "ann")
    };
    assert!(matches!(demanding().try_approve("bob"), Err(Rejection::FormInvalid { .. })));
    assert_eq!(demanding().reject("bob").status(), Status::Rejected);
    let mut run = demanding();
    let (slot, people, kind) = (run.slot_of("bob"), vec![user("cid")], AddKind::Before);
    let add = AddSign { slot, people, kind, mode: AddSign::all(), advisory: false, comment: String::new() };
    run.act("bob", Command::AddSign(add)).unwrap();
    assert_eq!(run.approve("cid").pending(), "bob");
}
