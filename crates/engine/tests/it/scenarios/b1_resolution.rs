//! B1: the pipeline of one visit.

use crate::world::*;
use zhupi_engine::Status;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::{Approvers, PersonRule, SelfRule};

/// T: role with one disabled holder → 0 persons → empty rule.
#[test]
fn a_role_with_one_disabled_holder_runs_the_empty_rule() {
    let world = World::new().people(&["ann"]).role("R", &["bob"]).disabled("bob");
    let run = Run::start(
        world,
        template(vec![zhupi_engine::template::Block::Approval(node("n", by(PersonRule::Role(role("R")))))]),
        "ann",
    );
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
    let run = Run::start(world, template(vec![zhupi_engine::template::Block::Approval(approval)]), "ann");
    assert_eq!(run.visit("n").state, VisitState::AutoApproved);
    assert_eq!(run.state("ann"), SlotState::Auto(AutoReason::SelfSkip));
    assert_eq!(run.status(), Status::Approved);
}

/// T: same person by role and by name → one slot.
#[test]
fn the_same_person_by_role_and_by_name_has_one_slot() {
    let world = World::new().people(&["ann"]).role("R", &["bob", "cid"]);
    let rules = Approvers::People(vec![named(&["bob"]), PersonRule::Role(role("R"))]);
    let run =
        Run::start(world, template(vec![zhupi_engine::template::Block::Approval(node("n", rules))]), "ann");
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
        template(vec![zhupi_engine::template::Block::Approval(node("n", Approvers::People(rules)))]),
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
    let mut run = Run::start(
        world,
        template(vec![zhupi_engine::template::Block::Approval(node("n", by(PersonRule::Role(role("R")))))]),
        "ann",
    );
    run.world = World::new().people(&["ann", "bob"]).role("R", &["cid"]);
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn a_person_in_a_form_field_decides() {
    let world = World::new().people(&["ann", "bob"]);
    let form = vec![field("who", zhupi_engine::form::FieldKind::Contact)];
    let flow =
        vec![zhupi_engine::template::Block::Approval(node("n", by(PersonRule::FormPerson("who".into()))))];
    let run = Run::start_with(
        world,
        with_form(form, flow),
        "ann",
        serde_json::json!({"who": [user("bob").to_string()]}),
    );
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.why("bob").to_string(), "named in the form under who");
}
