//! The hash chain of one instance's history. Each entry is kept as the very text that was hashed; it names the hash of
//! the entry before it. Changing, dropping or reordering an entry breaks the chain at that place. Cutting off the tail is
//! seen because the instance row holds the last hash.

use crate::event::Event;
use crate::ids::{InstanceId, UserId};
use crate::instance::Instance;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first entry names as the one before it.
pub const GENESIS: Hash = [0; 32];

/// One accepted command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Of which instance.
    pub instance: InstanceId,
    /// Counts from 1 without a gap.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: UserId,
    /// `Command::name`.
    pub command: String,
    /// What happened.
    pub events: Vec<Event>,
    /// Hash of the entry before it, in lower-case hex.
    pub previous: String,
}

/// An entry as it is kept: the canonical text and its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Canonical JSON: members in the order of `Entry`, maps by key, no spaces.
    pub text: String,
    /// SHA-256 of `text`.
    pub hash: Hash,
}

/// Why a chain does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Break {
    /// An entry is missing or out of order.
    #[error("entry {expected} is missing")]
    Missing {
        /// The number that should have come.
        expected: u64,
    },
    /// The text is not what was hashed.
    #[error("entry {seq} was changed: its content does not match its hash")]
    Changed {
        /// Which.
        seq: u64,
    },
    /// The entry does not name the one before it.
    #[error("entry {seq} does not follow the entry before it")]
    Unchained {
        /// Which.
        seq: u64,
    },
    /// The text cannot be read.
    #[error("entry {seq} cannot be read: {why}")]
    Unreadable {
        /// Which.
        seq: u64,
        /// What the reader said.
        why: String,
    },
    /// The instance names another last entry.
    #[error("the history ends at entry {seq}, but the instance names another last entry")]
    CutOff {
        /// The last one there is.
        seq: u64,
    },
}

/// Makes the kept form of an entry. An entry is plain data, so this cannot fail; a text that could not be written would
/// be empty and break the chain rather than pass unseen.
pub fn seal(entry: &Entry) -> Sealed {
    let text = serde_json::to_string(entry).unwrap_or_default();
    let hash = Sha256::digest(text.as_bytes()).into();
    Sealed { text, hash }
}

/// Follows a chain entry by entry.
#[derive(Debug)]
pub struct Follower {
    seq: u64,
    hash: Hash,
}

impl Default for Follower {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS }
    }
}

impl Follower {
    /// Takes the next kept entry; gives it back read, or says why the chain does not hold.
    pub fn follow(&mut self, seq: u64, text: &str, hash: &[u8]) -> Result<Entry, Break> {
        if seq != self.seq + 1 {
            return Err(Break::Missing { expected: self.seq + 1 });
        }
        let computed: Hash = Sha256::digest(text.as_bytes()).into();
        if computed != hash {
            return Err(Break::Changed { seq });
        }
        let entry: Entry =
            serde_json::from_str(text).map_err(|error| Break::Unreadable { seq, why: error.to_string() })?;
        if entry.seq != seq || entry.previous != hex(&self.hash) {
            return Err(Break::Unchained { seq });
        }
        self.seq = seq;
        self.hash = computed;
        Ok(entry)
    }

    /// Ends the chain: the instance says how many entries there are and the hash of the last.
    pub fn finish(self, version: u64, head: &[u8]) -> Result<(), Break> {
        if self.seq < version {
            return Err(Break::Missing { expected: self.seq + 1 });
        }
        if self.seq != version || self.hash != head {
            return Err(Break::CutOff { seq: self.seq });
        }
        Ok(())
    }
}

/// What an instance was before its history: a draft after the version of the template it began with.
pub fn beginning<'a>(now: &Instance, entries: impl IntoIterator<Item = &'a Entry>) -> Instance {
    let events = entries.into_iter().flat_map(|entry| &entry.events);
    let mut versions = events.filter_map(left_version);
    let version = versions.next().unwrap_or(now.template_version);
    Instance::draft(now.id, now.template, version, now.initiator)
}

/// From which version an event took an instance away.
fn left_version(event: &Event) -> Option<u32> {
    if let Event::Migrated { from, .. } = event { Some(*from) } else { None }
}

/// The instance that a history leads to, from what it was before it.
pub fn replay<'a>(mut instance: Instance, entries: impl IntoIterator<Item = &'a Entry>) -> Instance {
    for entry in entries {
        for event in &entry.events {
            instance.apply(event);
        }
        instance.version = entry.seq;
    }
    instance
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |&it| char::from(it));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
