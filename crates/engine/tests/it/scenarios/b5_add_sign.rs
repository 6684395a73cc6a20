//! B5.1 to B5.4: bringing people in.

use crate::world::*;
use zhupi_engine::approvers::WhyRule;
use zhupi_engine::command::AddSign;
use zhupi_engine::condition::Scope;
use zhupi_engine::event::{AddKind, Decision};
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::{
    Abstain, AllReject, Approval, Assign, Ballot, Block, Demand, Mode, Offer, OrReject, Quorum, SelfRule,
    Threshold, Vote,
};
use zhupi_engine::{Command, Rejection, Status};

const OR: Mode = Mode::OrSign { reject: OrReject::FirstDecides };
const OR_ALL: Mode = Mode::OrSign { reject: OrReject::AllMustReject };
const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };
const ALL_WAIT: Mode = Mode::Countersign { reject: AllReject::WaitForAll };
const BY_ADDED: SlotState = SlotState::AutoRejected(AutoReason::ByAdded);

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "xia", "yan", "zoe"])
}

fn at_node(approval: Approval) -> Run {
    Run::start(world(), template(vec![Block::Approval(approval)]), "ann")
}

fn two(mode: Mode) -> Run {
    at_node(Approval { mode, ..node("n", members(&["bob", "cid"])) })
}

fn request(run: &Run, name: &str, kind: AddKind, people: &[&str]) -> AddSign {
    AddSign {
        slot: run.slot_of(name),
        people: people.iter().map(|it| user(it)).collect(),
        kind,
        mode: ALL,
        advisory: false,
        comment: String::new(),
    }
}

fn try_add(run: &mut Run, name: &str, kind: AddKind, people: &[&str]) -> Result<(), Rejection> {
    let request = request(run, name, kind, people);
    run.act(name, Command::AddSign(request))
}

fn add(mut run: Run, name: &str, kind: AddKind, people: &[&str]) -> Run {
    try_add(&mut run, name, kind, people).unwrap();
    run
}

fn add_in(mut run: Run, name: &str, kind: AddKind, people: &[&str], mode: Mode) -> Run {
    let request = AddSign { mode, ..request(&run, name, kind, people) };
    run.act(name, Command::AddSign(request)).unwrap();
    run
}

// ---- before ----

/// T: all-of {A,B}: A add-before X, X pending, B rejects → node rejected, X and A `not_needed`.
#[test]
fn people_before_somebody_are_not_needed_once_another_one_rejects() {
    let run = add(two(ALL), "bob", AddKind::Before, &["xia"]);
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid xia", SlotState::Waiting));
    let run = run.reject("cid");
    assert_eq!((run.status(), run.visit("n").state), (Status::Rejected, VisitState::Rejected));
    assert_eq!((run.state("xia"), run.state("bob")), (SlotState::NotNeeded, SlotState::NotNeeded));
}

#[test]
fn whoever_adds_before_himself_decides_once_they_have() {
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia", "yan"]);
    assert_eq!(run.try_approve("bob"), Err(Rejection::NotYourTurn));
    let run = run.approve("xia");
    assert_eq!(run.state("bob"), SlotState::Waiting);
    let run = run.approve("yan");
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.reject("bob").status(), Status::Rejected);
    let run = add(two(ALL), "bob", AddKind::Before, &["xia"]).approve("xia").approve("bob").approve("cid");
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn a_no_from_before_counts_as_his_own() {
    let run = add(two(ALL), "bob", AddKind::Before, &["xia", "yan"]).reject("xia");
    assert_eq!((run.status(), run.state("bob")), (Status::Rejected, BY_ADDED));
    let run = add(two(OR_ALL), "bob", AddKind::Before, &["xia", "yan"]).reject("xia");
    assert_eq!((run.state("bob"), run.state("yan")), (BY_ADDED, SlotState::NotNeeded));
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").status(), Status::Approved);
}

