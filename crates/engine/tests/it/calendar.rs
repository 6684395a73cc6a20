//! Counting working time: weeks, holidays, make-up days, changes of the clock; and what holds for any calendar.

use crate::world::*;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use zhupi_engine::Directory;
use zhupi_engine::calendar::{Calendar, DATES_LIMIT, PERIODS_LIMIT, Period, WorkTime};
use zhupi_engine::ids::CalendarId;

fn calendar_id(name: &str) -> CalendarId {
    uuid(name).into()
}

fn standard() -> Calendar {
    Calendar::standard(calendar_id("standard"), "standard")
}

fn periods(texts: &[&str]) -> Vec<Period> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// A moment of the clock in Shanghai, such as `2026-02-13 16:00`.
fn moment(text: &str) -> Timestamp {
    in_zone(text, "Asia/Shanghai")
}

fn in_zone(text: &str, zone: &str) -> Timestamp {
    let civil: jiff::civil::DateTime = text.parse().unwrap();
    civil.in_tz(zone).unwrap().timestamp()
}

#[track_caller]
fn adds(calendar: &Calendar, start: &str, minutes: u32, expected: &str) {
    let time = WorkTime::new(calendar, "Asia/Shanghai");
    assert_eq!(time.add_working(moment(start), minutes), moment(expected), "{start} + {minutes}");
    assert_eq!(time.working_between(moment(start), moment(expected)), i64::from(minutes));
}

#[test]
fn working_time_passes_in_periods_only() {
    // 2026-06-01 is a Monday.
    adds(&standard(), "2026-06-01 09:00", 60, "2026-06-01 10:00");
    adds(&standard(), "2026-06-01 11:30", 60, "2026-06-01 13:30");
    adds(&standard(), "2026-06-01 07:00", 480, "2026-06-01 18:00");
    adds(&standard(), "2026-06-01 17:00", 61, "2026-06-02 09:01");
    adds(&standard(), "2026-06-05 17:59", 2, "2026-06-08 09:01");
    adds(&standard(), "2026-06-06 12:00", 24 * 60, "2026-06-10 18:00");
    adds(&standard(), "2026-06-06 12:00", 0, "2026-06-06 12:00");
}

#[test]
fn working_time_passes_over_holidays() {
    let mut calendar = standard();
    calendar.holidays =
        ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"].map(date).into();
    adds(&calendar, "2026-09-30 17:00", 120, "2026-10-08 10:00");
}

#[test]
fn working_time_passes_on_make_up_days_even_on_a_sunday_or_a_holiday() {
    let mut calendar = standard();
    calendar.make_up.insert(date("2026-06-07"), periods(&["10:00-12:00"]));
    adds(&calendar, "2026-06-05 17:00", 120, "2026-06-07 11:00");
    calendar.holidays.insert(date("2026-06-07"));
    adds(&calendar, "2026-06-05 17:00", 120, "2026-06-07 11:00");
    calendar.make_up.insert(date("2026-06-08"), Vec::new());
    adds(&calendar, "2026-06-05 17:00", 60 + 120 + 1, "2026-06-09 09:01");
}

#[test]
fn working_time_is_counted_backwards_too() {
    let calendar = standard();
    let time = WorkTime::new(&calendar, "Asia/Shanghai");
    for (end, minutes, expected) in [
        ("2026-06-08 09:30", 60, "2026-06-05 17:30"),
        ("2026-06-07 00:00", 480, "2026-06-05 09:00"),
        ("2026-06-01 13:00", 1, "2026-06-01 11:59"),
    ] {
        assert_eq!(time.subtract_working(moment(end), minutes), moment(expected), "{end} - {minutes}");
        assert_eq!(time.working_between(moment(end), moment(expected)), -i64::from(minutes));
    }
}

#[test]
fn the_night_shift_may_end_at_midnight_and_go_on() {
    let night = periods(&["00:00-06:00", "22:00-24:00"]);
    let calendar = Calendar { week: std::array::from_fn(|_| night.clone()), ..standard() };
    adds(&calendar, "2026-06-01 23:00", 120, "2026-06-02 01:00");
}

#[test]
fn the_clock_going_forward_shortens_the_night() {
    let night = periods(&["00:00-02:30", "02:30-06:00"]);
    let calendar = Calendar {
        time_zone: Some("Europe/Berlin".to_owned()),
        week: std::array::from_fn(|_| night.clone()),
        ..standard()
    };
    let time = WorkTime::new(&calendar, "Asia/Shanghai");
    // At 02:00 on 2026-03-29 the clock is put to 03:00; on 2026-10-25 at 03:00 back to 02:00.
    for (day, next, minutes) in [("2026-03-29", "2026-03-30", 300), ("2026-10-25", "2026-10-26", 420)] {
        let begin = in_zone(&format!("{day} 00:00"), "Europe/Berlin");
        let end = in_zone(&format!("{next} 00:00"), "Europe/Berlin");
        assert_eq!(time.working_between(begin, end), minutes, "{day}");
        assert_eq!(time.add_working(begin, minutes as u32), begin + SignedDuration::from_mins(minutes));
    }
}

