//! Why a command is refused: one variant per reason, each with a stable code. A refusal changes nothing.

use crate::batch::BatchObstacle;
use crate::event::Decision;
use crate::ids::{DepartmentId, NodeId, SlotId, UserId, VisitId};
use crate::instance::Status;
use crate::problem::Problem;
use crate::template::WithdrawRule;
use jiff::Timestamp;

/// Why a command is refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The actor saw another version of the instance.
    #[error("the instance has changed: you saw version {seen}, it is at {actual}")]
    StaleVersion {
        /// What he saw.
        seen: u64,
        /// What it is.
        actual: u64,
    },
    /// It has been submitted before.
    #[error("the instance has been submitted already")]
    AlreadySubmitted,
    /// Nothing can be decided any more, or not yet.
    #[error("the instance is not running, it is {}", status_in_words(*status))]
    NotRunning {
        /// What it is instead.
        status: Status,
    },
    /// Nobody knows this person, or he has left.
    #[error("the person `{user}` is unknown or disabled")]
    UserNotActive {
        /// Who.
        user: UserId,
    },
    /// The template is not for him.
    #[error("the template may not be used by this person")]
    TemplateNotVisible,
    /// He has several departments and chose none.
    #[error("`department` is required: the initiator belongs to several departments")]
    DepartmentRequired,
    /// He chose a department that is not one of his.
    #[error("the initiator does not belong to department `{department}`")]
    NotInDepartment {
        /// Which.
        department: DepartmentId,
    },
    /// Values do not fit their controls.
    #[error("the form has {}", counted(problems))]
    FormInvalid {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// The initiator has to pick somebody for a node.
    #[error("somebody has to be picked for node `{node}`")]
    PickMissing {
        /// Which.
        node: NodeId,
    },
    /// The initiator picked somebody who is not offered, or too many.
    #[error("`{user}` may not be picked for node `{node}`")]
    PickNotAllowed {
        /// Which.
        node: NodeId,
        /// Who.
        user: UserId,
    },
    /// Only one person may be picked.
    #[error("only one person may be picked for node `{node}`")]
    PickTooMany {
        /// Which.
        node: NodeId,
    },
    /// The template does not let the initiator name people to be told.
    #[error("the template does not allow naming people to be told")]
    CcNotAllowed {
        /// Which member names them.
        field: &'static str,
    },
    /// Nobody is found for a node and the node refuses the submission then.
    #[error("nobody is found to decide at node `{node}`")]
    NobodyFound {
        /// Which.
        node: NodeId,
    },
    /// There is no such slot.
    #[error("there is no task `{slot}` in this instance")]
    TaskNotFound {
        /// Which.
        slot: SlotId,
    },
    /// Somebody was faster, or he himself decided before.
    #[error("the task has been decided already{}", by_whom(name.as_deref()))]
    AlreadyDecided {
        /// Who decided; absent where a rule did.
        by: Option<UserId>,
        /// What he is called.
        name: Option<String>,
        /// When.
        at: Option<Timestamp>,
        /// What; absent where it was closed without a decision of its own.
        decision: Option<Decision>,
    },
    /// Others come first.
    #[error("it is not your turn yet")]
    NotYourTurn,
    /// It is somebody else's.
    #[error("the task belongs to somebody else")]
    NotYourTask,
    /// It is not his instance.
    #[error("only the initiator may do this")]
    NotInitiator,
    /// The template does not allow it (any more).
    #[error("{}", withdrawal_in_words(*rule))]
    WithdrawNotAllowed {
        /// What it allows.
        rule: WithdrawRule,
    },
    /// Words are needed.
    #[error("`{field}` is required")]
    TextRequired {
        /// Which member lacks them.
        field: &'static str,
    },
    /// A file is needed.
    #[error("`{field}` is required: a file has to be given with the decision")]
    FileRequired {
        /// Which member lacks it.
        field: &'static str,
    },
    /// Too many words.
    #[error("`{field}` may have at most {limit} characters")]
    TextTooLong {
        /// Which member.
        field: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Too many people, files or the like.
    #[error("`{field}` may have at most {limit} entries")]
    TooMany {
        /// Which member.
        field: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// It may not be decided together with others.
    #[error("node `{node}` {}", obstacle_in_words(*obstacle))]
    NotInBatch {
        /// Where the task stands.
        node: NodeId,
        /// What is in the way.
        obstacle: BatchObstacle,
    },
    /// This cannot be done here.
    #[error("`{action}` is not possible here")]
    NotOffered {
        /// What he asked for.
        action: &'static str,
    },
    /// It has to be claimed first.
    #[error("the task has to be claimed first")]
    NotClaimed,
    /// Another one has claimed it.
    #[error("the task has been claimed by somebody else")]
    Taken {
        /// Who.
        by: Option<UserId>,
    },
    /// What he saw is not what it is now (semantics D2).
    #[error("the content has changed since you looked at it")]
    ContentChanged,
    /// It cannot be sent back there.
    #[error("it cannot be sent back to `{target}`")]
    ReturnNotAllowed {
        /// Where he wanted it to go.
        target: String,
    },
    /// It ends branches in which others are asked, and nobody said that it may.
    #[error("it ends {branches} other branch{}: confirm it", if *branches == 1 { "" } else { "es" })]
    NotConfirmed {
        /// How many.
        branches: usize,
    },
    /// A decision cannot be taken back (any more).
    #[error("the decision cannot be taken back: {why}")]
    TakeBackNotAllowed {
        /// Why not, in words.
        why: &'static str,
    },
    /// This person may not be given this task.
    #[error("`{user}` may not be asked here: {why}")]
    NotEligible {
        /// Who.
        user: UserId,
        /// Why not, in words.
        why: &'static str,
    },
    /// So much is too much.
    #[error("{what}: at most {limit}")]
    LimitReached {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: u32,
    },
    /// It was done a moment ago.
    #[error("people were asked to hurry already; again from {again_at}")]
    TooSoon {
        /// When it may be done again.
        again_at: Timestamp,
    },
    /// Revoking is not allowed (any more).
    #[error("the template does not allow revoking, or not any more")]
    RevokeNotAllowed,
    /// Only what was approved is revoked.
    #[error("it is still running: it can be withdrawn, not revoked")]
    StillRunning,
    /// Only an administrator of the template or the workspace may do this.
    #[error("only an administrator of the template or the workspace may do this")]
    NotAdministrator,
    /// There is no such node, or it cannot be gone to from here.
    #[error("the token cannot go to node `{node}`")]
    NodeNotReachable {
        /// Which.
        node: NodeId,
    },
    /// There is no such visit, or it is closed.
    #[error("there is no open visit `{visit}`")]
    VisitNotOpen {
        /// Which.
        visit: VisitId,
    },
    /// He was not told, so there is nothing to mark as read.
    #[error("this person was not sent a copy")]
    NotCopied,
}

impl Rejection {
    /// Its stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::StaleVersion { .. } => "stale_version",
            Rejection::AlreadySubmitted => "already_submitted",
            Rejection::NotRunning { .. } => "not_running",
            Rejection::UserNotActive { .. } => "user_not_active",
            Rejection::TemplateNotVisible => "template_not_visible",
            Rejection::DepartmentRequired => "department_required",
            Rejection::NotInDepartment { .. } => "not_in_department",
            Rejection::FormInvalid { .. } => "form_invalid",
            Rejection::PickMissing { .. } => "pick_missing",
            Rejection::PickNotAllowed { .. } => "pick_not_allowed",
            Rejection::PickTooMany { .. } => "pick_too_many",
            Rejection::CcNotAllowed { .. } => "cc_not_allowed",
            Rejection::NobodyFound { .. } => "nobody_found",
            Rejection::TaskNotFound { .. } => "task_not_found",
            Rejection::AlreadyDecided { .. } => "already_decided",
            Rejection::NotYourTurn => "not_your_turn",
            Rejection::NotYourTask => "not_your_task",
            Rejection::NotInitiator => "not_initiator",
            Rejection::WithdrawNotAllowed { .. } => "withdraw_not_allowed",
            Rejection::TextRequired { .. } => "text_required",
            Rejection::FileRequired { .. } => "file_required",
            Rejection::TextTooLong { .. } => "text_too_long",
            Rejection::TooMany { .. } => "too_many_entries",
            Rejection::NotInBatch { obstacle: BatchObstacle::Switch, .. } => "batch_not_allowed",
            Rejection::NotInBatch { obstacle: BatchObstacle::Opinion, .. } => "batch_needs_opinion",
            Rejection::NotInBatch { obstacle: BatchObstacle::OwnHand, .. } => "batch_needs_own_hand",
            Rejection::NotInBatch { obstacle: BatchObstacle::Attachment, .. } => "batch_needs_attachment",
            Rejection::NotOffered { .. } => "not_offered",
            Rejection::NotClaimed => "not_claimed",
            Rejection::Taken { .. } => "taken",
            Rejection::ContentChanged => "content_changed",
            Rejection::ReturnNotAllowed { .. } => "return_not_allowed",
            Rejection::NotConfirmed { .. } => "confirmation_required",
            Rejection::TakeBackNotAllowed { .. } => "take_back_not_allowed",
            Rejection::NotEligible { .. } => "not_eligible",
            Rejection::LimitReached { .. } => "limit_reached",
            Rejection::TooSoon { .. } => "too_soon",
            Rejection::RevokeNotAllowed => "revoke_not_allowed",
            Rejection::StillRunning => "still_running",
            Rejection::NotAdministrator => "not_administrator",
            Rejection::NodeNotReachable { .. } => "node_not_reachable",
            Rejection::VisitNotOpen { .. } => "visit_not_open",
            Rejection::NotCopied => "not_copied",
        }
    }
}

