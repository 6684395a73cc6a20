//! Who is asked at a node, and why. Who may be asked at all: `approvers/eligible.rs`. What single rules find (semantics B1
//! step 1): `approvers/find.rs`; levels above a person (B2): `approvers/levels.rs`; what is made of the people found (B1
//! steps 2 to 6): `approvers/resolve.rs`; who of them is drawn (B1 step 8): `approvers/draw.rs`.

mod draw;
mod eligible;
mod find;
mod levels;
mod resolve;
mod substitutes;

pub(crate) use draw::draw;
pub(crate) use eligible::{Barred, Place, barred, is_separated};
pub(crate) use find::find_people;
pub(crate) use levels::{chain_levels, supervisor_of};
pub(crate) use resolve::{
    Candidate, Resolution, changed_since, give_ballots, has_changed_since, may_be_spared, resolve,
    resolve_to_admins,
};

use crate::command::Outside;
use crate::directory::Directory;
use crate::ids::{DepartmentId, FieldId, GroupId, RoleId, TokenId, UserId};
use crate::instance::Instance;
use crate::template::Template;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) template: &'a Template,
    pub(crate) directory: &'a Directory,
    pub(crate) instance: &'a Instance,
    /// Whose way it is: the element it runs for, and what lies behind it.
    pub(crate) token: TokenId,
    pub(crate) outside: &'a Outside,
    pub(crate) at: Timestamp,
}

/// A person a rule chose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Who.
    pub user: UserId,
    /// Why he.
    pub why: Why,
}

/// Why a person is asked: the rule that chose him and what happened on the way. Names are as they were then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Why {
    /// The rule.
    pub rule: WhyRule,
    /// What happened on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<WhyNote>,
}

/// The rule that chose a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyRule {
    /// The template names him.
    Member,
    /// The initiator picked him.
    Picked,
    /// He is the initiator.
    Initiator,
    /// He stands above somebody on the reporting line.
    Supervisor {
        /// How many levels above.
        level: u32,
        /// Above whom.
        of: String,
    },
    /// He heads a department.
    DepartmentHead {
        /// Which level it is, counted from the start.
        level: u32,
        /// Which.
        department: DepartmentId,
        /// Its name.
        name: String,
    },
    /// He holds a role.
    Role {
        /// Which.
        role: RoleId,
        /// Its name.
        name: String,
    },
    /// He is in a group.
    Group {
        /// Which.
        group: GroupId,
        /// Its name.
        name: String,
    },
    /// He stands in a form control.
    FormPerson {
        /// Which.
        field: FieldId,
        /// Its title.
        title: String,
    },
    /// Nobody was found; he administers the template.
    TemplateAdmin,
    /// Nobody was found; he administers the workspace.
    WorkspaceAdmin,
    /// Nobody was found; the template names him for this case.
    Fallback,
    /// The initiator named him to be told.
    Named,
    /// An approver before him picked him.
    ApproverPicked,
    /// The branch runs for him, or he stands in its rows.
    Item {
        /// The title of the list or column.
        title: String,
    },
    /// An administrator set him in place of the template's rules.
    Set,
    /// Somebody brought him in.
    Added {
        /// That person's name.
        by: String,
    },
    /// It was sent back to him.
    SentBack,
    /// He approved it, so he is asked whether it may be revoked.
    Approved,
}

/// Something that happened while people were looked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNote {
    /// The asked level does not exist; this is the highest.
    TopInstead {
        /// What was asked.
        asked: u32,
    },
    /// Levels below have no active head.
    Climbed {
        /// The level that was asked for.
        from: u32,
    },
    /// Somebody is left out because he is disabled or gone.
    LeftOut {
        /// His name.
        name: String,
    },
    /// He stands in for the initiator, who may not decide on his own request.
    InsteadOfInitiator,
    /// Another rule of the node chose him too.
    AlsoBy {
        /// That rule.
        rule: Box<WhyRule>,
    },
    /// Somebody is left out because he may not decide here (semantics D9).
    Barred {
        /// His name.
        name: String,
    },
    /// He stands in for somebody who is absent; the first is whom the rules chose.
    StandsInFor {
        /// Names of the absent, in the order in which one stands in for the other.
        names: Vec<String>,
    },
    /// He was drawn by lot.
    Drawn {
        /// The number the lot was drawn with.
        seed: u64,
        /// Out of how many.
        of: u32,
    },
    /// It was his turn.
    HisTurn {
        /// Who was asked the last time.
        after: Option<UserId>,
    },
    /// He has the fewest open tasks.
    LeastLoaded {
        /// How many.
        open: u32,
    },
}

impl Why {
    /// The bare rule.
    pub fn by(rule: WhyRule) -> Self {
        Self { rule, notes: Vec::new() }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rule.fmt(f)?;
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for WhyRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WhyRule::Member => f.write_str("named in the template"),
            WhyRule::Picked => f.write_str("picked by the initiator"),
            WhyRule::Initiator => f.write_str("the initiator himself"),
            WhyRule::Supervisor { level, of } => write!(f, "supervisor of {of}, level {level}"),
            WhyRule::DepartmentHead { level, name, .. } => write!(f, "head of {name}, level {level}"),
            WhyRule::Role { name, .. } => write!(f, "holds the role {name}"),
            WhyRule::Group { name, .. } => write!(f, "member of the group {name}"),
            WhyRule::FormPerson { title, .. } => write!(f, "named in the form under {title}"),
            WhyRule::TemplateAdmin => {
                f.write_str("nobody was found, so the template's administrator is asked")
            }
            WhyRule::WorkspaceAdmin => {
                f.write_str("nobody was found, so the workspace's administrator is asked")
            }
            WhyRule::Fallback => {
                f.write_str("nobody was found, and the template names this person for that case")
            }
            WhyRule::Named => f.write_str("named by the initiator"),
            WhyRule::ApproverPicked => f.write_str("picked by an approver before"),
            WhyRule::Item { title } => write!(f, "named under {title}"),
            WhyRule::Set => f.write_str("set by an administrator"),
            WhyRule::Added { by } => write!(f, "brought in by {by}"),
            WhyRule::SentBack => f.write_str("it was sent back to the initiator"),
            WhyRule::Approved => f.write_str("approved it before"),
        }
    }
}

impl std::fmt::Display for WhyNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WhyNote::TopInstead { asked } => write!(f, "there is no level {asked}, so the highest is asked"),
            WhyNote::Climbed { from } => write!(f, "level {from} has no active head"),
            WhyNote::LeftOut { name } => write!(f, "{name} is left out because the account is disabled"),
            WhyNote::InsteadOfInitiator => f.write_str("in place of the initiator"),
            WhyNote::AlsoBy { rule } => write!(f, "also: {rule}"),
            WhyNote::Barred { name } => {
                write!(f, "{name} is left out because the duties have to be in different hands")
            }
            WhyNote::StandsInFor { names } => {
                write!(f, "stands in for {}", names.join(", who stands in for "))
            }
            WhyNote::Drawn { of, .. } => write!(f, "drawn by lot out of {of}"),
            WhyNote::HisTurn { .. } => f.write_str("it is this person's turn"),
            WhyNote::LeastLoaded { open } => write!(f, "has the fewest open tasks, {open}"),
        }
    }
}
