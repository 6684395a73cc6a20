//! People whom an approver picks for a later node, and people found once and for all at submit.

use crate::flows::*;
use crate::world::*;
use serde_json::json;
use std::collections::BTreeMap;
use zhupi_engine::approvers::WhyRule;
use zhupi_engine::command::Opinion;
use zhupi_engine::form::FieldKind;
use zhupi_engine::ids::{NodeId, UserId};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Rejection, Status, Submit};

fn company() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eva", "mona"])
}

fn picking(many: bool) -> Template {
    let rule = PersonRule::ApproverPick { at: "first".into(), many, among: scope_of(&["cid", "dan"]) };
    let mut template = template(vec![ask("first", &["bob"]), Block::Approval(node("second", by(rule)))]);
    template.settings.managers = vec![user("mona")];
    template
}

fn picks(node: &str, names: &[&str]) -> BTreeMap<NodeId, Vec<UserId>> {
    BTreeMap::from([(node.into(), names.iter().map(|it| user(it)).collect())])
}

fn approve(run: &mut Run, name: &str, picks: BTreeMap<NodeId, Vec<UserId>>) -> Result<(), Rejection> {
    let opinion = Opinion { picks, ..Opinion::new(run.slot_of(name), "") };
    run.act(name, Command::Approve(opinion))
}

fn start(many: bool) -> Run {
    Run::start(company(), picking(many), "ann")
}

#[test]
fn whom_an_approver_picks_is_asked_at_the_later_node() {
    let mut run = start(false);
    approve(&mut run, "bob", picks("second", &["dan"])).unwrap();
    assert_eq!((run.pending().as_str(), run.why("dan").rule), ("dan", WhyRule::ApproverPicked));
}

#[test]
fn he_picks_among_those_offered_and_as_many_as_offered() {
    let mut run = start(false);
    let refused = approve(&mut run, "bob", picks("second", &["eva"]));
    assert_eq!(refused, Err(Rejection::PickNotAllowed { node: "second".into(), user: user("eva") }));
    let refused = approve(&mut run, "bob", picks("second", &["cid", "dan"]));
    assert_eq!(refused, Err(Rejection::PickTooMany { node: "second".into() }));
    let refused = approve(&mut run, "bob", picks("first", &["cid"]));
    assert_eq!(refused, Err(Rejection::PickNotAllowed { node: "first".into(), user: user("cid") }));
    assert_eq!(run.pending(), "bob");
    let mut run = start(true);
    approve(&mut run, "bob", picks("second", &["cid", "dan"])).unwrap();
    assert_eq!(run.pending(), "cid dan");
}

#[test]
fn whoever_has_left_is_not_picked() {
    let mut run = start(false);
    run.world = run.world.disabled("cid");
    let refused = approve(&mut run, "bob", picks("second", &["cid"]));
    assert_eq!(refused, Err(Rejection::PickNotAllowed { node: "second".into(), user: user("cid") }));
}

#[test]
fn without_a_pick_the_empty_rule_applies() {
    assert_eq!(start(false).approve("bob").pending(), "mona");
}

#[test]
fn who_rejects_picks_nobody() {
    let mut run = start(false);
    let opinion = Opinion { picks: picks("second", &["cid"]), ..Opinion::new(run.slot_of("bob"), "no") };
    assert_eq!(run.act("bob", Command::Reject(opinion)), Err(Rejection::NotOffered { action: "pick" }));
}

#[test]
fn a_preview_says_that_an_approver_will_pick() {
    let mut template = picking(false);
    let Block::Approval(second) = &mut template.flow[1] else { panic!() };
    second.empty = EmptyRule::BlockSubmit;
    let preview = look_ahead(&company(), &template, "ann", json!({}));
    assert_eq!(outline(&preview.steps), "first Open bob\nsecond Open  ApproverPicks");
    assert_eq!(preview.ends, Status::Approved);
    assert_eq!(Run::start(company(), template, "ann").pending(), "bob", "nothing is missing yet");
}

