//! The history of an instance in sentences, each entry with the hash that chains it to the one before.

use super::{Curtain, Person, item_view};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::approvers::Found;
use zhupi_engine::command::{Intervention, ReturnTo};
use zhupi_engine::condition::GroupsOutcome;
use zhupi_engine::event::{AddKind, Decision, LaneTried, Move, NewSlot, ResumeWay, WhyRemoved, WhyReplay};
use zhupi_engine::form::{Changes, FileRef};
use zhupi_engine::ids::{NodeId, SlotId, UserId, VisitId};
use zhupi_engine::instance::{AutoReason, Outcome, Slot, SlotState, Visit, VisitKind, VisitState};
use zhupi_engine::ledger::{Entry, hex};
use zhupi_engine::template::{Block, Lane};
use zhupi_engine::{Directory, Event, Instance, Status, Template};

/// One accepted command.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// Counts from 1 without a gap.
    pub seq: u64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub actor: Person,
    #[schema(example = "approve")]
    pub command: String,
    /// SHA-256 over the entry, in hex.
    pub hash: String,
    /// The hash of the entry before it.
    pub previous: String,
    pub lines: Vec<TimelineLine>,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineLine {
    /// The event as it is kept, without the values that are hidden from the reader.
    #[schema(value_type = Object)]
    pub event: Event,
    /// The event in words; empty where it matters to nobody but the engine.
    pub text: String,
}

/// An entry in words, as far as its reader may see it. `instance` is the instance as it was at the end of the time in which it
/// followed this version of the template, to which the entry belongs.
pub fn timeline_entry(
    entry: Entry,
    hash: &[u8],
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    curtain: Curtain<'_>,
) -> TimelineEntry {
    let teller = Teller { instance, template, directory, curtain };
    let line = |event: Event| {
        let event = curtain.event(event);
        TimelineLine { text: teller.text(&event), event }
    };
    TimelineEntry {
        seq: entry.seq,
        at: entry.at,
        actor: Person::of(entry.actor, directory),
        command: entry.command,
        hash: hex(hash),
        previous: entry.previous,
        lines: entry.events.into_iter().map(line).collect(),
    }
}

struct Teller<'a> {
    instance: &'a Instance,
    template: &'a Template,
    directory: &'a Directory,
    curtain: Curtain<'a>,
}

