//! Other people than those of today, for trying things out: laid over a snapshot, and written nowhere.

use super::Directory;
use crate::ids::{DepartmentId, GroupId, RoleId, UserId};
use crate::problem::Problem;
use std::collections::BTreeMap;

/// What is different from the people of today. Whatever is not named stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeopleChanges {
    /// Disabled or gone.
    pub gone: Vec<UserId>,
    /// Whom people report to; `None`: nobody.
    pub supervisors: BTreeMap<UserId, Option<UserId>>,
    /// All heads of departments.
    pub heads: BTreeMap<DepartmentId, Vec<UserId>>,
    /// All holders of roles.
    pub roles: BTreeMap<RoleId, Vec<UserId>>,
    /// All members of groups.
    pub groups: BTreeMap<GroupId, Vec<UserId>>,
}

impl PeopleChanges {
    /// Nothing is different.
    pub fn is_empty(&self) -> bool {
        let Self { gone, supervisors, heads, roles, groups } = self;
        let people = gone.is_empty() && supervisors.is_empty();
        people && heads.is_empty() && roles.is_empty() && groups.is_empty()
    }

    /// Whatever is named here and is not in the directory, below `path`.
    pub fn check(&self, directory: &Directory, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut need = |known: bool, path: String, what: &str| {
            if !known {
                problems.push(Problem::error(path, &format!("{what}_unknown"), format!("no such {what}")));
            }
        };
        let user = |id: &UserId| directory.user(*id).is_some();
        for (number, id) in self.gone.iter().enumerate() {
            need(user(id), format!("{path}.gone[{number}]"), "user");
        }
        for (id, above) in &self.supervisors {
            need(user(id), format!("{path}.supervisors.{id}"), "user");
            need(above.as_ref().is_none_or(user), format!("{path}.supervisors.{id}"), "user");
        }
        let heads = self.heads.iter().map(|(id, people)| {
            ("heads", "department", id.to_string(), directory.department(*id).is_some(), people)
        });
        let roles = self
            .roles
            .iter()
            .map(|(id, people)| ("roles", "role", id.to_string(), directory.role(*id).is_some(), people));
        let groups = self
            .groups
            .iter()
            .map(|(id, people)| ("groups", "group", id.to_string(), directory.group(*id).is_some(), people));
        for (member, what, id, known, people) in heads.chain(roles).chain(groups) {
            let path = format!("{path}.{member}.{id}");
            need(known, path.clone(), what);
            for (number, person) in people.iter().enumerate() {
                need(user(person), format!("{path}[{number}]"), "user");
            }
        }
        problems
    }
}

impl Directory {
    /// The same workspace with these changes. What is named and not there is passed over.
    #[must_use]
    pub fn with_changes(&self, changes: &PeopleChanges) -> Self {
        let mut changed = self.clone();
        for id in &changes.gone {
            if let Some(user) = changed.users.get_mut(id) {
                user.active = false;
            }
        }
        for (id, above) in &changes.supervisors {
            if let Some(user) = changed.users.get_mut(id) {
                user.supervisor = *above;
            }
        }
        for (id, heads) in &changes.heads {
            if let Some(department) = changed.departments.get_mut(id) {
                department.heads.clone_from(heads);
            }
        }
        for (id, members) in &changes.roles {
            if let Some(role) = changed.roles.get_mut(id) {
                role.members.clone_from(members);
            }
        }
        for (id, members) in &changes.groups {
            if let Some(group) = changed.groups.get_mut(id) {
                group.members.clone_from(members);
            }
        }
        changed
    }
}
