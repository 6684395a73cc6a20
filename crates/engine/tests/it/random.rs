//! Random templates, directories and commands: every kind of block, every command. After every step the invariants hold;
//! at the end the history replays to the same state, and whatever ended has a sound end. A failure prints its seed;
//! `cargo xtask simulate --seed N` walks on from there without end.

mod acting;
mod drawing;

use crate::world::at;
use acting::{random_command, random_submit};
use drawing::{random_directory, random_template, random_user};
use fastrand::Rng;
use std::collections::{BTreeSet, HashMap};
use zhupi_engine::ids::{FieldId, SYSTEM, TokenId};
use zhupi_engine::instance::{SlotState, VisitKind, VisitState};
use zhupi_engine::ledger::{Entry, Follower, GENESIS, hex, seal};
use zhupi_engine::template::Block;
use zhupi_engine::{
    Command, Directory, Envelope, Event, Instance, Severity, Status, Template, check_template, decide,
    preview,
};

const INSTANCES: u64 = 20_000;

#[test]
fn twenty_thousand_random_instances_keep_every_invariant() {
    let count = wanted("ZHUPI_TEST_WALKS").unwrap_or(INSTANCES);
    let seen = walk_from(wanted("ZHUPI_TEST_SEED").unwrap_or(0), count);
    assert!(seen.unsound * 3 < count, "{} of {count} drawings were unsound", seen.unsound);
    if count < INSTANCES {
        return;
    }
    // The walks are worth something only if they see every end and every command often.
    let enough = |seen: &u64| *seen >= count / 2_000;
    for status in
        [Status::Approved, Status::Rejected, Status::Withdrawn, Status::Returned, Status::Terminated]
    {
        assert!(seen.ends.get(&status).is_some_and(enough), "{status:?} in {:?}", seen.ends);
    }
    let missing: Vec<_> =
        acting::COMMANDS.iter().filter(|name| !seen.accepted.get(**name).is_some_and(enough)).collect();
    assert!(missing.is_empty(), "too seldom accepted: {missing:?} in {:?}", seen.accepted);
}

fn wanted(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What walks have come across.
#[derive(Default)]
struct Seen {
    ends: HashMap<Status, u64>,
    accepted: HashMap<&'static str, u64>,
    unsound: u64,
}

fn walk_from(first: u64, count: u64) -> Seen {
    let mut seen = Seen::default();
    for seed in first..first + count {
        let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| walk(seed, &mut seen)));
        assert!(walked.is_ok(), "seed {seed} fails");
    }
    seen
}

/// What is written in one random instance.
pub fn written(seed: u64) -> Vec<Event> {
    walk(seed, &mut Seen::default())
}

fn walk(seed: u64, seen: &mut Seen) -> Vec<Event> {
    let mut rng = Rng::with_seed(seed);
    let mut directory = random_directory(&mut rng);
    let template = random_template(&mut rng);
    // Looking at the drawing costs more than walking through it.
    if seed.is_multiple_of(8) && check_template(&template).iter().any(|it| it.severity == Severity::Error) {
        seen.unsound += 8;
        return Vec::new();
    }
    let material = template.material_fields();
    let initiator = random_user(&mut rng);
    let mut instance =
        Instance::draft(crate::world::uuid("i").into(), crate::world::uuid("t").into(), 1, initiator);
    let submit = random_submit(&mut rng, &template, &directory, initiator);
    let mut history = Vec::new();
    let steps = rng.usize(5..40);
    let mut joins = Joins::default();
    for step in 0..steps {
        let (actor, command) = match step {
            0 => (initiator, Command::Submit(submit.clone())),
            _ => random_command(&mut rng, &template, &instance),
        };
        let name = command.name();
        let seen_version = (rng.u8(..) < 3).then_some(instance.version + 1);
        let outside = acting::random_outside(&mut rng);
        let now = at(step as i64 * 3_600);
        let envelope = Envelope { actor, at: now, seen_version, command, outside };
        match decide(&template, &directory, &instance, &envelope) {
            Err(rejection) => assert!(!rejection.code().is_empty() && !rejection.to_string().is_empty()),
            Ok(events) => {
                assert!(seen_version.is_none(), "a stale version is refused");
                *seen.accepted.entry(name).or_default() += u64::from(!events.is_empty());
                joins.follow(&events);
                apply(&mut instance, &events);
                if name == "sweep" {
                    assert_reachable(&instance, &directory);
                }
                assert_approvals_stand((&template, &material), &instance);
                history.push((envelope, events));
            }
        }
        if step == 0 && instance.status != Status::Draft {
            let likely = preview(&template, &directory, initiator, &submit, at(0));
            assert!(likely.is_ok(), "what can be submitted can be previewed");
        }
        if rng.u8(..) < 6 {
            directory = random_directory(&mut rng);
        }
    }
    assert_replays(&instance, &history);
    *seen.ends.entry(instance.status).or_default() += 1;
    history.into_iter().flat_map(|(_, events)| events).collect()
}

/// A join fires at most once for each time its token was forked.
#[derive(Default)]
struct Joins(HashMap<TokenId, i64>);

impl Joins {
    fn follow(&mut self, events: &[Event]) {
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
fn assert_reachable(instance: &Instance, directory: &Directory) {
    let own = |kind| matches!(kind, VisitKind::Revise | VisitKind::Consent);
    for (_, slot) in instance.pending().filter(|(visit, _)| !own(visit.kind)) {
        let able = [Some(slot.assignee), slot.absent, slot.back_to].into_iter().flatten();
        let someone = able.into_iter().any(|user| directory.is_active(user));
        assert!(someone || directory.admins().is_empty(), "slot {} can be decided by nobody", slot.id);
    }
}

/// In an open visit, nobody's approval stands on other values of a material field than those that go on, unless he changed
/// them himself; and whoever had to sign or to give something has. In branches for rows, the rows of others do not matter.
fn assert_approvals_stand((template, material): (&Template, &BTreeSet<FieldId>), instance: &Instance) {
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

fn apply(instance: &mut Instance, events: &[Event]) {
    let was_ended = instance.status.is_ended();
    let was = instance.status;
    for event in events {
        match event {
            Event::TimerFired { visit, .. } => {
                let open = instance.visit(*visit).is_some_and(|it| it.state == VisitState::Open);
                assert!(open, "a timer fired at a visit that is not open");
            }
            Event::SlotDecided { slot, .. } => {
                let (visit, slot) = instance.slot(*slot).expect("a decision names a slot");
                assert_eq!(visit.state, VisitState::Open, "a vote belongs to an open visit");
                assert_eq!(slot.state, SlotState::Pending, "only a pending slot is decided");
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

/// Sealed, followed and replayed, the history gives the same state.
fn assert_replays(instance: &Instance, history: &[(Envelope, Vec<Event>)]) {
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
            | Command::Amend { .. }
    )
}
