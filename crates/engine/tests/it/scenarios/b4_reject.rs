//! B4.1: a rejection ends the instance.

use crate::world::*;
use zhupi_engine::Status;
use zhupi_engine::command::Intervention;
use zhupi_engine::instance::{TokenState, VisitState};
use zhupi_engine::template::{
    AllReject, Approval, Approvers, Block, Dedup, MaxRounds, Mode, OnReject, PersonRule, Template,
    TooManyRounds,
};

#[test]
fn a_rejection_at_any_node_ends_the_instance_and_nothing_more_is_asked() {
    let world = World::new().people(&["ann", "bob", "cid"]);
    let flow = template(vec![ask("one", &["bob"]), ask("two", &["cid"]), ask("three", &["bob"])]);
    let run = Run::start(world, flow, "ann").approve("bob").reject("cid");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Rejected, ""));
    assert!(run.visits("three").is_empty());
    assert_eq!(run.instance.tokens[0].state, TokenState::Cancelled);
}

#[test]
fn a_rejection_goes_back_to_a_chain_whose_first_level_decided_before() {
    let run = rejected_behind_a_chain(&["cid"], |run| run);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "cid"));
}

#[test]
fn a_rejection_goes_back_to_the_level_of_a_chain_that_somebody_decided_at() {
    let passed_over = |run: Run| {
        let visit = run.visit("a").id;
        run.intervene(Intervention::Skip { visit })
    };
    let run = rejected_behind_a_chain(&["bob"], passed_over);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "dan"));
}

/// Somebody decides, then the levels of a chain, cid and dan, then eve, whose rejection goes back to the chain.
fn rejected_behind_a_chain(before: &[&str], first_level: impl FnOnce(Run) -> Run) -> Run {
    let people = World::new().people(&["ann", "bob", "cid", "dan", "eve"]);
    let world = people.department("D2", "", &["dan"]).department("D1", "D2", &["cid"]);
    let world = world.person("ann", &["D1"]);
    let mut last = node("b", members(&["eve"]));
    last.on_reject = OnReject::ReturnTo("a".into());
    let chain = node("a", Approvers::Chain(department_chain(2)));
    let mut flow = template(vec![ask("x", before), Block::Approval(chain), Block::Approval(last)]);
    flow.settings.dedup = Dedup::default();
    let run = first_level(Run::start(world, flow, "ann").approve(before[0]));
    assert_eq!(run.pending(), "dan");
    run.approve("dan").reject("eve")
}

/// a (bob), then b (cid), whose rejection goes back.
fn mapped(to: OnReject) -> Template {
    let second = Approval { on_reject: to, ..node("b", members(&["cid"])) };
    template(vec![ask("a", &["bob"]), Block::Approval(second)])
}

fn at_the_second(template: Template) -> Run {
    Run::start(World::new().people(&["ann", "bob", "cid"]), template, "ann").approve("bob")
}

#[test]
fn a_rejection_mapped_to_an_initiator_who_has_left_is_a_rejection() {
    let run = at_the_second(mapped(OnReject::ReturnToInitiator)).with(|world| world.disabled("ann"));
    assert_eq!(run.reject("cid").status(), Status::Rejected);
}

#[test]
fn a_rejection_that_would_be_one_return_too_many_is_a_rejection() {
    let mut template = mapped(OnReject::ReturnTo("a".into()));
    template.settings.max_rounds = Some(MaxRounds { returns: 2, then: TooManyRounds::Reject });
    let run = at_the_second(template).reject("cid");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "bob"));
    let run = run.approve("bob").reject("cid");
    assert_eq!((run.status(), run.visit("b").state), (Status::Rejected, VisitState::Rejected));
    let mut run = at_the_second(mapped(OnReject::ReturnTo("a".into())));
    for _ in 0..50 {
        run = run.reject("cid").approve("bob");
    }
    assert_eq!(run.reject("cid").status(), Status::Rejected, "however patient the template is");
}

/// Who was asked to decide together and said no last is who sends it back.
#[test]
fn a_mapped_rejection_is_sent_back_by_whoever_said_no() {
    let mut template = mapped(OnReject::ReturnToInitiator);
    if let Block::Approval(second) = &mut template.flow[1] {
        second.approvers = members(&["cid", "dan"]);
        second.mode = Mode::Countersign { reject: AllReject::WaitForAll };
    }
    let run = Run::start(World::new().people(&["ann", "bob", "cid", "dan"]), template, "ann");
    let run = run.approve("bob").reject("dan").approve("cid");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "ann"));
    assert_eq!(run.instance.returns[0].by, user("dan"));
}

/// The initiator is the only administrator, and nobody was found: he is asked again, since the self rule does not bind there.
#[test]
fn a_return_to_the_only_administrator_does_not_pass_by_itself() {
    let one = Block::Approval(node("one", by(PersonRule::Role(role("R")))));
    let two = Approval { on_reject: OnReject::ReturnTo("one".into()), ..node("two", members(&["bob"])) };
    let flow = vec![one, Block::Approval(two)];
    let run = Run::start(World::new().people(&["bob"]), template(flow), "root");
    assert_eq!(run.pending(), "root");
    let run = run.approve("root").reject("bob");
    assert_eq!((run.pending().as_str(), run.status()), ("root", Status::Running));
}
