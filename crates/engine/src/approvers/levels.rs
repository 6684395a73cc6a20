//! Levels above a person: on the reporting line, and in the department tree (semantics B2).

use super::{Found, Scene, Why, WhyNote, WhyRule};
use crate::directory::Directory;
use crate::form::Value;
use crate::ids::{DepartmentId, FieldId, UserId};
use crate::template::{AboveTop, Chain, ChainEnd, Heads, Level, Line, Order, Start, SupervisorGap, Vacant};
use rust_decimal::Decimal;
use std::collections::HashSet;

/// Where counting begins: a person, and the department he is looked at in. Either may be missing.
struct Base {
    person: Option<UserId>,
    department: Option<DepartmentId>,
}

fn base(start: &Start, scene: Scene<'_>) -> Base {
    let instance = scene.instance;
    match start {
        Start::Initiator => {
            Base { person: Some(instance.initiator), department: department_of(instance.initiator, scene) }
        }
        Start::FormPerson(field) => {
            let person = match instance.form.get(field) {
                Some(Value::People(users)) => users.first().copied(),
                _ => None,
            };
            let user = person.and_then(|id| scene.directory.user(id));
            Base { person, department: user.and_then(|user| user.departments.first().copied()) }
        }
        Start::Item => base_of_item(scene),
        Start::FormDepartment(field) => match instance.form.get(field) {
            Some(Value::Departments(all)) => Base { person: None, department: all.first().copied() },
            _ => Base { person: None, department: None },
        },
    }
}

/// The person or department the branch runs for.
fn base_of_item(scene: Scene<'_>) -> Base {
    let line = scene.instance.line_of(scene.token);
    let item = line.iter().find_map(|id| scene.instance.token(*id)?.item.as_ref()?.value.as_ref());
    match item {
        Some(Value::People(users)) => {
            let user = users.first().and_then(|id| scene.directory.user(*id));
            let department = user.and_then(|user| user.departments.first().copied());
            Base { person: users.first().copied(), department }
        }
        Some(Value::Departments(all)) => Base { person: None, department: all.first().copied() },
        Some(_) | None => Base { person: None, department: None },
    }
}

/// The department a person is looked at in: the initiator's is the one he chose, anybody else's his first (B2.2).
pub(super) fn department_of(person: UserId, scene: Scene<'_>) -> Option<DepartmentId> {
    let chosen = scene.instance.department.filter(|_| person == scene.instance.initiator);
    chosen.or_else(|| scene.directory.user(person)?.departments.first().copied())
}

/// One supervisor, `level` steps up the reporting line (B2.3).
pub(super) fn supervisor_at(rule: &Level, scene: Scene<'_>) -> Vec<Found> {
    let Some(person) = base(&rule.start, scene).person else { return Vec::new() };
    let line = supervisors(person, scene).0;
    let asked = usize::from(rule.level.max(1));
    let found = line.get(asked - 1).map(|user| (asked, *user, Vec::new()));
    let top =
        || line.last().map(|user| (line.len(), *user, vec![WhyNote::TopInstead { asked: asked as u32 }]));
    let found = match rule.above_top {
        AboveTop::Top => found.or_else(top),
        AboveTop::Empty => found,
    };
    let of = scene.directory.name(person);
    found
        .map(|(level, user, notes)| Found {
            user,
            why: Why { rule: WhyRule::Supervisor { level: level as u32, of }, notes },
        })
        .into_iter()
        .collect()
}

