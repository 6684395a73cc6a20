//! Random bringing in, taking out, handing on, lending, absences, leavers and separated duties, at nodes of every mode side
//! by side. After every step the invariants hold; in the end, as long as anybody can be asked, everybody's approval brings
//! the instance to its end. A failure prints its seed.

use crate::world::{Run, World, ask_in, lane, name, node, template, user};
use fastrand::Rng;
use zhupi_engine::command::{AddSign, Handing};
use zhupi_engine::event::{AddKind, Decision};
use zhupi_engine::ids::{NodeId, SYSTEM, SlotId, UserId};
use zhupi_engine::instance::{Slot, SlotState, Visit, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Status};

const PEOPLE: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
const INSTANCES: u64 = 2_000;

#[test]
fn however_people_come_and_go_it_comes_to_an_end() {
    let mut ends = [0_u32; 3];
    let walks = std::env::var("ZHUPI_TEST_WALKS").ok().and_then(|it| it.parse().ok());
    let walks = walks.unwrap_or(INSTANCES);
    for seed in 0..walks {
        match std::panic::catch_unwind(|| walk(seed)) {
            Ok(Status::Approved) => ends[0] += 1,
            Ok(Status::Rejected) => ends[1] += 1,
            Ok(_) => ends[2] += 1,
            Err(_) => panic!("seed {seed} fails"),
        }
    }
    assert!(ends.iter().all(|count| u64::from(*count) > walks / 200), "{ends:?}");
}

fn walk(seed: u64) -> Status {
    let mut rng = Rng::with_seed(seed);
    let mut run = Run::start(random_world(&mut rng), random_template(&mut rng), "a");
    for _ in 0..rng.usize(5..40) {
        let (actor, command) = random_command(&mut rng, &run);
        match run.act_as(actor, command) {
            Ok(()) => check(&run),
            Err(rejection) => assert!(!rejection.to_string().is_empty()),
        }
        if rng.u8(..8) == 0 {
            run.world = random_world(&mut rng);
            run = sweep(run);
        }
    }
    finish(sweep(run))
}

/// Whoever may decide an open slot approves, until nobody is asked any more.
fn finish(mut run: Run) -> Status {
    for _ in 0..300 {
        let open = run.instance.pending().map(|(visit, slot)| (visit.node.clone(), slot.clone()));
        let open: Vec<(NodeId, Slot)> = open.collect();
        if open.is_empty() || run.status() != Status::Running {
            assert_ne!(run.status(), Status::Running, "nobody is asked");
            return run.status();
        }
        let decided = open.iter().any(|(_, slot)| {
            let by = slot.back_to.unwrap_or(slot.assignee);
            run.act_as(by, Command::decide(Decision::Approve, slot.id, "")).is_ok()
        });
        assert!(decided, "somebody who is asked can decide: {open:?}");
        check(&run);
    }
    panic!("it never ends");
}

/// Looking twice changes nothing, and only people are asked then who can decide.
fn sweep(run: Run) -> Run {
    let run = run.sweep();
    if run.status() == Status::Running {
        for (visit, slot) in run.instance.pending() {
            let directory = run.world.directory();
            assert!(directory.is_active(slot.assignee), "{} has left", name(slot.assignee));
            assert!(!decided_elsewhere(&run, &visit.node, slot.back_to.unwrap_or(slot.assignee)));
        }
    }
    check(&run);
    run
}

fn check(run: &Run) {
    for visit in &run.instance.visits {
        for slot in &visit.slots {
            assert!(depth(visit, slot) <= 3, "three levels");
            let decided = slot.decided.as_ref().map(|it| it.by);
            assert!(
                decided.is_none_or(|by| !decided_elsewhere(run, &visit.node, by)),
                "duties are kept apart"
            );
        }
        let own = visit.slots.iter().filter(|slot| slot.assignee == user("a") && slot.state.is_open());
        // Nobody but the only administrator there is decides on his own request.
        assert!(own.count() == 0 || run.world.directory().admins() == [user("a")] || visit.node.0 == "own");
    }
}

fn depth(visit: &Visit, slot: &Slot) -> u32 {
    let parent = visit.slots.iter().find(|it| Some(it.id) == slot.parent);
    parent.map_or(0, |parent| 1 + depth(visit, parent))
}

fn decided_elsewhere(run: &Run, node: &NodeId, by: UserId) -> bool {
    let apart = ["left", "right"].map(NodeId::from);
    apart.contains(node)
        && run
            .instance
            .visits
            .iter()
            .filter(|it| apart.contains(&it.node) && it.node != *node)
            .any(|visit| visit.slots.iter().any(|slot| slot.decided.as_ref().is_some_and(|it| it.by == by)))
}

// ---- generators ----

