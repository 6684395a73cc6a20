//! People, departments, roles and groups of one workspace, and the passwords people log in with. Calendars and absences,
//! which belong to the directory too: `calendars.rs`, `absences.rs`.
//! Every write that the engine's snapshot could show counts the workspace's directory version up.

use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, P, Row, Sql, Stmt, Written, stmt};
use crate::sweeps::sweep_at;
use crate::tenants::{directory_changed, directory_changed_at};
use crate::{Error, Result, Store, json};
use zhupi_engine::absence::Absence;
use zhupi_engine::directory::{Calendars, Department, Directory, Role, User, UserGroup};
use zhupi_engine::ids::{CalendarId, DepartmentId, GroupId, RoleId, TenantId, UserId};

/// A person with what only the server needs to know of him.
#[derive(Clone, PartialEq, Debug)]
pub struct UserRow {
    /// What the engine sees.
    pub user: User,
    /// The name he logs in with, compared exactly; unique in the workspace.
    pub login: String,
    /// Where mail reaches him.
    pub email: Option<String>,
    /// Where a message reaches him.
    pub mobile: Option<String>,
    /// The language he reads, such as `zh-CN`; absent: the workspace's.
    pub locale: Option<String>,
}

/// What a login is checked against.
#[derive(Clone, PartialEq, Debug)]
pub struct Account {
    /// The person.
    pub user: UserId,
    /// The name he logs in with.
    pub login: String,
    /// An argon2 string; absent where he cannot log in with a password.
    pub password_hash: Option<String>,
    /// Disabled people cannot log in.
    pub active: bool,
}

/// Many entries at once. Those that are there already are replaced; nobody is removed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct People {
    /// People; a reference may point to somebody later in the list.
    pub users: Vec<UserRow>,
    /// Departments.
    pub departments: Vec<Department>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Groups.
    pub groups: Vec<UserGroup>,
    /// Argon2 strings of people among `users`, or there already.
    pub passwords: Vec<(UserId, String)>,
}

/// Which people to list. The default lists everybody.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserFilter {
    /// Part of the name or of the login, whatever the case of its letters.
    pub text: Option<String>,
    /// Only active people, or only disabled ones.
    pub active: Option<bool>,
}

impl Store {
    /// Everybody and everything of a workspace as of one moment; empty for an unknown workspace.
    pub async fn load_directory(&self, tenant: TenantId) -> Result<Directory> {
        let mut found = Found::default();
        for row in self.query(&LOAD_WHOLE, vec![tenant.into()]).await? {
            found.take(&row)?;
        }
        let mut directory = Directory::new(found.users, found.departments, found.roles, found.groups)
            .with_absences(found.absences);
        found.calendars.all.sort_by_key(|it| it.id);
        directory.calendars = found.calendars;
        if let Some(time_zone) = found.time_zone {
            directory.time_zone = time_zone;
        }
        Ok(directory)
    }

    /// Adds or replaces everything given, all or nothing, in one write. `at` is epoch µs.
    /// `Duplicate` where a login is taken, `Conflict` where the workspace or a password's owner does not exist.
    pub async fn put_directory(&self, tenant: TenantId, people: &People, at: i64) -> Result<()> {
        self.put_behind(directory_changed(tenant), tenant, people, at).await
    }

    /// The same, where the directory is still at this version. `Conflict` too where anything of it has changed since.
    pub async fn put_directory_at(
        &self,
        tenant: TenantId,
        version: i64,
        people: &People,
        at: i64,
    ) -> Result<()> {
        self.put_behind(directory_changed_at(tenant, version), tenant, people, at).await
    }

    async fn put_behind(&self, first: Stmt, tenant: TenantId, people: &People, at: i64) -> Result<()> {
        let mut list = vec![first];
        for user in &people.users {
            list.extend(put_user(tenant, user, at)?);
        }
        for it in &people.departments {
            list.push(put_department(tenant, it)?);
        }
        for it in &people.roles {
            list.push(put_members(&PUT_ROLE, tenant, it.id.into(), &it.name, &it.members)?);
        }
        for it in &people.groups {
            list.push(put_members(&PUT_GROUP, tenant, it.id.into(), &it.name, &it.members)?);
        }
        list.extend(people.passwords.iter().map(|(user, hash)| password(tenant, *user, hash, at)));
        self.write(list).await?.or_conflict()
    }

