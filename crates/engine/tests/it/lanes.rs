//! What is found about the lanes of a branch, each with a near miss that is not: contradictions, lanes that are never
//! taken, overlaps, gaps, and empty values nobody thought of.

use crate::world::*;
use zhupi_engine::condition::*;
use zhupi_engine::form::{Field, FieldKind};
use zhupi_engine::template::*;
use zhupi_engine::{Severity, check_template};

fn number(op: Compare, value: i64) -> Test {
    Test::Number { op, value: value.into(), currency: None }
}

fn range(low: i64, high: i64) -> Test {
    Test::Between { low: low.into(), high: high.into(), ends: Ends::LowOnly, currency: None }
}

fn of(subject: Subject, test: Test) -> Condition {
    Condition { subject, test }
}

fn f(test: Test) -> Condition {
    of(Subject::Field("f".into()), test)
}

fn group(conditions: &[Condition]) -> Group {
    Group { conditions: conditions.to_vec() }
}

fn any_of(groups: &[&[Condition]]) -> When {
    When::AnyOf(groups.iter().map(|it| group(it)).collect())
}

fn found(template: Template) -> Vec<String> {
    let problems = check_template(&template);
    assert!(problems.iter().all(|it| it.severity == Severity::Warning), "{problems:?}");
    problems.iter().map(|it| format!("{} {}", it.path, it.code)).collect()
}

/// Lanes tried in this order, and a default one.
fn lanes(when: Vec<When>) -> Vec<Lane> {
    let drawn = (1..).zip(when).map(|(number, when)| lane(&format!("l{number}"), number, when, vec![]));
    drawn.chain([lane("d", 0, When::Default, vec![])]).collect()
}

fn beside(fields: Vec<Field>, when: Vec<When>) -> Vec<String> {
    found(with_form(fields, vec![ask("n", &["bob"]), branch("b", lanes(when))]))
}

/// Lanes of which each has one group of tests of the field `f`.
#[track_caller]
fn of_field(field: Field, tests: &[&[Test]], expected: &[&str]) {
    let when = |tests: &&[Test]| any_of(&[&tests.iter().cloned().map(f).collect::<Vec<_>>()]);
    let fields = vec![Field { required: true, ..field }];
    assert_eq!(beside(fields, tests.iter().map(when).collect()), expected);
}

#[track_caller]
fn numbers(tests: &[&[Test]], expected: &[&str]) {
    of_field(field("f", FieldKind::Number), tests, expected);
}

const NEVER: [&str; 2] =
    ["flow[1].lanes[0].when[0] group_contradictory", "flow[1].lanes[0].when lane_unreachable"];
const SHADOWED: [&str; 1] = ["flow[1].lanes[1].when lane_shadowed"];
const OVERLAP: [&str; 1] = ["flow[1].lanes[1].when range_overlap"];
const GAP: [&str; 1] = ["flow[1].lanes range_gap"];

#[test]
fn a_group_whose_conditions_exclude_each_other() {
    use Compare::*;
    numbers(&[&[number(Less, 5), number(GreaterOrEqual, 5)]], &NEVER);
    numbers(&[&[number(Greater, 5), number(NotEqual, 7), range(0, 5)]], &NEVER);
    numbers(&[&[Test::IsEmpty, number(Less, 5)]], &NEVER);
    numbers(&[&[number(LessOrEqual, 5), number(GreaterOrEqual, 5), number(NotEqual, 5)]], &NEVER);
    numbers(&[&[number(LessOrEqual, 5), number(GreaterOrEqual, 5)]], &[]);
}

