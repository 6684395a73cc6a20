//! An instance is data: where its tokens stand, who was asked, what they said. Only `apply` changes it.
//!
//! It is read and written with every command, so its JSON is short: times are microseconds since 1970, and what is
//! absent is left out. History, which people read, has times in words.

mod apply;
mod broken;
mod slots;

use crate::approvers::{Found, Why};
use crate::command::ReturnTo;
use crate::event::AddKind;
use crate::form::{Changes, FileRef, FormData, RowId, Value};
use crate::ids::{
    DepartmentId, FieldId, InstanceId, NodeId, SlotId, TemplateId, TimerId, TokenId, UserId, VisitId,
};
use crate::template::{Mode, Quorum, ResumePolicy};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where the initiator mends what was sent back to him: the node of `VisitKind::Revise` visits, which no template draws.
pub const REVISE_NODE: &str = "@initiator";
/// Where those who approved are asked about a revocation: the node of `VisitKind::Consent` visits, which no template draws.
pub const CONSENT_NODE: &str = "@consent";
/// From so many returns on people are told that something may be wrong with the request (semantics B4.7).
pub const ROUNDS_HINT: u32 = 3;

/// One request on its way through one template version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The template it follows.
    pub template: TemplateId,
    /// The version it is pinned to.
    pub template_version: u32,
    /// Counts accepted commands; 0 before the submission. Equals `seq` of the last history entry.
    pub version: u64,
    /// What people see in lists.
    pub title: String,
    /// Its serial number, where the template numbers its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Who asks.
    pub initiator: UserId,
    /// In which of his departments he asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// What he asks. Shared, since it is by far the greatest part and each decision is made on a copy.
    pub form: Arc<FormData>,
    /// Whom he picked, by node.
    pub picks: BTreeMap<NodeId, Vec<UserId>>,
    /// Where it stands as a whole.
    pub status: Status,
    /// When it was submitted.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub submitted_at: Option<Timestamp>,
    /// When it ended.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended_at: Option<Timestamp>,
    /// Positions in the flow (semantics B0).
    pub tokens: Vec<Token>,
    /// Activations of nodes, in the order they happened (semantics B0).
    pub visits: Vec<Visit>,
    /// Lanes taken, in order.
    pub lanes: Vec<LaneTaken>,
    /// Who was told.
    pub cc: Vec<CcEntry>,
    /// What people said beside their decisions.
    pub comments: Vec<Comment>,
    /// Oddities of the data met on the way, such as a circle in the department tree.
    pub warnings: Vec<String>,
    /// Versions of the content, the submitted one first: what a decision was made on is one of them (semantics D2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<Content>,
    /// Times it was sent back, in order (semantics B4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Returned>,
    /// People whom an administrator set for nodes, in place of the template's rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<NodeId, Vec<UserId>>,
    /// People found at submit for nodes that are reached later, where the template freezes them then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub frozen: BTreeMap<NodeId, Vec<Found>>,
    /// The ended instance that is asked once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<InstanceId>,
    /// People who decided on linked instances and may not decide here, by the control that links them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub linked: BTreeMap<FieldId, Vec<UserId>>,
    /// How often each route, and each time limit of a node, went back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loops: BTreeMap<NodeId, u32>,
    /// Webhooks that were called, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Called>,
    /// Instances of other templates that were begun and go on by themselves, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<Begun>,
    /// Where administrators passed people over, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// When the initiator last asked to hurry.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub urged_at: Option<Timestamp>,
}

impl Instance {
    /// An instance that nothing has happened to yet.
    pub fn draft(id: InstanceId, template: TemplateId, version: u32, initiator: UserId) -> Self {
        Self {
            id,
            template,
            template_version: version,
            version: 0,
            title: String::new(),
            serial: None,
            initiator,
            department: None,
            form: Arc::default(),
            picks: BTreeMap::new(),
            status: Status::Draft,
            submitted_at: None,
            ended_at: None,
            tokens: Vec::new(),
            visits: Vec::new(),
            lanes: Vec::new(),
            cc: Vec::new(),
            comments: Vec::new(),
            warnings: Vec::new(),
            contents: Vec::new(),
            returns: Vec::new(),
            overrides: BTreeMap::new(),
            frozen: BTreeMap::new(),
            copied_from: None,
            linked: BTreeMap::new(),
            loops: BTreeMap::new(),
            calls: Vec::new(),
            begun: Vec::new(),
            passed_over: Vec::new(),
            urged_at: None,
        }
    }

