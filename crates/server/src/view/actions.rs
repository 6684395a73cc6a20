//! What a person may do with an instance now: found by asking the engine, so that no rule is written twice.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::command::{AddSign, Handing, Intervention, Opinion, Resubmit, Return, ReturnTo};
use zhupi_engine::decide::{branches_ended, may_copy, return_targets};
use zhupi_engine::event::{AddKind, Decision};
use zhupi_engine::ids::{NodeId, SYSTEM, SlotId, UserId};
use zhupi_engine::instance::{Slot, SlotState, VisitState};
use zhupi_engine::template::{Approval, Block, Demand};
use zhupi_engine::{Command, Directory, Envelope, Event, Instance, Rejection, Template, decide};

/// Something a person may do now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AllowedAction {
    pub action: Action,
    /// The task it is done at; absent where it concerns the instance as a whole.
    pub task: Option<String>,
    /// It is refused without words.
    pub text_required: bool,
    /// It is refused without a picture of the handwritten signature.
    pub signature_required: bool,
    /// It is refused without a file.
    pub attachment_required: bool,
    /// Where it may be sent back to; only of `return`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<ReturnTarget>,
}

/// Where something may be sent back to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ReturnTarget {
    /// Absent: the initiator.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
    /// A further level of a chain, from 2; absent: the node as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    pub title: String,
    /// How many branches beside the own one end if it is sent back there, those among them that have come to their join.
    pub ends_branches: usize,
}

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Approve,
    Reject,
    Abstain,
    Return,
    Claim,
    Release,
    Transfer,
    Delegate,
    GiveOpinion,
    AddSign,
    RemoveSign,
    RemoveAdded,
    TakeBack,
    Resubmit,
    /// Ask once more what has ended, as a new instance.
    Copy,
    Withdraw,
    Urge,
    Revoke,
    Comment,
    Tell,
    MarkRead,
    /// As an administrator: `/interventions`.
    Intervene,
}

/// Words that satisfy every rule about words.
const SOME_WORDS: &str = "…";

/// Stands for whoever will be named: nobody knows him, so that a refusal over him says that naming somebody is possible.
const SOMEBODY: UserId = SYSTEM;

const OF_INSTANCE: [Action; 8] = [
    Action::Resubmit,
    Action::Withdraw,
    Action::Urge,
    Action::Revoke,
    Action::Comment,
    Action::Tell,
    Action::MarkRead,
    Action::Intervene,
];

/// Everything `viewer` may do with the instance at this moment.
pub fn allowed_actions(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    viewer: UserId,
    at: Timestamp,
) -> Vec<AllowedAction> {
    let asking = Asking { instance, template, directory, viewer, at };
    let mut allowed = Vec::new();
    for slot in asking.slots() {
        allowed.extend(worth_asking(slot).iter().filter_map(|action| asking.at_task(*action, slot.id)));
    }
    if may_copy(instance, directory, viewer).is_ok() {
        allowed.push(asking.action(Action::Copy, None, &Ok(Vec::new())));
    }
    allowed.extend(OF_INSTANCE.iter().filter_map(|action| asking.allowed(*action, None)));
    allowed
}

/// Somebody who wants to know what he may do.
struct Asking<'a> {
    instance: &'a Instance,
    template: &'a Template,
    directory: &'a Directory,
    viewer: UserId,
    at: Timestamp,
}

