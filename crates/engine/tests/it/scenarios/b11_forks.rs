//! B11: parallel and inclusive branches, one branch per element of a list, joins, and what a rejection in a branch does.

use crate::flows::*;
use crate::world::*;
use serde_json::json;
use zhupi_engine::event::Decision;
use zhupi_engine::form::FieldKind;
use zhupi_engine::ids::NodeId;
use zhupi_engine::instance::{Outcome, TokenState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Status};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn company() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eva", "fay"])
}

fn start(flow: Vec<Block>) -> Run {
    Run::start(company(), template(flow), "ann")
}

fn two_lanes(on_reject: LaneReject) -> Vec<Block> {
    let fork = parallel("f", vec![vec![ask("left", &["bob"])], vec![ask("right", &["cid"])]]);
    vec![Block::Parallel(Parallel { on_reject, ..fork }), ask("after", &["dan"])]
}

fn joined(run: &Run) -> Vec<String> {
    run.joins().iter().map(NodeId::to_string).collect()
}

#[test]
fn every_lane_is_taken_at_once_and_the_join_fires_once_when_all_arrived() {
    let run = start(two_lanes(LaneReject::EndInstance));
    assert_eq!(run.pending(), "bob cid");
    let run = run.approve("cid");
    assert_eq!((run.pending().as_str(), joined(&run).len()), ("bob", 0));
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), joined(&run)), ("dan", vec!["f".to_owned()]));
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

#[test]
fn an_empty_lane_arrives_immediately() {
    let fork = parallel("f", vec![vec![], vec![ask("right", &["cid"])], vec![]]);
    let run = start(vec![Block::Parallel(fork), ask("after", &["dan"])]);
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").pending(), "dan");
    let run = start(vec![Block::Parallel(parallel("f", vec![vec![], vec![]])), ask("after", &["dan"])]);
    assert_eq!((run.pending().as_str(), joined(&run).len()), ("dan", 1));
}

#[test]
fn a_rejection_in_a_lane_ends_the_instance_and_cancels_the_siblings() {
    let run = start(two_lanes(LaneReject::EndInstance)).reject("bob");
    assert_eq!((run.status(), run.visit("right").state), (Status::Rejected, VisitState::Cancelled));
    assert!(run.instance.tokens.iter().all(|token| token.state == TokenState::Cancelled));
    assert_eq!(joined(&run).len(), 0);
}

#[test]
fn a_collected_rejection_is_the_lanes_result_and_a_condition_decides() {
    let flow = |on_reject| {
        let lanes = vec![
            lane("no", 1, came_of("f1", Outcome::Rejected), vec![auto("end", Decision::Reject)]),
            lane("yes", 2, When::Default, vec![]),
        ];
        let mut flow = two_lanes(on_reject);
        flow.insert(1, branch("b", lanes));
        flow
    };
    let run = start(flow(LaneReject::Collect)).reject("bob");
    assert_eq!(
        (run.pending().as_str(), run.instance.outcome_of(&"f1".into())),
        ("cid", Some(Outcome::Rejected))
    );
    let run = run.approve("cid");
    assert_eq!((run.status(), run.visit("end").state), (Status::Rejected, VisitState::AutoRejected));
    let run = start(flow(LaneReject::Collect)).approve("bob").reject("cid");
    assert_eq!(
        (run.pending().as_str(), run.instance.outcome_of(&"f2".into())),
        ("dan", Some(Outcome::Rejected))
    );
}

#[test]
fn withdrawing_cancels_every_branch() {
    let mut run = start(two_lanes(LaneReject::EndInstance));
    run.act("ann", Command::Withdraw { reason: String::new() }).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Withdrawn, ""));
    assert!(run.instance.tokens.iter().all(|token| token.state == TokenState::Cancelled));
}

