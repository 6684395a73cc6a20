//! Whether a command is granted. Guards first, then the happy path; `Draft::emit` is the only act.

mod advance;
mod arriving;
mod comment;
mod copying;
mod decision;
mod due;
mod edits;
mod fork;
mod freeze;
mod handing;
mod intervene;
mod later;
mod migrate;
mod picks;
mod pool;
mod resuming;
mod returning;
mod revoke;
mod script;
mod signers;
mod submit;
mod sweep;
mod take_back;
mod telling;
mod time;
mod verdict;
mod waiting;

pub use comment::{ATTACHMENT_LIMIT, MENTION_LIMIT};
pub use copying::{Copied, copy, may_copy};
pub use edits::{access_at, values_brought};
pub use migrate::{Migration, Report, migrate};
pub use returning::{branches_ended, return_targets};
pub(crate) use script::play;
pub(crate) use submit::{begin, check_request, go_ahead};
pub use waiting::taken_values;

use crate::approvers::Barred;
use crate::command::{Command, Envelope, Outside};
use crate::directory::Directory;
use crate::event::{Decision, Event};
use crate::ids::{NodeId, SYSTEM, TokenId, UserId, VisitId};
use crate::instance::{Instance, Status, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approval, Block, Template, WithdrawRule};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Most characters of a comment, an opinion or a reason.
pub const COMMENT_LIMIT: usize = 2_000;
/// Most people whom one command brings in, tells or puts at a node.
pub const PEOPLE_LIMIT: usize = 50;
/// Most characters of a title.
pub const TITLE_LIMIT: usize = 200;

/// Decides on a command: refuses it for a named reason, or yields what happens. The instance stays as it is; applying the
/// events to it gives the next one. Time and ids come in by the envelope and the instance.
pub fn decide(
    template: &Template,
    directory: &Directory,
    instance: &Instance,
    envelope: &Envelope,
) -> Result<Vec<Event>, Rejection> {
    let mut draft = Draft::new(template, directory, instance, envelope.at, Purpose::Act);
    draft.outside.clone_from(&envelope.outside);
    let actor = envelope.actor;
    match &envelope.command {
        Command::Submit(request) => submit::submit(&mut draft, actor, request)?,
        Command::Approve(opinion) => decision::decide_slot(&mut draft, actor, Decision::Approve, opinion)?,
        Command::Reject(opinion) => decision::decide_slot(&mut draft, actor, Decision::Reject, opinion)?,
        Command::Abstain(opinion) => decision::decide_slot(&mut draft, actor, Decision::Abstain, opinion)?,
        Command::Claim { slot } => pool::claim(&mut draft, actor, *slot)?,
        Command::Release { slot } => pool::release(&mut draft, actor, *slot)?,
        Command::Return(request) => returning::send_back(&mut draft, actor, request)?,
        Command::Resubmit(request) => resuming::resubmit(&mut draft, actor, request)?,
        Command::TakeBack { slot } => take_back::take_back(&mut draft, actor, *slot)?,
        Command::Revoke { reason } => revoke::revoke(&mut draft, actor, reason)?,
        Command::Intervene { what, reason } => intervene::intervene(&mut draft, actor, what, reason)?,
        Command::Withdraw { reason } => withdraw(&mut draft, actor, reason)?,
        Command::Comment { text, mentions, attachments } => {
            comment::comment(&mut draft, actor, (text, mentions, attachments))?;
        }
        Command::MarkRead => mark_read(&mut draft, actor)?,
        Command::Transfer(handing) => handing::transfer(&mut draft, actor, handing)?,
        Command::Delegate(handing) => handing::delegate(&mut draft, actor, handing)?,
        Command::GiveOpinion { slot, comment } => {
            handing::give_opinion(&mut draft, actor, *slot, comment)?;
        }
        Command::AddSign(request) => signers::add_sign(&mut draft, actor, request)?,
        Command::RemoveSign { slot } => signers::remove_sign(&mut draft, actor, *slot)?,
        Command::RemoveAdded { slot } => signers::remove_added(&mut draft, actor, *slot)?,
        Command::Tell { people } => tell(&mut draft, actor, people)?,
        // It takes both versions of the template: see `migrate`.
        Command::Migrate { .. } => {
            return Err(Rejection::NotOffered { action: envelope.command.name() });
        }
        Command::Sweep => {
            only_system(actor)?;
            sweep::sweep(&mut draft)?;
        }
        Command::Fire { visit, timer } => {
            only_system(actor)?;
            time::fire(&mut draft, *visit, *timer)?;
        }
        Command::Urge { comment } => time::urge(&mut draft, actor, comment)?,
        Command::Answer { visit, outcome, values } => {
            only_system(actor)?;
            waiting::answer(&mut draft, *visit, *outcome, values)?;
        }
        Command::Fail { visit, reason } => {
            only_system(actor)?;
            waiting::fail(&mut draft, *visit, reason);
        }
        Command::Warn { child, reason } => {
            only_system(actor)?;
            waiting::warn(&mut draft, *child, reason);
        }
        Command::Amend { values, anew } => {
            only_system(actor)?;
            returning::amend(&mut draft, values, *anew)?;
        }
    }
    bring_to_rest(&mut draft)?;
    // Last, so that somebody who was too late hears who decided rather than that something changed.
    match envelope.seen_version {
        Some(seen) if seen != instance.version => {
            Err(Rejection::StaleVersion { seen, actual: instance.version })
        }
        Some(_) | None => Ok(draft.events),
    }
}

