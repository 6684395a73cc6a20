//! B6.4: out of office.

use crate::world::*;
use zhupi_engine::approvers::WhyNote;
use zhupi_engine::command::Handing;
use zhupi_engine::event::{Decision, WhyRemoved};
use zhupi_engine::instance::{SlotState, VisitKind};
use zhupi_engine::template::{
    AllReject, Approval, Assign, Block, Dedup, Mode, OrReject, SelfRule, Threshold, Vote,
};
use zhupi_engine::{Command, Rejection, Status};

const OR: Mode = Mode::OrSign { reject: OrReject::FirstDecides };
const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay", "gus"])
}

fn started(world: World, mode: Mode, names: &[&str]) -> Run {
    Run::start(world, template(vec![ask_in("n", names, mode)]), "ann")
}

fn stands_in(names: &[&str]) -> WhyNote {
    WhyNote::StandsInFor { names: names.iter().map(|it| (*it).to_owned()).collect() }
}

// ---- when a slot opens ----

#[test]
fn the_substitute_is_asked_and_the_owner_stays() {
    let run = started(world().away("bob", "eve"), ALL, &["bob", "cid"]);
    assert_eq!(run.pending(), "eve cid");
    let (_, slot) = run.instance.slot(run.slot_of("eve")).unwrap();
    assert_eq!((slot.owner, slot.absent), (user("bob"), Some(user("bob"))));
    assert_eq!(run.why("eve").notes, [stands_in(&["bob"])]);
    assert_eq!(run.why("eve").to_string(), "named in the template; stands in for bob");
    assert_eq!(run.approve("eve").approve("cid").status(), Status::Approved);
}

#[test]
fn the_owner_may_act_first() {
    let mut run = started(world().away("bob", "eve"), OR, &["bob"]);
    let slot = run.slot_of("eve");
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!(
        (run.status(), run.instance.slot(slot).unwrap().1.decided.as_ref().unwrap().by),
        (Status::Approved, user("bob"))
    );
    assert_eq!(run.try_approve("eve").err().map(|it| it.code()), Some("already_decided"));
}

#[test]
fn a_substitute_of_a_substitute_is_asked_and_in_a_circle_the_owner_keeps_it() {
    let run = started(world().away("bob", "eve").away("eve", "fay"), OR, &["bob"]);
    assert_eq!((run.pending().as_str(), run.why("fay").notes), ("fay", vec![stands_in(&["bob", "eve"])]));
    assert_eq!(run.why("fay").notes[0].to_string(), "stands in for bob, who stands in for eve");
    assert_eq!(started(world().away("bob", "eve").away("eve", "bob"), OR, &["bob"]).pending(), "bob");
}

#[test]
fn the_initiator_stands_in_only_where_he_may_approve_himself() {
    let world = world().away("bob", "ann");
    assert_eq!(started(world.clone(), OR, &["bob"]).pending(), "bob");
    let own = Approval { self_rule: Some(SelfRule::Approve), ..node("n", members(&["bob"])) };
    assert_eq!(Run::start(world, template(vec![Block::Approval(own)]), "ann").pending(), "ann");
}

#[test]
fn whoever_is_asked_anyway_has_one_slot_that_counts_for_both() {
    for mode in [OR, ALL] {
        let run = started(world().away("bob", "cid"), mode, &["bob", "cid"]);
        assert_eq!(
            (run.pending().as_str(), run.why("cid").notes.clone()),
            ("cid", vec![stands_in(&["bob"])])
        );
        assert_eq!(run.approve("cid").status(), Status::Approved);
    }
    let run = started(world().away("bob", "eve").away("cid", "eve"), ALL, &["bob", "cid"]);
    assert_eq!(run.pending(), "eve");
    assert_eq!(run.approve("eve").status(), Status::Approved);
}

