//! What happened. An event carries every fact needed to apply it, so that replay needs neither template nor directory.
//! The JSON of events is kept for ever: it only grows, and new members have defaults. A golden file guards it.

use crate::approvers::{Found, Why};
use crate::command::{Intervention, ReturnTo};
use crate::condition::GroupsOutcome;
use crate::form::{Changes, FileRef, FormData};
use crate::ids::{
    DepartmentId, FieldId, InstanceId, NodeId, SlotId, TemplateId, TimerId, TokenId, UserId, VisitId,
};
use crate::instance::{Item, Outcome, SlotState, Status, Timer, VisitKind, VisitState};
use crate::template::{Mode, Quorum, ResumePolicy};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that happened to an instance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asked.
    Submitted {
        /// When.
        at: Timestamp,
        /// What people see in lists.
        title: String,
        /// In which of his departments.
        department: Option<DepartmentId>,
        /// What.
        form: FormData,
        /// Whom he picked, by node.
        picks: BTreeMap<NodeId, Vec<UserId>>,
        /// Its serial number, where the template numbers its instances.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
        /// People who decided on linked instances and may not decide here, by the control that links them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        linked: BTreeMap<FieldId, Vec<UserId>>,
        /// The ended instance that is asked once more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copied_from: Option<InstanceId>,
        /// SHA-256 of the content, in hex.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        digest: String,
    },
    /// Values of the form changed.
    FormEdited {
        /// When.
        at: Timestamp,
        /// Who changed them; absent where a rule did.
        by: Option<UserId>,
        /// At which visit, if at one.
        visit: Option<VisitId>,
        /// The new values; absent: cleared.
        edits: Changes,
        /// People who decided on instances that are linked now and may not decide here, by the control that links them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        linked: BTreeMap<FieldId, Vec<UserId>>,
        /// SHA-256 of the content after it, in hex.
        digest: String,
        /// The trigger that set them and whose way it was, where that cannot be undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_good: Option<(NodeId, TokenId)>,
        /// They hold again what they held before somebody took back the decision with which he had changed them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// Somebody picked people for nodes that come.
    Picked {
        /// Who.
        by: UserId,
        /// With the decision in which slot; absent where it was without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<SlotId>,
        /// Whom, by node.
        picks: BTreeMap<NodeId, Vec<UserId>>,
    },
    /// People were found once and for all, at submit.
    ApproversFrozen {
        /// By node.
        people: BTreeMap<NodeId, Vec<Found>>,
    },
    /// A token began its way.
    TokenStarted {
        /// Its number.
        token: TokenId,
        /// The token it was forked from.
        parent: Option<TokenId>,
        /// At which fork.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fork: Option<NodeId>,
        /// Into which lane.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lane: Option<NodeId>,
        /// For which element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<Item>,
    },
    /// A token came to a fork and waits for its branches.
    TokenForked {
        /// Which.
        token: TokenId,
        /// Which fork.
        fork: NodeId,
    },
    /// A token came to the join of its fork.
    TokenArrived {
        /// Which.
        token: TokenId,
        /// What came of its branch.
        outcome: Outcome,
    },
    /// All branches of a fork are done; the token that was forked goes on.
    Joined {
        /// Which goes on.
        token: TokenId,
        /// Which fork.
        fork: NodeId,
    },
    /// A token was taken away while the instance goes on.
    TokenCancelled {
        /// Which.
        token: TokenId,
    },
    /// A token that waited for its branches, or at a join, is called back to go on from somewhere else.
    TokenRecalled {
        /// Which.
        token: TokenId,
    },
    /// The lanes of an inclusive fork were chosen.
    LanesChosen {
        /// Whose way.
        token: TokenId,
        /// At which fork.
        fork: NodeId,
        /// Which lanes.
        lanes: Vec<NodeId>,
        /// Each lane that was tried, with what its conditions saw.
        tried: Vec<LaneTried>,
    },
    /// A route went back, or a time limit that jumps.
    Looped {
        /// Whose way.
        token: TokenId,
        /// Which route, or the node of the limit.
        route: NodeId,
        /// Where to.
        to: NodeId,
        /// How often it has done so, this time included.
        count: u32,
        /// What its conditions saw.
        outcome: GroupsOutcome,
    },
    /// A branch was decided.
    LaneChosen {
        /// Whose way.
        token: TokenId,
        /// At which branch.
        branch: NodeId,
        /// Which lane.
        lane: NodeId,
        /// Each lane that was tried, in order, with what its conditions saw.
        tried: Vec<LaneTried>,
    },
    /// A token arrived at a node where people decide.
    VisitOpened {
        /// When.
        at: Timestamp,
        /// Its number.
        visit: VisitId,
        /// Whose.
        token: TokenId,
        /// Where.
        node: NodeId,
        /// The first time round is 1.
        round: u32,
        /// Level of a chain, from 1; 0 where the node has no levels.
        level: u32,
        /// What is waited for.
        #[serde(default, skip_serializing_if = "VisitKind::is_usual")]
        kind: VisitKind,
        /// How its people decide together.
        mode: Mode,
        /// What each group of voters has to reach.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        quorums: Vec<Quorum>,
        /// The places to decide.
        slots: Vec<NewSlot>,
        /// Levels of the chain that come after this one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        upcoming: Vec<Vec<Found>>,
    },
    /// A queued slot's turn came.
    SlotTurned {
        /// When.
        at: Timestamp,
        /// Which.
        slot: SlotId,
    },
    /// What somebody had approved, or counted as having approved, was changed since: he is asked once more.
    AskedAgain {
        /// When.
        at: Timestamp,
        /// Which slot.
        slot: SlotId,
    },
    /// A slot was taken out of its visit.
    SlotRemoved {
        /// Which.
        slot: SlotId,
        /// Why.
        #[serde(default, skip_serializing_if = "WhyRemoved::is_unknown")]
        why: WhyRemoved,
    },
    /// Somebody decided.
    SlotDecided {
        /// When.
        at: Timestamp,
        /// Which slot.
        slot: SlotId,
        /// Who: the assignee, or somebody who stood in for him.
        by: UserId,
        /// What.
        decision: Decision,
        /// In which words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
        /// Signed by hand: a picture of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<FileRef>,
        /// Files that belong to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<FileRef>,
    },
    /// Somebody approved, and waits for those he added after or beside him.
    SlotHeld {
        /// Which.
        slot: SlotId,
    },
    /// A slot is decided by a rule, or by the people its holder added.
    SlotSettled {
        /// When.
        at: Timestamp,
        /// Which.
        slot: SlotId,
        /// How.
        state: SlotState,
    },
    /// Somebody brought in more people.
    SlotsAdded {
        /// When.
        at: Timestamp,
        /// Whose slot.
        slot: SlotId,
        /// Who.
        by: UserId,
        /// Before, after or beside him, or as his peers.
        kind: AddKind,
        /// How they decide among themselves.
        mode: Mode,
        /// Their no is only an opinion.
        advisory: bool,
        /// The new places.
        slots: Vec<NewSlot>,
        /// In which words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// A slot went to somebody else.
    SlotMoved {
        /// When.
        at: Timestamp,
        /// Which.
        slot: SlotId,
        /// Who moved it; `SYSTEM` for a rule.
        by: UserId,
        /// To whom.
        to: UserId,
        /// Why.
        how: Move,
        /// In which words; an opinion that was asked for stands here.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// Somebody took a task of a pool.
    Claimed {
        /// When.
        at: Timestamp,
        /// His slot.
        slot: SlotId,
    },
    /// He gave it back.
    Released {
        /// When.
        at: Timestamp,
        /// His slot.
        slot: SlotId,
    },
    /// Somebody took back his decision.
    TakenBack {
        /// When.
        at: Timestamp,
        /// Which.
        slot: SlotId,
        /// Who.
        by: UserId,
        /// The slots of his visit as they stand again.
        slots: Vec<(SlotId, SlotState)>,
        /// Returns, counted from 0, that had been settled by his decision and are under way again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        returns: Vec<u32>,
        /// Picks that went with it, as they stand again; nobody: as if none had been made.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        picks: BTreeMap<NodeId, Vec<UserId>>,
        /// Instances that were begun since and are not begun again when the way is gone again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        begun: Vec<InstanceId>,
    },
    /// Somebody sent it back.
    Returned {
        /// When.
        at: Timestamp,
        /// From which slot; absent where a rule did.
        slot: Option<SlotId>,
        /// From which visit.
        visit: VisitId,
        /// Who; `SYSTEM` for a rule.
        by: UserId,
        /// Whose way is taken up again.
        token: TokenId,
        /// Where to.
        to: ReturnTo,
        /// How it goes on from there.
        resume: ResumePolicy,
        /// The version of the content that had been decided on; absent: the one there was then. What changed together with
        /// the return comes after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<u32>,
        /// In which words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
        /// Files that belong to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<FileRef>,
    },
    /// The target of a return has passed, and how it goes on is settled (semantics B4.5).
    ReturnSettled {
        /// Which return, counted from 0.
        number: u32,
        /// How it goes on, and why.
        way: ResumeWay,
        /// The visit that passed; absent where it was overtaken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        visit: Option<VisitId>,
    },
    /// What was decided at these visits does not count any more.
    Superseded {
        /// Which.
        visits: Vec<VisitId>,
    },
    /// A time limit was set.
    TimersSet {
        /// Of which visit.
        visit: VisitId,
        /// When the time is up; absent where nothing has to be done by then.
        due_at: Option<Timestamp>,
        /// What happens when; replaces what was set before.
        timers: Vec<Timer>,
    },
    /// A timer's time came.
    TimerFired {
        /// When it was noticed.
        at: Timestamp,
        /// Of which visit.
        visit: VisitId,
        /// Which.
        timer: TimerId,
    },
    /// People were reminded by the clock.
    Reminded {
        /// When.
        at: Timestamp,
        /// Of which visit.
        visit: VisitId,
        /// Who has to decide.
        people: Vec<UserId>,
        /// Their supervisors who are told.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        supervisors: Vec<UserId>,
    },
    /// The initiator asked people to hurry.
    Urged {
        /// When.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// Whom.
        people: Vec<UserId>,
        /// In which words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// A trigger called a webhook.
    TriggerCalled {
        /// When.
        at: Timestamp,
        /// At which node.
        node: NodeId,
        /// Whose way.
        token: TokenId,
        /// The visit that waits for the answer; absent where nothing waits.
        visit: Option<VisitId>,
    },
    /// An instance of another template was begun.
    ChildStarted {
        /// When.
        at: Timestamp,
        /// At which node.
        node: NodeId,
        /// Whose way.
        token: TokenId,
        /// The visit that waits for it; absent where nothing waits.
        visit: Option<VisitId>,
        /// The id it has.
        child: InstanceId,
        /// Of which template.
        template: TemplateId,
        /// Its values.
        form: FormData,
    },
    /// What a visit waited for has answered.
    Answered {
        /// When.
        at: Timestamp,
        /// Which.
        visit: VisitId,
        /// What came of it.
        outcome: Outcome,
    },
    /// An administrator stepped in.
    Intervened {
        /// When.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// How.
        what: Intervention,
        /// Why.
        reason: String,
        /// Visits whose people he passed over with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        over: Vec<VisitId>,
    },
    /// The initiator wants it revoked.
    RevokeAsked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Somebody did not agree to the revocation, or it was called off: it stays approved.
    RevokeRefused {
        /// When.
        at: Timestamp,
    },
    /// The instance goes on after a new version of its template (semantics B19).
    Migrated {
        /// When.
        at: Timestamp,
        /// From which version; 0 where it is not known.
        #[serde(default)]
        from: u32,
        /// Which version.
        version: u32,
        /// Which administrator did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// Of the content under that version (semantics D2); empty where it was not recorded.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        digest: String,
        /// New ids of nodes whose id changed.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        nodes: BTreeMap<NodeId, NodeId>,
    },
    /// A suspended instance goes on.
    Resumed,
    /// A visit came to its end; its open slots are closed with it.
    VisitClosed {
        /// When.
        at: Timestamp,
        /// Which.
        visit: VisitId,
        /// How.
        state: VisitState,
    },
    /// People were told.
    CcSent {
        /// When.
        at: Timestamp,
        /// At which node; absent at submit, by hand and at the end.
        node: Option<NodeId>,
        /// Who named them; absent where the template did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
        /// Who and why.
        people: Vec<Found>,
    },
    /// Somebody who was told opened it for the first time.
    CcRead {
        /// When.
        at: Timestamp,
        /// Who.
        user: UserId,
    },
    /// Somebody said something.
    Commented {
        /// When.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// What.
        text: String,
        /// Who should read it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// Files that belong to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<FileRef>,
    },
    /// The data held an oddity worth an administrator's look.
    DataWarned {
        /// Which.
        warning: String,
    },
    /// A token reached the end of the flow.
    TokenFinished {
        /// Which.
        token: TokenId,
    },
    /// Nobody can be asked, or what is waited for cannot come; an administrator has to act.
    Suspended {
        /// Whose way ends here.
        token: TokenId,
        /// Where.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// The instance ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How: approved, rejected or withdrawn.
        status: Status,
        /// In which words; of a withdrawal.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
}

impl Event {
    /// Somebody approved, with nothing beside his words.
    pub(crate) fn approval(at: Timestamp, slot: SlotId, by: UserId, comment: String) -> Self {
        Self::decision(at, slot, by, Decision::Approve, comment)
    }

    /// Somebody decided, with nothing beside his words.
    pub(crate) fn decision(
        at: Timestamp,
        slot: SlotId,
        by: UserId,
        decision: Decision,
        comment: String,
    ) -> Self {
        let (signature, attachments) = (None, Vec::new());
        Event::SlotDecided { at, slot, by, decision, comment, signature, attachments }
    }
}

/// Where people are brought in (semantics B5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddKind {
    /// 前加签: they first, then he.
    Before,
    /// 后加签: he now, then they.
    After,
    /// 并加签, we both: his slot needs him and them.
    Together,
    /// 并加签, anyone of us: they are peers in the visit.
    Peers,
}

/// Why a slot went to somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Handed on for good.
    Transfer,
    /// Lent for an opinion.
    Delegate,
    /// Back with the opinion.
    GivenBack,
    /// The holder is absent, and somebody stands in for him.
    Absence,
    /// The absence is over.
    BackFromAbsence,
    /// The holder has left.
    Leaver,
    /// The time was up.
    Timeout,
    /// An administrator reassigned it.
    Reassign,
    /// Everything of one person went to another.
    HandOver,
}

/// Why a slot was taken out of its visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyRemoved {
    /// It was not written down.
    #[default]
    Unknown,
    /// Its holder has left (semantics B8.5).
    Left,
    /// Duties have to be in different hands (semantics D9).
    Separated,
    /// Whoever stands in for its holder is asked in the visit anyway (semantics B6.4).
    Merged,
    /// Whoever brought him in took him out again (semantics B5).
    TakenOut,
}

impl WhyRemoved {
    fn is_unknown(&self) -> bool {
        *self == WhyRemoved::Unknown
    }
}

/// How it goes on after the target of a return has passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeWay {
    /// Straight to the node that returned it.
    StraightBack,
    /// Every node in between again.
    Replay {
        /// Why not straight back.
        #[serde(default)]
        why: WhyReplay,
        /// Material fields that changed, for people to see.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<FieldId>,
    },
    /// It was overtaken: by another return, a jump or the end.
    Overtaken,
}

/// Why every node between the target of a return and whoever returned it is visited again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyReplay {
    /// The node or the returner wants it so.
    #[default]
    Rule,
    /// Something changed on which hangs what was approved.
    MaterialChange,
    /// The way from the target is another one now, or does not lead there any more.
    OtherWay,
    /// Branches of a fork were cancelled by the return.
    BranchesCancelled,
}

/// What somebody decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Neither.
    Abstain,
}

/// A slot of a visit that is being opened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewSlot {
    /// Its number.
    pub id: SlotId,
    /// Whom the rules chose.
    pub owner: UserId,
    /// Who is asked.
    pub assignee: UserId,
    /// Why he.
    pub why: Why,
    /// How it begins: queued, pending, offered or auto.
    pub state: SlotState,
    /// How much his vote counts.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// His rejection rejects, whatever the others say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub veto: bool,
    /// The group he votes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

fn one() -> u32 {
    1
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

/// A lane that was tried.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LaneTried {
    /// Which.
    pub lane: NodeId,
    /// Whether it held and what its conditions saw; absent for the default lane.
    pub outcome: Option<GroupsOutcome>,
}
