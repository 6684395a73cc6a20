//! Calendars of working time, which of them is the workspace's, and which departments have one of their own.
//! They are part of the directory: every write counts its version up.

use crate::sql::{Expect, Sql, Stmt, Written, stmt};
use crate::tenants::directory_changed;
use crate::{Result, Store, json};
use zhupi_engine::calendar::Calendar;
use zhupi_engine::ids::{CalendarId, DepartmentId, TenantId};

impl Store {
    /// Adds or replaces a calendar. `at` is epoch µs. `Conflict` where the workspace does not exist.
    pub async fn put_calendar(&self, tenant: TenantId, calendar: &Calendar, at: i64) -> Result<()> {
        let params = vec![
            tenant.into(),
            calendar.id.into(),
            calendar.name.as_str().into(),
            json::write(calendar)?.into(),
            at.into(),
        ];
        self.write(vec![directory_changed(tenant), stmt(&PUT, params, Expect::One)]).await?.or_conflict()
    }

    /// Makes a calendar the workspace's; `None`: the standard one. `false` where there is no such calendar.
    pub async fn set_default_calendar(&self, tenant: TenantId, calendar: Option<CalendarId>) -> Result<bool> {
        let mut list =
            vec![directory_changed(tenant), stmt(&CLEAR_DEFAULT, vec![tenant.into()], Expect::Any)];
        list.extend(calendar.map(|it| stmt(&SET_DEFAULT, vec![tenant.into(), it.into()], Expect::One)));
        Ok(self.write(list).await? == Written::Done)
    }

    /// Gives a department and those below it a calendar of their own, or takes it away.
    pub async fn set_department_calendar(
        &self,
        tenant: TenantId,
        department: DepartmentId,
        calendar: Option<CalendarId>,
    ) -> Result<()> {
        let of = |calendar: CalendarId| -> Stmt {
            stmt(&SET_OF_DEPARTMENT, vec![tenant.into(), department.into(), calendar.into()], Expect::One)
        };
        let unset = || stmt(&UNSET_OF_DEPARTMENT, vec![tenant.into(), department.into()], Expect::Any);
        let change = calendar.map_or_else(unset, of);
        self.write(vec![directory_changed(tenant), change]).await?.or_conflict()
    }

    /// Takes a calendar away, from departments too; `false` where there is none.
    pub async fn delete_calendar(&self, tenant: TenantId, calendar: CalendarId) -> Result<bool> {
        let params = || vec![tenant.into(), calendar.into()];
        let list = vec![
            directory_changed(tenant),
            stmt(&DELETE, params(), Expect::One),
            stmt(&DELETE_OF_DEPARTMENTS, params(), Expect::Any),
        ];
        Ok(self.write(list).await? == Written::Done)
    }
}

static PUT: Sql = Sql::new(
    "INSERT INTO calendars (tenant_id, id, name, is_default, definition, updated_at) VALUES ($1, $2, $3, 0, $4, $5)
     ON CONFLICT (tenant_id, id) DO UPDATE
     SET name = excluded.name, definition = excluded.definition, updated_at = excluded.updated_at",
);
static CLEAR_DEFAULT: Sql =
    Sql::new("UPDATE calendars SET is_default = 0 WHERE tenant_id = $1 AND is_default = 1");
static SET_DEFAULT: Sql = Sql::new("UPDATE calendars SET is_default = 1 WHERE tenant_id = $1 AND id = $2");
static SET_OF_DEPARTMENT: Sql = Sql::new(
    "INSERT INTO department_calendars (tenant_id, department_id, calendar_id) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, department_id) DO UPDATE SET calendar_id = excluded.calendar_id",
);
static UNSET_OF_DEPARTMENT: Sql =
    Sql::new("DELETE FROM department_calendars WHERE tenant_id = $1 AND department_id = $2");
static DELETE: Sql = Sql::new("DELETE FROM calendars WHERE tenant_id = $1 AND id = $2");
static DELETE_OF_DEPARTMENTS: Sql =
    Sql::new("DELETE FROM department_calendars WHERE tenant_id = $1 AND calendar_id = $2");

pub(crate) static ALL: &[&Sql] = &[
    &PUT,
    &CLEAR_DEFAULT,
    &SET_DEFAULT,
    &SET_OF_DEPARTMENT,
    &UNSET_OF_DEPARTMENT,
    &DELETE,
    &DELETE_OF_DEPARTMENTS,
];
