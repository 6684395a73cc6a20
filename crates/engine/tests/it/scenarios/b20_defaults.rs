//! B20: what ships switched on, and how it works together: every setting here is the one of a new template.

use crate::flows::parallel;
use crate::world::*;
use serde_json::json;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::command::{AddSign, Handing};
use zhupi_engine::decide::return_targets;
use zhupi_engine::event::{AddKind, Decision, Event, ResumeWay, WhyReplay};
use zhupi_engine::form::{Access, FieldAccess, FieldKind};
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Rejection, Status};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn company() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay", "sue"])
}

/// As somebody gets it who changes no setting.
fn shipped(flow: Vec<Block>) -> Template {
    Template { settings: Settings::default(), ..template(flow) }
}

fn start(flow: Vec<Block>) -> Run {
    Run::start(company(), shipped(flow), "ann")
}

/// `a` (bob) may change the amount, on which hangs how it goes on; then what is drawn.
fn with_amount(then: Vec<Block>) -> Run {
    let mut amount = field("amount", FieldKind::Number);
    amount.material = true;
    let edit = FieldAccess([("amount".into(), Access::Edit)].into());
    let first = Block::Approval(Approval { fields: edit, ..node("a", members(&["bob"])) });
    let flow = std::iter::once(first).chain(then).collect();
    let template = Template { settings: Settings::default(), ..with_form(vec![amount], flow) };
    Run::start_with(company(), template, "ann", json!({ "amount": 1 }))
}

fn way(run: &Run) -> ResumeWay {
    let ways = run.events.iter().rev().find_map(|event| match event {
        Event::ReturnSettled { way, .. } => Some(way.clone()),
        _ => None,
    });
    ways.unwrap()
}

fn targets(run: &Run, name: &str) -> String {
    let targets = return_targets(&run.template, &run.instance, run.slot_of(name));
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn add(mut run: Run, name: &str, kind: AddKind, people: &[&str]) -> Run {
    let (slot, people) = (run.slot_of(name), people.iter().map(|it| user(it)).collect());
    let request =
        AddSign { slot, people, kind, mode: AddSign::all(), advisory: false, comment: String::new() };
    run.act(name, Command::AddSign(request)).unwrap();
    run
}

// ---- one choice each ----

#[test]
fn a_new_node_asks_everybody_and_the_first_decides() {
    let two = || start(vec![ask("a", &["bob", "cid"])]);
    assert_eq!(two().pending(), "bob cid");
    assert_eq!(two().approve("cid").status(), Status::Approved);
    assert_eq!(two().reject("cid").status(), Status::Rejected);
}

#[test]
fn a_new_countersign_ends_at_the_first_no() {
    assert_eq!(start(vec![ask_in("a", &["bob", "cid"], ALL)]).reject("cid").status(), Status::Rejected);
    assert_eq!(AllReject::default(), AllReject::AtOnce);
}

#[test]
fn in_a_new_vote_a_no_is_a_vote_and_the_threshold_is_enough() {
    let vote = Vote::at(Threshold::Percent(5_000));
    let four = || start(vec![ask_in("a", &["bob", "cid", "dan", "eve"], Mode::Vote(vote))]);
    assert_eq!(four().reject("bob").pending(), "cid dan eve");
    assert_eq!(four().reject("bob").approve("cid").approve("dan").status(), Status::Approved);
}

#[test]
fn a_new_node_sends_back_to_anybody_on_the_way_and_gets_it_straight_back() {
    let run = start(vec![ask("a", &["bob", "fay"]), ask("b", &["cid"]), ask("c", &["dan"])]);
    let run = run.approve("fay").approve("cid");
    assert_eq!(targets(&run, "dan"), "the initiator, a, b");
    let run = run.send_back("dan", "a");
    assert_eq!(run.pending(), "fay", "whoever decided there, not whom the rules find");
    let run = run.approve("fay");
    assert_eq!((run.pending().as_str(), way(&run)), ("dan", ResumeWay::StraightBack));
}

#[test]
fn people_beside_somebody_who_would_be_enough_both_decide() {
    let run = add(start(vec![ask("a", &["bob", "cid"])]), "bob", AddKind::Together, &["eve"]);
    assert_eq!(run.approve("eve").pending(), "bob cid");
}

#[test]
fn a_new_template_lets_the_initiator_withdraw_and_not_revoke() {
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob");
    run.act("ann", Command::Withdraw { reason: "a mistake".to_owned() }).unwrap();
    assert_eq!(run.status(), Status::Withdrawn);
    let mut run = start(vec![ask("a", &["bob"])]).approve("bob");
    let refused = run.act("ann", Command::Revoke { reason: "a mistake".to_owned() });
    assert_eq!(refused, Err(Rejection::RevokeNotAllowed));
}

#[test]
fn where_nobody_is_found_the_administrator_of_the_template_is_asked() {
    let mut template = shipped(vec![Block::Approval(node("a", by(PersonRule::Role(role("R")))))]);
    template.settings.managers = vec![user("eve")];
    let run = Run::start(company().role("R", &[]), template, "ann");
    assert_eq!((run.pending().as_str(), run.why("eve").rule), ("eve", WhyRule::TemplateAdmin));
}

#[test]
fn when_the_time_is_up_people_are_reminded_and_nothing_is_decided() {
    let mut run = start(vec![ask("a", &["bob"])]);
    run.pass(at(90 * 24 * 3600));
    let reminders = run.events.iter().filter(|event| matches!(event, Event::Reminded { .. })).count();
    assert_eq!((run.status(), run.pending().as_str(), reminders), (Status::Running, "bob", 5));
}

// ---- nobody is asked twice in a row, and sending back ----

#[test]
fn whoever_was_spared_can_be_sent_back_to() {
    let flow = vec![ask("a", &["bob"]), ask("b", &["bob", "eve"]), ask("c", &["cid"])];
    let run = start(flow.clone()).approve("bob");
    assert_eq!(
        (run.visit("b").state, targets(&run, "cid")),
        (VisitState::AutoApproved, "the initiator, a, b".into())
    );
    let run = run.send_back("cid", "b");
    assert_eq!(
        (run.pending().as_str(), run.visit("b").round),
        ("bob", 2),
        "his consent is what it passed on"
    );
    assert_eq!(run.approve("bob").pending(), "cid");
    let mut mapped = node("c", members(&["cid"]));
    mapped.on_reject = OnReject::ReturnTo("b".into());
    let run =
        start(vec![flow[0].clone(), flow[1].clone(), Block::Approval(mapped)]).approve("bob").reject("cid");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "bob"));
}

