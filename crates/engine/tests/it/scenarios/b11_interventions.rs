//! B11 and C9: an administrator steps in.

use crate::flows::parallel;
use crate::world::*;
use serde_json::json;
use zhupi_engine::command::{Handing, Intervention};
use zhupi_engine::event::Decision;
use zhupi_engine::ids::TokenId;
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay"])
}

fn start(flow: Vec<Block>) -> Run {
    Run::start(world(), template(flow), "ann")
}

/// a; fork f of [b, c] and [x, y]; z.
fn forked() -> Run {
    let left = vec![ask("b", &["cid"]), ask("c", &["dan"])];
    let right = vec![ask("x", &["eve"]), ask("y", &["eve"])];
    start(vec![ask("a", &["bob"]), Block::Parallel(parallel("f", vec![left, right])), ask("z", &["fay"])])
        .approve("bob")
}

fn jump(token: u32, to: &str) -> Intervention {
    Intervention::Jump { token: TokenId(token), to: to.into() }
}

/// Stopped at the second node, since nobody is there to ask.
fn stuck() -> Run {
    let lost = Block::Approval(node("lost", by(PersonRule::Role(role("R")))));
    let flow = template(vec![ask("a", &["bob"]), lost, ask("z", &["fay"])]);
    let mut run = Run::start(world(), flow, "ann");
    run.world = run.world.without_admin();
    run.approve("bob")
}

/// The administrator is back.
fn with_admin(mut run: Run) -> Run {
    run.world = world();
    run
}

#[test]
fn only_managers_and_administrators_and_always_with_a_reason() {
    let mut run = start(vec![ask("a", &["bob"])]);
    run.template.settings.managers = vec![user("dan")];
    let terminate =
        |reason: &str| Command::Intervene { what: Intervention::Terminate, reason: reason.to_owned() };
    assert_eq!(run.act("bob", terminate("why")), Err(Rejection::NotAdministrator));
    assert_eq!(run.act("dan", terminate(" ")), Err(Rejection::TextRequired { field: "reason" }));
    run.act("dan", terminate("a duplicate")).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Terminated, ""));
    let stepped_in = run.events.iter().position(|event| matches!(event, Event::Intervened { .. }));
    assert!(stepped_in < run.events.iter().position(|event| matches!(event, Event::Ended { .. })));
}

#[test]
fn nobody_waves_through_his_own_request() {
    let mut run = Run::start(world(), template(vec![ask("a", &["bob"]), ask("b", &["cid"])]), "root");
    let visit = run.visit("a").id;
    let refused = run.try_intervene(Intervention::Skip { visit });
    assert!(matches!(refused, Err(Rejection::NotEligible { .. })), "{refused:?}");
    assert!(matches!(run.try_intervene(jump(0, "b")), Err(Rejection::NotEligible { .. })));
}

#[test]
fn a_jump_within_a_branch_leaves_the_others_alone() {
    let run = forked().intervene(jump(1, "c"));
    assert_eq!(run.pending(), "eve dan");
    assert_eq!(run.visit("b").state, VisitState::Cancelled);
}

#[test]
fn a_jump_out_of_a_fork_ends_all_its_branches() {
    let run = forked().approve("cid").intervene(jump(2, "z"));
    assert_eq!(run.pending(), "fay");
    assert_eq!(run.approve("fay").status(), Status::Approved);
}

#[test]
fn a_jump_back_before_a_fork_voids_what_was_decided_since() {
    let run = forked().approve("cid").intervene(jump(1, "a"));
    assert_eq!(run.pending(), "bob");
    assert!(run.visit("b").superseded);
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid eve");
    let run = run.approve("cid").approve("dan").approve("eve").approve("eve");
    assert_eq!(run.approve("fay").status(), Status::Approved);
}

#[test]
fn a_token_that_waits_for_its_branches_may_jump() {
    assert_eq!(forked().intervene(jump(0, "z")).pending(), "fay");
}

#[test]
fn a_token_that_waits_at_a_join_may_jump_back() {
    let run = forked().approve("cid").approve("dan");
    assert_eq!(run.intervene(jump(1, "c")).pending(), "eve dan");
}

#[test]
fn into_another_branch_or_a_deeper_one_nobody_jumps() {
    let mut run = forked();
    for (token, to) in [(1, "x"), (0, "b"), (1, "nowhere"), (9, "z")] {
        let refused = run.try_intervene(jump(token, to));
        assert_eq!(refused, Err(Rejection::NodeNotReachable { node: to.into() }));
    }
}

#[test]
fn a_jump_to_the_fork_itself_opens_its_branches_anew() {
    let run = forked().approve("cid").intervene(jump(1, "f"));
    assert_eq!(run.pending(), "cid eve");
}

