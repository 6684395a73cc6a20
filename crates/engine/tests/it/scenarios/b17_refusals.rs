//! B17 and every refusal that no other file shows.

use crate::world::*;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::SlotId;
use zhupi_engine::template::{AllReject, Approval, Block, Demand, Mode, SelfRule};
use zhupi_engine::{Command, Envelope, Rejection, Status, decide};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid"])
}

fn run() -> Run {
    Run::start(world(), template(vec![ask("n", &["bob"])]), "ann")
}

fn approve(slot: u32) -> Command {
    Command::decide(Decision::Approve, SlotId(slot), "")
}

#[test]
fn an_unknown_task_and_somebody_elses_task() {
    assert_eq!(run().act("bob", approve(7)), Err(Rejection::TaskNotFound { slot: SlotId(7) }));
    assert_eq!(run().act("cid", approve(0)), Err(Rejection::NotYourTask));
}

#[test]
fn another_version_than_the_one_seen() {
    let run = run();
    let envelope = Envelope {
        actor: user("bob"),
        at: at(99),
        seen_version: Some(7),
        command: approve(0),
        outside: Default::default(),
    };
    let refused = decide(&run.template, &run.world.directory(), &run.instance, &envelope);
    assert_eq!(refused, Err(Rejection::StaleVersion { seen: 7, actual: 1 }));
    let seen = Envelope { seen_version: Some(1), ..envelope };
    assert!(decide(&run.template, &run.world.directory(), &run.instance, &seen).is_ok());
}

#[test]
fn somebody_who_has_left_decides_nothing() {
    let mut run = run();
    run.world = run.world.disabled("bob");
    assert_eq!(run.act("bob", approve(0)), Err(Rejection::UserNotActive { user: user("bob") }));
}

#[test]
fn an_opinion_where_the_node_needs_one() {
    let with = |opinion| {
        let approval = Approval { opinion, ..node("n", members(&["bob"])) };
        Run::start(world(), template(vec![Block::Approval(approval)]), "ann")
    };
    let missing = Err(Rejection::TextRequired { field: "comment" });
    let reject = || Command::decide(Decision::Reject, SlotId(0), " ");
    assert_eq!(with(Demand::Required).act("bob", approve(0)), missing);
    assert_eq!(with(Demand::OnReject).act("bob", approve(0)), Ok(()));
    assert_eq!(with(Demand::OnReject).act("bob", reject()), missing);
    assert_eq!(with(Demand::Optional).act("bob", reject()), Ok(()));
}

#[test]
fn too_many_words() {
    let comment = "x".repeat(2_001);
    let refused = run().act("bob", Command::decide(Decision::Approve, SlotId(0), comment));
    assert_eq!(refused, Err(Rejection::TextTooLong { field: "comment", limit: 2_000 }));
}

#[test]
fn a_refusal_changes_nothing() {
    let mut run = run();
    let before = run.instance.clone();
    run.act("cid", approve(0)).unwrap_err();
    assert_eq!(run.instance, before);
}

#[test]
fn comments_are_kept_after_the_end_too() {
    let mut run = run().approve("bob");
    run.act("ann", Command::comment(" thanks ")).unwrap();
    assert_eq!((run.instance.comments[0].text.as_str(), run.status()), ("thanks", Status::Approved));
    let refused = run.act("ann", Command::comment(" "));
    assert_eq!(refused, Err(Rejection::TextRequired { field: "text" }));
}

#[test]
fn a_manager_stands_in_where_the_template_allows_it_and_both_names_are_kept() {
    let mut template = template(vec![ask("n", &["bob"])]);
    template.settings.managers = vec![user("cid")];
    assert_eq!(
        Run::start(world(), template.clone(), "ann").act("cid", approve(0)),
        Err(Rejection::NotYourTask)
    );
    template.settings.allow_agent = true;
    let mut run = Run::start(world(), template, "ann");
    run.act("cid", approve(0)).unwrap();
    let (_, slot) = run.instance.slot(SlotId(0)).unwrap();
    assert_eq!((slot.assignee, slot.decided.as_ref().unwrap().by), (user("bob"), user("cid")));
}

