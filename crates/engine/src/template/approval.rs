//! A node at which people decide or carry something out, with everything that may be set at it.

use super::{Approvers, Assign, Ballot, Deadline, Mode, PersonRule, Quorum, Weights};
use crate::condition::Scope;
use crate::event::Decision;
use crate::form::FieldAccess;
use crate::ids::{NodeId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A node at which people decide.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// Who decides.
    pub approvers: Approvers,
    /// How several people decide together. A chain of levels has its own, see `Chain::heads`.
    #[serde(default)]
    pub mode: Mode,
    /// What happens to a slot of the initiator's own; absent: `Skip`, on a control node `Supervisor`, on a handler node
    /// `Approve` (semantics B6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_rule: Option<SelfRule>,
    /// What happens where nobody is found (semantics B8).
    #[serde(default)]
    pub empty: EmptyRule,
    /// A control must be seen by a second pair of eyes: stricter defaults.
    #[serde(default)]
    pub control: bool,
    /// Never approved for somebody because he approved before (semantics B7 d).
    #[serde(default)]
    pub always_ask: bool,
    /// Whether a decision here needs words.
    #[serde(default)]
    pub opinion: Demand,
    /// Whether it needs a handwritten signature, a picture that is given with it; nobody stands in for the approver then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub signature: Demand,
    /// Whether it needs a file that is given with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attachment: Demand,
    /// Whether it may be decided together with other requests; absent: as the template says, never on a control node
    /// (semantics B18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_batch: Option<bool>,
    /// 办理: people carry something out and report it done. There is nothing to reject.
    #[serde(default, skip_serializing_if = "is_default")]
    pub handle: bool,
    /// Which of the people found are asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub assign: Assign,
    /// What the votes of people weigh; somebody whom none holds has weight 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ballots: Vec<Ballot>,
    /// The weight of somebody whom several ballots hold.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weights: Weights,
    /// What each group of voters has to reach; with `Mode::Vote` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quorums: Vec<Quorum>,
    /// What a rejection leads to (semantics B4.1).
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_reject: OnReject,
    /// Sending back (semantics B4).
    #[serde(default, skip_serializing_if = "is_default")]
    pub returns: ReturnRule,
    /// Whom an approver may add (semantics B5).
    #[serde(default, skip_serializing_if = "is_default")]
    pub add_sign: Offer,
    /// To whom an approver may hand his task (semantics B6.2).
    #[serde(default, skip_serializing_if = "is_default")]
    pub transfer: Offer,
    /// Whom an approver may ask for his opinion first (semantics B6.3).
    #[serde(default, skip_serializing_if = "is_default")]
    pub delegate: Offer,
    /// Decisions need the approver's own certificate or signature: nobody stands in for him (semantics B6.4).
    #[serde(default, skip_serializing_if = "is_default")]
    pub own_hand: bool,
    /// What people here see and may change of the form.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fields: FieldAccess,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deadline: Deadline,
    /// Who is told how it came out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tells: Tells,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Approval {
    /// A node with every default.
    pub fn new(id: impl Into<NodeId>, title: impl Into<String>, approvers: Approvers) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            approvers,
            mode: Mode::default(),
            self_rule: None,
            empty: EmptyRule::default(),
            control: false,
            always_ask: false,
            opinion: Demand::default(),
            signature: Demand::default(),
            attachment: Demand::default(),
            allow_batch: None,
            handle: false,
            assign: Assign::default(),
            ballots: Vec::new(),
            weights: Weights::default(),
            quorums: Vec::new(),
            on_reject: OnReject::default(),
            returns: ReturnRule::default(),
            add_sign: Offer::default(),
            transfer: Offer::default(),
            delegate: Offer::default(),
            own_hand: false,
            fields: FieldAccess::default(),
            deadline: Deadline::default(),
            tells: Tells::default(),
            other: Map::new(),
        }
    }

    /// Nobody stands in for the approver: his own hand is wanted, or his signature.
    pub fn wants_own_hand(&self) -> bool {
        self.own_hand || self.signature != Demand::Optional
    }

    /// It wants more of a person than his consent, so that what he approved before does not do for it (semantics B7 c, d).
    pub(crate) fn wants_more_than_consent(&self) -> bool {
        let demands = [self.opinion, self.signature, self.attachment];
        let demanded = demands.into_iter().any(|it| it.applies_to(Decision::Approve));
        self.always_ask || self.wants_own_hand() || self.handle || demanded
    }

    /// The self rule with its default (semantics B6.1). Carrying out is no approval: the initiator may do that himself.
    pub fn self_rule(&self) -> SelfRule {
        match (self.self_rule, self.handle, self.control) {
            (Some(rule), _, _) => rule,
            (None, true, _) => SelfRule::Approve,
            (None, false, false) => SelfRule::Skip,
            (None, false, true) => SelfRule::Supervisor,
        }
    }
}