impl Teller<'_> {
    fn text(&self, event: &Event) -> String {
        match event {
            Event::Submitted { title, .. } => {
                format!("{} submitted `{title}`", self.name(self.instance.initiator))
            }
            Event::LaneChosen { branch, lane, tried, .. } => self.lane_chosen(branch, lane, tried),
            Event::VisitOpened { visit, node, kind, slots, .. } => {
                self.visit_opened((*visit, *kind), node, slots)
            }
            Event::SlotTurned { slot, .. } => format!("it is the turn of {}", self.assignee(*slot)),
            Event::AskedAgain { slot, .. } => {
                format!("{} is asked again because the content was changed", self.assignee(*slot))
            }
            Event::SlotRemoved { slot, why } => removed(&self.assignee(*slot), *why),
            Event::SlotDecided { slot, by, decision, comment, signature, attachments, .. } => {
                let text = self.slot_decided(*slot, *by, *decision, comment);
                with_files(text, signature.as_ref(), attachments)
            }
            Event::VisitClosed { visit, state, .. } => self.visit_closed(*visit, *state),
            Event::CcSent { people, .. } => format!("told: {}", self.with_reasons(people)),
            Event::CcRead { user, .. } => format!("{} has read it", self.name(*user)),
            Event::Commented { by, text, mentions, attachments, .. } => {
                self.commented(*by, text, mentions, attachments)
            }
            Event::DataWarned { warning } => warning.clone(),
            Event::TokenStarted { .. }
            | Event::TokenFinished { .. }
            | Event::TokenForked { .. }
            | Event::TokenArrived { .. }
            | Event::TokenCancelled { .. }
            | Event::TokenRecalled { .. }
            | Event::ApproversFrozen { .. }
            | Event::Superseded { .. }
            | Event::TimersSet { .. }
            | Event::TimerFired { .. }
            | Event::SlotHeld { .. } => String::new(),
            Event::FormEdited { by, edits, .. } => self.edited(*by, edits),
            Event::Picked { by, picks, .. } => {
                let people: Vec<String> = picks.values().flatten().map(|user| self.name(*user)).collect();
                format!("{} picked {}", self.name(*by), people.join(", "))
            }
            Event::Joined { fork, .. } => format!("all branches of {} are done", self.title(fork)),
            Event::LanesChosen { fork, lanes, .. } => {
                let lanes: Vec<String> = lanes.iter().map(|lane| self.lane_title(fork, lane)).collect();
                format!("the ways {} were taken", lanes.join(", "))
            }
            Event::Looped { to, count, .. } => {
                format!("back to {}, for the {} time", self.title(to), ordinal(*count))
            }
            Event::SlotSettled { slot, state, .. } => {
                format!("the task of {} is decided: {}", self.assignee(*slot), settled(*state))
            }
            Event::SlotsAdded { by, slots, kind, comment, .. } => {
                with_words(self.brought_in(*by, slots, *kind), comment)
            }
            Event::SlotMoved { by, to, how, comment, .. } => self.moved(*by, *to, *how, comment),
            Event::Claimed { slot, .. } => format!("{} has claimed the task", self.assignee(*slot)),
            Event::Released { slot, .. } => format!("{} has given the task back", self.assignee(*slot)),
            Event::TakenBack { by, .. } => format!("{} has taken the decision back", self.name(*by)),
            Event::Returned { by, to, comment, attachments, .. } => {
                let to = match to {
                    ReturnTo::Initiator => "the initiator".to_owned(),
                    ReturnTo::Node(node) => self.title(node),
                    ReturnTo::Level { node, level } => format!("{}, level {level}", self.title(node)),
                };
                let text = with_words(format!("{} sent it back to {to}", self.name(*by)), comment);
                with_files(text, None, attachments)
            }
            Event::ReturnSettled { way, .. } => self.resumed(way),
            Event::Reminded { people, .. } => format!("reminded: {}", self.names(people)),
            Event::Urged { by, people, comment, .. } => {
                with_words(format!("{} asked {} to hurry", self.name(*by), self.names(people)), comment)
            }
            Event::TriggerCalled { node, .. } => format!("{} called its address", self.title(node)),
            Event::ChildStarted { node, .. } => format!("{} began another request", self.title(node)),
            Event::Answered { visit, outcome, .. } => {
                let node = self.instance.visit(*visit).map(|visit| self.title(&visit.node));
                let outcome = match outcome {
                    Outcome::Approved => "yes",
                    Outcome::Rejected => "no",
                };
                format!("{} answered {outcome}", node.unwrap_or_default())
            }
            Event::Intervened { by, what, reason, .. } => {
                format!("administrator {}: {}, because {reason}", self.name(*by), self.intervened(what))
            }
            Event::RevokeAsked { reason, .. } => {
                format!("{} asks for it to be revoked: {reason}", self.name(self.instance.initiator))
            }
            Event::RevokeRefused { .. } => "the revocation was not agreed to".to_owned(),
            Event::Migrated { version, reason, .. } => {
                with_words(format!("it goes on after version {version} of the template"), reason)
            }
            Event::Resumed => "it goes on".to_owned(),
            Event::Suspended { node, reason, .. } => {
                format!("stopped at {}: {reason}", self.title(node))
            }
            Event::Ended { status, reason, .. } => ended(*status, reason),
        }
    }

    fn lane_chosen(&self, branch: &NodeId, lane: &NodeId, tried: &[LaneTried]) -> String {
        let title = find_lane(&self.template.flow, branch, lane).map_or(lane.as_str(), |it| &it.title);
        let outcome = tried.iter().find(|it| &it.lane == lane).and_then(|it| it.outcome.as_ref());
        let Some(outcome) = outcome else {
            let others = tried.iter().filter_map(|it| Some((&it.lane, it.outcome.as_ref()?)));
            let others = others.map(|(lane, outcome)| self.did_not_fit(branch, lane, outcome));
            let others = others.collect::<Vec<_>>().join(", ");
            let said = format!("the way `{title}` was taken: no other one fits");
            return if others.is_empty() { said } else { format!("{said}, tried were {others}") };
        };
        let last = outcome.groups.last().map(Vec::as_slice).unwrap_or_default();
        let saw: Vec<&str> = last.iter().filter_map(|condition| condition.saw.as_deref()).collect();
        if saw.is_empty() {
            return format!("the way `{title}` was taken: its conditions hold");
        }
        format!("the way `{title}` was taken: its conditions hold for {}", saw.join(", "))
    }

    /// A lane that was tried in vain, with what its conditions saw, each value once.
    fn did_not_fit(&self, branch: &NodeId, lane: &NodeId, outcome: &GroupsOutcome) -> String {
        let mut saw: Vec<&str> = Vec::new();
        for seen in outcome.groups.iter().flatten().filter_map(|condition| condition.saw.as_deref()) {
            if !saw.contains(&seen) {
                saw.push(seen);
            }
        }
        let title = self.lane_title(branch, lane);
        if saw.is_empty() { title } else { format!("{title} for {}", saw.join(", ")) }
    }

    fn visit_opened(&self, (visit, kind): (VisitId, VisitKind), node: &NodeId, slots: &[NewSlot]) -> String {
        let place = format!("{}{}", self.title(node), self.for_item(visit));
        match kind {
            VisitKind::Approve | VisitKind::Handle | VisitKind::Pool => {}
            VisitKind::Revise => {
                return format!("{} is asked to correct it", self.name(self.instance.initiator));
            }
            VisitKind::Consent => {
                let people: Vec<UserId> = slots.iter().map(|slot| slot.assignee).collect();
                return format!("asked whether it may be revoked: {}", self.names(&people));
            }
            VisitKind::Delay => return format!("{place} waits until its time has come"),
            VisitKind::Call => return format!("{place} waits for the answer of another system"),
            VisitKind::Child { .. } => return format!("{place} waits for the end of another request"),
            VisitKind::Pause => return "the rest follows in a moment".to_owned(),
            VisitKind::Auto => return format!("{place} decides by itself"),
        }
        let people = slots.iter().map(|slot| {
            let how = match slot.state {
                SlotState::Auto(reason) => format!(", approved without a question: {}", in_words(reason)),
                SlotState::Removed => ", left out".to_owned(),
                SlotState::Queued
                | SlotState::Pending
                | SlotState::Offered
                | SlotState::Taken
                | SlotState::Waiting
                | SlotState::Abstained
                | SlotState::Returned
                | SlotState::AutoRejected(_)
                | SlotState::Approved
                | SlotState::Rejected
                | SlotState::NotNeeded
                | SlotState::Cancelled => String::new(),
            };
            format!("{} ({}{how})", self.name(slot.assignee), slot.why)
        });
        let people = people.collect::<Vec<_>>().join(", ");
        let asked = if people.is_empty() { "nobody" } else { &people };
        format!("{place} asks {asked}")
    }

    /// The element that the branch runs for in which a visit stands.
    fn for_item(&self, visit: VisitId) -> String {
        let visit = self.instance.visit(visit);
        let of = |visit| item_view(self.instance, self.template, self.directory, self.curtain, visit);
        let text = visit.and_then(of).map(|item| item.text).unwrap_or_default();
        if text.is_empty() { text } else { format!(" for {text}") }
    }

    fn slot_decided(&self, slot: SlotId, by: UserId, decision: Decision, comment: &str) -> String {
        let verb = self.verb(slot, decision);
        let place = match self.slot(slot) {
            Some(slot) if slot.assignee != by => format!(" in the place of {}", self.name(slot.assignee)),
            Some(_) | None => String::new(),
        };
        let words = if comment.is_empty() { String::new() } else { format!(": {comment}") };
        format!("{} {verb}{place}{words}", self.name(by))
    }

    /// What a decision is called at the visit in which it was made.
    fn verb(&self, slot: SlotId, decision: Decision) -> &'static str {
        let visit = self.instance.slot(slot).map(|(visit, _)| visit);
        let handles = |visit: &Visit| {
            visit.kind == VisitKind::Handle
                || matches!(self.template.block(&visit.node), Some(Block::Approval(node)) if node.handle)
        };
        let kind = visit.map(|visit| visit.kind);
        match (decision, kind) {
            (Decision::Approve, Some(VisitKind::Revise)) => "sent it on again",
            (Decision::Approve, Some(VisitKind::Consent)) => "agreed to the revocation",
            (Decision::Reject, Some(VisitKind::Consent)) => "did not agree to the revocation",
            (Decision::Approve, _) if visit.is_some_and(handles) => "reported it done",
            (Decision::Approve, _) => "approved",
            (Decision::Reject, _) => "rejected",
            (Decision::Abstain, _) => "abstained",
        }
    }

    fn intervened(&self, what: &Intervention) -> String {
        let node_of =
            |visit: VisitId| self.instance.visit(visit).map(|it| self.title(&it.node)).unwrap_or_default();
        match what {
            Intervention::Jump { to, .. } => format!("it goes on at {}", self.title(to)),
            Intervention::Reassign { slot, to } => {
                let node = self.instance.slot(*slot).map(|(visit, _)| self.title(&visit.node));
                format!("the task at {} goes to {}", node.unwrap_or_default(), self.name(*to))
            }
            Intervention::Staff { visit, people } => {
                format!("{} are asked at {}", self.names(people), node_of(*visit))
            }
            Intervention::Skip { visit } => format!("{} is passed over", node_of(*visit)),
            Intervention::Terminate => "it is ended".to_owned(),
            Intervention::SetApprovers { node, people } if people.is_empty() => {
                format!("those of the template will be asked at {} again", self.title(node))
            }
            Intervention::SetApprovers { node, people } => {
                format!("at {} these will be asked: {}", self.title(node), self.names(people))
            }
            Intervention::Retry => "it is tried again where it stopped".to_owned(),
            Intervention::HandOver { from, to } => {
                format!("what {} has to decide goes to {}", self.name(*from), self.name(*to))
            }
        }
    }

    fn brought_in(&self, by: UserId, slots: &[NewSlot], kind: AddKind) -> String {
        let people: Vec<UserId> = slots.iter().map(|slot| slot.assignee).collect();
        let place = match kind {
            AddKind::Before => "before",
            AddKind::After => "after",
            AddKind::Together | AddKind::Peers => "beside",
        };
        let (by, people) = (self.name(by), self.names(&people));
        format!("{by} brought in {people} to decide {place} {by}")
    }

    fn edited(&self, by: Option<UserId>, edits: &Changes) -> String {
        let title = |id| self.template.form.field(id).map_or_else(|| id.to_string(), |it| it.title.clone());
        let fields: Vec<String> = edits.keys().map(title).collect();
        let who = by.map_or_else(|| "the flow".to_owned(), |user| self.name(user));
        let what = if fields.is_empty() { "something hidden".to_owned() } else { fields.join(", ") };
        format!("{who} changed {what}")
    }

    fn moved(&self, by: UserId, to: UserId, how: Move, comment: &str) -> String {
        let (by, to) = (self.name(by), self.name(to));
        let text = match how {
            Move::Transfer => format!("{by} handed the task to {to}"),
            Move::Delegate => format!("{by} asked {to} for an opinion"),
            Move::GivenBack => format!("{by} gave the task back to {to}"),
            Move::Absence => format!("{to} stands in for somebody absent"),
            Move::BackFromAbsence => format!("{to} is back"),
            Move::Leaver => format!("the task of somebody who left went to {to}"),
            Move::Timeout => format!("the time was up, so the task went to {to}"),
            Move::Reassign | Move::HandOver => format!("{by} gave the task to {to}"),
        };
        with_words(text, comment)
    }

    fn resumed(&self, way: &ResumeWay) -> String {
        match way {
            ResumeWay::StraightBack => "it goes straight back to where it was returned".to_owned(),
            ResumeWay::Replay { why: WhyReplay::Rule, .. } => "the way is gone again".to_owned(),
            ResumeWay::Replay { why: WhyReplay::OtherWay, .. } => {
                "the way is gone again, since it is another one now".to_owned()
            }
            ResumeWay::Replay { why: WhyReplay::BranchesCancelled, .. } => {
                "the way is gone again, since it was sent back before the fork".to_owned()
            }
            ResumeWay::Replay { why: WhyReplay::MaterialChange, changed } => {
                let title = |id| self.template.form.field(id).map_or_else(String::new, |it| it.title.clone());
                let fields: Vec<String> = changed.iter().map(title).collect();
                format!("the way is gone again, since {} changed", fields.join(", "))
            }
            ResumeWay::Overtaken => String::new(),
        }
    }

    fn names(&self, people: &[UserId]) -> String {
        people.iter().map(|user| self.name(*user)).collect::<Vec<_>>().join(", ")
    }

    fn lane_title(&self, branch: &NodeId, lane: &NodeId) -> String {
        let found = find_lane(&self.template.flow, branch, lane);
        format!("`{}`", found.map_or(lane.as_str(), |it| &it.title))
    }

    fn visit_closed(&self, visit: VisitId, state: VisitState) -> String {
        let visit = self.instance.visit(visit);
        let title = match visit.map(|visit| visit.kind) {
            Some(VisitKind::Revise) if state == VisitState::Passed => {
                return "the correction is done".to_owned();
            }
            Some(VisitKind::Consent) if state == VisitState::Passed => {
                return "the revocation is agreed to".to_owned();
            }
            Some(VisitKind::Revise) => "the correction".to_owned(),
            Some(VisitKind::Consent) => "the question whether it may be revoked".to_owned(),
            Some(_) | None => visit.map(|visit| self.title(&visit.node)).unwrap_or_default(),
        };
        let how = match state {
            VisitState::Open => "is open",
            VisitState::Passed => "passed",
            VisitState::Rejected => "was rejected",
            VisitState::AutoApproved => "passed without a question",
            VisitState::AutoRejected => "was rejected without a question",
            VisitState::Returned => "was left, since it was sent back",
            VisitState::Skipped => "was passed over by an administrator",
            VisitState::Cancelled => "was cancelled",
        };
        format!("{title} {how}")
    }

    fn commented(&self, by: UserId, text: &str, mentions: &[UserId], attachments: &[FileRef]) -> String {
        let to = mentions.iter().map(|user| self.name(*user)).collect::<Vec<_>>().join(", ");
        let to = if to.is_empty() { to } else { format!(" to {to}") };
        let said = [text.to_owned(), file_names(attachments)].into_iter().filter(|part| !part.is_empty());
        format!("{}{to}: {}", self.name(by), said.collect::<Vec<_>>().join(" · "))
    }

    fn with_reasons(&self, people: &[Found]) -> String {
        let one = |found: &Found| format!("{} ({})", self.name(found.user), found.why);
        people.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn slot(&self, id: SlotId) -> Option<&Slot> {
        self.instance.slot(id).map(|(_, slot)| slot)
    }

    fn assignee(&self, id: SlotId) -> String {
        self.slot(id).map_or_else(|| id.to_string(), |slot| self.name(slot.assignee))
    }

    fn name(&self, id: UserId) -> String {
        self.directory.name(id)
    }

    fn title(&self, node: &NodeId) -> String {
        let title = find_title(&self.template.flow, node).filter(|title| !title.is_empty());
        format!("`{}`", title.unwrap_or(node.as_str()))
    }
}

