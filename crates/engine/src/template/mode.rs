//! How several people decide together (semantics B3), and how the ones who are asked are chosen among those found.

use crate::condition::Scope;
use serde::{Deserialize, Serialize};

/// How the people of a visit decide together (semantics B3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
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
    /// 票签: votes are counted (semantics B3.4).
    Vote(Vote),
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

/// How votes are counted (semantics B3.4). All of it in exact integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// What it takes to pass.
    pub threshold: Threshold,
    /// More than the threshold is needed, reaching it is not enough.
    #[serde(default)]
    pub strict: bool,
    /// Whether one may abstain, and what that does to the base.
    #[serde(default)]
    pub abstain: Abstain,
    /// Counted only when everybody has spoken.
    #[serde(default)]
    pub wait_for_all: bool,
    /// One rejection rejects, whatever the threshold.
    #[serde(default)]
    pub one_reject_ends: bool,
}

impl Vote {
    /// A vote with every default.
    pub fn at(threshold: Threshold) -> Self {
        Self {
            threshold,
            strict: false,
            abstain: Abstain::default(),
            wait_for_all: false,
            one_reject_ends: false,
        }
    }
}

/// What a vote takes to pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// So many people; never more than there are.
    Count(u32),
    /// A share of the weight, in basis points: 6000 is 60 %.
    Percent(u32),
    /// So much weight; never more than there is.
    Weight(u32),
}

/// Whether one may abstain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abstain {
    /// No.
    #[default]
    Never,
    /// Yes; the base stays.
    KeepsBase,
    /// Yes; the base shrinks by his weight.
    ShrinksBase,
}

/// The ballot of some people at a node: the first that holds a person gives him group and veto (semantics B3.4, B3.5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    /// Whose.
    pub who: Scope,
    /// How much his vote counts.
    #[serde(default = "one")]
    pub weight: u32,
    /// His rejection rejects, whatever the others say. A vote may pass before he has spoken unless it waits for all.
    #[serde(default)]
    pub veto: bool,
    /// The group he votes in, where groups have a quorum each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

fn one() -> u32 {
    1
}

/// The weight of somebody whom several ballots hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// The highest of them.
    #[default]
    Highest,
    /// Their sum.
    Sum,
}

/// What a group of voters has to reach by itself; a node with quorums passes when all of them are reached (semantics B3.5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorum {
    /// The group, as ballots name it.
    pub group: String,
    /// What it takes.
    pub threshold: Threshold,
}

/// Which of the people found are asked (semantics B3.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assign {
    /// All of them.
    #[default]
    Everybody,
    /// Whoever claims it first.
    Pool,
    /// One of them, drawn by lot.
    Random,
    /// One of them, each in his turn from instance to instance.
    RoundRobin,
    /// The one with the fewest open tasks.
    LeastLoaded,
}