/// What follows from whatever was done: open slots of whoever has decided elsewhere by now, visits in which people are asked
/// again, and what is not stuck any more.
fn bring_to_rest(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    sweep::separate(draft)?;
    sweep::settle_left_over(draft)?;
    // What was stuck may have been taken away with its branch.
    intervene::go_on_if_unstuck(draft);
    Ok(())
}

/// What timers and other systems report is taken from nobody else.
fn only_system(actor: UserId) -> Result<(), Rejection> {
    if actor == SYSTEM { Ok(()) } else { Err(Rejection::UserNotActive { user: actor }) }
}

/// What a draft is decided for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// For real.
    Act,
    /// To find out, at submit, whether the likely path lacks people or picks.
    Check,
    /// To show the likely path.
    Preview,
}

/// An instance that is being decided on, with what has happened to it so far.
pub(crate) struct Draft<'a> {
    pub(crate) template: &'a Template,
    pub(crate) directory: &'a Directory,
    pub(crate) instance: Instance,
    pub(crate) events: Vec<Event>,
    pub(crate) at: Timestamp,
    pub(crate) purpose: Purpose,
    pub(crate) outside: Outside,
    /// Nodes that tokens have passed by themselves.
    pub(crate) steps: u32,
    /// Nodes whose people the initiator, or an approver before, has still to pick; only when looking ahead.
    pub(crate) unpicked: Vec<NodeId>,
    /// On whose way people were told, by the place of the event.
    pub(crate) sent_on: BTreeMap<usize, TokenId>,
    /// Visits in which people were asked again, to be looked at when everything else is done.
    pub(crate) unsettled: Vec<VisitId>,
    /// This is a look ahead on the way of another draft: it does not look ahead again, or there would be no end of it.
    pub(crate) looks_ahead: bool,
    /// Time limits are set though nothing is done for real.
    pub(crate) plans_time: bool,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        template: &'a Template,
        directory: &'a Directory,
        instance: &Instance,
        at: Timestamp,
        purpose: Purpose,
    ) -> Self {
        let instance = instance.clone();
        Self {
            template,
            directory,
            instance,
            events: Vec::new(),
            at,
            purpose,
            outside: Outside::default(),
            steps: 0,
            unpicked: Vec::new(),
            sent_on: BTreeMap::new(),
            unsettled: Vec::new(),
            looks_ahead: false,
            plans_time: purpose == Purpose::Act,
        }
    }

    /// The day in the workspace's time zone.
    pub(crate) fn today(&self) -> Date {
        self.directory.today(self.at)
    }

    /// Makes something happen: applies it and records it.
    pub(crate) fn emit(&mut self, event: Event) {
        self.instance.apply(&event);
        self.events.push(event);
    }

    /// He administers the template or the workspace.
    pub(crate) fn is_manager(&self, user: UserId) -> bool {
        let manages = self.template.settings.managers.contains(&user) && self.directory.is_active(user);
        manages || self.directory.is_admin(user)
    }

    /// Ends the instance: what is open is cancelled with it.
    pub(crate) fn end(&mut self, status: Status, reason: &str) {
        let open = self.instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
        for visit in open.map(|visit| visit.id).collect::<Vec<_>>() {
            self.emit(Event::VisitClosed { at: self.at, visit, state: VisitState::Cancelled });
        }
        self.emit(Event::Ended { at: self.at, status, reason: reason.to_owned() });
        telling::at_end(self);
    }
}