#[test]
fn a_jump_of_what_is_with_the_initiator_makes_it_run_again() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob").send_back("cid", "");
    let run = run.intervene(jump(0, "b"));
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "cid"));
}

#[test]
fn a_task_goes_to_somebody_else() {
    let mut run = start(vec![ask("a", &["bob", "cid"])]);
    let slot = run.slot_of("bob");
    let reassign = |to: &str| Intervention::Reassign { slot, to: user(to) };
    for to in ["cid", "ann"] {
        let refused = run.try_intervene(reassign(to));
        assert!(matches!(refused, Err(Rejection::NotEligible { .. })), "{to}: {refused:?}");
    }
    let run = run.intervene(reassign("dan"));
    assert_eq!(run.pending(), "dan cid");
    assert_eq!(run.approve("dan").status(), Status::Approved);
}

#[test]
fn people_are_asked_where_nobody_was_found() {
    let run = stuck();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Suspended, ""));
    let visit = run.visit("lost").id;
    let run =
        with_admin(run).intervene(Intervention::Staff { visit, people: vec![user("cid"), user("dan")] });
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "cid dan"));
    assert_eq!(run.approve("dan").pending(), "fay");
}

#[test]
fn only_a_visit_that_is_stuck_is_staffed() {
    let mut run = start(vec![ask("a", &["bob"])]);
    let (visit, people) = (run.visit("a").id, vec![user("cid")]);
    let refused = run.try_intervene(Intervention::Staff { visit, people });
    assert_eq!(refused, Err(Rejection::NotOffered { action: "staff" }));
}

#[test]
fn a_suspended_instance_tries_again_once_somebody_is_there() {
    let mut run = stuck();
    run.world = world().role("R", &["dan"]);
    let run = run.intervene(Intervention::Retry);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "dan"));
}

#[test]
fn only_a_suspended_one_tries_again() {
    let refused = start(vec![ask("a", &["bob"])]).try_intervene(Intervention::Retry);
    assert_eq!(refused, Err(Rejection::NotOffered { action: "retry" }));
}

#[test]
fn a_visit_is_passed_over() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    let visit = run.visit("a").id;
    let run = run.intervene(Intervention::Skip { visit });
    assert_eq!((run.visit("a").state, run.pending().as_str()), (VisitState::Skipped, "cid"));
    assert_eq!(run.state("bob"), SlotState::NotNeeded);
    let run = with_admin(stuck());
    let visit = run.visit("lost").id;
    let run = run.intervene(Intervention::Skip { visit });
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "fay"));
}

#[test]
fn passing_over_the_initiators_turn_sends_it_on_as_it_is() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob").send_back("cid", "");
    let visit = run.instance.visits.last().unwrap().id;
    assert_eq!(run.intervene(Intervention::Skip { visit }).pending(), "cid");
}

