//! Random templates, directories and commands. After every step the invariants hold; at the end the history replays to
//! the same state, and whatever ended has a sound end. A failure prints its seed.

use crate::world::{at, department, group, role, user};
use fastrand::Rng;
use zhupi_engine::condition::{Compare, Condition, Group, Scope, Subject, Test};
use zhupi_engine::directory::{Department, Role, User, UserGroup};
use zhupi_engine::event::Decision;
use zhupi_engine::form::{Field, FieldKind, Form, FormData, Money, Value};
use zhupi_engine::ids::{DepartmentId, SlotId, UserId};
use zhupi_engine::ledger::{Entry, Follower, GENESIS, hex, seal};
use zhupi_engine::template::*;
use zhupi_engine::{
    Command, Directory, Envelope, Event, Instance, Severity, Status, Submit, check_template, decide, preview,
};

const INSTANCES: u64 = 20_000;
const PEOPLE: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
const DEPARTMENTS: [&str; 5] = ["D1", "D2", "D3", "D4", "D5"];

#[test]
fn twenty_thousand_random_instances_keep_every_invariant() {
    let mut ends = [0_u32; 4];
    let instances = instances();
    for seed in 0..instances {
        let outcome = std::panic::catch_unwind(|| walk(seed));
        match outcome {
            Ok(Status::Approved) => ends[0] += 1,
            Ok(Status::Rejected) => ends[1] += 1,
            Ok(Status::Withdrawn) => ends[2] += 1,
            Ok(_) => ends[3] += 1,
            Err(_) => panic!("seed {seed} fails"),
        }
    }
    // The walk is worth something only if it sees every end often.
    assert!(ends.iter().all(|count| u64::from(*count) > instances / 100), "{ends:?}");
}

/// Fewer where a run has to be quick, as under `cargo xtask mutants`.
fn instances() -> u64 {
    std::env::var("ZHUPI_TEST_WALKS").ok().and_then(|it| it.parse().ok()).unwrap_or(INSTANCES)
}

fn walk(seed: u64) -> Status {
    let mut rng = Rng::with_seed(seed);
    let mut directory = random_directory(&mut rng);
    let template = random_template(&mut rng);
    let errors: Vec<_> =
        check_template(&template).into_iter().filter(|it| it.severity == Severity::Error).collect();
    assert_eq!(errors, [], "the generator draws sound templates");

    let initiator = random_user(&mut rng);
    let mut instance =
        Instance::draft(crate::world::uuid("i").into(), crate::world::uuid("t").into(), 1, initiator);
    let submit = random_submit(&mut rng, &template, &directory, initiator);
    let likely = preview(&template, &directory, initiator, &submit, at(0));
    let mut history = Vec::new();
    let steps = rng.usize(5..40);
    for step in 0..steps {
        let (actor, command) = match step {
            0 => (initiator, Command::Submit(submit.clone())),
            _ => random_command(&mut rng, &instance),
        };
        let seen_version = (rng.u8(..) < 3).then_some(instance.version + 1);
        let envelope =
            Envelope { actor, at: at(step as i64), seen_version, command, outside: Default::default() };
        match decide(&template, &directory, &instance, &envelope) {
            Err(rejection) => assert!(!rejection.code().is_empty() && !rejection.to_string().is_empty()),
            Ok(events) => {
                assert!(seen_version.is_none(), "a stale version is refused");
                apply(&mut instance, &events);
                history.push((envelope, events));
                assert!(step > 0 || likely.is_ok(), "what can be submitted can be previewed");
            }
        }
        if rng.u8(..) < 6 {
            directory = random_directory(&mut rng);
        }
    }
    assert_replays(&instance, &history);
    instance.status
}

fn apply(instance: &mut Instance, events: &[Event]) {
    let was_ended = instance.status.is_ended();
    let open_before = instance.pending().count();
    events.iter().for_each(|event| instance.apply(event));
    instance.version += 1;
    assert_eq!(instance.broken(), Vec::<String>::new());
    assert!(!was_ended || instance.status.is_ended(), "an end is an end");
    assert!(!was_ended || open_before == 0);
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
}

// ---- generators ----

