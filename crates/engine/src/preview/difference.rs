//! Where the path a person saw and the path it really takes differ. What he saw he names by a fingerprint: a short mark
//! for each step, so that nothing has to be kept between the two.

use super::{Preview, Step};
use crate::ids::NodeId;
use crate::template::{Block, Template};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// So many steps have a mark of their own in a fingerprint; the others share one.
const MARKED_STEPS: usize = 200;

/// A step of which two paths say different things.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PathDifference {
    /// What differs.
    pub change: PathChange,
    /// At which node or branch; absent for people told at submit or at the end, and for steps too far along to be named.
    pub node: Option<NodeId>,
    /// Its title.
    pub title: String,
}

/// What differs in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathChange {
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
    /// It asks or tells other people, or lets them decide in another way; of a branch: another lane is taken.
    Changed,
}

/// Where the path that a person saw and a path differ, in the order of the path; what is gone comes last. `seen` is the
/// `hash` of the preview he saw. `None`: it is no such fingerprint.
pub fn path_differences(seen: &str, real: &Preview, template: &Template) -> Option<Vec<PathDifference>> {
    let seen = read_marks(seen)?;
    let named = |difference: Difference| {
        let (node, title) = match difference.change {
            PathChange::New | PathChange::Changed => named_step(real.steps.get(difference.at)),
            PathChange::Gone => {
                let mark = seen.get(difference.at);
                mark.map_or((None, String::new()), |mark| named_place(mark.place, template))
            }
        };
        PathDifference { change: difference.change, node, title }
    };
    Some(differences(&seen, &folded(marks(&real.steps))).into_iter().map(named).collect())
}

/// What a step is, and what it says, each as a short number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    place: u32,
    says: u32,
}

/// One difference of two lists of marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    pub(crate) change: PathChange,
    /// Where: of what is gone in the old list, else in the new one.
    pub(crate) at: usize,
}

/// The marks of steps, one each.
pub(crate) fn marks(steps: &[Step]) -> Vec<Mark> {
    steps.iter().map(mark).collect()
}

/// Where two lists of marks differ. A node may come several times, as a chain does: then the first is compared with the
/// first, and so on.
pub(crate) fn differences(old: &[Mark], new: &[Mark]) -> Vec<Difference> {
    let mut left: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, mark) in old.iter().enumerate().rev() {
        left.entry(mark.place).or_default().push(at);
    }
    let mut found = Vec::new();
    for (at, mark) in new.iter().enumerate() {
        match left.get_mut(&mark.place).and_then(Vec::pop).and_then(|before| old.get(before)) {
            None => found.push(Difference { change: PathChange::New, at }),
            Some(before) if before.says != mark.says => {
                found.push(Difference { change: PathChange::Changed, at });
            }
            Some(_) => {}
        }
    }
    let mut gone: Vec<usize> = left.into_values().flatten().collect();
    gone.sort_unstable();
    found.extend(gone.into_iter().map(|at| Difference { change: PathChange::Gone, at }));
    found
}

/// The fingerprint of a path: sixteen hex digits for each step, joined by dots. That of a path without steps is `-`.
pub(super) fn fingerprint(steps: &[Step]) -> String {
    let marks = folded(marks(steps));
    if marks.is_empty() {
        return "-".to_owned();
    }
    let mut text = String::with_capacity(marks.len() * 17);
    for mark in &marks {
        let dot = if text.is_empty() { "" } else { "." };
        // Writing into a text cannot fail.
        let _ = write!(text, "{dot}{:08x}{:08x}", mark.place, mark.says);
    }
    text
}

fn read_marks(fingerprint: &str) -> Option<Vec<Mark>> {
    if fingerprint == "-" {
        return Some(Vec::new());
    }
    let read = |text: &str| {
        let (place, says) = text.split_at_checked(8).filter(|_| text.len() == 16)?;
        let number = |digits| u32::from_str_radix(digits, 16).ok();
        Some(Mark { place: number(place)?, says: number(says)? })
    };
    let marks: Option<Vec<Mark>> = fingerprint.split('.').take(MARKED_STEPS + 2).map(read).collect();
    marks.filter(|marks| marks.len() <= MARKED_STEPS + 1)
}