fn ended(status: Status, reason: &str) -> String {
    let how = match status {
        Status::Approved => "approved",
        Status::Rejected => "rejected",
        Status::Withdrawn => "withdrawn",
        Status::Revoked => "revoked",
        Status::Terminated => "terminated by an administrator",
        Status::Draft | Status::Running | Status::Suspended | Status::Returned | Status::Revoking => "ended",
    };
    if reason.is_empty() { how.to_owned() } else { format!("{how}: {reason}") }
}

/// The first, the second, the 11th, the 22nd.
fn ordinal(count: u32) -> String {
    let ending = match (count % 100, count % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    match count {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        many => format!("{many}{ending}"),
    }
}

fn removed(name: &str, why: WhyRemoved) -> String {
    match why {
        WhyRemoved::Unknown => format!("{name} is not asked any more"),
        WhyRemoved::Left => format!("{name} is left out because the account is disabled"),
        WhyRemoved::Separated => format!("{name} is left out: duties have to be in different hands"),
        WhyRemoved::Merged => format!("{name} is asked here anyway, and decides once for both"),
        WhyRemoved::TakenOut => format!("{name} is not asked any more: taken out by whoever brought them in"),
    }
}

fn in_words(reason: AutoReason) -> &'static str {
    match reason {
        AutoReason::SelfSkip => "it is the initiator's own request",
        AutoReason::Duplicate { .. } => "approved before by the same person",
        AutoReason::Kept { .. } => "approved before it was sent back, and nothing material changed",
        AutoReason::AskedLater => "the same person is asked later",
        AutoReason::Timeout => "the time was up",
        AutoReason::ByAdded => "the people who were brought in decided",
    }
}