#[test]
fn choices_that_exclude_each_other() {
    let select = || choice("f", FieldKind::Select, &["a", "b", "c"]);
    let among = |it: &[&str]| Test::In { options: it.iter().map(|it| (*it).into()).collect() };
    let not = |it: &str| Test::NotIn { options: vec![it.into()] };
    of_field(select(), &[&[among(&["a"]), among(&["b"])]], &NEVER);
    of_field(select(), &[&[among(&["a", "b"]), not("a"), not("b")]], &NEVER);
    of_field(select(), &[&[among(&["a"]), not("b")]], &[]);

    let many = || choice("f", FieldKind::MultiSelect, &["a", "b", "c"]);
    let chosen = |op, it: &[&str]| Test::Choices { op, options: it.iter().map(|it| (*it).into()).collect() };
    let [equals, all] = [SetOp::Equals, SetOp::ContainsAll];
    let [any, none] = [SetOp::ContainsAny, SetOp::ContainsNone];
    of_field(many(), &[&[chosen(all, &["a"]), chosen(none, &["a", "b"])]], &NEVER);
    of_field(many(), &[&[chosen(equals, &["a"]), chosen(all, &["b"])]], &NEVER);
    of_field(many(), &[&[chosen(any, &["a", "b"]), chosen(none, &["a"])]], &[]);
    of_field(many(), &[&[chosen(any, &["a", "b"])], &[chosen(equals, &["b", "c"])]], &SHADOWED);
    of_field(many(), &[&[chosen(all, &["a", "b"])], &[chosen(any, &["a", "b"])]], &[]);
}

#[test]
fn people_and_scopes_that_exclude_each_other() {
    let people = |op, names: &[&str]| Test::People { op, users: names.iter().map(|it| user(it)).collect() };
    let initiator = |test| of(Subject::Initiator, test);
    let one = |names| initiator(people(SetOp::ContainsAny, names));
    let both = |conditions: &[Condition]| beside(vec![], vec![any_of(&[conditions])]);
    assert_eq!(both(&[one(&["ann"]), one(&["bob"])]), NEVER);
    assert_eq!(both(&[one(&["ann", "bob"]), one(&["bob"])]), [""; 0]);

    let scope = |name: &str| Scope { departments: vec![department(name)], ..Scope::default() };
    let inside = |name: &str| initiator(Test::Belongs { scope: scope(name) });
    let outside = |name: &str| initiator(Test::NotBelongs { scope: scope(name) });
    assert_eq!(both(&[inside("D1"), outside("D1")]), NEVER);
    assert_eq!(both(&[inside("D1"), outside("D2")]), [""; 0]);
    let lanes = vec![any_of(&[&[inside("D1")]]), any_of(&[&[inside("D1"), inside("D2")]])];
    assert_eq!(beside(vec![], lanes), SHADOWED);
}

#[test]
fn texts_days_and_lengths_that_exclude_each_other() {
    let text = |op, value: &str| Test::Text { op, values: vec![value.to_owned()], ignore_case: false };
    let note = || field("f", FieldKind::Text);
    of_field(note(), &[&[text(TextOp::Equal, "abc"), text(TextOp::StartsWith, "b")]], &NEVER);
    of_field(note(), &[&[text(TextOp::Equal, "abc"), text(TextOp::Contains, "b")]], &[]);
    of_field(note(), &[&[text(TextOp::Contains, "b")], &[text(TextOp::Equal, "abc")]], &SHADOWED);

    let day = |op, day| Test::Date { op, value: jiff::civil::date(2026, 1, day) };
    let date = || field("f", FieldKind::Date);
    of_field(date(), &[&[day(Compare::Greater, 4), day(Compare::Less, 5)]], &NEVER);
    of_field(date(), &[&[day(Compare::Greater, 3), day(Compare::Less, 5)]], &[]);
    // 2026-01-04 is a Sunday.
    let weekday = |day| Test::Weekday { days: vec![day] };
    of_field(date(), &[&[day(Compare::Equal, 4), weekday(1)]], &NEVER);
    of_field(date(), &[&[day(Compare::Equal, 4), weekday(7)]], &[]);
    of_field(date(), &[&[weekday(6), weekday(7)]], &NEVER);

    let files = |op, value| Test::CountIs { op, value };
    let file = || field("f", FieldKind::File);
    of_field(file(), &[&[files(Compare::Greater, 1), files(Compare::Less, 2)]], &NEVER);
    of_field(file(), &[&[Test::IsEmpty, files(Compare::Greater, 0)]], &NEVER);
    of_field(file(), &[&[Test::IsEmpty, files(Compare::Less, 1)]], &[]);
}

