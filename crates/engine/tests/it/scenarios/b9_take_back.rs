//! B9: an approver takes back his own decision.

use crate::flows::parallel;
use crate::world::*;
use serde_json::json;
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind};
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Rejection, Status};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay"])
}

fn all() -> Mode {
    Mode::Countersign { reject: AllReject::AtOnce }
}

fn start(flow: Vec<Block>) -> Run {
    Run::start(world(), template(flow), "ann")
}

fn refused(run: &mut Run, name: &str) -> &'static str {
    match run.try_take_back(name) {
        Err(Rejection::TakeBackNotAllowed { why }) => why,
        other => panic!("{other:?}"),
    }
}

fn trigger(irreversible: bool) -> Block {
    Block::Trigger(Trigger {
        id: "call".into(),
        title: "call".to_owned(),
        action: TriggerAction::Call { url: "http://localhost/".to_owned() },
        irreversible,
        other: Default::default(),
    })
}

#[test]
fn what_was_opened_after_it_goes_away_and_his_visit_opens_again() {
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob");
    run.try_take_back("bob").unwrap();
    assert_eq!(run.pending(), "bob");
    assert_eq!((run.visit("a").state, run.visit("b").state), (VisitState::Open, VisitState::Cancelled));
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.visit("b").round), ("cid", 2));
}

#[test]
fn the_others_of_the_visit_are_asked_again_as_they_were() {
    let mut run = start(vec![ask("a", &["bob", "cid"]), ask("b", &["dan"])]).approve("bob");
    assert_eq!(run.state("cid"), SlotState::NotNeeded);
    run.try_take_back("bob").unwrap();
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.approve("cid").pending(), "dan");
}

#[test]
fn in_an_unfinished_visit_only_his_slot_opens_again() {
    let mut run = start(vec![ask_in("a", &["bob", "cid", "dan"], all())]).approve("bob").approve("cid");
    run.try_take_back("bob").unwrap();
    assert_eq!(run.pending(), "bob dan");
    assert_eq!(run.state("cid"), SlotState::Approved);
}

#[test]
fn in_turn_the_next_one_has_to_wait_again() {
    let mut run = start(vec![ask_in("a", &["bob", "cid", "dan"], Mode::InTurn)]).approve("bob");
    run.try_take_back("bob").unwrap();
    assert_eq!((run.pending().as_str(), run.state("cid")), ("bob", SlotState::Queued));
    let mut run = run.approve("bob").approve("cid");
    assert_eq!(refused(&mut run, "bob"), "somebody has decided since");
}

#[test]
fn of_those_who_decided_together_the_last_one_may() {
    let mut run =
        start(vec![ask_in("a", &["bob", "cid"], all()), ask("b", &["dan"])]).approve("bob").approve("cid");
    assert_eq!(refused(&mut run, "bob"), "somebody has decided since");
    run.try_take_back("cid").unwrap();
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid", SlotState::Approved));
}

#[test]
fn once_somebody_has_decided_since_it_stands() {
    let mut run =
        start(vec![ask("a", &["bob"]), ask("b", &["cid"]), ask("c", &["dan"])]).approve("bob").approve("cid");
    assert_eq!(refused(&mut run, "bob"), "somebody has decided since");
}

#[test]
fn only_while_it_runs_and_only_his_own() {
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    assert_eq!(refused(&mut run, "bob"), "nothing has been decided");
    let mut run = run.approve("bob");
    let slot = run.slot_of("bob");
    let refused = run.act("cid", zhupi_engine::Command::TakeBack { slot });
    assert_eq!(refused, Err(Rejection::NotYourTask));
    let mut run = run.approve("cid");
    assert_eq!(run.try_take_back("cid"), Err(Rejection::NotRunning { status: Status::Approved }));
}

