//! Who is asked at a node, and why. What single rules find (semantics B1 step 1): `approvers/find.rs`; levels above a
//! person (B2): `approvers/levels.rs`; what is made of the people found (B1 steps 2 to 6): `approvers/resolve.rs`.

mod find;
mod levels;
mod resolve;

pub(crate) use find::find_people;
pub(crate) use levels::chain_levels;
pub(crate) use resolve::{Resolution, resolve};

use crate::directory::Directory;
use crate::ids::{DepartmentId, FieldId, GroupId, RoleId, UserId};
use crate::instance::Instance;
use crate::template::Template;
use serde::{Deserialize, Serialize};

/// Everything a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) template: &'a Template,
    pub(crate) directory: &'a Directory,
    pub(crate) instance: &'a Instance,
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
        }
    }
}
