//! B6.1: the initiator among the approvers.

use crate::world::*;
use zhupi_engine::Status;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::instance::{AutoReason, SlotState};
use zhupi_engine::template::{Approval, Block, Mode, SelfRule};

fn run(rule: Option<SelfRule>, control: bool, mode: Mode, names: &[&str]) -> Run {
    let world = World::new()
        .department("D1", "D2", &["ann"])
        .department("D2", "", &["h2"])
        .person("ann", &["D1"])
        .reports_to("ann", "sue")
        .people(&["bob"]);
    let approval = Approval { self_rule: rule, control, mode, ..node("n", members(names)) };
    Run::start(world, template(vec![Block::Approval(approval)]), "ann")
}

const ALL: Mode = Mode::Countersign { reject: zhupi_engine::template::AllReject::AtOnce };

#[test]
fn approve_lets_him_decide() {
    let run = run(Some(SelfRule::Approve), false, Mode::default(), &["ann", "bob"]);
    assert_eq!(run.pending(), "ann bob");
}

#[test]
fn skip_is_the_default_and_counts_as_approved() {
    let run = run(None, false, ALL, &["ann", "bob"]);
    assert_eq!((run.pending().as_str(), run.state("ann")), ("bob", SlotState::Auto(AutoReason::SelfSkip)));
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn supervisor_is_the_default_of_control_nodes() {
    let run = run(None, true, Mode::default(), &["ann"]);
    assert_eq!(run.pending(), "sue");
    assert_eq!(run.why("sue").notes, [WhyNote::InsteadOfInitiator]);
}

#[test]
fn department_head_is_the_next_one_up_where_he_is_the_head_himself() {
    let run = run(Some(SelfRule::DepartmentHead), false, ALL, &["ann", "bob"]);
    assert_eq!(run.pending(), "h2 bob");
    let rule = WhyRule::DepartmentHead { level: 2, department: department("D2"), name: "D2".to_owned() };
    assert_eq!((run.why("h2").rule, run.why("h2").notes), (rule, vec![WhyNote::InsteadOfInitiator]));
}

#[test]
fn exclude_removes_him_and_the_empty_rule_applies_where_nobody_is_left() {
    assert_eq!(run(Some(SelfRule::Exclude), false, ALL, &["ann", "bob"]).pending(), "bob");
    assert_eq!(run(Some(SelfRule::Exclude), false, ALL, &["ann"]).pending(), "root");
}

#[test]
fn whoever_stands_in_has_one_slot_even_if_he_is_an_approver_anyway() {
    assert_eq!(run(Some(SelfRule::Supervisor), false, ALL, &["ann", "sue"]).pending(), "sue");
}

/// Neither a supervisor nor a head: that is as if nobody had been found, and never a pass.
#[test]
fn where_nobody_stands_above_the_initiator_the_empty_rule_applies() {
    for rule in [SelfRule::Supervisor, SelfRule::DepartmentHead] {
        let approval = Approval { self_rule: Some(rule), ..node("n", members(&["ann"])) };
        let run = Run::start(World::new().people(&["ann"]), template(vec![Block::Approval(approval)]), "ann");
        assert_eq!(
            (run.pending().as_str(), run.why("root").rule),
            ("root", WhyRule::WorkspaceAdmin),
            "{rule:?}"
        );
    }
}
