//! B10: which lane is taken.

use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::condition::{
    Compare, Condition, DurationUnit, Ends, Facts, Figure, Group, Scope, SetOp, Subject, Test, TextOp,
    evaluate_groups,
};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind, Form, read_values};
use zhupi_engine::ids::UserId;
use zhupi_engine::template::{Approval, Block, Lane, When};
use zhupi_engine::{Status, Submit};

fn world() -> World {
    World::new()
        .department("D1", "", &[])
        .department("D2", "D1", &[])
        .person("ann", &["D2"])
        .person("two", &["D1", "D2"])
        .role("R", &["bob"])
        .group("G", &["cid"])
}

fn fields() -> Vec<Field> {
    let columns = vec![field("price", FieldKind::Money), field("what", FieldKind::Text)];
    vec![
        field("num", FieldKind::Number),
        field("num2", FieldKind::Number),
        field("money", FieldKind::Money),
        field("money2", FieldKind::Money),
        field("text", FieldKind::Text),
        field("address", FieldKind::Address),
        field("date", FieldKind::Date),
        field("date2", FieldKind::Date),
        field("range", FieldKind::DateRange),
        choice("one", FieldKind::Select, &["a", "b"]),
        choice("many", FieldKind::MultiSelect, &["a", "b", "c"]),
        field("who", FieldKind::Contact),
        field("where", FieldKind::Department),
        field("files", FieldKind::File),
        Field { columns, ..field("rows", FieldKind::Table) },
    ]
}

/// Whether a test of a subject holds for these values; the day is 2026-01-01, a Thursday.
fn holds_of(subject: Subject, test: Test, values: Json) -> bool {
    let form = read_values(&Form { fields: fields() }, values.as_object().unwrap()).unwrap();
    let directory = world().directory();
    let fields = Form { fields: fields() };
    let facts = Facts {
        fields: &fields,
        form: &form,
        initiator: user("ann"),
        department: Some(department("D2")),
        today: jiff::civil::date(2026, 1, 1),
        directory: &directory,
        instance: None,
    };
    evaluate_groups(&[Group { conditions: vec![Condition { subject, test }] }], &facts).holds
}

fn holds(field: &str, test: Test, value: Json) -> bool {
    holds_of(Subject::Field(field.into()), test, json!({ field: value }))
}

fn number(op: Compare, value: &str) -> Test {
    Test::Number { op, value: value.parse().unwrap(), currency: None }
}

#[test]
fn numbers_are_exact_decimals() {
    use Compare::*;
    assert!(holds("num", number(Equal, "0.3"), json!("0.30")));
    assert!(holds("num", number(Equal, "9007199254740993"), json!(9007199254740993_i64)));
    assert!(!holds("num", number(Equal, "9007199254740992"), json!("9007199254740993")));
    let cases =
        [(Less, [true, false, false]), (LessOrEqual, [true, true, false]), (Equal, [false, true, false])];
    let more = [
        (NotEqual, [true, false, true]),
        (GreaterOrEqual, [false, true, true]),
        (Greater, [false, false, true]),
    ];
    for (op, expected) in cases.into_iter().chain(more) {
        assert_eq!(
            ["4.99", "5", "5.01"].map(|it| holds("num", number(op, "5"), json!(it))),
            expected,
            "{op:?}"
        );
    }
}

#[test]
fn adjacent_ranges_neither_gap_nor_overlap_by_default() {
    let between = |ends| Test::Between { low: 1.into(), high: 2.into(), ends, currency: None };
    let at = |ends| ["0.9", "1", "1.5", "2"].map(|it| holds("num", between(ends), json!(it)));
    assert_eq!(at(Ends::default()), [false, true, true, false]);
    assert_eq!(at(Ends::Both), [false, true, true, true]);
    assert_eq!(at(Ends::HighOnly), [false, false, true, true]);
    assert_eq!(at(Ends::Neither), [false, false, true, false]);
}

#[test]
fn the_currency_has_to_match() {
    let test = |currency: &str| Test::Number {
        op: Compare::Greater,
        value: 5.into(),
        currency: Some(currency.to_owned()),
    };
    assert!(holds("money", test("CNY"), json!("10")));
    assert!(!holds("money", test("USD"), json!("10")));
    assert!(holds("money", test("USD"), json!({"amount": "10", "currency": "USD"})));
}

