//! Random drawings: directories with circles, gaps and leavers, templates with every kind of block.

use crate::world::{department, group, role, user};
use fastrand::Rng;
use jiff::Timestamp;
use uuid::Uuid;
use zhupi_engine::Directory;
use zhupi_engine::absence::Absence;
use zhupi_engine::condition::{Compare, Condition, Group, Scope, Subject, Test};
use zhupi_engine::directory::{Department, Role, User, UserGroup};
use zhupi_engine::event::Decision;
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind, Form};
use zhupi_engine::ids::{DepartmentId, UserId};
use zhupi_engine::instance::Outcome;
use zhupi_engine::template::*;

const PEOPLE: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
const DEPARTMENTS: [&str; 5] = ["D1", "D2", "D3", "D4", "D5"];

pub fn random_user(rng: &mut Rng) -> UserId {
    user(PEOPLE[rng.usize(..PEOPLE.len())])
}

pub fn some_users(rng: &mut Rng, most: usize) -> Vec<UserId> {
    let count = rng.usize(..=most);
    (0..count).map(|_| random_user(rng)).collect()
}

pub fn one_or_more(rng: &mut Rng) -> Vec<UserId> {
    let mut users = some_users(rng, 3);
    users.push(random_user(rng));
    users
}

pub fn random_department(rng: &mut Rng) -> DepartmentId {
    department(DEPARTMENTS[rng.usize(..DEPARTMENTS.len())])
}

/// Any tree, sometimes with circles, vacant departments and disabled people.
pub fn random_directory(rng: &mut Rng) -> Directory {
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
    let absences = (0..rng.usize(..3)).map(|_| random_absence(rng)).collect();
    Directory::new(users, departments, roles, groups).with_absences(absences)
}

fn random_absence(rng: &mut Rng) -> Absence {
    let hour = |hours: i64| crate::world::at(hours * 3_600);
    let from = rng.i64(-5..20);
    let (from, until): (Timestamp, Timestamp) = (hour(from), hour(from + rng.i64(1..20)));
    Absence {
        id: Uuid::from_u128(rng.u128(..)).into(),
        owner: random_user(rng),
        substitute: random_user(rng),
        from,
        until,
        templates: Vec::new(),
        reason: String::new(),
        move_open: rng.bool(),
    }
}

pub fn random_template(rng: &mut Rng) -> Template {
    let field = |id: &str, kind, rng: &mut Rng| Field {
        required: rng.u8(..10) == 0,
        ..crate::world::field(id, kind)
    };
    let fields = vec![
        field("sum", FieldKind::Money, rng),
        field("who", FieldKind::Contact, rng),
        field("where", FieldKind::Department, rng),
        Field {
            columns: vec![
                crate::world::field("cost", FieldKind::Money),
                crate::world::field("owner", FieldKind::Contact),
            ],
            ..field("items", FieldKind::Table, rng)
        },
        crate::world::field("about", FieldKind::LinkedInstance),
    ];
    let mut ids = 0;
    let mut flow = random_blocks(rng, &mut ids, 0, &[]);
    flow.push(Block::Approval(random_approval(rng, &mut ids, &[])));
    let separation = random_separation(rng, &flow);
    let pick = |rng: &mut Rng, all: &[WithdrawRule]| all[rng.usize(..all.len())];
    let settings = Settings {
        managers: some_users(rng, 2),
        dedup: [Dedup::None, Dedup::FirstOnly, Dedup::Consecutive, Dedup::LastOnly][rng.usize(..4)],
        withdraw: pick(
            rng,
            &[WithdrawRule::Never, WithdrawRule::BeforeFirstDecision, WithdrawRule::WhileRunning],
        ),
        cc_at_start: if rng.u8(..6) == 0 {
            vec![PersonRule::Members(some_users(rng, 2))]
        } else {
            Vec::new()
        },
        cc_at_end: if rng.u8(..4) == 0 { vec![PersonRule::Members(some_users(rng, 2))] } else { Vec::new() },
        allow_add_cc: rng.bool(),
        allow_agent: rng.u8(..4) == 0,
        separation,
        freeze_at_submit: rng.u8(..8) == 0,
        max_rounds: (rng.u8(..3) == 0).then(|| MaxRounds {
            returns: rng.u32(1..4),
            then: if rng.bool() { TooManyRounds::Reject } else { TooManyRounds::TemplateAdmin },
        }),
        revoke: [RevokeRule::Never, RevokeRule::Consent { days: 3 }, RevokeRule::Direct { days: 3 }]
            [rng.usize(..3)],
        take_back_hours: [0, 2, 24][rng.usize(..3)],
        urge_minutes: 30,
        supervisor_gap: if rng.bool() { SupervisorGap::Empty } else { SupervisorGap::DepartmentHead },
        ..Settings::default()
    };
    Template { name: "random".to_owned(), form: Form { fields }, flow, settings }
}

