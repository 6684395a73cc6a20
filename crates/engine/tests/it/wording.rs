//! What people and programs read: refusals with stable codes, reasons in words.

use crate::flows::*;
use crate::world::*;
use zhupi_engine::Rejection;
use zhupi_engine::Status;
use zhupi_engine::approvers::{Why, WhyNote, WhyRule};
use zhupi_engine::batch::BatchObstacle;
use zhupi_engine::entity::Refusal;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::{NodeId, SlotId, VisitId};
use zhupi_engine::preview::Step;
use zhupi_engine::problem::Problem;
use zhupi_engine::template::{Block, ChildWait, TriggerAction, WithdrawRule};

fn node_id() -> NodeId {
    "n".into()
}

/// One of each, with its code. Programs rely on the codes: none is ever changed.
fn refusals() -> Vec<(&'static str, Rejection)> {
    let (node, user, slot) = (node_id(), user("bob"), SlotId(7));
    let batch = |obstacle| Rejection::NotInBatch { node: node_id(), obstacle };
    vec![
        ("stale_version", Rejection::StaleVersion { seen: 1, actual: 2 }),
        ("already_submitted", Rejection::AlreadySubmitted),
        ("not_running", Rejection::NotRunning { status: Status::Approved }),
        ("user_not_active", Rejection::UserNotActive { user }),
        ("template_not_visible", Rejection::TemplateNotVisible),
        ("department_required", Rejection::DepartmentRequired),
        ("not_in_department", Rejection::NotInDepartment { department: department("D1") }),
        (
            "form_invalid",
            Rejection::FormInvalid { problems: vec![Problem::error("days", "required", "it is required")] },
        ),
        ("pick_missing", Rejection::PickMissing { node: node.clone() }),
        ("pick_not_allowed", Rejection::PickNotAllowed { node: node.clone(), user }),
        ("pick_too_many", Rejection::PickTooMany { node: node.clone() }),
        ("cc_not_allowed", Rejection::CcNotAllowed { field: "cc" }),
        ("nobody_found", Rejection::NobodyFound { node: node.clone() }),
        ("task_not_found", Rejection::TaskNotFound { slot }),
        ("already_decided", Rejection::AlreadyDecided { by: None, name: None, at: None, decision: None }),
        ("not_your_turn", Rejection::NotYourTurn),
        ("not_your_task", Rejection::NotYourTask),
        ("not_initiator", Rejection::NotInitiator),
        ("withdraw_not_allowed", Rejection::WithdrawNotAllowed { rule: WithdrawRule::Never }),
        ("text_required", Rejection::TextRequired { field: "comment" }),
        ("text_too_long", Rejection::TextTooLong { field: "comment", limit: 9 }),
        ("too_many_entries", Rejection::TooMany { field: "people", limit: 9 }),
        ("file_required", Rejection::FileRequired { field: "signature" }),
        ("batch_needs_attachment", batch(BatchObstacle::Attachment)),
        ("batch_not_allowed", batch(BatchObstacle::Switch)),
        ("batch_needs_opinion", batch(BatchObstacle::Opinion)),
        ("batch_needs_own_hand", batch(BatchObstacle::OwnHand)),
        ("not_offered", Rejection::NotOffered { action: "claim" }),
        ("not_claimed", Rejection::NotClaimed),
        ("taken", Rejection::Taken { by: None }),
        ("content_changed", Rejection::ContentChanged),
        ("return_not_allowed", Rejection::ReturnNotAllowed { target: "a".to_owned() }),
        ("confirmation_required", Rejection::NotConfirmed { branches: 2 }),
        ("take_back_not_allowed", Rejection::TakeBackNotAllowed { why: "the time for it is over" }),
        ("not_eligible", Rejection::NotEligible { user, why: "it is this person's own request" }),
        ("limit_reached", Rejection::LimitReached { what: "returns", limit: 50 }),
        ("too_soon", Rejection::TooSoon { again_at: at(0) }),
        ("revoke_not_allowed", Rejection::RevokeNotAllowed),
        ("still_running", Rejection::StillRunning),
        ("not_administrator", Rejection::NotAdministrator),
        ("node_not_reachable", Rejection::NodeNotReachable { node }),
        ("visit_not_open", Rejection::VisitNotOpen { visit: VisitId(3) }),
        ("not_copied", Rejection::NotCopied),
    ]
}

fn is_plain(words: &str) -> bool {
    let begins_small = words.chars().next().is_some_and(|first| first.is_lowercase() || first == '`');
    begins_small && !words.ends_with('.') && words.len() > 10
}

#[test]
fn each_refusal_has_its_code_and_plain_words() {
    for (code, refusal) in refusals() {
        assert_eq!(refusal.code(), code);
        assert!(is_plain(&refusal.to_string()), "{refusal}");
    }
    let not_running = |status| Rejection::NotRunning { status }.to_string();
    let every = [
        Status::Draft,
        Status::Running,
        Status::Approved,
        Status::Rejected,
        Status::Withdrawn,
        Status::Suspended,
        Status::Returned,
        Status::Revoking,
        Status::Revoked,
        Status::Terminated,
    ];
    let words: std::collections::BTreeSet<String> = every.map(not_running).into();
    assert_eq!(words.len(), every.len(), "each status has words of its own");
}

