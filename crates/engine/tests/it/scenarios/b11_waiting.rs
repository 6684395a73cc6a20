//! B11: nodes that wait for time, a webhook or another instance; triggers; routes; nodes that decide by themselves.

use crate::flows::*;
use crate::world::*;
use serde_json::json;
use std::collections::BTreeMap;
use zhupi_engine::event::Decision;
use zhupi_engine::form::{FieldKind, FormData, Value, to_plain};
use zhupi_engine::ids::TimerId;
use zhupi_engine::instance::{Outcome, VisitKind, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status};

fn company() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

fn start(flow: Vec<Block>) -> Run {
    Run::start(company(), template(flow), "ann")
}

fn call_and_wait(within: Option<u32>) -> Block {
    let action =
        TriggerAction::CallAndWait { url: "https://x.example".to_owned(), sets: vec!["sum".into()], within };
    trigger("call", action)
}

fn number(value: i64) -> FormData {
    FormData([("sum".into(), Value::Number(value.into()))].into())
}

#[test]
fn a_delay_ends_by_its_timer_and_not_before() {
    let mut run = start(vec![delay("d", 10), ask("n", &["bob"])]);
    assert_eq!((run.pending().as_str(), run.visit("d").kind), ("", VisitKind::Delay));
    for _ in 0..8 {
        run.fire("d").unwrap();
        assert_eq!(run.pending(), "", "too early");
    }
    while run.pending().is_empty() {
        run.fire("d").unwrap();
    }
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.visit("d").state, VisitState::Passed);
    let visit = run.visit("d");
    let waited = visit.closed_at.unwrap().duration_since(visit.opened_at);
    assert!(waited >= jiff::SignedDuration::from_mins(10), "{waited:?}");
}

#[test]
fn a_timer_fires_at_most_once_and_only_by_the_system() {
    let mut run = start(vec![delay("d", 1), ask("n", &["bob"])]);
    let fire = Command::Fire { visit: run.open_visit("d"), timer: TimerId(0) };
    assert_eq!(run.act("bob", fire.clone()), Err(Rejection::UserNotActive { user: user("bob") }));
    run.act("", fire.clone()).unwrap();
    let before = run.instance.visits.clone();
    run.act("", fire).unwrap();
    assert_eq!(run.instance.visits, before);
}

#[test]
fn a_call_goes_on_at_once() {
    let action = TriggerAction::Call { url: "https://x.example".to_owned() };
    let run = start(vec![trigger("call", action), ask("n", &["bob"])]);
    assert_eq!(run.pending(), "bob");
    assert!(run.events.iter().any(|event| matches!(event, Event::TriggerCalled { visit: None, .. })));
}

#[test]
fn a_call_that_waits_takes_only_the_values_it_may_set() {
    let flow = vec![call_and_wait(None), ask("n", &["bob"])];
    let fields = vec![field("sum", FieldKind::Number), field("other", FieldKind::Number)];
    let mut run = Run::start(company(), with_form(fields, flow), "ann");
    assert_eq!((run.pending().as_str(), run.visit("call").kind), ("", VisitKind::Call));
    let mut values = number(7);
    values.0.insert("other".into(), Value::Number(1.into()));
    run.answer_with("call", Outcome::Approved, values).unwrap();
    assert_eq!((run.pending().as_str(), &*run.instance.form), ("bob", &number(7)));
}

#[test]
fn the_answer_of_a_call_may_be_no() {
    let mut run = start(vec![call_and_wait(None), ask("n", &["bob"])]);
    run.answer("call", Outcome::Rejected).unwrap();
    assert_eq!((run.status(), run.visit("call").state), (Status::Rejected, VisitState::Rejected));
}