#[test]
fn in_a_vote_each_vote_counts_for_itself() {
    let vote = Mode::Vote(Vote::at(Threshold::Count(2)));
    let run = started(world().away("bob", "cid"), vote, &["bob", "cid", "dan"]);
    assert_eq!(run.pending(), "cid cid dan");
    assert_eq!(run.approve("cid").pending(), "cid dan");
}

#[test]
fn nobody_stands_in_for_a_hand_of_his_own_nor_in_a_pool() {
    let flow = |approval: Approval| template(vec![Block::Approval(approval)]);
    let own_hand = Approval { own_hand: true, ..node("n", members(&["bob"])) };
    assert_eq!(Run::start(world().away("bob", "eve"), flow(own_hand), "ann").sweep().pending(), "bob");
    let pool = Approval { assign: Assign::Pool, ..node("n", members(&["bob", "cid"])) };
    let run = Run::start(world().away("bob", "eve"), flow(pool), "ann").sweep();
    let visit = run.visit("n");
    assert_eq!(visit.kind, VisitKind::Pool);
    assert!(visit.slots.iter().all(|slot| slot.assignee == slot.owner));
}

#[test]
fn in_turn_it_is_looked_at_when_the_turn_comes() {
    let run = started(world(), Mode::InTurn, &["bob", "cid"]).with(|world| world.away("cid", "eve"));
    assert_eq!(run.approve("bob").pending(), "eve");
    let merged = started(world(), Mode::InTurn, &["bob", "cid"]).with(|world| world.away("cid", "bob"));
    assert_eq!(merged.approve("bob").status(), Status::Approved);
}

/// What he decided in somebody's place is not his own decision (B7), and what the owner decided himself is.
#[test]
fn an_approval_as_a_substitute_is_not_counted_as_his_own() {
    let two = |second: &str| {
        let mut template = template(vec![ask("one", &["bob"]), ask("two", &[second])]);
        template.settings.dedup = Dedup::Consecutive;
        Run::start(world().away("bob", "eve"), template, "ann")
    };
    assert_eq!(two("eve").approve("eve").pending(), "eve");
    let mut run = two("bob");
    run.act("bob", Command::decide(Decision::Approve, run.slot_of("eve"), "")).unwrap();
    assert_eq!(run.status(), Status::Approved);
    assert_eq!(two("bob").approve("eve").pending(), "eve");
}

// ---- open slots ----

#[test]
fn what_is_open_moves_to_the_substitute_and_comes_back() {
    let run = started(world(), ALL, &["bob", "cid"]).with(|world| world.away("bob", "eve")).sweep();
    assert_eq!(run.pending(), "eve cid");
    let run = run.with(|world| world.back("bob")).sweep();
    assert_eq!(run.pending(), "bob cid");
    let (_, slot) = run.instance.slot(run.slot_of("bob")).unwrap();
    assert_eq!((slot.absent, slot.moves), (None, 0));
    assert!(slot.is_or_was_with(user("eve")));
}

#[test]
fn what_is_decided_stays_decided_when_the_owner_is_back() {
    let run = started(world().away("bob", "eve"), ALL, &["bob", "cid"]).approve("eve");
    let run = run.with(|world| world.back("bob")).sweep();
    assert_eq!((run.pending().as_str(), run.state("eve")), ("cid", SlotState::Approved));
}

#[test]
fn what_is_open_stays_where_the_absence_says_so() {
    let run = started(world(), OR, &["bob"]).with(|world| world.away("bob", "eve").keeping_what_is_open());
    assert_eq!(run.sweep().pending(), "bob");
    let run = started(world().away("bob", "eve").keeping_what_is_open(), OR, &["bob"]).sweep();
    assert_eq!(run.pending(), "eve");
    assert_eq!(run.with(|world| world.back("bob")).sweep().pending(), "bob");
}

