//! B4: sending back, who gets it, and how it goes on from there.

use crate::flows::parallel;
use crate::world::*;
use serde_json::json;
use zhupi_engine::command::{Intervention, Opinion, Return, ReturnTo};
use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test};
use zhupi_engine::decide::return_targets;
use zhupi_engine::event::{Decision, ResumeWay, WhyReplay};
use zhupi_engine::form::{Access, FieldAccess, FieldKind};
use zhupi_engine::instance::{AutoReason, SlotState, TokenState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay"])
}

fn with(block: Block, change: impl FnOnce(&mut Approval)) -> Block {
    match block {
        Block::Approval(mut node) => {
            change(&mut node);
            Block::Approval(node)
        }
        other => other,
    }
}

fn returning(block: Block, change: impl FnOnce(&mut ReturnRule)) -> Block {
    with(block, |node| change(&mut node.returns))
}

/// a (bob), b (cid), c (dan), d (eve).
fn line() -> Template {
    template(vec![ask("a", &["bob"]), ask("b", &["cid"]), ask("c", &["dan"]), ask("d", &["eve"])])
}

/// Everybody before the last one has approved.
fn at_the_end(template: Template) -> Run {
    Run::start(world(), template, "ann").approve("bob").approve("cid").approve("dan")
}

/// `line` with an amount that `c` hangs on: above 1000 it is fay who is asked there. `b` may change it and the remark.
fn line_with_amount() -> Template {
    let number = Test::Number { op: Compare::GreaterOrEqual, value: 1000.into(), currency: None };
    let conditions = vec![Condition { subject: Subject::Field("amount".into()), test: number }];
    let high = lane("high", 1, When::AnyOf(vec![Group { conditions }]), vec![ask("c2", &["fay"])]);
    let low = lane("low", 2, When::Default, vec![ask("c", &["dan"])]);
    let edit = FieldAccess([("amount".into(), Access::Edit), ("remark".into(), Access::Edit)].into());
    let b = with(ask("b", &["cid"]), |node| node.fields = edit);
    let flow = vec![ask("a", &["bob"]), b, branch("size", vec![high, low]), ask("d", &["eve"])];
    with_form(vec![field("amount", FieldKind::Number), field("remark", FieldKind::Text)], flow)
}

fn with_amount(template: Template) -> Run {
    let run = Run::start_with(world(), template, "ann", json!({"amount": 800}));
    run.approve("bob").approve("cid").approve("dan")
}

/// How the newest return that is settled went on.
fn way(run: &Run) -> ResumeWay {
    let ways = run.events.iter().rev();
    ways.into_iter()
        .find_map(|event| match event {
            Event::ReturnSettled { way, .. } => Some(way.clone()),
            _ => None,
        })
        .unwrap()
}

fn replay(why: WhyReplay) -> ResumeWay {
    ResumeWay::Replay { why, changed: Vec::new() }
}

#[test]
fn a_return_takes_effect_at_once_and_the_target_is_asked_again() {
    let run = at_the_end(line()).send_back("eve", "b");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "cid"));
    assert_eq!(run.visit("d").state, VisitState::Returned);
    assert_eq!(run.state("eve"), SlotState::Returned);
    assert_eq!(run.visit("b").round, 2);
}

#[test]
fn nothing_changed_so_it_goes_straight_back_and_those_between_keep_their_approval() {
    let run = at_the_end(line()).send_back("eve", "b").approve("cid");
    assert_eq!(run.pending(), "eve");
    assert_eq!(way(&run), ResumeWay::StraightBack);
    assert_eq!(run.visits("c").len(), 1);
    assert!(!run.visit("c").superseded);
    assert_eq!(run.approve("eve").status(), Status::Approved);
}

#[test]
fn a_material_change_makes_everybody_between_decide_again() {
    let run = with_amount(line_with_amount()).send_back("eve", "b");
    let run = run.approve_with("cid", json!({"amount": 12_000}));
    assert_eq!(run.pending(), "fay");
    let changed = vec!["amount".into()];
    assert_eq!(way(&run), ResumeWay::Replay { why: WhyReplay::MaterialChange, changed });
    assert!(run.visit("c").superseded);
    assert_eq!(run.approve("fay").pending(), "eve");
}

#[test]
fn a_change_that_nothing_hangs_on_keeps_the_approvals() {
    let run = with_amount(line_with_amount()).send_back("eve", "b");
    assert_eq!(run.approve_with("cid", json!({"remark": "mended"})).pending(), "eve");
}

