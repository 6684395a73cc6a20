//! What happened to a draft, as steps that people read: each branch of a fork in one piece.

use super::{Occasion, PreviewPerson, Step, Uncertain};
use crate::condition::{Group, Subject};
use crate::decide::Draft;
use crate::directory::Directory;
use crate::event::{Event, LaneTried, NewSlot};
use crate::form::Access;
use crate::ids::{FieldId, NodeId, TokenId, VisitId};
use crate::instance::{SlotState, Token, VisitKind, VisitState};
use crate::template::{
    Approval, Approvers, Assign, Block, ChildWait, PersonRule, SubProcess, Template, Trigger, TriggerAction,
    When,
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
            if let Some(token) = way_of(event, sent_on) {
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
fn way_of(event: &Event, sent_on: Option<TokenId>) -> Option<TokenId> {
    match event {
        Event::VisitOpened { token, .. }
        | Event::LaneChosen { token, .. }
        | Event::LanesChosen { token, .. }
        | Event::TokenForked { token, .. }
        | Event::Joined { token, .. }
        | Event::Looped { token, .. }
        | Event::TriggerCalled { token, .. }
        | Event::ChildStarted { token, .. } => Some(*token),
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
        Event::VisitOpened { .. } => opened(event, draft),
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
            Some(Step::Trigger { node, title, waits: visit.is_some() })
        }
        Event::ChildStarted { node, visit, template, .. } => {
            let (node, title) = named(node);
            Some(Step::SubProcess { node, title, template: *template, waits: visit.is_some() })
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

fn opened(event: &Event, draft: &Draft<'_>) -> Option<Step> {
    let Event::VisitOpened { visit, node, level, kind, mode, slots, .. } = event else { return None };
    let (id, node, title) = (*visit, node.clone(), title_of(draft.template, node));
    let visit = draft.instance.visit(id);
    match kind {
        VisitKind::Approve | VisitKind::Handle | VisitKind::Pool => Some(Step::Approval {
            uncertain: uncertain(&node, slots, draft),
            state: likely_state(id, &node, draft),
            node,
            title,
            level: *level,
            mode: *mode,
            people: slots.iter().map(|slot| person(slot, draft.directory)).collect(),
        }),
        VisitKind::Delay => Some(Step::Delay { node, title, until: visit.and_then(|it| it.due_at) }),
        VisitKind::Auto => Some(Step::Auto { node, title, state: visit?.state }),
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
fn likely_state(id: VisitId, node: &NodeId, draft: &Draft<'_>) -> VisitState {
    let Some(visit) = draft.instance.visit(id) else { return VisitState::Open };
    let asked = visit.slots.iter().any(|slot| slot.decided.is_some()) || draft.unpicked.contains(node);
    if asked { VisitState::Open } else { visit.state }
}

fn person(slot: &NewSlot, directory: &Directory) -> PreviewPerson {
    let auto = match slot.state {
        SlotState::Auto(reason) => Some(reason),
        _ => None,
    };
    PreviewPerson { user: slot.assignee, name: directory.name(slot.assignee), why: slot.why.clone(), auto }
}

fn title_of(template: &Template, node: &NodeId) -> String {
    template.block(node).map_or_else(String::new, |block| block.title().to_owned())
}

fn lane_title(template: &Template, branch: &NodeId, lane: &NodeId) -> String {
    let lanes = template.block(branch).map_or(&[][..], Block::lanes);
    lanes.iter().find(|it| &it.id == lane).map_or_else(String::new, |it| it.title.clone())
}

/// Fields that somebody or something on the way may change before a choice is made.
#[derive(Default)]
struct Open(HashSet<FieldId>);

impl Open {
    /// Whether an event is a choice that may come out differently. Remembers what may be changed from here on.
    fn touches(&mut self, event: &Event, template: &Template) -> bool {
        match event {
            Event::LaneChosen { branch: node, .. } | Event::LanesChosen { fork: node, .. } => {
                let lanes = template.block(node).map_or(&[][..], Block::lanes);
                let groups = lanes.iter().filter_map(|lane| match &lane.when {
                    When::AnyOf(groups) => Some(groups),
                    When::Default => None,
                });
                groups.flatten().any(|group| self.is_open(group))
            }
            Event::VisitOpened { node, .. } => {
                self.0.extend(template.block(node).map_or_else(Vec::new, |block| changes(block, template)));
                false
            }
            _ => false,
        }
    }

    fn is_open(&self, group: &Group) -> bool {
        group.conditions.iter().any(|condition| match &condition.subject {
            Subject::Field(field) | Subject::Duration { field, .. } | Subject::Rows { table: field, .. } => {
                self.0.contains(field)
            }
            Subject::Lane(_) => true,
            Subject::Initiator => false,
        })
    }
}

/// What may be changed at a node that is waited at.
fn changes(block: &Block, template: &Template) -> Vec<FieldId> {
    match block {
        Block::Approval(node) => {
            let editable = |access: Access| matches!(access, Access::Edit | Access::Require);
            let fields = template.form.fields.iter().filter(|field| {
                let columns = field.columns.iter().map(|it| node.fields.of_column(&field.id, &it.id));
                editable(node.fields.of(&field.id)) || columns.into_iter().any(editable)
            });
            fields.map(|field| field.id.clone()).collect()
        }
        Block::Trigger(Trigger { action: TriggerAction::CallAndWait { sets, .. }, .. }) => sets.clone(),
        Block::SubProcess(SubProcess { wait: ChildWait::Until { take, .. }, .. }) => {
            take.keys().cloned().collect()
        }
        Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Route(_)
        | Block::Auto(_) => Vec::new(),
    }
}
