//! B19: a running instance goes over to another version of its template.

use crate::flows::parallel;
use crate::world::*;
use serde_json::json;
use std::collections::BTreeMap;
use zhupi_engine::command::{Opinion, Outside};
use zhupi_engine::decide::{Migration, Report, access_at, migrate};
use zhupi_engine::form::{Access, FieldAccess, FieldKind};
use zhupi_engine::ids::NodeId;
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status};

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
        outside: &Outside::default(),
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
        outside: &Outside::default(),
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
fn the_report_looks_ahead_from_what_stands_still_too() {
    let lost = |names: &[&str]| match names {
        [] => Block::Approval(node("b", by(PersonRule::Role(role("R"))))),
        names => ask("b", names),
    };
    let flow =
        |names: &[&str], last: &str| template(vec![ask("a", &["bob"]), lost(names), ask("c", &[last])]);
    let run = Run::start(world().without_admin(), flow(&[], "eve"), "ann").approve("bob");
    assert_eq!(run.status(), Status::Suspended);
    let mended = report(&run, &flow(&["cid"], "eve"), &[]);
    assert_eq!(names(&mended.gone), "");
    let run = start().send_back("cid", "");
    let same = report(&run, &run.template, &[]);
    assert_eq!((same.gone, same.added, same.approvers), (vec![], vec![], vec![]));
    let other = template(vec![ask("a", &["bob"]), ask("b", &["cid", "dan"]), ask("d", &["eve"])]);
    let other = report(&run, &other, &[]);
    assert_eq!((names(&other.gone), names(&other.added)), ("c".to_owned(), "d".to_owned()));
}

