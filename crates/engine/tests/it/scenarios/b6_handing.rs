//! B6.2 and B6.3: handing a task on for good, and lending it for an opinion.

use crate::world::*;
use zhupi_engine::command::{AddSign, Handing};
use zhupi_engine::condition::Scope;
use zhupi_engine::event::{AddKind, Decision};
use zhupi_engine::instance::SlotState;
use zhupi_engine::template::{AllReject, Approval, Block, Dedup, Mode, Offer, SelfRule};
use zhupi_engine::{Command, Rejection, Status};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve"])
}

fn at_node(approval: Approval) -> Run {
    Run::start(world(), template(vec![Block::Approval(approval)]), "ann")
}

fn two(mode: Mode) -> Run {
    at_node(Approval { mode, ..node("n", members(&["bob", "cid"])) })
}

fn handing(run: &Run, from: &str, to: &str) -> Handing {
    Handing { slot: run.slot_of(from), to: user(to), comment: "please".to_owned() }
}

fn try_transfer(run: &mut Run, from: &str, to: &str) -> Result<(), Rejection> {
    let handing = handing(run, from, to);
    run.act(from, Command::Transfer(handing))
}

fn transfer(mut run: Run, from: &str, to: &str) -> Run {
    try_transfer(&mut run, from, to).unwrap();
    run
}

fn try_delegate(run: &mut Run, from: &str, to: &str) -> Result<(), Rejection> {
    let handing = handing(run, from, to);
    run.act(from, Command::Delegate(handing))
}

fn delegate(mut run: Run, from: &str, to: &str) -> Run {
    try_delegate(&mut run, from, to).unwrap();
    run
}

fn opinion(run: &mut Run, name: &str, comment: &str) -> Result<(), Rejection> {
    let slot = run.slot_of(name);
    run.act(name, Command::GiveOpinion { slot, comment: comment.to_owned() })
}

fn not_eligible(name: &str, why: &'static str) -> Result<(), Rejection> {
    Err(Rejection::NotEligible { user: user(name), why })
}

// ---- transfer ----

#[test]
fn whoever_gets_a_task_decides_and_the_slot_stays_its_owners() {
    let mut run = transfer(two(ALL), "bob", "dan");
    assert_eq!(run.pending(), "dan cid");
    let slot = run.slot_of("dan");
    assert_eq!(run.instance.slot(slot).unwrap().1.owner, user("bob"));
    let refused = run.act("bob", Command::decide(Decision::Approve, slot, ""));
    assert_eq!(refused, Err(Rejection::NotYourTask));
    assert_eq!(run.approve("dan").approve("cid").status(), Status::Approved);
}

#[test]
fn a_task_may_go_back_and_everybody_who_had_it_may_look_at_it() {
    let run = transfer(transfer(transfer(two(ALL), "bob", "dan"), "dan", "eve"), "eve", "bob");
    let (_, slot) = run.instance.slot(run.slot_of("bob")).unwrap();
    assert_eq!((slot.assignee, slot.moves), (user("bob"), 3));
    assert!(["bob", "dan", "eve"].iter().all(|name| slot.is_or_was_with(user(name))));
    assert!(!slot.is_or_was_with(user("cid")));
}

#[test]
fn not_to_those_who_are_asked_already_nor_to_the_initiator() {
    let mut run = two(ALL);
    assert_eq!(
        try_transfer(&mut run, "bob", "cid"),
        not_eligible("cid", "this person is asked here already")
    );
    assert_eq!(
        try_transfer(&mut run, "bob", "bob"),
        not_eligible("bob", "this person is asked here already")
    );
    assert_eq!(try_transfer(&mut run, "bob", "ann"), not_eligible("ann", "it is this person's own request"));
    let mut run = run.approve("cid");
    assert_eq!(
        try_transfer(&mut run, "bob", "cid"),
        not_eligible("cid", "this person is asked here already")
    );
    let own = Approval { self_rule: Some(SelfRule::Approve), ..node("n", members(&["bob"])) };
    assert_eq!(transfer(at_node(own), "bob", "ann").approve("ann").status(), Status::Approved);
}