/// A constant without a currency is in the currency of the control.
#[test]
fn an_amount_in_another_currency_than_its_control_is_not_compared() {
    let dollars = |amount: &str| json!({"amount": amount, "currency": "USD"});
    assert!(!holds("money", number(Compare::Greater, "5"), dollars("10")));
    assert!(!holds("money", number(Compare::Less, "50"), dollars("10")));
    let between = Test::Between { low: 1.into(), high: 20.into(), ends: Ends::Both, currency: None };
    assert!(!holds("money", between.clone(), dollars("10")) && holds("money", between, json!("10")));
}

#[test]
fn amounts_of_several_currencies_have_no_sum() {
    let sum = |test: Test, rows: Json| {
        let (table, column) = ("rows".into(), "price".into());
        holds_of(Subject::Rows { table, column, figure: Figure::Sum }, test, json!({ "rows": rows }))
    };
    let dollars = json!({"price": {"amount": "5", "currency": "USD"}});
    let mixed = json!([{"price": "5"}, dollars.clone()]);
    assert!(!sum(number(Compare::Greater, "1"), mixed.clone()) && sum(Test::IsEmpty, mixed));
    let in_dollars = Test::Number { op: Compare::Equal, value: 10.into(), currency: Some("USD".to_owned()) };
    assert!(sum(in_dollars, json!([dollars.clone(), dollars.clone()])));
    assert!(!sum(number(Compare::Equal, "5"), json!([dollars])));
}

#[test]
fn every_comparison_is_false_on_an_empty_value_except_is_empty() {
    let empty = |test| holds_of(Subject::Field("num".into()), test, json!({}));
    assert!(empty(Test::IsEmpty) && !empty(Test::NotEmpty));
    assert!(!empty(number(Compare::NotEqual, "5")) && !empty(number(Compare::Less, "5")));
    let not_in = Test::NotIn { options: vec!["a".into()] };
    assert!(!holds_of(Subject::Field("one".into()), not_in, json!({})));
    let none = Test::Choices { op: SetOp::ContainsNone, options: vec!["a".into()] };
    assert!(!holds_of(Subject::Field("many".into()), none, json!({})));
    let outside = Test::NotBelongs { scope: Scope { users: vec![user("bob")], ..Scope::default() } };
    assert!(!holds_of(Subject::Field("who".into()), outside, json!({})));
}

#[test]
fn texts_are_trimmed_and_case_sensitive_by_default() {
    let text = |op, value: &str, ignore_case| Test::Text { op, values: vec![value.to_owned()], ignore_case };
    assert!(holds("text", text(TextOp::Equal, "Red", false), json!("  Red ")));
    assert!(!holds("text", text(TextOp::Equal, "red", false), json!("Red")));
    assert!(holds("text", text(TextOp::Equal, "red", true), json!("Red")));
    assert!(holds("text", text(TextOp::Contains, "ed", false), json!("Reds")));
    assert!(holds("text", text(TextOp::StartsWith, "Re", false), json!("Reds")));
    assert!(holds("text", text(TextOp::NotEqual, "x", false), json!("Reds")));
}

#[test]
fn single_choices_compare_option_ids() {
    let options = vec!["a".into()];
    assert!(holds("one", Test::In { options: options.clone() }, json!("a")));
    assert!(!holds("one", Test::NotIn { options: options.clone() }, json!("a")));
    assert!(holds("one", Test::NotIn { options }, json!("b")));
}

#[test]
fn multi_choices_compare_as_sets() {
    let test = |op| Test::Choices { op, options: vec!["a".into(), "b".into()] };
    let at = |op| {
        [json!(["b", "a"]), json!(["a"]), json!(["a", "b", "c"]), json!(["c"])]
            .map(|it| holds("many", test(op), it))
    };
    assert_eq!(at(SetOp::Equals), [true, false, false, false]);
    assert_eq!(at(SetOp::ContainsAll), [true, false, true, false]);
    assert_eq!(at(SetOp::ContainsAny), [true, true, true, false]);
    assert_eq!(at(SetOp::ContainsNone), [false, false, false, true]);
}