#[test]
fn where_only_the_initiator_was_passed_over_there_is_nobody_to_send_back_to() {
    let run = start(vec![ask("a", &["ann"]), ask("b", &["bob"])]);
    assert_eq!(targets(&run, "bob"), "the initiator");
}

#[test]
fn a_spared_node_on_the_way_straight_back_stays_spared() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["bob"]), ask("c", &["cid"])]);
    let run = run.approve("bob").send_back("cid", "a").approve("bob");
    assert_eq!(
        (run.pending().as_str(), way(&run), run.visits("b").len()),
        ("cid", ResumeWay::StraightBack, 1)
    );
}

#[test]
fn what_somebody_was_spared_for_is_asked_again_once_it_is_another_who_decides_before() {
    let first = Block::Approval(node("a", by(PersonRule::Role(role("R")))));
    let flow = vec![first, ask("b", &["bob", "eve"]), ask("c", &["cid"])];
    let people = |holders| company().role("R", holders);
    let mut run = Run::start(people(&["bob"]), shipped(flow), "ann").approve("bob");
    assert_eq!(run.pending(), "cid");
    run.world = people(&["dan"]).disabled("bob");
    let run = run.send_back("cid", "a");
    assert_eq!(run.pending(), "dan");
    let run = run.approve("dan");
    let other_way = ResumeWay::Replay { why: WhyReplay::OtherWay, changed: Vec::new() };
    assert_eq!((run.pending().as_str(), way(&run)), ("eve", other_way), "nobody's consent stands behind b");
    assert_eq!(run.approve("eve").pending(), "cid");
}

#[test]
fn after_a_material_change_everybody_decides_again_once() {
    let run = with_amount(vec![ask("b", &["bob"]), ask("c", &["cid"]), ask("d", &["dan"])]);
    let run = run.approve("bob").approve("cid").send_back("dan", "a");
    let run = run.approve_with("bob", json!({ "amount": 2 }));
    assert_eq!(run.pending(), "cid", "bob has just approved the new amount, and cid the old one");
    assert_eq!(run.visits("b").len(), 2);
    assert!(matches!(run.visit("b").slots[0].state, SlotState::Auto(AutoReason::Duplicate { .. })));
    assert_eq!(run.approve("cid").approve("dan").status(), Status::Approved);
}

