//! Finding one's way in a flow: a node by its id, what comes after it, and what lies around it.

use super::{Block, Lane, Template};
use crate::form::{Access, FieldAccess};
use crate::ids::NodeId;

/// Where a token goes when it is done with something.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Next<'a> {
    /// To this block.
    Block(&'a Block),
    /// To the join of this fork, in one of whose branches it is.
    Join(&'a NodeId),
    /// The flow ends here.
    End,
}

impl Block {
    /// The block lists inside it, in the order they are drawn.
    pub fn lists(&self) -> impl Iterator<Item = &[Block]> {
        let each = if let Block::Each(each) = self { Some(&each.blocks[..]) } else { None };
        self.lanes().iter().map(|lane| &lane.blocks[..]).chain(each)
    }

    /// Its lanes, where it has some.
    pub fn lanes(&self) -> &[Lane] {
        match self {
            Block::Branch(branch) => &branch.lanes,
            Block::Parallel(fork) => &fork.lanes,
            Block::Approval(_)
            | Block::Cc(_)
            | Block::Each(_)
            | Block::Delay(_)
            | Block::Trigger(_)
            | Block::SubProcess(_)
            | Block::Route(_)
            | Block::Auto(_) => &[],
        }
    }

    /// Tokens are forked here.
    pub fn is_fork(&self) -> bool {
        matches!(self, Block::Parallel(_) | Block::Each(_))
    }
}

impl Lane {
    /// The node or branch with this id lies in it, however deep.
    pub fn holds(&self, id: &NodeId) -> bool {
        find(&self.blocks, id).is_some()
    }
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

    /// What comes after a node or branch: after the last of a lane what follows its branch, or the join of its fork.
    pub fn after(&self, id: &NodeId) -> Next<'_> {
        after(&self.flow, id, Next::End).unwrap_or(Next::End)
    }

    /// Where a lane begins: its first block, or what follows it.
    pub fn into_lane<'a>(&'a self, block: &'a Block, lane: &'a Lane) -> Next<'a> {
        match lane.blocks.first() {
            Some(first) => Next::Block(first),
            None if block.is_fork() => Next::Join(block.id()),
            None => self.after(block.id()),
        }
    }

    /// The forks around a node, the outermost first; absent where there is no such node.
    pub fn forks_around(&self, id: &NodeId) -> Option<Vec<&NodeId>> {
        let mut around = Vec::new();
        climb_to(&self.flow, id, &mut around).then_some(around)
    }

    /// What people may see who stand at none of the nodes: nothing that any node hides.
    pub fn hidden_somewhere(&self) -> FieldAccess {
        let rules = self.blocks().into_iter().filter_map(|block| match block {
            Block::Approval(node) => Some(&node.fields),
            Block::Cc(node) => Some(&node.fields),
            Block::Branch(_)
            | Block::Parallel(_)
            | Block::Each(_)
            | Block::Delay(_)
            | Block::Trigger(_)
            | Block::SubProcess(_)
            | Block::Route(_)
            | Block::Auto(_) => None,
        });
        let hidden = rules.flat_map(|rules| &rules.0).filter(|(_, access)| **access == Access::Hide);
        FieldAccess(hidden.map(|(key, access)| (key.clone(), *access)).collect())
    }

    /// Where a node or branch is drawn, counted from 0 in the order of `blocks`.
    pub(crate) fn place_of(&self, id: &NodeId) -> Option<usize> {
        self.blocks().into_iter().position(|block| block.id() == id)
    }

    /// All blocks with the places at which they stand, such as `flow[0].lanes[1].blocks[0]`, in the order of the drawing.
    pub fn placed_blocks(&self) -> Vec<(String, &Block)> {
        let mut found = Vec::new();
        place_all(&self.flow, "flow", &mut found);
        found
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
        block.lists().for_each(|list| collect(list, all));
    }
}

fn find<'a>(blocks: &'a [Block], id: &NodeId) -> Option<&'a Block> {
    blocks.iter().find_map(|block| {
        if block.id() == id {
            return Some(block);
        }
        block.lists().find_map(|list| find(list, id))
    })
}

fn climb_to<'a>(blocks: &'a [Block], id: &NodeId, around: &mut Vec<&'a NodeId>) -> bool {
    blocks.iter().any(|block| {
        if block.id() == id {
            return true;
        }
        let depth = around.len();
        if block.is_fork() {
            around.push(block.id());
        }
        let inside = block.lists().any(|list| climb_to(list, id, around));
        if !inside {
            around.truncate(depth);
        }
        inside
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
        let inner = if block.is_fork() { Next::Join(block.id()) } else { next };
        if let Some(found) = block.lists().find_map(|list| after(list, id, inner)) {
            return Some(found);
        }
        rest = tail;
    }
    None
}

fn place_all<'t>(blocks: &'t [Block], path: &str, found: &mut Vec<(String, &'t Block)>) {
    for (number, block) in blocks.iter().enumerate() {
        let path = format!("{path}[{number}]");
        found.push((path.clone(), block));
        if let Block::Each(each) = block {
            place_all(&each.blocks, &format!("{path}.blocks"), found);
        }
        for (number, lane) in block.lanes().iter().enumerate() {
            place_all(&lane.blocks, &format!("{path}.lanes[{number}].blocks"), found);
        }
    }
}
