//! B5.5 and B5.6: taking people out again.

use crate::world::*;
use zhupi_engine::command::AddSign;
use zhupi_engine::event::{AddKind, WhyRemoved};
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::{AllReject, Approval, Block, EmptyRule, Mode, OrReject};
use zhupi_engine::{Command, Rejection, Status};

const OR: Mode = Mode::OrSign { reject: OrReject::FirstDecides };
const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn two(mode: Mode) -> Run {
    let world = World::new().people(&["ann", "bob", "cid", "dan", "xia", "yan"]);
    let approval = Approval {
        mode,
        empty: EmptyRule::Members(vec![user("dan")]),
        ..node("n", members(&["bob", "cid"]))
    };
    Run::start(world, template(vec![Block::Approval(approval)]), "ann")
}

fn add(mut run: Run, name: &str, kind: AddKind, people: &[&str]) -> Run {
    let people = people.iter().map(|it| user(it)).collect();
    let slot = run.slot_of(name);
    let request = AddSign { slot, people, kind, mode: ALL, advisory: false, comment: String::new() };
    run.act(name, Command::AddSign(request)).unwrap();
    run
}

fn try_remove(run: &mut Run, actor: &str, name: &str) -> Result<(), Rejection> {
    let slot = run.slot_of(name);
    run.act(actor, Command::RemoveSign { slot })
}

fn remove(mut run: Run, actor: &str, name: &str) -> Run {
    try_remove(&mut run, actor, name).unwrap();
    run
}

#[test]
fn without_anybody_left_before_him_he_decides() {
    let run = remove(add(two(ALL), "bob", AddKind::Before, &["xia", "yan"]), "bob", "xia");
    assert_eq!((run.pending().as_str(), run.state("xia")), ("cid yan", SlotState::Removed));
    assert_eq!(run.why_removed(), [WhyRemoved::TakenOut]);
    assert_eq!(remove(run, "bob", "yan").pending(), "bob cid");
}

