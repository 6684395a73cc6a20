//! What people (and later timers) ask of an instance. Whether they get it: `decide`.

use crate::form::{FileRef, FormData};
use crate::ids::{DepartmentId, NodeId, SlotId, UserId};
use crate::instance::Instance;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A command with everything the engine may not find out itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Envelope {
    /// Who asks.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// The instance version the actor saw; another one refuses the command. Absent: whatever it is now.
    pub seen_version: Option<u64>,
    /// What he asks.
    pub command: Command,
}

/// What somebody asks.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Begin.
    Submit(Submit),
    /// Say yes in a slot.
    Approve {
        /// Which.
        slot: SlotId,
        /// In which words; may be empty.
        comment: String,
    },
    /// Say no in a slot.
    Reject {
        /// Which.
        slot: SlotId,
        /// In which words; may be empty.
        comment: String,
    },
    /// The initiator takes it back while it runs.
    Withdraw {
        /// Why; needed once somebody decided.
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
    /// Somebody who was told has opened it.
    MarkRead,
}

impl Command {
    /// Saying something to nobody in particular.
    pub fn comment(text: impl Into<String>) -> Self {
        Command::Comment { text: text.into(), mentions: Vec::new(), attachments: Vec::new() }
    }

    /// Its stable word, in history and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Submit(_) => "submit",
            Command::Approve { .. } => "approve",
            Command::Reject { .. } => "reject",
            Command::Withdraw { .. } => "withdraw",
            Command::Comment { .. } => "comment",
            Command::MarkRead => "mark_read",
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
        }
    }
}
