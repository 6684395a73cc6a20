//! When people work: the week, the holidays and the days made up for them, and counting time by it (semantics B13).
//!
//! Total and bounded: a calendar that never has working time again counts the rest as it passes on the clock, and is a
//! problem where it is saved.

use crate::ids::CalendarId;
use crate::problem::Problem;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// Days looked at before working time counts as over: a hundred years.
const HORIZON_DAYS: usize = 36_525;
const MINUTES_OF_DAY: u16 = 24 * 60;
/// Most periods of one day.
pub const PERIODS_LIMIT: usize = 12;
/// Most holidays, and most make-up days.
pub const DATES_LIMIT: usize = 5_000;

/// Working hours, holidays and make-up days (调休) under a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Calendar {
    /// Never reused.
    pub id: CalendarId,
    /// The name people see.
    pub name: String,
    /// IANA name of the zone its clock runs in; absent: the workspace's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Working periods of each day of the week, Monday first.
    pub week: [Vec<Period>; 7],
    /// Days without work, whatever day of the week they are.
    #[serde(default)]
    pub holidays: BTreeSet<Date>,
    /// Days with exactly these periods, whatever day of the week they are and even if they are holidays.
    #[serde(default)]
    pub make_up: BTreeMap<Date, Vec<Period>>,
}

/// Part of a day, half-open; written `09:00-12:00`. The end of the day is `24:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    from: u16,
    until: u16,
}

impl Period {
    /// From one minute of the day to another, counted from midnight; nothing unless `from < until <= 1440`.
    pub fn new(from: u16, until: u16) -> Option<Self> {
        (from < until && until <= MINUTES_OF_DAY).then_some(Self { from, until })
    }

    /// Its first minute, counted from midnight.
    pub fn from_minute(self) -> u16 {
        self.from
    }

    /// The minute after its last.
    pub fn until_minute(self) -> u16 {
        self.until
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from, self.until);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('-')
            .and_then(|(from, until)| Self::new(minute_of_day(from)?, minute_of_day(until)?))
            .ok_or_else(|| format!("`{text}` is no period of a day such as `09:00-12:00`"))
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60).then_some(hour * 60 + minute).filter(|it| *it <= MINUTES_OF_DAY)
}

impl Calendar {
    /// Monday to Friday, 09:00 to 12:00 and 13:00 to 18:00, without holidays.
    pub fn standard(id: CalendarId, name: impl Into<String>) -> Self {
        let day: Vec<Period> = [(540, 720), (780, 1080)]
            .into_iter()
            .filter_map(|(from, until)| Period::new(from, until))
            .collect();
        let [saturday, sunday] = [Vec::new(), Vec::new()];
        Self {
            id,
            name: name.into(),
            time_zone: None,
            week: [day.clone(), day.clone(), day.clone(), day.clone(), day, saturday, sunday],
            holidays: BTreeSet::new(),
            make_up: BTreeMap::new(),
        }
    }

    /// The periods people work on this day.
    pub fn periods_on(&self, date: Date) -> &[Period] {
        if let Some(periods) = self.make_up.get(&date) {
            return periods;
        }
        if self.holidays.contains(&date) {
            return &[];
        }
        let day = date.weekday().to_monday_zero_offset();
        usize::try_from(day).ok().and_then(|day| self.week.get(day)).map_or(&[], Vec::as_slice)
    }

    /// Some working time comes every week, holidays apart.
    fn has_week(&self) -> bool {
        self.week.iter().any(|day| !day.is_empty())
    }