#[test]
fn without_anybody_left_after_him_they_count_as_passed() {
    let run = add(two(OR), "bob", AddKind::After, &["xia"]).approve("bob");
    assert_eq!(remove(run, "bob", "xia").status(), Status::Approved);
    let run = remove(add(two(OR), "bob", AddKind::After, &["xia"]), "bob", "xia");
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn without_anybody_left_beside_him_his_own_word_counts() {
    let run = add(two(OR), "bob", AddKind::Together, &["xia"]).approve("bob");
    assert_eq!(remove(run, "bob", "xia").status(), Status::Approved);
    let run = remove(add(two(ALL), "bob", AddKind::Peers, &["xia"]), "bob", "xia");
    assert_eq!(run.approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn those_he_brought_in_himself_go_with_him() {
    let run = add(two(ALL), "bob", AddKind::Before, &["xia"]);
    let run = remove(add(run, "xia", AddKind::After, &["yan"]), "bob", "xia");
    assert_eq!((run.pending().as_str(), run.state("yan")), ("bob cid", SlotState::NotNeeded));
}

#[test]
fn only_whoever_brought_him_in_and_administrators() {
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia"]);
    assert_eq!(try_remove(&mut run, "cid", "xia"), Err(Rejection::NotYourTask));
    assert_eq!(try_remove(&mut run, "xia", "xia"), Err(Rejection::NotYourTask));
    assert_eq!(remove(run, "root", "xia").pending(), "bob cid");
}

#[test]
fn whoever_has_the_task_now_may_take_out_whom_the_one_before_brought_in() {
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia"]);
    let handing =
        zhupi_engine::command::Handing { slot: run.slot_of("bob"), to: user("yan"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    assert_eq!(remove(run, "yan", "xia").pending(), "yan cid");
}

#[test]
fn nobody_is_taken_out_who_has_decided_or_waits() {
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia", "yan"]).approve("xia");
    assert_eq!(try_remove(&mut run, "bob", "xia").err().map(|it| it.code()), Some("already_decided"));
    let mut run = add(run, "yan", AddKind::Before, &["dan"]);
    assert_eq!(try_remove(&mut run, "bob", "yan"), Err(Rejection::NotYourTurn));
}

#[test]
fn whom_the_rules_chose_only_an_administrator_takes_out() {
    let mut run = two(ALL);
    assert_eq!(try_remove(&mut run, "bob", "cid"), Err(Rejection::NotYourTask));
    let run = remove(run, "root", "cid");
    assert_eq!(run.pending(), "bob");
    let run = remove(run, "root", "bob");
    assert_eq!(run.pending(), "dan");
    assert_eq!((run.visits("n").len(), run.visits("n")[0].state), (2, VisitState::Cancelled));
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

#[test]
fn taking_out_the_next_one_in_turn() {
    let run = remove(two(Mode::InTurn), "root", "cid");
    assert_eq!(run.approve("bob").status(), Status::Approved);
    let run = remove(two(Mode::InTurn), "root", "bob");
    assert_eq!(run.pending(), "cid");
}

#[test]
fn no_task_no_removal() {
    let mut run = two(ALL);
    let refused = run.act("root", Command::RemoveSign { slot: zhupi_engine::ids::SlotId(77) });
    assert_eq!(refused, Err(Rejection::TaskNotFound { slot: zhupi_engine::ids::SlotId(77) }));
}

#[test]
fn on_his_own_request_an_administrator_takes_out_only_whom_he_brought_in() {
    let flow = || template(vec![ask_in("n", &["bob", "cid"], ALL)]);
    let world = || World::new().people(&["bob", "cid", "xia"]);
    let mut run = Run::start(world(), flow(), "root").approve("bob");
    assert!(matches!(try_remove(&mut run, "root", "cid"), Err(Rejection::NotEligible { .. })));
    let mut run = add(Run::start(world(), flow(), "root"), "bob", AddKind::Peers, &["xia"]);
    assert!(matches!(try_remove(&mut run, "root", "xia"), Err(Rejection::NotEligible { .. })));
    assert_eq!(remove(run, "bob", "xia").pending(), "bob cid");
}

fn take_out_all(run: &mut Run, name: &str) -> Result<(), Rejection> {
    let slot = run.slot_of(name);
    run.act(name, Command::RemoveAdded { slot })
}

#[test]
fn bringing_people_in_is_undone_as_a_whole() {
    for kind in [AddKind::Before, AddKind::After, AddKind::Together, AddKind::Peers] {
        let mut run = add(two(OR), "bob", kind, &["xia", "yan"]);
        take_out_all(&mut run, "bob").unwrap();
        assert_eq!((run.pending().as_str(), run.state("xia")), ("bob cid", SlotState::Removed), "{kind:?}");
        assert_eq!(run.why_removed(), [WhyRemoved::TakenOut; 2]);
        assert_eq!(run.approve("bob").status(), Status::Approved, "{kind:?}: his own word is enough again");
    }
}

#[test]
fn nothing_is_undone_once_one_of_them_has_acted() {
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia", "yan"]).approve("xia");
    assert!(matches!(take_out_all(&mut run, "bob"), Err(Rejection::AlreadyDecided { .. })));
    assert_eq!(run.pending(), "cid yan");
    let mut run = add(add(two(ALL), "bob", AddKind::Before, &["xia"]), "xia", AddKind::Before, &["yan"]);
    assert_eq!(take_out_all(&mut run, "bob"), Err(Rejection::NotYourTurn), "xia has brought in others");
    take_out_all(&mut run, "xia").unwrap();
    assert_eq!(run.pending(), "cid xia");
}

#[test]
fn whom_he_has_heard_before_is_not_in_the_way_of_undoing_what_came_after() {
    let run = add(two(ALL), "bob", AddKind::Before, &["xia"]).approve("xia");
    let mut run = add(run, "bob", AddKind::After, &["yan"]);
    take_out_all(&mut run, "bob").unwrap();
    assert_eq!((run.state("xia"), run.state("yan")), (SlotState::Approved, SlotState::Removed));
    assert_eq!(run.approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn only_whoever_brought_people_in_undoes_it_and_only_where_he_did() {
    let mut run = add(two(ALL), "bob", AddKind::Peers, &["xia"]);
    let slot = run.slot_of("bob");
    assert_eq!(run.act("cid", Command::RemoveAdded { slot }), Err(Rejection::NotYourTask));
    assert_eq!(take_out_all(&mut run, "cid"), Err(Rejection::NotOffered { action: "remove_added" }));
    take_out_all(&mut run, "bob").unwrap();
    assert_eq!(take_out_all(&mut run, "bob"), Err(Rejection::NotOffered { action: "remove_added" }));
    assert_eq!(run.pending(), "bob cid");
}
