//! B8.5: somebody leaves while he is asked.

use crate::world::*;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::command::{AddSign, Handing, Opinion, Resubmit, Return, ReturnTo};
use zhupi_engine::event::{AddKind, WhyRemoved};
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::{
    AllReject, Approval, Assign, Block, EmptyRule, Mode, OrReject, PersonRule, RevokeRule, Threshold, Vote,
};
use zhupi_engine::{Command, Status};

const OR: Mode = Mode::OrSign { reject: OrReject::FirstDecides };
const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().department("D", "", &["head"]).person("ann", &["D"]).people(&["bob", "cid", "dan", "eve"])
}

fn started(mode: Mode, empty: EmptyRule, names: &[&str]) -> Run {
    let approval = Approval { mode, empty, ..node("n", members(names)) };
    Run::start(world(), template(vec![Block::Approval(approval)]), "ann")
}

fn gone(run: Run, names: &[&str]) -> Run {
    run.with(|world| names.iter().fold(world, |world, name| world.disabled(name))).sweep()
}

#[test]
fn one_person_is_enough_to_go_on() {
    for mode in [OR, ALL, Mode::InTurn] {
        let run = gone(started(mode, EmptyRule::AutoReject, &["bob", "cid"]), &["bob"]);
        assert_eq!((run.pending().as_str(), run.state("bob")), ("cid", SlotState::Removed));
        assert_eq!(run.why_removed(), [WhyRemoved::Left]);
        assert_eq!(run.approve("cid").status(), Status::Approved);
    }
}