#[test]
fn a_calendar_keeps_the_clock_of_its_own_zone() {
    let calendar = Calendar { time_zone: Some("Europe/Berlin".to_owned()), ..standard() };
    let time = WorkTime::new(&calendar, "Asia/Shanghai");
    let start = in_zone("2026-06-01 08:00", "Europe/Berlin");
    assert_eq!(time.add_working(start, 60), in_zone("2026-06-01 10:00", "Europe/Berlin"));
}

#[test]
fn the_next_working_day_begins_with_its_first_period() {
    let mut calendar = standard();
    calendar.holidays.insert(date("2026-06-08"));
    let time = WorkTime::new(&calendar, "Asia/Shanghai");
    assert_eq!(time.next_working_day(moment("2026-06-01 08:00")), moment("2026-06-02 09:00"));
    assert_eq!(time.next_working_day(moment("2026-06-05 23:00")), moment("2026-06-09 09:00"));
    assert_eq!(time.add_working_days(moment("2026-06-04 16:20"), 2), moment("2026-06-09 16:20"));
    assert_eq!(time.add_working_days(moment("2026-06-06 16:20"), 0), moment("2026-06-06 16:20"));
    assert!(time.is_working(moment("2026-06-01 09:00")));
    assert!(!time.is_working(moment("2026-06-01 12:00")));
}

#[test]
fn without_working_time_the_clock_on_the_wall_counts() {
    let never = Calendar { week: Default::default(), ..standard() };
    let time = WorkTime::new(&never, "Asia/Shanghai");
    let start = moment("2026-06-01 09:00");
    let hour = SignedDuration::from_mins(60);
    assert_eq!(time.add_working(start, 60), start + hour);
    assert_eq!(time.subtract_working(start, 60), start - hour);
    assert_eq!(time.working_between(start, start + hour), 60);
    assert_eq!(time.next_working_day(start), start + hour * 24);
    assert_eq!(time.add_working_days(start, 2), start + hour * 48);
    // One day of work, and then never again.
    let mut once = never.clone();
    once.make_up.insert(date("2026-06-02"), periods(&["09:00-10:00"]));
    adds(&once, "2026-06-01 09:00", 30, "2026-06-02 09:30");
    adds(&once, "2026-06-01 09:00", 90, "2026-06-02 10:30");
    // Counting ends with time itself.
    assert_eq!(time.add_working(Timestamp::MAX, 60), Timestamp::MAX);
    let calendar = standard();
    let time = WorkTime::new(&calendar, "Asia/Shanghai");
    assert!(time.add_working(start, u32::MAX) > start);
    assert!(time.add_working(Timestamp::MAX, 1) >= Timestamp::MAX);
    assert_eq!(time.subtract_working(Timestamp::MIN, 1), Timestamp::MIN);
}

#[test]
fn periods_read_as_they_are_written() {
    for text in ["09:00-12:00", "00:00-24:00", "23:59-24:00"] {
        assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
    }
    for text in
        ["", "09:00", "9:00-12:00", "12:00-09:00", "09:00-09:00", "09:60-10:00", "09:00-24:01", "+9:00-10:00"]
    {
        assert!(text.parse::<Period>().is_err(), "{text}");
    }
}