#[test]
fn a_no_from_before_may_be_only_an_opinion() {
    let mut run = two(ALL);
    let request = AddSign { advisory: true, ..request(&run, "bob", AddKind::Before, &["xia"]) };
    run.act("bob", Command::AddSign(request)).unwrap();
    let run = run.reject("xia");
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn people_before_decide_in_their_own_mode() {
    let run = add_in(two(ALL), "bob", AddKind::Before, &["xia", "yan"], OR).approve("yan");
    assert_eq!((run.pending().as_str(), run.state("xia")), ("bob cid", SlotState::NotNeeded));
    let run = add_in(two(ALL), "bob", AddKind::Before, &["xia", "yan"], Mode::InTurn);
    assert_eq!((run.pending().as_str(), run.state("yan")), ("cid xia", SlotState::Queued));
    let run = run.approve("xia");
    assert_eq!(run.pending(), "cid yan");
    assert_eq!(run.approve("yan").pending(), "bob cid");
    let run = add_in(two(ALL), "bob", AddKind::Before, &["xia", "yan"], ALL_WAIT).reject("xia");
    assert_eq!(run.pending(), "cid yan");
    assert_eq!(run.approve("yan").status(), Status::Rejected);
}

#[test]
fn whom_he_heard_before_does_not_speak_for_those_he_asks_next() {
    let run = add_in(two(ALL), "bob", AddKind::Before, &["xia", "yan"], OR).approve("xia");
    let run = add_in(run, "bob", AddKind::Before, &["zoe", "dan"], OR);
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid zoe dan", SlotState::Waiting));
    assert_eq!(run.approve("dan").pending(), "bob cid");
}

// ---- after ----

/// T: any-of {A,B}; A add-after X; A approves → B not needed, node open until X; X rejects → node rejected.
#[test]
fn people_after_the_first_approval_of_an_or_sign_decide_it() {
    let run = add(two(OR), "bob", AddKind::After, &["xia"]);
    assert_eq!((run.pending().as_str(), run.state("xia")), ("bob cid", SlotState::Queued));
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.state("cid")), ("xia", SlotState::NotNeeded));
    assert_eq!((run.status(), run.state("bob")), (Status::Running, SlotState::Waiting));
    let run = run.reject("xia");
    assert_eq!((run.status(), run.state("bob")), (Status::Rejected, BY_ADDED));
    let run = add(two(OR), "bob", AddKind::After, &["xia"]).approve("bob").approve("xia");
    assert_eq!((run.status(), run.state("bob")), (Status::Approved, SlotState::Approved));
    assert_eq!(run.visit("n").state, VisitState::Passed);
}

