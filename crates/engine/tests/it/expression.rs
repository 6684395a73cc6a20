//! The language of formulas and rules: what it reckons, what it refuses, and that nothing can upset it.

use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::check_template;
use zhupi_engine::form::{Field, FieldKind, Form, Value, compute, read_values, to_plain};

const DAY: &str = "2026-03-05";

/// A form with a control of each kind, and one more that is reckoned.
fn fields(kind: FieldKind, formula: &str) -> Vec<Field> {
    let columns = vec![
        field("price", FieldKind::Money),
        field("number", FieldKind::Number),
        field("day", FieldKind::Date),
    ];
    vec![
        field("a", FieldKind::Number),
        field("b", FieldKind::Number),
        field("none", FieldKind::Number),
        field("12", FieldKind::Number),
        field("金额", FieldKind::Money),
        field("fee", FieldKind::Money),
        Field { currency: Some("USD".to_owned()), ..field("dollars", FieldKind::Money) },
        field("word", FieldKind::Text),
        field("from", FieldKind::Date),
        field("to", FieldKind::Date),
        field("period", FieldKind::DateRange),
        choice("one", FieldKind::Select, &["x", "y"]),
        choice("many", FieldKind::MultiSelect, &["x", "y", "z"]),
        field("files", FieldKind::File),
        Field { columns, ..field("rows", FieldKind::Table) },
        field("where", FieldKind::Address),
        field("mark", FieldKind::Rating),
        field("hint", FieldKind::Info),
        Field { formula: Some(formula.to_owned()), ..field("out", kind) },
    ]
}

fn values() -> Json {
    json!({
        "a": 7, "b": "2.5", "12": 3, "金额": "100.10", "fee": "9.90", "dollars": 5, "word": "Hello 朱批",
        "from": "2026-03-02T18:00", "to": "2026-03-05T09:00",
        "period": {"start": "2026-03-02T09:00", "end": "2026-03-03T11:00"},
        "one": "x", "many": ["x", "z"], "files": [{"name": "a.pdf"}, {"name": "b.pdf"}],
        "rows": [{"price": "1.10", "number": 2, "day": "2026-01-02"}, {"price": "2.20"}, {"number": 4}],
        "where": "文三路", "mark": 4,
    })
}

fn reckon(kind: FieldKind, formula: &str) -> Json {
    let form = Form { fields: fields(kind, formula) };
    let problems = check_template(&with_form(form.fields.clone(), vec![ask("n", &["bob"])]));
    assert!(problems.is_empty(), "{formula}: {problems:?}");
    let data = read_values(&form, values().as_object().unwrap()).unwrap();
    to_plain(&compute(&form, data, DAY.parse().unwrap())).remove("out").unwrap_or(Json::Null)
}

#[track_caller]
fn number(formula: &str, expected: &str) {
    assert_eq!(reckon(FieldKind::Number, formula), json!(expected), "{formula}");
}

#[track_caller]
fn money(formula: &str, expected: &str) {
    assert_eq!(
        reckon(FieldKind::Money, formula),
        json!({"amount": expected, "currency": "CNY"}),
        "{formula}"
    );
}

#[track_caller]
fn text(formula: &str, expected: &str) {
    assert_eq!(reckon(FieldKind::Text, formula), json!(expected), "{formula}");
}

#[track_caller]
fn date(formula: &str, expected: &str) {
    assert_eq!(reckon(FieldKind::Date, formula), json!(expected), "{formula}");
}

/// Whether a condition holds; `None` where it has no answer.
fn condition(formula: &str) -> Option<bool> {
    let yes_or_no = format!("if({formula}, \"yes\", \"no\")");
    reckon(FieldKind::Text, &yes_or_no).as_str().map(|answer| answer == "yes")
}

#[track_caller]
fn empty(kind: FieldKind, formula: &str) {
    assert_eq!(reckon(kind, formula), Json::Null, "{formula}");
}