/// A sub-process is withdrawn with what waits for it, whatever its own template allows people.
fn withdraw(draft: &mut Draft<'_>, actor: UserId, reason: &str) -> Result<(), Rejection> {
    if actor != SYSTEM {
        if draft.instance.initiator != actor {
            return Err(Rejection::NotInitiator);
        }
        check_active(draft.directory, actor)?;
        if draft.instance.status == Status::Revoking {
            checked_text("reason", reason)?;
            revoke::call_off(draft);
            return Ok(());
        }
    }
    match draft.instance.status {
        Status::Running | Status::Suspended | Status::Returned => {}
        status @ (Status::Draft
        | Status::Approved
        | Status::Rejected
        | Status::Withdrawn
        | Status::Revoking
        | Status::Revoked
        | Status::Terminated) => {
            return Err(Rejection::NotRunning { status });
        }
    }
    let rule = draft.template.settings.withdraw;
    let decided = draft.instance.has_decision();
    match rule {
        _ if actor == SYSTEM => {}
        WithdrawRule::Never => return Err(Rejection::WithdrawNotAllowed { rule }),
        WithdrawRule::BeforeFirstDecision if decided => return Err(Rejection::WithdrawNotAllowed { rule }),
        WithdrawRule::BeforeFirstDecision | WithdrawRule::WhileRunning => {}
    }
    let reason = checked_text("reason", reason)?;
    if decided && reason.is_empty() {
        return Err(Rejection::TextRequired { field: "reason" });
    }
    draft.end(Status::Withdrawn, reason);
    Ok(())
}

/// Tells more people of it: whoever asks, as far as the template lets him name people, whoever is or was asked, and a
/// manager. What was told stays open to them, so nobody else may.
fn tell(draft: &mut Draft<'_>, actor: UserId, people: &[UserId]) -> Result<(), Rejection> {
    check_active(draft.directory, actor)?;
    if draft.instance.status == Status::Draft {
        return Err(Rejection::NotRunning { status: Status::Draft });
    }
    let mut slots = draft.instance.visits.iter().flat_map(|visit| &visit.slots);
    let takes_part = draft.instance.initiator == actor || slots.any(|slot| slot.is_or_was_with(actor));
    if people.is_empty() || !(takes_part || draft.is_manager(actor)) {
        return Err(Rejection::NotOffered { action: "tell" });
    }
    let only_asks = draft.instance.initiator == actor && !draft.is_manager(actor);
    if only_asks && !submit::may_name_cc(draft.template) {
        return Err(Rejection::CcNotAllowed { field: "people" });
    }
    check_count("people", people)?;
    people.iter().try_for_each(|user| check_active(draft.directory, *user))?;
    telling::by_hand(draft, actor, people);
    Ok(())
}

/// Reading again is no event.
fn mark_read(draft: &mut Draft<'_>, actor: UserId) -> Result<(), Rejection> {
    let mut copies = draft.instance.cc.iter().filter(|entry| entry.user == actor).peekable();
    if copies.peek().is_none() {
        return Err(Rejection::NotCopied);
    }
    if copies.any(|entry| entry.read_at.is_none()) {
        draft.emit(Event::CcRead { at: draft.at, user: actor });
    }
    Ok(())
}

/// The node of a visit whose people follow the rules of the template.
fn people_node<'t>(draft: &Draft<'t>, visit: &Visit) -> Option<&'t Approval> {
    let asks = matches!(visit.kind, VisitKind::Approve | VisitKind::Handle | VisitKind::Pool);
    match draft.template.block(&visit.node) {
        Some(Block::Approval(node)) if asks => Some(node),
        Some(_) | None => None,
    }
}

/// Whoever administers does not wave through his own request (B6.1).
fn check_not_own_request(draft: &Draft<'_>, actor: UserId) -> Result<(), Rejection> {
    if actor == draft.instance.initiator { Err(Barred::Initiator.rejection(actor)) } else { Ok(()) }
}

/// Not more people at once than anybody looks over.
fn check_count(field: &'static str, people: &[UserId]) -> Result<(), Rejection> {
    if people.len() > PEOPLE_LIMIT {
        return Err(Rejection::TooMany { field, limit: PEOPLE_LIMIT });
    }
    Ok(())
}

fn check_active(directory: &Directory, user: UserId) -> Result<(), Rejection> {
    if directory.is_active(user) { Ok(()) } else { Err(Rejection::UserNotActive { user }) }
}

/// The text without white space at its ends, within the limit.
fn checked_text<'t>(field: &'static str, text: &'t str) -> Result<&'t str, Rejection> {
    let text = text.trim();
    if text.chars().count() > COMMENT_LIMIT {
        return Err(Rejection::TextTooLong { field, limit: COMMENT_LIMIT });
    }
    Ok(text)
}
