//! What happened to a draft, as steps that people read: each branch of a fork in one piece.

use super::open::Open;
use super::{Occasion, PlannedAction, PlannedLimit, PreviewPerson, Step, Uncertain};
use crate::decide::Draft;
use crate::event::{Event, LaneTried, NewSlot, ResumeWay};
use crate::ids::{NodeId, TokenId, VisitId};
use crate::instance::{AutoReason, SlotState, Timer, Token, Visit, VisitKind, VisitState};
use crate::template::{
    Approval, Approvers, Assign, Block, Deadline, PersonRule, Template, TimeoutKind, TimeoutWhat,
};
use std::collections::{BTreeMap, HashSet};

/// The steps of everything that happened to the draft.
pub(super) fn steps(draft: &Draft<'_>) -> Vec<Step> {
    let mut story = Story::of(draft);
    story.tell(TokenId(0));
    story.steps
}

/// What happened, by whose way it happened on.
struct Story<'d> {
    draft: &'d Draft<'d>,
    /// Places of events, by token.
    events: BTreeMap<TokenId, Vec<usize>>,
    /// The branches of each fork, by the place of its event.
    branches: BTreeMap<usize, Vec<TokenId>>,
    /// Places of choices that may come out differently.
    may_change: HashSet<usize>,
    steps: Vec<Step>,
}

impl<'d> Story<'d> {
    fn of(draft: &'d Draft<'d>) -> Self {
        let mut story = Self {
            draft,
            events: BTreeMap::new(),
            branches: BTreeMap::new(),
            may_change: HashSet::new(),
            steps: Vec::new(),
        };
        let mut forked: BTreeMap<TokenId, usize> = BTreeMap::new();
        let mut open = Open::default();
        for (place, event) in draft.events.iter().enumerate() {
            let sent_on = draft.sent_on.get(&place).copied();
            if let Some(token) = way_of(event, sent_on, draft) {
                story.events.entry(token).or_default().push(place);
            }
            if open.touches(event, draft.template) {
                story.may_change.insert(place);
            }
            match event {
                Event::TokenForked { token, .. } => {
                    forked.insert(*token, place);
                }
                Event::TokenStarted { token, parent: Some(parent), .. } => {
                    if let Some(fork) = forked.get(parent) {
                        story.branches.entry(*fork).or_default().push(*token);
                    }
                }
                _ => {}
            }
        }
        story
    }

    fn tell(&mut self, token: TokenId) {
        let mut chosen = None;
        for place in self.events.remove(&token).unwrap_or_default() {
            let draft = self.draft;
            let Some(event) = draft.events.get(place) else { continue };
            match event {
                Event::LanesChosen { tried, .. } => chosen = Some((place, tried.as_slice())),
                Event::TokenForked { fork, .. } => self.fork(place, fork, chosen.take()),
                _ => self.steps.extend(step(place, self.may_change.contains(&place), draft)),
            }
        }
    }

    fn fork(&mut self, place: usize, fork: &NodeId, chosen: Option<(usize, &[LaneTried])>) {
        let tokens = self.branches.remove(&place).unwrap_or_default();
        let (node, title) = (fork.clone(), title_of(self.draft.template, fork));
        self.steps.push(Step::Fork { node, title, branches: tokens.len() as u32 });
        for id in tokens {
            let Some(token) = self.draft.instance.token(id) else { continue };
            self.steps.push(self.branch(fork, token, chosen));
            self.tell(id);
        }
    }

    fn branch(&self, fork: &NodeId, token: &Token, chosen: Option<(usize, &[LaneTried])>) -> Step {
        let (place, tried) = chosen.unzip();
        let own = tried.unwrap_or_default().iter().find(|it| Some(&it.lane) == token.lane.as_ref());
        let uncertain = place.is_some_and(|place| self.may_change.contains(&place));
        Step::Branch {
            fork: fork.clone(),
            lane: token.lane.clone(),
            title: token
                .lane
                .as_ref()
                .map_or_else(String::new, |it| lane_title(self.draft.template, fork, it)),
            item: token.item.clone(),
            outcome: own.and_then(|it| it.outcome.clone()),
            uncertain: uncertain.then_some(Uncertain::MayChange).into_iter().collect(),
        }
    }
}

/// Whose way an event happened on; absent for what is no step.
fn way_of(event: &Event, sent_on: Option<TokenId>, draft: &Draft<'_>) -> Option<TokenId> {
    match event {
        Event::VisitOpened { token, .. }
        | Event::LaneChosen { token, .. }
        | Event::LanesChosen { token, .. }
        | Event::TokenForked { token, .. }
        | Event::Joined { token, .. }
        | Event::Looped { token, .. }
        | Event::TriggerCalled { token, .. }
        | Event::ChildStarted { token, .. } => Some(*token),
        Event::Returned { visit, .. } => Some(draft.instance.visit(*visit)?.token),
        // At submit and at the end nobody is on the way: that is the first token's story.
        Event::CcSent { .. } => Some(sent_on.unwrap_or(TokenId(0))),
        _ => None,
    }
}

