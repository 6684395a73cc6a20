//! The people who may submit, each standing for all whom a template's rules cannot tell from him.

use crate::directory::{Directory, User};
use crate::ids::{DepartmentId, UserId};
use crate::instance::Instance;
use crate::template::Template;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// More initiators than this are not looked at one by one.
const MOST: usize = 2_000;
/// Most names in a message.
const NAMES: usize = 5;

/// Somebody who may submit, in one of his departments.
pub(super) struct Initiator {
    pub(super) user: UserId,
    pub(super) department: Option<DepartmentId>,
    /// How many people he stands for, himself included.
    people: usize,
    /// An instance of his to which nothing has happened yet.
    pub(super) draft: Instance,
}

/// Everybody who may submit. Alike are those in the same department under the same supervisor, unless somebody stands
/// below them, they head a department, or the template names them, their role or their group.
pub(super) fn initiators(template: &Template, directory: &Directory) -> Vec<Initiator> {
    let special = special_people(template, directory);
    let mut places: HashMap<_, usize> = HashMap::new();
    let mut all: Vec<Initiator> = Vec::new();
    for user in directory.users() {
        if !user.active || !directory.in_scope(user.id, &template.settings.visible_to) {
            continue;
        }
        for department in departments_of(user) {
            let himself = special.contains(&user.id).then_some(user.id);
            let place = *places.entry((department, user.supervisor, himself)).or_insert(all.len());
            if let Some(known) = all.get_mut(place) {
                known.people += 1;
            } else if all.len() < MOST {
                all.push(initiator(user.id, department));
            }
        }
    }
    all
}

fn initiator(user: UserId, department: Option<DepartmentId>) -> Initiator {
    let mut draft = Instance::draft(Uuid::nil().into(), Uuid::nil().into(), 0, user);
    draft.department = department;
    Initiator { user, department, people: 1, draft }
}

fn departments_of(user: &User) -> Vec<Option<DepartmentId>> {
    if user.departments.is_empty() {
        return vec![None];
    }
    user.departments.iter().copied().map(Some).collect()
}

fn special_people(template: &Template, directory: &Directory) -> HashSet<UserId> {
    let named = named_ids(template);
    let mut special: HashSet<UserId> = named.iter().copied().map(UserId).collect();
    special.extend(directory.users().into_iter().filter_map(|user| user.supervisor));
    special.extend(directory.departments().into_iter().flat_map(|it| &it.heads));
    special.extend(directory.users().into_iter().filter(|user| user.admin).map(|user| user.id));
    let roles = directory.roles().into_iter().filter(|role| named.contains(&role.id.0));
    special.extend(roles.flat_map(|role| &role.members));
    let groups = directory.groups().into_iter().filter(|group| named.contains(&group.id.0));
    special.extend(groups.flat_map(|group| &group.members));
    special
}

/// Every id that stands anywhere in a template, whatever it is the id of: so no kind of rule can be forgotten here.
fn named_ids(template: &Template) -> HashSet<Uuid> {
    let mut ids = HashSet::new();
    let mut rest = vec![serde_json::to_value(template).unwrap_or_default()];
    while let Some(next) = rest.pop() {
        match next {
            Json::String(text) => ids.extend(Uuid::parse_str(&text)),
            Json::Array(all) => rest.extend(all),
            Json::Object(members) => rest.extend(members.into_iter().map(|(_, value)| value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
    ids
}

/// Departments and how many people of each: `Sales (3), Research (1)`.
pub(super) fn by_department(these: &[&Initiator], directory: &Directory) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for initiator in these {
        let department = initiator.department.and_then(|id| directory.department(id));
        let name = department.map_or_else(|| "no department".to_owned(), |it| it.name.clone());
        *counts.entry(name).or_default() += initiator.people;
    }
    let words = counts.iter().map(|(name, count)| format!("{name} ({count})")).collect();
    some_of(words, counts.len())
}

/// Names of people: `Ann, Bob and 3 more`.
pub(super) fn by_name(these: &[&Initiator], directory: &Directory) -> String {
    let mut names: Vec<String> = these.iter().map(|it| directory.name(it.user)).collect();
    names.dedup();
    let people = these.iter().map(|it| it.people).sum::<usize>() - these.len() + names.len();
    some_of(names, people)
}

fn some_of(mut words: Vec<String>, whole: usize) -> String {
    words.truncate(NAMES);
    let more = whole - words.len();
    let shown = words.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
