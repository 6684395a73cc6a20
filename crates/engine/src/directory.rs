//! People, departments, roles and groups of one workspace, as they are at one moment: an immutable snapshot that the
//! engine looks things up in. It never asks back for a fact in mid-decision.

mod changes;

pub use changes::PeopleChanges;

use crate::absence::Absence;
use crate::calendar::{Calendar, WorkTime};
use crate::condition::Scope;
use crate::ids::{CalendarId, DepartmentId, GroupId, RoleId, UserId};
use crate::problem::Problem;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A workspace's people.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Directory {
    users: HashMap<UserId, User>,
    departments: HashMap<DepartmentId, Department>,
    roles: HashMap<RoleId, Role>,
    groups: HashMap<GroupId, UserGroup>,
    /// IANA name of the workspace's time zone, in which dates are compared.
    pub time_zone: String,
    /// By what working time is counted.
    #[serde(default)]
    pub calendars: Calendars,
    #[serde(default)]
    absences: HashMap<UserId, Vec<Absence>>,
}

/// The calendars of a workspace, and who works by which.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calendars {
    /// All of them.
    pub all: Vec<Calendar>,
    /// For whom no department says otherwise; absent: the standard one.
    pub default: Option<CalendarId>,
    /// Of departments and those below them, unless one further down has its own.
    pub of_departments: BTreeMap<DepartmentId, CalendarId>,
}

impl Calendars {
    /// The calendar with this id.
    pub fn get(&self, id: CalendarId) -> Option<&Calendar> {
        self.all.iter().find(|it| it.id == id)
    }
}

/// A person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Never reused.
    pub id: UserId,
    /// The name people see.
    pub name: String,
    /// Disabled or gone people are kept, and never asked.
    pub active: bool,
    /// All of them; the first is the primary one.
    #[serde(default)]
    pub departments: Vec<DepartmentId>,
    /// The reporting line.
    #[serde(default)]
    pub supervisor: Option<UserId>,
    /// The greatest amount he may approve, for chains that end by limit.
    #[serde(default)]
    pub approval_limit: Option<Decimal>,
    /// Administrator of the workspace.
    #[serde(default)]
    pub admin: bool,
}

/// A department.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Department {
    /// Never reused.
    pub id: DepartmentId,
    /// The name people see.
    pub name: String,
    /// The department it belongs to.
    #[serde(default)]
    pub parent: Option<DepartmentId>,
    /// Its heads, in order.
    #[serde(default)]
    pub heads: Vec<UserId>,
}

/// A role.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Never reused.
    pub id: RoleId,
    /// The name people see.
    pub name: String,
    /// Who holds it, in order.
    #[serde(default)]
    pub members: Vec<UserId>,
}

/// A user group.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UserGroup {
    /// Never reused.
    pub id: GroupId,
    /// The name people see.
    pub name: String,
    /// Who is in it, in order.
    #[serde(default)]
    pub members: Vec<UserId>,
}

impl Directory {
    /// A snapshot of these people, in the time zone `Asia/Shanghai`.
    pub fn new(
        users: Vec<User>,
        departments: Vec<Department>,
        roles: Vec<Role>,
        groups: Vec<UserGroup>,
    ) -> Self {
        Self {
            users: users.into_iter().map(|user| (user.id, user)).collect(),
            departments: departments.into_iter().map(|it| (it.id, it)).collect(),
            roles: roles.into_iter().map(|it| (it.id, it)).collect(),
            groups: groups.into_iter().map(|it| (it.id, it)).collect(),
            time_zone: "Asia/Shanghai".to_owned(),
            calendars: Calendars::default(),
            absences: HashMap::new(),
        }
    }

    /// The same people with these absences instead of any before.
    pub fn with_absences(mut self, absences: Vec<Absence>) -> Self {
        self.absences.clear();
        for absence in absences {
            self.absences.entry(absence.owner).or_default().push(absence);
        }
        for own in self.absences.values_mut() {
            own.sort_by_key(|it| (it.from, it.id));
        }
        self
    }

    /// A person's absences, past and future ones too, by their beginning.
    pub fn absences_of(&self, user: UserId) -> &[Absence] {
        self.absences.get(&user).map_or(&[], Vec::as_slice)
    }