#[test]
fn within_the_hours_of_the_template() {
    for (hours, waited, why) in [
        (24, 23, None),
        (24, 25, Some("the time for it is over")),
        (0, 0, Some("the template does not allow it")),
    ] {
        let mut template = template(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
        template.settings.take_back_hours = hours;
        let mut run = Run::start(world(), template, "ann").approve("bob").wait_hours(waited);
        match why {
            None => assert_eq!(run.try_take_back("bob"), Ok(())),
            Some(why) => assert_eq!(refused(&mut run, "bob"), why),
        }
    }
}

#[test]
fn not_after_something_that_cannot_be_undone() {
    for irreversible in [false, true] {
        let mut run =
            start(vec![ask("a", &["bob"]), trigger(irreversible), ask("b", &["cid"])]).approve("bob");
        assert_eq!(run.try_take_back("bob").is_ok(), !irreversible);
    }
    let mut run = start(vec![trigger(true), ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob");
    assert_eq!(run.try_take_back("bob"), Ok(()), "what was done before him is not at stake");
}

#[test]
fn not_after_a_trigger_set_something_for_good() {
    for irreversible in [false, true] {
        let set = SetField { field: "sum".into(), formula: "sum + 1".to_owned() };
        let Block::Trigger(order) = trigger(irreversible) else { unreachable!() };
        let order = Block::Trigger(Trigger { action: TriggerAction::SetFields(vec![set]), ..order });
        let flow = vec![ask("a", &["bob"]), order, ask("b", &["cid"])];
        let template = with_form(vec![field("sum", FieldKind::Number)], flow);
        let mut run = Run::start_with(world(), template, "ann", json!({ "sum": 1 })).approve("bob");
        assert_eq!(run.instance.contents.len(), 2);
        assert_eq!(run.try_take_back("bob").is_ok(), !irreversible);
    }
}

#[test]
fn after_a_fork_opened_all_its_branches_go_away() {
    let flow = vec![
        ask("a", &["bob"]),
        Block::Parallel(parallel("f", vec![vec![ask("b", &["cid"])], vec![ask("c", &["dan"])]])),
    ];
    let mut run = start(flow).approve("bob");
    assert_eq!(run.pending(), "cid dan");
    run.try_take_back("bob").unwrap();
    assert_eq!(run.pending(), "bob");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid dan");
    let mut run = run.approve("cid");
    assert_eq!(refused(&mut run, "bob"), "somebody has decided since");
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

#[test]
fn at_a_join_he_may_until_the_branches_have_joined() {
    let flow = vec![
        Block::Parallel(parallel("f", vec![vec![ask("b", &["cid"])], vec![ask("c", &["dan"])]])),
        ask("z", &["fay"]),
    ];
    let mut run = start(flow).approve("cid");
    run.try_take_back("cid").unwrap();
    assert_eq!(run.pending(), "cid dan");
    let mut run = run.approve("dan").approve("cid");
    assert_eq!(run.pending(), "fay");
    assert_eq!(refused(&mut run, "cid"), "the branches have joined");
    assert_eq!(refused(&mut run, "dan"), "the branches have joined");
}

#[test]
fn a_decision_that_sent_it_straight_back_can_be_taken_back_and_given_again() {
    let flow = vec![ask("a", &["bob"]), ask("b", &["cid"]), ask("c", &["dan"])];
    let mut run = start(flow).approve("bob").approve("cid").send_back("dan", "a").approve("bob");
    assert_eq!(run.pending(), "dan");
    run.try_take_back("bob").unwrap();
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").pending(), "dan", "the return is under way again");
}

#[test]
fn a_return_is_not_taken_back_and_neither_is_what_was_returned_since() {
    let flow = vec![ask("a", &["bob"]), ask("b", &["cid"])];
    let mut run = start(flow).approve("bob").send_back("cid", "");
    assert_eq!(run.try_take_back("cid"), Err(Rejection::NotRunning { status: Status::Returned }));
    run = run.resubmit("ann", json!({}));
    assert_eq!(run.pending(), "cid");
    assert_eq!(refused(&mut run, "bob"), "it was sent back since");
}

#[test]
fn a_rejection_that_a_branch_collected_may_be_taken_back() {
    let mut template = template(vec![
        Block::Parallel(parallel("f", vec![vec![ask("b", &["cid"])], vec![ask("c", &["dan"])]])),
        ask("z", &["fay"]),
    ]);
    if let Block::Parallel(fork) = &mut template.flow[0] {
        fork.on_reject = LaneReject::Collect;
    }
    let mut run = Run::start(world(), template, "ann").reject("cid");
    run.try_take_back("cid").unwrap();
    assert_eq!(run.approve("cid").approve("dan").pending(), "fay");
}

#[test]
fn a_visit_that_opens_again_has_its_time_limit_again() {
    let mut run = Run::start(world(), template(vec![ask("a", &["bob"]), ask("b", &["cid"])]), "ann");
    let before = run.visit("a").timers.clone();
    run.try_approve("bob").unwrap();
    run.try_take_back("bob").unwrap();
    assert_eq!((before.len(), &run.visit("a").timers), (1, &before));
}

#[test]
fn what_happened_before_it_closed_does_not_happen_again() {
    let hand = |after| TimeoutAction { after, working: false, what: TimeoutWhat::HandTo(vec![user("dan")]) };
    let limit = Limit { due: Due::Elapsed(60), actions: vec![hand(0), hand(120)] };
    let a = Approval { deadline: Deadline::Own(limit), ..node("a", members(&["bob"])) };
    let mut run = Run::start(world(), template(vec![Block::Approval(a), ask("b", &["cid"])]), "ann");
    run.pass(at(2 * 60 * 60));
    let (due, before) = (run.visit("a").due_at, run.visit("a").timers.clone());
    run.try_approve("dan").unwrap();
    run.try_take_back("dan").unwrap();
    assert_eq!((run.visit("a").due_at, &run.visit("a").timers), (due, &before));
    let fired: Vec<bool> = before.iter().map(|timer| timer.fired).collect();
    assert_eq!(fired, [true, false]);
}

// ---- what the decision brought along ----

fn editable(flow: Vec<Block>) -> Run {
    let fields = FieldAccess([("sum".into(), Access::Edit), ("note".into(), Access::Edit)].into());
    let flow = flow.into_iter().map(|block| match block {
        Block::Approval(node) => Block::Approval(Approval { fields: fields.clone(), ..node }),
        other => other,
    });
    let double = Field { formula: Some("sum * 2".to_owned()), ..field("double", FieldKind::Number) };
    let sum = Field { material: true, ..field("sum", FieldKind::Number) };
    let template = with_form(vec![sum, field("note", FieldKind::Text), double], flow.collect());
    Run::start_with(world(), template, "ann", json!({ "sum": 1 }))
}

fn value(run: &Run, field: &str) -> String {
    let plain = zhupi_engine::form::to_plain(&run.instance.form);
    plain.get(field).map_or_else(String::new, |it| it.to_string().trim_matches('"').to_owned())
}

#[test]
fn values_changed_with_the_decision_are_as_they_were() {
    let mut run = editable(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    run = run.approve_with("bob", json!({ "sum": 5, "note": "much" }));
    assert_eq!((value(&run, "sum"), value(&run, "double")), ("5".to_owned(), "10".to_owned()));
    run.try_take_back("bob").unwrap();
    assert_eq!((value(&run, "sum"), value(&run, "double")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(value(&run, "note"), "");
    let run = run.approve("bob");
    assert_eq!((value(&run, "sum"), run.pending().as_str()), ("1".to_owned(), "cid"));
}

#[test]
fn what_others_have_changed_since_stays() {
    let mut run = editable(vec![ask_in("a", &["bob", "cid", "dan"], all()), ask("b", &["eve"])]);
    run =
        run.approve_with("bob", json!({ "sum": 5, "note": "much" })).approve_with("cid", json!({ "sum": 7 }));
    assert_eq!(run.pending(), "bob dan", "cid changed what bob had approved");
    let mut run =
        run.approve_with("bob", json!({ "note": "too much" })).approve_with("dan", json!({ "sum": 9 }));
    assert_eq!(run.pending(), "bob cid");
    run = run.approve("bob");
    run.try_take_back("dan").unwrap();
    assert_eq!((value(&run, "sum"), value(&run, "note")), ("7".to_owned(), "too much".to_owned()));
    assert_eq!(run.pending(), "bob cid dan", "bob approved nine");
}

/// In whatever order those who gave values take their decisions back, none of these stays.
#[test]
fn a_value_that_was_taken_back_does_not_come_again() {
    let given = || {
        let run = editable(vec![ask_in("a", &["bob", "cid", "dan"], all())]);
        run.approve_with("bob", json!({ "note": "bob's" })).approve_with("cid", json!({ "note": "cid's" }))
    };
    for (order, between) in [(["bob", "cid"], "cid's"), (["cid", "bob"], "bob's")] {
        let mut run = given();
        run.try_take_back(order[0]).unwrap();
        assert_eq!(value(&run, "note"), between, "{order:?}");
        run.try_take_back(order[1]).unwrap();
        assert_eq!(value(&run, "note"), "", "{order:?}");
    }
}

#[test]
fn whoever_approved_what_was_taken_back_is_asked_again() {
    let mut run = editable(vec![ask_in("a", &["bob", "cid", "dan"], all())]);
    run = run.approve_with("bob", json!({ "sum": 5 })).approve("cid");
    run.try_take_back("bob").unwrap();
    assert_eq!((value(&run, "sum").as_str(), run.pending().as_str()), ("1", "bob cid dan"));
    let mut run = editable(vec![ask_in("a", &["bob", "cid", "dan"], all())]);
    run = run.approve_with("bob", json!({ "note": "small" })).approve("cid");
    run.try_take_back("bob").unwrap();
    assert_eq!((value(&run, "note").as_str(), run.pending().as_str()), ("", "bob dan"), "nothing material");
}

#[test]
fn whom_he_picked_with_it_is_picked_no_more() {
    use std::collections::BTreeMap;
    use zhupi_engine::command::Opinion;
    let among =
        || zhupi_engine::condition::Scope { users: vec![user("cid"), user("dan")], ..Default::default() };
    let rule = |at: &str| PersonRule::ApproverPick { at: at.into(), many: false, among: among() };
    let approvers = Approvers::People(vec![rule("a"), rule("b")]);
    let picked = Block::Approval(node("c", approvers));
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["eve"]), picked]);
    let pick = |run: &mut Run, name: &str, whom: &str| {
        let picks = BTreeMap::from([("c".into(), vec![user(whom)])]);
        let opinion = Opinion { picks, ..Opinion::new(run.slot_of(name), "") };
        run.act(name, zhupi_engine::Command::Approve(opinion)).unwrap();
    };
    pick(&mut run, "bob", "cid");
    run.try_take_back("bob").unwrap();
    assert_eq!(run.instance.picks, BTreeMap::new());
    pick(&mut run, "bob", "cid");
    pick(&mut run, "eve", "dan");
    assert_eq!(run.pending(), "dan");
    run.try_take_back("eve").unwrap();
    assert_eq!(run.instance.picks, BTreeMap::from([("c".into(), vec![user("cid")])]), "bob's stands again");
    assert_eq!(run.approve("eve").pending(), "cid");
}

/// In whatever order those who picked take their decisions back, only whom a standing decision picked is picked.
#[test]
fn whom_several_picked_is_picked_as_long_as_one_of_them_stands() {
    use std::collections::BTreeMap;
    use zhupi_engine::command::Opinion;
    let among =
        || zhupi_engine::condition::Scope { users: vec![user("eve"), user("fay")], ..Default::default() };
    let rule = PersonRule::ApproverPick { at: "a".into(), many: false, among: among() };
    let picked = Block::Approval(node("c", Approvers::People(vec![rule])));
    let begun = |second: &str| {
        let mut run = start(vec![ask_in("a", &["bob", "cid", "dan"], all()), picked.clone()]);
        for (name, whom) in [("bob", "eve"), ("cid", second)] {
            let picks = BTreeMap::from([("c".into(), vec![user(whom)])]);
            let opinion = Opinion { picks, ..Opinion::new(run.slot_of(name), "") };
            run.act(name, zhupi_engine::Command::Approve(opinion)).unwrap();
        }
        run
    };
    let whom = |run: &Run| run.instance.picks.values().flatten().map(|it| name(*it)).collect::<String>();
    let after = |second: &str, order: &[&str]| {
        let mut run = begun(second);
        order.iter().for_each(|name| run.try_take_back(name).unwrap());
        whom(&run)
    };
    assert_eq!(after("eve", &["bob"]), "eve", "cid picked the same");
    assert_eq!(after("fay", &["bob"]), "fay");
    assert_eq!(after("fay", &["cid"]), "eve");
    assert_eq!(
        (after("eve", &["bob", "cid"]), after("fay", &["bob", "cid"])),
        (String::new(), String::new())
    );
    assert_eq!(after("fay", &["cid", "bob"]), "");
}

/// The straightest rule: taking back undoes a decision, and no other request. What was begun by it and goes on by itself is
/// there once, however often the decision is taken back; when the way is gone again it is the same one, with the values of
/// its first time. A return or a route that goes the way again begins another one, as every node on it is visited again. One
/// that is waited for is ended with its visit and begun anew. Where not even that is right, the trigger before it is marked
/// as irreversible, and nothing is taken back.
#[test]
fn what_goes_on_by_itself_is_not_begun_twice() {
    use crate::flows::sub_process;
    let children = |run: &Run| {
        let child = |event: &zhupi_engine::Event| match event {
            zhupi_engine::Event::ChildStarted { child, .. } => Some(*child),
            _ => None,
        };
        run.events.iter().filter_map(child).collect::<Vec<_>>()
    };
    let flow = |wait| vec![ask("a", &["bob"]), Block::SubProcess(sub_process("s", wait)), ask("b", &["cid"])];
    let mut run = start(flow(ChildWait::Detached)).approve("bob");
    for _ in 0..2 {
        run.try_take_back("bob").unwrap();
        run = run.approve("bob");
    }
    let begun = children(&run);
    assert!(begun.len() == 3 && begun.iter().all(|child| child == &begun[0]), "{begun:?}");
    assert_eq!((run.instance.begun.len(), run.pending().as_str()), (1, "cid"));
    let run = run.send_back("cid", "a").approve("bob");
    assert_eq!(
        (run.instance.begun.len(), run.pending().as_str()),
        (1, "cid"),
        "straight back begins nothing"
    );
    let replay = ReturnRule { resume: ResumePolicy::Replay, ..ReturnRule::default() };
    let last = Approval { returns: replay, ..node("b", members(&["cid"])) };
    let flow = vec![ask("a", &["bob"]), flow(ChildWait::Detached)[1].clone(), Block::Approval(last)];
    let run = start(flow).approve("bob").send_back("cid", "a").approve("bob");
    assert_eq!(run.instance.begun.len(), 2, "a return that replays begins another one");
}

#[test]
fn while_it_is_stuck_elsewhere_or_behind_his_decision_he_may_take_it_back() {
    let lost = || Block::Approval(node("lost", by(PersonRule::Role(role("R")))));
    let lanes = vec![vec![ask("b", &["cid"]), ask("d", &["eve"])], vec![ask("c", &["dan"]), lost()]];
    let flow = vec![Block::Parallel(parallel("f", lanes))];
    let alone = World::without_admin(world());
    let mut run = Run::start(alone, template(flow), "ann").approve("dan").approve("cid");
    assert_eq!(run.status(), Status::Suspended);
    run.try_take_back("cid").unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Suspended, "cid"));
    run.try_take_back("dan").unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "cid dan"));
}