#[test]
fn whoever_decides_before_and_behind_the_one_who_returns_it_is_asked_at_both() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"]), ask("c", &["bob"])]);
    let run = run.approve("bob").send_back("cid", "a").approve("bob");
    assert_eq!(run.pending(), "cid", "straight back");
    let run = run.approve("cid");
    assert_eq!(run.pending(), "bob", "cid has decided between");
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn the_first_node_sends_back_and_is_asked_again_and_the_same_person_is_spared_behind_it() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["bob"])]).send_back("bob", "");
    let run = run.resubmit("ann", json!({}));
    assert_eq!(run.pending(), "bob", "sending back was no approval");
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn nodes_that_pass_by_themselves_do_not_part_what_is_in_a_row() {
    let between =
        vec![ask("self", &["ann"]), cc("tell", &["eve"]), ask("again", &["bob"]), ask("c", &["bob"])];
    let flow = std::iter::once(ask("a", &["bob"])).chain(between).collect();
    assert_eq!(start(flow).approve("bob").status(), Status::Approved);
}

#[test]
fn taking_back_takes_back_what_he_was_spared_for() {
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["bob"]), ask("c", &["cid"])]).approve("bob");
    let slot = run.visit("a").slots[0].id;
    run.act("bob", Command::TakeBack { slot }).unwrap();
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.visit("a").state, VisitState::Open);
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!((run.pending().as_str(), run.visits("b").len()), ("cid", 2));
}

// ---- nobody is asked twice in a row, and several people ----

#[test]
fn whoever_has_just_approved_is_enough_for_a_node_that_needs_one() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid", "bob"]), ask("c", &["dan"])]).approve("bob");
    assert_eq!((run.pending().as_str(), run.state("cid")), ("dan", SlotState::NotNeeded));
}

#[test]
fn of_those_who_all_decide_only_he_is_spared() {
    let run = start(vec![ask("a", &["bob"]), ask_in("b", &["bob", "cid"], ALL)]).approve("bob");
    assert_eq!(run.pending(), "cid");
    let in_turn =
        || start(vec![ask("a", &["bob"]), ask_in("b", &["bob", "cid"], Mode::InTurn)]).approve("bob");
    assert_eq!((in_turn().pending().as_str(), in_turn().approve("cid").status()), ("cid", Status::Approved));
}

#[test]
fn in_both_branches_of_a_fork_and_not_behind_it() {
    let lanes = vec![vec![ask("x", &["bob"])], vec![ask("y", &["cid"])]];
    let run = start(vec![ask("a", &["bob"]), Block::Parallel(parallel("f", lanes)), ask("z", &["cid"])]);
    let run = run.approve("bob");
    assert_eq!((run.visit("x").state, run.pending().as_str()), (VisitState::AutoApproved, "cid"));
    let run = run.approve("cid");
    assert_eq!(run.pending(), "cid", "what is decided in a branch is not on the way of what follows");
}

#[test]
fn out_of_a_fork_everything_is_gone_over_again_with_nobody_asked_twice_in_a_row() {
    let lanes = vec![vec![ask("x", &["bob"])], vec![ask("y", &["cid"])]];
    let run = start(vec![ask("a", &["bob"]), Block::Parallel(parallel("f", lanes)), ask("z", &["dan"])]);
    let run = run.approve("bob").send_back("cid", "a").approve("bob");
    assert_eq!((run.pending().as_str(), run.visits("x").len()), ("cid", 2));
    assert_eq!(run.approve("cid").approve("dan").status(), Status::Approved);
}

#[test]
fn the_head_at_the_end_of_a_chain_is_not_asked_right_behind_it() {
    let world = World::new()
        .department("low", "top", &["bob"])
        .department("top", "", &["cid"])
        .person("ann", &["low"]);
    let chain = Block::Approval(node("heads", Approvers::Chain(department_chain(2))));
    let run = Run::start(world, shipped(vec![chain, ask("b", &["cid"])]), "ann");
    assert_eq!(run.approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn whoever_was_brought_in_and_approved_is_spared_at_the_next_node() {
    let flow = || vec![ask("a", &["bob"]), ask("b", &["cid"]), ask("c", &["dan"])];
    for kind in [AddKind::Before, AddKind::After, AddKind::Together] {
        let run = add(start(flow()), "bob", kind, &["cid"]);
        let run = if kind == AddKind::Before {
            run.approve("cid").approve("bob")
        } else {
            run.approve("bob").approve("cid")
        };
        assert_eq!(
            (run.pending().as_str(), run.visit("b").state),
            ("dan", VisitState::AutoApproved),
            "{kind:?}"
        );
    }
}

#[test]
fn people_brought_in_are_gone_when_it_comes_straight_back() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob");
    let run = add(run, "cid", AddKind::Before, &["eve"]).send_back("eve", "a");
    assert_eq!(run.pending(), "bob");
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), way(&run)), ("cid", ResumeWay::StraightBack));
}