fn step(place: usize, may_change: bool, draft: &Draft<'_>) -> Option<Step> {
    let template = draft.template;
    let named = |node: &NodeId| (node.clone(), title_of(template, node));
    let event = draft.events.get(place)?;
    match event {
        Event::VisitOpened { .. } => opened(place, may_change, draft),
        Event::CcSent { node, people, .. } => Some(Step::Cc {
            node: node.clone(),
            title: node.as_ref().map_or_else(String::new, |node| title_of(template, node)),
            told: occasion(place, node.as_ref(), draft),
            people: people.clone(),
        }),
        Event::LaneChosen { branch, lane, tried, .. } => Some(Step::Lane {
            branch: branch.clone(),
            lane: lane.clone(),
            title: lane_title(template, branch, lane),
            outcome: tried.last().and_then(|it| it.outcome.clone()),
            uncertain: may_change.then_some(Uncertain::MayChange).into_iter().collect(),
        }),
        Event::Joined { fork, .. } => {
            let (node, title) = named(fork);
            Some(Step::Join { node, title })
        }
        Event::Looped { route, to, outcome, .. } => {
            let (node, title) = named(route);
            Some(Step::Route { node, title, to: to.clone(), outcome: outcome.clone() })
        }
        Event::TriggerCalled { node, visit, .. } => {
            let (node, title) = named(node);
            let (waits, uncertain) = waiting(visit.as_ref());
            Some(Step::Trigger { node, title, waits, uncertain })
        }
        Event::ChildStarted { node, visit, template, .. } => {
            let (node, title) = named(node);
            let (waits, uncertain) = waiting(visit.as_ref());
            Some(Step::SubProcess { node, title, template: *template, waits, uncertain })
        }
        Event::Returned { visit, to, .. } => {
            let (node, title) = named(&draft.instance.visit(*visit)?.node);
            Some(Step::Returned { node, title, to: to.clone(), goes_on: goes_on(place, draft) })
        }
        _ => None,
    }
}

/// People are told right after what they are told of.
fn occasion(place: usize, node: Option<&NodeId>, draft: &Draft<'_>) -> Occasion {
    let is_cc = |node: &NodeId| matches!(draft.template.block(node), Some(Block::Cc(_)));
    let before = place.checked_sub(1).and_then(|place| draft.events.get(place));
    match (node, before) {
        (Some(node), _) if is_cc(node) => Occasion::AtNode,
        (Some(_), Some(Event::VisitClosed { state, .. })) => match state {
            VisitState::Rejected | VisitState::AutoRejected => Occasion::Rejected,
            VisitState::Open
            | VisitState::Passed
            | VisitState::AutoApproved
            | VisitState::Returned
            | VisitState::Skipped
            | VisitState::Cancelled => Occasion::Passed,
        },
        (Some(_), _) => Occasion::Late,
        (None, Some(Event::Ended { .. })) => Occasion::AtEnd,
        (None, _) => Occasion::AtStart,
    }
}

/// Whether an answer is waited for, which nobody knows yet.
fn waiting(visit: Option<&VisitId>) -> (bool, Vec<Uncertain>) {
    (visit.is_some(), visit.map(|_| Uncertain::Answer).into_iter().collect())
}

/// How it goes on after a return, the event at this place.
fn goes_on(place: usize, draft: &Draft<'_>) -> Option<ResumeWay> {
    let before = draft.events.iter().take(place);
    let own = before.filter(|event| matches!(event, Event::Returned { .. })).count();
    draft.events.iter().skip(place).find_map(|event| match event {
        Event::ReturnSettled { number, way, .. } if *number as usize == own => Some(way.clone()),
        _ => None,
    })
}

fn opened(place: usize, may_change: bool, draft: &Draft<'_>) -> Option<Step> {
    let event = draft.events.get(place)?;
    let Event::VisitOpened { visit, node, level, kind, mode, slots, .. } = event else { return None };
    let (node, title) = (node.clone(), title_of(draft.template, node));
    let visit = draft.instance.visit(*visit)?;
    match kind {
        VisitKind::Approve | VisitKind::Handle | VisitKind::Pool => {
            let mut uncertain = uncertain(&node, slots, draft);
            uncertain.extend(may_change.then_some(Uncertain::MayChange));
            let state = likely_state(visit, draft);
            let comes_to = match (state, visit.state) {
                (VisitState::Open, VisitState::AutoApproved) => VisitState::Passed,
                (_, comes_to) => comes_to,
            };
            Some(Step::Approval {
                uncertain,
                state,
                comes_to,
                limit: limit(place, visit, draft),
                node,
                title,
                level: *level,
                asks: *kind,
                mode: *mode,
                people: slots.iter().map(|slot| person(slot, visit, draft)).collect(),
            })
        }
        VisitKind::Delay => Some(Step::Delay { node, title, until: visit.due_at }),
        VisitKind::Auto => Some(Step::Auto { node, title, state: visit.state }),
        VisitKind::Revise
        | VisitKind::Consent
        | VisitKind::Call
        | VisitKind::Child { .. }
        | VisitKind::Pause => None,
    }
}

