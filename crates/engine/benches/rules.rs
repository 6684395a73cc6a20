//! What the rules cost without any I/O, on a template of fifty nodes. `cargo xtask bench` prints the figures.

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::hint::black_box;
use uuid::Uuid;
use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test};
use zhupi_engine::directory::{Department, Directory, Role, User};
use zhupi_engine::event::Decision;
use zhupi_engine::form::{Field, FieldKind, Form, FormData, Money, Value, compute, read_values};
use zhupi_engine::ids::{DepartmentId, InstanceId, RoleId, SlotId, TemplateId, UserId};
use zhupi_engine::regression::{Case, Regression, Trial};
use zhupi_engine::template::{
    AllReject, Approval, Approvers, Block, Branch, Dedup, Lane, Level, Mode, PersonRule, Settings, Template,
    When,
};
use zhupi_engine::{Command, Envelope, Instance, Submit, decide, preview};

/// The one Zhupi ships with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nodes of the template at which people decide.
const NODES: u32 = 50;
/// Slots that are open when somebody decides.
const OPEN: u32 = 20;
/// The node at which they are.
const CROWDED: u32 = 25;
const PEOPLE: u32 = 1_000;

fn person(n: u32) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

fn department(n: u32) -> DepartmentId {
    DepartmentId(Uuid::from_u128(1_000_000 + u128::from(n)))
}

