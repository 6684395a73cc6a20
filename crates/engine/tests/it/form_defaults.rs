//! What controls hold that a submission leaves out.

use crate::world::*;
use jiff::civil::date;
use serde_json::{Value as Json, json};
use zhupi_engine::form::{Field, FieldDefault, FieldKind, Form, read_values, with_defaults};
use zhupi_engine::{Template, check_template};

fn by_value(value: Json, field: Field) -> Field {
    Field { default: Some(FieldDefault::Value(value)), ..field }
}

fn by_formula(text: &str, field: Field) -> Field {
    Field { default: Some(FieldDefault::Formula(text.to_owned())), ..field }
}

fn filled(form: &Form, raw: Json) -> Json {
    Json::Object(with_defaults(form, raw.as_object().unwrap(), date(2026, 3, 2)))
}

fn trip() -> Form {
    let columns =
        vec![field("what", FieldKind::Text), by_value(json!(1), field("number", FieldKind::Number))];
    Form {
        fields: vec![
            by_value(json!("train"), choice("by", FieldKind::Select, &["train", "air"])),
            field("days", FieldKind::Number),
            by_formula("days * 120", field("allowance", FieldKind::Number)),
            by_formula("today()", field("from", FieldKind::Date)),
            Field { columns, ..field("items", FieldKind::Table) },
        ],
    }
}

#[test]
fn what_is_left_out_gets_its_default() {
    let form = trip();
    let all =
        filled(&form, json!({ "days": 2, "items": [{ "what": "taxi" }, { "what": "bus", "number": 3 }] }));
    assert_eq!((&all["by"], &all["from"]), (&json!("train"), &json!("2026-03-02")));
    assert_eq!(all["allowance"].to_string().trim_matches('"'), "240");
    assert_eq!(all["items"], json!([{ "what": "taxi", "number": 1 }, { "what": "bus", "number": 3 }]));
    assert!(read_values(&form, all.as_object().unwrap()).is_ok());
}

#[test]
fn what_is_given_or_left_empty_on_purpose_stays() {
    let given = json!({ "by": "air", "days": 2, "allowance": 7, "from": null });
    assert_eq!(filled(&trip(), given.clone()), given);
    let nothing = filled(&trip(), json!({}));
    assert_eq!((&nothing["by"], &nothing["from"]), (&json!("train"), &json!("2026-03-02")));
    assert_eq!(nothing.get("allowance"), None, "there is nothing to reckon it from");
}

#[test]
fn a_default_that_does_not_fit_is_not_published() {
    let faults = |field: Field| {
        let template: Template = with_form(vec![field], vec![ask("n", &["bob"])]);
        let problems = check_template(&template).into_iter().filter(|it| it.path.starts_with("form"));
        problems.map(|it| format!("{} {}", it.path, it.code)).collect::<Vec<_>>()
    };
    let number = || field("a", FieldKind::Number);
    assert_eq!(faults(by_value(json!(1), number())), Vec::<String>::new());
    assert_eq!(faults(by_formula("1 + 1", number())), Vec::<String>::new());
    assert_eq!(faults(by_value(json!("x"), number())), ["form[0].default default_unfit"]);
    let reckoned = Field { formula: Some("1".to_owned()), ..number() };
    assert_eq!(faults(by_value(json!(1), reckoned)), ["form[0].default default_idle"]);
    assert_eq!(faults(by_value(json!(1), field("i", FieldKind::Info))), ["form[0].default default_idle"]);
    for broken in ["1 +", "today()", "a + 1", "nothing"] {
        let found = faults(by_formula(broken, number()));
        assert!(found.len() == 1 && found[0].starts_with("form[0].default "), "{broken}: {found:?}");
    }
    let column = by_formula("1", field("c", FieldKind::Number));
    let table = Field { columns: vec![column], ..field("t", FieldKind::Table) };
    assert_eq!(faults(table), ["form[0].columns[0].default default_unfit"]);
}