#[test]
fn a_substitute_of_a_substitute_gives_way_when_the_first_returns() {
    let run = started(world().away("bob", "eve"), OR, &["bob"]);
    let run = run.with(|world| world.away("eve", "fay")).sweep();
    assert_eq!(run.pending(), "fay");
    let run = run.with(|world| world.back("eve")).sweep();
    assert_eq!(run.pending(), "eve");
    let run = run.with(|world| world.away("eve", "fay")).sweep().with(|world| world.back("bob")).sweep();
    assert_eq!(run.pending(), "bob");
}

#[test]
fn a_substitute_who_leaves_gives_it_back() {
    let run = started(world().away("bob", "eve"), OR, &["bob"]).with(|world| world.disabled("eve")).sweep();
    assert_eq!(run.pending(), "bob");
    let run = started(world().away("bob", "eve"), OR, &["bob"]);
    let run = run.with(|world| world.disabled("eve").away("bob", "fay")).sweep();
    assert_eq!(run.pending(), "fay");
}

#[test]
fn an_open_slot_merges_with_that_of_a_substitute_who_is_asked_anyway() {
    let run = started(world(), ALL, &["bob", "cid"]).with(|world| world.away("bob", "cid")).sweep();
    assert_eq!((run.pending().as_str(), run.why_removed()), ("cid", vec![WhyRemoved::Merged]));
    assert_eq!(run.approve("cid").status(), Status::Approved);
    let run = started(world(), ALL, &["bob", "cid"]).approve("cid");
    assert_eq!(run.with(|world| world.away("bob", "cid")).sweep().status(), Status::Approved);
}

#[test]
fn whoever_waits_for_people_he_brought_in_is_stood_in_for_too() {
    let mut run = started(world(), ALL, &["bob", "cid"]);
    let request = zhupi_engine::command::AddSign {
        slot: run.slot_of("bob"),
        people: vec![user("gus")],
        kind: zhupi_engine::event::AddKind::Before,
        mode: ALL,
        advisory: false,
        comment: String::new(),
    };
    run.act("bob", Command::AddSign(request)).unwrap();
    let run = run.with(|world| world.away("bob", "eve")).sweep().approve("gus");
    assert_eq!(run.pending(), "eve cid");
}

#[test]
fn a_lent_task_waits_for_the_opinion_and_finds_its_substitute_then() {
    let mut run = started(world(), OR, &["bob"]);
    let slot = run.slot_of("bob");
    run.act("bob", Command::Delegate(Handing { slot, to: user("dan"), comment: String::new() })).unwrap();
    let mut run = run.with(|world| world.away("bob", "eve")).sweep();
    assert_eq!(run.pending(), "dan");
    run.act("dan", Command::GiveOpinion { slot, comment: "fine".to_owned() }).unwrap();
    assert_eq!(run.pending(), "eve");
}

#[test]
fn a_substitute_who_lends_a_task_and_leaves_gives_it_back() {
    let mut run = started(world().away("bob", "eve"), OR, &["bob"]);
    let slot = run.slot_of("eve");
    run.act("eve", Command::Delegate(Handing { slot, to: user("dan"), comment: String::new() })).unwrap();
    assert_eq!(run.with(|world| world.disabled("eve")).sweep().pending(), "bob");
}

#[test]
fn what_a_substitute_hands_on_is_not_the_owners_any_more() {
    let mut run = started(world().away("bob", "eve"), OR, &["bob"]);
    let slot = run.slot_of("eve");
    run.act("eve", Command::Transfer(Handing { slot, to: user("fay"), comment: String::new() })).unwrap();
    let mut run = run.with(|world| world.back("bob")).sweep();
    assert_eq!(run.pending(), "fay");
    let refused = run.act("bob", Command::decide(Decision::Approve, slot, ""));
    assert_eq!(refused, Err(Rejection::NotYourTask));
}

#[test]
fn only_the_system_looks_again() {
    let mut run = started(world(), OR, &["bob"]);
    assert_eq!(run.act("root", Command::Sweep), Err(Rejection::UserNotActive { user: user("root") }));
}