    /// Adds a person, or replaces all of him but his password. `at` is epoch µs.
    /// `Duplicate` where the login is somebody else's, `Conflict` where the workspace does not exist.
    pub async fn put_user(&self, tenant: TenantId, user: &UserRow, at: i64) -> Result<()> {
        let mut list = vec![directory_changed(tenant)];
        list.extend(put_user(tenant, user, at)?);
        self.write(list).await?.or_conflict()
    }

    /// Adds or replaces a department. `Conflict` where the workspace does not exist.
    pub async fn put_department(&self, tenant: TenantId, department: &Department) -> Result<()> {
        self.write(vec![directory_changed(tenant), put_department(tenant, department)?]).await?.or_conflict()
    }

    /// Adds or replaces a role. `Conflict` where the workspace does not exist.
    pub async fn put_role(&self, tenant: TenantId, role: &Role) -> Result<()> {
        let put = put_members(&PUT_ROLE, tenant, role.id.into(), &role.name, &role.members)?;
        self.write(vec![directory_changed(tenant), put]).await?.or_conflict()
    }

    /// Adds or replaces a group. `Conflict` where the workspace does not exist.
    pub async fn put_group(&self, tenant: TenantId, group: &UserGroup) -> Result<()> {
        let put = put_members(&PUT_GROUP, tenant, group.id.into(), &group.name, &group.members)?;
        self.write(vec![directory_changed(tenant), put]).await?.or_conflict()
    }

    /// The person with this id, active or not.
    pub async fn load_user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRow>> {
        let row = self.query_one_opt(&LOAD_USER, vec![tenant.into(), user.into()]).await?;
        row.as_ref().map(read_user_row).transpose()
    }

    /// A page of people, by id.
    pub async fn list_users(
        &self,
        tenant: TenantId,
        filter: &UserFilter,
        page: &Page,
    ) -> Result<PageOf<UserRow>> {
        let params = vec![
            tenant.into(),
            page.behind().id.into(),
            filter.text.as_deref().map(contains).into(),
            filter.active.map(i64::from).into(),
            page.fetch().into(),
        ];
        let rows = self.query(&LIST_USERS, params).await?;
        let rows = rows.iter().map(read_user_row).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(0, row.user.id)))
    }

    /// What to check a login against, active or not.
    pub async fn load_account(&self, tenant: TenantId, login: &str) -> Result<Option<Account>> {
        let row = self.query_one_opt(&LOAD_ACCOUNT, vec![tenant.into(), login.into()]).await?;
        row.as_ref().map(read_account).transpose()
    }

    /// The same, of a person who is already known.
    pub async fn load_account_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Account>> {
        let row = self.query_one_opt(&LOAD_ACCOUNT_OF, vec![tenant.into(), user.into()]).await?;
        row.as_ref().map(read_account).transpose()
    }

    /// Sets a person's password to this argon2 string; `false` where there is no such person. `at` is epoch µs.
    /// His sessions stay: whoever changes a password decides about them.
    pub async fn set_password(&self, tenant: TenantId, user: UserId, hash: &str, at: i64) -> Result<bool> {
        Ok(self.write(vec![password(tenant, user, hash, at)]).await? == Written::Done)
    }
}

/// What a disabled person is asked has to be given to others.
fn put_user(tenant: TenantId, row: &UserRow, at: i64) -> Result<Vec<Stmt>> {
    let user = &row.user;
    let params = vec![
        tenant.into(),
        user.id.into(),
        row.login.as_str().into(),
        user.name.as_str().into(),
        user.active.into(),
        user.admin.into(),
        row.email.clone().into(),
        row.mobile.clone().into(),
        row.locale.clone().into(),
        json::write(&user.departments)?.into(),
        user.supervisor.into(),
        user.approval_limit.map(|limit| limit.to_string()).into(),
        at.into(),
    ];
    let mut list = vec![stmt(&PUT_USER, params, Expect::One)];
    if !user.active {
        list.push(sweep_at(tenant, user.id, at));
    }
    Ok(list)
}

