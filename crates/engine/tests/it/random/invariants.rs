//! What has to hold after every step of a random walk, beside the invariants of an instance by itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use zhupi_engine::approvers::WhyNote;
use zhupi_engine::command::Outside;
use zhupi_engine::ids::{FieldId, NodeId, SYSTEM, TokenId, UserId};
use zhupi_engine::instance::{Slot, SlotState, Visit, VisitKind, VisitState};
use zhupi_engine::ledger::{Entry, Follower, GENESIS, hex, seal};
use zhupi_engine::template::{Block, Separation};
use zhupi_engine::{Command, Directory, Envelope, Event, Instance, Status, Template};

/// New ids of nodes and lanes.
pub type Renamed = BTreeMap<NodeId, NodeId>;

/// A join fires at most once for each time its token was forked.
#[derive(Default)]
pub struct Joins(HashMap<TokenId, i64>);

impl Joins {
    pub fn follow(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::TokenForked { token, .. } => *self.0.entry(*token).or_default() += 1,
                Event::Joined { token, .. } => {
                    let open = self.0.entry(*token).or_default();
                    *open -= 1;
                    assert!(*open >= 0, "a join fired twice");
                }
                _ => {}
            }
        }
    }
}

/// After a sweep everybody who is asked can answer. What was sent back to an initiator who has left, or is to be revoked
/// by people who have left, waits for an administrator to end it.
pub fn assert_reachable(instance: &Instance, directory: &Directory) {
    let own = |kind| matches!(kind, VisitKind::Revise | VisitKind::Consent);
    for (_, slot) in instance.pending().filter(|(visit, _)| !own(visit.kind)) {
        let able = [Some(slot.assignee), slot.absent, slot.back_to].into_iter().flatten();
        let someone = able.into_iter().any(|user| directory.is_active(user));
        assert!(someone || directory.admins().is_empty(), "slot {} can be decided by nobody", slot.id);
    }
}

/// In an open visit, nobody's approval stands on other values of a material field than those that go on, unless he changed
/// them himself; and whoever had to sign or to give something has. In branches for rows, the rows of others do not matter.
pub fn assert_approvals_stand((template, material): (&Template, &BTreeSet<FieldId>), instance: &Instance) {
    let open =
        instance.visits.iter().filter(|it| it.state == VisitState::Open && it.kind == VisitKind::Approve);
    let for_rows = |token| {
        let item = |id: &TokenId| instance.token(*id).is_some_and(|it| it.item.is_some());
        instance.line_of(token).iter().any(item)
    };
    for visit in open {
        let own =
            visit.slots.iter().filter(|slot| slot.parent.is_none() && slot.state == SlotState::Approved);
        for decided in own.filter_map(|slot| slot.decided.as_ref()).filter(|_| !for_rows(visit.token)) {
            let later = instance.contents.iter().skip(decided.content as usize + 1);
            let mut later = later.filter(|it| it.by != Some(decided.by));
            let stale = later.any(|it| it.fields.iter().any(|field| material.contains(field)));
            assert!(!stale, "an approval at {} rests on other values", visit.node);
        }
    }
    for visit in &instance.visits {
        let Some(Block::Approval(node)) = template.block(&visit.node) else { continue };
        for slot in visit.slots.iter().filter(|slot| slot.state == SlotState::Approved) {
            let Some(decided) = &slot.decided else { continue };
            let approve = zhupi_engine::event::Decision::Approve;
            let signed = !node.signature.applies_to(approve) || decided.signature.is_some();
            let attached = !node.attachment.applies_to(approve) || !decided.attachments.is_empty();
            let said = !node.opinion.applies_to(approve) || !decided.comment.is_empty();
            assert!(signed && attached && said, "something is missing at {}", visit.node);
        }
    }
}

pub fn apply(instance: &mut Instance, events: &[Event], template: &Template) {
    let was_ended = instance.status.is_ended();
    let was = instance.status;
    for event in events {
        match event {
            Event::TimerFired { visit, .. } => {
                let open = instance.visit(*visit).is_some_and(|it| it.state == VisitState::Open);
                assert!(open, "a timer fired at a visit that is not open");
            }
            Event::SlotDecided { slot, by, .. } => {
                let (visit, slot) = instance.slot(*slot).expect("a decision names a slot");
                assert_eq!(visit.state, VisitState::Open, "a vote belongs to an open visit");
                assert_eq!(slot.state, SlotState::Pending, "only a pending slot is decided");
                assert_duties_apart((template, instance), visit, *by);
            }
            _ => {}
        }
        instance.apply(event);
    }
    instance.version += 1;
    assert_eq!(instance.broken(), Vec::<String>::new());
    let revoked = was == Status::Approved && matches!(instance.status, Status::Revoking | Status::Revoked);
    assert!(
        !was_ended || instance.status == was || revoked,
        "an end is an end: {was:?} {:?}",
        instance.status
    );
    let ends = events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
    assert!(ends <= 1, "an instance ends once");
}

