//! What an administrator draws: a form, and a flow as a tree of blocks. What he draws is what the engine runs.
//! Its parts: blocks in `flow.rs`, people's nodes in `approval.rs` with `people.rs`, `mode.rs` and `time.rs`, the rest in
//! `settings.rs`. Whether a drawing makes sense: `template/check.rs`; for the people of today: `template/lint.rs`. Finding one's way in
//! it: `template/walk.rs`.

mod approval;
mod check;
mod child;
mod fields;
mod flow;
mod lint;
mod material;
mod mode;
mod naming;
mod people;
mod settings;
mod time;
mod unknown;
mod walk;
mod written;

pub use approval::*;
pub use check::check_template;
pub use child::check_child;
pub use flow::*;
pub use lint::lint_template;
pub(crate) use material::{fields_of, fields_of_approvers, names_field};
pub use mode::*;
pub use naming::{Reset, SerialRule};
pub(crate) use naming::{Scene as TitleScene, title};
pub use people::*;
pub use settings::*;
pub use time::*;
pub use unknown::unknown_members;
pub use walk::Next;
pub(crate) use written::written_by;

use crate::form::Form;
use crate::ids::NodeId;
use serde::{Deserialize, Serialize};

/// One version of a template. Immutable once published; an instance is pinned to the version it began with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The name people see.
    pub name: String,
    /// What people fill in.
    pub form: Form,
    /// What happens then, in order.
    pub flow: Vec<Block>,
    /// Everything that is neither form nor flow.
    #[serde(default)]
    pub settings: Settings,
}

/// One thing in a block list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "approvals are most of a flow; a box each would buy nothing")]
pub enum Block {
    /// People decide.
    Approval(Approval),
    /// People are told; nobody is waited for.
    Cc(Cc),
    /// Exactly one lane is taken.
    Branch(Branch),
    /// Several lanes are taken at the same time.
    Parallel(Parallel),
    /// The same blocks for each element of a list, at the same time.
    Each(Each),
    /// Waits.
    Delay(Delay),
    /// Does something by itself.
    Trigger(Trigger),
    /// Begins an instance of another template.
    SubProcess(SubProcess),
    /// Goes back while a condition holds.
    Route(Route),
    /// Decides by itself.
    Auto(Auto),
}

impl Block {
    /// The id of the node or branch.
    pub fn id(&self) -> &NodeId {
        match self {
            Block::Approval(node) => &node.id,
            Block::Cc(node) => &node.id,
            Block::Branch(node) => &node.id,
            Block::Parallel(node) => &node.id,
            Block::Each(node) => &node.id,
            Block::Delay(node) => &node.id,
            Block::Trigger(node) => &node.id,
            Block::SubProcess(node) => &node.id,
            Block::Route(node) => &node.id,
            Block::Auto(node) => &node.id,
        }
    }

    /// The title people see.
    pub fn title(&self) -> &str {
        match self {
            Block::Approval(node) => &node.title,
            Block::Cc(node) => &node.title,
            Block::Branch(node) => &node.title,
            Block::Parallel(node) => &node.title,
            Block::Each(node) => &node.title,
            Block::Delay(node) => &node.title,
            Block::Trigger(node) => &node.title,
            Block::SubProcess(node) => &node.title,
            Block::Route(node) => &node.title,
            Block::Auto(node) => &node.title,
        }
    }
}