#[test]
fn a_flagged_field_is_material_though_no_rule_uses_it() {
    let mut template = line_with_amount();
    template.form.fields[1].material = true;
    let run = with_amount(template).send_back("eve", "b");
    assert_eq!(run.approve_with("cid", json!({"remark": "mended"})).pending(), "dan");
}

#[test]
fn another_way_is_gone_again_though_no_field_changed() {
    let belongs = Test::Belongs { scope: scope_of_role("boss") };
    let conditions = vec![Condition { subject: Subject::Initiator, test: belongs }];
    let lanes = vec![
        lane("boss", 1, When::AnyOf(vec![Group { conditions }]), vec![]),
        lane("others", 2, When::Default, vec![ask("c", &["dan"])]),
    ];
    let flow = vec![ask("a", &["bob"]), ask("b", &["cid"]), branch("who", lanes), ask("d", &["eve"])];
    let run = Run::start(world().role("boss", &["ann"]), template(flow), "ann");
    let mut run = run.approve("bob").approve("cid");
    assert_eq!(run.pending(), "eve");
    run.world = world().role("boss", &[]);
    let run = run.send_back("eve", "b").approve("cid");
    assert_eq!((run.pending().as_str(), way(&run)), ("dan", replay(WhyReplay::OtherWay)));
}

fn scope_of_role(name: &str) -> zhupi_engine::condition::Scope {
    zhupi_engine::condition::Scope { roles: vec![role(name)], ..Default::default() }
}

#[test]
fn the_node_may_want_every_node_between_again_or_never() {
    for (resume, next) in [(ResumePolicy::Replay, "dan"), (ResumePolicy::StraightBack, "eve")] {
        let mut template = line();
        template.flow[3] = returning(ask("d", &["eve"]), |rule| rule.resume = resume);
        assert_eq!(at_the_end(template).send_back("eve", "b").approve("cid").pending(), next);
    }
}

#[test]
fn the_returner_decides_where_the_node_leaves_it_to_him() {
    for (resume, next) in [(None, "eve"), (Some(ResumePolicy::Replay), "dan")] {
        let mut template = line();
        template.flow[3] = returning(ask("d", &["eve"]), |rule| rule.resume = ResumePolicy::ReturnerDecides);
        let mut run = at_the_end(template);
        let opinion = Opinion::new(run.slot_of("eve"), "incomplete");
        let to = ReturnTo::Node("b".into());
        run.act("eve", Command::Return(Return { resume, ..Return::new(opinion, to) })).unwrap();
        assert_eq!(run.approve("cid").pending(), next);
    }
}

#[test]
fn how_it_goes_on_is_not_asked_where_the_node_says_so() {
    let mut run = at_the_end(line());
    let opinion = Opinion::new(run.slot_of("eve"), "incomplete");
    let request =
        Return { resume: Some(ResumePolicy::Replay), ..Return::new(opinion, ReturnTo::Node("b".into())) };
    assert_eq!(run.act("eve", Command::Return(request)), Err(Rejection::NotOffered { action: "resume" }));
}

#[test]
fn to_the_initiator_who_mends_it_and_sends_it_on() {
    let run = at_the_end(line()).send_back("eve", "");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "ann"));
    let run = run.resubmit("ann", json!({}));
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "eve"));
    assert_eq!(run.approve("eve").status(), Status::Approved);
}

#[test]
fn what_the_initiator_changed_is_checked_as_at_submission_and_may_lead_elsewhere() {
    let mut template = line_with_amount();
    template.form.fields[0].required = true;
    let mut run = with_amount(template).send_back("eve", "");
    let refused = run.try_resubmit("ann", json!({"amount": null}));
    assert!(matches!(refused, Err(Rejection::FormInvalid { .. })), "{refused:?}");
    assert_eq!(run.try_resubmit("bob", json!({})), Err(Rejection::NotInitiator));
    let run = run.resubmit("ann", json!({"amount": 5000}));
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").approve("cid").pending(), "fay");
}

#[test]
fn only_what_was_sent_back_to_the_initiator_is_sent_on() {
    let refused = Run::start(world(), line(), "ann").try_resubmit("ann", json!({}));
    assert_eq!(refused, Err(Rejection::NotOffered { action: "resubmit" }));
}