fn new_id(ids: &mut u32) -> String {
    *ids += 1;
    format!("n{ids}")
}

pub fn random_separation(rng: &mut Rng, flow: &[Block]) -> Vec<Separation> {
    let nodes = flow.iter().filter(|it| matches!(it, Block::Approval(_)));
    let nodes: Vec<_> = nodes.take(2).map(|it| it.id().clone()).collect();
    match rng.u8(..8) {
        0 | 1 if nodes.len() > 1 => vec![Separation::Nodes(nodes)],
        2 => vec![Separation::Linked { field: "about".into(), nodes: Vec::new() }],
        3 => vec![Separation::Linked { field: "about".into(), nodes }],
        _ => Vec::new(),
    }
}

/// `before` are nodes of this list and those around it that a route or a return may go back to.
fn random_blocks(rng: &mut Rng, ids: &mut u32, depth: u32, before: &[String]) -> Vec<Block> {
    let mut before = before.to_vec();
    (0..rng.usize(..4))
        .map(|_| {
            let block = random_block(rng, ids, depth, &before);
            if !matches!(block, Block::Route(_)) {
                before.push(block.id().0.clone());
            }
            block
        })
        .collect()
}

pub fn random_block(rng: &mut Rng, ids: &mut u32, depth: u32, before: &[String]) -> Block {
    match rng.u8(..28) {
        0..12 => Block::Approval(random_approval(rng, ids, before)),
        12..14 => random_cc(rng, ids),
        14..17 if depth < 3 => random_branch(rng, ids, depth, before),
        17..20 if depth < 3 => random_parallel(rng, ids, depth),
        20..22 if depth < 2 => random_each(rng, ids, depth),
        22 => random_delay(rng, ids),
        23 | 24 => random_trigger(rng, ids),
        25 => random_sub_process(rng, ids),
        26 if !before.is_empty() => random_route(rng, ids, before),
        27 => random_auto(rng, ids),
        _ => Block::Approval(random_approval(rng, ids, before)),
    }
}