/// The code of what is wrong with a formula.
#[track_caller]
fn fault(kind: FieldKind, formula: &str, code: &str) {
    let problems = check_template(&with_form(fields(kind, formula), vec![ask("n", &["bob"])]));
    let found: Vec<_> = problems.iter().map(|it| (it.path.as_str(), it.code.as_str())).collect();
    assert_eq!(found, [("form[18].formula", code)], "{formula}: {problems:?}");
}

#[test]
fn numbers_are_exact() {
    number("0.1 + 0.2", "0.3");
    number("a + b * 2", "12");
    number("(a + b) * 2", "19");
    number("-a - -b", "-4.5");
    number("a / b", "2.8");
    number("1 / 3", "0.3333333333333333333333333333");
    number("{12} * 2", "6");
    number("round(2.345, 2)", "2.35");
    number("round(-2.5)", "-3");
    number("floor(2.39, 1)", "2.3");
    number("floor(-2.31, 1)", "-2.4");
    number("ceil(2.31, 1)", "2.4");
    number("abs(b - a)", "4.5");
    number("mark + 1", "5");
    number("length(word)", "8");
}

#[test]
fn amounts_keep_their_currency() {
    money("金额 + fee", "110");
    money("round(金额 * 1.06, 2)", "106.11");
    money("2 * fee", "19.8");
    money("fee / 3 * 3 - fee", "0");
    money("money(5, \"CNY\") + fee", "14.9");
    number("金额 / money(10, \"CNY\")", "10.01");
    number("amount(fee, \"CNY\")", "9.9");
    empty(FieldKind::Number, "amount(fee, \"USD\")");
    fault(FieldKind::Money, "金额 + dollars", "currency_mixed");
    fault(FieldKind::Money, "if(a > 1, fee, dollars)", "currency_mixed");
    fault(FieldKind::Money, "max(fee, dollars)", "currency_mixed");
    fault(FieldKind::Money, "dollars * 7", "currency_mixed");
    fault(FieldKind::Number, "if(fee > dollars, 1, 2)", "currency_mixed");
    fault(FieldKind::Money, "fee + 1", "currency_missing");
    fault(FieldKind::Money, "money(1, word)", "currency_unknown");
    fault(FieldKind::Money, "money(1, \"yuan\")", "currency_unknown");
}

#[test]
fn a_number_beside_an_amount_is_one_in_its_currency() {
    assert_eq!(condition("金额 > 100"), Some(true));
    assert_eq!(condition("100 >= 金额"), Some(false));
    assert_eq!(condition("dollars = 5"), Some(true));
}

#[test]
fn columns_have_figures() {
    money("sum(rows.price)", "3.3");
    money("avg(rows.price)", "1.65");
    money("max(rows.price, fee)", "9.9");
    number("min(rows.number)", "2");
    number("count(rows)", "3");
    number("count(rows.number)", "2");
    number("sum(rows.number, a, 1)", "14");
    number("count(many) + count(files) * 10", "22");
    date("max(rows.day, from)", "2026-03-02T18:00:00");
    fault(FieldKind::Number, "rows.number + 1", "column_alone");
    fault(FieldKind::Number, "sum(rows.word)", "field_unknown");
    fault(FieldKind::Number, "sum(a.word)", "type_mismatch");
    fault(FieldKind::Number, "sum(word)", "type_mismatch");
}

#[test]
fn dates_are_civil() {
    number("to - from", "3");
    number("days(from, to)", "3");
    number("hours(from, to)", "63");
    number("days(period)", "2");
    number("half_days(period)", "3");
    number("hours(period)", "26");
    number("duration(period)", "2");
    date("from + 3", "2026-03-05T18:00:00");
    date("end(period) - 2", "2026-03-01T11:00:00");
    date("today()", DAY);
    date("date(2026, 2, 28) + 1", "2026-03-01");
    empty(FieldKind::Date, "date(2026, 2, 30)");
    empty(FieldKind::Date, "from + 0.5");
    empty(FieldKind::Date, "from + 99999999999");
    number("year(from) * 10000 + month(from) * 100 + day(from)", "20260302");
    number("weekday(from)", "1");
    assert_eq!(condition("to = today()"), Some(true));
    assert_eq!(condition("from < start(period)"), Some(false));
}