#[test]
fn comparisons_with_another_field_that_exclude_each_other() {
    let other = |op, id: &str| f(Test::Field { op, field: id.into() });
    let fields = || ["f", "g", "h"].map(|it| field(it, FieldKind::Number)).to_vec();
    let both = |conditions: &[Condition]| beside(fields(), vec![any_of(&[conditions])]);
    let [less, greater, at_least] = [Compare::Less, Compare::Greater, Compare::GreaterOrEqual];
    assert_eq!(both(&[other(less, "g"), other(greater, "g")]), NEVER);
    assert_eq!(both(&[other(greater, "g"), other(at_least, "g")]), [""; 0]);
    assert_eq!(both(&[other(less, "g"), other(greater, "h")]), [""; 0]);
    assert_eq!(both(&[f(Test::IsEmpty), other(less, "g")]), NEVER);
}

#[test]
fn one_row_may_differ_from_another() {
    let table = || Field { columns: vec![field("c", FieldKind::Number)], ..field("t", FieldKind::Table) };
    let rows = |figure, test| of(Subject::Rows { table: "t".into(), column: "c".into(), figure }, test);
    let both = |conditions: &[Condition]| beside(vec![table()], vec![any_of(&[conditions])]);
    let (high, low) = (number(Compare::Greater, 10), number(Compare::Less, 5));
    let [any, all] = [Figure::AnyRow, Figure::AllRows];
    assert_eq!(both(&[rows(any, high.clone()), rows(any, low.clone())]), [""; 0]);
    assert_eq!(both(&[rows(all, high.clone()), rows(any, low.clone())]), NEVER);
    let lanes = vec![any_of(&[&[rows(any, low.clone())]]), any_of(&[&[rows(all, low.clone())]])];
    assert_eq!(beside(vec![table()], lanes), SHADOWED);
    let lanes = vec![any_of(&[&[rows(all, low.clone())]]), any_of(&[&[rows(any, low)]])];
    assert_eq!(beside(vec![table()], lanes), [""; 0]);
}

#[test]
fn a_lane_that_an_earlier_one_always_forestalls() {
    use Compare::*;
    numbers(&[&[number(Greater, 5)], &[number(Greater, 10)]], &SHADOWED);
    numbers(&[&[Test::NotEmpty], &[number(Less, 5)]], &SHADOWED);
    numbers(&[&[number(Greater, 10)], &[number(Greater, 5)]], &[]);
    numbers(&[&[number(Less, 5)], &[number(LessOrEqual, 5)]], &[]);
    let dollars = Test::Number { op: Greater, value: 10.into(), currency: Some("USD".to_owned()) };
    of_field(field("f", FieldKind::Money), &[&[number(Greater, 5)], &[dollars]], &[]);
}

