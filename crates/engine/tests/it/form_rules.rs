//! The rules of forms: formulas in the order they need one another, and what is shown and required.

use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::form::*;
use zhupi_engine::{Command, Rejection, Submit, check_template, decide, preview};

const DAY: &str = "2026-03-05";

fn formula(id: &str, kind: FieldKind, formula: &str) -> Field {
    Field { formula: Some(formula.to_owned()), ..field(id, kind) }
}

fn shown(if_: &str, field: Field) -> Field {
    Field { show_if: Some(if_.to_owned()), ..field }
}

fn needed(if_: &str, field: Field) -> Field {
    Field { required_if: Some(if_.to_owned()), ..field }
}

fn table(id: &str, columns: Vec<Field>) -> Field {
    Field { columns, ..field(id, FieldKind::Table) }
}

fn required(field: Field) -> Field {
    Field { required: true, ..field }
}

/// What the form makes of these values, and what is missing.
fn fill(fields: Vec<Field>, values: Json) -> (Json, Vec<String>) {
    let form = Form { fields };
    let data = read_partial(&form, values.as_object().unwrap()).unwrap();
    let day = DAY.parse().unwrap();
    let problems = check_values(&form, &data, day);
    let problems = problems.iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    (Json::Object(to_plain(&compute(&form, data, day))), problems)
}

/// Where and what is wrong with a form.
fn faults(fields: Vec<Field>) -> Vec<String> {
    let problems = check_template(&with_form(fields, vec![ask("n", &["bob"])]));
    problems.iter().map(|it| format!("{} {}", it.path, it.code)).collect()
}

/// Price times number in each row, the total of all rows, a tax, and who has to explain.
fn order() -> Vec<Field> {
    vec![
        formula("all", FieldKind::Money, "total + tax"),
        formula("tax", FieldKind::Money, "round(total * 0.06, 2)"),
        formula("total", FieldKind::Money, "sum(items.amount)"),
        table(
            "items",
            vec![
                formula("share", FieldKind::Number, "round(amount / total, 4)"),
                formula("amount", FieldKind::Money, "price * number"),
                required(field("price", FieldKind::Money)),
                field("number", FieldKind::Number),
            ],
        ),
        needed("total > 1000", shown("total > 100", field("why", FieldKind::Text))),
    ]
}

#[test]
fn formulas_find_what_they_need_whatever_their_order() {
    let rows = json!([{"price": "10.50", "number": 3}, {"price": 100, "number": 1}, {"price": 5}]);
    let (values, problems) = fill(order(), json!({ "items": rows, "why": "new office" }));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(values["total"], json!({"amount": "131.5", "currency": "CNY"}));
    assert_eq!(values["tax"]["amount"], json!("7.89"));
    assert_eq!(values["all"]["amount"], json!("139.39"));
    assert_eq!(values["items"][0]["amount"]["amount"], json!("31.5"));
    assert_eq!(values["items"][0]["share"], json!("0.2395"));
    assert_eq!(values["items"][2].get("amount"), None);
    assert_eq!(values["why"], json!("new office"));
}

#[test]
fn nobody_fills_in_what_the_form_reckons() {
    let values = json!({"total": 1, "items": [{"price": 2, "number": 2, "amount": 100}]});
    let (values, _) = fill(order(), values);
    assert_eq!(values["total"]["amount"], json!("4"));
    assert_eq!(values["items"][0]["amount"]["amount"], json!("4"));
}

#[test]
fn what_is_not_shown_takes_no_value_and_is_not_required() {
    let few = json!({"items": [{"price": 50, "number": 1}], "why": "for fun"});
    let (values, problems) = fill(order(), few);
    assert_eq!((values.get("why"), problems), (None, vec![]));
    let much = json!({"items": [{"price": 5000, "number": 1}]});
    assert_eq!(fill(order(), much).1, ["form.why required"]);
    let whole = || {
        vec![
            field("a", FieldKind::Number),
            shown("a = 1", table("t", vec![required(field("c", FieldKind::Text))])),
        ]
    };
    assert_eq!(fill(whole(), json!({"a": 2, "t": [{}]})), (json!({"a": "2"}), vec![]));
    assert_eq!(fill(whole(), json!({"a": 1, "t": [{}]})).1, ["form.t[0].c required"]);
    let always = vec![field("a", FieldKind::Number), shown("a = 1", required(field("b", FieldKind::Text)))];
    assert!(read_values(&Form { fields: always }, json!({"a": 2}).as_object().unwrap()).is_ok());
}