#[test]
fn whoever_got_a_task_is_who_has_approved_it() {
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid", "bob"]), ask("c", &["dan"])]);
    let handing = Handing { slot: run.slot_of("bob"), to: user("cid"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    let run = run.approve("cid");
    assert_eq!(run.pending(), "dan");
    let run = run.send_back("dan", "a");
    assert_eq!(run.pending(), "cid", "he decided there");
}

// ---- the initiator, people who are away, and one of several ----

#[test]
fn the_initiator_among_several_of_whom_one_is_enough_passes_the_node() {
    let run = start(vec![ask("a", &["ann", "bob"]), ask("b", &["cid"])]);
    assert_eq!((run.visit("a").state, run.pending().as_str()), (VisitState::AutoApproved, "cid"));
    assert_eq!(run.state("bob"), SlotState::NotNeeded);
}

#[test]
fn at_a_control_nobody_passes_because_he_asks() {
    let control = |names: &[&str]| Block::Approval(Approval { control: true, ..node("a", members(names)) });
    let world = company().reports_to("ann", "sue");
    let run = Run::start(world.clone(), shipped(vec![control(&["ann", "bob"])]), "ann");
    assert_eq!(run.pending(), "sue bob");
    let run = Run::start(world.clone().away("sue", "ann"), shipped(vec![control(&["ann", "bob"])]), "ann");
    assert_eq!(run.pending(), "sue bob", "the initiator does not stand in for his supervisor");
    let run = Run::start(world.away("sue", "bob"), shipped(vec![control(&["ann", "bob"])]), "ann");
    assert_eq!((run.pending().as_str(), run.visit("a").slots.len()), ("bob", 1));
}

#[test]
fn the_initiator_is_no_substitute_whether_one_is_enough_or_not() {
    for mode in [Mode::default(), ALL, Mode::InTurn] {
        let run = Run::start(company().away("bob", "ann"), shipped(vec![ask_in("a", &["bob"], mode)]), "ann");
        assert_eq!((run.pending().as_str(), run.why("bob").notes.len()), ("bob", 0), "{mode:?}");
    }
}

#[test]
fn a_substitute_is_asked_though_he_has_just_approved_for_himself() {
    let run = Run::start(
        company().away("cid", "bob"),
        shipped(vec![ask("a", &["bob"]), ask("b", &["cid"])]),
        "ann",
    );
    let run = run.approve("bob");
    assert_eq!((run.pending().as_str(), run.state("bob")), ("bob", SlotState::Pending));
    let absent = WhyNote::StandsInFor { names: vec!["cid".to_owned()] };
    assert_eq!(run.why("bob").notes, [absent]);
}

#[test]
fn an_absent_owner_who_decided_himself_is_spared_next_and_his_substitute_is_not_asked() {
    let flow = shipped(vec![ask("a", &["bob"]), ask("b", &["bob"]), ask("c", &["cid"])]);
    let mut run = Run::start(company().away("bob", "eve"), flow, "ann");
    let slot = run.slot_of("eve");
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!(run.pending(), "cid");
}

#[test]
fn what_goes_back_to_somebody_who_was_away_goes_to_him_once_he_is_there() {
    let run = Run::start(
        company().away("bob", "eve"),
        shipped(vec![ask("a", &["bob"]), ask("b", &["cid"])]),
        "ann",
    );
    let run = run.approve("eve");
    assert_eq!(run.pending(), "cid");
    let run = run.with(|world| world.back("bob")).send_back("cid", "a");
    assert_eq!(run.pending(), "bob");
}

#[test]
fn the_initiator_who_administers_alone_is_asked_and_everybody_else_before_him() {
    let nobody = || shipped(vec![Block::Approval(node("a", by(PersonRule::Role(role("R")))))]);
    let mut template = nobody();
    template.settings.managers = vec![user("ann")];
    assert_eq!(Run::start(company().role("R", &[]), template, "ann").pending(), "root");
    let run = Run::start(World::new().people(&["ann"]).role("R", &[]), nobody(), "root");
    assert_eq!(run.pending(), "root");
}

#[test]
fn the_initiator_among_voters_counts_as_a_yes() {
    let vote = Mode::Vote(Vote::at(Threshold::Count(2)));
    let run = start(vec![ask_in("a", &["ann", "bob", "cid"], vote)]);
    assert_eq!(run.pending(), "bob cid");
    assert_eq!(run.approve("cid").status(), Status::Approved);
    let control = Approval { control: true, mode: vote, ..node("a", members(&["ann", "bob", "cid"])) };
    let world = company().reports_to("ann", "sue");
    assert_eq!(Run::start(world, shipped(vec![Block::Approval(control)]), "ann").pending(), "sue bob cid");
}

#[test]
fn whose_task_went_away_has_not_approved() {
    let run = start(vec![ask("a", &["bob", "cid"]), ask("b", &["cid"])]).approve("bob");
    assert_eq!(run.pending(), "cid");
    let run = start(vec![ask("a", &["bob"]), ask_in("b", &["cid", "dan"], ALL), ask("c", &["dan", "eve"])]);
    let run = run.approve("bob").approve("cid").approve("dan");
    assert_eq!(run.status(), Status::Approved, "of several who decided just before, each has");
}

#[test]
fn whoever_leaves_gives_way_to_who_is_spared() {
    let flow = vec![ask("a", &["bob"]), ask_in("b", &["bob", "cid"], ALL), ask("c", &["dan"])];
    let run = start(flow).approve("bob").with(|world| world.disabled("cid")).sweep();
    assert_eq!((run.pending().as_str(), run.visit("b").state), ("dan", VisitState::AutoApproved));
}

#[test]
fn a_withdrawal_after_a_return_needs_a_reason_and_ends_everything() {
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob").send_back("cid", "");
    let withdraw = |reason: &str| Command::Withdraw { reason: reason.to_owned() };
    assert_eq!(run.act("ann", withdraw("")), Err(Rejection::TextRequired { field: "reason" }));
    run.act("ann", withdraw("not needed")).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Withdrawn, ""));
}