#[test]
fn a_fork_in_a_lane_joins_before_the_outer_one() {
    let inner = parallel("in", vec![vec![ask("a", &["bob"])], vec![ask("b", &["cid"])]]);
    let outer =
        parallel("out", vec![vec![Block::Parallel(inner), ask("c", &["dan"])], vec![ask("d", &["eva"])]]);
    let run = start(vec![Block::Parallel(outer), ask("last", &["fay"])]);
    assert_eq!(run.pending(), "bob cid eva");
    let run = run.approve("eva").approve("cid").approve("bob");
    assert_eq!((run.pending().as_str(), joined(&run)), ("dan", vec!["in".to_owned()]));
    let run = run.approve("dan");
    assert_eq!((run.pending().as_str(), joined(&run)), ("fay", vec!["in".to_owned(), "out".to_owned()]));
}

#[test]
fn the_inner_fork_says_what_a_rejection_inside_it_does() {
    let run = |inner, outer| {
        let fork = parallel("in", vec![vec![ask("a", &["bob"])], vec![ask("b", &["cid"])]]);
        let fork = Block::Parallel(Parallel { on_reject: inner, ..fork });
        let out = parallel("out", vec![vec![fork, ask("c", &["dan"])], vec![ask("d", &["eva"])]]);
        start(vec![Block::Parallel(Parallel { on_reject: outer, ..out })]).reject("bob")
    };
    assert_eq!(run(LaneReject::Collect, LaneReject::EndInstance).pending(), "cid eva");
    assert_eq!(run(LaneReject::EndInstance, LaneReject::Collect).status(), Status::Rejected);
    let run = run(LaneReject::Collect, LaneReject::Collect).approve("cid").reject("dan").approve("eva");
    assert_eq!(run.status(), Status::Approved);
}

fn inclusive() -> Template {
    let lanes = vec![
        lane("rest", 0, When::Default, vec![ask("d", &["dan"])]),
        lane("high", 2, at_least("sum", 1000), vec![ask("h", &["cid"])]),
        lane("some", 1, at_least("sum", 100), vec![ask("s", &["bob"])]),
    ];
    let flow = vec![Block::Parallel(fork("f", Take::Matching, lanes)), ask("after", &["eva"])];
    with_form(vec![field("sum", FieldKind::Number)], flow)
}

#[test]
fn every_true_lane_gets_a_token_and_the_default_only_where_none_is_true() {
    let pending = |sum: i64| Run::start_with(company(), inclusive(), "ann", json!({ "sum": sum })).pending();
    assert_eq!(pending(2000), "bob cid");
    assert_eq!(pending(500), "bob");
    assert_eq!(pending(5), "dan");
}

#[test]
fn an_inclusive_join_waits_for_the_lanes_taken_only() {
    let run = Run::start_with(company(), inclusive(), "ann", json!({ "sum": 2000 })).approve("bob");
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").pending(), "eva");
}

#[test]
fn why_each_lane_was_taken_is_kept() {
    let run = Run::start_with(company(), inclusive(), "ann", json!({ "sum": 500 }));
    let chosen = run.events.iter().find_map(|event| match event {
        Event::LanesChosen { lanes, tried, .. } => Some((lanes.clone(), tried.clone())),
        _ => None,
    });
    let (lanes, tried) = chosen.unwrap();
    assert_eq!(lanes, ["some".into()]);
    let held: Vec<_> =
        tried.iter().map(|it| (it.lane.to_string(), it.outcome.as_ref().map(|it| it.holds))).collect();
    assert_eq!(held, [("some".to_owned(), Some(true)), ("high".to_owned(), Some(false))]);
    assert_eq!(run.instance.lanes.len(), 1);
}

fn over(list: FieldKind, each: Each) -> Template {
    with_form(vec![field("list", list)], vec![Block::Each(each), ask("after", &["fay"])])
}

#[test]
fn each_person_of_a_list_gets_a_branch_of_his_own() {
    let template =
        over(FieldKind::Contact, each("e", "list", vec![ask_item("own", None), ask("check", &["eva"])]));
    let people = json!({ "list": [uuid("bob"), uuid("cid"), uuid("dan")] });
    let run = Run::start_with(company(), template, "ann", people);
    assert_eq!(run.pending(), "bob cid dan");
    assert!(run.visits("own").iter().all(|visit| visit.round == 1), "each has his own first round");
    let mut run = run.approve("cid");
    assert_eq!(run.pending(), "bob dan eva");
    run.decide_at("check", "eva", Decision::Approve).unwrap();
    let run = run.approve("bob").approve("eva").approve("dan");
    assert_eq!(joined(&run).len(), 0);
    assert_eq!(run.approve("eva").pending(), "fay");
}