    /// Everything wrong with it, each with its path below `path`. Empty when sound.
    pub fn check(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |at: String, code: &str, message: String| {
            problems.push(Problem::error(format!("{path}{at}"), code, message));
        };
        if self.name.trim().is_empty() {
            wrong("name".to_owned(), "required", "it is required".to_owned());
        }
        if let Some(zone) = &self.time_zone
            && TimeZone::get(zone).is_err()
        {
            wrong("time_zone".to_owned(), "time_zone_unknown", format!("no time zone `{zone}`"));
        }
        if !self.has_week() {
            let message = "no day of the week has working time".to_owned();
            wrong("week".to_owned(), "no_working_time", message);
        }
        let days = self.week.iter().enumerate().map(|(day, periods)| (format!("week[{day}]"), periods));
        let made_up = self.make_up.iter().map(|(date, periods)| (format!("make_up.{date}"), periods));
        for (at, periods) in days.chain(made_up) {
            if let Some((code, message)) = fault_of_day(periods) {
                wrong(at, code, message);
            }
        }
        for (at, count) in [("holidays", self.holidays.len()), ("make_up", self.make_up.len())] {
            if count > DATES_LIMIT {
                wrong(at.to_owned(), "too_many", format!("at most {DATES_LIMIT} dates are kept"));
            }
        }
        problems
    }
}

/// Periods of a day follow one another.
fn fault_of_day(periods: &[Period]) -> Option<(&'static str, String)> {
    if periods.len() > PERIODS_LIMIT {
        return Some(("too_many", format!("a day has at most {PERIODS_LIMIT} periods")));
    }
    let pairs = periods.iter().zip(periods.iter().skip(1));
    pairs
        .into_iter()
        .find(|(first, second)| second.from < first.until)
        .map(|(first, second)| ("periods_overlap", format!("`{second}` begins before `{first}` has ended")))
}

/// A calendar with the zone its clock runs in: what time is counted by.
#[derive(Clone, Debug)]
pub struct WorkTime<'a> {
    calendar: &'a Calendar,
    zone: TimeZone,
}

/// Working time without a break, half-open.
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl Span {
    fn length(&self) -> SignedDuration {
        self.until.duration_since(self.from)
    }
}

impl<'a> WorkTime<'a> {
    /// `workspace_zone` is the IANA name used where the calendar has no zone; an unknown one counts as UTC.
    pub fn new(calendar: &'a Calendar, workspace_zone: &str) -> Self {
        let name = calendar.time_zone.as_deref().unwrap_or(workspace_zone);
        Self { calendar, zone: TimeZone::get(name).unwrap_or(TimeZone::UTC) }
    }