#[test]
fn where_all_must_reject_the_last_one_may_stand_after_somebody() {
    let run = add(two(OR_ALL), "bob", AddKind::After, &["xia"]).approve("bob").reject("xia");
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn people_after_him_are_not_asked_if_he_rejects() {
    let run = add(two(ALL_WAIT), "bob", AddKind::After, &["xia"]).reject("bob");
    assert_eq!((run.pending().as_str(), run.state("xia")), ("cid", SlotState::NotNeeded));
    assert_eq!(run.approve("cid").status(), Status::Rejected);
}

#[test]
fn in_turn_people_after_him_come_before_the_next() {
    let run = add(two(Mode::InTurn), "bob", AddKind::After, &["xia"]).approve("bob");
    assert_eq!((run.pending().as_str(), run.state("cid")), ("xia", SlotState::Queued));
    let run = run.approve("xia");
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid", SlotState::Approved));
    assert_eq!(run.approve("cid").status(), Status::Approved);
}

#[test]
fn people_after_him_decide_in_their_own_mode() {
    let run = add_in(two(ALL), "bob", AddKind::After, &["xia", "yan"], Mode::InTurn).approve("bob");
    assert_eq!(run.pending(), "cid xia");
    assert_eq!(run.approve("xia").pending(), "cid yan");
    let run = add_in(two(ALL), "bob", AddKind::After, &["xia", "yan"], OR).approve("bob").approve("yan");
    assert_eq!((run.pending().as_str(), run.state("xia")), ("cid", SlotState::NotNeeded));
}

// ---- beside ----

#[test]
fn peers_of_a_countersign_are_needed_too() {
    let run = add(two(ALL), "bob", AddKind::Peers, &["xia"]).approve("bob").approve("cid");
    assert_eq!(run.pending(), "xia");
    assert_eq!(run.approve("xia").status(), Status::Approved);
}

#[test]
fn anyone_of_us_adds_peers_to_an_or_sign() {
    assert_eq!(add(two(OR), "bob", AddKind::Peers, &["xia"]).approve("xia").status(), Status::Approved);
    assert_eq!(add(two(OR), "bob", AddKind::Peers, &["xia"]).reject("xia").status(), Status::Rejected);
}

#[test]
fn we_both_makes_his_slot_of_an_or_sign_need_both() {
    let both = || add(two(OR), "bob", AddKind::Together, &["xia"]);
    assert_eq!(both().pending(), "bob cid xia");
    let run = both().approve("bob");
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid xia", SlotState::Waiting));
    assert_eq!(run.approve("xia").status(), Status::Approved);
    let run = both().approve("xia");
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.approve("bob").status(), Status::Approved);
    let run = both().reject("xia");
    assert_eq!((run.status(), run.state("bob")), (Status::Rejected, BY_ADDED));
    assert_eq!(both().approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn we_both_ends_with_his_own_rejection() {
    let run = add(two(OR_ALL), "bob", AddKind::Together, &["xia"]).reject("bob");
    assert_eq!((run.pending().as_str(), run.state("xia")), ("cid", SlotState::NotNeeded));
}

#[test]
fn one_after_another_there_is_nobody_beside() {
    for kind in [AddKind::Peers, AddKind::Together] {
        let refused = try_add(&mut two(Mode::InTurn), "bob", kind, &["xia"]);
        assert_eq!(refused, Err(Rejection::NotOffered { action: "add_sign" }));
    }
}

#[test]
fn peers_enlarge_a_vote_even_after_some_have_voted() {
    let vote = Mode::Vote(Vote::at(Threshold::Percent(6_000)));
    let three = |mode| at_node(Approval { mode, ..node("n", members(&["bob", "cid", "dan"])) });
    assert_eq!(three(vote).approve("bob").approve("cid").status(), Status::Approved);
    let run = three(vote).approve("bob");
    let run = add(run, "cid", AddKind::Peers, &["xia", "yan"]).approve("cid");
    assert_eq!(run.pending(), "dan xia yan");
    assert_eq!(run.approve("yan").status(), Status::Approved);
}

#[test]
fn peers_in_a_vote_have_the_ballots_of_the_node_and_the_group_of_whoever_brought_them_in() {
    let ballot = |name: &str, weight, group: &str| Ballot {
        who: Scope { users: vec![user(name)], ..Scope::default() },
        weight,
        veto: false,
        group: Some(group.to_owned()),
    };
    let quorum = |group: &str| Quorum { group: group.to_owned(), threshold: Threshold::Percent(10_000) };
    let run = at_node(Approval {
        mode: Mode::Vote(Vote::at(Threshold::Percent(10_000))),
        ballots: vec![ballot("bob", 2, "g"), ballot("cid", 1, "h"), ballot("xia", 5, "h")],
        quorums: vec![quorum("g"), quorum("h")],
        ..node("n", members(&["bob", "cid"]))
    });
    let run = add(run, "bob", AddKind::Peers, &["xia", "yan"]);
    let ballot_of = |name| {
        let (_, slot) = run.instance.slot(run.slot_of(name)).unwrap();
        (slot.weight, slot.group.clone().unwrap())
    };
    assert_eq!(ballot_of("xia"), (5, "h".to_owned()));
    assert_eq!(ballot_of("yan"), (1, "g".to_owned()));
    let run = run.approve("bob").approve("cid").approve("xia");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "yan"));
    assert_eq!(run.approve("yan").status(), Status::Approved);
}

fn pool() -> Run {
    at_node(Approval { assign: Assign::Pool, ..node("n", members(&["bob", "cid"])) })
}

fn claim(mut run: Run, name: &str) -> Run {
    let slot = run.slot_of(name);
    run.act(name, Command::Claim { slot }).unwrap();
    run
}

#[test]
fn whoever_claimed_a_task_brings_people_in_before_and_after_him() {
    let run = add(claim(pool(), "bob"), "bob", AddKind::Before, &["xia"]).approve("xia");
    assert_eq!((run.pending().as_str(), run.state("cid")), ("bob", SlotState::Taken));
    let run = add(run, "bob", AddKind::After, &["yan"]).approve("bob").approve("yan");
    assert_eq!(run.status(), Status::Approved);
    for kind in [AddKind::Peers, AddKind::Together] {
        let refused = try_add(&mut claim(pool(), "bob"), "bob", kind, &["xia"]);
        assert_eq!(refused, Err(Rejection::NotOffered { action: "add_sign" }));
    }
}