#[test]
fn each_over_an_empty_list_goes_on() {
    let template = over(FieldKind::Contact, each("e", "list", vec![ask_item("own", None)]));
    assert_eq!(Run::start(company(), template, "ann").pending(), "fay");
}

#[test]
fn each_department_is_headed_by_its_own_people() {
    let world = company().department("D1", "", &["bob"]).department("D2", "", &["cid"]);
    let head = Level { start: Start::Item, ..Level::nth(1) };
    let heads = Block::Approval(node("head", by(PersonRule::DepartmentHead(head))));
    let template = over(FieldKind::Department, each("e", "list", vec![heads]));
    let run = Run::start_with(world, template, "ann", json!({ "list": [uuid("D1"), uuid("D2")] }));
    assert_eq!(run.pending(), "bob cid");
}

#[test]
fn each_choice_gets_a_branch() {
    let mut template = over(FieldKind::MultiSelect, each("e", "list", vec![ask("n", &["bob"])]));
    template.form.fields = vec![choice("list", FieldKind::MultiSelect, &["x", "y", "z"])];
    let run = Run::start_with(company(), template, "ann", json!({ "list": ["x", "z"] }));
    assert_eq!(run.pending(), "bob bob");
}

#[test]
fn one_rejected_element_makes_the_list_rejected_when_collected() {
    let fork = Each { on_reject: LaneReject::Collect, ..each("e", "list", vec![ask_item("own", None)]) };
    let lanes = vec![
        lane("no", 1, came_of("e", Outcome::Rejected), vec![ask("boss", &["eva"])]),
        lane("yes", 2, When::Default, vec![]),
    ];
    let mut template = over(FieldKind::Contact, fork);
    template.flow.insert(1, branch("b", lanes));
    let people = json!({ "list": [uuid("bob"), uuid("cid")] });
    let run = Run::start_with(company(), template.clone(), "ann", people.clone()).reject("bob");
    assert_eq!((run.pending().as_str(), run.instance.outcome_of(&"e".into())), ("cid", None));
    assert_eq!(run.approve("cid").pending(), "eva");
    let run = Run::start_with(company(), template, "ann", people).approve("bob").approve("cid");
    assert_eq!(run.pending(), "fay");
}

/// A loop comes by the same fork again: what counts is the last time.
#[test]
fn a_fork_met_again_forgets_what_came_of_it_before() {
    let fork = Parallel {
        on_reject: LaneReject::Collect,
        ..parallel("f", vec![vec![ask("a", &["bob"])], vec![ask("b", &["cid"])]])
    };
    let When::AnyOf(again) = came_of("f1", Outcome::Rejected) else { panic!() };
    let run = start(vec![Block::Parallel(fork), route("r", "f", again), ask("after", &["dan"])]);
    let run = run.reject("bob").approve("cid");
    assert_eq!((run.pending().as_str(), run.visits("a").len()), ("bob cid", 2));
    assert_eq!(run.instance.outcome_of(&"f1".into()), None);
    let run = run.approve("bob").approve("cid");
    assert_eq!((run.pending().as_str(), joined(&run).len()), ("dan", 2));
}

#[test]
fn a_list_met_again_forgets_what_came_of_it_before() {
    let fork = Each { on_reject: LaneReject::Collect, ..each("e", "list", vec![ask_item("own", None)]) };
    let When::AnyOf(again) = came_of("e", Outcome::Rejected) else { panic!() };
    let mut template = over(FieldKind::Contact, fork);
    template.flow.insert(1, route("r", "e", again));
    let people = json!({ "list": [uuid("bob"), uuid("cid")] });
    let run = Run::start_with(company(), template, "ann", people).reject("bob").approve("cid");
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.approve("bob").approve("cid").pending(), "fay");
}