fn find_title<'a>(blocks: &'a [Block], node: &NodeId) -> Option<&'a str> {
    blocks.iter().find_map(|block| {
        if block.id() == node {
            return Some(block.title());
        }
        block.lists().find_map(|list| find_title(list, node))
    })
}

fn find_lane<'a>(blocks: &'a [Block], branch: &NodeId, lane: &NodeId) -> Option<&'a Lane> {
    blocks.iter().find_map(|block| {
        if block.id() == branch {
            return block.lanes().iter().find(|it| &it.id == lane);
        }
        block.lists().find_map(|list| find_lane(list, branch, lane))
    })
}

fn settled(state: SlotState) -> &'static str {
    match state {
        SlotState::Approved | SlotState::Auto(_) => "approved",
        SlotState::Rejected | SlotState::AutoRejected(_) => "rejected",
        SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Waiting
        | SlotState::Abstained
        | SlotState::Returned
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => "closed",
    }
}

fn with_words(text: String, words: &str) -> String {
    if words.is_empty() { text } else { format!("{text}: {words}") }
}

fn with_files(text: String, signature: Option<&FileRef>, attachments: &[FileRef]) -> String {
    let signed = signature.map(|_| "signed by hand".to_owned());
    let more = [signed.unwrap_or_default(), file_names(attachments)];
    let parts = [text].into_iter().chain(more).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" · ")
}

fn file_names(files: &[FileRef]) -> String {
    files.iter().map(|file| format!("`{}`", file.name)).collect::<Vec<_>>().join(", ")
}