impl Asking<'_> {
    /// Slots at which he could do anything: his own, those he handed on or added, and as an administrator all open ones.
    fn slots(&self) -> impl Iterator<Item = &Slot> {
        let steps_in =
            self.template.settings.managers.contains(&self.viewer) || self.directory.is_admin(self.viewer);
        let last_decided = self.last_decided();
        self.instance.visits.iter().flat_map(move |visit| {
            let is_open = visit.state == VisitState::Open;
            visit.slots.iter().filter(move |slot| {
                let open = is_open && slot.state.is_open() && (steps_in || self.concerns(slot));
                open || Some(slot.id) == last_decided
            })
        })
    }

    fn concerns(&self, slot: &Slot) -> bool {
        let viewer = Some(self.viewer);
        [Some(slot.owner), Some(slot.assignee), slot.absent, slot.back_to, slot.added_by].contains(&viewer)
    }

    /// Where he decided last: only there a decision could be taken back.
    fn last_decided(&self) -> Option<SlotId> {
        let slots = self.instance.visits.iter().flat_map(|visit| &visit.slots);
        let own = slots.filter(|slot| slot.decided.as_ref().is_some_and(|it| it.by == self.viewer));
        own.max_by_key(|slot| slot.decided.as_ref().map(|it| it.at)).map(|slot| slot.id)
    }

    fn at_task(&self, action: Action, slot: SlotId) -> Option<AllowedAction> {
        if action != Action::Return {
            return self.allowed(action, Some(slot));
        }
        let mut targets = Vec::new();
        for to in return_targets(self.template, self.instance, slot) {
            let answer = self.ask(send_back(slot, to.clone(), SOME_WORDS));
            if grants(&answer) {
                targets.push((to, branches_ended(self.instance, slot, &answer.unwrap_or_default())));
            }
        }
        let silent = self.ask(send_back(slot, targets.first()?.0.clone(), ""));
        Some(AllowedAction {
            targets: targets.into_iter().map(|(to, ends)| self.target(to, ends)).collect(),
            ..self.action(action, Some(slot), &silent)
        })
    }

    fn allowed(&self, action: Action, slot: Option<SlotId>) -> Option<AllowedAction> {
        let command = |words| command(action, slot, words);
        self.grants(command(SOME_WORDS)?).then_some(())?;
        Some(self.action(action, slot, &self.ask(command("")?)))
    }

    fn action(
        &self,
        action: Action,
        slot: Option<SlotId>,
        silent: &Result<Vec<Event>, Rejection>,
    ) -> AllowedAction {
        let demanded = |of: fn(&Approval) -> Demand| {
            let decision = decision_of(action);
            decision.zip(self.node_of(slot)).is_some_and(|(it, node)| of(node).applies_to(it))
        };
        AllowedAction {
            action,
            task: slot.map(|slot| super::task_id(self.instance.id, slot)),
            text_required: matches!(silent, Err(Rejection::TextRequired { .. })),
            signature_required: demanded(|node| node.signature),
            attachment_required: demanded(|node| node.attachment),
            targets: Vec::new(),
        }
    }

    /// The node that a decision in the slot has to do with.
    fn node_of(&self, slot: Option<SlotId>) -> Option<&Approval> {
        let (visit, _) = self.instance.slot(slot?)?;
        match self.template.block(&visit.node) {
            Some(Block::Approval(node)) => Some(node),
            Some(_) | None => None,
        }
    }

    fn grants(&self, command: Command) -> bool {
        grants(&self.ask(command))
    }

    fn ask(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        let (actor, at) = (self.viewer, self.at);
        let envelope = Envelope { actor, at, seen_version: None, command, outside: Default::default() };
        decide(self.template, self.directory, self.instance, &envelope)
    }

    fn target(&self, to: ReturnTo, ends_branches: usize) -> ReturnTarget {
        let (node, level) = match to {
            ReturnTo::Initiator => {
                let title = self.directory.name(self.instance.initiator);
                return ReturnTarget { node: None, level: None, title, ends_branches };
            }
            ReturnTo::Node(node) => (node, None),
            ReturnTo::Level { node, level } => (node, Some(level)),
        };
        let title = self.template.block(&node).map(Block::title).unwrap_or_default().to_owned();
        ReturnTarget { node: Some(node), level, title, ends_branches }
    }
}

/// The engine does it, or would if what is still missing were given.
fn grants(answer: &Result<Vec<Event>, Rejection>) -> bool {
    match answer {
        Ok(events) => !events.is_empty(),
        Err(refusal) => wants_details(refusal),
    }
}