#[test]
fn the_initiator_may_withdraw_instead() {
    let mut run = at_the_end(line()).send_back("eve", "");
    run.act("ann", Command::Withdraw { reason: "not needed".to_owned() }).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Withdrawn, ""));
}

#[test]
fn nobody_else_decides_what_is_with_the_initiator() {
    let mut run = at_the_end(line()).send_back("eve", "");
    let slot = run.slot_of("ann");
    for decision in [Decision::Approve, Decision::Reject] {
        let refused = run.act("ann", Command::decide(decision, slot, ""));
        assert!(matches!(refused, Err(Rejection::NotOffered { .. })), "{refused:?}");
    }
    assert!(run.try_return("ann", "a").is_err());
}

#[test]
fn a_return_needs_words_unless_the_node_says_otherwise() {
    let mute = |run: &mut Run| {
        let opinion = Opinion::new(run.slot_of("eve"), " ");
        let to = ReturnTo::Node("b".into());
        run.act("eve", Command::Return(Return::new(opinion, to)))
    };
    assert_eq!(mute(&mut at_the_end(line())), Err(Rejection::TextRequired { field: "comment" }));
    let mut template = line();
    template.flow[3] = returning(ask("d", &["eve"]), |rule| rule.without_reason = true);
    assert_eq!(mute(&mut at_the_end(template)), Ok(()));
}

#[test]
fn the_targets_are_what_the_node_allows_on_the_own_path() {
    let targets = |change: fn(&mut ReturnRule)| {
        let mut template = line();
        template.flow[3] = returning(ask("d", &["eve"]), change);
        let run = at_the_end(template);
        let targets = return_targets(&run.template, &run.instance, run.slot_of("eve"));
        targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(targets(|_| ()), "the initiator, a, b, c");
    assert_eq!(targets(|rule| rule.targets = ReturnTargets::None), "");
    assert_eq!(targets(|rule| rule.targets = ReturnTargets::Initiator), "the initiator");
    assert_eq!(targets(|rule| rule.targets = ReturnTargets::Previous), "c");
    assert_eq!(targets(|rule| rule.only = vec!["a".into(), "c".into()]), "a, c");
}

#[test]
fn what_is_not_allowed_or_not_passed_is_refused() {
    let mut template = line();
    template.flow[1] = returning(ask("b", &["cid"]), |rule| rule.targets = ReturnTargets::Previous);
    let mut run = Run::start(world(), template, "ann");
    assert!(matches!(run.try_return("bob", "c"), Err(Rejection::ReturnNotAllowed { .. })), "not passed yet");
    let mut run = run.approve("bob");
    assert!(
        matches!(run.try_return("cid", ""), Err(Rejection::ReturnNotAllowed { .. })),
        "only the one before"
    );
    assert_eq!(run.try_return("cid", "a"), Ok(()));
}

#[test]
fn the_first_node_has_nobody_before_it_but_the_initiator() {
    let mut template = line();
    template.flow[0] = returning(ask("a", &["bob"]), |rule| rule.targets = ReturnTargets::Previous);
    let run = Run::start(world(), template, "ann").send_back("bob", "");
    assert_eq!(run.status(), Status::Returned);
}

#[test]
fn a_return_is_no_vote_and_closes_what_the_others_have_open() {
    let mode = Mode::Countersign { reject: AllReject::AtOnce };
    let flow = vec![ask("a", &["bob"]), ask_in("b", &["cid", "dan", "eve"], mode)];
    let run = Run::start(world(), template(flow), "ann").approve("bob").approve("cid").send_back("dan", "a");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "bob"));
    assert_eq!((run.state("cid"), run.state("eve")), (SlotState::Approved, SlotState::Cancelled));
    assert_eq!(run.approve("bob").pending(), "cid dan eve");
}

#[test]
fn colleagues_who_had_approved_keep_that_where_the_node_says_so_and_nothing_changed() {
    let mode = Mode::Countersign { reject: AllReject::AtOnce };
    let edit = FieldAccess([("amount".into(), Access::Edit)].into());
    let first = with(ask("a", &["bob"]), |node| node.fields = edit);
    let second = returning(ask_in("b", &["cid", "dan", "eve"], mode), |rule| rule.keep_peer_approvals = true);
    let mut amount = field("amount", FieldKind::Number);
    amount.material = true;
    let template = with_form(vec![amount], vec![first, second]);
    let start = || {
        let run = Run::start_with(world(), template.clone(), "ann", json!({"amount": 1}));
        run.approve("bob").approve("cid").send_back("dan", "a")
    };
    let run = start().approve("bob");
    assert_eq!(run.pending(), "dan eve");
    assert!(matches!(run.state("cid"), SlotState::Auto(AutoReason::Kept { .. })));
    assert_eq!(run.approve("dan").approve("eve").status(), Status::Approved);
    assert_eq!(start().approve_with("bob", json!({"amount": 2})).pending(), "cid dan eve");
}

