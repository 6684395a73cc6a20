//! B4.1: a rejection ends the instance.

use crate::world::*;
use zhupi_engine::Status;
use zhupi_engine::instance::TokenState;

#[test]
fn a_rejection_at_any_node_ends_the_instance_and_nothing_more_is_asked() {
    let world = World::new().people(&["ann", "bob", "cid"]);
    let flow = template(vec![ask("one", &["bob"]), ask("two", &["cid"]), ask("three", &["bob"])]);
    let run = Run::start(world, flow, "ann").approve("bob").reject("cid");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Rejected, ""));
    assert!(run.visits("three").is_empty());
    assert_eq!(run.instance.tokens[0].state, TokenState::Cancelled);
}