#[test]
fn people_belong_by_person_department_role_and_group() {
    let who =
        |name: &str, scope: Scope| holds("who", Test::Belongs { scope }, json!([user(name).to_string()]));
    assert!(who("bob", Scope { users: vec![user("bob")], ..Scope::default() }));
    assert!(who("bob", Scope { roles: vec![role("R")], ..Scope::default() }));
    assert!(who("cid", Scope { groups: vec![group("G")], ..Scope::default() }));
    assert!(who("ann", Scope { departments: vec![department("D1")], ..Scope::default() }));
    assert!(!who("ann", Scope { departments: vec![department("D1")], exact: true, ..Scope::default() }));
    assert!(who("two", Scope { departments: vec![department("D1")], exact: true, ..Scope::default() }));
    assert!(!who("bob", Scope { departments: vec![department("D1")], ..Scope::default() }));
}

#[test]
fn departments_belong_including_sub_departments() {
    let at = |name: &str, exact| {
        let scope = Scope { departments: vec![department("D1")], exact, ..Scope::default() };
        holds("where", Test::Belongs { scope }, json!([department(name).to_string()]))
    };
    assert_eq!([at("D2", false), at("D2", true), at("D1", true)], [true, false, true]);
}

#[test]
fn the_initiator_stands_in_the_department_he_chose() {
    let scope = |name| Scope { departments: vec![department(name)], exact: true, ..Scope::default() };
    let belongs = |name| holds_of(Subject::Initiator, Test::Belongs { scope: scope(name) }, json!({}));
    assert_eq!([belongs("D2"), belongs("D1")], [true, false]);
}

/// The WPS seed's own sample: an initiator condition that names nobody restricts nothing.
#[test]
fn an_empty_scope_restricts_nothing() {
    assert!(holds_of(Subject::Initiator, Test::Belongs { scope: Scope::default() }, json!({})));
}

#[test]
fn people_as_sets() {
    let test = |op, names: &[&str]| Test::People {
        op,
        users: names.iter().map(|it| user(it)).collect::<Vec<UserId>>(),
    };
    let both = json!([user("bob").to_string(), user("cid").to_string()]);
    assert!(holds("who", test(SetOp::Equals, &["cid", "bob"]), both.clone()));
    assert!(holds("who", test(SetOp::ContainsAny, &["cid", "ann"]), both.clone()));
    assert!(holds("who", test(SetOp::ContainsNone, &["ann"]), both));
    assert!(holds_of(Subject::Initiator, test(SetOp::Equals, &["ann"]), json!({})));
}

#[test]
fn dates_compare_as_dates() {
    let day = jiff::civil::date(2026, 1, 10);
    assert!(holds("date", Test::Date { op: Compare::Equal, value: day }, json!("2026-01-10T23:59")));
    assert!(holds("date", Test::Date { op: Compare::Less, value: day }, json!("2026-01-09")));
    let between = Test::DateBetween { first: day, last: day };
    assert!(
        holds("date", between.clone(), json!("2026-01-10")) && !holds("date", between, json!("2026-01-11"))
    );
    assert!(holds("date", Test::WithinDays { days: 9 }, json!("2026-01-10")));
    assert!(!holds("date", Test::WithinDays { days: 8 }, json!("2026-01-10")));
    assert!(holds("date", Test::WithinDays { days: 1 }, json!("2025-12-31")));
    assert!(holds("date", Test::Weekday { days: vec![4] }, json!("2026-01-01")));
    assert!(!holds("date", Test::Weekday { days: vec![6, 7] }, json!("2026-01-01")));
}

#[test]
fn ranges_have_a_duration() {
    let length = |unit, op, value: &str, start: &str, end: &str| {
        let subject = Subject::Duration { field: "range".into(), unit };
        holds_of(subject, number(op, value), json!({"range": {"start": start, "end": end}}))
    };
    assert!(length(DurationUnit::Days, Compare::Equal, "2", "2026-01-05", "2026-01-06"));
    assert!(length(DurationUnit::HalfDays, Compare::Equal, "4", "2026-01-05", "2026-01-06"));
    assert!(length(DurationUnit::HalfDays, Compare::Equal, "2", "2026-01-05T13:00", "2026-01-06T11:00"));
    assert!(length(DurationUnit::HalfDays, Compare::Equal, "3", "2026-01-05T13:00", "2026-01-06"));
    assert!(length(DurationUnit::HalfDays, Compare::Equal, "3", "2026-01-05", "2026-01-06T11:00"));
    assert!(length(DurationUnit::Hours, Compare::Equal, "1.5", "2026-01-05T09:00", "2026-01-05T10:30"));
}