#[test]
fn texts_are_joined_and_searched() {
    text(
        "concat(word, \": \", 金额, \", \", one, \" \", from)",
        "Hello 朱批: 100.1 CNY, x 2026-03-02T18:00:00",
    );
    text("concat(word, none, \"\\\"!\\\\\")", "Hello 朱批\"!\\");
    text("text(a)", "7");
    text("where", "文三路");
    assert_eq!(condition("contains(word, \"朱\")"), Some(true));
    assert_eq!(condition("contains(many, \"y\")"), Some(false));
    assert_eq!(condition("one = \"x\""), Some(true));
    fault(FieldKind::Text, "if(one = \"q\", \"a\", \"b\")", "option_unknown");
    fault(FieldKind::Text, "if(contains(many, \"q\"), \"a\", \"b\")", "option_unknown");
    fault(FieldKind::Text, "word + word", "type_mismatch");
}

#[test]
fn what_has_no_words_becomes_no_text() {
    for wordless in ["files", "many", "period", "rows", "a > b"] {
        fault(FieldKind::Text, &format!("text({wordless})"), "type_mismatch");
        fault(FieldKind::Text, &format!("concat(word, {wordless})"), "type_mismatch");
    }
}

#[test]
fn a_label_is_shown_where_an_option_becomes_a_text() {
    let mut one = choice("one", FieldKind::Select, &["x"]);
    one.options[0].label = "Express".to_owned();
    let out = Field { formula: Some("concat(one, \"!\")".to_owned()), ..field("out", FieldKind::Text) };
    let form = Form { fields: vec![one, out] };
    let data = read_values(&form, json!({"one": "x"}).as_object().unwrap()).unwrap();
    assert_eq!(to_plain(&compute(&form, data, DAY.parse().unwrap()))["out"], json!("Express!"));
}

#[test]
fn what_is_empty_makes_empty() {
    for formula in ["none + 1", "-none", "round(none)", "abs(none)", "a / 0", "a / (b - b)", "max(none)"] {
        empty(FieldKind::Number, formula);
    }
    for formula in ["none > 1", "not (none > 1)", "none = none", "none > 1 and true", "none > 1 or false"] {
        assert_eq!(condition(formula), None, "{formula}");
    }
    empty(FieldKind::Number, "if(none > 1, 1, 2)");
    empty(FieldKind::Number, "if(a > 100, 1)");
    empty(FieldKind::Text, "concat(none, none)");
    number("coalesce(none, none + 1, 5)", "5");
    number("sum(none)", "0");
    number("avg(a, none, b)", "4.75");
    number("count(rows.day)", "1");
    assert_eq!(condition("is_empty(none)"), Some(true));
    assert_eq!(condition("is_empty(none) or none > 1"), Some(true));
    assert_eq!(condition("none > 1 and false"), Some(false));
    assert_eq!(condition("is_empty(rows)"), Some(false));
}

#[test]
fn what_is_too_large_is_empty() {
    let nines = "9".repeat(28);
    empty(FieldKind::Number, &format!("{nines} * {nines}"));
    empty(FieldKind::Number, &format!("{nines} * 10 + {nines}"));
    empty(FieldKind::Number, &format!("sum({nines} * 7, {nines} * 7)"));
    let text = |word: &str, times| format!("concat({})", vec![word; times].join(", "));
    let half = text(&text("word", 40), 6);
    assert_eq!(reckon(FieldKind::Text, &half).as_str().unwrap().chars().count(), 40 * 6 * 8);
    let form = |formula: String| {
        let out = Field { formula: Some(formula), ..field("out", FieldKind::Text) };
        Form { fields: vec![field("word", FieldKind::TextArea), out] }
    };
    for (times, fits) in [(2, true), (3, false)] {
        let form = form(text("word", times));
        let data = read_values(&form, json!({"word": "字".repeat(10_000)}).as_object().unwrap()).unwrap();
        assert_eq!(compute(&form, data, DAY.parse().unwrap()).get(&"out".into()).is_some(), fits);
    }
}

