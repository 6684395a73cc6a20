//! Random next versions of a template: nodes come, go, ask others or otherwise, and bear other ids.

use super::drawing::{random_approval, random_block, random_separation};
use super::invariants::Renamed;
use fastrand::Rng;
use serde_json::Value;
use zhupi_engine::Template;
use zhupi_engine::ids::NodeId;
use zhupi_engine::template::{Approval, Block};

/// The next version, with the new ids of nodes and lanes whose id changed.
pub fn random_version(rng: &mut Rng, old: &Template, version: u32) -> (Template, Renamed) {
    let mut new = old.clone();
    // Ids of their own, so that no new node looks like one that is gone.
    let mut ids = 1_000 * version;
    revise(rng, &mut ids, &mut new.flow);
    if new.flow.is_empty() {
        new.flow.push(random_block(rng, &mut ids, 2, &[]));
    }
    if rng.u8(..8) == 0 {
        new.settings.separation = random_separation(rng, &new.flow);
    }
    match rng.u8(..3) {
        0 => rename(rng, new),
        _ => (new, Renamed::new()),
    }
}

fn revise(rng: &mut Rng, ids: &mut u32, blocks: &mut Vec<Block>) {
    if rng.u8(..8) == 0 && !blocks.is_empty() {
        blocks.remove(rng.usize(..blocks.len()));
    }
    if rng.u8(..4) == 0 {
        blocks.insert(rng.usize(..=blocks.len()), random_block(rng, ids, 2, &[]));
    }
    for block in blocks {
        match block {
            Block::Approval(node) if rng.u8(..3) == 0 => *node = asking_otherwise(rng, ids, node),
            Block::Branch(branch) => {
                branch.lanes.iter_mut().for_each(|lane| revise(rng, ids, &mut lane.blocks));
            }
            Block::Parallel(fork) => {
                fork.lanes.iter_mut().for_each(|lane| revise(rng, ids, &mut lane.blocks));
            }
            Block::Each(each) => revise(rng, ids, &mut each.blocks),
            Block::Approval(_)
            | Block::Cc(_)
            | Block::Delay(_)
            | Block::Trigger(_)
            | Block::SubProcess(_)
            | Block::Route(_)
            | Block::Auto(_) => {}
        }
    }
}

/// The same node with other people, rules and limits. What it wants with a decision stays: who decided before gave that.
fn asking_otherwise(rng: &mut Rng, ids: &mut u32, node: &Approval) -> Approval {
    Approval {
        id: node.id.clone(),
        opinion: node.opinion,
        signature: node.signature,
        attachment: node.attachment,
        ..random_approval(rng, ids, &[])
    }
}

/// Some ids change; now and then two nodes change theirs with each other.
fn rename(rng: &mut Rng, template: Template) -> (Template, Renamed) {
    let blocks = template.blocks();
    let lanes = blocks.iter().flat_map(|block| block.lanes()).map(|lane| &lane.id);
    let all: Vec<NodeId> = blocks.iter().map(|block| block.id()).chain(lanes).cloned().collect();
    let (one, other) = (all[rng.usize(..all.len())].clone(), all[rng.usize(..all.len())].clone());
    let nodes: Renamed = match rng.bool() {
        true => [(one.clone(), other.clone()), (other, one)].into(),
        false => [(one.clone(), format!("new-{one}").as_str().into())].into(),
    };
    let text = serde_json::to_value(&template).expect("a template is written");
    let new = serde_json::from_value(renamed(text, &nodes)).expect("what was written is read");
    (new, nodes)
}

/// Every id, wherever it stands.
fn renamed(value: Value, nodes: &Renamed) -> Value {
    let named = |text: String| match nodes.get(&NodeId::from(text.as_str())) {
        Some(id) => id.to_string(),
        None => text,
    };
    match value {
        Value::String(text) => Value::String(named(text)),
        Value::Array(all) => all.into_iter().map(|it| renamed(it, nodes)).collect(),
        Value::Object(all) => all.into_iter().map(|(key, it)| (named(key), renamed(it, nodes))).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}