#[test]
fn whoever_decided_last_time_gets_it_and_the_rest_of_the_node_does_not() {
    let flow = vec![ask("a", &["bob", "cid"]), ask("b", &["dan"])];
    let run = Run::start(world(), template(flow), "ann").approve("cid").send_back("dan", "a");
    assert_eq!(run.pending(), "cid");
}

#[test]
fn whoever_decided_last_time_and_left_is_found_anew() {
    let flow = vec![Block::Approval(node("a", by(PersonRule::Role(role("R"))))), ask("b", &["dan"])];
    let people = |holders| World::new().people(&["ann", "bob", "cid", "dan"]).role("R", holders);
    let mut run = Run::start(people(&["bob"]), template(flow), "ann").approve("bob");
    run.world = people(&["bob", "cid"]).disabled("bob");
    assert_eq!(run.send_back("dan", "a").pending(), "cid");
}

#[test]
fn the_node_may_want_its_people_found_anew() {
    let flow = vec![
        Block::Approval(node("a", by(PersonRule::Role(role("R"))))),
        returning(ask("b", &["dan"]), |rule| rule.receiver = Receiver::Resolve),
    ];
    let people = |holders| World::new().people(&["ann", "bob", "cid", "dan"]).role("R", holders);
    let mut run = Run::start(people(&["bob"]), template(flow), "ann").approve("bob");
    run.world = people(&["cid"]);
    assert_eq!(run.send_back("dan", "a").pending(), "cid");
}

#[test]
fn whoever_got_it_back_is_asked_though_he_approved_elsewhere_before() {
    let mut template =
        template(vec![ask("a", &["bob"]), ask("x", &["cid"]), ask("b", &["bob"]), ask("c", &["dan"])]);
    template.settings.dedup = Dedup::FirstOnly;
    let run = Run::start(world(), template, "ann").approve("bob").approve("cid");
    assert_eq!(run.pending(), "dan", "bob is not asked twice");
    let run = run.send_back("dan", "a");
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").pending(), "dan");
}

#[test]
fn what_was_approved_before_a_return_that_is_gone_over_again_is_no_duplicate() {
    let mut template = line();
    template.flow[2] = ask("c", &["bob"]);
    template.flow[3] = returning(ask("d", &["eve"]), |rule| rule.resume = ResumePolicy::Replay);
    template.settings.dedup = Dedup::FirstOnly;
    let run = Run::start(world(), template, "ann").approve("bob").approve("cid");
    assert_eq!(run.pending(), "eve");
    let run = run.send_back("eve", "").resubmit("ann", json!({}));
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").approve("cid").pending(), "eve");
}

#[test]
fn a_material_change_makes_a_duplicate_decide_again() {
    let mut amount = field("amount", FieldKind::Number);
    amount.material = true;
    let edit = FieldAccess([("amount".into(), Access::Edit)].into());
    let flow =
        vec![ask("a", &["bob"]), with(ask("b", &["cid"]), |node| node.fields = edit), ask("c", &["bob"])];
    let mut template = with_form(vec![amount], flow);
    template.settings.dedup = Dedup::FirstOnly;
    let start = || Run::start_with(world(), template.clone(), "ann", json!({"amount": 1})).approve("bob");
    assert_eq!(start().approve("cid").status(), Status::Approved);
    assert_eq!(start().approve_with("cid", json!({"amount": 2})).pending(), "bob");
}

#[test]
fn inside_a_branch_a_return_touches_only_that_branch() {
    let flow = vec![
        ask("a", &["bob"]),
        Block::Parallel(parallel(
            "f",
            vec![vec![ask("b", &["cid"]), ask("c", &["dan"])], vec![ask("x", &["eve"])]],
        )),
        ask("z", &["fay"]),
    ];
    let run = Run::start(world(), template(flow), "ann").approve("bob").approve("cid");
    let run = run.send_back("dan", "b");
    assert_eq!(run.pending(), "eve cid");
    let run = run.approve("cid");
    assert_eq!(run.pending(), "eve dan");
    assert_eq!(run.approve("eve").approve("dan").approve("fay").status(), Status::Approved);
}