#[test]
fn a_call_that_is_not_answered_in_time_is_rejected() {
    let mut run = start(vec![call_and_wait(Some(1)), ask("n", &["bob"])]);
    run.fire("call").unwrap();
    assert_eq!((run.status(), run.visit("call").state), (Status::Rejected, VisitState::AutoRejected));
    assert_eq!(run.answer("call", Outcome::Approved), Ok(()), "too late: nothing happens");
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn only_what_waits_for_an_answer_takes_one() {
    let mut run = start(vec![delay("d", 10), ask("n", &["bob"])]);
    run.answer("d", Outcome::Approved).unwrap();
    assert_eq!(run.pending(), "");
    let mut run = start(vec![call_and_wait(None)]);
    let visit = run.open_visit("call");
    let answer = Command::Answer { visit, outcome: Outcome::Approved, values: FormData::default() };
    assert_eq!(run.act("bob", answer), Err(Rejection::UserNotActive { user: user("bob") }));
}

fn child(wait: ChildWait) -> Template {
    let node = SubProcess { fill: [("theirs".into(), "sum".into())].into(), ..sub_process("sub", wait) };
    let flow = vec![Block::SubProcess(node), ask("n", &["bob"])];
    with_form(vec![field("sum", FieldKind::Number), field("got", FieldKind::Number)], flow)
}

fn waiting(on_reject: ChildReject) -> ChildWait {
    ChildWait::Until { take: BTreeMap::from([("got".into(), "result".into())]), on_reject }
}

fn begun(wait: ChildWait) -> Run {
    Run::start_with(company(), child(wait), "ann", json!({ "sum": 5 }))
}

#[test]
fn a_sub_process_is_filled_from_our_fields_and_fills_ours() {
    let mut run = begun(waiting(ChildReject::Reject));
    let begun = run.events.iter().find_map(|event| match event {
        Event::ChildStarted { form, child, visit, .. } => Some((form.clone(), *child, *visit)),
        _ => None,
    });
    let (form, child, visit) = begun.unwrap();
    assert_eq!(form, FormData([("theirs".into(), Value::Number(5.into()))].into()));
    assert_eq!(
        (run.visit("sub").kind, visit),
        (VisitKind::Child { instance: child }, Some(run.visit("sub").id))
    );
    let result = FormData([("result".into(), Value::Number(9.into()))].into());
    run.answer_with("sub", Outcome::Approved, result).unwrap();
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.instance.form.get(&"got".into()), Some(&Value::Number(9.into())));
}

#[test]
fn the_childs_rejection_rejects_or_is_collected() {
    let mut run = begun(waiting(ChildReject::Reject));
    run.answer("sub", Outcome::Rejected).unwrap();
    assert_eq!(run.status(), Status::Rejected);
    let mut run = begun(waiting(ChildReject::Collect));
    run.answer("sub", Outcome::Rejected).unwrap();
    assert_eq!(
        (run.pending().as_str(), run.instance.outcome_of(&"sub".into())),
        ("bob", Some(Outcome::Rejected))
    );
}

#[test]
fn a_detached_sub_process_starts_and_goes_on() {
    let run = begun(ChildWait::Detached);
    assert_eq!(run.pending(), "bob");
    assert!(run.events.iter().any(|event| matches!(event, Event::ChildStarted { visit: None, .. })));
}

#[test]
fn two_children_of_one_command_have_different_ids() {
    let sub = |id| vec![Block::SubProcess(sub_process(id, ChildWait::default()))];
    let fork = parallel("f", vec![sub("s1"), sub("s2")]);
    let run = start(vec![Block::Parallel(fork), ask("n", &["bob"])]);
    let children: std::collections::BTreeSet<_> = run
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ChildStarted { child, .. } => Some(*child),
            _ => None,
        })
        .collect();
    assert_eq!(children.len(), 2);
}

/// Cancelling the parent cancels the children that are waited for, whatever their own template allows.
#[test]
fn a_child_is_withdrawn_with_its_parent() {
    let mut template = template(vec![ask("n", &["bob"]), ask("m", &["cid"])]);
    template.settings.withdraw = WithdrawRule::Never;
    let mut run = Run::start(company(), template, "ann").approve("bob");
    let reason = || "the parent has ended".to_owned();
    let refused = run.act("ann", Command::Withdraw { reason: reason() });
    assert_eq!(refused, Err(Rejection::WithdrawNotAllowed { rule: WithdrawRule::Never }));
    run.act("", Command::Withdraw { reason: reason() }).unwrap();
    assert_eq!(run.status(), Status::Withdrawn);
}

