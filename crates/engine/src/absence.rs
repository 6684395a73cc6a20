//! Who stands in for whom while somebody is out of office (semantics B6.4). Whether an open slot moves is decided where
//! slots are opened and swept.

use crate::directory::Directory;
use crate::ids::{AbsenceId, TemplateId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Substitutes of substitutes are followed so far; beyond that the owner keeps what is his.
pub const DEPTH_LIMIT: usize = 5;

/// A time during which somebody else decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Absence {
    /// Never reused.
    pub id: AbsenceId,
    /// Who is away.
    pub owner: UserId,
    /// Who stands in.
    pub substitute: UserId,
    /// The first moment.
    pub from: Timestamp,
    /// The moment he is back.
    pub until: Timestamp,
    /// For these templates; empty: for all.
    #[serde(default)]
    pub templates: Vec<TemplateId>,
    /// Why, in his words; may be empty.
    #[serde(default)]
    pub reason: String,
    /// What is open already when it begins moves too, and what is undecided when it ends comes back.
    #[serde(default = "yes")]
    pub move_open: bool,
}

fn yes() -> bool {
    true
}

impl Absence {
    /// It holds at this moment for instances of this template.
    pub fn covers(&self, template: TemplateId, at: Timestamp) -> bool {
        self.from <= at && at < self.until && self.is_for(template)
    }

    fn is_for(&self, template: TemplateId) -> bool {
        self.templates.is_empty() || self.templates.contains(&template)
    }

    /// Both hold for one template at one moment.
    pub fn overlaps(&self, other: &Absence) -> bool {
        let at_once = self.from < other.until && other.from < self.until;
        let alike = self.templates.is_empty() || other.templates.iter().any(|it| self.is_for(*it));
        at_once && (alike || other.templates.is_empty())
    }
}

/// Who stands in, and how one came to him.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Substitution {
    /// Who stands in; active.
    pub user: UserId,
    /// The owner's own absence.
    pub absence: AbsenceId,
    /// In the owner's words.
    pub reason: String,
    /// The open items of the owner move too.
    pub move_open: bool,
    /// Absent people between the owner and the substitute, in order; usually nobody.
    pub through: Vec<UserId>,
}

impl Directory {
    /// Who stands in for a person at a moment, in instances of a template. An absence with a disabled substitute is
    /// passed over. Nobody where he is not away, or where the substitutes run in a circle, too deep or to nobody: then
    /// the owner keeps it.
    pub fn substitute_of(&self, user: UserId, template: TemplateId, at: Timestamp) -> Option<Substitution> {
        let covering = |user| self.absences_of(user).iter().filter(|it| it.covers(template, at));
        let usable = |user| covering(user).find(|it| self.is_active(it.substitute));
        let own = usable(user)?;
        let mut asked = vec![user];
        let mut next = own;
        while asked.len() <= DEPTH_LIMIT && !asked.contains(&next.substitute) {
            if covering(next.substitute).next().is_none() {
                let (reason, through) = (own.reason.clone(), asked.split_off(1));
                let (absence, move_open) = (own.id, own.move_open);
                return Some(Substitution { user: next.substitute, absence, reason, move_open, through });
            }
            asked.push(next.substitute);
            next = usable(next.substitute)?;
        }
        None
    }
}
