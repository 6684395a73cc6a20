//! What somebody does with an approval, in this surface's words.

use super::super::numbers::{Numbering, People};
use super::super::wire::{Numbered, Object, Problems};
use super::Reading;
use serde_json::Value as Json;
use zhupi_engine::Problem;
use zhupi_engine::command::{AddSign, Command, Handing, Opinion, Return, ReturnTo};
use zhupi_engine::event::AddKind;
use zhupi_engine::form::Form;
use zhupi_engine::ids::{NodeId, SlotId, UserId};
use zhupi_engine::instance::{Instance, Status};
use zhupi_engine::template::{AllReject, Mode, OrReject};

/// The actions of this surface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Approve,
    Reject,
    Transfer,
    AddSign,
    Rollback,
    Revoke,
    Comment,
    Urge,
}

impl Action {
    /// The one with this word.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "approve" => Self::Approve,
            "reject" => Self::Reject,
            "transfer" => Self::Transfer,
            "add_sign" => Self::AddSign,
            "rollback" => Self::Rollback,
            "revoke" => Self::Revoke,
            "comment" => Self::Comment,
            "urge" => Self::Urge,
            _ => return None,
        })
    }

    /// It is done at the operator's own place.
    pub fn needs_slot(self) -> bool {
        match self {
            Self::Approve | Self::Reject | Self::Transfer | Self::AddSign | Self::Rollback => true,
            Self::Revoke | Self::Comment | Self::Urge => false,
        }
    }
}

/// What an action is about.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    pub instance: &'a Instance,
    pub numbering: &'a Numbering,
    /// The operator's own place; any where the action needs none.
    pub slot: SlotId,
}

/// The command behind an action and its body.
pub fn read_action(
    action: Action,
    json: &Json,
    matter: Matter<'_>,
    people: &People,
) -> Result<Command, Vec<Problem>> {
    let problems = Problems::default();
    let form = Form::default();
    let reading = Reading { people, form: &form, problems: &problems };
    let command = Object::root(json, &problems).map(|root| command(action, &root, matter, &reading));
    problems.or(command.flatten())
}

fn command(action: Action, root: &Object<'_>, matter: Matter<'_>, reading: &Reading<'_>) -> Option<Command> {
    let slot = matter.slot;
    let comment = || words_of(root, &["comment", "reason", "content"]);
    Some(match action {
        Action::Approve => Command::Approve(Opinion::new(slot, comment())),
        Action::Reject => Command::Reject(Opinion::new(slot, comment())),
        Action::Transfer => {
            let number = root.required_int("transfer_user_id");
            let to = reading.user(Numbered { number, path: root.path_of("transfer_user_id") })?;
            Command::Transfer(Handing { slot, to, comment: comment() })
        }
        Action::AddSign => Command::AddSign(AddSign {
            slot,
            people: added(root, reading),
            kind: kind_of(root)?,
            mode: mode_of(root)?,
            advisory: false,
            comment: comment(),
        }),
        Action::Rollback => {
            let opinion = Opinion::new(slot, words_of(root, &["reason", "comment"]));
            // The protocol knows no confirmation: whoever asks for it is taken at his word.
            Command::Return(Return::new(opinion, target(root, matter)?))
        }
        // After the approval it is another matter than before.
        Action::Revoke if matter.instance.status == Status::Approved => Command::Revoke { reason: comment() },
        Action::Revoke => Command::Withdraw { reason: comment() },
        Action::Comment => Command::comment(words_of(root, &["content", "comment"])),
        Action::Urge => Command::Urge { comment: comment() },
    })
}

/// What somebody says: the first of these members that holds words.
fn words_of(root: &Object<'_>, names: &[&str]) -> String {
    names.iter().map(|name| root.text(name)).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

fn added(root: &Object<'_>, reading: &Reading<'_>) -> Vec<UserId> {
    let people: Vec<UserId> =
        root.numbers("add_sign_user_ids").into_iter().filter_map(|it| reading.user(it)).collect();
    if people.is_empty() {
        root.problem("add_sign_user_ids", "required", "`add_sign_user_ids` is required");
    }
    people
}

fn kind_of(root: &Object<'_>) -> Option<AddKind> {
    match root.text("add_sign_type") {
        "before" => Some(AddKind::Before),
        "" | "after" => Some(AddKind::After),
        "together" => Some(AddKind::Together),
        other => {
            let message = format!("`{other}` is none of `before`, `after` and `together`");
            root.problem("add_sign_type", "add_sign_type_unknown", message);
            None
        }
    }
}

/// The numbers of a node's `rule`; absent: all of them.
fn mode_of(root: &Object<'_>) -> Option<Mode> {
    match root.int("approval_rule") {
        Some(0) => Some(Mode::InTurn),
        None | Some(1) => Some(Mode::Countersign { reject: AllReject::AtOnce }),
        Some(2) => Some(Mode::OrSign { reject: OrReject::FirstDecides }),
        Some(other) => {
            root.problem("approval_rule", "rule_unknown", format!("no approval rule `{other}`"));
            None
        }
    }
}

/// The node with the number; without a number, or with 0, the initiator.
fn target(root: &Object<'_>, matter: Matter<'_>) -> Option<ReturnTo> {
    match root.int("node_id").unwrap_or_default() {
        0 => Some(ReturnTo::Initiator),
        number => {
            let node: Option<&NodeId> = matter.numbering.node_of(number);
            if node.is_none() {
                root.problem("node_id", "node_unknown", format!("no node `{number}`"));
            }
            node.cloned().map(ReturnTo::Node)
        }
    }
}
