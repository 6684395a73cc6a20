//! B8: nobody is found.

use crate::world::*;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::instance::VisitState;
use zhupi_engine::preview::Step;
use zhupi_engine::template::{Approval, Block, EmptyRule, PersonRule, SelfRule, Template};
use zhupi_engine::{Rejection, Status, Submit};

fn flow(empty: EmptyRule) -> Template {
    let approval = Approval { empty, ..node("n", by(PersonRule::Role(role("R")))) };
    template(vec![Block::Approval(approval)])
}

fn world() -> World {
    World::new().department("D1", "", &["h1"]).person("ann", &["D1"]).people(&["bob", "cid"]).role("R", &[])
}

#[test]
fn the_template_administrator_is_the_default() {
    let mut template = flow(EmptyRule::TemplateAdmin);
    template.settings.managers = vec![user("bob"), user("cid")];
    let run = Run::start(world(), template, "ann");
    assert_eq!((run.pending().as_str(), run.why("bob").rule), ("bob cid", WhyRule::TemplateAdmin));
    assert_eq!(run.approve("cid").status(), Status::Approved);
}

#[test]
fn the_workspace_administrator_stands_behind_the_template_administrator() {
    let mut template = flow(EmptyRule::TemplateAdmin);
    template.settings.managers = vec![user("bob")];
    assert_eq!(Run::start(world().disabled("bob"), template, "ann").pending(), "root");
}

#[test]
fn an_administrator_does_not_decide_on_his_own_request_while_there_is_another() {
    let mut template = flow(EmptyRule::TemplateAdmin);
    template.settings.managers = vec![user("ann"), user("bob")];
    assert_eq!(Run::start(world(), template.clone(), "ann").pending(), "bob");
    template.settings.managers = vec![user("ann")];
    assert_eq!(Run::start(world(), template, "ann").pending(), "root");
}

#[test]
fn without_any_administrator_the_instance_is_suspended() {
    let run = Run::start(world().without_admin(), flow(EmptyRule::TemplateAdmin), "ann");
    assert_eq!(run.status(), Status::Suspended);
}

#[test]
fn auto_approve_and_auto_reject() {
    let run = Run::start(world(), flow(EmptyRule::AutoApprove), "ann");
    assert_eq!((run.status(), run.visit("n").state), (Status::Approved, VisitState::AutoApproved));
    let run = Run::start(world(), flow(EmptyRule::AutoReject), "ann");
    assert_eq!((run.status(), run.visit("n").state), (Status::Rejected, VisitState::AutoRejected));
}

#[test]
fn named_people_decide() {
    let run = Run::start(world(), flow(EmptyRule::Members(vec![user("cid")])), "ann");
    assert_eq!((run.pending().as_str(), run.why("cid").rule), ("cid", WhyRule::Fallback));
    let gone = Run::start(world().disabled("cid"), flow(EmptyRule::Members(vec![user("cid")])), "ann");
    assert_eq!(gone.pending(), "root");
}

#[test]
fn the_next_level_up_decides() {
    assert_eq!(Run::start(world(), flow(EmptyRule::NextLevel), "ann").pending(), "h1");
}

#[test]
fn the_initiator_has_to_pick() {
    let refused = Run::submit(world(), flow(EmptyRule::InitiatorPicks), "ann", Submit::default()).err();
    assert_eq!(refused, Some(Rejection::PickMissing { node: "n".into() }));
    let submit = Submit { picks: [("n".into(), vec![user("bob")])].into(), ..Submit::default() };
    let run = Run::submit(world(), flow(EmptyRule::InitiatorPicks), "ann", submit).unwrap();
    assert_eq!((run.pending().as_str(), run.why("bob").rule), ("bob", WhyRule::Picked));
}

#[test]
fn block_submit_refuses_even_for_a_later_node() {
    let mut template = flow(EmptyRule::BlockSubmit);
    template.flow.insert(0, ask("first", &["bob"]));
    let refused = Run::submit(world(), template, "ann", Submit::default()).err();
    assert_eq!(refused, Some(Rejection::NobodyFound { node: "n".into() }));
}

#[test]
fn block_submit_asks_the_administrator_when_people_leave_after_the_submission() {
    let mut template = flow(EmptyRule::BlockSubmit);
    template.flow.insert(0, ask("first", &["bob"]));
    let mut run = Run::start(World::new().people(&["ann", "bob"]).role("R", &["cid"]), template, "ann");
    run.world = run.world.disabled("cid");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "root");
    assert_eq!(run.why("root").notes, [WhyNote::LeftOut { name: "cid".to_owned() }]);
}

/// The self rule has precedence over the empty rule.
#[test]
fn emptied_by_self_skip_is_approved_and_not_empty() {
    let approval = Approval {
        empty: EmptyRule::AutoReject,
        self_rule: Some(SelfRule::Skip),
        ..node("n", members(&["ann"]))
    };
    let run = Run::start(world(), template(vec![Block::Approval(approval)]), "ann");
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn one_remaining_person_is_enough_to_go_on() {
    let world = World::new().people(&["ann"]).role("R", &["bob", "cid"]).disabled("bob");
    assert_eq!(Run::start(world, flow(EmptyRule::AutoReject), "ann").pending(), "cid");
}

#[test]
fn a_preview_shows_who_decides_where_nobody_is_found() {
    let mut template = flow(EmptyRule::TemplateAdmin);
    template.settings.managers = vec![user("bob")];
    let preview = look_ahead(&world(), &template, "ann", serde_json::json!({}));
    let [Step::Approval { people, .. }] = &preview.steps[..] else { panic!("{:?}", preview.steps) };
    assert_eq!((people[0].name.as_str(), &people[0].why.rule), ("bob", &WhyRule::TemplateAdmin));
    let template = flow(EmptyRule::BlockSubmit);
    let refused =
        zhupi_engine::preview(&template, &world().directory(), user("ann"), &Submit::default(), at(0));
    assert_eq!(refused.err(), Some(Rejection::NobodyFound { node: "n".into() }));
}