#[test]
fn a_lane_that_several_earlier_ones_forestall_together() {
    use Compare::*;
    let third = ["flow[1].lanes[2].when lane_shadowed"];
    numbers(&[&[number(Less, 10)], &[range(10, 30)], &[range(5, 20)]], &third);
    numbers(
        &[&[number(Less, 10)], &[range(10, 20)], &[range(5, 30)]],
        &["flow[1].lanes[2].when range_overlap"],
    );
    // Two facts: what the first lane leaves of the one, the second takes by the other.
    let fields = || vec![field("f", FieldKind::Number), field("g", FieldKind::Number)];
    let g = |test| of(Subject::Field("g".into()), test);
    let small = any_of(&[&[f(number(Less, 5)), g(number(Less, 5))]]);
    let some = |op| any_of(&[&[f(number(Less, 5)), g(number(op, 5))]]);
    assert_eq!(beside(fields(), vec![some(Less), some(GreaterOrEqual), small.clone()]), third);
    assert_eq!(beside(fields(), vec![some(Greater), some(Equal), small]), [""; 0]);
    // The first takes more of the one fact than the last could leave of it.
    let wide = || any_of(&[&[f(number(Less, 10)), g(number(Less, 5))]]);
    let rest = |low| any_of(&[&[f(range(0, 5)), g(number(GreaterOrEqual, low))]]);
    let last = || any_of(&[&[f(range(0, 5)), g(Test::NotEmpty)]]);
    assert_eq!(beside(fields(), vec![wide(), rest(5), last()]), third);
    assert_eq!(beside(fields(), vec![wide(), rest(6), last()]), [""; 0]);
}

#[test]
fn a_lane_that_cannot_be_reached_where_it_stands() {
    use Compare::*;
    let inner = |test| {
        branch("c", vec![lane("i", 1, any_of(&[&[f(test)]]), vec![]), lane("e", 2, When::Default, vec![])])
    };
    let nested = |outer: When, within: Vec<Block>, beside: Vec<Block>| {
        let lanes = vec![lane("l", 1, outer, within), lane("d", 2, When::Default, beside)];
        found(with_form(vec![field("f", FieldKind::Number)], vec![ask("n", &["bob"]), branch("b", lanes)]))
    };
    let small = || any_of(&[&[f(number(Less, 100))]]);
    let unreachable = ["flow[1].lanes[0].blocks[0].lanes[0].when lane_unreachable"];
    assert_eq!(nested(small(), vec![inner(number(Greater, 500))], vec![]), unreachable);
    assert_eq!(nested(small(), vec![inner(number(Greater, 50))], vec![]), [""; 0]);
    let unreachable = ["flow[1].lanes[1].blocks[0].lanes[0].when lane_unreachable"];
    assert_eq!(nested(small(), vec![], vec![inner(number(Less, 50))]), unreachable);
    assert_eq!(nested(small(), vec![], vec![inner(number(Less, 150))]), [""; 0]);
}

#[test]
fn a_default_lane_drawn_in_vain() {
    use Compare::*;
    let drawn = |tests: Vec<Test>| {
        let lanes = (1..)
            .zip(tests)
            .map(|(number, test)| lane(&format!("l{number}"), number, any_of(&[&[f(test)]]), vec![]));
        let lanes = lanes.chain([lane("d", 0, When::Default, vec![cc("told", &["dan"])])]).collect();
        found(with_form(vec![field("f", FieldKind::Number)], vec![ask("n", &["bob"]), branch("b", lanes)]))
    };
    let vain = ["flow[1].lanes[3] lane_unreachable"];
    assert_eq!(drawn(vec![number(Less, 5), number(GreaterOrEqual, 5), Test::IsEmpty]), vain);
    assert_eq!(drawn(vec![number(Less, 5), number(GreaterOrEqual, 5)]), [""; 0]);
}

#[test]
fn ranges_that_overlap() {
    use Compare::*;
    numbers(&[&[range(0, 100)], &[range(50, 200)]], &OVERLAP);
    numbers(&[&[number(LessOrEqual, 100)], &[number(GreaterOrEqual, 100)]], &OVERLAP);
    numbers(&[&[range(0, 100)], &[range(100, 200)]], &[]);
    // The wider one after the narrower is meant so.
    numbers(&[&[number(Greater, 1000)], &[number(Greater, 100)]], &[]);
    let day = |first, last| Test::DateBetween {
        first: jiff::civil::date(2026, 1, first),
        last: jiff::civil::date(2026, 1, last),
    };
    of_field(field("f", FieldKind::Date), &[&[day(1, 10)], &[day(10, 20)]], &OVERLAP);
    of_field(field("f", FieldKind::Date), &[&[day(1, 10)], &[day(11, 20)]], &[]);
}