#[test]
fn people_before_and_after_somebody_and_a_return_in_between() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid", "dan"]), ask("c", &["eve"])]).approve("bob");
    let run = add(run, "cid", AddKind::Before, &["fay"]).approve("fay");
    let run = add(run, "cid", AddKind::After, &["sue"]).approve("cid");
    assert_eq!((run.pending().as_str(), run.state("dan")), ("sue", SlotState::NotNeeded));
    let run = run.send_back("sue", "a").approve("bob");
    assert_eq!(run.pending(), "cid dan", "both whom the rules chose, and nobody who was brought in");
    assert_eq!(run.approve("dan").pending(), "eve");
}

#[test]
fn the_substitutes_of_a_vote_vote_for_each_and_are_not_spared_by_their_own() {
    let vote = Mode::Vote(Vote::at(Threshold::Count(2)));
    let world = company().away("cid", "bob");
    let run = Run::start(
        world,
        shipped(vec![ask("a", &["bob"]), ask_in("b", &["cid", "dan", "eve"], vote)]),
        "ann",
    );
    let run = run.approve("bob");
    assert_eq!(run.pending(), "bob dan eve");
    assert_eq!(run.approve("bob").approve("eve").status(), Status::Approved);
}

#[test]
fn whoever_is_spared_himself_is_asked_for_whom_he_stands_in() {
    let flow = vec![ask("a", &["bob"]), ask_in("b", &["bob", "cid"], ALL), ask("c", &["dan"])];
    let mut run = Run::start(company().away("cid", "bob"), shipped(flow), "ann").approve("bob");
    assert_eq!((run.pending().as_str(), run.visit("b").slots.len()), ("bob", 2));
    run.decide_at("b", "bob", Decision::Approve).unwrap();
    assert_eq!(run.pending(), "dan");
}

/// Branches that nobody decided in keep nobody from taking back what he decided before them.
#[test]
fn behind_branches_that_passed_by_themselves_he_may_still_take_it_back() {
    let lanes = vec![vec![ask("x", &["bob"])], vec![ask("y", &["ann"])], vec![]];
    let flow = vec![ask("a", &["bob"]), Block::Parallel(parallel("f", lanes)), ask("z", &["cid"])];
    let mut run = start(flow).approve("bob");
    assert_eq!(run.pending(), "cid");
    let slot = run.visit("a").slots[0].id;
    run.act("bob", Command::TakeBack { slot }).unwrap();
    assert_eq!((run.pending().as_str(), run.visit("z").state), ("bob", VisitState::Cancelled));
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!((run.pending().as_str(), run.visits("x").len(), run.visits("y").len()), ("cid", 2, 2));
    assert_eq!(run.approve("cid").status(), Status::Approved);
}
