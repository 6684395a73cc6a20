//! Which fields may have other values after a block than before it.

use super::{Block, ChildWait, Each, LaneReject, TriggerAction};
use crate::form::Access;
use crate::ids::FieldId;

/// The fields into which somebody or something may write at a block, not counting blocks inside it: people there, a
/// trigger, an answer, rows that are dropped. A column counts as its table.
pub(crate) fn written_by(block: &Block) -> Vec<FieldId> {
    match block {
        Block::Approval(node) => {
            let writes = |access: &Access| matches!(access, Access::Edit | Access::Require);
            let keys = node.fields.0.iter().filter(|(_, access)| writes(access));
            keys.flat_map(|(key, _)| {
                let table = key.0.rsplit_once('.').map(|(table, _)| table);
                [Some(key.0.as_str()), table].into_iter().flatten().map(FieldId::from).collect::<Vec<_>>()
            })
            .collect()
        }
        Block::Trigger(node) => match &node.action {
            TriggerAction::Call { .. } => Vec::new(),
            TriggerAction::CallAndWait { sets, .. } => sets.clone(),
            TriggerAction::SetFields(fields) => fields.iter().map(|it| it.field.clone()).collect(),
        },
        Block::SubProcess(node) => match &node.wait {
            ChildWait::Detached => Vec::new(),
            ChildWait::Until { take, .. } => take.keys().cloned().collect(),
        },
        Block::Each(Each { on_reject: LaneReject::DropRows, list, .. }) => vec![list.clone()],
        Block::Each(_)
        | Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Delay(_)
        | Block::Route(_)
        | Block::Auto(_) => Vec::new(),
    }
}