#[test]
fn tables_have_figures() {
    let rows = json!({"rows": [{"price": "1.10", "what": "ink"}, {"price": "2.20", "what": "pen"}, {"what": "pen"}]});
    let figure = |figure, test| {
        let subject = Subject::Rows { table: "rows".into(), column: "price".into(), figure };
        holds_of(subject, test, rows.clone())
    };
    assert!(figure(Figure::Sum, number(Compare::Equal, "3.3")));
    assert!(figure(Figure::Max, number(Compare::Equal, "2.2")));
    assert!(figure(Figure::Min, number(Compare::Equal, "1.1")));
    assert!(figure(Figure::Count, number(Compare::Equal, "3")));
    assert!(figure(Figure::AnyRow, number(Compare::Greater, "2")));
    assert!(!figure(Figure::AllRows, number(Compare::Greater, "1")), "the third row has no price");
    let pens = |figure| {
        let subject = Subject::Rows { table: "rows".into(), column: "what".into(), figure };
        let pen = Test::Text { op: TextOp::Equal, values: vec!["pen".to_owned()], ignore_case: false };
        holds_of(subject, pen, rows.clone())
    };
    assert!(pens(Figure::AnyRow) && !pens(Figure::AllRows));
}

#[test]
fn two_fields_of_one_type_compare() {
    let test = |op| Test::Field { op, field: "num2".into() };
    let at = |op| holds_of(Subject::Field("num".into()), test(op), json!({"num": "5", "num2": "7"}));
    assert!(at(Compare::Less) && !at(Compare::Equal) && at(Compare::NotEqual));
    assert!(!holds_of(Subject::Field("num".into()), test(Compare::NotEqual), json!({"num": "5"})));
}

#[test]
fn two_dates_compare_by_their_days() {
    let at = |op, other: &str| {
        let test = Test::Field { op, field: "date2".into() };
        holds_of(Subject::Field("date".into()), test, json!({"date": "2026-01-02T09:00", "date2": other}))
    };
    assert!(at(Compare::Less, "2026-01-03T08:00") && !at(Compare::Less, "2026-01-02T10:00"));
    assert!(at(Compare::Equal, "2026-01-02T10:00") && at(Compare::Greater, "2026-01-01T23:00"));
}

#[test]
fn an_address_is_looked_through_like_a_text() {
    let contains =
        |value: &str| Test::Text { op: TextOp::Contains, values: vec![value.to_owned()], ignore_case: false };
    let address = || json!({"region": ["浙江省", "杭州市"], "detail": "文三路"});
    assert!(holds("address", contains("杭州"), address()));
    assert!(holds("address", contains("文三路"), address()));
    assert!(!holds("address", contains("上海"), address()));
}

#[test]
fn files_have_a_count_and_extensions() {
    let files = || json!([{"name": "a.PDF"}, {"name": "b.txt"}]);
    assert!(holds("files", Test::CountIs { op: Compare::Equal, value: 2 }, files()));
    assert!(holds("files", Test::HasExtension { extensions: vec!["pdf".to_owned()] }, files()));
    assert!(!holds("files", Test::HasExtension { extensions: vec!["png".to_owned()] }, files()));
    let none = Test::CountIs { op: Compare::Equal, value: 0 };
    assert!(holds_of(Subject::Field("files".into()), none, json!({})));
}

// ---- lanes ----

fn over(limit: i64) -> When {
    let test = Test::Number { op: Compare::Greater, value: limit.into(), currency: None };
    When::AnyOf(vec![Group { conditions: vec![Condition { subject: Subject::Field("num".into()), test }] }])
}

fn taken(lanes: Vec<Lane>, num: Json) -> String {
    let template = with_form(fields(), vec![branch("b", lanes), ask("after", &["bob"])]);
    let run = Run::start_with(world().people(&["x", "y", "z"]), template, "ann", json!({ "num": num }));
    let lane = run.instance.lanes[0].lane.to_string();
    format!("{lane} {}", run.pending())
}