#[test]
fn rules_of_columns_look_at_their_row() {
    let kind = choice("kind", FieldKind::Select, &["taxi", "hotel"]);
    let columns = vec![
        kind,
        shown("kind = \"hotel\"", required(field("nights", FieldKind::Number))),
        needed("kind = \"taxi\" and limit > 5", field("from", FieldKind::Text)),
    ];
    let fields = || vec![field("limit", FieldKind::Number), table("trips", columns.clone())];
    let trips = json!([{"kind": "taxi", "nights": 2}, {"kind": "hotel"}, {"kind": "hotel", "nights": 1}]);
    let (values, problems) = fill(fields(), json!({"limit": 9, "trips": trips}));
    assert_eq!(problems, ["form.trips[0].from required", "form.trips[1].nights required"]);
    assert_eq!(values["trips"][0].get("nights"), None);
    assert_eq!(values["trips"][2]["nights"], json!("1"));
}

#[test]
fn a_hidden_value_counts_nowhere() {
    let fields = || {
        vec![
            field("a", FieldKind::Number),
            shown("a > 1", field("b", FieldKind::Number)),
            formula("c", FieldKind::Number, "coalesce(b, 0) + a"),
            shown("c > 10", field("d", FieldKind::Text)),
        ]
    };
    assert_eq!(fill(fields(), json!({"a": 1, "b": 100, "d": "x"})).0, json!({"a": "1", "c": "1"}));
    assert_eq!(fill(fields(), json!({"a": 2, "b": 100, "d": "x"})).0["c"], json!("102"));
}

#[test]
fn amounts_of_different_currencies_are_said_not_mixed() {
    let fields = || {
        vec![
            field("a", FieldKind::Money),
            field("b", FieldKind::Money),
            formula("c", FieldKind::Money, "a + b"),
            table("t", vec![field("x", FieldKind::Money), formula("y", FieldKind::Money, "x + a")]),
        ]
    };
    let mixed = json!({"a": 1, "b": {"amount": 1, "currency": "USD"}, "t": [{"x": 1}, {"x": {"amount": 1, "currency": "EUR"}}]});
    let (values, problems) = fill(fields(), mixed);
    assert_eq!(values.get("c"), None);
    assert_eq!(problems, ["form.c currency_mixed", "form.t[1].y currency_mixed"]);
    let dollars = json!({"a": {"amount": 1, "currency": "USD"}, "b": {"amount": 2, "currency": "USD"}});
    assert_eq!(fill(fields(), dollars).0["c"], json!({"amount": "3", "currency": "USD"}));
}

#[test]
fn circles_are_found_and_only_they() {
    let a = |text| formula("a", FieldKind::Number, text);
    assert_eq!(faults(vec![a("a + 1")]), ["form[0].formula formula_circle"]);
    let b = formula("b", FieldKind::Number, "a");
    let c = formula("c", FieldKind::Number, "b");
    assert_eq!(
        faults(vec![a("b"), b.clone(), c.clone()]),
        ["form[0].formula formula_circle", "form[1].formula formula_circle"]
    );
    assert_eq!(faults(vec![a("1"), b, c]), Vec::<String>::new());
    assert_eq!(
        faults(vec![shown("is_empty(x)", field("x", FieldKind::Text))]),
        ["form[0].show_if formula_circle"]
    );
    let columns = vec![formula("y", FieldKind::Number, "total"), field("z", FieldKind::Number)];
    let total = formula("total", FieldKind::Number, "sum(t.y)");
    assert_eq!(
        faults(vec![total, table("t", columns)]),
        ["form[0].formula formula_circle", "form[1].columns[0].formula formula_circle"]
    );
    // To ask for a value only where there is one already is odd, but no circle.
    assert_eq!(faults(vec![needed("is_empty(x)", field("x", FieldKind::Text))]), Vec::<String>::new());
}

#[test]
fn a_form_in_a_circle_is_reckoned_all_the_same() {
    let fields = vec![
        field("n", FieldKind::Number),
        formula("a", FieldKind::Number, "b + 1"),
        formula("b", FieldKind::Number, "a + 1"),
        formula("c", FieldKind::Number, "n + 1"),
    ];
    assert_eq!(fill(fields, json!({"n": 1})).0, json!({"n": "1", "c": "2"}));
}

