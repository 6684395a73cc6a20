//! What people, timers and other systems ask of an instance. Whether they get it: `decide`.

use crate::event::{AddKind, Decision};
use crate::form::{Edits, FileRef, FormData};
use crate::ids::{DepartmentId, FieldId, InstanceId, NodeId, SlotId, TimerId, TokenId, UserId, VisitId};
use crate::instance::{Instance, Outcome};
use crate::template::{Mode, ResumePolicy};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A command with everything the engine may not find out itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Envelope {
    /// Who asks; `SYSTEM` for timers and what other systems report.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// The instance version the actor saw; another one refuses the command. Absent: whatever it is now.
    pub seen_version: Option<u64>,
    /// What he asks.
    pub command: Command,
    /// What is known outside the instance.
    pub outside: Outside,
}

/// Facts from outside the instance that a decision may need. What is used of them stands in the events, so that replay needs none.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outside {
    /// For drawing lots.
    pub seed: u64,
    /// How many open tasks people have, for choosing the least loaded; nobody named has none.
    pub loads: BTreeMap<UserId, u32>,
    /// Who was chosen last at a node, in any instance of the template, for taking turns.
    pub last: BTreeMap<NodeId, UserId>,
    /// People who decided on linked instances and may not decide here (`Separation::Linked`), by the control that links them.
    pub linked: BTreeMap<FieldId, Vec<UserId>>,
}

/// What somebody asks.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Begin.
    Submit(Submit),
    /// Say yes in a slot; of a handler node: report it done.
    Approve(Opinion),
    /// Say no in a slot.
    Reject(Opinion),
    /// Say neither, where a vote allows it.
    Abstain(Opinion),
    /// Send back for correction (semantics B4).
    Return(Return),
    /// The initiator has mended what was sent back to him, and sends it on.
    Resubmit(Resubmit),
    /// Take a task of a pool for oneself.
    Claim {
        /// One's own slot of the pool.
        slot: SlotId,
    },
    /// Give a claimed task back to its pool.
    Release {
        /// Which.
        slot: SlotId,
    },
    /// Hand a task to somebody else for good.
    Transfer(Handing),
    /// Ask somebody else to give his opinion first; the task comes back.
    Delegate(Handing),
    /// Give the opinion one was asked for.
    GiveOpinion {
        /// Which slot.
        slot: SlotId,
        /// In which words.
        comment: String,
    },
    /// Bring in more people.
    AddSign(AddSign),
    /// Take out somebody who was brought in.
    RemoveSign {
        /// His slot.
        slot: SlotId,
    },
    /// Take out everybody whom one brought in from a slot, before any of them has acted (semantics B5.6).
    RemoveAdded {
        /// The slot they were brought in from.
        slot: SlotId,
    },
    /// Take back one's own decision.
    TakeBack {
        /// Which slot.
        slot: SlotId,
    },
    /// The initiator asks the ones he waits for to hurry.
    Urge {
        /// In which words; may be empty.
        comment: String,
    },
    /// The initiator takes it back while it runs.
    Withdraw {
        /// Why; needed once somebody decided.
        reason: String,
    },
    /// The initiator wants it revoked after approval.
    Revoke {
        /// Why.
        reason: String,
    },
    /// Say something.
    Comment {
        /// What; may be empty where there are attachments.
        text: String,
        /// Who should read it; from now on they may see the instance.
        mentions: Vec<UserId>,
        /// Files that belong to it.
        attachments: Vec<FileRef>,
    },
    /// Tell more people of it.
    Tell {
        /// Whom.
        people: Vec<UserId>,
    },
    /// Somebody who was told has opened it.
    MarkRead,
    /// An administrator steps in; each time with a reason that stays in the history.
    Intervene {
        /// How.
        what: Intervention,
        /// Why.
        reason: String,
    },
    /// An administrator takes it over to another version of its template; `decide::migrate` says what happens then.
    Migrate {
        /// To which version.
        version: u32,
        /// New ids of nodes and lanes whose id changed.
        nodes: BTreeMap<NodeId, NodeId>,
        /// Why.
        reason: String,
    },
    /// A timer's time has come. From `SYSTEM` alone.
    Fire {
        /// Whose.
        visit: VisitId,
        /// Which.
        timer: TimerId,
    },
    /// Look again at who is absent or gone, and move open slots accordingly (semantics B6.4, B8.5). From `SYSTEM` alone.
    Sweep,
    /// What was waited for has answered: a webhook or a sub-process. From `SYSTEM` alone.
    Answer {
        /// The visit that waits.
        visit: VisitId,
        /// What came of it.
        outcome: Outcome,
        /// Values it brings, already read.
        values: FormData,
    },
    /// What is waited for cannot come: a sub-process that cannot begin, a call that cannot be delivered. The visit stands still
    /// until an administrator has looked at it (semantics B8.4). From `SYSTEM` alone.
    Fail {
        /// The visit that waits.
        visit: VisitId,
        /// Why; what is too long for a reason is cut off.
        reason: String,
    },
    /// A sub-process that nobody waits for could not begin: whoever reads the instance is told. From `SYSTEM` alone.
    Warn {
        /// The id it was to have.
        child: InstanceId,
        /// Why; what is too long for a reason is cut off.
        reason: String,
    },
    /// What the instance is about was changed (semantics B15), and it takes the new values. From `SYSTEM` alone.
    Amend {
        /// Values that changed, already read.
        values: FormData,
        /// Everybody has to be asked for it anew: it goes back to its initiator, unless he has it already. Else it goes on, and
        /// only those are asked again who approved other values in visits that are still open.
        anew: bool,
    },
}