#[test]
fn chains_and_countersigns_run_within_their_branches() {
    let world =
        company().department("D1", "D2", &["bob"]).department("D2", "", &["cid"]).person("ann", &["D1"]);
    let chain = Block::Approval(node("chain", Approvers::Chain(department_chain(2))));
    let fork = parallel("f", vec![vec![chain], vec![ask_in("all", &["dan", "eva"], ALL)]]);
    let run = Run::start(world, template(vec![Block::Parallel(fork)]), "ann");
    assert_eq!(run.pending(), "bob dan eva");
    let run = run.approve("dan").approve("bob");
    assert_eq!(run.pending(), "eva cid");
    assert_eq!(run.approve("cid").approve("eva").status(), Status::Approved);
}

#[test]
fn a_preview_shows_the_branches_one_after_another() {
    let inner = parallel("in", vec![vec![ask("a", &["bob"]), cc("c", &["fay"])], vec![]]);
    let outer =
        parallel("out", vec![vec![Block::Parallel(inner), ask("b", &["cid"])], vec![ask("d", &["eva"])]]);
    let flow = vec![Block::Parallel(outer), ask("last", &["dan"])];
    let preview = look_ahead(&company(), &template(flow), "ann", json!({}));
    let expected = "fork out 2
  branch out1
    fork in 2
      branch in1
        a Open bob
        cc fay
      branch in2
    join in
    b Open cid
  branch out2
    d Open eva
join out
last Open dan";
    assert_eq!(outline(&preview.steps), expected);
    assert_eq!(preview.ends, Status::Approved);
}

#[test]
fn a_preview_shows_lanes_taken_with_what_their_conditions_saw() {
    let preview = look_ahead(&company(), &inclusive(), "ann", json!({ "sum": 500 }));
    let expected = "fork f 1
  branch some
    s Open bob
join f
after Open eva";
    assert_eq!(outline(&preview.steps), expected);
    let other = look_ahead(&company(), &inclusive(), "ann", json!({ "sum": 5000 }));
    assert_ne!(preview.hash, other.hash);
}

fn one_branch_stuck(on_reject: LaneReject) -> Run {
    let lost = Block::Approval(node("lost", by(PersonRule::Role(role("R")))));
    let mut fork = parallel("f", vec![vec![lost], vec![ask("y", &["bob"]), ask("z", &["cid"])]]);
    fork.on_reject = on_reject;
    Run::start(company().without_admin(), template(vec![ask("a", &["dan"]), Block::Parallel(fork)]), "ann")
        .approve("dan")
}

#[test]
fn while_one_branch_is_stuck_people_of_others_go_on() {
    let run = one_branch_stuck(LaneReject::Collect).approve("bob");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Suspended, "cid"));
    let run = run.reject("cid");
    assert_eq!(run.status(), Status::Suspended, "the join waits for the branch that is stuck");
}

#[test]
fn a_return_to_before_the_fork_takes_what_is_stuck_away() {
    let run = one_branch_stuck(LaneReject::Collect).send_back("bob", "a");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "dan"));
    assert_eq!(one_branch_stuck(LaneReject::EndInstance).reject("bob").status(), Status::Rejected);
}

#[test]
fn while_one_branch_is_stuck_people_of_others_are_urged() {
    let urge = || Command::Urge { comment: String::new() };
    let mut run = one_branch_stuck(LaneReject::Collect);
    run.act("ann", urge()).unwrap();
    let urged = run.events.iter().find_map(|event| match event {
        Event::Urged { people, .. } => Some(people.clone()),
        _ => None,
    });
    assert_eq!(urged, Some(run.instance.pending().map(|(_, slot)| slot.assignee).collect::<Vec<_>>()));
    let mut all_stuck = run.approve("bob").reject("cid").wait_hours(2);
    let refused = all_stuck.act("ann", urge());
    assert_eq!(refused, Err(zhupi_engine::Rejection::NotOffered { action: "urge" }));
}