#[test]
fn what_is_wrong_with_rules_has_its_path() {
    let fields = vec![
        shown("a + 1", field("a", FieldKind::Number)),
        needed("\"yes\"", field("b", FieldKind::Number)),
        table("t", vec![shown("nowhere", field("c", FieldKind::Text)), formula("d", FieldKind::File, "1")]),
        needed("true", field("e", FieldKind::Info)),
        Field { best: Some(11), ..field("f", FieldKind::Rating) },
        table("g", vec![field("_row", FieldKind::Text)]),
    ];
    let expected = [
        "form[0].show_if type_mismatch",
        "form[1].required_if type_mismatch",
        "form[2].columns[0].show_if field_unknown",
        "form[2].columns[1].formula formula_unfit",
        "form[3].required_if required_unfit",
        "form[4].best best_unfit",
        "form[5].columns id_reserved",
    ];
    let mut found = faults(fields);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn too_many_and_too_costly_rules_are_refused() {
    let many = (0..301).map(|number| formula(&format!("f{number}"), FieldKind::Number, "1")).collect();
    assert!(faults(many).contains(&"form[300].formula too_many".to_owned()));
    let share = |number| formula(&format!("s{number}"), FieldKind::Number, "n / sum(t.n)");
    let columns: Vec<_> = [field("n", FieldKind::Number)].into_iter().chain((0..9).map(share)).collect();
    assert_eq!(
        faults(vec![table("t", columns)]),
        ["form[0].columns[8].formula rules_too_costly", "form[0].columns[9].formula rules_too_costly"]
    );
}

#[test]
fn a_submission_is_reckoned_and_judged_by_the_rules() {
    let world = World::new().people(&["ann", "bob"]);
    let template = with_form(order(), vec![ask("n", &["bob"])]);
    let form = json!({"items": [{"price": 60, "number": 2}], "why": "x", "total": 1});
    let run = Run::start_with(world.clone(), template.clone(), "ann", form);
    let total = to_plain(&run.instance.form)["total"].clone();
    assert_eq!(total, json!({"amount": "120", "currency": "CNY"}));

    let raw = json!({"items": [{"price": 6000, "number": 2}]});
    let submit = |raw: Json| {
        let form = read_values(&template.form, raw.as_object().unwrap()).unwrap();
        Submit { form, ..Submit::default() }
    };
    let draft = zhupi_engine::Instance::draft(uuid("i").into(), uuid("t").into(), 1, user("ann"));
    let envelope = zhupi_engine::Envelope {
        actor: user("ann"),
        at: at(0),
        seen_version: None,
        command: Command::Submit(submit(raw.clone())),
        outside: Default::default(),
    };
    let refused = decide(&template, &world.directory(), &draft, &envelope).unwrap_err();
    let Rejection::FormInvalid { problems } = refused else { panic!("{refused:?}") };
    assert_eq!(problems.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["form.why"]);
    assert!(preview(&template, &world.directory(), user("ann"), &submit(raw), at(0)).is_ok());
}

#[test]
fn lanes_look_at_what_was_reckoned() {
    use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test};
    use zhupi_engine::template::When;
    let test = Test::Number { op: Compare::Greater, value: 1000.into(), currency: None };
    let group = Group { conditions: vec![Condition { subject: Subject::Field("total".into()), test }] };
    let lanes = vec![
        lane("much", 1, When::AnyOf(vec![group]), vec![ask("boss", &["bob"])]),
        lane("else", 2, When::Default, vec![ask("any", &["cid"])]),
    ];
    let template = with_form(order(), vec![branch("b", lanes)]);
    let world = World::new().people(&["ann", "bob", "cid"]);
    let form = json!({"items": [{"price": 600, "number": 2}], "why": "x"});
    let run = Run::start_with(world, template, "ann", form);
    assert_eq!(run.instance.visits[0].node.as_str(), "boss");
}

#[test]
fn each_control_says_how_it_stands() {
    let form = Form { fields: order() };
    let state = |raw: Json| {
        let data = read_partial(&form, raw.as_object().unwrap()).unwrap();
        let data = compute(&form, data, DAY.parse().unwrap());
        let states = field_states(&form, &data, DAY.parse().unwrap());
        (states[2].computed, states[4].shown, states[4].required)
    };
    assert_eq!(state(json!({})), (true, false, false));
    assert_eq!(state(json!({"items": [{"price": 200, "number": 1}]})), (true, true, false));
    assert_eq!(state(json!({"items": [{"price": 2000, "number": 1}]})), (true, true, true));
}

/// Whatever people fill in, nothing breaks, and reckoning twice gives the same.
#[test]
fn reckoning_is_stable() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let form = Form { fields: order() };
    let day = DAY.parse().unwrap();
    for _ in 0..500 {
        let mut row = || json!({"price": random.i64(-1000..100_000), "number": random.i64(-3..100)});
        let rows: Vec<Json> = (0..4).map(|_| row()).collect();
        let data = read_partial(&form, json!({ "items": rows }).as_object().unwrap()).unwrap();
        let once = compute(&form, data, day);
        assert_eq!(compute(&form, once.clone(), day), once);
        let back = read_partial(&form, &to_plain(&once)).unwrap();
        assert_eq!(compute(&form, back, day), once);
    }
}