#[test]
fn a_task_is_handed_on_ten_times_at_most() {
    let mut run = two(ALL);
    for _ in 0..5 {
        run = transfer(transfer(run, "bob", "dan"), "dan", "bob");
    }
    let limit = Rejection::LimitReached { what: "times a task is handed on", limit: 10 };
    assert_eq!(try_transfer(&mut run, "bob", "dan"), Err(limit));
}

#[test]
fn only_to_people_whom_the_node_offers() {
    let among = Offer::Among(Scope { users: vec![user("dan")], ..Scope::default() });
    let offering = |transfer: &Offer, delegate: &Offer| {
        let (transfer, delegate) = (transfer.clone(), delegate.clone());
        at_node(Approval { transfer, delegate, ..node("n", members(&["bob"])) })
    };
    let mut run = offering(&among, &Offer::Nobody);
    let refused = not_eligible("eve", "the node does not offer this person");
    assert_eq!(try_transfer(&mut run, "bob", "eve"), refused);
    assert_eq!(try_delegate(&mut run, "bob", "dan"), Err(Rejection::NotOffered { action: "delegate" }));
    assert_eq!(transfer(run, "bob", "dan").pending(), "dan");
    let mut run = offering(&Offer::Nobody, &among);
    assert_eq!(try_transfer(&mut run, "bob", "dan"), Err(Rejection::NotOffered { action: "transfer" }));
    assert_eq!(try_delegate(&mut run, "bob", "eve"), refused);
    assert_eq!(delegate(run, "bob", "dan").pending(), "dan");
}

#[test]
fn whoever_is_asked_in_turn_hands_his_own_task_on() {
    let run = transfer(two(Mode::InTurn), "bob", "dan").approve("dan");
    assert_eq!(run.pending(), "cid");
    assert_eq!(transfer(run, "cid", "bob").approve("bob").status(), Status::Approved);
    assert_eq!(try_transfer(&mut two(Mode::InTurn), "cid", "dan"), Err(Rejection::NotYourTurn));
}

#[test]
fn whoever_gets_a_task_while_he_is_away_is_stood_in_for() {
    let run = transfer(two(ALL).with(|world| world.away("dan", "eve")), "bob", "dan");
    assert_eq!(run.pending(), "eve cid");
    assert_eq!(run.approve("eve").state("eve"), SlotState::Approved);
}

#[test]
fn a_task_handed_to_somebody_for_whom_a_colleague_stands_in_needs_no_second_word() {
    let run = two(ALL).with(|world| world.away("dan", "cid")).approve("cid");
    assert_eq!(transfer(run, "bob", "dan").status(), Status::Approved);
}

#[test]
fn what_was_handed_on_counts_as_the_approval_of_whoever_got_it() {
    let flow = vec![ask("one", &["bob"]), ask("two", &["dan"])];
    let mut template = template(flow);
    template.settings.dedup = Dedup::Consecutive;
    let run = transfer(Run::start(world(), template, "ann"), "bob", "dan").approve("dan");
    assert_eq!(run.status(), Status::Approved);
}

// ---- lending ----