/// What happens to a slot whose owner is the initiator (semantics B6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfRule {
    /// He decides himself.
    Approve,
    /// Approved automatically.
    Skip,
    /// His supervisor decides.
    Supervisor,
    /// The head of his department decides; of the next one up, where he is the head himself.
    DepartmentHead,
    /// The slot is removed; where nobody is left, the empty rule applies.
    Exclude,
}

/// What happens where nobody is found (semantics B8).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyRule {
    /// The template's administrators decide, or the workspace's, one of them.
    #[default]
    TemplateAdmin,
    /// The visit passes.
    AutoApprove,
    /// The visit is rejected.
    AutoReject,
    /// These people decide.
    Members(Vec<UserId>),
    /// The nearest department head above the initiator decides.
    NextLevel,
    /// The initiator has to name somebody at submit.
    InitiatorPicks,
    /// The submission is refused.
    BlockSubmit,
}

/// Which decisions need something beside themselves: words, a signature, a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// None; as the approver likes.
    #[default]
    Optional,
    /// An approval.
    OnApprove,
    /// A rejection.
    OnReject,
    /// Every one.
    Required,
}

impl Demand {
    /// Whether this decision needs it. To abstain is neither to approve nor to reject.
    pub fn applies_to(self, decision: Decision) -> bool {
        match (self, decision) {
            (Demand::Required, _)
            | (Demand::OnApprove, Decision::Approve)
            | (Demand::OnReject, Decision::Reject) => true,
            (Demand::Optional | Demand::OnApprove | Demand::OnReject, _) => false,
        }
    }
}

/// What the rejection of a node leads to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// The instance is rejected, or what the branch around the node says.
    #[default]
    End,
    /// The initiator gets it back.
    ReturnToInitiator,
    /// A node before gets it back.
    ReturnTo(NodeId),
}

/// Sending back: where to, to whom, and how it goes on from there (semantics B4).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReturnRule {
    /// Where to.
    pub targets: ReturnTargets,
    /// Only to these nodes, where some are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<NodeId>,
    /// Who gets it there.
    pub receiver: Receiver,
    /// How it goes on once the target has passed.
    pub resume: ResumePolicy,
    /// Colleagues who approved in the visit that returned it are not asked again, unless a material field changed.
    pub keep_peer_approvals: bool,
    /// It needs no words.
    pub without_reason: bool,
}

/// Where a node may send back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnTargets {
    /// Nowhere.
    None,
    /// To the initiator.
    Initiator,
    /// To the human node just before, or to the initiator where there is none.
    Previous,
    /// To the initiator or any human node on the own path.
    #[default]
    Any,
}

/// Who gets back what was returned to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// Those who decided there last time and are still active; where there are none, as `Resolve`.
    #[default]
    Acted,
    /// Those whom the rules find now.
    Resolve,
}

/// How it goes on once the target of a return has passed (semantics B4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumePolicy {
    /// Forward as usual: every node in between again.
    Replay,
    /// Straight to the node that returned it.
    StraightBack,
    /// Straight back if nothing material changed and the way there is the same; else as `Replay`.
    #[default]
    Smart,
    /// Whoever returns it says; `Smart` where he says nothing.
    ReturnerDecides,
}

/// Who may be brought in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// Anybody.
    #[default]
    Anyone,
    /// These.
    Among(Scope),
    /// Nobody: it is not offered.
    Nobody,
}

/// Who is told how a node came out; nobody waits for them (semantics B12).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tells {
    /// When it has passed, a chain at its last level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<PersonRule>,
    /// When it was rejected, whatever that leads to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<PersonRule>,
}