/// The steps beyond the limit share one mark.
fn folded(mut marks: Vec<Mark>) -> Vec<Mark> {
    let rest = marks.split_off(marks.len().min(MARKED_STEPS));
    if !rest.is_empty() {
        let mut says = Number::default();
        for mark in rest {
            says.add(&mark.place.to_le_bytes());
            says.add(&mark.says.to_le_bytes());
        }
        marks.push(Mark { place: Number::default().short(), says: says.short() });
    }
    marks
}

fn mark(step: &Step) -> Mark {
    let mut says = Number::default();
    match step {
        Step::Approval { node, level, mode, people, state, .. } => {
            says.add(format!("{level} {mode:?} {state:?}").as_bytes());
            for person in people {
                says.add(person.user.0.as_bytes());
                says.add(&[u8::from(person.auto.is_some())]);
            }
            Mark { place: place('a', Some(node)), says: says.short() }
        }
        Step::Cc { node, people, .. } => {
            for person in people {
                says.add(person.user.0.as_bytes());
            }
            Mark { place: place('c', node.as_ref()), says: says.short() }
        }
        Step::Lane { branch, lane, .. } => {
            says.add(lane.0.as_bytes());
            Mark { place: place('l', Some(branch)), says: says.short() }
        }
        Step::Fork { node, branches, .. } => {
            says.add(&branches.to_le_bytes());
            Mark { place: place('l', Some(node)), says: says.short() }
        }
        Step::Branch { fork, lane, item, .. } => {
            says.add(lane.as_ref().map_or(&[], |lane| lane.0.as_bytes()));
            says.add(&serde_json::to_vec(item).unwrap_or_default());
            Mark { place: place('b', Some(fork)), says: says.short() }
        }
        Step::SubProcess { node, template, .. } => {
            says.add(template.0.as_bytes());
            Mark { place: place('o', Some(node)), says: says.short() }
        }
        Step::Returned { node, to, .. } => {
            says.add(to.to_string().as_bytes());
            Mark { place: place('r', Some(node)), says: says.short() }
        }
        Step::Auto { node, state, .. } => {
            says.add(format!("{state:?}").as_bytes());
            Mark { place: place('o', Some(node)), says: says.short() }
        }
        // The moment a delay ends moves with the clock, and is no difference.
        Step::Join { node, .. } => Mark { place: place('j', Some(node)), says: says.short() },
        Step::Delay { node, .. } | Step::Trigger { node, .. } | Step::Route { node, .. } => {
            Mark { place: place('o', Some(node)), says: says.short() }
        }
    }
}

fn place(kind: char, node: Option<&NodeId>) -> u32 {
    let mut number = Number::default();
    number.add(&[kind as u8]);
    number.add(node.map_or(&[], |node| node.0.as_bytes()));
    number.short()
}

fn named_step(step: Option<&Step>) -> (Option<NodeId>, String) {
    match step {
        Some(Step::Approval { node, title, .. }) => (Some(node.clone()), title.clone()),
        Some(Step::Cc { node, title, .. }) => (node.clone(), title.clone()),
        Some(
            Step::Lane { branch: node, title, .. }
            | Step::Fork { node, title, .. }
            | Step::Branch { fork: node, title, .. }
            | Step::Join { node, title }
            | Step::Delay { node, title, .. }
            | Step::Trigger { node, title, .. }
            | Step::SubProcess { node, title, .. }
            | Step::Returned { node, title, .. }
            | Step::Route { node, title, .. }
            | Step::Auto { node, title, .. },
        ) => (Some(node.clone()), title.clone()),
        None => (None, String::new()),
    }
}

/// The node with this mark, where the template still has it.
fn named_place(wanted: u32, template: &Template) -> (Option<NodeId>, String) {
    let is_it = |block: &&Block| {
        let kinds = match block {
            Block::Approval(_) => "acr",
            Block::Cc(_) => "c",
            Block::Branch(_) | Block::Parallel(_) | Block::Each(_) => "lbj",
            Block::Delay(_) | Block::Trigger(_) | Block::SubProcess(_) | Block::Route(_) | Block::Auto(_) => {
                "o"
            }
        };
        kinds.chars().any(|kind| place(kind, Some(block.id())) == wanted)
    };
    match template.blocks().into_iter().find(is_it) {
        Some(block) => (Some(block.id().clone()), block.title().to_owned()),
        None => (None, String::new()),
    }
}

/// A number made of bytes, the same on every machine: FNV-1a. It tells steps apart and keeps no secret.
struct Number(u64);

impl Default for Number {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Number {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn short(&self) -> u32 {
        ((self.0 >> 32) ^ self.0) as u32
    }
}
