//! B3.1 to B3.3: how several people decide together.

use crate::world::*;
use serde_json::json;
use zhupi_engine::event::Decision;
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind};
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::{AllReject, Approval, Block, Dedup, Mode, OrReject, Separation};
use zhupi_engine::{Command, Rejection, Status};

const OR: Mode = Mode::OrSign { reject: OrReject::FirstDecides };
const OR_ALL: Mode = Mode::OrSign { reject: OrReject::AllMustReject };
const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };
const ALL_WAIT: Mode = Mode::Countersign { reject: AllReject::WaitForAll };

fn three(mode: Mode) -> Run {
    let world = World::new().people(&["ann", "bob", "cid", "dan"]);
    Run::start(world, template(vec![ask_in("n", &["bob", "cid", "dan"], mode)]), "ann")
}

#[test]
fn or_sign_passes_with_the_first_approval_and_cancels_the_other_tasks() {
    let run = three(OR).approve("cid");
    assert_eq!(run.status(), Status::Approved);
    assert_eq!((run.state("bob"), run.state("dan")), (SlotState::NotNeeded, SlotState::NotNeeded));
}

#[test]
fn or_sign_is_rejected_by_the_first_rejection() {
    let run = three(OR).reject("dan");
    assert_eq!((run.status(), run.visit("n").state), (Status::Rejected, VisitState::Rejected));
    assert_eq!(run.state("bob"), SlotState::NotNeeded);
}

#[test]
fn or_sign_all_must_reject_records_rejections_until_the_last() {
    let run = three(OR_ALL).reject("bob").reject("cid");
    assert_eq!(run.pending(), "dan");
    assert_eq!(run.reject("dan").status(), Status::Rejected);
    assert_eq!(three(OR_ALL).reject("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn countersign_needs_everybody() {
    let run = three(ALL).approve("dan").approve("bob");
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").status(), Status::Approved);
}

#[test]
fn countersign_ends_at_the_first_rejection() {
    let run = three(ALL).approve("bob").reject("cid");
    assert_eq!((run.status(), run.state("dan")), (Status::Rejected, SlotState::NotNeeded));
}

#[test]
fn countersign_wait_for_all_hears_everybody_first() {
    let run = three(ALL_WAIT).reject("bob").approve("cid");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "dan"));
    assert_eq!(run.approve("dan").status(), Status::Rejected);
    assert_eq!(three(ALL_WAIT).approve("bob").approve("cid").approve("dan").status(), Status::Approved);
}

#[test]
fn in_turn_asks_one_after_another() {
    let run = three(Mode::InTurn);
    assert_eq!((run.pending().as_str(), run.state("cid")), ("bob", SlotState::Queued));
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").approve("dan").status(), Status::Approved);
}

#[test]
fn in_turn_stops_at_a_rejection() {
    let run = three(Mode::InTurn).approve("bob").reject("cid");
    assert_eq!((run.status(), run.state("dan")), (Status::Rejected, SlotState::NotNeeded));
}

#[test]
fn in_turn_somebody_who_left_before_his_turn_is_passed_over() {
    let mut run = three(Mode::InTurn);
    run.world = run.world.disabled("cid");
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.state("cid")), ("dan", SlotState::Removed));
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

#[test]
fn in_turn_it_is_not_his_turn_yet() {
    assert_eq!(three(Mode::InTurn).try_approve("cid"), Err(Rejection::NotYourTurn));
}

/// T: 会签 + reject while another user's approve is in flight → exactly one outcome, the late one gets `already_decided`.
#[test]
fn whoever_is_late_is_told_who_decided() {
    let mut run = three(ALL).reject("bob");
    let Err(Rejection::AlreadyDecided { by, decision, at, .. }) = run.try_approve("cid") else { panic!() };
    assert_eq!((by, decision, at), (Some(user("bob")), Some(Decision::Reject), run.instance.ended_at));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn nobody_decides_twice() {
    let mut run = three(ALL).approve("bob");
    let Err(Rejection::AlreadyDecided { by, decision, .. }) = run.try_reject("bob") else { panic!() };
    assert_eq!((by, decision), (Some(user("bob")), Some(Decision::Approve)));
}

// ---- in turn: owner, absence, self and de-dup are looked at when somebody's turn comes (B3.3) ----

#[test]
fn in_turn_somebody_who_went_away_before_his_turn_is_stood_in_for() {
    let run = three(Mode::InTurn).with(|world| world.away("cid", "eve"));
    let run = run.approve("bob");
    assert_eq!(
        (run.pending().as_str(), run.instance.slot(run.slot_of("eve")).unwrap().1.owner),
        ("eve", user("cid"))
    );
}

#[test]
fn in_turn_somebody_who_is_back_before_his_turn_is_asked_himself() {
    let world = World::new().people(&["ann", "bob", "cid", "dan"]).away("cid", "eve");
    let run = Run::start(world, template(vec![ask_in("n", &["bob", "cid", "dan"], Mode::InTurn)]), "ann");
    assert_eq!(run.with(|world| world.back("cid")).approve("bob").pending(), "cid");
}

/// The self rule holds for whoever stands in by then.
#[test]
fn in_turn_the_initiator_stands_in_for_nobody() {
    let run = three(Mode::InTurn).with(|world| world.away("cid", "ann"));
    assert_eq!(run.approve("bob").pending(), "cid");
}

#[test]
fn in_turn_whoever_stands_in_and_is_asked_anyway_has_one_turn() {
    let run = three(Mode::InTurn).with(|world| world.away("cid", "dan"));
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.instance.visits[0].slots[1].state), ("dan", SlotState::Removed));
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

/// Whoever has to be in other hands by his turn is passed over like one who left.
#[test]
fn in_turn_whoever_decided_beside_it_where_duties_are_kept_apart_is_passed_over() {
    let fork = crate::flows::parallel(
        "f",
        vec![vec![ask("one", &["cid"])], vec![ask_in("two", &["bob", "cid", "dan"], Mode::InTurn)]],
    );
    let mut template = template(vec![Block::Parallel(fork)]);
    template.settings.separation = vec![Separation::Nodes(vec!["one".into(), "two".into()])];
    let mut run = Run::start(World::new().people(&["ann", "bob", "cid", "dan"]), template, "ann");
    let slot = run.visit("one").slots[0].id;
    run.act("cid", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!(run.approve("bob").pending(), "dan");
}

/// Whoever was spared when the visit opened is asked in his turn once that on which he was spared has changed, and is spared
/// still where nothing has.
#[test]
fn in_turn_de_dup_is_looked_at_again() {
    for (sum, pending) in [(2, "cid"), (1, "dan")] {
        let fields = FieldAccess([("sum".into(), Access::Edit)].into());
        let n = Approval { mode: Mode::InTurn, fields, ..node("n", members(&["bob", "cid", "dan"])) };
        let material = Field { material: true, ..field("sum", FieldKind::Number) };
        let mut template = with_form(vec![material], vec![ask("a", &["cid"]), Block::Approval(n)]);
        template.settings.dedup = Dedup::Consecutive;
        let world = World::new().people(&["ann", "bob", "cid", "dan"]);
        let run = Run::start_with(world, template, "ann", json!({ "sum": 1 })).approve("cid");
        assert!(matches!(run.state("cid"), SlotState::Auto(_)));
        assert_eq!(run.approve_with("bob", json!({ "sum": sum })).pending(), pending);
    }
}
