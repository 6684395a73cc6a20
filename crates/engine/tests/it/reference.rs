//! The engine against an interpreter that shares nothing with it but the drawing: slow, obvious, without tokens, visits or
//! events. It knows the flow and the decisions made so far, and works out from them alone who is asked now and how it
//! stands. On random flows both have to say the same after every decision.

use crate::flows::*;
use crate::world::*;
use fastrand::Rng;
use serde_json::json;
use std::collections::BTreeMap;
use zhupi_engine::condition::{Subject, Test};
use zhupi_engine::event::Decision;
use zhupi_engine::form::FieldKind;
use zhupi_engine::instance::Outcome;
use zhupi_engine::template::*;
use zhupi_engine::{Command, Severity, Status, check_template};

const RUNS: u64 = 5_000;
const PEOPLE: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[test]
fn five_thousand_random_runs_come_out_as_the_reference_says() {
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    let runs = std::env::var("ZHUPI_TEST_WALKS").ok().and_then(|it| it.parse().ok()).unwrap_or(RUNS);
    for seed in 0..runs {
        let end = std::panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| panic!("seed {seed} fails"));
        *ends.entry(format!("{end:?}")).or_default() += 1;
    }
    assert!(runs < RUNS || ends.len() == 3 && ends.values().all(|count| *count > 300), "{ends:?}");
}

fn run(seed: u64) -> Status {
    let mut rng = Rng::with_seed(seed);
    let template = random_template(&mut rng);
    let errors: Vec<_> =
        check_template(&template).into_iter().filter(|it| it.severity == Severity::Error).collect();
    assert_eq!(errors, [], "the generator draws sound templates");
    let sum = rng.i64(0..30);
    let mut decided = Decided::new();
    let world = World::new().people(&PEOPLE).people(&["ann"]);
    let mut run = Run::start_with(world, template, "ann", json!({ "sum": sum }));
    for _ in 0..rng.usize(5..40) {
        let told = Book { sum, decided: &decided, lanes: BTreeMap::new() }.read(&run.template.flow);
        assert_eq!((asked(&run), run.status()), told.clone(), "seed {seed} after {decided:?}");
        assert_nobody_else_decides(&mut rng, &mut run);
        let (asked, status) = told;
        if status != Status::Running {
            return status;
        }
        let (node, person) = &asked[rng.usize(..asked.len())];
        let yes = rng.u8(..8) > 0;
        let decision = if yes { Decision::Approve } else { Decision::Reject };
        run.decide_at(node, person, decision).unwrap();
        decided.insert((node.clone(), person.clone()), yes);
    }
    run.status()
}

/// Who can decide, and where, by the engine.
fn asked(run: &Run) -> Vec<(String, String)> {
    let pending = run.instance.pending();
    let mut asked: Vec<_> =
        pending.map(|(visit, slot)| (visit.node.to_string(), name(slot.assignee))).collect();
    asked.sort();
    asked
}

/// Whoever is not asked is refused, and nothing changes.
fn assert_nobody_else_decides(rng: &mut Rng, run: &mut Run) {
    let person = PEOPLE[rng.usize(..PEOPLE.len())];
    let slot = zhupi_engine::ids::SlotId(rng.u32(..12));
    let may = run.instance.pending().any(|(_, it)| it.id == slot && it.assignee == user(person));
    if !may {
        assert!(run.act(person, Command::decide(Decision::Approve, slot, "")).is_err());
    }
}

// ---- the reference ----

/// Who said what at which node. No flow of this test comes by a node twice.
type Decided = BTreeMap<(String, String), bool>;

struct Book<'d> {
    sum: i64,
    decided: &'d Decided,
    /// What came of lanes.
    lanes: BTreeMap<String, bool>,
}

/// How something stands.
enum Stands {
    /// It is over.
    Done,
    /// These people are asked at these nodes.
    Asks(Vec<(String, String)>),
    /// Somebody said no, and whatever is around may catch it.
    No,
    /// Everything is over: no.
    Over,
}

