//! Random templates, directories and commands: every kind of block, every command. After every step the invariants hold;
//! at the end the history replays to the same state, and whatever ended has a sound end. A failure prints its seed;
//! `cargo xtask simulate --seed N` walks on from there without end.

mod acting;
mod drawing;
mod invariants;
mod tally;
mod versions;

use crate::world::at;
use acting::{random_administrator, random_command, random_outside, random_submit};
use drawing::{random_directory, random_template, random_user};
use fastrand::Rng;
use invariants::{
    Joins, apply, assert_approvals_stand, assert_asked_apart, assert_drawn_as_told, assert_reachable,
    assert_replays, assert_taken_over,
};
use std::collections::{BTreeSet, HashMap};
use versions::random_version;
use zhupi_engine::command::Submit;
use zhupi_engine::decide::{Migration, migrate};
use zhupi_engine::ids::{FieldId, UserId};
use zhupi_engine::{
    Command, Directory, Envelope, Event, Instance, Rejection, Severity, Status, Template, check_template,
    decide, preview,
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
        tally::COMMANDS.iter().filter(|kind| !seen.accepted.get(**kind).is_some_and(enough)).collect();
    assert!(missing.is_empty(), "too seldom accepted: {missing:?} in {:?}", seen.accepted);
}

fn wanted(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What walks have come across.
#[derive(Default)]
struct Seen {
    ends: HashMap<Status, u64>,
    /// How often each command was accepted and something came of it.
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
    let mut walk = Walk::new(&mut rng);
    // Looking at the drawing costs more than walking through it.
    let looks = seed.is_multiple_of(8);
    if looks && check_template(&walk.template).iter().any(|it| it.severity == Severity::Error) {
        seen.unsound += 8;
        return Vec::new();
    }
    let initiator = walk.instance.initiator;
    let submit = random_submit(&mut rng, &walk.template, &walk.directory, initiator);
    let steps = rng.usize(5..40);
    for step in 0..steps {
        let drawn = match step {
            0 => Drawn::usual((initiator, Command::Submit(submit.clone()))),
            _ if rng.u8(..96) == 0 => walk.to_another_version(&mut rng),
            _ => Drawn::usual(random_command(&mut rng, &walk.template, &walk.directory, &walk.instance)),
        };
        walk.step(&mut rng, (step, drawn), seen);
        if step == 0 && walk.instance.status != Status::Draft {
            walk.assert_can_be_previewed(&submit);
        }
        // Whatever nobody could be found for may go on once people have changed.
        let changes = if walk.instance.status == Status::Suspended { 64 } else { 6 };
        if rng.u8(..) < changes {
            walk.directory = random_directory(&mut rng);
        }
    }
    assert_replays(&walk.instance, &walk.history);
    *seen.ends.entry(walk.instance.status).or_default() += 1;
    walk.history.into_iter().flat_map(|(_, events)| events).collect()
}

/// Something to do, with the version of the template that it leads to.
struct Drawn {
    actor: UserId,
    command: Command,
    new: Option<Template>,
}

impl Drawn {
    fn usual((actor, command): (UserId, Command)) -> Self {
        Self { actor, command, new: None }
    }
}

/// An instance on its way, and the world around it.
struct Walk {
    template: Template,
    directory: Directory,
    instance: Instance,
    /// Fields on which approvals hang in every version there was.
    material: BTreeSet<FieldId>,
    joins: Joins,
    history: Vec<(Envelope, Vec<Event>)>,
}

impl Walk {
    fn new(rng: &mut Rng) -> Self {
        let directory = random_directory(rng);
        let template = random_template(rng);
        let initiator = random_user(rng);
        let ids = (crate::world::uuid("i").into(), crate::world::uuid("t").into());
        Self {
            material: template.material_fields(),
            instance: Instance::draft(ids.0, ids.1, 1, initiator),
            template,
            directory,
            joins: Joins::default(),
            history: Vec::new(),
        }
    }

    fn to_another_version(&self, rng: &mut Rng) -> Drawn {
        let version = self.instance.template_version + 1;
        let (new, nodes) = random_version(rng, &self.template, version);
        let actor = random_administrator(rng, &self.template, &self.directory);
        let command = Command::Migrate { version, nodes, reason: "it is better".to_owned() };
        Drawn { actor, command, new: Some(new) }
    }

    fn step(&mut self, rng: &mut Rng, (step, drawn): (usize, Drawn), seen: &mut Seen) {
        let Drawn { actor, command, new } = drawn;
        let kind = tally::kind(&command);
        let seen_version = (rng.u8(..) < 3).then_some(self.instance.version + 1);
        let outside = random_outside(rng, &self.template);
        let envelope = Envelope { actor, at: at(step as i64 * 3_600), seen_version, command, outside };
        let decided = match &new {
            Some(new) => self.take_over(new, &envelope),
            None => decide(&self.template, &self.directory, &self.instance, &envelope),
        };
        match decided {
            Err(rejection) => assert!(!rejection.code().is_empty() && !rejection.to_string().is_empty()),
            Ok(events) => {
                *seen.accepted.entry(kind).or_default() += u64::from(!events.is_empty());
                self.accept(envelope, events, new);
            }
        }
    }

    /// What happens to the instance if it is taken over to another version. Nothing that the dry run calls lost goes.
    fn take_over(&self, new: &Template, envelope: &Envelope) -> Result<Vec<Event>, Rejection> {
        let Command::Migrate { version, nodes, reason } = &envelope.command else { unreachable!() };
        let refused = decide(&self.template, &self.directory, &self.instance, envelope);
        assert_eq!(refused, Err(Rejection::NotOffered { action: "migrate" }));
        let (version, by, at) = (*version, envelope.actor, envelope.at);
        let (old, directory) = (&self.template, &self.directory);
        let migration =
            Migration { old, new, version, directory, nodes, at, by, reason, outside: &envelope.outside };
        let events = migrate(&migration, &self.instance);
        if let Ok(report) = migration.report(&self.instance) {
            assert!(report.lost.is_empty() || events.is_err(), "the dry run says it cannot go over");
        }
        events
    }

    fn accept(&mut self, envelope: Envelope, events: Vec<Event>, new: Option<Template>) {
        assert!(new.is_some() || envelope.seen_version.is_none(), "a stale version is refused");
        self.joins.follow(&events);
        assert_drawn_as_told(&events, &envelope.outside);
        let before = new.is_some().then(|| self.instance.clone());
        if let Some(new) = new {
            let material = new.material_fields();
            self.material.retain(|field| material.contains(field));
            self.template = new;
        }
        apply(&mut self.instance, &events, &self.template);
        if let (Some(before), Command::Migrate { version, nodes, .. }) = (before, &envelope.command) {
            assert_taken_over(&before, &self.instance, (*version, nodes));
        }
        if matches!(envelope.command, Command::Sweep) {
            assert_reachable(&self.instance, &self.directory);
        }
        assert_asked_apart(&self.template, &self.instance);
        assert_approvals_stand((&self.template, &self.material), &self.instance);
        self.history.push((envelope, events));
    }

    fn assert_can_be_previewed(&self, submit: &Submit) {
        let likely = preview(&self.template, &self.directory, self.instance.initiator, submit, at(0));
        assert!(likely.is_ok(), "what can be submitted can be previewed");
    }
}