fn loop_while_high() -> Template {
    let again = vec![group_at_least(zhupi_engine::condition::Subject::Field("sum".into()), 100)];
    let flow = vec![ask("n", &["bob"]), route("r", "n", again), ask("m", &["cid"])];
    with_form(vec![field("sum", FieldKind::Number)], flow)
}

#[test]
fn a_route_goes_back_while_its_condition_holds() {
    let run = Run::start_with(company(), loop_while_high(), "ann", json!({ "sum": 100 })).approve("bob");
    assert_eq!((run.pending().as_str(), run.visit("n").round), ("bob", 2));
    let run = Run::start_with(company(), loop_while_high(), "ann", json!({ "sum": 99 })).approve("bob");
    assert_eq!(run.pending(), "cid");
}

#[test]
fn after_a_hundred_times_an_administrator_has_to_look() {
    let mut run = Run::start_with(company(), loop_while_high(), "ann", json!({ "sum": 100 }));
    for round in 1..=100 {
        assert_eq!(run.visit("n").round, round);
        run = run.approve("bob");
    }
    let run = run.approve("bob");
    assert_eq!((run.status(), run.instance.loops[&"r".into()]), (Status::Suspended, 100));
    assert!(run.visit("r").stuck.is_some());
}

#[test]
fn a_preview_of_a_route_goes_on() {
    let preview = look_ahead(&company(), &loop_while_high(), "ann", json!({ "sum": 100 }));
    assert_eq!(outline(&preview.steps), "n Open bob\nroute r n\nm Open cid");
    assert_eq!(preview.ends, Status::Approved);
}

#[test]
fn nodes_that_decide_by_themselves() {
    let run = start(vec![auto("a", Decision::Approve), ask("n", &["bob"])]);
    assert_eq!((run.pending().as_str(), run.visit("a").state), ("bob", VisitState::AutoApproved));
    let run = start(vec![auto("a", Decision::Reject), ask("n", &["bob"])]);
    assert_eq!((run.status(), run.visit("a").state), (Status::Rejected, VisitState::AutoRejected));
}

/// More than two hundred steps by themselves: the rest follows by a timer that is due at once.
#[test]
fn after_two_hundred_steps_the_rest_follows_in_a_moment() {
    let mut flow: Vec<Block> =
        (0..250).map(|number| auto(&format!("a{number}"), Decision::Approve)).collect();
    flow.push(ask("n", &["bob"]));
    let mut run = start(flow);
    let paused = run.instance.visits.last().unwrap();
    assert_eq!(
        (paused.kind, paused.node.to_string(), run.status()),
        (VisitKind::Pause, "a200".to_owned(), Status::Running)
    );
    run.fire("a200").unwrap();
    assert_eq!((run.pending().as_str(), run.visit("a200").round), ("bob", 1));
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn a_preview_passes_over_pauses() {
    let mut flow: Vec<Block> =
        (0..450).map(|number| auto(&format!("a{number}"), Decision::Approve)).collect();
    flow.push(ask("n", &["bob"]));
    let preview = look_ahead(&company(), &template(flow), "ann", json!({}));
    assert_eq!((preview.steps.len(), preview.ends), (451, Status::Approved));
}

#[test]
fn a_branch_that_waits_holds_the_join_and_a_rejection_beside_it_ends_the_wait() {
    let flow = |within| {
        let fork = parallel("f", vec![vec![call_and_wait(within)], vec![ask("n", &["bob"])]]);
        start(vec![Block::Parallel(fork), ask("m", &["cid"])])
    };
    let mut run = flow(None).approve("bob");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, ""));
    run.answer("call", Outcome::Approved).unwrap();
    assert_eq!(run.pending(), "cid");
    let run = flow(Some(5)).reject("bob");
    assert_eq!((run.status(), run.visit("call").state), (Status::Rejected, VisitState::Cancelled));
}