    /// Everybody's absences, by their beginning.
    pub fn absences(&self) -> Vec<&Absence> {
        let mut all: Vec<&Absence> = self.absences.values().flatten().collect();
        all.sort_by_key(|it| (it.from, it.id));
        all
    }

    /// The day of this moment in the workspace's time zone.
    pub fn today(&self, at: Timestamp) -> Date {
        at.to_zoned(TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)).date()
    }

    /// By what working time is counted in a department: its own calendar, that of the nearest department above that has
    /// one, the workspace's, or the standard one.
    pub fn calendar_of_department(&self, department: Option<DepartmentId>) -> WorkTime<'_> {
        let path = department.map_or_else(Vec::new, |it| self.path_up(it).0);
        let nearest = path.iter().filter_map(|it| self.calendars.of_departments.get(it));
        let calendar = nearest.chain(&self.calendars.default).find_map(|id| self.calendars.get(*id));
        match calendar {
            Some(calendar) => WorkTime::new(calendar, &self.time_zone),
            None => WorkTime::standard(&self.time_zone),
        }
    }

    /// By what a person's working time is counted: by the calendar of his primary department.
    pub fn calendar_of(&self, user: UserId) -> WorkTime<'_> {
        self.calendar_of_department(self.user(user).and_then(|it| it.departments.first().copied()))
    }

    /// The person with this id, active or not.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The department with this id.
    pub fn department(&self, id: DepartmentId) -> Option<&Department> {
        self.departments.get(&id)
    }

    /// The role with this id.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.get(&id)
    }

    /// The group with this id.
    pub fn group(&self, id: GroupId) -> Option<&UserGroup> {
        self.groups.get(&id)
    }

    /// Everybody, ordered by id.
    pub fn users(&self) -> Vec<&User> {
        sorted(&self.users, |user| user.id)
    }

    /// Every department, ordered by id.
    pub fn departments(&self) -> Vec<&Department> {
        sorted(&self.departments, |it| it.id)
    }

    /// Every role, ordered by id.
    pub fn roles(&self) -> Vec<&Role> {
        sorted(&self.roles, |it| it.id)
    }

    /// Every group, ordered by id.
    pub fn groups(&self) -> Vec<&UserGroup> {
        sorted(&self.groups, |it| it.id)
    }

    /// The name of a person; his id where he is unknown.
    pub fn name(&self, id: UserId) -> String {
        self.user(id).map_or_else(|| id.to_string(), |user| user.name.clone())
    }

    /// There is such a person and he is active.
    pub fn is_active(&self, id: UserId) -> bool {
        self.user(id).is_some_and(|user| user.active)
    }

    /// There is such a person, he is active and an administrator of the workspace.
    pub fn is_admin(&self, id: UserId) -> bool {
        self.user(id).is_some_and(|user| user.active && user.admin)
    }

    /// Active administrators of the workspace, ordered by id.
    pub fn admins(&self) -> Vec<UserId> {
        let admins = self.users.values().filter(|user| user.active && user.admin);
        let mut admins: Vec<UserId> = admins.map(|user| user.id).collect();
        admins.sort();
        admins
    }

    /// Whether `inner` is `outer` or lies below it. Safe on a tree with a cycle.
    pub fn is_within(&self, inner: DepartmentId, outer: DepartmentId) -> bool {
        self.path_up(inner).0.contains(&outer)
    }

    /// The department and everything above it, nearest first; and whether the data runs in a circle.
    pub fn path_up(&self, department: DepartmentId) -> (Vec<DepartmentId>, bool) {
        let mut path = Vec::new();
        let mut next = Some(department);
        while let Some(id) = next {
            if path.contains(&id) {
                return (path, true);
            }
            let Some(department) = self.departments.get(&id) else { break };
            path.push(id);
            next = department.parent;
        }
        (path, false)
    }

    /// Whether a person belongs to a scope; an empty scope holds everybody.
    pub fn in_scope(&self, id: UserId, scope: &Scope) -> bool {
        let departments = self.user(id).map_or(&[][..], |user| &user.departments);
        self.in_scope_as(id, departments, scope)
    }

    /// Like `in_scope`, for a person who stands in exactly these departments.
    pub fn in_scope_as(&self, id: UserId, stands_in: &[DepartmentId], scope: &Scope) -> bool {
        scope.is_everybody()
            || scope.users.contains(&id)
            || stands_in.iter().any(|&inner| self.department_in_scope(inner, scope))
            || scope.roles.iter().any(|role| self.role(*role).is_some_and(|it| it.members.contains(&id)))
            || scope.groups.iter().any(|group| self.group(*group).is_some_and(|it| it.members.contains(&id)))
    }

    /// Whether a department is one of the scope's, or below one of them unless the scope is exact.
    pub fn department_in_scope(&self, inner: DepartmentId, scope: &Scope) -> bool {
        scope
            .departments
            .iter()
            .any(|&outer| inner == outer || (!scope.exact && self.is_within(inner, outer)))
    }

    /// Everything wrong with the data: circles, unknown references, an unknown time zone. Empty when sound.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            problems.push(Problem::error(
                "time_zone",
                "time_zone_unknown",
                format!("no time zone `{}`", self.time_zone),
            ));
        }
        for user in self.users() {
            self.check_user(user, &mut problems);
        }
        for department in self.departments() {
            self.check_department(department, &mut problems);
        }
        for role in self.roles() {
            self.check_members(&format!("roles.{}", role.id), &role.members, &mut problems);
        }
        for group in self.groups() {
            self.check_members(&format!("groups.{}", group.id), &group.members, &mut problems);
        }
        self.check_calendars(&mut problems);
        for absence in self.absences() {
            self.check_members(&format!("absences.{}", absence.id), &[absence.substitute], &mut problems);
        }
        problems
    }

    fn check_calendars(&self, problems: &mut Vec<Problem>) {
        for calendar in &self.calendars.all {
            problems.extend(calendar.check(&format!("calendars.{}.", calendar.id)));
        }
        let of_departments = self
            .calendars
            .of_departments
            .iter()
            .map(|(it, calendar)| (format!("departments.{it}.calendar"), calendar));
        let default = self.calendars.default.iter().map(|it| ("calendars.default".to_owned(), it));
        for (path, id) in of_departments.chain(default).filter(|(_, id)| self.calendars.get(**id).is_none()) {
            problems.push(Problem::error(path, "calendar_unknown", format!("no calendar `{id}`")));
        }
    }

    fn check_user(&self, user: &User, problems: &mut Vec<Problem>) {
        let path = format!("users.{}", user.id);
        for department in &user.departments {
            if self.department(*department).is_none() {
                problems.push(Problem::error(
                    format!("{path}.departments"),
                    "department_unknown",
                    format!("no department `{department}`"),
                ));
            }
        }
        let mut seen = HashSet::from([user.id]);
        let mut next = user.supervisor;
        while let Some(id) = next {
            let Some(above) = self.user(id) else {
                problems.push(Problem::error(
                    format!("{path}.supervisor"),
                    "user_unknown",
                    format!("no user `{id}`"),
                ));
                break;
            };
            if !seen.insert(id) {
                if id == user.id {
                    problems.push(Problem::error(
                        format!("{path}.supervisor"),
                        "supervisor_circle",
                        format!("the reporting line of `{}` runs in a circle", user.name),
                    ));
                }
                break;
            }
            next = above.supervisor;
        }
    }

    fn check_department(&self, department: &Department, problems: &mut Vec<Problem>) {
        let path = format!("departments.{}", department.id);
        if let Some(parent) = department.parent
            && self.department(parent).is_none()
        {
            problems.push(Problem::error(
                format!("{path}.parent"),
                "department_unknown",
                format!("no department `{parent}`"),
            ));
        }
        if self.path_up(department.id).1 {
            problems.push(Problem::error(
                format!("{path}.parent"),
                "department_circle",
                format!("the departments above `{}` run in a circle", department.name),
            ));
        }
        self.check_members(&format!("{path}.heads"), &department.heads, problems);
    }

    fn check_members(&self, path: &str, members: &[UserId], problems: &mut Vec<Problem>) {
        for member in members.iter().filter(|member| self.user(**member).is_none()) {
            problems.push(Problem::error(path, "user_unknown", format!("no user `{member}`")));
        }
    }
}

fn sorted<K, V, I: Ord>(map: &HashMap<K, V>, id: impl Fn(&V) -> I) -> Vec<&V> {
    let mut all: Vec<&V> = map.values().collect();
    all.sort_by_key(|it| id(it));
    all
}