#[test]
fn each_refusal_of_a_change_of_an_object_has_its_code_and_plain_words() {
    let (instance, fields) = (uuid("i").into(), vec!["title".to_owned(), "amount".to_owned()]);
    for (code, refusal) in [
        ("entity_locked", Refusal::Locked { instance, fields: fields.clone() }),
        ("entity_already_running", Refusal::AlreadyRunning { instance }),
        ("entity_deletion_forbidden", Refusal::DeletionForbidden { instance }),
        ("entity_not_resubmittable", Refusal::NotResubmittable),
        ("entity_no_conflict", Refusal::NoConflict),
        ("entity_undecided", Refusal::Undecided { fields }),
    ] {
        assert_eq!(refusal.code(), code);
        assert!(is_plain(&refusal.to_string()), "{refusal}");
    }
}

/// Why somebody is asked, as it stands in the timeline and on paper (semantics D3).
#[test]
fn each_reason_is_said_in_words() {
    let bob = || "bob".to_owned();
    let notes = vec![
        (WhyNote::TopInstead { asked: 4 }, "there is no level 4, so the highest is asked"),
        (WhyNote::Climbed { from: 2 }, "level 2 has no active head"),
        (WhyNote::LeftOut { name: bob() }, "bob is left out because the account is disabled"),
        (WhyNote::InsteadOfInitiator, "in place of the initiator"),
        (WhyNote::AlsoBy { rule: Box::new(WhyRule::Picked) }, "also: picked by the initiator"),
        (WhyNote::Barred { name: bob() }, "bob is left out because the duties have to be in different hands"),
        (
            WhyNote::StandsInFor { names: vec![bob(), "cid".to_owned()] },
            "stands in for bob, who stands in for cid",
        ),
        (WhyNote::Drawn { seed: 9, of: 3 }, "drawn by lot out of 3"),
        (WhyNote::HisTurn { after: None }, "it is this person's turn"),
        (WhyNote::LeastLoaded { open: 2 }, "has the fewest open tasks, 2"),
    ];
    for (note, words) in notes {
        let why = Why { rule: WhyRule::Member, notes: vec![note] };
        assert_eq!(why.to_string(), format!("named in the template; {words}"));
    }
    let name = || "Board".to_owned();
    let rules = vec![
        (WhyRule::Initiator, "the initiator himself"),
        (WhyRule::Supervisor { level: 2, of: bob() }, "supervisor of bob, level 2"),
        (
            WhyRule::DepartmentHead { level: 1, department: department("D"), name: name() },
            "head of Board, level 1",
        ),
        (WhyRule::Role { role: role("R"), name: name() }, "holds the role Board"),
        (WhyRule::Group { group: group("G"), name: name() }, "member of the group Board"),
        (WhyRule::FormPerson { field: "f".into(), title: name() }, "named in the form under Board"),
        (WhyRule::TemplateAdmin, "nobody was found, so the template's administrator is asked"),
        (WhyRule::WorkspaceAdmin, "nobody was found, so the workspace's administrator is asked"),
        (WhyRule::Fallback, "nobody was found, and the template names this person for that case"),
        (WhyRule::Named, "named by the initiator"),
        (WhyRule::ApproverPicked, "picked by an approver before"),
        (WhyRule::Item { title: name() }, "named under Board"),
        (WhyRule::Set, "set by an administrator"),
        (WhyRule::Added { by: bob() }, "brought in by bob"),
        (WhyRule::SentBack, "it was sent back to the initiator"),
        (WhyRule::Approved, "approved it before"),
    ];
    for (rule, words) in rules {
        assert_eq!(Why::by(rule).to_string(), words);
    }
}

/// Blocks are called by their titles, in previews and where two paths differ.
#[test]
fn each_block_is_called_by_its_title() {
    let titled = |mut block: Block, title: &str| {
        let own = match &mut block {
            Block::Approval(node) => &mut node.title,
            Block::Cc(node) => &mut node.title,
            Block::Branch(node) => &mut node.title,
            Block::Parallel(node) => &mut node.title,
            Block::Each(node) => &mut node.title,
            Block::Delay(node) => &mut node.title,
            Block::Trigger(node) => &mut node.title,
            Block::SubProcess(node) => &mut node.title,
            Block::Route(node) => &mut node.title,
            Block::Auto(node) => &mut node.title,
        };
        title.clone_into(own);
        block
    };
    let blocks = [
        ask("a", &["bob"]),
        cc("c", &["bob"]),
        branch("b", vec![]),
        Block::Parallel(parallel("p", vec![])),
        Block::Each(each("e", "list", vec![])),
        delay("d", 5),
        trigger("t", TriggerAction::Call { url: "http://localhost/".to_owned() }),
        Block::SubProcess(sub_process("s", ChildWait::Detached)),
        route("r", "a", vec![]),
        auto("o", Decision::Approve),
    ];
    for block in blocks {
        assert_eq!(titled(block, "经理审批").title(), "经理审批");
    }
    let world = World::new().people(&["ann", "bob"]);
    let flow = template(vec![titled(ask("n", &["bob"]), "Manager")]);
    let preview = look_ahead(&world, &flow, "ann", serde_json::json!({}));
    let Some(Step::Approval { title, .. }) = preview.steps.first() else { panic!("{preview:?}") };
    assert_eq!(title, "Manager");
}
