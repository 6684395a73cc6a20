//! Business objects whose changes are approved: what sorts there are, which change starts an approval, what may be
//! changed while it runs, and what its end does to the object (semantics B15). Objects are plain JSON of the system that
//! keeps them; the approval itself is an instance, of which nothing is said here.

mod change;
mod run;
mod sort;
mod trigger;

pub use change::{FieldChange, Merge, diff, lay, merge, value};
pub use run::{Choice, Conflict, End, Entity, Run, RunState, Settled, Side, amend, resolve, settle};
pub use sort::{EntityType, check_data, check_type, facts_of, plain};
pub use trigger::{
    After, Apply, Deletion, Editable, Hook, Judged, Odds, OnMaterial, OnRevoke, Policy, Scene, Timing,
    Trigger, check_trigger, fires, judge,
};

use crate::ids::InstanceId;
use serde_json::{Map, Value as Json};

/// What an object says, by field.
pub type Data = Map<String, Json>;

/// Why something cannot be done with an object now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// These fields may not be changed while the approval runs.
    #[error("`{}` may not be changed while an approval of the object is running", fields.join("`, `"))]
    Locked {
        /// Which approval.
        instance: InstanceId,
        /// Which fields.
        fields: Vec<String>,
    },
    /// The object has a running approval of this trigger already (S2 `duplicate_fail`).
    #[error("the object has an approval of this kind running already")]
    AlreadyRunning {
        /// Which.
        instance: InstanceId,
    },
    /// The object may not be deleted while this approval runs.
    #[error("the object may not be deleted while an approval of it is running")]
    DeletionForbidden {
        /// Which.
        instance: InstanceId,
    },
    /// The approval is not one that can be asked for again, or not by this person.
    #[error("this approval cannot be asked for again by you now")]
    NotResubmittable,
    /// There is no conflict to be settled.
    #[error("the approval has no conflict with the object")]
    NoConflict,
    /// A merge leaves open which side wins.
    #[error("it is not said which side wins for `{}`", fields.join("`, `"))]
    Undecided {
        /// For which fields.
        fields: Vec<String>,
    },
}

impl Refusal {
    /// Its stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Locked { .. } => "entity_locked",
            Refusal::AlreadyRunning { .. } => "entity_already_running",
            Refusal::DeletionForbidden { .. } => "entity_deletion_forbidden",
            Refusal::NotResubmittable => "entity_not_resubmittable",
            Refusal::NoConflict => "entity_no_conflict",
            Refusal::Undecided { .. } => "entity_undecided",
        }
    }
}