#[test]
fn whoever_decided_is_somebody_left() {
    let run = gone(started(ALL, EmptyRule::AutoReject, &["bob", "cid"]).approve("cid"), &["bob"]);
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn a_decision_stays_though_its_author_leaves() {
    let run = gone(started(ALL, EmptyRule::AutoReject, &["bob", "cid"]).approve("bob"), &["bob"]);
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid", SlotState::Approved));
}

#[test]
fn where_nobody_is_left_the_empty_rule_says_who_decides() {
    let run = gone(started(ALL, EmptyRule::TemplateAdmin, &["bob", "cid"]), &["bob", "cid"]);
    assert_eq!((run.pending().as_str(), run.why("root").rule), ("root", WhyRule::WorkspaceAdmin));
    assert!(run.why("root").notes.iter().any(|note| matches!(note, WhyNote::LeftOut { .. })));
    let states: Vec<_> = run.visits("n").iter().map(|visit| visit.state).collect();
    assert_eq!(states, [VisitState::Cancelled, VisitState::Open]);
    assert_eq!(run.approve("root").status(), Status::Approved);
    let named = EmptyRule::Members(vec![user("dan"), user("eve")]);
    let run = gone(started(ALL, named, &["bob"]), &["bob"]);
    assert_eq!((run.pending().as_str(), run.why("dan").rule), ("dan eve", WhyRule::Fallback));
    assert_eq!(gone(started(OR, EmptyRule::NextLevel, &["bob"]), &["bob"]).pending(), "head");
}

#[test]
fn where_nobody_is_left_the_empty_rule_may_decide_itself() {
    let run = gone(started(OR, EmptyRule::AutoApprove, &["bob"]), &["bob"]);
    assert_eq!((run.status(), run.visit("n").state), (Status::Approved, VisitState::AutoApproved));
    let run = gone(started(OR, EmptyRule::AutoReject, &["bob"]), &["bob"]);
    assert_eq!((run.status(), run.visit("n").state), (Status::Rejected, VisitState::AutoRejected));
    let run = gone(started(OR, EmptyRule::BlockSubmit, &["bob"]), &["bob"]);
    assert_eq!(run.pending(), "root");
}

#[test]
fn without_any_administrator_it_is_suspended_and_stays_so() {
    let run = started(OR, EmptyRule::TemplateAdmin, &["bob"]).with(World::without_admin);
    assert_eq!(gone(run, &["bob"]).status(), Status::Suspended);
}

#[test]
fn what_was_handed_on_goes_back_to_whom_the_rules_chose() {
    let mut run = started(ALL, EmptyRule::AutoReject, &["bob", "cid"]);
    let slot = run.slot_of("bob");
    run.act("bob", Command::Transfer(Handing { slot, to: user("dan"), comment: String::new() })).unwrap();
    assert_eq!(gone(run, &["dan"]).pending(), "bob cid");
}

#[test]
fn what_was_lent_goes_back_and_is_taken_out_when_the_lender_leaves() {
    let lent = || {
        let mut run = started(ALL, EmptyRule::AutoReject, &["bob", "cid"]);
        let slot = run.slot_of("bob");
        run.act("bob", Command::Delegate(Handing { slot, to: user("dan"), comment: String::new() })).unwrap();
        run
    };
    assert_eq!(gone(lent(), &["dan"]).pending(), "bob cid");
    assert_eq!(gone(lent(), &["bob"]).pending(), "cid");
}

#[test]
fn an_absent_person_who_leaves_is_not_stood_in_for_any_more() {
    let run =
        started(ALL, EmptyRule::AutoReject, &["bob", "cid"]).with(|world| world.away("bob", "eve")).sweep();
    assert_eq!(run.pending(), "eve cid");
    assert_eq!(gone(run, &["bob"]).pending(), "cid");
}

fn with_added(kind: AddKind, names: &[&str]) -> Run {
    let mut run = started(ALL, EmptyRule::Members(vec![user("eve")]), names);
    let request = AddSign {
        slot: run.slot_of("bob"),
        people: vec![user("dan")],
        kind,
        mode: ALL,
        advisory: false,
        comment: String::new(),
    };
    run.act("bob", Command::AddSign(request)).unwrap();
    run
}

#[test]
fn somebody_brought_in_who_leaves_is_as_if_he_were_taken_out() {
    let run = gone(with_added(AddKind::Before, &["bob", "cid"]), &["dan"]);
    assert_eq!((run.pending().as_str(), run.state("dan")), ("bob cid", SlotState::Removed));
    let run = gone(with_added(AddKind::After, &["bob"]).approve("bob"), &["dan"]);
    assert_eq!(run.status(), Status::Approved);
    // Not asked yet: it is found out when his turn comes.
    let run = gone(with_added(AddKind::After, &["bob"]), &["dan"]);
    assert_eq!(run.state("dan"), SlotState::Queued);
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn whoever_waits_for_people_he_brought_in_takes_them_along() {
    let run = gone(with_added(AddKind::Before, &["bob", "cid"]), &["bob"]);
    assert_eq!((run.pending().as_str(), run.state("dan")), ("cid", SlotState::NotNeeded));
    let run = gone(with_added(AddKind::Before, &["bob"]), &["bob"]);
    assert_eq!(run.pending(), "eve");
}

#[test]
fn people_after_somebody_who_approved_and_left_are_asked_all_the_same() {
    let run = gone(with_added(AddKind::After, &["bob"]).approve("bob"), &["bob"]);
    assert_eq!(run.pending(), "dan");
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

#[test]
fn a_vote_is_counted_without_him() {
    let vote = Mode::Vote(Vote::at(Threshold::Percent(10_000)));
    let run = started(vote, EmptyRule::AutoReject, &["bob", "cid"]).approve("cid");
    assert_eq!(gone(run, &["bob"]).status(), Status::Approved);
}

#[test]
fn whoever_may_claim_a_task_and_leaves_is_taken_out() {
    let approval = Approval { assign: Assign::Pool, ..node("n", members(&["bob", "cid"])) };
    let run = Run::start(world(), template(vec![Block::Approval(approval)]), "ann");
    let run = gone(run, &["bob"]);
    assert_eq!((run.state("bob"), run.state("cid")), (SlotState::Removed, SlotState::Offered));
    let run = gone(run, &["cid"]);
    assert_eq!(run.state("root"), SlotState::Offered);
}

#[test]
fn a_chain_goes_on_above_a_level_that_is_left() {
    let world =
        World::new().department("D1", "D2", &["h1"]).department("D2", "", &["h2"]).person("ann", &["D1"]);
    let chain = zhupi_engine::template::Approvers::Chain(department_chain(2));
    let approval = Approval { empty: EmptyRule::AutoApprove, ..node("n", chain) };
    let run = Run::start(world, template(vec![Block::Approval(approval)]), "ann");
    assert_eq!(run.pending(), "h1");
    assert_eq!(gone(run, &["h1"]).pending(), "h2");
}

#[test]
fn what_was_sent_back_to_an_initiator_who_has_left_an_administrator_mends() {
    let mut run = started(OR, EmptyRule::TemplateAdmin, &["bob"]);
    let to = ReturnTo::Initiator;
    let opinion = Opinion::new(run.slot_of("bob"), "mend it");
    run.act("bob", Command::Return(Return::new(opinion, to))).unwrap();
    let mut run = gone(run, &["ann"]);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "root"));
    run.act("root", Command::Resubmit(Resubmit::default())).unwrap();
    assert_eq!(run.pending(), "bob");
}

#[test]
fn of_those_who_are_to_agree_to_a_revocation_one_is_enough_to_go_on() {
    let asked = || {
        let approval = Approval { mode: ALL, ..node("n", members(&["bob", "cid"])) };
        let mut template = template(vec![Block::Approval(approval)]);
        template.settings.revoke = RevokeRule::Consent { days: 30 };
        let mut run = Run::start(world(), template, "ann").approve("bob").approve("cid");
        run.act("ann", Command::Revoke { reason: "a mistake".to_owned() }).unwrap();
        run
    };
    let run = gone(asked(), &["bob"]);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Revoking, "cid"));
    assert_eq!(run.approve("cid").status(), Status::Revoked);
    assert_eq!(gone(asked().approve("cid"), &["bob"]).status(), Status::Revoked);
    let run = gone(asked(), &["bob", "cid"]);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Revoking, "root"));
    assert_eq!(run.reject("root").status(), Status::Approved);
}

