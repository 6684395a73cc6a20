//! B7, as far as it belongs to the pipeline of B1: people who approved before.

use crate::world::*;
use zhupi_engine::Status;
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::{Approval, Block, Dedup, Opinion, Template};

fn flow(dedup: Dedup, nodes: &[&[&str]]) -> Template {
    let ids = ["one", "two", "three"];
    let mut template = template(nodes.iter().zip(ids).map(|(names, id)| ask(id, names)).collect());
    template.settings.dedup = dedup;
    template
}

fn world() -> World {
    World::new().people(&["ann", "bob", "cid"])
}

#[test]
fn consecutive_does_not_ask_the_same_person_at_the_next_node() {
    let run =
        Run::start(world(), flow(Dedup::Consecutive, &[&["bob"], &["bob"], &["cid"]]), "ann").approve("bob");
    assert_eq!(run.visit("two").state, VisitState::AutoApproved);
    assert!(matches!(run.state("bob"), SlotState::Auto(AutoReason::Duplicate { .. })));
    assert_eq!(run.pending(), "cid");
}

#[test]
fn consecutive_asks_again_when_somebody_else_decided_between() {
    let template = flow(Dedup::Consecutive, &[&["bob"], &["cid"], &["bob"]]);
    let run = Run::start(world(), template, "ann").approve("bob").approve("cid");
    assert_eq!(run.pending(), "bob");
}

#[test]
fn first_only_asks_once_in_the_whole_instance() {
    let template = flow(Dedup::FirstOnly, &[&["bob"], &["cid"], &["bob"]]);
    assert_eq!(Run::start(world(), template, "ann").approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn none_always_asks() {
    let run = Run::start(world(), flow(Dedup::None, &[&["bob"], &["bob"]]), "ann").approve("bob");
    assert_eq!(run.pending(), "bob");
}

#[test]
fn an_automatic_approval_is_no_approval_of_his_own() {
    let mut template = flow(Dedup::FirstOnly, &[&["ann"], &["ann"]]);
    if let Block::Approval(second) = &mut template.flow[1] {
        second.self_rule = Some(zhupi_engine::template::SelfRule::Approve);
    }
    assert_eq!(Run::start(world(), template, "ann").pending(), "ann");
}

#[test]
fn a_node_that_asks_always_or_needs_words_asks() {
    for change in
        [|node: &mut Approval| node.always_ask = true, |node: &mut Approval| node.opinion = Opinion::Required]
    {
        let mut template = flow(Dedup::Consecutive, &[&["bob"], &["bob"]]);
        if let Block::Approval(second) = &mut template.flow[1] {
            change(second);
        }
        assert_eq!(Run::start(world(), template, "ann").approve("bob").pending(), "bob");
    }
}