    /// Counted by the standard calendar, where a workspace has none of its own.
    pub fn standard(workspace_zone: &str) -> WorkTime<'static> {
        static STANDARD: LazyLock<Calendar> =
            LazyLock::new(|| Calendar::standard(CalendarId(uuid::Uuid::nil()), "standard"));
        WorkTime::new(&STANDARD, workspace_zone)
    }

    /// The calendar it counts by.
    pub fn calendar(&self) -> &Calendar {
        self.calendar
    }

    /// The zone its clock runs in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The moment at which so much working time has passed since `start`.
    pub fn add_working(&self, start: Timestamp, minutes: u32) -> Timestamp {
        if minutes == 0 {
            return start;
        }
        let mut left = SignedDuration::from_mins(minutes.into());
        let mut at = start;
        for span in self.spans_after(start) {
            if left <= span.length() {
                return later(span.from, left);
            }
            left -= span.length();
            at = span.until;
        }
        later(at, left)
    }

    /// The moment from which so much working time passes until `end`.
    pub fn subtract_working(&self, end: Timestamp, minutes: u32) -> Timestamp {
        if minutes == 0 {
            return end;
        }
        let mut left = SignedDuration::from_mins(minutes.into());
        let mut at = end;
        for span in self.spans_before(end) {
            if left <= span.length() {
                return later(span.until, -left);
            }
            left -= span.length();
            at = span.from;
        }
        later(at, -left)
    }

    /// Whole minutes of working time from one moment to another; negative where the second comes first.
    pub fn working_between(&self, from: Timestamp, until: Timestamp) -> i64 {
        if until < from {
            return -self.working_between(until, from);
        }
        let mut passed = SignedDuration::ZERO;
        let mut at = from;
        for span in self.spans_after(from) {
            if span.from >= until {
                return passed.as_mins();
            }
            passed += span.until.min(until).duration_since(span.from);
            at = span.until;
        }
        (passed + until.duration_since(at.min(until))).as_mins()
    }

    /// The moment work begins on the first working day after the day of `after`; a day later where there is none.
    pub fn next_working_day(&self, after: Timestamp) -> Timestamp {
        let today = self.zone.to_datetime(after).date();
        let next = days_from(today).skip(1).take(HORIZON_DAYS).find_map(|date| {
            self.calendar.periods_on(date).iter().min().map(|first| self.moment(date, first.from))
        });
        next.unwrap_or_else(|| later(after, SignedDuration::from_hours(24)))
    }

    /// The same time on the clock so many working days later; 0 is `start` itself. Days off are not counted.
    pub fn add_working_days(&self, start: Timestamp, days: u32) -> Timestamp {
        let civil = self.zone.to_datetime(start);
        let Some(nth) = usize::try_from(days).unwrap_or(usize::MAX).checked_sub(1) else { return start };
        let works = |date: &Date| !self.calendar.periods_on(*date).is_empty();
        let date = days_from(civil.date()).skip(1).take(HORIZON_DAYS).filter(works).nth(nth);
        match date {
            Some(date) => self.at(date.to_datetime(civil.time())),
            None => later(start, SignedDuration::from_hours(24 * i64::from(days))),
        }
    }

    /// People work at this moment.
    pub fn is_working(&self, at: Timestamp) -> bool {
        self.spans_after(at).next().is_some_and(|span| span.from == at)
    }

    /// Working time from a moment on, in order and without overlaps.
    fn spans_after(&self, start: Timestamp) -> impl Iterator<Item = Span> {
        let today = self.zone.to_datetime(start).date();
        let last = self.last_day(self.calendar.make_up.last_key_value());
        let days =
            days_from(today).take(HORIZON_DAYS).take_while(move |date| last.is_none_or(|it| *date <= it));
        let mut ended = start;
        days.flat_map(|date| self.spans_on(date)).filter_map(move |span| {
            let span = Span { from: span.from.max(ended), until: span.until };
            ended = span.until.max(ended);
            (span.from < span.until).then_some(span)
        })
    }

    /// Working time up to a moment, the latest first.
    fn spans_before(&self, end: Timestamp) -> impl Iterator<Item = Span> {
        let today = self.zone.to_datetime(end).date();
        let first = self.last_day(self.calendar.make_up.first_key_value());
        let days =
            days_back(today).take(HORIZON_DAYS).take_while(move |date| first.is_none_or(|it| *date >= it));
        let mut began = end;
        days.flat_map(|date| self.spans_on(date).into_iter().rev()).filter_map(move |span| {
            let span = Span { from: span.from, until: span.until.min(began) };
            began = span.from.min(began);
            (span.from < span.until).then_some(span)
        })
    }

    /// Where only make-up days have working time, there is none beyond the outermost of them.
    fn last_day(&self, outermost: Option<(&Date, &Vec<Period>)>) -> Option<Date> {
        match (self.calendar.has_week(), outermost) {
            (true, _) => None,
            (false, Some((date, _))) => Some(*date),
            (false, None) => Some(Date::MIN),
        }
    }

    fn spans_on(&self, date: Date) -> Vec<Span> {
        let span =
            |it: &Period| Span { from: self.moment(date, it.from), until: self.moment(date, it.until) };
        self.calendar.periods_on(date).iter().map(span).collect()
    }

    fn moment(&self, date: Date, minute: u16) -> Timestamp {
        let midnight = date.to_datetime(jiff::civil::Time::midnight());
        let civil = midnight.checked_add(i64::from(minute).minutes()).unwrap_or(DateTime::MAX);
        self.at(civil)
    }

    /// When the clock on the wall shows this. A time that is shown twice means the first one; one that is left out means
    /// the moment of the change. So later on the wall is never earlier.
    fn at(&self, civil: DateTime) -> Timestamp {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let offset = ambiguous.offset();
        let Ok(at) = ambiguous.compatible() else {
            return if civil.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        };
        match offset {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => at,
            AmbiguousOffset::Gap { .. } => {
                let after = later(at, SignedDuration::from_nanos(1));
                self.zone.preceding(after).next().map_or(at, |change| change.timestamp())
            }
        }
    }
}

fn days_from(first: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |date| date.tomorrow().ok())
}

fn days_back(last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(last), |date| date.yesterday().ok())
}

/// Time stops at its ends.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}