/// What is not known of a node's people yet.
fn uncertain(id: &NodeId, slots: &[NewSlot], draft: &Draft<'_>) -> Vec<Uncertain> {
    let Some(Block::Approval(node)) = draft.template.block(id) else { return Vec::new() };
    let by_approver = leaves_it_to_an_approver(node) && !draft.instance.picks.contains_key(id);
    let drawn = matches!(node.assign, Assign::Random | Assign::RoundRobin | Assign::LeastLoaded);
    let missing = draft.unpicked.contains(id) && !by_approver;
    let asked = slots.iter().filter(|slot| !matches!(slot.state, SlotState::Auto(_))).count();
    let kinds = [
        missing.then_some(Uncertain::PickMissing),
        by_approver.then_some(Uncertain::ApproverPicks),
        (drawn && asked > 1).then_some(Uncertain::OneOfThem),
    ];
    kinds.into_iter().flatten().collect()
}

fn leaves_it_to_an_approver(node: &Approval) -> bool {
    match &node.approvers {
        Approvers::People(rules) => rules.iter().any(|it| matches!(it, PersonRule::ApproverPick { .. })),
        Approvers::Chain(_) => false,
    }
}

/// People will be asked unless the visit ended without them.
fn likely_state(visit: &Visit, draft: &Draft<'_>) -> VisitState {
    let late = |state| {
        matches!(state, SlotState::Auto(AutoReason::Timeout) | SlotState::AutoRejected(AutoReason::Timeout))
    };
    let asked = visit.slots.iter().any(|slot| slot.decided.is_some() || late(slot.state));
    match visit.state {
        VisitState::Returned | VisitState::Skipped => VisitState::Open,
        _ if asked || draft.unpicked.contains(&visit.node) => VisitState::Open,
        state => state,
    }
}

/// The time limit that was set when the visit, the event at this place, was opened.
fn limit(place: usize, visit: &Visit, draft: &Draft<'_>) -> Option<PlannedLimit> {
    let Some(Event::TimersSet { visit: of, due_at, timers }) = draft.events.get(place + 1) else {
        return None;
    };
    let Some(Block::Approval(node)) = draft.template.block(&visit.node).filter(|_| *of == visit.id) else {
        return None;
    };
    let mut actions: Vec<PlannedAction> = timers.iter().filter_map(|timer| planned(timer, node)).collect();
    actions.sort_by_key(|action| action.at);
    Some(PlannedLimit { due_at: *due_at, actions })
}

fn planned(timer: &Timer, node: &Approval) -> Option<PlannedAction> {
    let place = timer.action? as usize;
    let (what, to) = match &node.deadline {
        Deadline::None => return None,
        Deadline::Usual => (TimeoutKind::Remind, None),
        Deadline::Own(limit) => {
            let what = &limit.actions.get(place)?.what;
            let to = if let TimeoutWhat::Jump(to) = what { Some(to.clone()) } else { None };
            (what.kind(), to)
        }
    };
    Some(PlannedAction { at: timer.at, what, to })
}

fn person(new: &NewSlot, visit: &Visit, draft: &Draft<'_>) -> PreviewPerson {
    let auto = match new.state {
        SlotState::Auto(reason) => Some(reason),
        _ => None,
    };
    let slot = visit.slots.iter().find(|slot| slot.id == new.id);
    let now_with = slot.map_or(new.assignee, |slot| slot.assignee);
    PreviewPerson {
        user: new.assignee,
        name: draft.directory.name(new.assignee),
        why: new.why.clone(),
        auto,
        comes_to: slot.map_or(new.state, |slot| slot.state),
        handed_to: (now_with != new.assignee).then_some(now_with),
    }
}

fn title_of(template: &Template, node: &NodeId) -> String {
    template.block(node).map_or_else(String::new, |block| block.title().to_owned())
}

fn lane_title(template: &Template, branch: &NodeId, lane: &NodeId) -> String {
    let lanes = template.block(branch).map_or(&[][..], Block::lanes);
    lanes.iter().find(|it| &it.id == lane).map_or_else(String::new, |it| it.title.clone())
}
