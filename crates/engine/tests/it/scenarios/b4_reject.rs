//! B4.1: a rejection ends the instance.

use crate::world::*;
use zhupi_engine::Status;
use zhupi_engine::command::Intervention;
use zhupi_engine::instance::TokenState;
use zhupi_engine::template::{Approvers, Block, Dedup, OnReject};

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