    /// The token with this id.
    pub fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(id.0 as usize)
    }

    /// The token, its parent, its parent's parent, up to the first one.
    pub fn line_of(&self, id: TokenId) -> Vec<TokenId> {
        let mut line = vec![id];
        while let Some(parent) = line.last().and_then(|id| self.token(*id)?.parent) {
            line.push(parent);
        }
        line
    }

    /// The elements of lists that a token's branches run for, the innermost first.
    pub(crate) fn elements_of(&self, id: TokenId) -> impl Iterator<Item = &Item> {
        self.line_of(id).into_iter().filter_map(|token| self.token(token)?.item.as_ref())
    }

    /// The open visit a token stands at.
    pub fn open_visit_of(&self, token: TokenId) -> Option<&Visit> {
        self.visits.iter().rev().find(|visit| visit.token == token && visit.state == VisitState::Open)
    }

    /// What came of a lane, of a fork over a list, or of a node such as a sub-process, the last time it was there.
    /// A fork over a list is rejected if one of its elements is. Absent: it has not come out yet, or was never reached.
    pub fn outcome_of(&self, id: &NodeId) -> Option<Outcome> {
        let lane = self.tokens.iter().rev().find(|token| token.lane.as_ref() == Some(id));
        if let Some(token) = lane {
            return token.outcome;
        }
        let last =
            self.tokens.iter().rev().find(|token| token.lane.is_none() && token.fork.as_ref() == Some(id));
        if let Some(last) = last {
            let together = self.tokens.iter().filter(|it| it.parent == last.parent && it.fork == last.fork);
            let moves = |it: &Token| matches!(it.state, TokenState::Live | TokenState::Forked);
            let outcomes: Vec<Outcome> = together.clone().filter_map(|it| it.outcome).collect();
            let rejected = outcomes.contains(&Outcome::Rejected);
            let done = !outcomes.is_empty() && !together.clone().any(moves);
            return done.then_some(if rejected { Outcome::Rejected } else { Outcome::Approved });
        }
        match self.visits.iter().rev().find(|visit| &visit.node == id)?.state {
            VisitState::Passed | VisitState::AutoApproved | VisitState::Skipped => Some(Outcome::Approved),
            VisitState::Rejected | VisitState::AutoRejected => Some(Outcome::Rejected),
            VisitState::Open | VisitState::Returned | VisitState::Cancelled => None,
        }
    }

    /// The version of the content that somebody made with his decision; absent where he changed nothing.
    pub(crate) fn content_of_decision(&self, slot: SlotId) -> Option<usize> {
        let (_, slot) = self.slot(slot)?;
        let decided = slot.decided.as_ref()?;
        let content = self.contents.get(decided.content as usize)?;
        (content.by == Some(decided.by) && content.at == decided.at).then_some(decided.content as usize)
    }

    /// The version of the content as it is now, counted from 0.
    pub fn content(&self) -> u32 {
        (self.contents.len() as u32).saturating_sub(1)
    }

    /// The visit with this id.
    pub fn visit(&self, id: VisitId) -> Option<&Visit> {
        self.visits.get(id.0 as usize)
    }

    /// The slot with this id, and its visit.
    pub fn slot(&self, id: SlotId) -> Option<(&Visit, &Slot)> {
        self.visits
            .iter()
            .find_map(|visit| visit.slots.iter().find(|slot| slot.id == id).map(|slot| (visit, slot)))
    }

    /// Slots somebody can decide now, with their visits.
    pub fn pending(&self) -> impl Iterator<Item = (&Visit, &Slot)> {
        self.visits.iter().filter(|visit| visit.state == VisitState::Open).flat_map(|visit| {
            visit.slots.iter().filter(|slot| slot.state == SlotState::Pending).map(move |slot| (visit, slot))
        })
    }

    /// How often it was sent back.
    pub fn rounds(&self) -> u32 {
        self.returns.len() as u32
    }

    /// Fields that changed after a version of the content, counted from 0.
    pub fn changed_since(&self, content: u32) -> BTreeSet<&FieldId> {
        self.contents.iter().skip(content as usize + 1).flat_map(|content| &content.fields).collect()
    }

    /// Everybody who took part, each once: the initiator, whoever decided anything, in whosever place, and administrators
    /// who passed people over.
    pub fn took_part(&self) -> Vec<UserId> {
        let decided = self.visits.iter().flat_map(|visit| &visit.slots).filter_map(|it| it.decided.as_ref());
        let passed_over = self.passed_over.iter().map(|it| it.by);
        let people = decided.map(|it| it.by).chain(passed_over).chain([self.initiator]);
        people.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Somebody decided something himself.
    pub fn has_decision(&self) -> bool {
        self.visits.iter().flat_map(|visit| &visit.slots).any(|slot| slot.decided.is_some())
    }
}

