//! Numbers for things this surface numbers and we do not: people, departments and groups by alias, and the controls,
//! options and nodes of one template.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use zhupi_engine::Template;
use zhupi_engine::form::Field;
use zhupi_engine::ids::{DepartmentId, FieldId, GroupId, NodeId, OptionId, UserId};
use zhupi_engine::template::Block;

/// Kinds of alias this surface keeps.
pub const USER: &str = "wps_user";
pub const DEPARTMENT: &str = "wps_department";
pub const GROUP: &str = "wps_group";

/// Numbers somebody wrote, before anybody knows whom they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentioned {
    pub users: BTreeSet<i64>,
    pub departments: BTreeSet<i64>,
    pub groups: BTreeSet<i64>,
}

/// Whom numbers mean, in both directions.
#[derive(Clone, Debug, Default)]
pub struct People {
    users: Pairs<UserId>,
    departments: Pairs<DepartmentId>,
    groups: Pairs<GroupId>,
}

#[derive(Clone, Debug)]
struct Pairs<T> {
    by_number: HashMap<i64, T>,
    by_id: HashMap<T, i64>,
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self { by_number: HashMap::new(), by_id: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Pairs<T> {
    fn add(&mut self, number: i64, id: T) {
        self.by_number.insert(number, id);
        self.by_id.insert(id, number);
    }
}

impl People {
    pub fn add_user(&mut self, number: i64, id: UserId) {
        self.users.add(number, id);
    }

    pub fn add_department(&mut self, number: i64, id: DepartmentId) {
        self.departments.add(number, id);
    }

    pub fn add_group(&mut self, number: i64, id: GroupId) {
        self.groups.add(number, id);
    }

    pub fn user(&self, number: i64) -> Option<UserId> {
        self.users.by_number.get(&number).copied()
    }

    pub fn department(&self, number: i64) -> Option<DepartmentId> {
        self.departments.by_number.get(&number).copied()
    }

    pub fn group(&self, number: i64) -> Option<GroupId> {
        self.groups.by_number.get(&number).copied()
    }

    /// The number of a person; 0 where he has none.
    pub fn user_number(&self, id: UserId) -> i64 {
        self.users.by_id.get(&id).copied().unwrap_or_default()
    }

    /// The number of a department; 0 where it has none.
    pub fn department_number(&self, id: DepartmentId) -> i64 {
        self.departments.by_id.get(&id).copied().unwrap_or_default()
    }

    /// The number of a group; 0 where it has none.
    pub fn group_number(&self, id: GroupId) -> i64 {
        self.groups.by_id.get(&id).copied().unwrap_or_default()
    }
}

/// The numbers of one template's parts. What came from this surface keeps its numbers; what was made elsewhere gets the
/// free numbers from 1000 up, in order, so that one version always has the same.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    fields: BTreeMap<FieldId, i64>,
    options: BTreeMap<(FieldId, OptionId), i64>,
    nodes: BTreeMap<NodeId, i64>,
}

impl Numbering {
    pub fn of(template: &Template) -> Self {
        let fields = template.form.fields.iter().map(|field| field.id.as_str());
        let nodes = template.blocks().into_iter().flat_map(ids_of);
        Self {
            fields: number(fields).map(|(id, number)| (FieldId::from(id), number)).collect(),
            options: number_options(&template.form.fields),
            nodes: number(nodes).map(|(id, number)| (NodeId::from(id), number)).collect(),
        }
    }

    /// The numbers of the columns of a table.
    pub fn columns(&self, table: &Field) -> Self {
        let ids = table.columns.iter().map(|column| column.id.as_str());
        Self {
            fields: number(ids).map(|(id, number)| (FieldId::from(id), number)).collect(),
            options: number_options(&table.columns),
            nodes: BTreeMap::new(),
        }
    }

    pub fn field(&self, id: &FieldId) -> i64 {
        self.fields.get(id).copied().unwrap_or_default()
    }

    pub fn option(&self, field: &FieldId, option: &OptionId) -> i64 {
        self.options.get(&(field.clone(), option.clone())).copied().unwrap_or_default()
    }

    pub fn node(&self, id: &NodeId) -> i64 {
        self.nodes.get(id).copied().unwrap_or_default()
    }

    /// The control with this number.
    pub fn field_of(&self, number: i64) -> Option<&FieldId> {
        self.fields.iter().find(|(_, known)| **known == number).map(|(id, _)| id)
    }

    /// The option with this number.
    pub fn option_of(&self, field: &FieldId, number: i64) -> Option<&OptionId> {
        let found = self.options.iter().find(|((of, _), known)| of == field && **known == number);
        found.map(|((_, option), _)| option)
    }

    /// The node with this number.
    pub fn node_of(&self, number: i64) -> Option<&NodeId> {
        self.nodes.iter().find(|(_, known)| **known == number).map(|(id, _)| id)
    }
}

fn number_options(fields: &[Field]) -> BTreeMap<(FieldId, OptionId), i64> {
    let mut all = BTreeMap::new();
    for field in fields {
        for (option, number) in number(field.options.iter().map(|option| option.id.as_str())) {
            all.insert((field.id.clone(), OptionId::from(option)), number);
        }
    }
    all
}

fn number<'a>(ids: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, i64)> {
    let ids: Vec<&str> = ids.collect();
    let taken: BTreeSet<i64> = ids.iter().filter_map(|id| plain(id)).collect();
    let mut free = (1000_i64..).filter(move |number| !taken.contains(number));
    ids.into_iter().filter_map(move |id| Some((id, plain(id).or_else(|| free.next())?)))
}

/// The number an id spells, if it is written the one way we write it.
fn plain(id: &str) -> Option<i64> {
    id.parse::<i64>().ok().filter(|number| number.to_string() == id)
}

/// The id of a block, and of its lanes where it is a branch.
fn ids_of(block: &Block) -> Vec<&str> {
    std::iter::once(block.id().as_str()).chain(block.lanes().iter().map(|lane| lane.id.as_str())).collect()
}