/// Standing in is one more path to a slot, and the self rule holds on every path (B6.1).
#[test]
fn the_initiator_stands_in_on_his_own_request_only_where_he_may_approve_himself() {
    let with = |self_rule| {
        let approval = Approval { self_rule, ..node("n", members(&["bob"])) };
        let mut template = template(vec![Block::Approval(approval)]);
        template.settings.managers = vec![user("ann")];
        template.settings.allow_agent = true;
        template
    };
    assert_eq!(Run::start(world(), with(None), "ann").act("ann", approve(0)), Err(Rejection::NotYourTask));
    assert_eq!(Run::start(world(), with(None), "root").act("root", approve(0)), Err(Rejection::NotYourTask));
    assert_eq!(Run::start(world(), with(None), "cid").act("ann", approve(0)), Ok(()));
    let allowed = with(Some(SelfRule::Approve));
    assert_eq!(Run::start(world(), allowed, "ann").act("ann", approve(0)), Ok(()));
}

#[test]
fn a_task_that_a_rule_closed_names_nobody() {
    let by_rule = Err(Rejection::AlreadyDecided { by: None, name: None, at: None, decision: None });
    let all = Mode::Countersign { reject: AllReject::AtOnce };
    let skipped = template(vec![ask_in("n", &["ann", "bob", "cid"], all)]);
    assert_eq!(Run::start(world(), skipped, "ann").approve("bob").try_approve("ann"), by_rule);
    let passed_over = template(vec![ask_in("n", &["bob", "cid", "root"], Mode::InTurn)]);
    let mut run = Run::start(world(), passed_over, "ann");
    run.world = world().disabled("cid");
    let mut run = run.approve("bob");
    run.world = world();
    assert_eq!(run.try_approve("cid"), by_rule);
}

#[test]
fn a_manager_decides_in_one_place_of_a_visit() {
    let all = Mode::Countersign { reject: AllReject::AtOnce };
    let stands_in = |names: &[&str]| {
        let mut template = template(vec![ask_in("n", names, all)]);
        template.settings.managers = vec![user("cid")];
        template.settings.allow_agent = true;
        Run::start(world().people(&["dan"]), template, "ann")
    };
    let mut run = stands_in(&["bob", "dan"]);
    run.act("cid", approve(0)).unwrap();
    assert_eq!(run.act("cid", approve(1)), Err(Rejection::NotYourTask));
    run.act("root", approve(1)).unwrap();
    assert_eq!(run.status(), Status::Approved);
    assert_eq!(stands_in(&["bob", "cid"]).act("cid", approve(0)), Err(Rejection::NotYourTask));
}

#[test]
fn nobody_stands_in_where_the_approvers_own_hand_is_wanted() {
    let approval = Approval { own_hand: true, ..node("n", members(&["bob"])) };
    let mut template = template(vec![Block::Approval(approval)]);
    template.settings.allow_agent = true;
    let mut run = Run::start(world(), template, "ann");
    assert_eq!(run.act("root", approve(0)), Err(Rejection::NotYourTask));
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn whoever_comes_after_a_colleague_sent_it_back_reads_who_did() {
    let flow = template(vec![ask("a", &["bob"]), ask("b", &["cid", "dan"])]);
    let world = World::new().people(&["ann", "bob", "cid", "dan"]);
    let mut run = Run::start(world, flow, "ann").approve("bob").send_back("cid", "a");
    let closed = run.visit("b").closed_at;
    let late = run.try_approve("dan").unwrap_err();
    let (by, name) = (Some(user("cid")), Some("cid".to_owned()));
    assert_eq!(late.to_string(), "the task has been decided already by cid");
    assert_eq!(late, Rejection::AlreadyDecided { by, name, at: closed, decision: None });
}