impl Book<'_> {
    fn read(mut self, flow: &[Block]) -> (Vec<(String, String)>, Status) {
        match self.list(flow) {
            Stands::Done => (Vec::new(), Status::Approved),
            Stands::No | Stands::Over => (Vec::new(), Status::Rejected),
            Stands::Asks(mut people) => {
                people.sort();
                (people, Status::Running)
            }
        }
    }

    /// One block after the other.
    fn list(&mut self, blocks: &[Block]) -> Stands {
        for block in blocks {
            match self.block(block) {
                Stands::Done => {}
                other => return other,
            }
        }
        Stands::Done
    }

    fn block(&mut self, block: &Block) -> Stands {
        match block {
            Block::Approval(node) => self.people(node),
            Block::Branch(branch) => {
                let lane = self.true_lanes(&branch.lanes)[0].clone();
                self.list(&lane.blocks)
            }
            Block::Parallel(fork) => self.fork(fork),
            other => panic!("not drawn here: {other:?}"),
        }
    }

    /// Lanes whose condition holds, the most important first; else the default.
    fn true_lanes<'t>(&self, lanes: &'t [Lane]) -> Vec<&'t Lane> {
        let mut chosen: Vec<&Lane> = lanes.iter().filter(|lane| self.holds(&lane.when)).collect();
        chosen.sort_by_key(|lane| lane.priority);
        if chosen.is_empty() {
            chosen = lanes.iter().filter(|lane| lane.when == When::Default).collect();
        }
        chosen
    }

    fn holds(&self, when: &When) -> bool {
        let When::AnyOf(groups) = when else { return false };
        groups.iter().any(|group| {
            group.conditions.iter().all(|condition| match (&condition.subject, &condition.test) {
                (Subject::Field(_), Test::Number { value, .. }) => *value <= self.sum.into(),
                (Subject::Lane(lane), Test::Outcome(outcome)) => {
                    self.lanes.get(&lane.to_string()) == Some(&(*outcome == Outcome::Approved))
                }
                (Subject::Initiator, _) => true,
                other => panic!("not drawn here: {other:?}"),
            })
        })
    }

    /// Everything at the same time. What one lane comes to does not depend on its neighbours.
    fn fork(&mut self, fork: &Parallel) -> Stands {
        let lanes: Vec<&Lane> = match fork.take {
            Take::All => fork.lanes.iter().collect(),
            Take::Matching => self.true_lanes(&fork.lanes),
        };
        let mut asks = Vec::new();
        let mut results = Vec::new();
        for lane in lanes {
            match self.list(&lane.blocks) {
                Stands::Asks(people) => asks.extend(people),
                Stands::Over => return Stands::Over,
                Stands::No if fork.on_reject == LaneReject::EndInstance => return Stands::Over,
                Stands::No => results.push((lane.id.to_string(), false)),
                Stands::Done => results.push((lane.id.to_string(), true)),
            }
        }
        self.lanes.extend(results);
        if asks.is_empty() { Stands::Done } else { Stands::Asks(asks) }
    }

    fn people(&self, node: &Approval) -> Stands {
        let id = node.id.to_string();
        let Approvers::People(rules) = &node.approvers else { panic!() };
        let [PersonRule::Members(users)] = &rules[..] else { panic!() };
        let people: Vec<String> = users.iter().map(|user| name(*user)).collect();
        let said = |person: &String| self.decided.get(&(id.clone(), person.clone())).copied();
        let votes: Vec<Option<bool>> = people.iter().map(said).collect();
        let undecided: Vec<&String> =
            people.iter().zip(&votes).filter(|(_, vote)| vote.is_none()).map(|it| it.0).collect();
        let (yes, no) = (count(&votes, Some(true)), count(&votes, Some(false)));
        let result = match node.mode {
            Mode::OrSign { .. } if yes > 0 => Some(true),
            Mode::OrSign { reject: OrReject::FirstDecides } if no > 0 => Some(false),
            Mode::OrSign { .. } => (no == people.len()).then_some(false),
            Mode::Countersign { reject: AllReject::WaitForAll } => undecided.is_empty().then_some(no == 0),
            Mode::Countersign { reject: AllReject::AtOnce } | Mode::InTurn if no > 0 => Some(false),
            Mode::Countersign { .. } | Mode::InTurn => (yes == people.len()).then_some(true),
            Mode::Vote(vote) => self.vote(node, vote, &people, &votes),
        };
        let at = |person: &&String| (id.clone(), (*person).clone());
        match result {
            Some(true) => Stands::Done,
            Some(false) => Stands::No,
            None if node.mode == Mode::InTurn => Stands::Asks(undecided.iter().take(1).map(at).collect()),
            None => Stands::Asks(undecided.iter().map(at).collect()),
        }
    }

    /// Settled as soon as it comes out the same whatever the others will say.
    fn vote(&self, node: &Approval, vote: Vote, people: &[String], votes: &[Option<bool>]) -> Option<bool> {
        if vote.one_reject_ends && votes.contains(&Some(false)) && !vote.wait_for_all {
            return Some(false);
        }
        let open: Vec<usize> = (0..votes.len()).filter(|place| votes[*place].is_none()).collect();
        if vote.wait_for_all && !open.is_empty() {
            return None;
        }
        if vote.one_reject_ends && votes.contains(&Some(false)) {
            return Some(false);
        }
        let mut results = Vec::new();
        for later in 0..1_u32 << open.len() {
            let mut all: Vec<bool> = votes.iter().map(|it| *it == Some(true)).collect();
            for (bit, place) in open.iter().enumerate() {
                all[*place] = later >> bit & 1 == 1;
            }
            results.push(passes(node, vote, people, &all));
        }
        results.iter().all(|it| *it == results[0]).then_some(results[0])
    }
}