/// A decision in a slot.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Opinion {
    /// Which slot.
    pub slot: SlotId,
    /// In which words; may be empty.
    #[serde(default)]
    pub comment: String,
    /// Values changed on the way, where the node allows it.
    #[serde(default)]
    pub edits: Edits,
    /// The digest of the content he saw; another one refuses the command (semantics D2). Absent: whatever it is now.
    #[serde(default)]
    pub seen: Option<String>,
    /// Whom he picks for later nodes, where they leave it to him.
    #[serde(default)]
    pub picks: BTreeMap<NodeId, Vec<UserId>>,
    /// A picture of his handwritten signature. A return needs none.
    #[serde(default)]
    pub signature: Option<FileRef>,
    /// Files that belong to what he says.
    #[serde(default)]
    pub attachments: Vec<FileRef>,
}

impl Opinion {
    /// Nothing but words.
    pub fn new(slot: SlotId, comment: impl Into<String>) -> Self {
        Self {
            slot,
            comment: comment.into(),
            edits: Edits::default(),
            seen: None,
            picks: BTreeMap::new(),
            signature: None,
            attachments: Vec::new(),
        }
    }
}

/// A return.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Return {
    /// With which words and edits. A return is no vote.
    pub opinion: Opinion,
    /// Where to.
    pub to: ReturnTo,
    /// How it goes on from there, where the node lets the returner decide.
    #[serde(default)]
    pub resume: Option<ResumePolicy>,
    /// He knows that branches beside his own end with it (`decide::branches_ended`); without it such a return is refused.
    #[serde(default)]
    pub confirmed: bool,
}

impl Return {
    /// A return by somebody who knows what ends with it, and leaves to the node how it goes on.
    pub fn new(opinion: Opinion, to: ReturnTo) -> Self {
        Self { opinion, to, resume: None, confirmed: true }
    }
}

/// Where a return goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnTo {
    /// To the initiator.
    Initiator,
    /// To a human node on the own path; of a chain, to its first level.
    Node(NodeId),
    /// To a further level of a chain on the own path.
    Level {
        /// Which chain.
        node: NodeId,
        /// Which level, from 2.
        level: u32,
    },
}

impl ReturnTo {
    /// What was returned to is this level of this node.
    pub(crate) fn is_at(&self, at: &NodeId, at_level: u32) -> bool {
        match self {
            ReturnTo::Initiator => false,
            ReturnTo::Node(node) => node == at && at_level <= 1,
            ReturnTo::Level { node, level } => node == at && *level == at_level,
        }
    }
}

impl std::fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReturnTo::Initiator => f.write_str("the initiator"),
            ReturnTo::Node(node) => node.fmt(f),
            ReturnTo::Level { node, level } => write!(f, "{node}, level {level}"),
        }
    }
}

/// What the initiator sends on after a return.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Resubmit {
    /// In which words; may be empty.
    #[serde(default)]
    pub comment: String,
    /// What he changed.
    #[serde(default)]
    pub edits: Edits,
    /// Whom he picks, by node; what he does not name stays.
    #[serde(default)]
    pub picks: BTreeMap<NodeId, Vec<UserId>>,
}

/// A task that goes to somebody else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Handing {
    /// Which.
    pub slot: SlotId,
    /// To whom.
    pub to: UserId,
    /// In which words; may be empty.
    #[serde(default)]
    pub comment: String,
}

/// People brought in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AddSign {
    /// The slot of the one who adds.
    pub slot: SlotId,
    /// Whom.
    pub people: Vec<UserId>,
    /// Before him, after him or beside him.
    pub kind: AddKind,
    /// How they decide among themselves; ignored beside him.
    #[serde(default = "AddSign::all")]
    pub mode: Mode,
    /// Before him only: their no is an opinion, he decides all the same.
    #[serde(default)]
    pub advisory: bool,
    /// In which words; may be empty.
    #[serde(default)]
    pub comment: String,
}