/// Where an instance stands as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not submitted yet.
    Draft,
    /// Somebody is asked.
    Running,
    /// Ended: yes.
    Approved,
    /// Ended: no.
    Rejected,
    /// Ended by the initiator.
    Withdrawn,
    /// Stopped because nobody can be asked; an administrator has to act.
    Suspended,
    /// Sent back to the initiator, who has to mend it.
    Returned,
    /// Approved, and those who approved are asked whether it may be revoked.
    Revoking,
    /// Ended: approved once, and revoked.
    Revoked,
    /// Ended by an administrator.
    Terminated,
}

impl Status {
    /// Nobody is asked any more. An approved instance may still be revoked.
    pub fn is_ended(self) -> bool {
        match self {
            Status::Approved
            | Status::Rejected
            | Status::Withdrawn
            | Status::Revoked
            | Status::Terminated => true,
            Status::Draft | Status::Running | Status::Suspended | Status::Returned | Status::Revoking => {
                false
            }
        }
    }
}

/// The position of the instance in one branch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// The token it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TokenId>,
    /// The fork it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<NodeId>,
    /// The lane of the fork; absent where the fork has none but runs for each element of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<NodeId>,
    /// The element it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Whether it still moves.
    pub state: TokenState,
    /// What came of its branch, once it has arrived at the join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// The element of a list that a branch runs for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its value: one person, one department, one choice; of a table, the common value of its rows, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The table's rows that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowId>,
}

/// What came of a branch, a sub-process or a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

/// Whether a token still moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It stands at a node or is on its way.
    Live,
    /// It waits for the tokens it was forked into.
    Forked,
    /// It waits at a join for the others of its fork.
    Arrived,
    /// It reached the end of the flow, or its join fired.
    Finished,
    /// It was taken away by a rejection, a withdrawal or another end.
    Cancelled,
}

/// One activation of a node by a token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Visit {
    /// Its number.
    pub id: VisitId,
    /// Whose.
    pub token: TokenId,
    /// Where.
    pub node: NodeId,
    /// The first time round is 1: a node is counted through, for each element of a list by itself.
    pub round: u32,
    /// Level of a chain, from 1; 0 where the node has no levels.
    pub level: u32,
    /// What is waited for here.
    #[serde(default, skip_serializing_if = "VisitKind::is_usual")]
    pub kind: VisitKind,
    /// How its people decide together.
    pub mode: Mode,
    /// What each group of voters has to reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quorums: Vec<Quorum>,
    /// The places to decide, in order; people added later come last.
    pub slots: Vec<Slot>,
    /// Levels of the chain that come after this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<Vec<Found>>,
    /// What became of it.
    pub state: VisitState,
    /// Why nobody can be asked here; an administrator has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
    /// What was decided here does not count any more, since the way was gone again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// The time limit.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub due_at: Option<Timestamp>,
    /// What happens by the clock while it is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<Timer>,
    /// When it was opened.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub closed_at: Option<Timestamp>,
}

/// What is waited for at a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitKind {
    /// People decide.
    #[default]
    Approve,
    /// People carry something out.
    Handle,
    /// One of several people claims it and decides.
    Pool,
    /// The initiator mends what was sent back to him.
    Revise,
    /// Those who approved are asked whether it may be revoked.
    Consent,
    /// Time passes.
    Delay,
    /// A webhook answers.
    Call,
    /// The instance of a sub-process ends.
    Child {
        /// Which.
        instance: InstanceId,
    },
    /// Nothing: so much happened at once that the rest follows in a moment.
    Pause,
    /// Nothing: the node decided by itself.
    Auto,
}

impl VisitKind {
    pub(crate) fn is_usual(&self) -> bool {
        *self == VisitKind::Approve
    }

