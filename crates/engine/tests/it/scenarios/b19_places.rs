//! B19: what makes a running visit open anew, and where an instance cannot stand any more.

use crate::flows::*;
use crate::world::*;
use zhupi_engine::command::Outside;
use zhupi_engine::decide::{Migration, Report};
use zhupi_engine::template::*;

fn report(run: &Run, new: &Template) -> Report {
    let (directory, nodes) = (run.world.directory(), Default::default());
    let (old, at, by) = (&run.template, at(9000), user("root"));
    let migration = Migration {
        old,
        new,
        version: 2,
        directory: &directory,
        nodes: &nodes,
        at,
        by,
        reason: "",
        outside: &Outside::default(),
    };
    migration.report(&run.instance).unwrap()
}

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve"])
}

#[test]
fn whatever_says_who_decides_or_how_opens_the_visit_anew_and_nothing_else_does() {
    let vote = Mode::Vote(Vote::at(Threshold::Percent(5_000)));
    let node = || Approval { mode: vote, ..node("n", members(&["bob", "cid"])) };
    let run = Run::start(world(), template(vec![Block::Approval(node())]), "ann");
    let reopens = |change: &dyn Fn(&mut Approval)| {
        let mut changed = node();
        change(&mut changed);
        !report(&run, &template(vec![Block::Approval(changed)])).reopened.is_empty()
    };
    let ballot = || Ballot { who: scope_of(&["bob"]), weight: 2, veto: false, group: Some("g".to_owned()) };
    let quorum = || Quorum { group: "g".to_owned(), threshold: Threshold::Count(1) };
    assert!(reopens(&|node| node.approvers = members(&["bob", "dan"])));
    assert!(reopens(&|node| node.mode = Mode::InTurn));
    assert!(reopens(&|node| node.handle = true));
    assert!(reopens(&|node| node.assign = Assign::LeastLoaded));
    assert!(reopens(&|node| node.self_rule = Some(SelfRule::Exclude)));
    assert!(reopens(&|node| node.control = true), "the self rule is another one then");
    assert!(reopens(&|node| node.ballots = vec![ballot()]));
    assert!(reopens(&|node| node.weights = Weights::Sum));
    assert!(reopens(&|node| {
        node.ballots = vec![ballot()];
        node.quorums = vec![quorum()];
    }));
    assert!(!reopens(&|_| ()));
    assert!(!reopens(&|node| node.title = "another".to_owned()));
    assert!(!reopens(&|node| node.self_rule = Some(SelfRule::Skip)), "it was that already");
    assert!(!reopens(&|node| node.opinion = Demand::Required));
    assert!(!reopens(&|node| node.deadline = Deadline::None));
}

#[test]
fn a_node_that_moved_out_of_its_branch_or_into_another_lane_is_lost() {
    let lanes = |first: Vec<Block>, second: Vec<Block>| Block::Parallel(parallel("f", vec![first, second]));
    let old = template(vec![lanes(vec![ask("b", &["bob"])], vec![ask("c", &["cid"])])]);
    let run = Run::start(world(), old, "ann");
    let lost = |new: Vec<Block>| report(&run, &template(new)).lost.len();
    assert_eq!(lost(vec![lanes(vec![ask("b", &["bob"])], vec![ask("c", &["cid"])])]), 0);
    assert_eq!(lost(vec![ask("b", &["bob"]), lanes(vec![], vec![ask("c", &["cid"])])]), 1);
    assert_eq!(lost(vec![lanes(vec![ask("c", &["cid"])], vec![ask("b", &["bob"])])]), 2);
}
