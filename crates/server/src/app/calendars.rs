//! Changes of calendars: only by administrators, and only to sound ones.

use crate::app::App;
use crate::caller::Caller;
use crate::error::Error;
use std::collections::BTreeSet;
use zhupi_engine::Problem;
use zhupi_engine::calendar::{Calendar, Period};
use zhupi_engine::ids::{CalendarId, DepartmentId};

/// What an import says of one day of a year.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct YearDay {
    pub date: jiff::civil::Date,
    /// Nobody works; otherwise it is made up for.
    pub is_off: bool,
}

/// All days of a year that differ from the week.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Year {
    pub year: i16,
    pub days: Vec<YearDay>,
    /// Of the make-up days; empty: those of the first working day of the week.
    pub periods: Vec<Period>,
}

impl App {
    /// Adds or replaces a calendar.
    pub async fn put_calendar(&self, caller: &Caller, calendar: &Calendar) -> Result<(), Error> {
        self.require_admin(caller).await?;
        let problems = calendar.check("");
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let put = self.store.put_calendar(caller.tenant, calendar, self.now_us()).await;
        self.directory_changed(caller.tenant);
        Ok(put?)
    }

    /// Replaces the holidays and make-up days of one year.
    pub async fn import_year(&self, caller: &Caller, id: CalendarId, year: Year) -> Result<Calendar, Error> {
        self.require_admin(caller).await?;
        let directory = self.directory(caller.tenant).await?;
        let calendar = directory.calendars.get(id).ok_or(Error::NotFound)?;
        let changed = with_year(calendar.clone(), year).map_err(Error::Invalid)?;
        self.put_calendar(caller, &changed).await?;
        Ok(changed)
    }

    /// Makes a calendar the workspace's, or none.
    pub async fn choose_calendar(&self, caller: &Caller, id: Option<CalendarId>) -> Result<(), Error> {
        self.require_admin(caller).await?;
        let set = self.store.set_default_calendar(caller.tenant, id).await;
        self.directory_changed(caller.tenant);
        if set? { Ok(()) } else { Err(Error::field("calendar", "there is no such calendar")) }
    }

    /// Gives a department a calendar of its own, or takes it away.
    pub async fn choose_department_calendar(
        &self,
        caller: &Caller,
        department: DepartmentId,
        id: Option<CalendarId>,
    ) -> Result<(), Error> {
        self.require_admin(caller).await?;
        let directory = self.directory(caller.tenant).await?;
        directory.department(department).ok_or(Error::NotFound)?;
        if id.is_some_and(|id| directory.calendars.get(id).is_none()) {
            return Err(Error::field("calendar", "there is no such calendar"));
        }
        let set = self.store.set_department_calendar(caller.tenant, department, id).await;
        self.directory_changed(caller.tenant);
        Ok(set?)
    }

    /// Takes a calendar away that nobody works by.
    pub async fn delete_calendar(&self, caller: &Caller, id: CalendarId) -> Result<(), Error> {
        self.require_admin(caller).await?;
        let directory = self.directory(caller.tenant).await?;
        let calendars = &directory.calendars;
        calendars.get(id).ok_or(Error::NotFound)?;
        if calendars.default == Some(id) || calendars.of_departments.values().any(|it| *it == id) {
            let message = "the workspace or a department works by it";
            return Err(Error::Invalid(vec![Problem::error("calendar", "calendar_in_use", message)]));
        }
        let deleted = self.store.delete_calendar(caller.tenant, id).await;
        self.directory_changed(caller.tenant);
        if deleted? { Ok(()) } else { Err(Error::NotFound) }
    }
}

/// The calendar with exactly these days of the year off and made up for.
fn with_year(mut calendar: Calendar, year: Year) -> Result<Calendar, Vec<Problem>> {
    let Year { year, days, periods } = year;
    let usual = calendar.week.iter().find(|day| !day.is_empty()).cloned().unwrap_or_default();
    let periods = if periods.is_empty() { usual } else { periods };
    calendar.holidays.retain(|date| date.year() != year);
    calendar.make_up.retain(|date, _| date.year() != year);
    let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
    for (n, YearDay { date, is_off }) in days.into_iter().enumerate() {
        if date.year() != year {
            let message = format!("{date} is not in {year}");
            problems.push(Problem::error(format!("days[{n}].date"), "wrong_year", message));
        } else if !seen.insert(date) {
            let message = format!("{date} is there twice");
            problems.push(Problem::error(format!("days[{n}].date"), "duplicate", message));
        } else if is_off {
            calendar.holidays.insert(date);
        } else {
            calendar.make_up.insert(date, periods.clone());
        }
    }
    if problems.is_empty() { Ok(calendar) } else { Err(problems) }
}
