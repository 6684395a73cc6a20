//! B3.6: claim pools, and one of several people chosen by lot, in turn or by load.

use crate::world::*;
use zhupi_engine::approvers::WhyNote;
use zhupi_engine::command::Outside;
use zhupi_engine::event::Decision;
use zhupi_engine::instance::{SlotState, VisitKind};
use zhupi_engine::preview::{Step, Uncertain};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status, Submit};

fn company() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

fn assigned(assign: Assign) -> Template {
    template(vec![Block::Approval(Approval { assign, ..node("n", members(&["bob", "cid", "dan"])) })])
}

fn pool() -> Run {
    Run::start(company(), assigned(Assign::Pool), "ann")
}

impl Run {
    fn claim(&mut self, name: &str) -> Result<(), Rejection> {
        let slot = self.slot_of(name);
        self.act(name, Command::Claim { slot })
    }

    fn release(&mut self, name: &str) -> Result<(), Rejection> {
        let slot = self.slot_of(name);
        self.act(name, Command::Release { slot })
    }
}

#[test]
fn a_pool_is_offered_to_everybody_and_pends_at_nobody() {
    let mut run = pool();
    assert_eq!((run.pending().as_str(), run.state("bob")), ("", SlotState::Offered));
    assert_eq!(run.visit("n").kind, VisitKind::Pool);
    assert_eq!(run.try_approve("bob"), Err(Rejection::NotClaimed));
}