    /// People are asked here.
    pub fn asks_people(self) -> bool {
        match self {
            VisitKind::Approve
            | VisitKind::Handle
            | VisitKind::Pool
            | VisitKind::Revise
            | VisitKind::Consent => true,
            VisitKind::Delay
            | VisitKind::Call
            | VisitKind::Child { .. }
            | VisitKind::Pause
            | VisitKind::Auto => false,
        }
    }
}

/// Something that happens by the clock while a visit is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timer {
    /// Its number within the visit.
    pub id: TimerId,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// What: the place of the action in the node's limit; absent: what a visit without people waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<u32>,
    /// For whom alone: the holder of this slot and those he added; absent: for all of the visit who have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotId>,
    /// It has happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fired: bool,
    /// Since when it does not run, because he waits for people he brought in before himself.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub stopped: Option<Timestamp>,
}

impl Timer {
    /// It will happen when its time has come.
    pub fn runs(&self) -> bool {
        !self.fired && self.stopped.is_none()
    }
}

/// What became of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitState {
    /// People are asked.
    Open,
    /// They said yes.
    Passed,
    /// They said no.
    Rejected,
    /// Passed without asking anybody.
    AutoApproved,
    /// Rejected without asking anybody.
    AutoRejected,
    /// Somebody sent it back.
    Returned,
    /// An administrator passed over it.
    Skipped,
    /// Taken away before the end.
    Cancelled,
}

/// One place to decide inside a visit. Whoever it is given to, it stays the same slot.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Its number, through all visits.
    pub id: SlotId,
    /// Whom the rules chose.
    pub owner: UserId,
    /// Who is asked now.
    pub assignee: UserId,
    /// Why he.
    pub why: Why,
    /// What became of it.
    pub state: SlotState,
    /// When he could first decide.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub pending_at: Option<Timestamp>,
    /// Who decided, when and with which words; absent where nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// How much his vote counts.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// His rejection rejects, whatever the others say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub veto: bool,
    /// The group he votes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The slot of the one who added him; absent where the rules chose him, and for a peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SlotId>,
    /// He was added, by whoever it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<UserId>,
    /// The people he added himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adding: Option<Adding>,
    /// How often it was handed on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moves: u32,
    /// Whom it goes back to once the assignee has given his opinion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<UserId>,
    /// The absent person for whom the assignee stands in, who may act all the same (semantics B6.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<UserId>,
    /// People beside the owner who had it before; they may still look at it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<UserId>,
}

impl Slot {
    /// The people its holder added and has not heard out yet, or has just heard out.
    pub(crate) fn added<'v>(&self, visit: &'v Visit) -> impl Iterator<Item = &'v Slot> + use<'v> {
        let (id, first) = (self.id, self.adding.map(|it| it.first));
        visit
            .slots
            .iter()
            .filter(move |it| it.parent == Some(id) && first.is_some_and(|first| first <= it.id))
    }

    /// Somebody whom its holder added may still decide.
    pub(crate) fn has_added_open(&self, visit: &Visit) -> bool {
        self.added(visit).any(|it| it.state.is_open())
    }

    /// He is or was asked here, for himself or for somebody else.
    pub fn is_or_was_with(&self, user: UserId) -> bool {
        self.owner == user
            || self.assignee == user
            || self.absent == Some(user)
            || self.held.contains(&user)
            || self.decided.as_ref().is_some_and(|decided| decided.by == user)
    }

    /// Who decides in the end: the one he stands in for, or who lent it for an opinion, before the one who is asked.
    pub(crate) fn holder(&self) -> UserId {
        self.absent.or(self.back_to).unwrap_or(self.assignee)
    }
}

fn one() -> u32 {
    1
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// People somebody added to his own slot (semantics B5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Adding {
    /// Before, after or beside him.
    pub kind: AddKind,
    /// How they decide among themselves.
    pub mode: Mode,
    /// Their no is only an opinion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub advisory: bool,
    /// The first of them; whom he added before that has come to an end.
    pub first: SlotId,
}

/// A version of the content people decide on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Content {
    /// Since when.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// Who made it; absent where a rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// SHA-256, in hex, over the values, the attachments' ids and the template's version.
    pub digest: String,
    /// What differs from the version before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldId>,
    /// What these fields held before, where somebody changed them with a decision that he may take back.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub was: Changes,
    /// Nobody stands for it: its decision was taken back, or it is what came of taking one back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub void: bool,
}

