//! B1: the pipeline of one visit.

use crate::world::*;
use serde_json::json;
use zhupi_engine::Status;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::form::{Access, FieldAccess, FieldKind};
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::{Approval, Approvers, Block, Dedup, EmptyRule, PersonRule, SelfRule};

/// T: role with one disabled holder → 0 persons → empty rule.
#[test]
fn a_role_with_one_disabled_holder_runs_the_empty_rule() {
    let world = World::new().people(&["ann"]).role("R", &["bob"]).disabled("bob");
    let run =
        Run::start(world, template(vec![Block::Approval(node("n", by(PersonRule::Role(role("R")))))]), "ann");
    assert_eq!(run.pending(), "root");
    assert_eq!(run.why("root").rule, WhyRule::WorkspaceAdmin);
    assert_eq!(run.why("root").notes, [WhyNote::LeftOut { name: "bob".to_owned() }]);
}

/// T: initiator is the only role holder with self=skip → visit auto approved, reason `self_skip`.
#[test]
fn the_initiator_as_only_holder_with_skip_is_approved_automatically() {
    let world = World::new().role("R", &["ann"]);
    let mut approval = node("n", by(PersonRule::Role(role("R"))));
    approval.self_rule = Some(SelfRule::Skip);
    let run = Run::start(world, template(vec![Block::Approval(approval)]), "ann");
    assert_eq!(run.visit("n").state, VisitState::AutoApproved);
    assert_eq!(run.state("ann"), SlotState::Auto(AutoReason::SelfSkip));
    assert_eq!(run.status(), Status::Approved);
}

/// T: same person by role and by name → one slot.
#[test]
fn the_same_person_by_role_and_by_name_has_one_slot() {
    let world = World::new().people(&["ann"]).role("R", &["bob", "cid"]);
    let rules = Approvers::People(vec![named(&["bob"]), PersonRule::Role(role("R"))]);
    let run = Run::start(world, template(vec![Block::Approval(node("n", rules))]), "ann");
    assert_eq!(run.pending(), "bob cid");
    let also = WhyRule::Role { role: role("R"), name: "R".to_owned() };
    assert_eq!(run.why("bob").notes, [WhyNote::AlsoBy { rule: Box::new(also) }]);
}

#[test]
fn people_come_in_the_order_of_the_rules_with_their_reasons() {
    let world = World::new().people(&["ann"]).group("G", &["cid"]).role("R", &["bob"]);
    let rules = vec![PersonRule::Group(group("G")), PersonRule::Role(role("R")), named(&["dan"])];
    let run = Run::start(
        world.people(&["dan"]),
        template(vec![Block::Approval(node("n", Approvers::People(rules)))]),
        "ann",
    );
    assert_eq!(run.pending(), "cid bob dan");
    assert_eq!(run.why("cid").to_string(), "member of the group G");
    assert_eq!(run.why("bob").to_string(), "holds the role R");
    assert_eq!(run.why("dan").to_string(), "named in the template");
}

#[test]
fn slots_are_a_snapshot_later_changes_of_a_role_do_not_alter_them() {
    let world = World::new().people(&["ann"]).role("R", &["bob"]);
    let mut run =
        Run::start(world, template(vec![Block::Approval(node("n", by(PersonRule::Role(role("R")))))]), "ann");
    run.world = World::new().people(&["ann", "bob"]).role("R", &["cid"]);
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn a_person_in_a_form_field_decides() {
    let world = World::new().people(&["ann", "bob"]);
    let form = vec![field("who", FieldKind::Contact)];
    let flow = vec![Block::Approval(node("n", by(PersonRule::FormPerson("who".into()))))];
    let run = Run::start_with(world, with_form(form, flow), "ann", json!({"who": [user("bob").to_string()]}));
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.why("bob").to_string(), "named in the form under who");
}

#[test]
fn people_are_found_with_what_the_form_says_when_it_comes_to_them() {
    let edit = FieldAccess([("who".into(), Access::Edit)].into());
    let first = Approval { fields: edit, ..node("first", members(&["dan"])) };
    let second = node("second", by(PersonRule::FormPerson("who".into())));
    let flow = vec![Block::Approval(first), Block::Approval(second)];
    let template = with_form(vec![field("who", FieldKind::Contact)], flow);
    let world = World::new().people(&["ann", "bob", "cid", "dan"]);
    let run = Run::start_with(world, template, "ann", json!({ "who": [user("bob").to_string()] }));
    let run = run.approve_with("dan", json!({ "who": [user("cid").to_string()] }));
    assert_eq!(run.pending(), "cid");
}

/// First the self rule, then de-dup; a node that either of them empties has passed, and its empty rule is not asked.
#[test]
fn the_self_rule_comes_before_de_dup_and_both_before_the_empty_rule() {
    let own = Approval { self_rule: Some(SelfRule::Approve), ..node("first", members(&["ann"])) };
    let skip = Approval { empty: EmptyRule::AutoReject, ..node("second", members(&["ann"])) };
    let spared = Approval { empty: EmptyRule::AutoReject, ..node("fourth", members(&["bob"])) };
    let flow =
        vec![Block::Approval(own), Block::Approval(skip), ask("third", &["bob"]), Block::Approval(spared)];
    let mut template = template(flow);
    template.settings.dedup = Dedup::FirstOnly;
    let run = Run::start(World::new().people(&["ann", "bob"]), template, "ann").approve("ann");
    assert_eq!(run.visit("second").slots[0].state, SlotState::Auto(AutoReason::SelfSkip));
    let run = run.approve("bob");
    assert_eq!((run.status(), run.visit("fourth").state), (Status::Approved, VisitState::AutoApproved));
    assert!(matches!(run.visit("fourth").slots[0].state, SlotState::Auto(AutoReason::Duplicate { .. })));
}

/// An absence does not make somebody's own approval before into one of his substitute's.
#[test]
fn who_is_away_is_looked_at_after_who_has_approved_before() {
    let mut flow = template(vec![ask("a", &["bob"]), ask("b", &["bob"])]);
    flow.settings.dedup = Dedup::Consecutive;
    let run = Run::start(World::new().people(&["ann", "bob", "eve"]), flow, "ann");
    let run = run.with(|world| world.away("bob", "eve").keeping_what_is_open());
    assert_eq!(run.approve("bob").status(), Status::Approved);
}