#[test]
fn siblings_are_no_target() {
    let flow = vec![Block::Parallel(parallel(
        "f",
        vec![vec![ask("b", &["bob"]), ask("c", &["cid"])], vec![ask("x", &["eve"])]],
    ))];
    let mut run = Run::start(world(), template(flow), "ann").approve("eve").approve("bob");
    assert!(matches!(run.try_return("cid", "x"), Err(Rejection::ReturnNotAllowed { .. })));
}

#[test]
fn before_the_fork_all_siblings_end_and_both_branches_are_gone_again() {
    let flow = vec![
        ask("a", &["bob"]),
        Block::Parallel(parallel("f", vec![vec![ask("d", &["dan"])], vec![ask("e", &["eve"])]])),
        ask("z", &["fay"]),
    ];
    let run = Run::start(world(), template(flow), "ann").approve("bob").send_back("dan", "");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "ann"));
    assert_eq!(run.state("eve"), SlotState::Cancelled);
    let run = run.resubmit("ann", json!({}));
    assert_eq!((run.pending().as_str(), way(&run)), ("bob", replay(WhyReplay::BranchesCancelled)));
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.visit("d").round), ("dan eve", 2));
    let run = run.approve("eve").approve("dan");
    assert_eq!(run.pending(), "fay");
    let joins = run.events.iter().filter(|event| matches!(event, Event::Joined { .. })).count();
    assert_eq!((joins, run.approve("fay").status()), (1, Status::Approved));
}

#[test]
fn branches_beside_the_own_one_end_only_where_that_is_confirmed() {
    let branches = vec![vec![ask("d", &["dan"])], vec![ask("e", &["eve"])], vec![ask("g", &["fay"])]];
    let flow = vec![ask("a", &["bob"]), Block::Parallel(parallel("f", branches))];
    let mut run = Run::start(world(), template(flow), "ann").approve("bob");
    let opinion = Opinion::new(run.slot_of("dan"), "incomplete");
    let sent = Return { confirmed: false, ..Return::new(opinion, ReturnTo::Node("a".into())) };
    let before = run.instance.clone();
    assert_eq!(run.act("dan", Command::Return(sent.clone())), Err(Rejection::NotConfirmed { branches: 2 }));
    assert_eq!(run.instance, before);
    run.act("dan", Command::Return(Return { confirmed: true, ..sent })).unwrap();
    assert_eq!(run.pending(), "bob");
}

#[test]
fn within_the_own_branch_nothing_has_to_be_confirmed() {
    let branches = vec![vec![ask("d", &["dan"]), ask("g", &["fay"])], vec![ask("e", &["eve"])]];
    let mut run = Run::start(world(), template(vec![Block::Parallel(parallel("f", branches))]), "ann");
    run.try_approve("dan").unwrap();
    let opinion = Opinion::new(run.slot_of("fay"), "incomplete");
    let sent = Return { confirmed: false, ..Return::new(opinion, ReturnTo::Node("d".into())) };
    run.act("fay", Command::Return(sent)).unwrap();
    assert_eq!(run.pending(), "eve dan");
}

#[test]
fn a_sibling_that_had_arrived_has_to_decide_again_when_its_fork_was_gone_back_behind() {
    let flow = vec![
        ask("a", &["bob"]),
        Block::Parallel(parallel("f", vec![vec![ask("d", &["dan"])], vec![ask("e", &["eve"])]])),
    ];
    let run = Run::start(world(), template(flow), "ann").approve("bob").approve("eve").send_back("dan", "a");
    assert_eq!(run.pending(), "bob");
    assert!(run.visit("e").superseded);
    assert_eq!(run.approve("bob").pending(), "dan eve");
}

/// a; fork f of [b, fork g of [c, d], z1] and [x, y]; z.
fn nested() -> Template {
    let inner = Block::Parallel(parallel("g", vec![vec![ask("c", &["cid"])], vec![ask("d", &["dan"])]]));
    let left = vec![ask("b", &["bob"]), inner];
    let right = vec![ask("x", &["eve"]), ask("y", &["fay"])];
    template(vec![ask("a", &["bob"]), Block::Parallel(parallel("f", vec![left, right]))])
}