fn random_user(rng: &mut Rng) -> UserId {
    user(PEOPLE[rng.usize(..PEOPLE.len())])
}

fn some_users(rng: &mut Rng, most: usize) -> Vec<UserId> {
    let count = rng.usize(..=most);
    (0..count).map(|_| random_user(rng)).collect()
}

fn one_or_more(rng: &mut Rng) -> Vec<UserId> {
    let mut users = some_users(rng, 3);
    users.push(random_user(rng));
    users
}

fn random_department(rng: &mut Rng) -> DepartmentId {
    department(DEPARTMENTS[rng.usize(..DEPARTMENTS.len())])
}

/// Any tree, sometimes with circles, vacant departments and disabled people.
fn random_directory(rng: &mut Rng) -> Directory {
    let users = PEOPLE.iter().map(|name| User {
        id: user(name),
        name: (*name).to_owned(),
        active: rng.u8(..10) > 0,
        departments: (0..rng.usize(..3)).map(|_| random_department(rng)).fold(Vec::new(), |mut all, it| {
            if !all.contains(&it) {
                all.push(it);
            }
            all
        }),
        supervisor: rng.bool().then(|| random_user(rng)),
        approval_limit: rng.bool().then(|| rng.i64(0..2000).into()),
        admin: rng.u8(..12) == 0,
    });
    let users: Vec<User> = users.collect();
    let departments = DEPARTMENTS.iter().enumerate().map(|(index, name)| Department {
        id: department(name),
        name: (*name).to_owned(),
        parent: match rng.u8(..20) {
            0 => Some(random_department(rng)),
            1..15 if index > 0 => Some(department(DEPARTMENTS[rng.usize(..index)])),
            _ => None,
        },
        heads: some_users(rng, 2),
    });
    let departments = departments.collect();
    let roles = vec![Role { id: role("R"), name: "R".to_owned(), members: some_users(rng, 3) }];
    let groups = vec![UserGroup { id: group("G"), name: "G".to_owned(), members: some_users(rng, 4) }];
    Directory::new(users, departments, roles, groups)
}

fn random_template(rng: &mut Rng) -> Template {
    let field = |id: &str, kind, rng: &mut Rng| Field {
        required: rng.u8(..10) == 0,
        ..crate::world::field(id, kind)
    };
    let fields = vec![
        field("sum", FieldKind::Money, rng),
        field("who", FieldKind::Contact, rng),
        field("where", FieldKind::Department, rng),
    ];
    let mut ids = 0;
    let mut flow = random_blocks(rng, &mut ids, 0);
    flow.push(Block::Approval(random_approval(rng, &mut ids)));
    let pick = |rng: &mut Rng, all: &[WithdrawRule]| all[rng.usize(..all.len())];
    let settings = Settings {
        managers: some_users(rng, 2),
        dedup: [Dedup::None, Dedup::FirstOnly, Dedup::Consecutive][rng.usize(..3)],
        withdraw: pick(
            rng,
            &[WithdrawRule::Never, WithdrawRule::BeforeFirstDecision, WithdrawRule::WhileRunning],
        ),
        cc_at_end: if rng.u8(..4) == 0 { vec![PersonRule::Members(some_users(rng, 2))] } else { Vec::new() },
        allow_add_cc: rng.bool(),
        allow_agent: rng.u8(..4) == 0,
        supervisor_gap: if rng.bool() { SupervisorGap::Empty } else { SupervisorGap::DepartmentHead },
        ..Settings::default()
    };
    Template { name: "random".to_owned(), form: Form { fields }, flow, settings }
}

fn new_id(ids: &mut u32) -> String {
    *ids += 1;
    format!("n{ids}")
}

fn random_blocks(rng: &mut Rng, ids: &mut u32, depth: u32) -> Vec<Block> {
    (0..rng.usize(..4))
        .map(|_| match rng.u8(..10) {
            0..6 => Block::Approval(random_approval(rng, ids)),
            6..8 => {
                let people = vec![PersonRule::Members(some_users(rng, 3)), PersonRule::Role(role("R"))];
                let id = new_id(ids);
                Block::Cc(Cc {
                    title: id.clone(),
                    id: id.into(),
                    people,
                    allow_more: rng.bool(),
                    fields: Default::default(),
                    other: Default::default(),
                })
            }
            _ if depth < 3 => random_branch(rng, ids, depth),
            _ => Block::Approval(random_approval(rng, ids)),
        })
        .collect()
}