#[test]
fn a_task_given_back_to_its_pool_keeps_the_people_after_whoever_had_it() {
    let mut run = add(claim(pool(), "bob"), "bob", AddKind::After, &["xia"]);
    run.act("bob", Command::Release { slot: run.slot_of("bob") }).unwrap();
    assert_eq!((run.state("cid"), run.state("xia")), (SlotState::Offered, SlotState::Queued));
    assert_eq!(claim(run, "cid").approve("cid").status(), Status::Approved);
}

#[test]
fn whoever_waits_in_a_pool_and_leaves_gives_it_back() {
    let run = add(claim(pool(), "bob"), "bob", AddKind::Before, &["xia"]);
    let run = run.with(|world| world.disabled("bob")).sweep();
    assert_eq!((run.state("bob"), run.state("xia")), (SlotState::Removed, SlotState::NotNeeded));
    assert_eq!(claim(run, "cid").approve("cid").status(), Status::Approved);
}

#[test]
fn nobody_who_was_brought_in_abstains() {
    let vote = Vote { abstain: Abstain::KeepsBase, ..Vote::at(Threshold::Percent(5_000)) };
    let mut run = add(two(Mode::Vote(vote)), "bob", AddKind::Before, &["xia"]);
    let slot = run.slot_of("xia");
    let refused = run.act("xia", Command::decide(Decision::Abstain, slot, ""));
    assert_eq!(refused, Err(Rejection::NotOffered { action: "abstain" }));
    run.act("cid", Command::decide(Decision::Abstain, run.slot_of("cid"), "")).unwrap();
}

// ---- rules ----

#[test]
fn people_may_bring_in_others_three_levels_deep() {
    let run = add(two(ALL), "bob", AddKind::Before, &["dan"]);
    let run = add(run, "dan", AddKind::Before, &["xia"]);
    let mut run = add(run, "xia", AddKind::Before, &["yan"]);
    let limit = Rejection::LimitReached { what: "levels of people brought in", limit: 3 };
    assert_eq!(try_add(&mut run, "yan", AddKind::Before, &["zoe"]), Err(limit.clone()));
    // Peers are on the same level.
    let run = add(run, "yan", AddKind::Peers, &["zoe"]);
    assert_eq!(run.pending(), "cid yan zoe");
    let run = run.approve("yan").approve("zoe");
    assert_eq!(run.pending(), "cid xia");
    let run = run.approve("xia").approve("dan");
    assert_eq!(run.pending(), "bob cid");
}

#[test]
fn before_inside_after() {
    let run = add(two(OR), "bob", AddKind::After, &["xia"]).approve("bob");
    let run = add(run, "xia", AddKind::Before, &["yan"]);
    assert_eq!((run.pending().as_str(), run.state("xia")), ("yan", SlotState::Waiting));
    let run = run.approve("yan");
    assert_eq!((run.pending().as_str(), run.state("bob")), ("xia", SlotState::Waiting));
    assert_eq!(run.approve("xia").status(), Status::Approved);
    let run = add(two(OR), "bob", AddKind::After, &["xia"]).approve("bob");
    let run = add(run, "xia", AddKind::Before, &["yan"]).reject("yan");
    assert_eq!((run.status(), run.state("xia"), run.state("bob")), (Status::Rejected, BY_ADDED, BY_ADDED));
}

#[test]
fn after_inside_before_inside_a_turn() {
    let run = add_in(two(Mode::InTurn), "bob", AddKind::Before, &["xia", "yan"], Mode::InTurn);
    let run = add(run, "xia", AddKind::After, &["zoe"]).approve("xia");
    assert_eq!(run.pending(), "zoe");
    assert_eq!(run.approve("zoe").pending(), "yan");
}

#[test]
fn one_kind_at_a_time_and_more_of_the_same() {
    let mut run = add(two(ALL), "bob", AddKind::After, &["xia"]);
    let refused = Err(Rejection::NotOffered { action: "add_sign" });
    assert_eq!(try_add(&mut run, "bob", AddKind::Before, &["yan"]), refused);
    assert_eq!(try_add(&mut run, "bob", AddKind::Together, &["yan"]), refused);
    let run = add(run, "bob", AddKind::After, &["yan"]).approve("bob");
    assert_eq!(run.pending(), "cid xia yan");
    let run = run.approve("xia");
    assert_eq!(run.state("bob"), SlotState::Waiting);
    assert_eq!(run.approve("yan").state("bob"), SlotState::Approved);
}