#[test]
fn out_of_nested_forks_with_siblings_at_different_stages() {
    let run =
        Run::start(world(), nested(), "ann").approve("bob").approve("eve").approve("bob").approve("cid");
    assert_eq!(run.pending(), "fay dan");
    let run = run.send_back("dan", "b");
    assert_eq!(run.pending(), "fay bob", "the outer sibling goes on");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "fay cid dan");
    let run = run.send_back("dan", "a");
    assert_eq!(run.pending(), "bob", "everything behind the outer fork ends");
    let live = run.instance.tokens.iter().filter(|token| token.state == TokenState::Live).count();
    assert_eq!(live, 1);
    let run = run.approve("bob").approve("bob").approve("eve").approve("fay").approve("cid").approve("dan");
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn a_fork_in_between_that_had_joined_is_kept_by_a_way_straight_back() {
    let flow = vec![
        ask("a", &["bob"]),
        Block::Parallel(parallel("f", vec![vec![ask("d", &["dan"])], vec![ask("e", &["eve"])]])),
        ask("z", &["fay"]),
    ];
    let run = Run::start(world(), template(flow), "ann").approve("bob").approve("eve").approve("dan");
    let mut run = run;
    assert!(run.try_return("fay", "d").is_err(), "a branch that has joined is not on the own path");
    let run = run.send_back("fay", "a").approve("bob");
    assert_eq!((run.pending().as_str(), way(&run)), ("fay", ResumeWay::StraightBack));
}

#[test]
fn returns_may_be_nested() {
    let run = at_the_end(line()).send_back("eve", "c").send_back("dan", "a");
    assert_eq!(run.pending(), "bob");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "dan", "straight back to the second returner");
    let run = run.approve("dan");
    assert_eq!(run.pending(), "eve", "and from him to the first");
    assert_eq!(run.approve("eve").status(), Status::Approved);
}

#[test]
fn a_node_that_is_asked_again_does_not_send_to_what_lies_ahead_of_it() {
    let mut run = at_the_end(line()).send_back("eve", "b");
    assert!(matches!(run.try_return("cid", "c"), Err(Rejection::ReturnNotAllowed { .. })));
}

#[test]
fn the_same_return_twice_keeps_what_was_kept() {
    let run = at_the_end(line()).send_back("eve", "b").approve("cid").send_back("eve", "b").approve("cid");
    assert_eq!((run.pending().as_str(), run.visits("c").len()), ("eve", 1));
}

#[test]
fn a_return_straight_back_and_then_a_rejection_ends_it() {
    let run = at_the_end(line()).send_back("eve", "b").approve("cid").reject("eve");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Rejected, ""));
    assert!(run.instance.returns.iter().all(|returned| returned.settled));
}

#[test]
fn the_target_of_a_return_may_reject() {
    assert_eq!(at_the_end(line()).send_back("eve", "b").reject("cid").status(), Status::Rejected);
}

#[test]
fn a_rejection_may_be_mapped_to_a_return() {
    for (on_reject, next) in
        [(OnReject::ReturnToInitiator, "ann"), (OnReject::ReturnTo("b".into()), "cid"), (OnReject::End, "")]
    {
        let mut template = line();
        template.flow[3] = with(ask("d", &["eve"]), |node| node.on_reject = on_reject);
        let run = at_the_end(template).reject("eve");
        assert_eq!((run.pending().as_str(), run.state("eve")), (next, SlotState::Rejected));
    }
}

#[test]
fn a_rejection_mapped_to_a_node_that_nobody_decided_at_is_a_rejection() {
    let mut template = line();
    template.flow[0] = with(ask("a", &["bob"]), |node| node.on_reject = OnReject::ReturnTo("c".into()));
    assert_eq!(Run::start(world(), template, "ann").reject("bob").status(), Status::Rejected);
}

#[test]
fn too_many_rounds_reject() {
    let mut template = line();
    template.settings.max_rounds = Some(MaxRounds { returns: 2, then: TooManyRounds::Reject });
    let run = at_the_end(template).send_back("eve", "b").approve("cid");
    assert_eq!(run.status(), Status::Running);
    assert_eq!(run.send_back("eve", "b").status(), Status::Rejected);
}