fn frozen(flow: Vec<Block>, freeze_at_submit: bool) -> Template {
    let mut template = template(flow);
    template.settings.freeze_at_submit = freeze_at_submit;
    template
}

#[test]
fn frozen_approvers_stay_whatever_becomes_of_the_organisation() {
    let asked = |freeze| {
        let holders = Block::Approval(node("second", by(PersonRule::Role(role("R")))));
        let world = company().role("R", &["cid"]);
        let mut run = Run::start(world, frozen(vec![ask("first", &["bob"]), holders], freeze), "ann");
        run.world = company().role("R", &["dan"]);
        run.approve("bob").pending()
    };
    assert_eq!((asked(true).as_str(), asked(false).as_str()), ("cid", "dan"));
}

#[test]
fn a_frozen_chain_keeps_its_levels() {
    let world = |heads: [&str; 2]| {
        let world = company().department("D1", "D2", &[heads[0], "dan"]).department("D2", "", &[heads[1]]);
        world.person("ann", &["D1"])
    };
    let chain = Block::Approval(node("chain", Approvers::Chain(department_chain(2))));
    let mut run =
        Run::start(world(["bob", "cid"]), frozen(vec![ask("first", &["mona"]), chain], true), "ann");
    run.world = world(["eva", "eva"]);
    let run = run.approve("mona");
    assert_eq!((run.pending().as_str(), run.visit("chain").level), ("bob dan", 1));
    let run = run.approve("dan");
    assert_eq!((run.pending().as_str(), run.visit("chain").level), ("cid", 2));
}

#[test]
fn who_was_frozen_and_has_left_is_not_asked() {
    let template = frozen(vec![ask("first", &["bob"]), ask("second", &["cid"])], true);
    let mut run = Run::start(company(), template, "ann");
    run.world = run.world.disabled("cid");
    assert_eq!(run.approve("bob").pending(), "root");
}

#[test]
fn the_initiator_is_picked_only_where_he_may_decide_himself() {
    let himself = Err(Rejection::PickNotAllowed { node: "n".into(), user: user("ann") });
    let submitted = |self_rule| {
        let pick = PersonRule::InitiatorPick { many: false, among: Default::default() };
        let approval = Approval { self_rule, ..node("n", by(pick)) };
        let submit = Submit { picks: picks("n", &["ann"]), ..Submit::default() };
        let run = Run::submit(company(), template(vec![Block::Approval(approval)]), "ann", submit);
        run.map(|run| run.pending())
    };
    assert_eq!(submitted(None), himself);
    assert_eq!(submitted(Some(SelfRule::Skip)), himself);
    assert_eq!(submitted(Some(SelfRule::Approve)), Ok("ann".to_owned()));
    let mut run = Run::start(company(), picking(false), "cid");
    let refused = approve(&mut run, "bob", picks("second", &["cid"]));
    assert_eq!(refused, Err(Rejection::PickNotAllowed { node: "second".into(), user: user("cid") }));
}

/// Whom a branch runs for is known only when it begins.
#[test]
fn levels_above_the_element_of_a_list_are_not_fixed_at_submit() {
    let world =
        World::new().department("D1", "", &["cid"]).department("D2", "", &["dan"]).people(&["ann", "eva"]);
    let chain = Chain { start: Start::Item, ..department_chain(1) };
    let single = by(PersonRule::DepartmentHead(Level { start: Start::Item, ..Level::nth(1) }));
    for approvers in [Approvers::Chain(chain), single] {
        let heads = vec![Block::Approval(node("heads", approvers))];
        let list = vec![field("where", FieldKind::Department)];
        let mut template = with_form(list, vec![Block::Each(each("e", "where", heads))]);
        template.settings.freeze_at_submit = true;
        let where_to = [department("D1").to_string(), department("D2").to_string()];
        let run = Run::start_with(world.clone(), template, "ann", json!({ "where": where_to }));
        assert_eq!(run.pending(), "cid dan");
    }
}
