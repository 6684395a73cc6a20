//! B4: what was sent back more than once, on ways that changed, out of pools and out of branches.

use crate::flows::*;
use crate::world::*;
use serde_json::json;
use zhupi_engine::Command;
use zhupi_engine::Status;
use zhupi_engine::command::{Handing, Intervention, Opinion, Return, ReturnTo};
use zhupi_engine::decide::return_targets;
use zhupi_engine::event::{Decision, Event, ResumeWay};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind, FormData, Value};
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::*;

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay", "gus"])
}

fn start(flow: Vec<Block>) -> Run {
    Run::start(world(), template(flow), "ann")
}

fn ways(run: &Run) -> Vec<ResumeWay> {
    let ways = run.events.iter().filter_map(|event| match event {
        Event::ReturnSettled { way, .. } => Some(way.clone()),
        _ => None,
    });
    ways.collect()
}

fn targets(run: &Run, name: &str) -> Vec<String> {
    let targets = return_targets(&run.template, &run.instance, run.slot_of(name));
    targets.iter().map(ToString::to_string).collect()
}

fn with_rule(block: Block, change: impl FnOnce(&mut ReturnRule)) -> Block {
    match block {
        Block::Approval(mut node) => {
            change(&mut node.returns);
            Block::Approval(node)
        }
        other => other,
    }
}

/// a (bob), who may change the amount; c (dan), or from 1000 on c2 (fay); d (eve).
fn by_amount() -> Run {
    let edit = FieldAccess([("amount".into(), Access::Edit)].into());
    let first = Approval { fields: edit, ..node("a", members(&["bob"])) };
    let lanes = vec![
        lane("high", 1, at_least("amount", 1000), vec![ask("c2", &["fay"])]),
        lane("low", 2, When::Default, vec![ask("c", &["dan"])]),
    ];
    let flow = vec![Block::Approval(first), branch("size", lanes), ask("d", &["eve"])];
    let template = with_form(vec![field("amount", FieldKind::Number)], flow);
    Run::start_with(world(), template, "ann", json!({ "amount": 1 })).approve("bob").approve("dan")
}

/// What lies on a way that is not gone any more is neither a target nor in the way.
#[test]
fn a_way_that_is_not_gone_any_more_is_forgotten() {
    let run = by_amount().send_back("eve", "a").approve_with("bob", json!({ "amount": 5000 }));
    let run = run.approve("fay");
    assert_eq!(targets(&run, "eve"), ["the initiator", "a", "c2"]);
    let run = run.send_back("eve", "a").approve("bob");
    assert_eq!((run.pending().as_str(), ways(&run).last()), ("eve", Some(&ResumeWay::StraightBack)));
}

/// a, b, c, x, d: d sends back to c, and c to a.
#[test]
fn who_wants_everything_again_has_returns_behind_it_again_too() {
    let flow = vec![
        ask("a", &["bob"]),
        with_rule(ask("c", &["cid"]), |rule| rule.resume = ResumePolicy::Replay),
        ask("x", &["dan"]),
        with_rule(ask("d", &["eve"]), |rule| rule.resume = ResumePolicy::StraightBack),
    ];
    let run = start(flow).approve("bob").approve("cid").approve("dan");
    let run = run.send_back("eve", "c").send_back("cid", "a").approve("bob");
    assert_eq!(run.pending(), "cid");
    let run = run.approve("cid");
    assert_eq!(run.pending(), "dan", "everything behind a is gone over again");
    assert!(run.instance.returns.iter().all(|returned| returned.settled));
    assert_eq!(run.approve("dan").approve("eve").status(), Status::Approved);
}

#[test]
fn a_return_under_way_in_a_branch_ends_when_another_branch_goes_back_before_the_fork() {
    let lanes = vec![vec![ask("b", &["cid"]), ask("c", &["dan"])], vec![ask("x", &["eve"])]];
    let run = start(vec![ask("a", &["bob"]), Block::Parallel(parallel("f", lanes))]);
    let run = run.approve("bob").approve("cid").send_back("dan", "b").send_back("eve", "a");
    assert_eq!((run.pending().as_str(), ways(&run)), ("bob", vec![ResumeWay::Overtaken]));
    let run = run.approve("bob").approve("cid");
    assert_eq!(run.pending(), "eve dan");
    let run = run.approve("eve").approve("dan");
    assert_eq!(run.status(), Status::Approved);
    assert!(run.instance.returns.iter().all(|returned| returned.settled));
}

#[test]
fn whoever_had_claimed_it_gets_back_what_he_returned() {
    let pool = Approval { assign: Assign::Pool, ..node("p", members(&["cid", "dan"])) };
    let mut run = start(vec![ask("a", &["bob"]), Block::Approval(pool)]).approve("bob");
    run.act("dan", Command::Claim { slot: run.slot_of("dan") }).unwrap();
    let run = run.send_back("dan", "a").approve("bob");
    let visit = run.visit("p");
    assert_eq!((visit.round, visit.slots.len()), (2, 1));
    assert_eq!(run.state("dan"), SlotState::Offered);
}