fn status_in_words(status: Status) -> &'static str {
    match status {
        Status::Draft => "a draft",
        Status::Running => "running",
        Status::Approved => "approved",
        Status::Rejected => "rejected",
        Status::Withdrawn => "withdrawn",
        Status::Suspended => "suspended",
        Status::Returned => "with its initiator for correction",
        Status::Revoking => "approved, and being revoked",
        Status::Revoked => "revoked",
        Status::Terminated => "terminated",
    }
}

fn withdrawal_in_words(rule: WithdrawRule) -> &'static str {
    match rule {
        WithdrawRule::Never => "the template does not allow withdrawing",
        WithdrawRule::BeforeFirstDecision => "the template allows withdrawing only before the first decision",
        WithdrawRule::WhileRunning => "the template allows withdrawing only while the instance is running",
    }
}

fn obstacle_in_words(obstacle: BatchObstacle) -> &'static str {
    match obstacle {
        BatchObstacle::Switch => "does not allow deciding on several requests at once",
        BatchObstacle::OwnHand => "wants the approver's own signature, so it has to be decided by itself",
        BatchObstacle::Attachment => "asks for a file on each request, so it has to be decided by itself",
        BatchObstacle::Opinion => "asks for an opinion on each request, so it has to be decided by itself",
    }
}

fn by_whom(name: Option<&str>) -> String {
    name.map(|name| format!(" by {name}")).unwrap_or_default()
}

fn counted(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_in_plain_words() {
        let words = |rejection: Rejection| rejection.to_string();
        let problem = Problem::error("days", "required", "it is required");
        let not_running = |status| words(Rejection::NotRunning { status });
        assert_eq!(not_running(Status::Approved), "the instance is not running, it is approved");
        assert_eq!(not_running(Status::Draft), "the instance is not running, it is a draft");
        let invalid = |problems| words(Rejection::FormInvalid { problems });
        assert_eq!(invalid(vec![problem.clone()]), "the form has 1 problem");
        assert_eq!(invalid(vec![problem.clone(), problem]), "the form has 2 problems");
        let withdrawing = |rule| words(Rejection::WithdrawNotAllowed { rule });
        assert_eq!(withdrawing(WithdrawRule::Never), "the template does not allow withdrawing");
        assert_eq!(
            withdrawing(WithdrawRule::BeforeFirstDecision),
            "the template allows withdrawing only before the first decision"
        );
    }
}