#[test]
fn no_person_twice_in_a_visit() {
    let twice =
        |name| Err(Rejection::NotEligible { user: user(name), why: "this person is asked here already" });
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia"]);
    for name in ["bob", "cid", "xia"] {
        assert_eq!(try_add(&mut run, "cid", AddKind::Before, &["yan", name]), twice(name));
    }
    let named_twice = Rejection::NotEligible { user: user("yan"), why: "this person is named twice" };
    assert_eq!(try_add(&mut run, "cid", AddKind::Before, &["yan", "yan"]), Err(named_twice));
    assert_eq!(
        try_add(&mut run, "cid", AddKind::Before, &[]),
        Err(Rejection::NotOffered { action: "add_sign" })
    );
}

#[test]
fn the_initiator_only_where_he_may_approve_himself() {
    let own = Rejection::NotEligible { user: user("ann"), why: "it is this person's own request" };
    assert_eq!(try_add(&mut two(ALL), "bob", AddKind::Before, &["ann"]), Err(own));
    let approval = Approval { self_rule: Some(SelfRule::Approve), ..node("n", members(&["bob"])) };
    assert_eq!(add(at_node(approval), "bob", AddKind::Before, &["ann"]).pending(), "ann");
}

#[test]
fn only_people_whom_the_node_offers() {
    let among = Scope { users: vec![user("xia")], ..Scope::default() };
    let mut run = at_node(Approval { add_sign: Offer::Among(among), ..node("n", members(&["bob"])) });
    let other = Rejection::NotEligible { user: user("yan"), why: "the node does not offer this person" };
    assert_eq!(try_add(&mut run, "bob", AddKind::Before, &["yan"]), Err(other));
    assert_eq!(add(run, "bob", AddKind::Before, &["xia"]).pending(), "xia");
    let mut run = at_node(Approval { add_sign: Offer::Nobody, ..node("n", members(&["bob"])) });
    let refused = try_add(&mut run, "bob", AddKind::Before, &["xia"]);
    assert_eq!(refused, Err(Rejection::NotOffered { action: "add_sign" }));
}

#[test]
fn nobody_who_has_left_and_only_by_whoever_is_asked() {
    let mut run = two(ALL).with(|world| world.disabled("xia"));
    let gone = Err(Rejection::UserNotActive { user: user("xia") });
    assert_eq!(try_add(&mut run, "bob", AddKind::Before, &["xia"]), gone);
    let request = request(&run, "bob", AddKind::Before, &["yan"]);
    assert_eq!(run.act("cid", Command::AddSign(request)), Err(Rejection::NotYourTask));
}

#[test]
fn a_vote_among_people_brought_in_is_not_offered() {
    let mut run = two(ALL);
    let vote = Mode::Vote(Vote::at(Threshold::Count(1)));
    let request = AddSign { mode: vote, ..request(&run, "bob", AddKind::Before, &["xia"]) };
    let refused = run.act("bob", Command::AddSign(request));
    assert_eq!(refused, Err(Rejection::NotOffered { action: "add_sign" }));
}

#[test]
fn the_rules_of_the_node_hold_for_people_brought_in_too() {
    let run = at_node(Approval { opinion: Demand::Required, ..node("n", members(&["bob"])) });
    let mut run = add(run, "bob", AddKind::Before, &["xia"]);
    assert_eq!(run.try_approve("xia"), Err(Rejection::TextRequired { field: "comment" }));
    assert_eq!(run.why("xia").rule, WhyRule::Added { by: "bob".to_owned() });
    assert_eq!(run.why("xia").to_string(), "brought in by bob");
}