/// The heads of one department, `level` steps up the tree (B2.3).
pub(super) fn department_head_at(rule: &Level, scene: Scene<'_>) -> Vec<Found> {
    let base = base(&rule.start, scene);
    let Some(department) = base.department else { return Vec::new() };
    let whole = scene.directory.path_up(department).0;
    // Whoever heads his own department looks further up for his level 1.
    let own =
        whole.iter().take_while(|id| base.person.is_some_and(|person| heads(person, **id, scene))).count();
    let path = whole.get(own..).unwrap_or_default();
    let asked = usize::from(rule.level.max(1));
    if path.len() < asked {
        return match rule.above_top {
            AboveTop::Empty => Vec::new(),
            AboveTop::Top => {
                let highest = whole.iter().enumerate().rev().find(|(_, id)| has_active_head(**id, scene));
                highest.map_or_else(Vec::new, |(index, id)| {
                    let level = (index + 1).saturating_sub(own).max(1);
                    heads_of(*id, level, &[WhyNote::TopInstead { asked: asked as u32 }], scene)
                })
            }
        };
    }
    let upwards = path.iter().enumerate().skip(asked - 1);
    let found = match rule.vacant {
        Vacant::Empty => upwards.take(1).find(|(_, id)| has_active_head(**id, scene)),
        Vacant::Climb => upwards.into_iter().find(|(_, id)| has_active_head(**id, scene)),
    };
    found.map_or_else(Vec::new, |(index, id)| {
        let climbed = (index + 1 > asked).then_some(WhyNote::Climbed { from: asked as u32 });
        heads_of(*id, index + 1, climbed.as_slice(), scene)
    })
}

/// The levels of a chain, in the order they are asked, each with at least one active person; and what was odd (B2.4).
pub(crate) fn chain_levels(chain: &Chain, scene: Scene<'_>) -> (Vec<Vec<Found>>, Vec<String>) {
    let base = base(&chain.start, scene);
    let (line, circle) = match chain.line {
        Line::Supervisors => supervisor_line(base.person, scene),
        Line::DepartmentHeads => department_line(&base, scene),
    };
    let mut levels = each_person_once(cut(line, chain, scene), scene.directory);
    if chain.order == Order::TopDown {
        levels.reverse();
    }
    let warning = circle.then(|| match chain.line {
        Line::Supervisors => "the reporting line runs in a circle".to_owned(),
        Line::DepartmentHeads => "the department tree runs in a circle".to_owned(),
    });
    (levels, warning.into_iter().collect())
}

fn supervisor_line(person: Option<UserId>, scene: Scene<'_>) -> (Vec<Rung>, bool) {
    let Some(person) = person else { return (Vec::new(), false) };
    let (line, circle) = supervisors(person, scene);
    let rungs = line.iter().enumerate().map(|(index, user)| {
        let rule = WhyRule::Supervisor { level: index as u32 + 1, of: scene.directory.name(person) };
        Rung { department: None, people: vec![Found { user: *user, why: Why::by(rule) }] }
    });
    (rungs.collect(), circle)
}

/// Levels above the person: where he heads a department on the way himself, the chain starts above it.
fn department_line(base: &Base, scene: Scene<'_>) -> (Vec<Rung>, bool) {
    let Some(department) = base.department else { return (Vec::new(), false) };
    let (path, circle) = scene.directory.path_up(department);
    let own = path.iter().rposition(|id| base.person.is_some_and(|person| heads(person, *id, scene)));
    let above = path.get(own.map_or(0, |index| index + 1)..).unwrap_or_default();
    let rungs = above
        .iter()
        .enumerate()
        .map(|(index, id)| Rung { department: Some(*id), people: heads_of(*id, index + 1, &[], scene) });
    (rungs.collect(), circle)
}

/// One level, vacant or not.
struct Rung {
    department: Option<DepartmentId>,
    people: Vec<Found>,
}

fn cut(mut line: Vec<Rung>, chain: &Chain, scene: Scene<'_>) -> Vec<Rung> {
    let whole = line.len();
    let keep = match &chain.end {
        ChainEnd::Levels(0) => whole,
        ChainEnd::Levels(count) => usize::from(*count),
        ChainEnd::FromTop(level) => (whole + 1).saturating_sub(usize::from((*level).max(1))),
        ChainEnd::Department(id) => {
            line.iter().position(|rung| rung.department == Some(*id)).map_or(whole, |index| index + 1)
        }
        ChainEnd::Role { role, missing } => {
            let holders = scene.directory.role(*role).map_or(&[][..], |role| &role.members);
            match (end_at(&mut line, chain.heads, scene, |user| holders.contains(&user)), missing) {
                (Some(keep), _) => keep,
                (None, AboveTop::Top) => whole,
                (None, AboveTop::Empty) => 0,
            }
        }
        ChainEnd::Limit(field) => {
            let amount = amount_of(field, scene);
            let enough = |user: UserId| amount.is_some_and(|it| limit_of(user, scene.directory) >= Some(it));
            end_at(&mut line, chain.heads, scene, enough).unwrap_or(whole)
        }
    };
    line.truncate(keep);
    line
}

