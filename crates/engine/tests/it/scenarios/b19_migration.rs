//! B19: a running instance goes over to another version of its template.

use crate::flows::parallel;
use crate::world::*;
use std::collections::BTreeMap;
use zhupi_engine::decide::{Migration, Report, migrate};
use zhupi_engine::ids::NodeId;
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Rejection, Status};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay"])
}

fn all() -> Mode {
    Mode::Countersign { reject: AllReject::AtOnce }
}

fn start() -> Run {
    let flow = template(vec![ask("a", &["bob"]), ask("b", &["cid", "dan"]), ask("c", &["eve"])]);
    Run::start(world(), flow, "ann").approve("bob")
}

fn report(run: &Run, new: &Template, nodes: &[(&str, &str)]) -> Report {
    let (directory, nodes) = (run.world.directory(), renamed(nodes));
    let migration = Migration {
        old: &run.template,
        new,
        version: 2,
        directory: &directory,
        nodes: &nodes,
        at: at(9000),
        by: user("root"),
        reason: "",
    };
    migration.report(&run.instance).unwrap()
}

fn try_migrate(run: &mut Run, new: Template, nodes: &[(&str, &str)]) -> Result<(), Rejection> {
    let (directory, nodes) = (run.world.directory(), renamed(nodes));
    let migration = Migration {
        old: &run.template,
        new: &new,
        version: 2,
        directory: &directory,
        nodes: &nodes,
        at: at(9000),
        by: user("root"),
        reason: "the new version is better",
    };
    let events = migrate(&migration, &run.instance)?;
    events.iter().for_each(|event| run.instance.apply(event));
    run.instance.version += 1;
    run.events.extend(events);
    run.template = new;
    assert_eq!(run.instance.broken(), Vec::<String>::new());
    Ok(())
}

fn renamed(nodes: &[(&str, &str)]) -> BTreeMap<NodeId, NodeId> {
    nodes.iter().map(|(old, new)| ((*old).into(), (*new).into())).collect()
}

fn names(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn where_it_stands_it_stays_with_the_same_people() {
    let mut run = start();
    let new = template(vec![ask("a", &["fay"]), ask("b", &["cid", "dan"]), ask("c", &["fay"])]);
    try_migrate(&mut run, new, &[]).unwrap();
    assert_eq!((run.instance.template_version, run.pending().as_str()), (2, "cid dan"));
    assert_eq!(run.visits("b").len(), 1);
    assert_eq!(run.approve("cid").pending(), "fay");
}

#[test]
fn another_mode_opens_a_new_visit_and_the_old_one_stays_in_the_history() {
    let mut run = start();
    let new = template(vec![ask("a", &["bob"]), ask_in("b", &["cid", "dan"], all()), ask("c", &["eve"])]);
    assert_eq!(names(&report(&run, &new, &[]).reopened), "b");
    try_migrate(&mut run, new, &[]).unwrap();
    let states: Vec<_> = run.visits("b").iter().map(|visit| visit.state).collect();
    assert_eq!(states, [VisitState::Cancelled, VisitState::Open]);
    assert_eq!(run.approve("cid").pending(), "dan");
}

#[test]
fn other_approvers_are_asked_anew() {
    let mut run = start();
    let new = template(vec![ask("a", &["bob"]), ask("b", &["dan", "fay"]), ask("c", &["eve"])]);
    try_migrate(&mut run, new, &[]).unwrap();
    assert_eq!((run.pending().as_str(), run.state("cid")), ("dan fay", SlotState::Cancelled));
}

#[test]
fn a_node_with_a_new_id_is_found_by_the_map() {
    let mut run = start();
    let new = template(vec![ask("a", &["bob"]), ask("bb", &["cid", "dan"]), ask("c", &["eve"])]);
    assert_eq!(names(&report(&run, &new, &[]).lost), "b");
    let refused = try_migrate(&mut run, new.clone(), &[]);
    assert_eq!(refused, Err(Rejection::NodeNotReachable { node: "b".into() }));
    try_migrate(&mut run, new, &[("b", "bb")]).unwrap();
    assert_eq!(run.visit("bb").state, VisitState::Open);
    assert_eq!(run.approve("dan").pending(), "eve");
}

#[test]
fn the_report_says_what_would_come_otherwise() {
    let run = start();
    let new = template(vec![ask("b", &["cid", "dan"]), ask("c", &["fay"]), ask("d", &["eve"])]);
    let report = report(&run, &new, &[]);
    assert_eq!((names(&report.lost), names(&report.added)), (String::new(), "d".to_owned()));
    assert_eq!(report.approvers.len(), 1);
    assert_eq!((report.approvers[0].node.as_str(), report.approvers[0].after.len()), ("c", 1));
    let shorter = template(vec![ask("b", &["cid", "dan"])]);
    let report = self::report(&run, &shorter, &[]);
    assert_eq!(names(&report.gone), "c");
    assert_eq!(run.pending(), "cid dan", "nothing was done");
}

#[test]
fn in_a_branch_it_goes_over_only_where_the_branch_is_still_there() {
    let flow = |right: &str| {
        template(vec![
            Block::Parallel(parallel("f", vec![vec![ask("a", &["bob"])], vec![ask(right, &["cid"])]])),
            ask("z", &["eve"]),
        ])
    };
    let mut run = Run::start(world(), flow("x"), "ann");
    let mut other = flow("y");
    assert_eq!(names(&report(&run, &other, &[]).lost), "x");
    try_migrate(&mut run, other.clone(), &[("x", "y")]).unwrap();
    if let Block::Parallel(fork) = &mut other.flow[0] {
        fork.lanes[1].id = "else".into();
    }
    assert_eq!(names(&report(&run, &other, &[]).lost), "f2");
    assert_eq!(run.approve("bob").approve("cid").pending(), "eve");
}

#[test]
fn a_node_that_moved_into_a_branch_is_lost() {
    let run = start();
    let new = template(vec![Block::Parallel(parallel(
        "f",
        vec![vec![ask("b", &["cid", "dan"])], vec![ask("x", &["eve"])]],
    ))]);
    assert_eq!(names(&report(&run, &new, &[]).lost), "b");
}

#[test]
fn what_is_with_the_initiator_goes_over_too() {
    let mut run = start().send_back("cid", "");
    let new = template(vec![ask("a", &["fay"]), ask("b", &["cid"])]);
    try_migrate(&mut run, new, &[]).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "ann"));
    assert_eq!(run.resubmit("ann", serde_json::json!({})).pending(), "cid dan");
}

#[test]
fn a_suspended_one_tries_again() {
    let lost = Block::Approval(node("b", by(PersonRule::Role(role("R")))));
    let mut run =
        Run::start(world().without_admin(), template(vec![ask("a", &["bob"]), lost]), "ann").approve("bob");
    assert_eq!(run.status(), Status::Suspended);
    try_migrate(&mut run, template(vec![ask("a", &["bob"]), ask("b", &["cid"])]), &[]).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "cid"));
}

#[test]
fn what_has_ended_does_not_go_over() {
    let mut run = start().approve("cid").approve("eve");
    let refused = try_migrate(&mut run, template(vec![ask("a", &["bob"])]), &[]);
    assert_eq!(refused, Err(Rejection::NotRunning { status: Status::Approved }));
}