fn put_department(tenant: TenantId, it: &Department) -> Result<Stmt> {
    let params = vec![
        tenant.into(),
        it.id.into(),
        it.name.as_str().into(),
        it.parent.into(),
        json::write(&it.heads)?.into(),
    ];
    Ok(stmt(&PUT_DEPARTMENT, params, Expect::One))
}

fn put_members(sql: &'static Sql, tenant: TenantId, id: P, name: &str, members: &[UserId]) -> Result<Stmt> {
    let params = vec![tenant.into(), id, name.into(), json::write(members)?.into()];
    Ok(stmt(sql, params, Expect::One))
}

fn password(tenant: TenantId, user: UserId, hash: &str, at: i64) -> Stmt {
    stmt(&SET_PASSWORD, vec![tenant.into(), user.into(), hash.into(), at.into()], Expect::One)
}

/// A `LIKE` pattern, with `!` as its escape character, that finds this text anywhere.
pub(crate) fn contains(text: &str) -> String {
    let escaped = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

/// The rows of `LOAD_WHOLE`, sorted into kinds.
#[derive(Default)]
struct Found {
    users: Vec<User>,
    departments: Vec<Department>,
    roles: Vec<Role>,
    groups: Vec<UserGroup>,
    calendars: Calendars,
    absences: Vec<Absence>,
    time_zone: Option<String>,
}

impl Found {
    fn take(&mut self, row: &Row) -> Result<()> {
        match row.i64(0)? {
            0 => self.users.push(read_user(row, 1)?),
            1 => self.departments.push(Department {
                id: DepartmentId(row.uuid(1)?),
                name: row.text(2)?,
                parent: row.opt_uuid(6)?.map(DepartmentId),
                heads: json::read(&row.text(5)?, "departments.heads")?,
            }),
            2 => self.roles.push(Role {
                id: RoleId(row.uuid(1)?),
                name: row.text(2)?,
                members: json::read(&row.text(5)?, "roles.members")?,
            }),
            3 => self.groups.push(UserGroup {
                id: GroupId(row.uuid(1)?),
                name: row.text(2)?,
                members: json::read(&row.text(5)?, "user_groups.members")?,
            }),
            4 => self.take_calendar(row)?,
            5 => {
                let calendar = CalendarId(row.opt_uuid(6)?.unwrap_or_default());
                self.calendars.of_departments.insert(DepartmentId(row.uuid(1)?), calendar);
            }
            6 => self.absences.push(json::read(&row.text(5)?, "absences.definition")?),
            _ => self.time_zone = Some(row.text(2)?),
        }
        Ok(())
    }

    fn take_calendar(&mut self, row: &Row) -> Result<()> {
        if row.flag(3)? {
            self.calendars.default = Some(CalendarId(row.uuid(1)?));
        }
        self.calendars.all.push(json::read(&row.text(5)?, "calendars.definition")?);
        Ok(())
    }
}

/// A person from seven columns of which the first is number `at`.
fn read_user(row: &Row, at: usize) -> Result<User> {
    let limit = row.opt_text(at + 6)?;
    Ok(User {
        id: UserId(row.uuid(at)?),
        name: row.text(at + 1)?,
        active: row.flag(at + 2)?,
        admin: row.flag(at + 3)?,
        departments: json::read(&row.text(at + 4)?, "users.departments")?,
        supervisor: row.opt_uuid(at + 5)?.map(UserId),
        approval_limit: limit
            .map(|text| text.parse().map_err(|_| Error::corrupt("users.approval_limit")))
            .transpose()?,
    })
}

fn read_user_row(row: &Row) -> Result<UserRow> {
    Ok(UserRow {
        user: read_user(row, 0)?,
        login: row.text(7)?,
        email: row.opt_text(8)?,
        mobile: row.opt_text(9)?,
        locale: row.opt_text(10)?,
    })
}

fn read_account(row: &Row) -> Result<Account> {
    Ok(Account {
        user: UserId(row.uuid(0)?),
        login: row.text(1)?,
        password_hash: row.opt_text(2)?,
        active: row.flag(3)?,
    })
}

static PUT_USER: Sql = Sql::new(
    "INSERT INTO users (tenant_id, id, login, name, active, admin, email, mobile, locale, departments, supervisor,
                        approval_limit, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
     ON CONFLICT (tenant_id, id) DO UPDATE
     SET login = excluded.login, name = excluded.name, active = excluded.active, admin = excluded.admin,
         email = excluded.email, mobile = excluded.mobile, locale = excluded.locale,
         departments = excluded.departments, supervisor = excluded.supervisor,
         approval_limit = excluded.approval_limit, updated_at = excluded.updated_at",
);
static PUT_DEPARTMENT: Sql = Sql::new(
    "INSERT INTO departments (tenant_id, id, name, parent, heads) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (tenant_id, id) DO UPDATE
     SET name = excluded.name, parent = excluded.parent, heads = excluded.heads",
);
static PUT_ROLE: Sql = Sql::new(
    "INSERT INTO roles (tenant_id, id, name, members) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, members = excluded.members",
);
static PUT_GROUP: Sql = Sql::new(
    "INSERT INTO user_groups (tenant_id, id, name, members) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, members = excluded.members",
);
static SET_PASSWORD: Sql =
    Sql::new("UPDATE users SET password_hash = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2");
/// One statement, so that what it reads is of one moment.
static LOAD_WHOLE: Sql = Sql::new(
    "SELECT CAST(0 AS BIGINT), id, name, active, admin, departments, supervisor, approval_limit
     FROM users WHERE tenant_id = $1
     UNION ALL SELECT CAST(1 AS BIGINT), id, name, CAST(1 AS BIGINT), CAST(0 AS BIGINT), heads, parent, NULL
     FROM departments WHERE tenant_id = $1
     UNION ALL SELECT CAST(2 AS BIGINT), id, name, CAST(1 AS BIGINT), CAST(0 AS BIGINT), members, NULL, NULL
     FROM roles WHERE tenant_id = $1
     UNION ALL SELECT CAST(3 AS BIGINT), id, name, CAST(1 AS BIGINT), CAST(0 AS BIGINT), members, NULL, NULL
     FROM user_groups WHERE tenant_id = $1
     UNION ALL SELECT CAST(4 AS BIGINT), id, name, is_default, CAST(0 AS BIGINT), definition, NULL, NULL
     FROM calendars WHERE tenant_id = $1
     UNION ALL SELECT CAST(5 AS BIGINT), department_id, '', CAST(1 AS BIGINT), CAST(0 AS BIGINT), '', calendar_id, NULL
     FROM department_calendars WHERE tenant_id = $1
     UNION ALL SELECT CAST(6 AS BIGINT), id, '', CAST(1 AS BIGINT), CAST(0 AS BIGINT), definition, NULL, NULL
     FROM absences WHERE tenant_id = $1 AND is_over = 0
     UNION ALL SELECT CAST(7 AS BIGINT), id, time_zone, CAST(1 AS BIGINT), CAST(0 AS BIGINT), '[]', NULL, NULL
     FROM tenants WHERE id = $1",
);
static LOAD_USER: Sql = Sql::new(
    "SELECT id, name, active, admin, departments, supervisor, approval_limit, login, email, mobile, locale
     FROM users WHERE tenant_id = $1 AND id = $2",
);
static LIST_USERS: Sql = Sql::new(
    "SELECT id, name, active, admin, departments, supervisor, approval_limit, login, email, mobile, locale
     FROM users
     WHERE tenant_id = $1 AND id > $2
       AND (LOWER(name) LIKE $3 ESCAPE '!' OR LOWER(login) LIKE $3 ESCAPE '!' OR $3 IS NULL)
       AND (active = $4 OR $4 IS NULL)
     ORDER BY id LIMIT $5",
);
static LOAD_ACCOUNT: Sql =
    Sql::new("SELECT id, login, password_hash, active FROM users WHERE tenant_id = $1 AND login = $2");
static LOAD_ACCOUNT_OF: Sql =
    Sql::new("SELECT id, login, password_hash, active FROM users WHERE tenant_id = $1 AND id = $2");

pub(crate) static ALL: &[&Sql] = &[
    &PUT_USER,
    &PUT_DEPARTMENT,
    &PUT_ROLE,
    &PUT_GROUP,
    &SET_PASSWORD,
    &LOAD_WHOLE,
    &LOAD_USER,
    &LIST_USERS,
    &LOAD_ACCOUNT,
    &LOAD_ACCOUNT_OF,
];