impl AddSign {
    /// All of them have to approve.
    pub fn all() -> Mode {
        Mode::Countersign { reject: crate::template::AllReject::default() }
    }
}

/// How an administrator steps in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intervention {
    /// A token goes on at another node.
    Jump {
        /// Which token.
        token: TokenId,
        /// Where it goes on; in its own branch or before the fork.
        to: NodeId,
    },
    /// A task goes to somebody else.
    Reassign {
        /// Which.
        slot: SlotId,
        /// To whom.
        to: UserId,
    },
    /// People are asked at a visit that has nobody.
    Staff {
        /// Which visit.
        visit: VisitId,
        /// Whom.
        people: Vec<UserId>,
    },
    /// A visit is passed over.
    Skip {
        /// Which.
        visit: VisitId,
    },
    /// The instance ends.
    Terminate,
    /// Other people will be asked at a node that is not reached yet; nobody: those of the template again.
    SetApprovers {
        /// Which node.
        node: NodeId,
        /// Whom.
        people: Vec<UserId>,
    },
    /// A suspended instance tries again where it stopped.
    Retry,
    /// Everything open or planned for one person goes to another (semantics B6.5).
    HandOver {
        /// From whom.
        from: UserId,
        /// To whom.
        to: UserId,
    },
}

impl Intervention {
    /// Its stable word, in history and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Intervention::Jump { .. } => "jump",
            Intervention::Reassign { .. } => "reassign",
            Intervention::Staff { .. } => "staff",
            Intervention::Skip { .. } => "skip",
            Intervention::Terminate => "terminate",
            Intervention::SetApprovers { .. } => "set_approvers",
            Intervention::Retry => "retry",
            Intervention::HandOver { .. } => "hand_over",
        }
    }
}

impl Command {
    /// A decision in words alone.
    pub fn decide(decision: Decision, slot: SlotId, comment: impl Into<String>) -> Self {
        let opinion = Opinion::new(slot, comment);
        match decision {
            Decision::Approve => Command::Approve(opinion),
            Decision::Reject => Command::Reject(opinion),
            Decision::Abstain => Command::Abstain(opinion),
        }
    }

    /// Saying something to nobody in particular.
    pub fn comment(text: impl Into<String>) -> Self {
        Command::Comment { text: text.into(), mentions: Vec::new(), attachments: Vec::new() }
    }

    /// Its stable word, in history and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Submit(_) => "submit",
            Command::Approve(_) => "approve",
            Command::Reject(_) => "reject",
            Command::Abstain(_) => "abstain",
            Command::Return(_) => "return",
            Command::Resubmit(_) => "resubmit",
            Command::Claim { .. } => "claim",
            Command::Release { .. } => "release",
            Command::Transfer(_) => "transfer",
            Command::Delegate(_) => "delegate",
            Command::GiveOpinion { .. } => "give_opinion",
            Command::AddSign(_) => "add_sign",
            Command::RemoveSign { .. } => "remove_sign",
            Command::RemoveAdded { .. } => "remove_added",
            Command::TakeBack { .. } => "take_back",
            Command::Urge { .. } => "urge",
            Command::Withdraw { .. } => "withdraw",
            Command::Revoke { .. } => "revoke",
            Command::Comment { .. } => "comment",
            Command::Tell { .. } => "tell",
            Command::MarkRead => "mark_read",
            Command::Intervene { what, .. } => what.name(),
            Command::Migrate { .. } => "migrate",
            Command::Fire { .. } => "fire",
            Command::Sweep => "sweep",
            Command::Answer { .. } => "answer",
            Command::Fail { .. } => "fail",
            Command::Warn { .. } => "warn",
            Command::Amend { .. } => "amend",
        }
    }
}

/// What is needed to begin.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Submit {
    /// What people see in lists; empty: made of the template's and the initiator's names.
    pub title: String,
    /// In which of his departments he asks; needed where he has several (semantics B2.2).
    pub department: Option<DepartmentId>,
    /// What he asks, already read by `form::read_values`.
    pub form: FormData,
    /// Whom he picks, by node.
    pub picks: BTreeMap<NodeId, Vec<UserId>>,
    /// Whom he wants told.
    pub cc: Vec<UserId>,
    /// Where the template numbers its instances: the count of this one in its period, given out once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// The ended instance that is asked once more (semantics B4.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<InstanceId>,
}

impl Submit {
    /// What an instance asks, as it is recorded. Whom its initiator wanted told is not.
    pub fn of(instance: &Instance) -> Self {
        Self {
            title: instance.title.clone(),
            department: instance.department,
            form: instance.form.as_ref().clone(),
            picks: instance.picks.clone(),
            cc: Vec::new(),
            serial: None,
            copied_from: None,
        }
    }
}