#[test]
fn values_between_two_lanes_that_neither_takes() {
    use Compare::*;
    numbers(&[&[number(Less, 100)], &[number(Greater, 100)]], &GAP);
    numbers(&[&[range(0, 10)], &[range(11, 20)]], &GAP);
    numbers(&[&[range(10, 20)], &[range(0, 10)], &[number(GreaterOrEqual, 20)]], &[]);
    numbers(&[&[number(Less, 100)], &[number(GreaterOrEqual, 100)]], &[]);
    let days =
        |op, value| of(Subject::Duration { field: "f".into(), unit: DurationUnit::Days }, number(op, value));
    let period = || vec![field("f", FieldKind::DateRange)];
    let lanes = |low| vec![any_of(&[&[days(LessOrEqual, 2)]]), any_of(&[&[days(GreaterOrEqual, low)]])];
    assert_eq!(beside(period(), lanes(4)), GAP);
    assert_eq!(beside(period(), lanes(3)), [""; 0]);
}

#[test]
fn gaps_are_told_in_words() {
    use Compare::*;
    let lanes = lanes(vec![any_of(&[&[f(number(Less, 10))]]), any_of(&[&[f(number(Greater, 20))]])]);
    let template =
        with_form(vec![field("f", FieldKind::Number)], vec![ask("n", &["bob"]), branch("b", lanes)]);
    let messages: Vec<String> = check_template(&template).into_iter().map(|it| it.message).collect();
    assert_eq!(
        messages,
        ["10 (included) to 20 (included) falls between two lanes and takes the default one"]
    );
}

#[test]
fn a_denial_that_forgets_the_empty_value() {
    let fields = |required| vec![Field { required, ..choice("f", FieldKind::Select, &["a", "b"]) }];
    let not = || f(Test::NotIn { options: vec!["a".into()] });
    let forgotten = ["flow[1].lanes[0].when[0][0].test empty_not_covered"];
    assert_eq!(beside(fields(false), vec![any_of(&[&[not()]])]), forgotten);
    assert_eq!(beside(fields(true), vec![any_of(&[&[not()]])]), [""; 0]);
    assert_eq!(beside(fields(false), vec![any_of(&[&[not()], &[f(Test::IsEmpty)]])]), [""; 0]);
    assert_eq!(beside(fields(false), vec![any_of(&[&[not(), f(Test::NotEmpty)]])]), [""; 0]);
    let among = f(Test::In { options: vec!["b".into()] });
    assert_eq!(beside(fields(false), vec![any_of(&[&[among]])]), [""; 0]);
}

#[test]
fn what_is_too_much_to_tell_is_left_alone() {
    let options: Vec<String> = (0..40).map(|it| it.to_string()).collect();
    let names: Vec<&str> = options.iter().map(String::as_str).collect();
    let many = || choice("f", FieldKind::MultiSelect, &names);
    let chosen = |it: &str| Test::Choices { op: SetOp::ContainsAll, options: vec![it.into()] };
    let all: Vec<Test> = names.iter().map(|it| chosen(it)).collect();
    let lanes: Vec<&[Test]> = all.iter().map(std::slice::from_ref).collect();
    of_field(many(), &lanes, &[]);
    of_field(many(), &[&all, &[chosen("1")]], &[]);
}

#[test]
fn a_scope_that_names_nobody() {
    let lanes = |users: Vec<zhupi_engine::ids::UserId>| {
        let scope = Scope { users, ..Scope::default() };
        vec![any_of(&[&[of(Subject::Initiator, Test::Belongs { scope })]])]
    };
    assert_eq!(beside(vec![], lanes(vec![])), ["flow[1].lanes[0].when[0][0] scope_empty"]);
    assert_eq!(beside(vec![], lanes(vec![user("ann")])), [""; 0]);
}