/// Nobody is asked where a rule wants other hands than his.
pub fn assert_asked_apart(template: &Template, instance: &Instance) {
    if template.settings.separation.is_empty() {
        return;
    }
    for (visit, slot) in instance.pending() {
        assert_duties_apart((template, instance), visit, slot.back_to.unwrap_or(slot.assignee));
    }
}

/// Whoever decides, or is asked to, is not one whom a rule keeps away.
fn assert_duties_apart((template, instance): (&Template, &Instance), visit: &Visit, by: UserId) {
    if !matches!(visit.kind, VisitKind::Approve | VisitKind::Handle | VisitKind::Pool) {
        return;
    }
    for rule in &template.settings.separation {
        match rule {
            Separation::Linked { field, nodes } if nodes.is_empty() || nodes.contains(&visit.node) => {
                let people = instance.linked.get(field);
                let apart = people.is_none_or(|people| !people.contains(&by));
                assert!(apart, "he took part in the request that is linked, and is asked at {}", visit.node);
            }
            Separation::Nodes(nodes) if nodes.contains(&visit.node) => {
                let others = instance.visits.iter().filter(|it| nodes.contains(&it.node));
                let others = others.filter(|it| it.node != visit.node && !it.superseded);
                let mut slots = others.flat_map(|it| &it.slots);
                let own = |slot: &Slot| slot.decided.as_ref().is_some_and(|it| it.by == by);
                let decided = slots.any(|slot| own(slot) && slot.state != SlotState::Returned);
                assert!(!decided, "he decided at another node already, and is asked at {}", visit.node);
            }
            Separation::Linked { .. } | Separation::Nodes(_) => {}
        }
    }
}

/// Whoever was drawn was drawn by what was known outside, and that stands in the reason.
pub fn assert_drawn_as_told(events: &[Event], outside: &Outside) {
    for event in events {
        // Whoever is asked once more was drawn before.
        let Event::VisitOpened { node, slots, round: 1, .. } = event else { continue };
        for slot in slots {
            for note in &slot.why.notes {
                match note {
                    WhyNote::HisTurn { after } => assert_eq!(*after, outside.last.get(node).copied()),
                    WhyNote::LeastLoaded { open } => {
                        assert_eq!(*open, outside.loads.get(&slot.assignee).copied().unwrap_or_default());
                    }
                    WhyNote::Drawn { of, .. } => assert!(*of > 0, "drawn out of nobody"),
                    WhyNote::TopInstead { .. }
                    | WhyNote::Climbed { .. }
                    | WhyNote::LeftOut { .. }
                    | WhyNote::InsteadOfInitiator
                    | WhyNote::AlsoBy { .. }
                    | WhyNote::Barred { .. }
                    | WhyNote::StandsInFor { .. } => {}
                }
            }
        }
    }
}

/// Taken over to another version, what happened happened at the nodes that bear the new ids.
pub fn assert_taken_over(before: &Instance, after: &Instance, (version, nodes): (u32, &Renamed)) {
    assert_eq!(after.template_version, version);
    let named = |id: &NodeId| nodes.get(id).unwrap_or(id).clone();
    for (old, new) in before.visits.iter().zip(&after.visits) {
        assert_eq!(named(&old.node), new.node, "visit {}", old.id);
    }
    for (old, new) in before.calls.iter().zip(&after.calls) {
        assert_eq!(named(&old.node), new.node, "a call that was made");
    }
    for (old, new) in before.lanes.iter().zip(&after.lanes) {
        assert_eq!((named(&old.branch), named(&old.lane)), (new.branch.clone(), new.lane.clone()));
    }
}

/// Sealed, followed and replayed, the history gives the same state.
pub fn assert_replays(instance: &Instance, history: &[(Envelope, Vec<Event>)]) {
    let mut replayed = Instance::draft(instance.id, instance.template, 1, instance.initiator);
    let mut follower = Follower::default();
    let mut head = GENESIS;
    for (seq, (envelope, events)) in (1..).zip(history) {
        let entry = Entry {
            instance: instance.id,
            seq,
            at: envelope.at,
            actor: envelope.actor,
            command: envelope.command.name().to_owned(),
            events: events.clone(),
            previous: hex(&head),
        };
        let sealed = seal(&entry);
        head = sealed.hash;
        let read = follower.follow(seq, &sealed.text, &sealed.hash).unwrap();
        read.events.iter().for_each(|event| replayed.apply(event));
        replayed.version += 1;
    }
    follower.finish(instance.version, &head).unwrap();
    assert_eq!(&replayed, instance);
    assert!(history.iter().all(|(envelope, _)| envelope.actor != SYSTEM || is_systems(&envelope.command)));
}

fn is_systems(command: &Command) -> bool {
    matches!(
        command,
        Command::Fire { .. }
            | Command::Sweep
            | Command::Answer { .. }
            | Command::Fail { .. }
            | Command::Warn { .. }
            | Command::Amend { .. }
    )
}