#[test]
fn a_mapped_rejection_is_still_a_rejection_of_its_visit() {
    let last = Approval { on_reject: OnReject::ReturnTo("a".into()), ..node("b", members(&["cid"])) };
    let run = start(vec![ask("a", &["bob"]), Block::Approval(last)]).approve("bob").reject("cid");
    assert_eq!((run.pending().as_str(), run.visit("b").state), ("bob", VisitState::Rejected));
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.visit("b").round), ("cid", 2));
}

/// What somebody approved in a visit that came to nothing spares him nowhere.
#[test]
fn an_approval_in_a_visit_that_was_returned_spares_nobody() {
    let flow = vec![ask("a", &["dan"]), ask_in("b", &["bob", "cid"], ALL), ask("c", &["bob"])];
    let mut template = template(flow);
    template.settings.dedup = Dedup::FirstOnly;
    let mut run = Run::start(world(), template, "ann").approve("dan").approve("bob").send_back("cid", "a");
    run = run.approve("dan");
    assert_eq!(run.pending(), "bob cid");
    let handing = Handing { slot: run.slot_of("bob"), to: user("eve"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    assert_eq!(run.approve("eve").approve("cid").pending(), "bob");
}

#[test]
fn an_approval_in_a_visit_that_was_jumped_out_of_spares_nobody() {
    let mut template = template(vec![ask_in("b", &["bob", "cid"], ALL), ask("c", &["bob"])]);
    template.settings.dedup = Dedup::Consecutive;
    let run = Run::start(world(), template, "ann").approve("bob");
    let token = run.instance.tokens[0].id;
    let run = run.intervene(Intervention::Jump { token, to: "c".into() });
    assert_eq!(run.pending(), "bob");
}

#[test]
fn once_a_branch_has_ended_it_all_the_others_do_not_begin() {
    let lanes = vec![vec![auto("no", Decision::Reject)], vec![ask("b", &["bob"])]];
    let run = start(vec![Block::Parallel(parallel("f", lanes))]);
    assert_eq!((run.status(), run.pending().as_str(), run.visits("b").len()), (Status::Rejected, "", 0));
}

/// a (bob), who may change the amount; b (bob) only if it is low; d (eve).
#[test]
fn what_was_passed_before_a_decision_was_taken_back_is_no_target() {
    let edit = FieldAccess([("amount".into(), Access::Edit)].into());
    let first = Approval { fields: edit, ..node("a", members(&["bob"])) };
    let lanes = vec![
        lane("high", 1, at_least("amount", 1000), vec![]),
        lane("low", 2, When::Default, vec![ask("b", &["bob"])]),
    ];
    let flow = vec![Block::Approval(first), branch("size", lanes), ask("d", &["eve"])];
    let mut template = with_form(vec![field("amount", FieldKind::Number)], flow);
    template.settings.dedup = Dedup::Consecutive;
    let mut run = Run::start_with(world(), template, "ann", json!({ "amount": 1 })).approve("bob");
    assert_eq!(targets(&run, "eve"), ["the initiator", "a", "b"]);
    let slot = run.visit("a").slots[0].id;
    run.act("bob", Command::TakeBack { slot }).unwrap();
    let opinion = Opinion { edits: run.edits(json!({ "amount": 5000 })), ..Opinion::new(slot, "") };
    run.act("bob", Command::Approve(opinion)).unwrap();
    assert_eq!(targets(&run, "eve"), ["the initiator", "a"]);
}

#[test]
fn a_level_whose_people_left_is_found_anew_from_that_level_on() {
    let world = World::new()
        .department("top", "", &["dan"])
        .department("mid", "top", &["cid"])
        .department("low", "mid", &["bob"])
        .person("ann", &["low"])
        .people(&["eve"]);
    let chain = Approvers::Chain(department_chain(3));
    let run =
        Run::start(world, template(vec![Block::Approval(node("heads", chain)), ask("end", &["eve"])]), "ann");
    let mut run = run.approve("bob").approve("cid").approve("dan").with(|world| world.disabled("cid"));
    let opinion = Opinion::new(run.slot_of("eve"), "incomplete");
    let to = ReturnTo::Level { node: "heads".into(), level: 2 };
    run.act("eve", Command::Return(Return::new(opinion, to))).unwrap();
    assert_eq!((run.pending().as_str(), run.visit("heads").level), ("dan", 2));
}

#[test]
fn what_is_with_the_initiator_goes_to_somebody_else_and_back() {
    let run = start(vec![ask("a", &["bob"])]).send_back("bob", "");
    let slot = run.slot_of("ann");
    let run = run.intervene(Intervention::Reassign { slot, to: user("dan") });
    assert_eq!(run.pending(), "dan");
    let run = run.intervene(Intervention::Reassign { slot, to: user("ann") });
    assert_eq!(run.resubmit("ann", json!({})).pending(), "bob");
}

/// Where duties have to be in different hands, sending back is nothing that was decided.
#[test]
fn whoever_sent_it_back_may_decide_at_the_other_node() {
    let mut template = template(vec![ask("a", &["bob"]), ask("b", &["bob"])]);
    template.settings.separation = vec![Separation::Nodes(vec!["a".into(), "b".into()])];
    let mut run = Run::start(world(), template, "ann").send_back("bob", "").resubmit("ann", json!({}));
    let handing = Handing { slot: run.slot_of("bob"), to: user("dan"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    assert_eq!(run.approve("dan").pending(), "bob");
}

// ---- what changed together with the return ----

/// a (bob), b (cid), c (dan, who may change the sum); the sum is material.
fn with_sum(resume: ResumePolicy) -> Run {
    let edit = FieldAccess([("sum".into(), Access::Edit)].into());
    let last = Approval {
        fields: edit,
        returns: ReturnRule { resume, ..ReturnRule::default() },
        ..node("c", members(&["dan"]))
    };
    let flow = vec![ask("a", &["bob"]), ask("b", &["cid"]), Block::Approval(last)];
    let sum = Field { material: true, ..field("sum", FieldKind::Number) };
    let run = Run::start_with(world(), with_form(vec![sum], flow), "ann", json!({ "sum": 800 }));
    run.approve("bob").approve("cid")
}

#[test]
fn what_the_returner_changes_himself_has_to_be_decided_again_by_everybody_between() {
    let mut run = with_sum(ResumePolicy::Smart);
    let edits = run.edits(json!({ "sum": 12000 }));
    let opinion = Opinion { edits, ..Opinion::new(run.slot_of("dan"), "that much") };
    run.act("dan", Command::Return(Return::new(opinion, ReturnTo::Node("a".into())))).unwrap();
    assert_eq!(run.approve("bob").pending(), "cid", "cid approved 800");
}

/// B15: what has to be asked anew is asked of everybody, whatever the node says about ways on.
#[test]
fn what_is_amended_goes_over_every_node_again() {
    for resume in [ResumePolicy::Smart, ResumePolicy::StraightBack] {
        let mut run = with_sum(resume);
        let values = FormData([("sum".into(), Value::Number(12000.into()))].into());
        run.act("", Command::Amend { values, anew: true }).unwrap();
        assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "ann"));
        assert_eq!(run.resubmit("ann", json!({})).pending(), "bob", "{resume:?}");
    }
}

/// B15, D2: what may be changed while it runs stands in the form, so that nobody approves what is not applied.
#[test]
fn what_is_amended_on_the_way_is_what_the_next_one_approves() {
    let mut run = with_sum(ResumePolicy::Smart);
    let seen = run.instance.contents.last().unwrap().digest.clone();
    let values = FormData([("sum".into(), Value::Number(12000.into()))].into());
    run.act("", Command::Amend { values, anew: false }).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "dan"));
    let old = Opinion { seen: Some(seen), ..Opinion::new(run.slot_of("dan"), "") };
    assert_eq!(run.act("dan", Command::Approve(old)), Err(zhupi_engine::Rejection::ContentChanged));
    let run = run.approve("dan");
    assert_eq!(run.instance.form.get(&"sum".into()), Some(&Value::Number(12000.into())));
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn whoever_decided_though_another_stood_in_for_him_is_the_one_it_goes_back_to() {
    let mut run =
        Run::start(world().away("bob", "gus"), template(vec![ask("a", &["bob"]), ask("b", &["cid"])]), "ann");
    assert_eq!(run.pending(), "gus");
    let slot = run.slot_of("gus");
    run.act("gus", Command::Delegate(Handing { slot, to: user("eve"), comment: String::new() })).unwrap();
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    let run = run.send_back("cid", "a");
    assert_eq!(run.visit("a").slots[0].owner, user("bob"));
}

fn sends_back_in_time(max_rounds: Option<MaxRounds>) -> Template {
    let action = TimeoutAction { after: 0, working: false, what: TimeoutWhat::ReturnToInitiator };
    let limit = Limit { due: Due::Elapsed(60), actions: vec![action] };
    let timed = Approval { deadline: Deadline::Own(limit), ..node("a", members(&["bob"])) };
    let mut template = template(vec![Block::Approval(timed)]);
    template.settings.max_rounds = max_rounds;
    template
}

#[test]
fn by_the_clock_too_one_return_too_many_rejects() {
    let rule = MaxRounds { returns: 2, then: TooManyRounds::Reject };
    let mut run = Run::start(world(), sends_back_in_time(Some(rule)), "ann");
    run.pass(at(2 * 3600));
    let mut run = run.resubmit("ann", json!({}));
    run.pass(at(4 * 3600));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn what_the_clock_has_sent_back_fifty_times_an_administrator_looks_at() {
    let mut run = Run::start(world(), sends_back_in_time(None), "ann");
    for round in 1..=50 {
        run.pass(at(round * 7200));
        assert_eq!(run.status(), Status::Returned, "{round}");
        run = run.resubmit("ann", json!({}));
    }
    run.pass(at(51 * 7200));
    assert_eq!(run.status(), Status::Suspended);
    assert_eq!(run.visit("a").stuck.as_deref(), Some("it was sent back 50 times"));
}
