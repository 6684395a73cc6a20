//! The history of an instance in sentences, each entry with the hash that chains it to the one before.

use super::Person;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::approvers::Found;
use zhupi_engine::event::{Decision, LaneTried, NewSlot};
use zhupi_engine::form::FileRef;
use zhupi_engine::ids::{NodeId, SlotId, UserId, VisitId};
use zhupi_engine::instance::{AutoReason, Slot, SlotState, VisitState};
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
    /// The event as it is kept.
    #[schema(value_type = Object)]
    pub event: Event,
    /// The event in words; empty where it matters to nobody but the engine.
    pub text: String,
}

/// An entry in words. `instance` is the instance as it is now.
pub fn timeline_entry(
    entry: Entry,
    hash: &[u8],
    instance: &Instance,
    template: &Template,
    directory: &Directory,
) -> TimelineEntry {
    let teller = Teller { instance, template, directory };
    let line = |event: Event| TimelineLine { text: teller.text(&event), event };
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
}

impl Teller<'_> {
    fn text(&self, event: &Event) -> String {
        match event {
            Event::Submitted { title, .. } => {
                format!("{} submitted `{title}`", self.name(self.instance.initiator))
            }
            Event::LaneChosen { branch, lane, tried, .. } => self.lane_chosen(branch, lane, tried),
            Event::VisitOpened { node, slots, .. } => self.visit_opened(node, slots),
            Event::SlotTurned { slot, .. } => format!("it is the turn of {}", self.assignee(*slot)),
            Event::SlotRemoved { slot } => {
                format!("{} is left out because the account is disabled", self.assignee(*slot))
            }
            Event::SlotDecided { slot, by, decision, comment, .. } => {
                self.slot_decided(*slot, *by, *decision, comment)
            }
            Event::VisitClosed { visit, state, .. } => self.visit_closed(*visit, *state),
            Event::CcSent { people, .. } => format!("told: {}", self.with_reasons(people)),
            Event::CcRead { user, .. } => format!("{} has read it", self.name(*user)),
            Event::Commented { by, text, mentions, attachments, .. } => {
                self.commented(*by, text, mentions, attachments)
            }
            Event::DataWarned { warning } => warning.clone(),
            Event::TokenStarted { .. } | Event::TokenFinished { .. } => String::new(),
            Event::Suspended { node, reason, .. } => {
                format!("stopped at {}: {reason}", self.title(node))
            }
            Event::Ended { status, reason, .. } => ended(*status, reason),
        }
    }

    fn lane_chosen(&self, branch: &NodeId, lane: &NodeId, tried: &[LaneTried]) -> String {
        let title = find_lane(&self.template.flow, branch, lane).map_or(lane.as_str(), |it| &it.title);
        let outcome = tried.iter().find(|it| &it.lane == lane).and_then(|it| it.outcome.as_ref());
        let Some(outcome) = outcome else { return format!("the way `{title}` was taken: no other one fits") };
        let last = outcome.groups.last().map(Vec::as_slice).unwrap_or_default();
        let saw: Vec<&str> = last.iter().filter_map(|condition| condition.saw.as_deref()).collect();
        format!("the way `{title}` was taken: its conditions hold for {}", saw.join(", "))
    }

    fn visit_opened(&self, node: &NodeId, slots: &[NewSlot]) -> String {
        let people = slots.iter().map(|slot| {
            let how = match slot.state {
                SlotState::Auto(reason) => format!(", approved without a question: {}", in_words(reason)),
                SlotState::Removed => ", left out".to_owned(),
                SlotState::Queued
                | SlotState::Pending
                | SlotState::Approved
                | SlotState::Rejected
                | SlotState::NotNeeded
                | SlotState::Cancelled => String::new(),
            };
            format!("{} ({}{how})", self.name(slot.assignee), slot.why)
        });
        let people = people.collect::<Vec<_>>().join(", ");
        let asked = if people.is_empty() { "nobody" } else { &people };
        format!("{} asks {asked}", self.title(node))
    }

    fn slot_decided(&self, slot: SlotId, by: UserId, decision: Decision, comment: &str) -> String {
        let verb = match decision {
            Decision::Approve => "approved",
            Decision::Reject => "rejected",
        };
        let place = match self.slot(slot) {
            Some(slot) if slot.assignee != by => format!(" in the place of {}", self.name(slot.assignee)),
            Some(_) | None => String::new(),
        };
        let words = if comment.is_empty() { String::new() } else { format!(": {comment}") };
        format!("{} {verb}{place}{words}", self.name(by))
    }

    fn visit_closed(&self, visit: VisitId, state: VisitState) -> String {
        let title = self.instance.visit(visit).map(|visit| self.title(&visit.node)).unwrap_or_default();
        let how = match state {
            VisitState::Open => "is open",
            VisitState::Passed => "passed",
            VisitState::Rejected => "was rejected",
            VisitState::AutoApproved => "passed without a question",
            VisitState::AutoRejected => "was rejected without a question",
            VisitState::Cancelled => "was cancelled",
        };
        format!("{title} {how}")
    }

    fn commented(&self, by: UserId, text: &str, mentions: &[UserId], attachments: &[FileRef]) -> String {
        let to = mentions.iter().map(|user| self.name(*user)).collect::<Vec<_>>().join(", ");
        let to = if to.is_empty() { to } else { format!(" to {to}") };
        let files: Vec<String> = attachments.iter().map(|file| format!("`{}`", file.name)).collect();
        let said = [text.to_owned(), files.join(", ")].into_iter().filter(|part| !part.is_empty());
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
        Status::Draft | Status::Running | Status::Suspended => "ended",
    };
    if reason.is_empty() { how.to_owned() } else { format!("{how}: {reason}") }
}

fn in_words(reason: AutoReason) -> &'static str {
    match reason {
        AutoReason::SelfSkip => "it is the initiator's own request",
        AutoReason::Duplicate { .. } => "approved before by the same person",
    }
}

fn find_title<'a>(blocks: &'a [Block], node: &NodeId) -> Option<&'a str> {
    blocks.iter().find_map(|block| {
        if block.id() == node {
            return Some(block.title());
        }
        match block {
            Block::Approval(_) | Block::Cc(_) => None,
            Block::Branch(branch) => branch.lanes.iter().find_map(|lane| find_title(&lane.blocks, node)),
        }
    })
}

fn find_lane<'a>(blocks: &'a [Block], branch: &NodeId, lane: &NodeId) -> Option<&'a Lane> {
    blocks.iter().find_map(|block| match block {
        Block::Approval(_) | Block::Cc(_) => None,
        Block::Branch(it) if &it.id == branch => it.lanes.iter().find(|it| &it.id == lane),
        Block::Branch(it) => it.lanes.iter().find_map(|inner| find_lane(&inner.blocks, branch, lane)),
    })
}