fn decision_of(action: Action) -> Option<Decision> {
    match action {
        Action::Approve => Some(Decision::Approve),
        Action::Reject => Some(Decision::Reject),
        Action::Abstain => Some(Decision::Abstain),
        Action::Return
        | Action::Claim
        | Action::Release
        | Action::Transfer
        | Action::Delegate
        | Action::GiveOpinion
        | Action::AddSign
        | Action::RemoveSign
        | Action::RemoveAdded
        | Action::TakeBack
        | Action::Resubmit
        | Action::Copy
        | Action::Withdraw
        | Action::Urge
        | Action::Revoke
        | Action::Comment
        | Action::Tell
        | Action::MarkRead
        | Action::Intervene => None,
    }
}

/// What could be possible at a slot in this state. Whether it is, the engine says.
fn worth_asking(slot: &Slot) -> &'static [Action] {
    match slot.state {
        SlotState::Pending => &[
            Action::Approve,
            Action::Reject,
            Action::Abstain,
            Action::GiveOpinion,
            Action::Return,
            Action::Transfer,
            Action::Delegate,
            Action::AddSign,
            Action::RemoveSign,
            Action::RemoveAdded,
            Action::Release,
        ],
        SlotState::Offered => &[Action::Claim],
        SlotState::Queued => &[Action::RemoveSign],
        SlotState::Waiting => &[Action::TakeBack, Action::RemoveAdded],
        SlotState::Approved | SlotState::Rejected | SlotState::Abstained => &[Action::TakeBack],
        SlotState::Taken
        | SlotState::Returned
        | SlotState::Auto(_)
        | SlotState::AutoRejected(_)
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => &[],
    }
}

/// It is refused only because something is still to be named or filled in.
fn wants_details(refusal: &Rejection) -> bool {
    let about_somebody = matches!(refusal,
        Rejection::UserNotActive { user } | Rejection::NotEligible { user, .. } if *user == SOMEBODY);
    about_somebody
        || matches!(
            refusal,
            Rejection::FormInvalid { .. } | Rejection::PickMissing { .. } | Rejection::FileRequired { .. }
        )
}

fn send_back(slot: SlotId, to: ReturnTo, words: &str) -> Command {
    Command::Return(Return::new(Opinion::new(slot, words), to))
}

/// The command behind an action; none where it needs a task and there is none, and for what begins another instance.
fn command(action: Action, slot: Option<SlotId>, words: &str) -> Option<Command> {
    let comment = words.to_owned();
    let reason = words.to_owned();
    Some(match action {
        Action::Approve => Command::Approve(Opinion::new(slot?, words)),
        Action::Reject => Command::Reject(Opinion::new(slot?, words)),
        Action::Abstain => Command::Abstain(Opinion::new(slot?, words)),
        Action::Return => send_back(slot?, ReturnTo::Initiator, words),
        Action::Claim => Command::Claim { slot: slot? },
        Action::Release => Command::Release { slot: slot? },
        Action::Transfer => Command::Transfer(Handing { slot: slot?, to: SOMEBODY, comment }),
        Action::Delegate => Command::Delegate(Handing { slot: slot?, to: SOMEBODY, comment }),
        Action::GiveOpinion => Command::GiveOpinion { slot: slot?, comment },
        Action::AddSign => Command::AddSign(AddSign {
            slot: slot?,
            people: vec![SOMEBODY],
            kind: AddKind::After,
            mode: AddSign::all(),
            advisory: false,
            comment,
        }),
        Action::RemoveSign => Command::RemoveSign { slot: slot? },
        Action::RemoveAdded => Command::RemoveAdded { slot: slot? },
        Action::TakeBack => Command::TakeBack { slot: slot? },
        Action::Resubmit => Command::Resubmit(Resubmit { comment, ..Resubmit::default() }),
        Action::Copy => return None,
        Action::Withdraw => Command::Withdraw { reason },
        Action::Urge => Command::Urge { comment },
        Action::Revoke => Command::Revoke { reason },
        Action::Comment => Command::comment(comment),
        Action::Tell => Command::Tell { people: vec![SOMEBODY] },
        Action::MarkRead => Command::MarkRead,
        Action::Intervene => Command::Intervene { what: Intervention::Terminate, reason },
    })
}