#[test]
fn the_first_lane_by_priority_that_holds_is_taken_and_the_default_is_last_whatever_its_number() {
    let lanes = || {
        vec![
            lane("d", 0, When::Default, vec![]),
            lane("big", 2, over(100), vec![ask("x", &["x"])]),
            lane("huge", 1, over(1000), vec![ask("y", &["y"])]),
        ]
    };
    assert_eq!(taken(lanes(), json!(5000)), "huge y");
    assert_eq!(taken(lanes(), json!(500)), "big x");
    assert_eq!(taken(lanes(), json!(5)), "d bob", "an empty lane goes on behind the branch");
    assert_eq!(taken(lanes(), Json::Null), "d bob");
}

#[test]
fn groups_are_or_and_conditions_in_a_group_are_and() {
    let condition = |op, value: i64| Condition {
        subject: Subject::Field("num".into()),
        test: Test::Number { op, value: value.into(), currency: None },
    };
    let low_or_middle = When::AnyOf(vec![
        Group { conditions: vec![condition(Compare::Less, 10)] },
        Group { conditions: vec![condition(Compare::Greater, 50), condition(Compare::Less, 60)] },
    ]);
    let lanes = || vec![lane("l", 1, low_or_middle.clone(), vec![]), lane("d", 2, When::Default, vec![])];
    let taken = |num: i64| taken(lanes(), json!(num)).split(' ').next().unwrap().to_owned();
    assert_eq!([taken(5), taken(30), taken(55), taken(70)], ["l", "d", "l", "d"]);
}

#[test]
fn behind_a_lane_the_flow_goes_on_behind_its_branch() {
    let inner = branch("inner", vec![lane("i", 1, When::Default, vec![ask("x", &["x"])])]);
    let lanes = vec![lane("l", 1, When::Default, vec![inner])];
    let template = with_form(fields(), vec![branch("b", lanes), ask("after", &["bob"])]);
    let run = Run::submit(world().people(&["x"]), template, "ann", Submit::default()).unwrap();
    assert_eq!(run.approve("x").pending(), "bob");
}

#[test]
fn inputs_and_result_of_each_lane_tried_are_kept() {
    let lanes = vec![lane("l", 1, over(100), vec![]), lane("d", 2, When::Default, vec![])];
    let template = with_form(fields(), vec![branch("b", lanes), ask("n", &["bob"])]);
    let run = Run::start_with(world(), template, "ann", json!({"num": "7"}));
    let tried = run.events.iter().find_map(|event| match event {
        zhupi_engine::Event::LaneChosen { tried, .. } => Some(tried.clone()),
        _ => None,
    });
    let tried = tried.unwrap();
    let first = tried[0].outcome.as_ref().unwrap();
    assert_eq!((tried.len(), first.holds, first.groups[0][0].saw.as_deref()), (2, false, Some("7")));
    assert_eq!(tried[1].outcome, None);
}

#[test]
fn what_a_lane_saw_is_told_as_people_would_say_it() {
    let saw = |field: &str, value: Json| {
        let condition = Condition { subject: Subject::Field(field.into()), test: Test::NotEmpty };
        let lanes = vec![
            lane("l", 1, When::AnyOf(vec![Group { conditions: vec![condition] }]), vec![]),
            lane("d", 2, When::Default, vec![]),
        ];
        let template = with_form(fields(), vec![branch("b", lanes), ask("n", &["bob"])]);
        let run = Run::start_with(world(), template, "ann", json!({ field: value }));
        run.events.iter().find_map(|event| match event {
            zhupi_engine::Event::LaneChosen { tried, .. } => {
                tried[0].outcome.clone()?.groups[0][0].saw.clone()
            }
            _ => None,
        })
    };
    assert_eq!(saw("many", json!(["a", "c"])).as_deref(), Some("a, c"));
    let people = json!([user("bob").to_string(), user("ann").to_string()]);
    assert_eq!(saw("who", people).as_deref(), Some("bob, ann"));
    assert_eq!(saw("files", json!([{"name": "a.pdf"}, {"name": "b.pdf"}])).as_deref(), Some("a.pdf, b.pdf"));
}