fn count(votes: &[Option<bool>], wanted: Option<bool>) -> usize {
    votes.iter().filter(|it| **it == wanted).count()
}

/// The end of a vote in which everybody has spoken.
fn passes(node: &Approval, vote: Vote, people: &[String], yes: &[bool]) -> bool {
    let weight_of = |person: &String| {
        let own = node.ballots.iter().filter(|ballot| ballot.who.users.contains(&user(person)));
        own.map(|ballot| u64::from(ballot.weight)).max().unwrap_or(1)
    };
    let whole: u64 = people.iter().map(weight_of).sum();
    let got: u64 = people.iter().zip(yes).filter(|it| *it.1).map(|it| weight_of(it.0)).sum();
    let heads = yes.iter().filter(|it| **it).count() as u64;
    if heads == yes.len() as u64 {
        return true;
    }
    let enough = |got: u64, needed: u64| if vote.strict { got > needed } else { got >= needed };
    heads > 0
        && match vote.threshold {
            Threshold::Count(needed) => enough(heads, u64::from(needed)),
            Threshold::Percent(points) => enough(got * 10_000, u64::from(points) * whole) && got > 0,
            Threshold::Weight(needed) => enough(got, u64::from(needed).min(whole)) && got > 0,
        }
}

// ---- random flows ----

fn random_template(rng: &mut Rng) -> Template {
    let mut drawing = Drawing { ids: 0, lanes: Vec::new() };
    let mut flow = drawing.blocks(rng, 0);
    flow.push(drawing.approval(rng));
    with_form(vec![field("sum", FieldKind::Number)], flow)
}

struct Drawing {
    ids: u32,
    /// Lanes of forks that lie before, of which conditions can ask what came of them.
    lanes: Vec<String>,
}

impl Drawing {
    fn id(&mut self, kind: char) -> String {
        self.ids += 1;
        format!("{kind}{}", self.ids)
    }