#[test]
fn what_goes_back_to_somebody_away_is_with_whoever_stands_in_for_him() {
    let mut run = started(ALL, EmptyRule::AutoReject, &["bob", "cid"]);
    let slot = run.slot_of("bob");
    run.act("bob", Command::Transfer(Handing { slot, to: user("dan"), comment: String::new() })).unwrap();
    let run = run.with(|world| world.away("bob", "eve").keeping_what_is_open());
    assert_eq!(gone(run, &["dan"]).pending(), "eve cid");
}

#[test]
fn where_one_was_drawn_another_is() {
    let mut drawn = node("n", by(PersonRule::Role(role("R"))));
    drawn.assign = Assign::RoundRobin;
    let world = world().role("R", &["bob", "cid"]);
    let run = Run::start(world, template(vec![Block::Approval(drawn)]), "ann");
    assert_eq!(run.pending(), "bob");
    let run = run.with(|world| world.disabled("bob")).sweep();
    assert_eq!(run.pending(), "cid");
    let run = run.with(|world| world.disabled("cid")).sweep();
    assert_eq!(run.pending(), "root", "nobody is left, and the empty rule says who decides");
}

#[test]
fn where_it_was_sent_back_to_who_decided_the_others_are_asked() {
    let anyone = node("n", by(PersonRule::Role(role("R"))));
    let world = world().role("R", &["bob", "cid"]);
    let run = Run::start(world, template(vec![Block::Approval(anyone), ask("m", &["dan"])]), "ann");
    let run = run.approve("bob").send_back("dan", "n");
    assert_eq!(run.pending(), "bob");
    let run = run.with(|world| world.disabled("bob")).sweep();
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").pending(), "dan");
}