#[test]
fn an_opinion_is_asked_for_and_the_task_comes_back() {
    let mut run = delegate(two(ALL), "bob", "dan");
    assert_eq!(run.pending(), "dan cid");
    assert_eq!(run.try_approve("dan"), Err(Rejection::NotYourTask));
    assert_eq!(run.try_reject("dan"), Err(Rejection::NotYourTask));
    assert_eq!(try_transfer(&mut run, "dan", "eve"), Err(Rejection::NotYourTask));
    assert_eq!(opinion(&mut run, "dan", " "), Err(Rejection::TextRequired { field: "comment" }));
    opinion(&mut run, "dan", "looks good").unwrap();
    assert_eq!(run.pending(), "bob cid");
    let (_, slot) = run.instance.slot(run.slot_of("bob")).unwrap();
    assert!(slot.is_or_was_with(user("dan")));
    assert_eq!(run.approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn whoever_lent_it_may_decide_without_waiting() {
    let mut run = delegate(two(ALL), "bob", "dan");
    let slot = run.slot_of("dan");
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    let (_, slot) = run.instance.slot(slot).unwrap();
    let decided = slot.decided.as_ref().map(|it| it.by);
    assert_eq!((slot.assignee, slot.back_to, decided), (user("bob"), None, Some(user("bob"))));
    let late = run.act("dan", Command::GiveOpinion { slot: slot.id, comment: "well".to_owned() });
    assert_eq!(late.err().map(|it| it.code()), Some("already_decided"));
}

#[test]
fn whoever_lent_it_may_hand_it_on_or_bring_people_in() {
    let mut run = delegate(two(ALL), "bob", "dan");
    let handing = Handing { slot: run.slot_of("dan"), to: user("eve"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    assert_eq!(run.approve("eve").state("eve"), SlotState::Approved);
    let mut run = delegate(two(ALL), "bob", "dan");
    let request = AddSign {
        slot: run.slot_of("dan"),
        people: vec![user("eve")],
        kind: AddKind::Before,
        mode: ALL,
        advisory: false,
        comment: String::new(),
    };
    run.act("bob", Command::AddSign(request)).unwrap();
    assert_eq!(run.approve("eve").pending(), "bob cid");
}

#[test]
fn it_is_lent_to_one_at_a_time() {
    let mut run = delegate(two(ALL), "bob", "dan");
    let again = Handing { slot: run.slot_of("dan"), to: user("eve"), comment: String::new() };
    let refused = Err(Rejection::NotOffered { action: "delegate" });
    assert_eq!(run.act("bob", Command::Delegate(again)), refused);
    opinion(&mut run, "dan", "yes").unwrap();
    assert_eq!(delegate(run, "bob", "dan").pending(), "dan cid");
}

#[test]
fn nobody_gives_an_opinion_who_was_not_asked_for_one() {
    let mut run = two(ALL);
    assert_eq!(opinion(&mut run, "bob", "words"), Err(Rejection::NotOffered { action: "give_opinion" }));
    let slot = run.slot_of("bob");
    let refused = run.act("dan", Command::GiveOpinion { slot, comment: "words".to_owned() });
    assert_eq!(refused, Err(Rejection::NotYourTask));
}

/// The self rule holds on every way somebody gets to decide.
#[test]
fn the_initiator_is_not_asked_for_an_opinion_on_his_own_request() {
    let refused = try_delegate(&mut two(ALL), "bob", "ann");
    assert_eq!(refused, not_eligible("ann", "it is this person's own request"));
}

#[test]
fn lending_in_turn() {
    let mut run = delegate(two(Mode::InTurn), "bob", "dan");
    assert_eq!(run.pending(), "dan");
    opinion(&mut run, "dan", "well").unwrap();
    assert_eq!(run.approve("bob").pending(), "cid");
}

#[test]
fn nobody_is_given_a_second_task_of_a_visit_however_he_has_the_first() {
    let asked_here = |name| not_eligible(name, "this person is asked here already");
    let countersigned = |world: World| {
        let approval = Approval { mode: ALL, ..node("n", members(&["bob", "dan"])) };
        Run::start(world, template(vec![Block::Approval(approval)]), "ann")
    };
    let mut stood_in_for = countersigned(world().away("bob", "cid"));
    assert_eq!(stood_in_for.pending(), "cid dan");
    assert_eq!(try_transfer(&mut stood_in_for, "dan", "bob"), asked_here("bob"), "he is away from it");
    assert_eq!(try_transfer(&mut stood_in_for, "dan", "cid"), asked_here("cid"), "he stands in");
    let mut lent = delegate(transfer(countersigned(world()), "bob", "eve"), "eve", "cid");
    assert_eq!(try_transfer(&mut lent, "dan", "eve"), asked_here("eve"), "he lent it");
    assert_eq!(try_transfer(&mut lent, "dan", "cid"), asked_here("cid"), "it is lent to him");
    assert_eq!(try_transfer(&mut lent, "dan", "bob"), Ok(()), "he handed it on for good");
}