#[test]
fn operators_bind_as_in_school() {
    assert_eq!(condition("1 + 2 * 3 = 7 and not 1 > 2 or 1 / 0 > 1"), Some(true));
    assert_eq!(condition("true or true and false"), Some(true));
    assert_eq!(condition("not false and false"), Some(false));
    assert_eq!(condition("1 <> 2 and 2 == 2 and 1 != 2"), Some(true));
    number("10 - 3 - 2", "5");
    number("12 / 3 / 2", "2");
    number("2 - -2", "4");
    fault(FieldKind::Number, "if(1 < 2 < 3, 1, 2)", "expression_invalid");
}

#[test]
fn what_makes_no_sense_is_named() {
    for broken in [
        "", " ", "1 +", "(1", "1)", "a b", "sum(1", "sum(,)", "\"x", "{x", "{}", "1.2.3", "1.", "@", "a.",
        "and", "rows.1",
    ] {
        fault(FieldKind::Number, broken, "expression_invalid");
    }
    fault(FieldKind::Number, "nothing", "field_unknown");
    fault(FieldKind::Number, "launch(a)", "function_unknown");
    fault(FieldKind::Number, "round()", "type_mismatch");
    fault(FieldKind::Number, "today(1)", "type_mismatch");
    fault(FieldKind::Number, "hint", "type_mismatch");
    fault(FieldKind::Number, "word", "type_mismatch");
    fault(FieldKind::Number, "not a", "type_mismatch");
    fault(FieldKind::Number, "-word", "type_mismatch");
    fault(FieldKind::Number, "a and b", "type_mismatch");
    fault(FieldKind::Number, "if(word > word, 1, 2)", "type_mismatch");
    fault(FieldKind::Number, "if(a = word, 1, 2)", "type_mismatch");
    fault(FieldKind::Number, "1 / fee", "type_mismatch");
    fault(FieldKind::Number, "from + to", "type_mismatch");
    fault(FieldKind::Number, "count(a)", "type_mismatch");
    fault(FieldKind::Number, "if(a, 1, 2)", "type_mismatch");
    fault(FieldKind::Number, "if(true, 1, word)", "type_mismatch");
    fault(FieldKind::Money, "a", "type_mismatch");
    fault(FieldKind::Contact, "a", "formula_unfit");
    fault(FieldKind::DateRange, "period", "formula_unfit");
}

#[test]
fn size_is_bounded() {
    fault(FieldKind::Number, &"1+".repeat(1001), "expression_too_large");
    fault(FieldKind::Number, &format!("{}1{}", "(".repeat(65), ")".repeat(65)), "expression_too_large");
    fault(FieldKind::Number, &format!("{}1", "-".repeat(65)), "expression_too_large");
    fault(FieldKind::Number, &vec!["1"; 65].join("+"), "expression_too_large");
    fault(FieldKind::Number, &format!("sum({})", vec!["1"; 500].join(",")), "expression_too_large");
    number(&vec!["1"; 64].join("+"), "64");
    number(&format!("sum({})", vec!["1"; 499].join(",")), "499");
}

/// Texts made of the language's own words, most of them nonsense.
fn soup(random: &mut fastrand::Rng) -> String {
    const WORDS: [&str; 32] = [
        "a",
        "b",
        "none",
        "金额",
        "dollars",
        "word",
        "from",
        "period",
        "one",
        "many",
        "rows",
        "rows.price",
        "sum(",
        "if(",
        "concat(",
        "round(",
        "date(",
        ")",
        "(",
        ",",
        "+",
        "-",
        "*",
        "/",
        "=",
        "<",
        "and",
        "or",
        "not",
        "\"x\"",
        "1.5",
        "{12}",
    ];
    (0..random.usize(1..20)).map(|_| WORDS[random.usize(..WORDS.len())]).collect::<Vec<_>>().join(" ")
}