fn random_branch(rng: &mut Rng, ids: &mut u32, depth: u32) -> Block {
    let mut lanes: Vec<Lane> = (0..rng.usize(..3)).map(|_| random_lane(rng, ids, depth)).collect();
    lanes.push(Lane { when: When::Default, ..random_lane(rng, ids, depth) });
    rng.shuffle(&mut lanes);
    crate::world::branch(&new_id(ids), lanes)
}

fn random_lane(rng: &mut Rng, ids: &mut u32, depth: u32) -> Lane {
    let conditions = (0..rng.usize(1..3)).map(|_| random_condition(rng)).collect();
    let when = When::AnyOf(vec![Group { conditions }]);
    crate::world::lane(&new_id(ids), rng.i64(0..5), when, random_blocks(rng, ids, depth + 1))
}

fn random_condition(rng: &mut Rng) -> Condition {
    let scope =
        Scope { departments: vec![random_department(rng)], users: some_users(rng, 2), ..Scope::default() };
    match rng.u8(..4) {
        0 => Condition { subject: Subject::Initiator, test: Test::Belongs { scope } },
        1 => Condition { subject: Subject::Field("who".into()), test: Test::NotBelongs { scope } },
        2 => Condition { subject: Subject::Field("where".into()), test: Test::IsEmpty },
        _ => {
            let op = [Compare::Less, Compare::GreaterOrEqual, Compare::NotEqual][rng.usize(..3)];
            let test = Test::Number { op, value: rng.i64(0..2000).into(), currency: None };
            Condition { subject: Subject::Field("sum".into()), test }
        }
    }
}

fn random_approval(rng: &mut Rng, ids: &mut u32) -> Approval {
    let or = [OrReject::FirstDecides, OrReject::AllMustReject][rng.usize(..2)];
    let all = [AllReject::AtOnce, AllReject::WaitForAll][rng.usize(..2)];
    let rules = [
        SelfRule::Approve,
        SelfRule::Skip,
        SelfRule::Supervisor,
        SelfRule::DepartmentHead,
        SelfRule::Exclude,
    ];
    Approval {
        mode: [Mode::OrSign { reject: or }, Mode::Countersign { reject: all }, Mode::InTurn][rng.usize(..3)],
        self_rule: rng.bool().then(|| rules[rng.usize(..rules.len())]),
        empty: random_empty(rng),
        control: rng.u8(..5) == 0,
        always_ask: rng.u8(..8) == 0,
        opinion: if rng.u8(..12) == 0 { Opinion::Required } else { Opinion::Optional },
        ..crate::world::node(&new_id(ids), random_approvers(rng))
    }
}

fn random_empty(rng: &mut Rng) -> EmptyRule {
    match rng.u8(..12) {
        0 => EmptyRule::AutoApprove,
        1 => EmptyRule::AutoReject,
        2 => EmptyRule::Members(one_or_more(rng)),
        3 => EmptyRule::NextLevel,
        4 if rng.bool() => EmptyRule::InitiatorPicks,
        5 if rng.bool() => EmptyRule::BlockSubmit,
        _ => EmptyRule::TemplateAdmin,
    }
}

fn random_approvers(rng: &mut Rng) -> Approvers {
    if rng.u8(..4) == 0 {
        return Approvers::Chain(random_chain(rng));
    }
    let mut rules: Vec<PersonRule> = (0..rng.usize(1..3)).map(|_| random_rule(rng)).collect();
    let is_pick = |rule: &PersonRule| matches!(rule, PersonRule::InitiatorPick { .. });
    // The initiator picks once for a node.
    rules.dedup_by(|rule, other| is_pick(rule) && is_pick(other));
    Approvers::People(rules)
}

fn random_level(rng: &mut Rng) -> Level {
    Level {
        level: rng.u8(..4),
        start: if rng.u8(..5) == 0 { Start::FormPerson("who".into()) } else { Start::Initiator },
        above_top: if rng.bool() { AboveTop::Top } else { AboveTop::Empty },
        vacant: if rng.bool() { Vacant::Climb } else { Vacant::Empty },
    }
}

