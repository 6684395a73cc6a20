//! What an administrator draws: a form, and a flow as a tree of blocks. What he draws is what the engine runs.
//! Whether a drawing makes sense: `template/check.rs`; for the people of today: `template/lint.rs`. Finding one's way in
//! it: `template/walk.rs`.

mod check;
mod lint;
mod naming;
mod walk;

pub use check::check_template;
pub use lint::lint_template;
pub use naming::{Reset, SerialRule};
pub(crate) use naming::{Scene as TitleScene, title};
pub use walk::Next;

use crate::condition::{Group, Scope};
use crate::form::Form;
use crate::ids::{DepartmentId, FieldId, GroupId, NodeId, RoleId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// One version of a template. Immutable once published; an instance is pinned to the version it began with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Template {
    /// The name people see.
    pub name: String,
    /// What people fill in.
    pub form: Form,
    /// What happens then, in order.
    pub flow: Vec<Block>,
    /// Everything that is neither form nor flow.
    #[serde(default)]
    pub settings: Settings,
}

/// One thing in a block list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// People decide.
    Approval(Approval),
    /// People are told; nobody is waited for.
    Cc(Cc),
    /// Exactly one lane is taken.
    Branch(Branch),
}

impl Block {
    /// The id of the node or branch.
    pub fn id(&self) -> &NodeId {
        match self {
            Block::Approval(node) => &node.id,
            Block::Cc(node) => &node.id,
            Block::Branch(node) => &node.id,
        }
    }

    /// The title people see.
    pub fn title(&self) -> &str {
        match self {
            Block::Approval(node) => &node.title,
            Block::Cc(node) => &node.title,
            Block::Branch(node) => &node.title,
        }
    }
}

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
    /// What happens to a slot of the initiator's own; absent: `Skip`, on a control node `Supervisor` (semantics B6.1).
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
    pub opinion: Opinion,
    /// Whether it may be decided together with other requests; absent: as the template says, never on a control node
    /// (semantics B18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_batch: Option<bool>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
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
            opinion: Opinion::default(),
            allow_batch: None,
            other: Map::new(),
        }
    }

    /// The self rule with its default (semantics B6.1).
    pub fn self_rule(&self) -> SelfRule {
        match (self.self_rule, self.control) {
            (Some(rule), _) => rule,
            (None, false) => SelfRule::Skip,
            (None, true) => SelfRule::Supervisor,
        }
    }
}

/// A node that tells people and goes on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cc {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// Who is told.
    pub people: Vec<PersonRule>,
    /// The initiator may name more people at submit (WPS `add_more_copyers`).
    #[serde(default)]
    pub allow_more: bool,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// A fork of which exactly one lane is taken: the first, by ascending priority, whose condition holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Branch {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    #[serde(default)]
    pub title: String,
    /// At least one; exactly one of them is the default.
    pub lanes: Vec<Lane>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// One way through a branch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lane {
    /// Unique in the template, among nodes too.
    pub id: NodeId,
    /// The title people see.
    #[serde(default)]
    pub title: String,
    /// Lanes are tried from the lowest number up; the default lane is last whatever its number.
    #[serde(default)]
    pub priority: i64,
    /// When the lane is taken.
    pub when: When,
    /// What happens in it; may be empty.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// When a lane is taken.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// No other lane was.
    Default,
    /// One of these groups holds.
    AnyOf(Vec<Group>),
}

/// Who decides at a node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approvers {
    /// The people of all these rules, each person once.
    People(Vec<PersonRule>),
    /// One level after the other, each a visit of its own (semantics B2.4).
    Chain(Chain),
}

/// A rule that yields people.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonRule {
    /// Named people.
    Members(Vec<UserId>),
    /// Whom the initiator picks at submit.
    InitiatorPick {
        /// More than one may be picked.
        #[serde(default)]
        many: bool,
        /// Who may be picked.
        #[serde(default)]
        among: Scope,
    },
    /// The person who submitted.
    Initiator,
    /// One supervisor on the reporting line.
    Supervisor(Level),
    /// The head of one department above.
    DepartmentHead(Level),
    /// Everybody who holds the role.
    Role(RoleId),
    /// Everybody in the group.
    Group(GroupId),
    /// The people in a `Contact` control.
    FormPerson(FieldId),
}

/// One level above a start (semantics B2.2, B2.3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Level {
    /// 1 is the nearest. 0 means 1, kept raw so that an export returns what was imported.
    pub level: u8,
    /// Where counting begins.
    #[serde(default)]
    pub start: Start,
    /// When there are fewer levels.
    #[serde(default)]
    pub above_top: AboveTop,
    /// When the level has no active head.
    #[serde(default)]
    pub vacant: Vacant,
}

impl Level {
    /// Level `level` above the initiator, with the defaults of semantics B2.3.
    pub fn nth(level: u8) -> Self {
        Self { level, start: Start::default(), above_top: AboveTop::default(), vacant: Vacant::default() }
    }
}