#[test]
fn a_lane_looks_at_what_the_form_says_when_it_is_come_to() {
    let lanes =
        vec![lane("l", 1, over(100), vec![ask("high", &["cid"])]), lane("d", 2, When::Default, vec![])];
    let edit = FieldAccess([("num".into(), Access::Edit)].into());
    let first = Approval { fields: edit, ..node("first", members(&["bob"])) };
    let template = with_form(fields(), vec![Block::Approval(first), branch("b", lanes)]);
    let begun = || Run::start_with(world(), template.clone(), "ann", json!({"num": "7"}));
    assert_eq!(begun().approve_with("bob", json!({"num": "700"})).pending(), "cid");
    assert_eq!(begun().approve("bob").status(), Status::Approved);
}

#[test]
fn two_amounts_compare_in_one_currency_only() {
    let amount = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let less = |own: Json, other: Json| {
        let test = Test::Field { op: Compare::Less, field: "money2".into() };
        holds_of(Subject::Field("money".into()), test, json!({ "money": own, "money2": other }))
    };
    assert!(less(amount("5", "USD"), amount("7", "USD")));
    assert!(!less(amount("9", "USD"), amount("7", "USD")));
    assert!(!less(amount("5", "USD"), amount("7", "EUR")));
}

#[test]
fn within_days_counts_both_ways_and_noon_begins_the_second_half() {
    let within = |days, date: &str| holds("date", Test::WithinDays { days }, json!(date));
    assert!(within(3, "2025-12-29") && !within(3, "2025-12-28"));
    assert!(within(3, "2026-01-04") && !within(3, "2026-01-05"));
    assert!(within(0, "2026-01-01"));
    let halves = |start: &str, end: &str, count: &str| {
        let subject = Subject::Duration { field: "range".into(), unit: DurationUnit::HalfDays };
        holds_of(subject, number(Compare::Equal, count), json!({"range": {"start": start, "end": end}}))
    };
    assert!(halves("2026-01-05T12:00", "2026-01-05T18:00", "1"));
    assert!(halves("2026-01-05T11:59", "2026-01-05T12:00", "2"));
    assert!(halves("2026-01-05T08:00", "2026-01-05T11:59", "1"));
}

/// B10: a currency has to match, or be converted by a dated rate field.
#[test]
fn an_amount_in_another_currency_is_converted_by_a_dated_rate_of_the_form() {
    let money = |id: &str, currency: &str| Field {
        currency: Some(currency.to_owned()),
        ..field(id, FieldKind::Money)
    };
    let yuan = Field {
        formula: Some(r#"money(round(amount(dollars, "USD") * rate, 2), "CNY")"#.to_owned()),
        ..money("yuan", "CNY")
    };
    let fields =
        vec![money("dollars", "USD"), field("rate", FieldKind::Number), field("of", FieldKind::Date), yuan];
    let about = |field: &str, test| Condition { subject: Subject::Field(field.into()), test };
    let number = |currency: &str| Test::Number {
        op: Compare::Greater,
        value: 5000.into(),
        currency: Some(currency.to_owned()),
    };
    let recent = || about("of", Test::WithinDays { days: 7 });
    let taken = |conditions: Vec<Condition>, rate: &str, of: &str| {
        let lanes = vec![
            lane("big", 1, When::AnyOf(vec![Group { conditions }]), vec![]),
            lane("small", 2, When::Default, vec![]),
        ];
        let flow = vec![branch("b", lanes), ask("after", &["bob"])];
        let form = json!({ "dollars": "800.00", "rate": rate, "of": of });
        let run = Run::start_with(world(), with_form(fields.clone(), flow), "ann", form);
        run.instance.lanes[0].lane.to_string()
    };
    let today = at(0).to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let converted = || vec![about("yuan", number("CNY")), recent()];
    assert_eq!(taken(converted(), "7.1", &today), "big", "5,680 yuan");
    assert_eq!(taken(converted(), "6.2", &today), "small", "4,960 yuan");
    assert_eq!(taken(converted(), "7.1", "2001-01-01"), "small", "the rate is of another day");
    assert_eq!(taken(vec![about("dollars", number("CNY"))], "7.1", &today), "small", "never by itself");
}