/// How many levels there are up to the first with somebody who ends the chain; whoever has left ends nothing. Where one
/// person of a level is enough, only those who end the chain stay in the last one: else another could decide for them.
fn end_at(line: &mut [Rung], heads: Heads, scene: Scene<'_>, ends: impl Fn(UserId) -> bool) -> Option<usize> {
    let ends = |found: &Found| scene.directory.is_active(found.user) && ends(found.user);
    let (index, last) = line.iter_mut().enumerate().find(|(_, rung)| rung.people.iter().any(&ends))?;
    match heads {
        Heads::Any => last.people.retain(ends),
        Heads::All => {}
    }
    Some(index + 1)
}

/// Limits are in the currency of the control; an amount in another one has none that could be compared.
fn amount_of(id: &FieldId, scene: Scene<'_>) -> Option<Decimal> {
    match scene.instance.form.get(id) {
        Some(Value::Number(number)) => Some(*number),
        Some(Value::Money(money)) => {
            let field = scene.template.form.field(id)?;
            (money.currency == field.own_currency()).then_some(money.amount)
        }
        _ => None,
    }
}

fn limit_of(user: UserId, directory: &Directory) -> Option<Decimal> {
    directory.user(user).and_then(|user| user.approval_limit)
}

/// A person on two levels is asked on the first; levels without an active person fall away, but were counted.
fn each_person_once(line: Vec<Rung>, directory: &Directory) -> Vec<Vec<Found>> {
    let mut seen = HashSet::new();
    let active_once = |rung: Rung| -> Vec<Found> {
        rung.people.into_iter().filter(|it| directory.is_active(it.user) && seen.insert(it.user)).collect()
    };
    line.into_iter().map(active_once).filter(|level| !level.is_empty()).collect()
}

/// The reporting line above a person, nearest first; and whether it runs in a circle.
fn supervisors(person: UserId, scene: Scene<'_>) -> (Vec<UserId>, bool) {
    let mut line = Vec::new();
    let mut at = person;
    while let Some(above) = supervisor_of(at, scene) {
        if above == person || line.contains(&above) {
            return (line, true);
        }
        line.push(above);
        at = above;
    }
    (line, false)
}

/// The active supervisor; without one the nearest active department head above, where the template says so (B2.1).
pub(crate) fn supervisor_of(person: UserId, scene: Scene<'_>) -> Option<UserId> {
    let user = scene.directory.user(person)?;
    let explicit = user.supervisor.filter(|id| scene.directory.is_active(*id) && *id != person);
    let fallback = || match scene.template.settings.supervisor_gap {
        SupervisorGap::Empty => None,
        SupervisorGap::DepartmentHead => {
            nearest_head(person, department_of(person, scene)?, scene).map(|(it, _)| it)
        }
    };
    explicit.or_else(fallback)
}

/// The nearest active head at or above a department who is not the person, and which department he heads.
pub(super) fn nearest_head(
    person: UserId,
    department: DepartmentId,
    scene: Scene<'_>,
) -> Option<(UserId, DepartmentId)> {
    scene.directory.path_up(department).0.into_iter().find_map(|id| {
        let heads = &scene.directory.department(id)?.heads;
        let head = heads.iter().find(|head| **head != person && scene.directory.is_active(**head))?;
        Some((*head, id))
    })
}

fn heads(person: UserId, department: DepartmentId, scene: Scene<'_>) -> bool {
    scene.directory.department(department).is_some_and(|it| it.heads.contains(&person))
}

fn has_active_head(department: DepartmentId, scene: Scene<'_>) -> bool {
    scene
        .directory
        .department(department)
        .is_some_and(|it| it.heads.iter().any(|head| scene.directory.is_active(*head)))
}

fn heads_of(id: DepartmentId, level: usize, notes: &[WhyNote], scene: Scene<'_>) -> Vec<Found> {
    let Some(department) = scene.directory.department(id) else { return Vec::new() };
    let rule = WhyRule::DepartmentHead { level: level as u32, department: id, name: department.name.clone() };
    let found = |user: &UserId| Found { user: *user, why: Why { rule: rule.clone(), notes: notes.to_vec() } };
    department.heads.iter().map(found).collect()
}
