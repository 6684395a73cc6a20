//! B3.1 to B3.3: how several people decide together.

use crate::world::*;
use zhupi_engine::event::Decision;
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::{AllReject, Mode, OrReject};
use zhupi_engine::{Rejection, Status};

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
    let Err(Rejection::AlreadyDecided { by, decision, at }) = run.try_approve("cid") else { panic!() };
    assert_eq!((by, decision, at), (Some(user("bob")), Some(Decision::Reject), run.instance.ended_at));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn nobody_decides_twice() {
    let mut run = three(ALL).approve("bob");
    let Err(Rejection::AlreadyDecided { by, decision, .. }) = run.try_reject("bob") else { panic!() };
    assert_eq!((by, decision), (Some(user("bob")), Some(Decision::Approve)));
}
