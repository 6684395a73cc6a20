//! What a person may do with an instance now: found by asking the engine, so that no rule is written twice.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::{SlotId, UserId};
use zhupi_engine::{Command, Directory, Envelope, Instance, Rejection, Template, decide};

/// Something a person may do now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AllowedAction {
    pub action: Action,
    /// The task it is done at; absent where it concerns the instance as a whole.
    pub task: Option<String>,
    /// It is refused without words.
    pub text_required: bool,
}

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Approve,
    Reject,
    Withdraw,
    Comment,
    MarkRead,
}

/// Words that satisfy every rule about words.
const SOME_WORDS: &str = "…";

/// Everything `viewer` may do with the instance at this moment.
pub fn allowed_actions(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    viewer: UserId,
    at: Timestamp,
) -> Vec<AllowedAction> {
    let ask = |command: Command| {
        let envelope =
            Envelope { actor: viewer, at, seen_version: None, command, outside: Default::default() };
        decide(template, directory, instance, &envelope)
    };
    let allowed = |action: Action, slot: Option<SlotId>| {
        let events = ask(command(action, slot, SOME_WORDS)?).ok()?;
        let silent = ask(command(action, slot, "")?);
        (!events.is_empty()).then(|| AllowedAction {
            action,
            task: slot.map(|slot| super::task_id(instance.id, slot)),
            text_required: matches!(silent, Err(Rejection::TextRequired { .. })),
        })
    };
    let at_tasks = instance
        .pending()
        .flat_map(|(_, slot)| [Action::Approve, Action::Reject].map(|action| (action, Some(slot.id))));
    let at_instance = [Action::Withdraw, Action::Comment, Action::MarkRead].map(|action| (action, None));
    at_tasks.chain(at_instance).filter_map(|(action, slot)| allowed(action, slot)).collect()
}

fn command(action: Action, slot: Option<SlotId>, words: &str) -> Option<Command> {
    let words = words.to_owned();
    match action {
        Action::Approve => slot.map(|slot| Command::decide(Decision::Approve, slot, words)),
        Action::Reject => slot.map(|slot| Command::decide(Decision::Reject, slot, words)),
        Action::Withdraw => Some(Command::Withdraw { reason: words }),
        Action::Comment => Some(Command::comment(words)),
        Action::MarkRead => Some(Command::MarkRead),
    }
}