#[test]
fn a_calendar_is_read_as_it_is_written() {
    let mut calendar = Calendar { time_zone: Some("Asia/Tokyo".to_owned()), ..standard() };
    calendar.holidays.insert(date("2026-10-01"));
    calendar.make_up.insert(date("2026-10-10"), periods(&["09:00-12:00"]));
    let text = serde_json::to_string(&calendar).unwrap();
    assert!(text.contains(r#""2026-10-10":["09:00-12:00"]"#), "{text}");
    assert_eq!(serde_json::from_str::<Calendar>(&text).unwrap(), calendar);
}

#[test]
fn what_is_wrong_with_a_calendar_is_named() {
    let mut calendar = Calendar {
        name: " ".to_owned(),
        time_zone: Some("Mars/Base".to_owned()),
        week: Default::default(),
        ..standard()
    };
    calendar.make_up.insert(date("2026-10-10"), periods(&["09:00-12:00", "11:00-13:00"]));
    let found: Vec<String> = calendar.check("").iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    assert_eq!(
        found,
        [
            "name required",
            "time_zone time_zone_unknown",
            "week no_working_time",
            "make_up.2026-10-10 periods_overlap"
        ]
    );
    assert_eq!(standard().check(""), []);
}

#[test]
fn a_day_has_so_many_periods_and_a_calendar_so_many_dates() {
    let hours =
        |count: usize| (0..count).map(|hour| periods(&[&format!("{hour:02}:00-{hour:02}:30")])[0]).collect();
    let codes = |calendar: &Calendar| calendar.check("").into_iter().map(|it| it.code).collect::<Vec<_>>();
    let mut calendar = standard();
    calendar.make_up.insert(date("2026-10-10"), hours(PERIODS_LIMIT));
    assert!(codes(&calendar).is_empty());
    calendar.make_up.insert(date("2026-10-10"), hours(PERIODS_LIMIT + 1));
    assert_eq!(codes(&calendar), ["too_many"]);
    calendar.make_up.clear();
    let days = std::iter::successors(Some(date("2026-01-01")), |date| date.tomorrow().ok());
    calendar.holidays = days.clone().take(DATES_LIMIT).collect();
    assert!(codes(&calendar).is_empty());
    calendar.holidays = days.take(DATES_LIMIT + 1).collect();
    assert_eq!(codes(&calendar), ["too_many"]);
}

#[test]
fn periods_may_touch() {
    let mut calendar = standard();
    calendar.make_up.insert(date("2026-10-10"), periods(&["09:00-12:00", "12:00-13:00"]));
    assert_eq!(calendar.check(""), []);
}

fn directory() -> Directory {
    let world = World::new()
        .department("root", "", &[])
        .department("north", "root", &[])
        .department("shop", "north", &[])
        .person("ann", &["shop", "root"])
        .person("bob", &["root"])
        .people(&["cat"]);
    let mut directory = world.directory();
    let named = |name: &str| Calendar { name: name.to_owned(), id: calendar_id(name), ..standard() };
    directory.calendars.all = vec![named("a"), named("b")];
    directory
}

#[test]
fn the_nearest_department_with_a_calendar_counts() {
    let mut directory = directory();
    let name =
        |directory: &Directory, person: &str| directory.calendar_of(user(person)).calendar().name.clone();
    assert_eq!(name(&directory, "ann"), "standard");
    directory.calendars.default = Some(calendar_id("a"));
    assert_eq!(name(&directory, "ann"), "a");
    directory.calendars.of_departments.insert(department("north"), calendar_id("b"));
    assert_eq!(name(&directory, "ann"), "b");
    assert_eq!(name(&directory, "bob"), "a");
    assert_eq!(name(&directory, "cat"), "a");
    assert_eq!(name(&directory, "nobody"), "a");
    assert_eq!(directory.check(), []);
    directory.calendars.of_departments.insert(department("shop"), calendar_id("lost"));
    assert_eq!(name(&directory, "ann"), "b");
    assert_eq!(directory.check().len(), 1);
}

/// A calendar of random periods, holidays and make-up days around the moments that are drawn.
fn any_calendar(random: &mut fastrand::Rng) -> Calendar {
    let mut any_day = || {
        let mut bounds: Vec<u16> = (0..2 * random.usize(0..4)).map(|_| random.u16(0..=1440)).collect();
        bounds.sort_unstable();
        bounds.chunks(2).filter_map(|pair| Period::new(pair[0], pair[1])).collect::<Vec<_>>()
    };
    let week = std::array::from_fn(|_| any_day());
    let made_up: Vec<Vec<Period>> = (0..8).map(|_| any_day()).collect();
    let first = date("2026-03-01");
    let mut any_date = || first.checked_add(jiff::Span::new().days(random.i64(0..300))).unwrap();
    let holidays = (0..30).map(|_| any_date()).collect();
    let make_up = made_up.into_iter().map(|day| (any_date(), day)).collect();
    let zones = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"];
    let zone = random.choice(zones).map(str::to_owned);
    Calendar { time_zone: zone, week, holidays, make_up, ..standard() }
}

#[test]
fn what_is_added_is_between_and_adding_never_goes_back() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let calendar = any_calendar(&mut random);
        let time = WorkTime::new(&calendar, "UTC");
        let start = at(random.i64(60 * 86_400..330 * 86_400));
        let minutes = random.u32(0..10_000);
        let end = time.add_working(start, minutes);
        assert_eq!(time.working_between(start, end), i64::from(minutes), "seed {seed}");
        assert!(time.add_working(start, minutes + random.u32(0..100)) >= end, "seed {seed}");
        let rest = random.u32(0..=minutes);
        let between = time.add_working(start, minutes - rest);
        assert_eq!(time.add_working(between, rest), end, "seed {seed}: in two steps");
        let sooner = start - SignedDuration::from_mins(random.i64(0..3_000));
        assert!(time.add_working(sooner, minutes) <= end, "seed {seed}: started sooner");
        let back = time.subtract_working(end, minutes);
        assert_eq!(time.working_between(back, end), i64::from(minutes), "seed {seed}: back");
        assert!(time.next_working_day(start) > start, "seed {seed}");
    }
}

#[test]
fn an_hour_has_sixty_minutes_and_a_day_ends_at_24() {
    for sound in ["09:00-09:59", "23:59-24:00"] {
        assert!(sound.parse::<Period>().is_ok(), "{sound}");
    }
    for unfit in ["09:00-09:60", "23:00-24:01", "9:00-10:00", "09:00-09:00"] {
        assert!(unfit.parse::<Period>().is_err(), "{unfit}");
    }
}
