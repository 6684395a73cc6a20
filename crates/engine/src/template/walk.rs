//! Finding one's way in a flow: a node by its id, and what comes after it.

use super::{Block, Lane, Template};
use crate::ids::NodeId;

/// Where a token goes when it is done with something.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Next<'a> {
    /// To this block.
    Block(&'a Block),
    /// The flow ends here.
    End,
}

impl Template {
    /// The node or branch with this id.
    pub fn block(&self, id: &NodeId) -> Option<&Block> {
        find(&self.flow, id)
    }

    /// Where the flow begins.
    pub fn start(&self) -> Next<'_> {
        self.flow.first().map_or(Next::End, Next::Block)
    }

    /// What comes after a node or branch; after the last of a lane comes what follows the branch.
    pub fn after(&self, id: &NodeId) -> Next<'_> {
        after(&self.flow, id, Next::End).unwrap_or(Next::End)
    }

    /// Where a lane begins: its first block, or what follows its branch.
    pub fn into_lane<'a>(&'a self, branch: &NodeId, lane: &'a Lane) -> Next<'a> {
        lane.blocks.first().map_or_else(|| self.after(branch), Next::Block)
    }

    /// Every node and branch, in the order they are drawn; lanes before what follows their branch.
    pub fn blocks(&self) -> Vec<&Block> {
        let mut all = Vec::new();
        collect(&self.flow, &mut all);
        all
    }
}

fn collect<'a>(blocks: &'a [Block], all: &mut Vec<&'a Block>) {
    for block in blocks {
        all.push(block);
        if let Block::Branch(branch) = block {
            branch.lanes.iter().for_each(|lane| collect(&lane.blocks, all));
        }
    }
}

fn find<'a>(blocks: &'a [Block], id: &NodeId) -> Option<&'a Block> {
    blocks.iter().find_map(|block| {
        if block.id() == id {
            return Some(block);
        }
        match block {
            Block::Branch(branch) => branch.lanes.iter().find_map(|lane| find(&lane.blocks, id)),
            Block::Approval(_) | Block::Cc(_) => None,
        }
    })
}

/// `follows` is what comes after the whole list.
fn after<'a>(blocks: &'a [Block], id: &NodeId, follows: Next<'a>) -> Option<Next<'a>> {
    let mut rest = blocks;
    while let Some((block, tail)) = rest.split_first() {
        let next = tail.first().map_or(follows, Next::Block);
        if block.id() == id {
            return Some(next);
        }
        if let Block::Branch(branch) = block
            && let Some(found) = branch.lanes.iter().find_map(|lane| after(&lane.blocks, id, next))
        {
            return Some(found);
        }
        rest = tail;
    }
    None
}