#[test]
fn whoever_may_take_it_can_be_asked_to_hurry() {
    let mut run = pool();
    run.act("ann", Command::Urge { comment: String::new() }).unwrap();
    let people = run.events.iter().find_map(|event| match event {
        Event::Urged { people, .. } => Some(people.iter().map(|it| name(*it)).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(people, Some(vec!["bob".to_owned(), "cid".to_owned(), "dan".to_owned()]));
}

#[test]
fn whoever_claims_decides_alone_and_others_see_it_as_taken() {
    let mut run = pool();
    run.claim("cid").unwrap();
    assert_eq!((run.pending().as_str(), run.state("bob")), ("cid", SlotState::Taken));
    let taken = Err(Rejection::Taken { by: Some(user("cid")) });
    assert_eq!(run.claim("bob"), taken);
    assert_eq!(run.try_approve("dan"), taken);
    assert_eq!(run.claim("cid"), Ok(()), "he has it already");
    let run = run.approve("cid");
    assert_eq!((run.status(), run.state("bob")), (Status::Approved, SlotState::NotNeeded));
}

#[test]
fn the_claimers_rejection_rejects() {
    let mut run = pool();
    run.claim("dan").unwrap();
    assert_eq!(run.reject("dan").status(), Status::Rejected);
}

#[test]
fn releasing_gives_it_back_to_the_pool() {
    let mut run = pool();
    assert_eq!(run.release("bob"), Err(Rejection::NotClaimed));
    run.claim("bob").unwrap();
    assert_eq!(run.release("cid"), Err(Rejection::Taken { by: Some(user("bob")) }));
    run.release("bob").unwrap();
    assert_eq!((run.state("bob"), run.state("cid")), (SlotState::Offered, SlotState::Offered));
    run.claim("cid").unwrap();
    assert_eq!(run.approve("cid").status(), Status::Approved);
}

#[test]
fn the_time_limit_goes_on_whoever_has_it() {
    let mut run = pool();
    let limit = |run: &Run| (run.visit("n").due_at, run.visit("n").timers.clone());
    let before = limit(&run);
    run.claim("bob").unwrap();
    run.release("bob").unwrap();
    assert_eq!(limit(&run), before);
}

#[test]
fn only_those_of_the_pool_claim_and_only_while_it_runs() {
    let mut run = pool();
    let slot = run.slot_of("bob");
    assert_eq!(run.act("ann", Command::Claim { slot }), Err(Rejection::NotYourTask));
    run.act("ann", Command::Withdraw { reason: String::new() }).unwrap();
    assert_eq!(run.claim("bob"), Err(Rejection::NotRunning { status: Status::Withdrawn }));
    let mut plain = Run::start(company(), template(vec![ask("n", &["bob"])]), "ann");
    assert_eq!(plain.claim("bob"), Err(Rejection::NotOffered { action: "claim" }));
}

#[test]
fn the_self_rule_holds_for_claims_too() {
    let mut template = assigned(Assign::Pool);
    let Block::Approval(node) = &mut template.flow[0] else { panic!() };
    node.self_rule = Some(SelfRule::Exclude);
    node.approvers = members(&["ann", "bob"]);
    let mut run = Run::start(company(), template, "ann");
    assert_eq!(run.claim("ann"), Err(Rejection::TaskNotFound { slot: zhupi_engine::ids::SlotId(999) }));
    run.claim("bob").unwrap();
    assert_eq!(run.pending(), "bob");
}

fn submitted(assign: Assign, outside: Outside) -> Run {
    Run::submit_with(company(), assigned(assign), "ann", Submit::default(), outside).unwrap()
}

fn note(run: &Run) -> WhyNote {
    run.visit("n").slots[0].why.notes[0].clone()
}

#[test]
fn one_is_drawn_by_lot_and_the_reason_says_with_what() {
    let mut drawn = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let run = submitted(Assign::Random, Outside { seed, ..Outside::default() });
        let WhyNote::Drawn { seed: lot, of } = note(&run) else { panic!() };
        assert_eq!(run.pending(), ["bob", "cid", "dan"][(lot % u64::from(of)) as usize]);
        drawn.insert(run.pending());
        assert_eq!(run.visit("n").slots.len(), 1);
    }
    assert_eq!(drawn.len(), 3, "everybody is drawn some time");
}

#[test]
fn the_same_history_gives_the_same_choice_without_knowing_the_lot() {
    let run = submitted(Assign::Random, Outside { seed: 7, ..Outside::default() });
    let mut replayed = zhupi_engine::Instance::draft(
        run.instance.id,
        run.instance.template,
        run.instance.template_version,
        run.instance.initiator,
    );
    run.events.iter().for_each(|event: &Event| replayed.apply(event));
    assert_eq!(replayed.visits, run.instance.visits);
}

#[test]
fn each_has_his_turn_from_instance_to_instance() {
    let after = |last: Option<&str>| {
        let last = last.map(|last| ("n".into(), user(last))).into_iter().collect();
        submitted(Assign::RoundRobin, Outside { last, ..Outside::default() })
    };
    assert_eq!(after(None).pending(), "bob");
    assert_eq!(after(Some("bob")).pending(), "cid");
    assert_eq!(after(Some("dan")).pending(), "bob");
    assert_eq!(after(Some("gone")).pending(), "bob");
    assert_eq!(note(&after(Some("bob"))), WhyNote::HisTurn { after: Some(user("bob")) });
}

#[test]
fn the_least_loaded_is_asked() {
    let loads = [("bob", 4), ("cid", 1), ("dan", 1)].map(|(name, load)| (user(name), load)).into();
    let run = submitted(Assign::LeastLoaded, Outside { loads, ..Outside::default() });
    assert_eq!((run.pending().as_str(), note(&run)), ("cid", WhyNote::LeastLoaded { open: 1 }));
}

#[test]
fn nobody_is_drawn_who_counts_as_having_approved() {
    let mut template = assigned(Assign::Random);
    let Block::Approval(node) = &mut template.flow[0] else { panic!() };
    node.approvers = members(&["ann", "bob"]);
    for seed in 0..10 {
        let outside = Outside { seed, ..Outside::default() };
        let run = Run::submit_with(company(), template.clone(), "ann", Submit::default(), outside).unwrap();
        assert_eq!(run.pending(), "bob");
    }
}

#[test]
fn a_preview_draws_nobody_and_says_that_it_is_uncertain() {
    let preview = look_ahead(&company(), &assigned(Assign::Random), "ann", serde_json::json!({}));
    let [Step::Approval { people, uncertain, .. }] = &preview.steps[..] else { panic!() };
    assert_eq!((people.len(), uncertain.as_slice()), (3, &[Uncertain::OneOfThem][..]));
    assert_eq!(preview.ends, Status::Approved);
    let preview = look_ahead(&company(), &assigned(Assign::Pool), "ann", serde_json::json!({}));
    assert_eq!(preview.ends, Status::Approved);
}

#[test]
fn a_handler_reports_it_done_and_rejects_nothing() {
    let node = Approval { handle: true, ..node("n", by(PersonRule::Initiator)) };
    let mut run = Run::start(company(), template(vec![Block::Approval(node)]), "ann");
    assert_eq!((run.pending().as_str(), run.visit("n").kind), ("ann", VisitKind::Handle));
    let slot = run.slot_of("ann");
    let refused = run.act("ann", Command::decide(Decision::Reject, slot, "no"));
    assert_eq!(refused, Err(Rejection::NotOffered { action: "reject" }));
    assert_eq!(run.approve("ann").status(), Status::Approved);
}

#[test]
fn the_initiators_place_in_a_pool_does_not_pass_it() {
    let pool = |names: &[&str]| {
        let approval = Approval { assign: Assign::Pool, ..node("n", members(names)) };
        Run::start(company(), template(vec![Block::Approval(approval)]), "ann")
    };
    let mut run = pool(&["ann", "bob", "cid"]);
    assert_eq!((run.status(), run.state("bob")), (Status::Running, SlotState::Offered));
    run.claim("cid").unwrap();
    assert_eq!(run.approve("cid").status(), Status::Approved);
    assert_eq!(pool(&["ann"]).status(), Status::Approved);
}

/// The same number draws the same one on every machine and in every release.
#[test]
fn the_lot_falls_alike_everywhere() {
    let drawn = |seed| submitted(Assign::Random, Outside { seed, ..Outside::default() }).pending();
    let drawn: Vec<String> = (0..8).chain([u64::MAX]).map(drawn).collect();
    assert_eq!(drawn.join(" "), "cid dan cid bob cid dan dan bob dan");
}

#[test]
fn whoever_was_drawn_and_is_asked_once_more_says_once_why() {
    let drawn = Approval { assign: Assign::RoundRobin, ..node("n", members(&["bob", "cid"])) };
    let returns = ReturnRule { receiver: Receiver::Acted, ..ReturnRule::default() };
    let second = Approval { returns, ..node("m", members(&["dan"])) };
    let flow = template(vec![Block::Approval(drawn), Block::Approval(second)]);
    let run = Run::start(company(), flow, "ann").approve("bob").send_back("dan", "n");
    assert_eq!((run.pending().as_str(), run.visits("n").len()), ("bob", 2));
    assert_eq!(run.why("bob").notes, [WhyNote::HisTurn { after: None }]);
}