fn random_name(rng: &mut Rng) -> &'static str {
    PEOPLE[rng.usize(..PEOPLE.len())]
}

fn random_world(rng: &mut Rng) -> World {
    let mut world = World::new().people(&PEOPLE).reports_to("a", random_name(rng));
    for name in PEOPLE.iter().filter(|name| **name != "a") {
        if rng.u8(..6) == 0 {
            world = world.disabled(name);
        }
    }
    for _ in 0..rng.usize(..4) {
        world = world.away(random_name(rng), random_name(rng));
    }
    if rng.u8(..5) == 0 {
        world = world.keeping_what_is_open();
    }
    if rng.u8(..20) == 0 {
        world = world.disabled("root");
    }
    world
}

fn random_mode(rng: &mut Rng) -> Mode {
    match rng.u8(..6) {
        0 => Mode::OrSign { reject: OrReject::FirstDecides },
        1 => Mode::OrSign { reject: OrReject::AllMustReject },
        2 => Mode::Countersign { reject: AllReject::AtOnce },
        3 => Mode::Countersign { reject: AllReject::WaitForAll },
        4 => Mode::InTurn,
        _ => Mode::Vote(Vote::at(Threshold::Percent(rng.u32(1..=100) * 100))),
    }
}

fn random_node(rng: &mut Rng, id: &str) -> Block {
    let names: Vec<&str> = (0..rng.usize(1..4)).map(|_| random_name(rng)).collect();
    let Block::Approval(approval) = ask_in(id, &names, random_mode(rng)) else { unreachable!() };
    let empty = match rng.u8(..4) {
        0 => EmptyRule::Members(vec![user(random_name(rng))]),
        1 => EmptyRule::AutoApprove,
        2 => EmptyRule::NextLevel,
        _ => EmptyRule::TemplateAdmin,
    };
    Block::Approval(Approval { empty, own_hand: rng.u8(..10) == 0, ..approval })
}

fn random_template(rng: &mut Rng) -> Template {
    let own =
        Approval { self_rule: Some(SelfRule::Approve), ..node("own", crate::world::members(&["a", "b"])) };
    let fork = Parallel {
        id: "fork".into(),
        title: String::new(),
        take: Take::All,
        lanes: vec![
            lane("l", 1, When::Default, vec![random_node(rng, "left")]),
            lane("r", 1, When::Default, vec![random_node(rng, "right"), Block::Approval(own)]),
        ],
        on_reject: LaneReject::EndInstance,
        other: Default::default(),
    };
    let mut template =
        template(vec![random_node(rng, "first"), Block::Parallel(fork), random_node(rng, "last")]);
    template.settings.dedup = if rng.bool() { Dedup::Consecutive } else { Dedup::None };
    template.settings.separation = vec![Separation::Nodes(vec!["left".into(), "right".into()])];
    template
}

/// Mostly what somebody who is asked would do, sometimes anything.
fn random_command(rng: &mut Rng, run: &Run) -> (UserId, Command) {
    let open = run.instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
    let open: Vec<&Slot> = open.flat_map(|visit| &visit.slots).filter(|slot| slot.state.is_open()).collect();
    let Some(slot) = open.get(rng.usize(..open.len().max(1))) else { return (SYSTEM, Command::Sweep) };
    let actor = match rng.u8(..12) {
        0 => user(random_name(rng)),
        1 => slot.owner,
        _ => slot.back_to.filter(|_| rng.bool()).unwrap_or(slot.assignee),
    };
    let id = if rng.u8(..20) == 0 { SlotId(rng.u32(..20)) } else { slot.id };
    let handing = |rng: &mut Rng| Handing { slot: id, to: user(random_name(rng)), comment: String::new() };
    let command = match rng.u8(..16) {
        0..4 => Command::decide(Decision::Approve, id, ""),
        4 if rng.bool() => Command::decide(Decision::Reject, id, "no"),
        4..8 => Command::AddSign(random_add_sign(rng, id)),
        8..10 => Command::Transfer(handing(rng)),
        10..12 => Command::Delegate(handing(rng)),
        12..14 => Command::GiveOpinion { slot: id, comment: "well".to_owned() },
        14 => Command::RemoveSign { slot: id },
        _ => Command::Tell { people: vec![user(random_name(rng))] },
    };
    (if slot.state == SlotState::Queued && rng.bool() { user("root") } else { actor }, command)
}

fn random_add_sign(rng: &mut Rng, slot: SlotId) -> AddSign {
    let kinds = [AddKind::Before, AddKind::After, AddKind::Together, AddKind::Peers];
    AddSign {
        slot,
        people: (0..rng.usize(1..4)).map(|_| user(random_name(rng))).collect(),
        kind: kinds[rng.usize(..kinds.len())],
        mode: random_mode(rng),
        advisory: rng.bool(),
        comment: String::new(),
    }
}