/// An expression of this kind.
fn sound(kind: FieldKind, depth: u32, random: &mut fastrand::Rng) -> String {
    use FieldKind::{Date, Money, Number, Text};
    let mut inner = |kind| sound(kind, depth - 1, random);
    if depth == 0 {
        let leaves: &[&str] = match kind {
            Number => {
                &["a", "b", "none", "{12}", "0", "1.5", "9999999999999999999999999999", "count(rows)", "mark"]
            }
            Money => &["金额", "fee", "money(3, \"CNY\")", "sum(rows.price)", "max(rows.price)"],
            Date => &["from", "to", "today()", "end(period)", "max(rows.day)"],
            _ => &["word", "\"x\"", "text(one)", "where"],
        };
        return leaves[random.usize(..leaves.len())].to_owned();
    }
    let (a, b) = (inner(kind), inner(kind));
    let (n, m) = (inner(Number), inner(Number));
    let words = inner(Text);
    let truth = match random.usize(..6) {
        0 => format!("({n} < {m} or is_empty({a}))"),
        1 => format!("(not {n} = {m} and contains({words}, \"l\"))"),
        2 => "(contains(many, \"x\") or one = \"y\")".to_owned(),
        _ => format!("({n} >= {m})"),
    };
    match (random.usize(..4), kind) {
        (0, _) => format!("if({truth}, {a}, {b})"),
        (1, _) => format!("coalesce({a}, {b})"),
        (2, Number) => format!("round({n} / {m}, 3)"),
        (2, Money) => format!("({a} * {n} - {b})"),
        (2, Date) => format!("({a} + round({n}))"),
        (_, Number) => format!("({a} {} {b})", ["+", "-", "*", "/"][random.usize(..4)]),
        (_, Money) => format!("(-{a} + {b} / {n})"),
        (_, Date) => format!("min({a}, {b}, rows.day)"),
        (_, _) => format!("concat({a}, {n}, {b})"),
    }
}

#[test]
fn nothing_that_anybody_writes_upsets_it() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..3_000 {
        let formula = soup(&mut random);
        let form = Form { fields: fields(FieldKind::Number, &formula) };
        check_template(&with_form(form.fields.clone(), vec![ask("n", &["bob"])]));
        let data = read_values(&form, values().as_object().unwrap()).unwrap();
        compute(&form, data, DAY.parse().unwrap());
    }
}

#[test]
fn what_was_checked_yields_what_was_promised() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..2_000 {
        let kind = [FieldKind::Number, FieldKind::Money, FieldKind::Date, FieldKind::Text][round % 4];
        let depth = random.u32(0..4);
        let formula = sound(kind, depth, &mut random);
        let form = Form { fields: fields(kind, &formula) };
        let problems = check_template(&with_form(form.fields.clone(), vec![ask("n", &["bob"])]));
        if problems.iter().any(|it| it.code == "expression_too_large") {
            continue;
        }
        assert!(problems.is_empty(), "{formula}: {problems:?}");
        let data = read_values(&form, values().as_object().unwrap()).unwrap();
        let computed = compute(&form, data, DAY.parse().unwrap());
        let fits = match computed.get(&"out".into()) {
            None => true,
            Some(Value::Number(_)) => kind == FieldKind::Number,
            Some(Value::Money(money)) => kind == FieldKind::Money && money.currency == "CNY",
            Some(Value::Date(_)) => kind == FieldKind::Date,
            Some(Value::Text(_)) => kind == FieldKind::Text,
            Some(_) => false,
        };
        assert!(fits, "{formula}: {:?}", computed.get(&"out".into()));
        assert_eq!(compute(&form, computed.clone(), DAY.parse().unwrap()), computed, "{formula}");
    }
}