/// Once it was sent back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Returned {
    /// From which visit.
    pub from: VisitId,
    /// Whose way is taken up again: of the returning token, or of the one it was forked from.
    pub token: TokenId,
    /// Where to.
    pub to: ReturnTo,
    /// Who sent it back.
    pub by: UserId,
    /// How it goes on.
    pub resume: ResumePolicy,
    /// The version of the content he sent back.
    pub content: u32,
    /// It has gone on, or was overtaken by something else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
    /// The visit after which it has gone on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<VisitId>,
}

/// A trigger that did something: called a webhook, or set for good what cannot be undone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Called {
    /// At which node.
    pub node: NodeId,
    /// Whose way.
    pub token: TokenId,
    /// How many visits there had been until then.
    pub visits: u32,
}

/// An instance of another template that was begun and goes on by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Begun {
    /// At which node.
    pub node: NodeId,
    /// Whose way.
    pub token: TokenId,
    /// How many visits there had been until then.
    pub visits: u32,
    /// The id it has.
    pub child: InstanceId,
    /// What led to it was taken back: it stands for the next time the way is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// An administrator passed people over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PassedOver {
    /// Who.
    pub by: UserId,
    /// At which visit.
    pub visit: VisitId,
}

/// A decision somebody made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Who made it: the assignee, or somebody who stood in for him.
    pub by: UserId,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// In which words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// On which version of the content, counted from 0 (semantics D2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub content: u32,
    /// Signed by hand: a picture of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<FileRef>,
    /// Files that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<FileRef>,
    /// Whom he picked with it, by node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub picks: BTreeMap<NodeId, Pick>,
}

/// Whom somebody picked for a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pick {
    /// Whom.
    pub people: Vec<UserId>,
    /// Who had been picked before; nobody: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<UserId>,
}

/// What became of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Not his turn yet.
    Queued,
    /// He can decide.
    Pending,
    /// He can claim it.
    Offered,
    /// Another one has claimed it.
    Taken,
    /// He waits for the people he added.
    Waiting,
    /// He said yes.
    Approved,
    /// He said no.
    Rejected,
    /// He abstained.
    Abstained,
    /// He sent it back.
    Returned,
    /// Counts as yes without his having said so.
    Auto(AutoReason),
    /// Counts as no without his having said so.
    AutoRejected(AutoReason),
    /// The visit was decided without him.
    NotNeeded,
    /// Taken out of the visit: he left, whoever added him took him out, or somebody else decides for him.
    Removed,
    /// Went away with its visit.
    Cancelled,
}

impl SlotState {
    /// It may still be decided.
    pub fn is_open(self) -> bool {
        match self {
            SlotState::Queued
            | SlotState::Pending
            | SlotState::Offered
            | SlotState::Taken
            | SlotState::Waiting => true,
            SlotState::Approved
            | SlotState::Rejected
            | SlotState::Abstained
            | SlotState::Returned
            | SlotState::Auto(_)
            | SlotState::AutoRejected(_)
            | SlotState::NotNeeded
            | SlotState::Removed
            | SlotState::Cancelled => false,
        }
    }
}

/// Why a slot counts as decided without its person having decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoReason {
    /// The initiator's own slot.
    SelfSkip,
    /// He approved this instance before.
    Duplicate {
        /// Where.
        slot: SlotId,
    },
    /// He approved in the visit that was returned from here, and nothing material changed.
    Kept {
        /// Where.
        slot: SlotId,
    },
    /// He will be asked later on this way.
    AskedLater,
    /// The time was up.
    Timeout,
    /// The people he added decided so.
    ByAdded,
}

/// A lane taken, kept for drawing the path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LaneTaken {
    /// Whose way.
    pub token: TokenId,
    /// At which branch.
    pub branch: NodeId,
    /// Which lane.
    pub lane: NodeId,
}

/// A person who was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CcEntry {
    /// Who.
    pub user: UserId,
    /// At which node; absent for people told at submit, by hand or at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Who named him, and shares with him what he sees himself; absent where the template did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// When he first opened it.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub read_at: Option<Timestamp>,
}

/// Words beside the decisions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Comment {
    /// Who.
    pub by: UserId,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Who should read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Files that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<FileRef>,
}