/// Levels one after another (semantics B2.4).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Chain {
    /// Along which tree.
    pub line: Line,
    /// Where the chain ends.
    pub end: ChainEnd,
    /// Where counting begins.
    #[serde(default)]
    pub start: Start,
    /// Who comes first.
    #[serde(default)]
    pub order: Order,
    /// How several heads of one level decide.
    #[serde(default)]
    pub heads: Heads,
}

/// The two trees above a person (semantics B2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Person to supervisor.
    Supervisors,
    /// Department to parent department.
    DepartmentHeads,
}

/// Where a chain ends, itself included.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainEnd {
    /// So many levels above the start; 0: up to the top.
    Levels(u8),
    /// The level so many steps from the top; 1 is the top.
    FromTop(u8),
    /// The first person who holds the role.
    Role {
        /// The role.
        role: RoleId,
        /// When nobody on the line holds it.
        #[serde(default)]
        missing: AboveTop,
    },
    /// The head of this department.
    Department(DepartmentId),
    /// The first person whose approval limit reaches the amount in a `Money` or `Number` control.
    Limit(FieldId),
}

/// Where counting levels begins (semantics B2.2).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The initiator, in the department he chose.
    #[default]
    Initiator,
    /// The first person in a `Contact` control, in his first department.
    FormPerson(FieldId),
    /// The first department in a `Department` control.
    FormDepartment(FieldId),
}

/// When there are fewer levels than asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AboveTop {
    /// The highest there is.
    #[default]
    Top,
    /// Nobody.
    Empty,
}

/// When a level has no active head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vacant {
    /// The next level up that has one.
    #[default]
    Climb,
    /// Nobody.
    Empty,
}

/// Who of a chain comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The nearest.
    #[default]
    BottomUp,
    /// The highest.
    TopDown,
}

/// How several heads of one level decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heads {
    /// One is enough.
    #[default]
    Any,
    /// Each of them.
    All,
}

/// How the people of a visit decide together (semantics B3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mode {
    /// 或签: the first approval passes.
    OrSign {
        /// What one rejection does.
        #[serde(default)]
        reject: OrReject,
    },
    /// 会签: everybody has to approve.
    Countersign {
        /// What one rejection does.
        #[serde(default)]
        reject: AllReject,
    },
    /// 依次: everybody has to approve, one after another.
    InTurn,
}

impl Default for Mode {
    fn default() -> Self {
        Mode::OrSign { reject: OrReject::FirstDecides }
    }
}

/// What one rejection does under or-sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrReject {
    /// It rejects.
    #[default]
    FirstDecides,
    /// It counts; all have to reject.
    AllMustReject,
}

/// What one rejection does under countersign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllReject {
    /// It rejects at once.
    #[default]
    AtOnce,
    /// Everybody is heard first.
    WaitForAll,
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

/// Whether a decision needs words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// As the approver likes.
    #[default]
    Optional,
    /// A rejection needs words.
    OnReject,
    /// Every decision needs words.
    Required,
}

/// Everything of a template that is neither form nor flow.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Who may change the template, and who decides where nobody is found.
    pub managers: Vec<UserId>,
    /// Who may submit.
    pub visible_to: Scope,
    /// Asking the same person again (semantics B7).
    pub dedup: Dedup,
    /// Who stands above a person without an active supervisor (semantics B2.1).
    pub supervisor_gap: SupervisorGap,
    /// Withdrawing while running (semantics B9).
    pub withdraw: WithdrawRule,
    /// Told at the end, with the result (semantics B12).
    pub cc_at_end: Vec<PersonRule>,
    /// The initiator may name people to be told at submit.
    pub allow_add_cc: bool,
    /// A manager of the template may decide in an approver's place; both names are kept.
    pub allow_agent: bool,
    /// Whether several requests may be decided at once; absent: they may (semantics B18).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_batch: Option<bool>,
    /// The handler named in the completion callback; absent: no callback (the BPM seed's `callBackProcessClass`).
    pub completion_callback: Option<String>,
    /// What an instance is called whose initiator gives it no title: text with `{template}`, `{initiator}`,
    /// `{department}`, `{date}`, `{serial}` and `{field:id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_rule: Option<String>,
    /// How instances are numbered; absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<SerialRule>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// Asking the same person again (semantics B7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dedup {
    /// Always ask.
    None,
    /// Whoever approved once is not asked again.
    FirstOnly,
    /// Whoever approved at the human visit just before is not asked again.
    #[default]
    Consecutive,
}

/// When the initiator may withdraw a running instance (semantics B9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawRule {
    /// Never.
    Never,
    /// Until somebody decided.
    BeforeFirstDecision,
    /// As long as it runs; with a reason once somebody decided.
    #[default]
    WhileRunning,
}

/// Who stands above a person without an active supervisor (semantics B2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorGap {
    /// The nearest active department head above him.
    #[default]
    DepartmentHead,
    /// Nobody.
    Empty,
}
