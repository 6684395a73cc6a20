//! Members of a drawing that nobody knows: most likely a word that was misspelt, which then does nothing. Smaller parts of a
//! drawing, such as limits and votes, keep nothing they do not know: they are refused.

use super::{Block, Template};
use crate::form::Field;
use crate::problem::Problem;
use serde_json::{Map, Value as Json};

/// A warning, code `member_unknown`, for each member of a control, a block, a lane or the settings that is kept and never
/// read. Templates that were drawn in the words of another system keep such members on purpose: they are not to be asked.
pub fn unknown_members(template: &Template) -> Vec<Problem> {
    let mut problems = Vec::new();
    of_fields("form", &template.form.fields, &mut problems);
    for (path, block) in template.placed_blocks() {
        if let Some(other) = other_of(block) {
            tell(&path, other, &mut problems);
        }
        for (number, lane) in block.lanes().iter().enumerate() {
            tell(&format!("{path}.lanes[{number}]"), &lane.other, &mut problems);
        }
    }
    tell("settings", &template.settings.other, &mut problems);
    problems
}

fn of_fields(path: &str, fields: &[Field], problems: &mut Vec<Problem>) {
    for (number, field) in fields.iter().enumerate() {
        let path = format!("{path}[{number}]");
        tell(&path, &field.other, problems);
        of_fields(&format!("{path}.columns"), &field.columns, problems);
    }
}

fn tell(path: &str, other: &Map<String, Json>, problems: &mut Vec<Problem>) {
    for name in other.keys() {
        let message = format!("nobody knows `{name}`: it is kept and does nothing");
        problems.push(Problem::warning(format!("{path}.{name}"), "member_unknown", message));
    }
}

fn other_of(block: &Block) -> Option<&Map<String, Json>> {
    match block {
        Block::Approval(node) => Some(&node.other),
        Block::Cc(node) => Some(&node.other),
        Block::Branch(node) => Some(&node.other),
        Block::Parallel(node) => Some(&node.other),
        Block::Each(node) => Some(&node.other),
        // A delay is refused with members that it does not know.
        Block::Delay(_) => None,
        Block::Trigger(node) => Some(&node.other),
        Block::SubProcess(node) => Some(&node.other),
        Block::Route(node) => Some(&node.other),
        Block::Auto(node) => Some(&node.other),
    }
}