    fn blocks(&mut self, rng: &mut Rng, depth: u32) -> Vec<Block> {
        let count = rng.usize(..if depth == 0 { 4 } else { 3 });
        let drawn = (0..count).map(|_| match rng.u8(..8) {
            0..4 => self.approval(rng),
            _ if depth >= 3 => self.approval(rng),
            4 => self.branch(rng, depth),
            _ => self.fork(rng, depth),
        });
        drawn.collect()
    }

    fn branch(&mut self, rng: &mut Rng, depth: u32) -> Block {
        let id = self.id('x');
        let lanes = self.lanes(rng, depth, rng.clone().usize(1..3));
        branch(&id, lanes)
    }

    fn fork(&mut self, rng: &mut Rng, depth: u32) -> Block {
        let id = self.id('f');
        let known = self.lanes.len();
        let lanes = self.lanes(rng, depth, rng.clone().usize(1..4));
        self.lanes.truncate(known);
        self.lanes.extend(lanes.iter().map(|lane| lane.id.to_string()));
        let take = if rng.bool() { Take::All } else { Take::Matching };
        let on_reject = if rng.bool() { LaneReject::Collect } else { LaneReject::EndInstance };
        Block::Parallel(Parallel { on_reject, ..fork(&id, take, lanes) })
    }

    /// Some lanes and a default one, in any order.
    fn lanes(&mut self, rng: &mut Rng, depth: u32, count: usize) -> Vec<Lane> {
        let mut priorities: Vec<i64> = (0..=count as i64).collect();
        rng.shuffle(&mut priorities);
        let known = self.lanes.clone();
        let mut lanes = Vec::new();
        for (number, priority) in priorities.into_iter().enumerate() {
            let when = match rng.u8(..3) {
                _ if number == count => When::Default,
                0 if !known.is_empty() => {
                    let outcome = if rng.bool() { Outcome::Approved } else { Outcome::Rejected };
                    came_of(&known[rng.usize(..known.len())], outcome)
                }
                _ => at_least("sum", rng.i64(0..30)),
            };
            self.lanes.clone_from(&known);
            let blocks = self.blocks(rng, depth + 1);
            lanes.push(lane(&self.id('l'), priority, when, blocks));
        }
        self.lanes = known;
        rng.shuffle(&mut lanes);
        lanes
    }

    fn approval(&mut self, rng: &mut Rng) -> Block {
        let mut people = PEOPLE;
        rng.shuffle(&mut people);
        let people = &people[..rng.usize(1..5)];
        let mode = match rng.u8(..8) {
            0 => Mode::OrSign { reject: OrReject::FirstDecides },
            1 => Mode::OrSign { reject: OrReject::AllMustReject },
            2 => Mode::Countersign { reject: AllReject::AtOnce },
            3 => Mode::Countersign { reject: AllReject::WaitForAll },
            4 => Mode::InTurn,
            _ => Mode::Vote(random_vote(rng)),
        };
        let ballots = match mode {
            Mode::Vote(_) => people.iter().map(|name| Ballot {
                who: scope_of(&[name]),
                weight: rng.u32(1..5),
                veto: false,
                group: None,
            }),
            _ => return ask_in(&self.id('n'), people, mode),
        };
        let ballots = ballots.collect();
        Block::Approval(Approval { mode, ballots, ..node(&self.id('n'), members(people)) })
    }
}

fn random_vote(rng: &mut Rng) -> Vote {
    let threshold = match rng.u8(..3) {
        0 => Threshold::Count(rng.u32(1..6)),
        1 => Threshold::Percent(rng.u32(1..=10_000)),
        _ => Threshold::Weight(rng.u32(1..12)),
    };
    Vote {
        strict: rng.u8(..4) == 0,
        wait_for_all: rng.u8(..5) == 0,
        one_reject_ends: rng.u8(..5) == 0,
        ..Vote::at(threshold)
    }
}