#[test]
fn whoever_waits_may_hand_his_task_on() {
    let mut run = add(two(ALL), "bob", AddKind::Before, &["xia"]);
    let slot = run.slot_of("bob");
    let handing = zhupi_engine::command::Handing { slot, to: user("zoe"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    assert_eq!((run.pending().as_str(), run.state("zoe")), ("cid xia", SlotState::Waiting));
    let run = run.approve("xia");
    assert_eq!(run.pending(), "zoe cid");
    assert_eq!(run.approve("zoe").approve("cid").status(), Status::Approved);
}

#[test]
fn somebody_brought_in_who_is_away_is_stood_in_for() {
    let run = two(ALL).with(|world| world.away("xia", "yan"));
    let run = add(run, "bob", AddKind::Before, &["xia"]);
    assert_eq!(run.pending(), "cid yan");
    assert_eq!(run.approve("yan").pending(), "bob cid");
}

#[test]
fn nobody_brings_in_a_crowd() {
    let mut run = Run::start(World::new().people(&["ann", "bob"]), template(vec![ask("n", &["bob"])]), "ann");
    let request = AddSign {
        slot: run.slot_of("bob"),
        people: vec![user("cid"); zhupi_engine::decide::PEOPLE_LIMIT + 1],
        kind: AddKind::Before,
        mode: AddSign::all(),
        advisory: false,
        comment: String::new(),
    };
    let refused = run.act("bob", Command::AddSign(request));
    assert_eq!(refused, Err(Rejection::TooMany { field: "people", limit: 50 }));
}

/// They change nothing on their way back either.
#[test]
fn whoever_was_brought_in_changes_nothing_when_he_sends_it_back() {
    use zhupi_engine::command::{Opinion, Return, ReturnTo};
    use zhupi_engine::form::{Access, FieldAccess, FieldKind};
    let mut second = node("b", members(&["cid"]));
    second.fields = FieldAccess([("sum".into(), Access::Edit)].into());
    let flow = vec![ask("a", &["bob"]), Block::Approval(second)];
    let template = with_form(vec![field("sum", FieldKind::Number)], flow);
    let world = World::new().people(&["ann", "bob", "cid", "xia"]);
    let mut run = Run::start_with(world, template, "ann", serde_json::json!({ "sum": 1 })).approve("bob");
    let (slot, people, kind) = (run.slot_of("cid"), vec![user("xia")], AddKind::Before);
    let add = AddSign { slot, people, kind, mode: Mode::default(), advisory: false, comment: String::new() };
    run.act("cid", Command::AddSign(add)).unwrap();
    let edits = run.edits(serde_json::json!({ "sum": 99 }));
    let opinion = Opinion { edits, ..Opinion::new(run.slot_of("xia"), "x") };
    let sent = run.act("xia", Command::Return(Return::new(opinion, ReturnTo::Initiator)));
    assert!(matches!(sent, Err(Rejection::FormInvalid { .. })), "{sent:?}");
}

#[test]
fn nobody_stands_in_for_whoever_is_brought_in_where_the_own_hand_is_wanted() {
    let own_hand = Approval { own_hand: true, ..node("n", members(&["bob"])) };
    let run = Run::start(world().away("xia", "yan"), template(vec![Block::Approval(own_hand)]), "ann");
    assert_eq!(add(run, "bob", AddKind::Before, &["xia"]).pending(), "xia");
}

#[test]
fn everybody_brought_in_is_heard_unless_the_one_who_brings_them_in_says_otherwise() {
    let run = add(two(ALL), "bob", AddKind::Before, &["xia", "yan"]).approve("xia");
    assert_eq!(run.pending(), "cid yan");
    assert_eq!(AddSign::all(), ALL);
}

/// Peers have places of their own; only those before and after somebody exclude each other.
#[test]
fn peers_may_be_brought_in_beside_people_before_or_after() {
    let run = add(two(ALL), "bob", AddKind::After, &["xia"]);
    let run = add(run, "bob", AddKind::Peers, &["yan"]).approve("bob").approve("cid");
    assert_eq!(run.pending(), "xia yan");
    assert_eq!(run.approve("xia").approve("yan").status(), Status::Approved);
}

#[test]
fn only_people_before_somebody_give_a_mere_opinion() {
    for kind in [AddKind::After, AddKind::Together] {
        let mut run = two(ALL_WAIT);
        let request = AddSign { advisory: true, ..request(&run, "bob", kind, &["xia"]) };
        run.act("bob", Command::AddSign(request)).unwrap();
        let run = run.approve("bob").reject("xia");
        assert_eq!((run.state("bob"), run.pending().as_str()), (BY_ADDED, "cid"), "{kind:?}");
    }
}

#[test]
fn whoever_handed_his_task_on_gets_no_second_one_of_his_own() {
    let mut run = two(ALL);
    let handing =
        zhupi_engine::command::Handing { slot: run.slot_of("bob"), to: user("dan"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    let twice = Rejection::NotEligible { user: user("bob"), why: "this person is asked here already" };
    assert_eq!(try_add(&mut run, "cid", AddKind::Before, &["bob"]), Err(twice));
}