fn random_cc(rng: &mut Rng, ids: &mut u32) -> Block {
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

fn random_branch(rng: &mut Rng, ids: &mut u32, depth: u32, before: &[String]) -> Block {
    let mut lanes: Vec<Lane> = (0..rng.usize(..3)).map(|_| random_lane(rng, ids, depth, before)).collect();
    lanes.push(Lane { when: When::Default, ..random_lane(rng, ids, depth, before) });
    rng.shuffle(&mut lanes);
    crate::world::branch(&new_id(ids), lanes)
}

fn random_parallel(rng: &mut Rng, ids: &mut u32, depth: u32) -> Block {
    let mut lanes: Vec<Lane> = (0..rng.usize(1..3)).map(|_| random_lane(rng, ids, depth, &[])).collect();
    lanes.push(Lane { when: When::Default, ..random_lane(rng, ids, depth, &[]) });
    let id = new_id(ids);
    Block::Parallel(Parallel {
        title: id.clone(),
        id: id.into(),
        take: if rng.bool() { Take::All } else { Take::Matching },
        on_reject: if rng.bool() { LaneReject::EndInstance } else { LaneReject::Collect },
        lanes,
        other: Default::default(),
    })
}

fn random_each(rng: &mut Rng, ids: &mut u32, depth: u32) -> Block {
    let (list, group_by) = match rng.u8(..4) {
        0 => ("who", None),
        1 => ("where", None),
        2 => ("items", None),
        _ => ("items", Some("owner".into())),
    };
    let on_reject = match rng.u8(..3) {
        0 => LaneReject::EndInstance,
        1 if list == "items" => LaneReject::DropRows,
        _ => LaneReject::Collect,
    };
    let id = new_id(ids);
    let mut blocks = random_blocks(rng, ids, depth + 1, &[]);
    let rule = match list {
        "who" => Some(PersonRule::Item { column: None }),
        "items" => Some(PersonRule::Item { column: Some("owner".into()) }),
        _ => None,
    };
    if let Some(rule) = rule {
        blocks.push(Block::Approval(crate::world::node(&new_id(ids), crate::world::by(rule))));
    }
    Block::Each(Each {
        title: id.clone(),
        id: id.into(),
        list: list.into(),
        group_by,
        on_reject,
        blocks,
        other: Default::default(),
    })
}

fn random_delay(rng: &mut Rng, ids: &mut u32) -> Block {
    let id = new_id(ids);
    Block::Delay(Delay { title: id.clone(), id: id.into(), until: Due::Elapsed(rng.u32(1..300)) })
}

fn random_trigger(rng: &mut Rng, ids: &mut u32) -> Block {
    let url = "https://example.com/hook".to_owned();
    let action = match rng.u8(..3) {
        0 => TriggerAction::Call { url },
        1 => TriggerAction::CallAndWait {
            url,
            sets: vec!["sum".into()],
            within: rng.bool().then(|| rng.u32(1..300)),
        },
        _ => TriggerAction::SetFields(vec![SetField { field: "sum".into(), formula: "sum + 1".to_owned() }]),
    };
    let (id, irreversible) = (new_id(ids), rng.bool());
    Block::Trigger(Trigger {
        title: id.clone(),
        id: id.into(),
        action,
        irreversible,
        other: Default::default(),
    })
}

fn random_sub_process(rng: &mut Rng, ids: &mut u32) -> Block {
    let on_reject = if rng.bool() { ChildReject::Reject } else { ChildReject::Collect };
    let take = [("sum".into(), "sum".into())].into();
    let wait = if rng.bool() { ChildWait::Until { take, on_reject } } else { ChildWait::Detached };
    let id = new_id(ids);
    Block::SubProcess(SubProcess {
        title: id.clone(),
        id: id.into(),
        template: crate::world::uuid("child").into(),
        fill: [("sum".into(), "sum".into())].into(),
        wait,
        other: Default::default(),
    })
}

fn random_route(rng: &mut Rng, ids: &mut u32, before: &[String]) -> Block {
    let id = new_id(ids);
    let when = vec![Group { conditions: vec![random_condition(rng)] }];
    let to = before[rng.usize(..before.len())].as_str().into();
    Block::Route(Route { title: id.clone(), id: id.into(), to, when, other: Default::default() })
}

fn random_auto(rng: &mut Rng, ids: &mut u32) -> Block {
    let id = new_id(ids);
    let outcome = if rng.u8(..6) > 0 { Decision::Approve } else { Decision::Reject };
    Block::Auto(Auto { title: id.clone(), id: id.into(), outcome, other: Default::default() })
}

fn random_lane(rng: &mut Rng, ids: &mut u32, depth: u32, before: &[String]) -> Lane {
    let conditions = (0..rng.usize(1..3)).map(|_| random_condition(rng)).collect();
    let when = When::AnyOf(vec![Group { conditions }]);
    let id = new_id(ids);
    let blocks = random_blocks(rng, ids, depth + 1, before);
    crate::world::lane(&id, rng.i64(0..5), when, blocks)
}

fn random_condition(rng: &mut Rng) -> Condition {
    let scope =
        Scope { departments: vec![random_department(rng)], users: some_users(rng, 2), ..Scope::default() };
    match rng.u8(..5) {
        4 => Condition { subject: Subject::Lane("n2".into()), test: Test::Outcome(Outcome::Rejected) },
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

pub fn random_approval(rng: &mut Rng, ids: &mut u32, before: &[String]) -> Approval {
    let rules = [
        SelfRule::Approve,
        SelfRule::Skip,
        SelfRule::Supervisor,
        SelfRule::DepartmentHead,
        SelfRule::Exclude,
    ];
    let mode = random_mode(rng);
    let votes = matches!(mode, Mode::Vote(_));
    let assigns = [Assign::Pool, Assign::Random, Assign::RoundRobin, Assign::LeastLoaded];
    let approvers = random_approvers(rng);
    let chained = matches!(approvers, Approvers::Chain(_));
    let shared = !votes && !chained && rng.u8(..5) == 0;
    Approval {
        mode,
        self_rule: rng.bool().then(|| rules[rng.usize(..rules.len())]),
        empty: random_empty(rng),
        control: rng.u8(..5) == 0,
        always_ask: rng.u8(..8) == 0,
        opinion: random_demand(rng),
        signature: random_demand(rng),
        attachment: random_demand(rng),
        handle: rng.u8(..8) == 0 && !votes,
        assign: if shared { assigns[rng.usize(..4)] } else { Assign::Everybody },
        ballots: if votes { random_ballots(rng) } else { Vec::new() },
        on_reject: random_on_reject(rng, before),
        returns: random_returns(rng),
        add_sign: random_offer(rng),
        transfer: random_offer(rng),
        delegate: random_offer(rng),
        own_hand: rng.u8(..10) == 0,
        fields: random_access(rng),
        deadline: random_deadline(rng),
        tells: random_tells(rng),
        ..crate::world::node(&new_id(ids), approvers)
    }
}

fn random_tells(rng: &mut Rng) -> Tells {
    let people = |rng: &mut Rng| match rng.u8(..8) {
        0 => vec![PersonRule::Members(some_users(rng, 2)), PersonRule::Initiator],
        _ => Vec::new(),
    };
    Tells { passed: people(rng), rejected: people(rng) }
}

fn random_demand(rng: &mut Rng) -> Demand {
    let demands = [Demand::OnApprove, Demand::OnReject, Demand::Required];
    if rng.u8(..12) == 0 { demands[rng.usize(..3)] } else { Demand::Optional }
}

fn random_mode(rng: &mut Rng) -> Mode {
    let or = [OrReject::FirstDecides, OrReject::AllMustReject][rng.usize(..2)];
    let all = [AllReject::AtOnce, AllReject::WaitForAll][rng.usize(..2)];
    match rng.u8(..5) {
        0 => Mode::OrSign { reject: or },
        1 => Mode::Countersign { reject: all },
        2 => Mode::InTurn,
        _ => Mode::Vote(Vote {
            threshold: match rng.u8(..3) {
                0 => Threshold::Count(rng.u32(1..4)),
                1 => Threshold::Percent(rng.u32(1..10_001)),
                _ => Threshold::Weight(rng.u32(1..6)),
            },
            strict: rng.u8(..4) == 0,
            abstain: [Abstain::Never, Abstain::KeepsBase, Abstain::ShrinksBase][rng.usize(..3)],
            wait_for_all: rng.u8(..4) == 0,
            one_reject_ends: rng.u8(..4) == 0,
        }),
    }
}

fn random_ballots(rng: &mut Rng) -> Vec<Ballot> {
    let who = Scope { users: one_or_more(rng), ..Scope::default() };
    vec![Ballot { who, weight: rng.u32(1..4), veto: rng.u8(..6) == 0, group: None }]
}

fn random_on_reject(rng: &mut Rng, before: &[String]) -> OnReject {
    match rng.u8(..8) {
        0 => OnReject::ReturnToInitiator,
        1 if !before.is_empty() => OnReject::ReturnTo(before[rng.usize(..before.len())].as_str().into()),
        _ => OnReject::End,
    }
}

fn random_returns(rng: &mut Rng) -> ReturnRule {
    let targets = [ReturnTargets::Any, ReturnTargets::Any, ReturnTargets::Previous, ReturnTargets::None];
    let resumes = [
        ResumePolicy::Replay,
        ResumePolicy::StraightBack,
        ResumePolicy::Smart,
        ResumePolicy::ReturnerDecides,
    ];
    ReturnRule {
        targets: targets[rng.usize(..4)],
        receiver: if rng.bool() { Receiver::Acted } else { Receiver::Resolve },
        resume: resumes[rng.usize(..4)],
        keep_peer_approvals: rng.bool(),
        ..ReturnRule::default()
    }
}

fn random_offer(rng: &mut Rng) -> Offer {
    match rng.u8(..6) {
        0 => Offer::Nobody,
        1 => Offer::Among(Scope { users: one_or_more(rng), ..Scope::default() }),
        _ => Offer::Anyone,
    }
}

fn random_access(rng: &mut Rng) -> FieldAccess {
    if rng.u8(..3) > 0 {
        return FieldAccess::default();
    }
    FieldAccess([("sum".into(), Access::Edit), ("about".into(), Access::Edit)].into())
}

fn random_deadline(rng: &mut Rng) -> Deadline {
    if rng.bool() {
        return if rng.bool() { Deadline::Usual } else { Deadline::None };
    }
    let what = match rng.u8(..7) {
        0 => TimeoutWhat::HandToSupervisor,
        1 => TimeoutWhat::HandToSubstitute,
        2 => TimeoutWhat::HandTo(one_or_more(rng)),
        3 => TimeoutWhat::AutoApprove,
        4 => TimeoutWhat::AutoReject,
        5 => TimeoutWhat::ReturnToInitiator,
        _ => TimeoutWhat::Remind { times: 2, every: 60, working: false, tell_supervisor: rng.bool() },
    };
    let actions = vec![TimeoutAction { after: rng.i32(-60..60), working: false, what }];
    Deadline::Own(Limit { due: Due::Elapsed(rng.u32(30..400)), actions })
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