#[test]
fn nodes_that_change_their_names_with_each_other_take_what_happened_at_them_along() {
    let call = |id: &str, irreversible: bool| {
        let action = TriggerAction::Call { url: "https://x.example".to_owned() };
        let (id, title, other) = (id.into(), id.to_owned(), Default::default());
        Block::Trigger(Trigger { id, title, action, irreversible, other })
    };
    let flow = |first: Block, second: Block| {
        template(vec![ask("a", &["bob"]), first, ask("b", &["cid"]), second, ask("c", &["dan"])])
    };
    let mut run = Run::start(world(), flow(call("t1", true), call("t2", false)), "ann").approve("bob");
    let new = flow(call("t2", true), call("t1", false));
    try_migrate(&mut run, new, &[("t1", "t2"), ("t2", "t1")]).unwrap();
    let called: Vec<_> = run.instance.calls.iter().map(|it| it.node.as_str()).collect();
    assert_eq!(called, ["t2"]);
    assert!(matches!(run.try_take_back("bob"), Err(Rejection::TakeBackNotAllowed { .. })));
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

fn limited(actions: Vec<(i32, TimeoutWhat)>, due: Due) -> Template {
    let mut asked = node("n", members(&["bob"]));
    let action = |(after, what)| TimeoutAction { after, working: false, what };
    let actions = actions.into_iter().map(action).collect();
    asked.deadline = Deadline::Own(Limit { due, actions });
    template(vec![Block::Approval(asked)])
}

fn reminder() -> TimeoutWhat {
    TimeoutWhat::Remind { times: 1, every: 60, working: false, tell_supervisor: false }
}

#[test]
fn a_timer_does_what_it_was_set_for_wherever_that_stands_in_the_new_version() {
    let mut run = Run::start(world(), limited(vec![(-300, reminder())], Due::Elapsed(600)), "ann");
    let before = run.visit("n").due_at;
    let new = limited(vec![(0, TimeoutWhat::AutoReject), (-300, reminder())], Due::Elapsed(600));
    try_migrate(&mut run, new, &[]).unwrap();
    assert_eq!(run.visit("n").due_at, before);
    run.pass(at(5 * 3600 + 300));
    assert_eq!(run.status(), Status::Running, "it was time for the reminder");
    run.pass(at(11 * 3600));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn a_new_time_limit_counts_from_when_people_were_asked() {
    let reject = || vec![(0, TimeoutWhat::AutoReject)];
    let mut run = Run::start(world(), limited(reject(), Due::Elapsed(60_000)), "ann");
    try_migrate(&mut run, limited(reject(), Due::Elapsed(240)), &[]).unwrap();
    run.pass(at(4 * 3600 - 600));
    assert_eq!(run.status(), Status::Running);
    run.pass(at(4 * 3600 + 600));
    assert_eq!(run.status(), Status::Rejected);
    let mut run = Run::start(world(), limited(reject(), Due::Elapsed(240)), "ann");
    try_migrate(&mut run, template(vec![ask("n", &["bob"])]), &[]).unwrap();
    run.pass(at(5 * 3600));
    assert_eq!(run.status(), Status::Running, "the old limit is gone");
}

#[test]
fn an_action_that_was_done_is_not_done_again() {
    let world = || world().reports_to("bob", "cid").reports_to("cid", "dan");
    let hand = |due| limited(vec![(-180, TimeoutWhat::HandToSupervisor)], due);
    let mut run = Run::start(world(), hand(Due::Elapsed(240)), "ann");
    run.pass(at(7200));
    assert_eq!(run.pending(), "cid");
    try_migrate(&mut run, hand(Due::Elapsed(200)), &[]).unwrap();
    run.pass(at(9 * 3600));
    assert_eq!(run.pending(), "cid");
}

fn hiding_cc(id: &str) -> Block {
    let Block::Cc(mut told) = cc(id, &["cid"]) else { unreachable!() };
    told.fields = FieldAccess([("sum".into(), Access::Hide)].into());
    Block::Cc(told)
}

#[test]
fn whoever_was_told_at_a_node_with_a_new_id_was_told_there() {
    let flow =
        |id: &str| with_form(vec![field("sum", FieldKind::Number)], vec![hiding_cc(id), ask("a", &["bob"])]);
    let mut run = Run::start_with(world(), flow("c"), "ann", json!({"sum": 1}));
    try_migrate(&mut run, flow("c2"), &[("c", "c2")]).unwrap();
    assert_eq!(run.instance.cc[0].node, Some("c2".into()));
}

#[test]
fn lanes_taken_have_their_new_ids() {
    let flow = |id: &str, own: &str| {
        template(vec![branch(id, vec![lane(own, 1, When::Default, vec![ask("a", &["bob"])])])])
    };
    let mut run = Run::start(world(), flow("br", "l"), "ann");
    try_migrate(&mut run, flow("br2", "l2"), &[("br", "br2"), ("l", "l2")]).unwrap();
    let taken = &run.instance.lanes[0];
    assert_eq!((taken.branch.as_str(), taken.lane.as_str()), ("br2", "l2"));
}

#[test]
fn at_a_node_that_is_gone_nobody_sees_what_any_node_hides() {
    let form = || vec![field("sum", FieldKind::Number), field("note", FieldKind::Text)];
    let flow = with_form(form(), vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    let mut run = Run::start_with(world(), flow, "ann", json!({"sum": 1})).approve("bob");
    try_migrate(&mut run, with_form(form(), vec![hiding_cc("c"), ask("b", &["cid"])]), &[]).unwrap();
    let access = access_at(&run.template, &run.instance, run.visit("a").id);
    assert_eq!((access.of(&"sum".into()), access.of(&"note".into())), (Access::Hide, Access::Read));
}

#[test]
fn people_frozen_at_submit_stay_only_where_the_rules_do() {
    let flow = |b: &str| {
        let mut flow = template(vec![ask("a", &["bob"]), ask("b", &[b]), ask("c", &["eve"])]);
        flow.settings.freeze_at_submit = true;
        flow
    };
    let mut run = Run::start(world(), flow("cid"), "ann");
    try_migrate(&mut run, flow("dan"), &[]).unwrap();
    assert!(run.instance.frozen.contains_key(&NodeId::from("c")));
    assert_eq!(run.approve("bob").pending(), "dan");
}

#[test]
fn what_was_read_under_the_old_version_has_to_be_read_again() {
    let mut run = start();
    let seen = run.instance.contents.last().map(|content| content.digest.clone());
    try_migrate(&mut run, template(vec![ask("b", &["cid", "dan"]), ask("c", &["fay"])]), &[]).unwrap();
    let opinion = Opinion { seen, ..Opinion::new(run.slot_of("cid"), "") };
    assert_eq!(run.act("cid", Command::Approve(opinion)), Err(Rejection::ContentChanged));
    let seen = run.instance.contents.last().map(|content| content.digest.clone());
    let opinion = Opinion { seen, ..Opinion::new(run.slot_of("cid"), "") };
    assert_eq!(run.act("cid", Command::Approve(opinion)), Ok(()));
}

/// B13: a time is fixed when the visit opens.
#[test]
fn a_delay_under_way_ends_when_it_was_to_end() {
    use crate::flows::delay;
    let flow = |minutes| template(vec![delay("d", minutes), ask("a", &["bob"])]);
    let mut run = Run::start(world(), flow(60), "ann");
    let until = run.visit("d").timers.clone();
    try_migrate(&mut run, flow(600), &[]).unwrap();
    assert_eq!((until.len(), &run.visit("d").timers), (1, &until));
    run.pass(until[0].at);
    assert_eq!(run.pending(), "bob");
}

#[test]
fn a_time_limit_that_stays_the_same_stays_where_it_was() {
    let flow = || limited(vec![(0, reminder())], Due::Elapsed(60));
    let mut run = Run::start(world(), flow(), "ann");
    let before = (run.instance.visits[0].due_at, run.instance.visits[0].timers.clone());
    try_migrate(&mut run, flow(), &[]).unwrap();
    assert_eq!((run.instance.visits[0].due_at, run.instance.visits[0].timers.clone()), before);
}

#[test]
fn a_map_that_names_what_neither_version_has_is_refused() {
    let new = || template(vec![ask("a", &["bob"]), ask("b", &["cid", "dan"]), ask("d", &["eve"])]);
    let mut run = start();
    for (nodes, unknown) in [(("x", "d"), "x"), (("c", "y"), "y")] {
        let refused = try_migrate(&mut run, new(), &[nodes]);
        assert_eq!(refused, Err(Rejection::NodeNotReachable { node: unknown.into() }));
    }
    assert_eq!(try_migrate(&mut run, new(), &[("c", "d")]), Ok(()));
}

fn called(id: &str) -> Block {
    Block::Trigger(Trigger {
        id: id.into(),
        title: id.to_owned(),
        action: TriggerAction::Call { url: "https://example.com/".to_owned() },
        irreversible: false,
        other: Default::default(),
    })
}

#[test]
fn nodes_that_change_their_ids_with_each_other_keep_what_happened_at_them() {
    let mut run = Run::start(world(), template(vec![called("x"), ask("y", &["bob"])]), "ann");
    let new = template(vec![called("y"), ask("x", &["bob"])]);
    try_migrate(&mut run, new, &[("x", "y"), ("y", "x")]).unwrap();
    assert_eq!(names(&[run.instance.calls[0].node.clone(), run.instance.visits[0].node.clone()]), "y x");
}

#[test]
fn duties_that_the_new_version_keeps_apart_are_apart_at_once() {
    let flow = || template(vec![ask("a", &["bob"]), ask_in("b", &["bob", "cid"], all())]);
    let mut run = Run::start(world(), flow(), "ann").approve("bob");
    assert_eq!(run.pending(), "bob cid");
    let mut new = flow();
    new.settings.separation = vec![Separation::Nodes(vec!["a".into(), "b".into()])];
    try_migrate(&mut run, new, &[]).unwrap();
    assert_eq!(run.pending(), "cid");
}

#[test]
fn whoever_is_drawn_anew_is_drawn_by_what_is_known_outside() {
    let run = start();
    let drawn = Approval { assign: Assign::RoundRobin, ..node("b", members(&["cid", "dan", "fay"])) };
    let new = template(vec![ask("a", &["bob"]), Block::Approval(drawn), ask("c", &["eve"])]);
    let migration = Migration {
        old: &run.template,
        new: &new,
        version: 2,
        directory: &run.world.directory(),
        nodes: &BTreeMap::new(),
        at: at(9000),
        by: user("root"),
        reason: "",
        outside: &Outside { last: [("b".into(), user("cid"))].into(), ..Outside::default() },
    };
    let mut after = run.instance.clone();
    migrate(&migration, &after).unwrap().iter().for_each(|event| after.apply(event));
    let asked: Vec<_> = after.pending().map(|(_, slot)| slot.assignee).collect();
    assert_eq!(asked, [user("dan")]);
}

#[test]
fn a_reminder_of_the_old_limit_comes_again_where_the_new_limit_is_another_one() {
    let remind = |due| limited(vec![(-180, reminder())], due);
    let reminders =
        |run: &Run| run.events.iter().filter(|event| matches!(event, Event::Reminded { .. })).count();
    let mut run = Run::start(world(), remind(Due::Elapsed(240)), "ann");
    run.pass(at(2 * 3600));
    assert_eq!(reminders(&run), 1);
    try_migrate(&mut run, remind(Due::Elapsed(600)), &[]).unwrap();
    run.pass(at(9 * 3600));
    assert_eq!(reminders(&run), 2);
}