#[test]
fn where_two_branches_are_stuck_one_is_not_freed_by_helping_the_other() {
    let lost = |id: &str| Block::Approval(node(id, by(PersonRule::Role(role("R")))));
    let flow = template(vec![
        ask("a", &["bob"]),
        Block::Parallel(parallel("f", vec![vec![lost("l")], vec![lost("m")]])),
    ]);
    let mut run = Run::start(world(), flow, "ann");
    run.world = run.world.without_admin();
    let run = with_admin(run.approve("bob"));
    let (first, second) = (run.visit("l").id, run.visit("m").id);
    let run = run.intervene(Intervention::Skip { visit: first });
    assert_eq!(run.status(), Status::Suspended);
    let run = run.intervene(Intervention::Skip { visit: second });
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn other_people_are_set_for_a_node_that_is_not_reached_yet() {
    let set = |node: &str, people: &[&str]| Intervention::SetApprovers {
        node: node.into(),
        people: people.iter().map(|it| user(it)).collect(),
    };
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    assert!(run.try_intervene(set("a", &["dan"])).is_err(), "people are asked there already");
    let run = run.intervene(set("b", &["dan"]));
    assert_eq!(run.approve("bob").pending(), "dan");
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    let run = run.intervene(set("b", &["dan"])).intervene(set("b", &[]));
    assert_eq!(run.approve("bob").pending(), "cid", "nobody: those of the template again");
}

#[test]
fn everything_of_one_person_goes_to_another() {
    let pick = PersonRule::InitiatorPick { many: false, among: Default::default() };
    let flow = vec![
        Block::Parallel(parallel(
            "f",
            vec![vec![ask("a", &["bob"])], vec![ask_in("b", &["bob", "dan"], Mode::InTurn)]],
        )),
        Block::Approval(node("c", by(pick))),
    ];
    let picks = [("c".into(), vec![user("bob")])].into();
    let submit = zhupi_engine::Submit { picks, ..Default::default() };
    let run = Run::submit(world(), template(flow), "ann", submit).unwrap();
    let run = run.intervene(Intervention::HandOver { from: user("bob"), to: user("dan") });
    assert_eq!(run.pending(), "dan bob", "dan is asked at the second one already");
    let slot = run.visit("a").slots[0].id;
    let mut run = run.approve("bob").approve("dan");
    run.act("dan", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!(run.pending(), "dan", "planned for bob");
}

#[test]
fn what_lies_with_another_for_him_goes_over_too() {
    let hand_over = Intervention::HandOver { from: user("bob"), to: user("dan") };
    let run = Run::start(world().away("bob", "eve"), template(vec![ask("a", &["bob"])]), "ann");
    assert_eq!(run.pending(), "eve");
    let run = run.intervene(hand_over.clone()).with(|world| world.disabled("bob")).sweep();
    assert_eq!(run.pending(), "dan", "a substitute had it");
    let mut run = start(vec![ask("a", &["bob"])]);
    let slot = run.slot_of("bob");
    let lent = Command::Delegate(Handing { slot, to: user("eve"), comment: String::new() });
    run.act("bob", lent).unwrap();
    assert_eq!(run.intervene(hand_over).pending(), "dan", "it was lent for an opinion");
}

/// Whoever may not be asked where it is over is not in the way of what is to come.
#[test]
fn what_is_over_is_in_nobodys_way() {
    let pick = || by(PersonRule::InitiatorPick { many: false, among: Default::default() });
    let mut template = template(vec![
        Block::Approval(node("one", pick())),
        ask("two", &["dan"]),
        ask("mid", &["eve"]),
        Block::Approval(node("three", pick())),
    ]);
    template.settings.separation = vec![Separation::Nodes(vec!["one".into(), "two".into()])];
    let picks = [("one".into(), vec![user("bob")]), ("three".into(), vec![user("bob")])].into();
    let submit = zhupi_engine::Submit { picks, ..Default::default() };
    let run = Run::submit(world(), template, "ann", submit).unwrap().approve("bob").approve("dan");
    let run = run.intervene(Intervention::HandOver { from: user("bob"), to: user("dan") });
    assert_eq!(run.approve("eve").pending(), "dan");
}

#[test]
fn nobody_plans_a_crowd() {
    let crowd = || (0..201).map(|number| user(&format!("p{number}"))).collect::<Vec<_>>();
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    let set = Intervention::SetApprovers { node: "b".into(), people: crowd() };
    assert!(matches!(run.try_intervene(set), Err(Rejection::TooMany { field: "people", .. })));
    let pick = PersonRule::InitiatorPick { many: true, among: Default::default() };
    let submit = zhupi_engine::Submit { picks: [("a".into(), crowd())].into(), ..Default::default() };
    let picking = template(vec![Block::Approval(node("a", by(pick)))]);
    let refused = Run::submit(world(), picking, "ann", submit).err();
    assert!(matches!(refused, Some(Rejection::TooMany { field: "picks", .. })), "{refused:?}");
}

#[test]
fn what_is_over_stays_over() {
    let mut run = start(vec![ask("a", &["bob"])]).approve("bob");
    let refused = run.try_intervene(Intervention::Terminate);
    assert_eq!(refused, Err(Rejection::NotRunning { status: Status::Approved }));
}

#[test]
fn whoever_cannot_mend_it_is_helped_by_giving_it_to_somebody_else() {
    let run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).approve("bob").send_back("cid", "");
    let slot = run.slot_of("ann");
    let mut run = run.intervene(Intervention::Reassign { slot, to: user("eve") });
    assert_eq!(run.try_resubmit("ann", json!({})), Err(Rejection::NotInitiator));
    assert_eq!(run.resubmit("eve", json!({})).pending(), "cid");
}

#[test]
fn nobody_chooses_who_decides_on_his_own_request() {
    let mut run = Run::start(world(), template(vec![ask("a", &["bob"]), ask("b", &["cid"])]), "root");
    let slot = run.slot_of("bob");
    for what in [
        Intervention::SetApprovers { node: "b".into(), people: vec![user("eve")] },
        Intervention::Reassign { slot, to: user("eve") },
        Intervention::HandOver { from: user("bob"), to: user("eve") },
    ] {
        let refused = run.try_intervene(what.clone());
        assert!(matches!(refused, Err(Rejection::NotEligible { .. })), "{what:?}: {refused:?}");
    }
}

#[test]
fn what_is_planned_goes_to_nobody_who_may_not_decide_there() {
    let refused = |run: &mut Run, from: &str, to: &str| {
        let what = Intervention::HandOver { from: user(from), to: user(to) };
        matches!(run.try_intervene(what), Err(Rejection::NotEligible { .. }))
    };
    let chained = |self_rule| {
        let world = world().department("D3", "", &["eve"]).department("D2", "D3", &["dan"]).department(
            "D1",
            "D2",
            &["cid"],
        );
        let chain = Approvers::Chain(department_chain(3));
        let approval = Approval { self_rule, ..node("a", chain) };
        Run::start(world.person("ann", &["D1"]), template(vec![Block::Approval(approval)]), "ann")
    };
    assert!(refused(&mut chained(None), "dan", "ann"), "further levels of a chain");
    assert!(!refused(&mut chained(Some(SelfRule::Approve)), "dan", "ann"));
    let mut frozen = template(vec![ask("a", &["bob"]), ask("b", &["cid"])]);
    frozen.settings.freeze_at_submit = true;
    assert!(refused(&mut Run::start(world(), frozen, "ann"), "cid", "ann"), "found at submit");
    let set = Intervention::SetApprovers { node: "b".into(), people: vec![user("dan")] };
    let mut run = start(vec![ask("a", &["bob"]), ask("b", &["cid"])]).intervene(set);
    assert!(refused(&mut run, "dan", "ann"), "set by an administrator");
    assert!(!refused(&mut run, "dan", "eve"));
}

#[test]
fn what_is_given_to_somebody_away_is_with_whoever_stands_in_for_him() {
    let begun = || Run::start(world().away("cid", "dan"), template(vec![ask("a", &["bob"])]), "ann");
    let run = begun();
    let slot = run.slot_of("bob");
    assert_eq!(run.intervene(Intervention::Reassign { slot, to: user("cid") }).pending(), "dan");
    let run = begun().intervene(Intervention::HandOver { from: user("bob"), to: user("cid") });
    assert_eq!(run.pending(), "dan");
}

#[test]
fn nobody_staffs_a_visit_with_a_crowd() {
    let mut run = with_admin(stuck());
    let visit = run.visit("lost").id;
    let refused = run.try_intervene(Intervention::Staff { visit, people: vec![user("cid"); 51] });
    assert_eq!(refused, Err(Rejection::TooMany { field: "people", limit: 50 }));
}

#[test]
fn what_was_decided_in_a_branch_is_void_after_a_jump_to_the_branch() {
    let lane = lane("l", 1, When::Default, vec![ask("a", &["bob"])]);
    let run = Run::start(world(), template(vec![branch("br", vec![lane]), ask("b", &["cid"])]), "ann");
    let to = "br".into();
    let run = run.approve("bob").intervene(Intervention::Jump { token: TokenId(0), to });
    assert!(run.visits("a")[0].superseded);
    assert_eq!(run.pending(), "bob");
}

/// An administrator whose own request is stuck says who decides only where nobody else can say it.
#[test]
fn nobody_staffs_his_own_request_while_another_administers() {
    let lost = Block::Approval(node("lost", by(PersonRule::Role(role("R")))));
    let stuck = || {
        let world = world().without_admin();
        Run::start(world, template(vec![lost.clone()]), "root")
    };
    let staff = |run: &Run, whom: &str| {
        let what = Intervention::Staff { visit: run.visit("lost").id, people: vec![user(whom)] };
        Command::Intervene { what, reason: "it has to go on".to_owned() }
    };
    let mut run = with_admin(stuck());
    run.template.settings.managers = vec![user("dan")];
    let refused = run.act("root", staff(&run, "eve"));
    assert!(matches!(refused, Err(Rejection::NotEligible { .. })), "{refused:?}");
    run.act("dan", staff(&run, "eve")).unwrap();
    assert_eq!(run.pending(), "eve");
    let mut alone = with_admin(stuck());
    let own = alone.act("root", staff(&alone, "root"));
    assert!(matches!(own, Err(Rejection::NotEligible { .. })), "{own:?}");
    alone.act("root", staff(&alone, "eve")).unwrap();
    assert_eq!(alone.pending(), "eve");
}

#[test]
fn those_beside_a_branch_that_is_stuck_are_urged() {
    let lost = Block::Approval(node("lost", by(PersonRule::Role(role("R")))));
    let fork = parallel("f", vec![vec![ask("a", &["bob"])], vec![lost]]);
    let mut run = Run::start(world().without_admin(), template(vec![Block::Parallel(fork)]), "ann");
    assert_eq!(run.status(), Status::Suspended);
    let urge = || Command::Urge { comment: String::new() };
    run.act("ann", urge()).unwrap();
    let Some(Event::Urged { people, .. }) = run.events.last() else { panic!("{:?}", run.events.last()) };
    assert_eq!(people, &[user("bob")]);
    let mut run = run.approve("bob").wait_hours(2);
    assert_eq!(run.act("ann", urge()), Err(Rejection::NotOffered { action: "urge" }));
}