fn role(n: u32) -> RoleId {
    RoleId(Uuid::from_u128(2_000_000 + u128::from(n)))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A thousand people in fifty departments, each of which lies in the one before the next ten.
fn directory() -> Directory {
    let users = (0..PEOPLE).map(|n| User {
        id: person(n),
        name: format!("person {n}"),
        active: true,
        departments: vec![department(n % 50)],
        supervisor: None,
        approval_limit: None,
        admin: n == 0,
    });
    let departments = (0..50).map(|n| Department {
        id: department(n),
        name: format!("department {n}"),
        parent: (n > 0).then(|| department(n / 10)),
        heads: vec![person(n)],
    });
    let roles = (0..10).map(|n| Role {
        id: role(n),
        name: format!("role {n}"),
        members: (0..3).map(|k| person(100 + n * 3 + k)).collect(),
    });
    Directory::new(users.collect(), departments.collect(), roles.collect(), Vec::new())
}

/// Fifty nodes, every fifth of them in a lane of a branch over the sum, one of them with twenty people.
fn template(limit: i64) -> Template {
    let flow = (0..NODES).map(|n| {
        let rule = match n % 3 {
            _ if n == CROWDED => PersonRule::Members((200..200 + OPEN).map(person).collect()),
            0 => PersonRule::Members(vec![person(300 + n), person(400 + n)]),
            1 => PersonRule::Role(role(n % 10)),
            _ => PersonRule::DepartmentHead(Level::nth(1 + (n % 2) as u8)),
        };
        let mode =
            if n == CROWDED { Mode::Countersign { reject: AllReject::AtOnce } } else { Mode::default() };
        let approvers = Approvers::People(vec![rule]);
        let node =
            Block::Approval(Approval { mode, ..Approval::new(format!("n{n}").as_str(), "node", approvers) });
        if n % 5 == 0 && n != CROWDED { in_lane(n, limit, node) } else { node }
    });
    let mut fields = vec![Field::new("sum", "Sum", FieldKind::Money)];
    fields.extend((0..20).map(|n| Field::new(format!("f{n}").as_str(), "field", FieldKind::Text)));
    Template {
        name: "bench".to_owned(),
        form: Form { fields },
        flow: flow.collect(),
        settings: Settings { dedup: Dedup::None, ..Settings::default() },
    }
}

fn in_lane(n: u32, limit: i64, node: Block) -> Block {
    let test = Test::Number { op: Compare::GreaterOrEqual, value: Decimal::from(limit), currency: None };
    let condition = Condition { subject: Subject::Field("sum".into()), test };
    let lane = |id: &str, when, blocks| Lane {
        id: format!("{id}{n}").as_str().into(),
        title: id.to_owned(),
        priority: 1,
        when,
        blocks,
        other: Default::default(),
    };
    let lanes = vec![
        lane("high", When::AnyOf(vec![Group { conditions: vec![condition] }]), vec![node]),
        lane("low", When::Default, Vec::new()),
    ];
    let id = format!("b{n}").as_str().into();
    Block::Branch(Branch { id, title: String::new(), lanes, other: Default::default() })
}

fn request(sum: u32) -> Submit {
    let money = Value::Money(Money { amount: Decimal::from(sum), currency: "CNY".to_owned() });
    let texts =
        (0..20).map(|n| (format!("f{n}").as_str().into(), Value::Text("some words of a form".to_owned())));
    let form = FormData(std::iter::once(("sum".into(), money)).chain(texts).collect());
    Submit { form, ..Submit::default() }
}

/// Everything a command needs.
struct World {
    template: Template,
    directory: Directory,
    instance: Instance,
}

impl World {
    /// An instance that waits at the crowded node.
    fn crowded() -> Self {
        let instance = Instance::draft(InstanceId(Uuid::nil()), TemplateId(Uuid::nil()), 1, person(999));
        let mut world = Self { template: template(100), directory: directory(), instance };
        world.act(person(999), Command::Submit(request(500)));
        while world.instance.pending().count() < OPEN as usize {
            let next = world.instance.pending().next().map(|(_, slot)| (slot.assignee, slot.id));
            let (actor, slot) = next.expect("somebody is asked");
            world.act(actor, approve(slot));
        }
        world
    }

    fn act(&mut self, actor: UserId, command: Command) {
        for event in self.decide(actor, command) {
            self.instance.apply(&event);
        }
        self.instance.version += 1;
    }

    fn decide(&self, actor: UserId, command: Command) -> Vec<zhupi_engine::Event> {
        let envelope =
            Envelope { actor, at: now(), seen_version: None, command, outside: Default::default() };
        decide(&self.template, &self.directory, &self.instance, &envelope).expect("it is granted")
    }
}

fn approve(slot: SlotId) -> Command {
    Command::decide(Decision::Approve, slot, String::new())
}

/// The goal is 50 µs.
fn one_decision(bench: &mut Criterion) {
    let world = World::crowded();
    let (actor, slot) =
        world.instance.pending().next().map(|(_, slot)| (slot.assignee, slot.id)).expect("20 slots");
    bench.bench_function("one decision, 50 nodes, 20 open slots", |bench| {
        bench.iter(|| black_box(world.decide(actor, approve(slot))));
    });
}

/// The goal is 200 µs.
fn one_preview(bench: &mut Criterion) {
    let (template, directory, submit) = (template(100), directory(), request(500));
    bench.bench_function("preview, 50 nodes", |bench| {
        bench.iter(|| black_box(preview(&template, &directory, person(999), &submit, now())));
    });
}

/// Sixty controls, ten of them reckoned from the others, one of those over a table of twenty rows.
fn formulas() -> (Form, FormData) {
    let reckoned = |n: u32, formula: String| Field {
        formula: Some(formula),
        ..Field::new(format!("f{n}").as_str(), "reckoned", FieldKind::Number)
    };
    let mut fields: Vec<Field> =
        (0..49).map(|n| Field::new(format!("n{n}").as_str(), "number", FieldKind::Number)).collect();
    fields.extend((0..9).map(|n| reckoned(n, format!("round((n{n} + n{}) * 1.06 / max(n1, 1), 2)", n + 10))));
    fields.push(reckoned(9, "sum(items.price) + f1 + f2 + f3".to_owned()));
    let columns = vec![Field::new("price", "price", FieldKind::Number)];
    fields.push(Field { columns, ..Field::new("items", "items", FieldKind::Table) });
    let form = Form { fields };
    let mut raw: serde_json::Map<_, _> = (0..49).map(|n| (format!("n{n}"), (n * 3 + 1).into())).collect();
    let rows: Vec<_> = (0..20).map(|n| serde_json::json!({ "price": n })).collect();
    raw.insert("items".to_owned(), rows.into());
    let data = read_values(&form, &raw).unwrap_or_default();
    (form, data)
}

fn one_form(bench: &mut Criterion) {
    let (form, data) = formulas();
    let today = jiff::civil::date(2026, 3, 5);
    bench.bench_function("reckoning a form, 60 fields, 10 formulas", |bench| {
        bench.iter(|| compute(black_box(&form), black_box(data.clone()), today));
    });
}

/// The goal is 1 s.
fn thousand_cases(bench: &mut Criterion) {
    let (old, new, directory) = (template(100), template(400), directory());
    let cases: Vec<Case> = (0..1_000)
        .map(|n| Case {
            instance: InstanceId(Uuid::from_u128(n.into())),
            initiator: person(n % PEOPLE),
            submit: request(n),
            linked: Default::default(),
        })
        .collect();
    let trial = Trial { old: &old, new: &new, directory: &directory, at: now() };
    let mut group = bench.benchmark_group("regression");
    group.sample_size(10).bench_function("1000 instances, 50 nodes", |bench| {
        bench.iter(|| {
            let mut report = Regression::default();
            cases.iter().for_each(|case| report.add(&trial, case));
            black_box(report)
        });
    });
    group.finish();
}

criterion_group!(rules, one_decision, one_preview, one_form, thousand_cases);
criterion_main!(rules);