/// Whoever has people beside or after him and has not spoken himself can decide at once when the visit opens again.
#[test]
fn whoever_added_people_beside_or_after_himself_is_asked_again_with_them() {
    use zhupi_engine::command::AddSign;
    use zhupi_engine::event::AddKind;
    for (kind, pending) in
        [(AddKind::Together, "bob cid fay"), (AddKind::After, "bob cid"), (AddKind::Before, "cid fay")]
    {
        let mut run = start(vec![ask("a", &["bob", "cid"]), ask("b", &["dan"])]);
        let (slot, people) = (run.slot_of("bob"), vec![user("fay")]);
        let request = AddSign { slot, people, kind, mode: all(), advisory: false, comment: String::new() };
        run.act("bob", zhupi_engine::Command::AddSign(request)).unwrap();
        let mut run = run.approve("cid");
        assert_eq!(run.pending(), "dan");
        run.try_take_back("cid").unwrap();
        assert_eq!(run.pending(), pending, "{kind:?}");
        assert_eq!(run.approve("cid").pending(), "dan");
    }
}

/// Added before somebody, and one of them had spoken when the visit closed.
#[test]
fn whoever_heard_only_some_of_those_he_added_waits_for_the_others_again() {
    use zhupi_engine::command::AddSign;
    use zhupi_engine::event::AddKind;
    let any = Mode::OrSign { reject: OrReject::FirstDecides };
    for (mode, pending) in [(all(), "cid gus"), (any, "bob cid")] {
        let world = world().people(&["gus"]);
        let mut run = Run::start(world, template(vec![ask("a", &["bob", "cid"]), ask("b", &["dan"])]), "ann");
        let (slot, people, kind) = (run.slot_of("bob"), vec![user("fay"), user("gus")], AddKind::Before);
        let request = AddSign { slot, people, kind, mode, advisory: false, comment: String::new() };
        run.act("bob", zhupi_engine::Command::AddSign(request)).unwrap();
        let mut run = run.approve("fay").approve("cid");
        run.try_take_back("cid").unwrap();
        assert_eq!(run.pending(), pending, "{mode:?}");
    }
}

#[test]
fn people_beside_somebody_keep_the_time_of_the_visit_when_it_opens_again() {
    use zhupi_engine::command::AddSign;
    use zhupi_engine::event::AddKind;
    let mut run = start(vec![ask("a", &["bob", "cid"]), ask("b", &["dan"])]);
    let (slot, people, kind) = (run.slot_of("bob"), vec![user("fay")], AddKind::Together);
    let request = AddSign { slot, people, kind, mode: all(), advisory: false, comment: String::new() };
    run.act("bob", zhupi_engine::Command::AddSign(request)).unwrap();
    let before = run.visit("a").timers.clone();
    let mut run = run.approve("cid");
    run.try_take_back("cid").unwrap();
    assert_eq!((run.pending().as_str(), &run.visit("a").timers), ("bob cid fay", &before));
    assert!(before.iter().all(|timer| timer.slot.is_none()));
}