fn random_chain(rng: &mut Rng) -> Chain {
    let line = if rng.bool() { Line::Supervisors } else { Line::DepartmentHeads };
    let end = match rng.u8(..6) {
        0 => ChainEnd::FromTop(rng.u8(1..4)),
        1 => ChainEnd::Role { role: role("R"), missing: AboveTop::Empty },
        2 if line == Line::DepartmentHeads => ChainEnd::Department(random_department(rng)),
        3 => ChainEnd::Limit("sum".into()),
        _ => ChainEnd::Levels(rng.u8(..5)),
    };
    Chain {
        line,
        end,
        start: if rng.u8(..5) == 0 { Start::FormPerson("who".into()) } else { Start::Initiator },
        order: if rng.bool() { Order::BottomUp } else { Order::TopDown },
        heads: if rng.bool() { Heads::Any } else { Heads::All },
    }
}

fn random_rule(rng: &mut Rng) -> PersonRule {
    match rng.u8(..12) {
        0..4 => PersonRule::Members(one_or_more(rng)),
        4 => PersonRule::InitiatorPick { many: rng.bool(), among: Scope::default() },
        5 => PersonRule::Initiator,
        6 => PersonRule::Supervisor(random_level(rng)),
        7 => PersonRule::DepartmentHead(random_level(rng)),
        8 | 9 => PersonRule::Role(role("R")),
        10 => PersonRule::Group(group("G")),
        _ => PersonRule::FormPerson("who".into()),
    }
}

fn random_submit(rng: &mut Rng, template: &Template, directory: &Directory, initiator: UserId) -> Submit {
    let mut form = FormData::default();
    if rng.u8(..5) > 0 {
        let amount = rng.i64(0..2000).into();
        form.0.insert("sum".into(), Value::Money(Money { amount, currency: "CNY".to_owned() }));
    }
    if rng.u8(..5) > 0 {
        form.0.insert("who".into(), Value::People(one_or_more(rng)));
    }
    if rng.u8(..5) > 0 {
        form.0.insert("where".into(), Value::Departments(vec![random_department(rng)]));
    }
    let mut submit = Submit { form, ..Submit::default() };
    submit.department = directory.user(initiator).and_then(|user| user.departments.first().copied());
    for block in template.blocks() {
        let picks = matches!(block, Block::Approval(node) if asks_initiator(node));
        if picks && rng.u8(..10) > 0 {
            submit.picks.insert(block.id().clone(), vec![random_user(rng)]);
        }
    }
    if rng.u8(..4) == 0 {
        submit.cc = some_users(rng, 2);
    }
    submit
}

fn asks_initiator(node: &Approval) -> bool {
    let picked = |rule: &PersonRule| matches!(rule, PersonRule::InitiatorPick { .. });
    node.empty == EmptyRule::InitiatorPicks
        || matches!(&node.approvers, Approvers::People(rules) if rules.iter().any(picked))
}

/// Mostly what the next person would do, sometimes anything.
fn random_command(rng: &mut Rng, instance: &Instance) -> (UserId, Command) {
    let pending: Vec<_> = instance.pending().map(|(_, slot)| (slot.id, slot.assignee)).collect();
    let anything = SlotId(rng.u32(..12));
    let (slot, actor) = match pending.get(rng.usize(..pending.len().max(1))) {
        Some((slot, assignee)) if rng.u8(..10) > 0 => (*slot, *assignee),
        _ => (anything, random_user(rng)),
    };
    let comment = if rng.bool() { "words".to_owned() } else { String::new() };
    match rng.u8(..40) {
        0..28 => (actor, Command::decide(Decision::Approve, slot, comment)),
        28..31 => (actor, Command::decide(Decision::Reject, slot, comment)),
        31 => (instance.initiator, Command::Withdraw { reason: comment }),
        32..35 => (random_user(rng), Command::comment(comment)),
        35..38 => (random_user(rng), Command::MarkRead),
        _ => (random_user(rng), Command::Submit(Submit::default())),
    }
}