#[test]
fn a_preview_shows_what_is_waited_for() {
    let sub = Block::SubProcess(sub_process("sub", ChildWait::default()));
    let flow =
        vec![delay("d", 10), call_and_wait(None), sub, auto("a", Decision::Approve), ask("n", &["bob"])];
    let preview = look_ahead(&company(), &template(flow), "ann", json!({}));
    let expected = "delay d\ntrigger call true\nchild sub true\na AutoApproved\nn Open bob";
    assert_eq!((outline(&preview.steps).as_str(), preview.ends), (expected, Status::Approved));
}

#[test]
fn a_preview_says_which_choices_may_still_change() {
    let lanes = vec![lane("high", 1, at_least("sum", 100), vec![]), lane("low", 2, When::Default, vec![])];
    let flow = vec![
        branch("before", lanes.clone()),
        call_and_wait(None),
        branch("behind", lanes),
        ask("n", &["bob"]),
    ];
    let template = with_form(vec![field("sum", FieldKind::Number)], flow);
    let preview = look_ahead(&company(), &template, "ann", json!({ "sum": 1 }));
    let expected = "before:low\ntrigger call true\nbehind:low MayChange\nn Open bob";
    assert_eq!(outline(&preview.steps), expected);
}

#[test]
fn on_the_next_lap_everybody_is_asked_again_by_the_usual_rule() {
    let mut template = loop_while_high();
    template.settings.dedup = Dedup::default();
    let mut run = Run::start_with(company(), template, "ann", json!({ "sum": 100 })).approve("bob");
    for _ in 0..3 {
        run.pass(at(60 * 60));
    }
    assert_eq!(
        (run.pending().as_str(), run.status(), run.instance.visits.len()),
        ("bob", Status::Running, 2)
    );
    assert!(run.visits("n")[0].superseded);
}

/// What does not fit is left out with a warning, and what people say afterwards is not held up by it.
#[test]
fn answers_that_do_not_fit_a_control_are_left_out() {
    let take = [("sum".into(), "other".into()), ("note".into(), "words".into())].into();
    let child = sub_process("s", ChildWait::Until { take, on_reject: ChildReject::Reject });
    let fields = vec![field("sum", FieldKind::Number), field("note", FieldKind::Text)];
    let template = with_form(fields, vec![Block::SubProcess(child), ask("n", &["bob"])]);
    let world = World::new().people(&["ann", "bob"]);
    let mut run = Run::start_with(world, template, "ann", json!({ "sum": 1 }));
    let visit = run.open_visit("s");
    let text = |words: &str| Value::Text(words.to_owned());
    let values = FormData([("other".into(), text("many")), ("words".into(), text("good"))].into());
    run.system(at(600), Command::Answer { visit, outcome: Outcome::Approved, values }).unwrap();
    let form = to_plain(&run.instance.form);
    assert_eq!((form["sum"].as_str(), form["note"].as_str()), (Some("1"), Some("good")));
    assert_eq!(run.instance.warnings, ["an answer holds a value that does not fit `sum`; it was left out"]);
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

/// Another system may answer twice, or too late.
#[test]
fn an_answer_that_nobody_waits_for_any_more_changes_nothing() {
    let mut run = start(vec![call_and_wait(None), ask("n", &["bob"])]);
    let visit = run.open_visit("call");
    let answer = |outcome| Command::Answer { visit, outcome, values: FormData::default() };
    run.act("", answer(Outcome::Approved)).unwrap();
    let events = run.events.len();
    run.act("", answer(Outcome::Rejected)).unwrap();
    assert_eq!((run.events.len(), run.pending().as_str()), (events, "bob"));
}

#[test]
fn a_pause_that_is_passed_over_skips_no_node() {
    let mut flow: Vec<Block> = (0..200).map(|number| cc(&format!("c{number}"), &["cid"])).collect();
    flow.push(ask("n", &["bob"]));
    let run = start(flow);
    assert_eq!(run.visit("n").kind, VisitKind::Pause);
    let visit = run.open_visit("n");
    let run = run.intervene(zhupi_engine::command::Intervention::Skip { visit });
    assert_eq!((run.pending().as_str(), run.status()), ("bob", Status::Running));
}