#[test]
fn too_many_rounds_let_the_administrator_decide_in_place_of_the_node() {
    let mut template = line();
    template.settings.managers = vec![user("fay")];
    template.settings.max_rounds = Some(MaxRounds { returns: 1, then: TooManyRounds::TemplateAdmin });
    let run = at_the_end(template).send_back("eve", "b");
    assert_eq!((run.pending().as_str(), run.visit("d").round), ("fay", 2));
    assert_eq!(run.approve("fay").status(), Status::Approved);
}

#[test]
fn nothing_is_sent_back_more_than_fifty_times() {
    let mut run =
        Run::start(world(), template(vec![ask("a", &["bob"]), ask("b", &["cid"])]), "ann").approve("bob");
    for _ in 0..50 {
        run = run.send_back("cid", "a").approve("bob");
    }
    assert_eq!(run.instance.rounds(), 50);
    assert_eq!(run.try_return("cid", "a"), Err(Rejection::LimitReached { what: "returns", limit: 50 }));
}

#[test]
fn picks_are_kept() {
    let pick = PersonRule::InitiatorPick { many: false, among: Default::default() };
    let flow = vec![Block::Approval(node("a", by(pick))), ask("b", &["cid"])];
    let submit =
        zhupi_engine::Submit { picks: [("a".into(), vec![user("dan")])].into(), ..Default::default() };
    let run = Run::submit(world(), template(flow), "ann", submit).unwrap().approve("dan");
    let run = run.send_back("cid", "").resubmit("ann", json!({}));
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.send_back("cid", "a").pending(), "dan");
}

#[test]
fn while_added_people_are_asked_a_return_takes_them_along() {
    let flow = template(vec![ask("a", &["bob"]), ask_in("b", &["cid", "dan"], all())]);
    let mut run = Run::start(world(), flow, "ann").approve("bob");
    let add = zhupi_engine::command::AddSign {
        slot: run.slot_of("cid"),
        people: vec![user("eve")],
        kind: zhupi_engine::event::AddKind::Before,
        mode: all(),
        advisory: false,
        comment: String::new(),
    };
    run.act("cid", Command::AddSign(add)).unwrap();
    assert_eq!(run.pending(), "dan eve");
    let run = run.send_back("dan", "a");
    assert_eq!((run.pending().as_str(), run.state("eve")), ("bob", SlotState::Cancelled));
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid dan", "whom he brought in is not asked again");
}

fn all() -> Mode {
    Mode::Countersign { reject: AllReject::AtOnce }
}

#[test]
fn a_return_from_a_list_of_branches_goes_back_before_it() {
    let blocks = vec![Block::Approval(node("each", by(PersonRule::Item { column: None })))];
    let list = Each {
        id: "list".into(),
        title: String::new(),
        list: "who".into(),
        group_by: None,
        on_reject: LaneReject::EndInstance,
        blocks,
        other: Default::default(),
    };
    let flow = vec![ask("a", &["bob"]), Block::Each(list)];
    let template = with_form(vec![field("who", FieldKind::Contact)], flow);
    let who = json!({"who": [user("cid").to_string(), user("dan").to_string()]});
    let run = Run::start_with(world(), template, "ann", who).approve("bob").approve("cid");
    let run = run.send_back("dan", "a").approve("bob");
    assert_eq!(run.pending(), "cid dan");
    assert_eq!(run.approve("dan").approve("cid").status(), Status::Approved);
}

#[test]
fn somebody_who_left_is_not_sent_anything_back() {
    let mut run = at_the_end(line());
    run.world = run.world.disabled("ann");
    assert_eq!(run.try_return("eve", ""), Err(Rejection::UserNotActive { user: user("ann") }));
}

#[test]
fn a_jump_overtakes_a_return() {
    let run = at_the_end(line()).send_back("eve", "b");
    let token = run.instance.tokens[0].id;
    let run = run.intervene(Intervention::Jump { token, to: "c".into() });
    assert_eq!((run.pending().as_str(), way(&run)), ("dan", ResumeWay::Overtaken));
    assert_eq!(run.approve("dan").pending(), "eve");
}

#[test]
fn an_initiator_who_alone_administers_is_asked_and_not_passed_over() {
    let mut template = template(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    template.settings.managers = vec![user("ann")];
    template.settings.max_rounds = Some(MaxRounds { returns: 1, then: TooManyRounds::TemplateAdmin });
    let run = Run::start(world().without_admin(), template, "ann").approve("bob").send_back("cid", "a");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "ann"));
}
