//! Form values: what is read, what is refused, and that nothing is lost on the way back.

use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::form::{Field, FieldKind, Form, OptionsSource, read_partial, read_values, to_plain};

fn read(fields: Vec<Field>, values: Json) -> Result<Json, Vec<String>> {
    let read = read_values(&Form { fields }, values.as_object().unwrap());
    read.map(|data| Json::Object(to_plain(&data)))
        .map_err(|problems| problems.iter().map(|it| format!("{} {}", it.path, it.code)).collect())
}

#[track_caller]
fn keeps(field: Field, value: Json, expected: Json) {
    let id = field.id.to_string();
    assert_eq!(read(vec![field], json!({ &id: value })), Ok(json!({ &id: expected })));
}

#[track_caller]
fn refuses(field: Field, value: Json) {
    let id = field.id.to_string();
    assert_eq!(read(vec![field], json!({ &id: value })), Err(vec![format!("form.{id} value_invalid")]));
}

#[test]
fn every_kind_of_value_is_read_and_given_back() {
    let id = user("bob").to_string();
    keeps(field("f", FieldKind::Text), json!(" a "), json!(" a "));
    keeps(field("f", FieldKind::Number), json!(1.10), json!("1.1"));
    keeps(field("f", FieldKind::Number), json!("1e3"), json!("1000"));
    keeps(field("f", FieldKind::Money), json!("9.90"), json!({"amount": "9.9", "currency": "CNY"}));
    keeps(field("f", FieldKind::Date), json!("2026-02-28"), json!("2026-02-28"));
    keeps(field("f", FieldKind::Date), json!("2026-02-28T09:30"), json!("2026-02-28T09:30:00"));
    let range = json!({"start": "2026-02-01", "end": "2026-02-02"});
    keeps(field("f", FieldKind::DateRange), range.clone(), range);
    keeps(choice("f", FieldKind::Select, &["1"]), json!(1), json!("1"));
    keeps(choice("f", FieldKind::MultiSelect, &["a", "b"]), json!(["b", "a"]), json!(["a", "b"]));
    keeps(field("f", FieldKind::Contact), json!([id]), json!([id]));
    keeps(field("f", FieldKind::File), json!([{"name": "a.pdf"}]), json!([{"name": "a.pdf"}]));
    let table = Field { columns: vec![field("c", FieldKind::Number)], ..field("f", FieldKind::Table) };
    keeps(table.clone(), json!([{"c": 1}, {}]), json!([{"_row": 1, "c": "1"}, {"_row": 2}]));
    keeps(table, json!([{"_row": 7}, {}]), json!([{"_row": 7}, {"_row": 8}]));
    keeps(field("f", FieldKind::Phone), json!(" +86 (10) 1234-5678 "), json!("+86 (10) 1234-5678"));
    keeps(field("f", FieldKind::Rating), json!(5), json!("5"));
    keeps(Field { best: Some(10), ..field("f", FieldKind::Rating) }, json!("10"), json!("10"));
    let address = json!({"region": ["浙江", "杭州"], "detail": "文三路 1 号"});
    keeps(field("f", FieldKind::Address), address.clone(), address);
    keeps(field("f", FieldKind::Address), json!("文三路"), json!({"region": [], "detail": "文三路"}));
    keeps(field("f", FieldKind::LinkedInstance), json!(id), json!({"id": id, "title": ""}));
    let source = Some(OptionsSource { url: "https://example.com/options".to_owned() });
    let one = Field { options_source: source.clone(), ..field("f", FieldKind::Select) };
    keeps(one, json!("a"), json!([{"id": "a", "label": "a"}]));
    let many = Field { options_source: source, ..field("f", FieldKind::MultiSelect) };
    keeps(many, json!([{"id": 1, "label": "One"}, 1]), json!([{"id": "1", "label": "One"}]));
}

#[test]
fn empty_values_are_absent() {
    for empty in [json!(null), json!(""), json!("  "), json!([])] {
        assert_eq!(read(vec![field("f", FieldKind::Text)], json!({"f": empty})), Ok(json!({})));
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused_with_their_path() {
    refuses(field("f", FieldKind::Text), json!(5));
    refuses(field("f", FieldKind::Number), json!("five"));
    refuses(field("f", FieldKind::Number), json!("123456789012345678901234567890"));
    refuses(field("f", FieldKind::Money), json!({"amount": "1", "currency": "yuan"}));
    refuses(field("f", FieldKind::Date), json!("2026-02-30"));
    refuses(field("f", FieldKind::DateRange), json!({"start": "2026-02-02", "end": "2026-02-01"}));
    refuses(choice("f", FieldKind::Select, &["a"]), json!("b"));
    refuses(field("f", FieldKind::Contact), json!(["nobody"]));
    refuses(field("f", FieldKind::Info), json!("x"));
    for phone in ["12", "12a45", "++8610", "1234-5678-1234-5678-12345", "-------123"] {
        refuses(field("f", FieldKind::Phone), json!(phone));
    }
    for mark in [json!(0), json!(6), json!("2.5"), json!("good")] {
        refuses(field("f", FieldKind::Rating), mark);
    }
    refuses(field("f", FieldKind::Address), json!({"region": ["a", "b", "c", "d", "e", "f"]}));
    refuses(field("f", FieldKind::Address), json!({"detail": "x".repeat(201)}));
    refuses(field("f", FieldKind::Address), json!(5));
    refuses(field("f", FieldKind::LinkedInstance), json!("somewhere"));
    let numbered = Field { columns: vec![field("c", FieldKind::Number)], ..field("f", FieldKind::Table) };
    refuses(numbered.clone(), json!([{"_row": 1}, {"_row": 1}]));
    refuses(numbered, json!([{"_row": 0}]));
    let table = Field { columns: vec![field("c", FieldKind::Number)], ..field("f", FieldKind::Table) };
    assert_eq!(
        read(vec![table], json!({"f": [{"c": "x"}, 5]})).unwrap_err(),
        ["form.f[0].c value_invalid", "form.f[1] value_invalid"]
    );
}

#[test]
fn all_problems_come_at_once_and_a_form_in_work_lacks_nothing() {
    let fields =
        || vec![Field { required: true, ..field("a", FieldKind::Text) }, field("b", FieldKind::Number)];
    let values = json!({"b": "x", "c": 1});
    let expected = ["form.a required", "form.b value_invalid", "form.c field_unknown"];
    assert_eq!(read(fields(), values).unwrap_err(), expected);
    assert!(read_partial(&Form { fields: fields() }, json!({}).as_object().unwrap()).is_ok());
}

#[test]
fn unknown_members_of_a_field_survive() {
    let text = json!({"id": "f", "kind": "text", "title": "F", "dateplace": "when", "nested": {"a": [1]}});
    let field: Field = serde_json::from_value(text.clone()).unwrap();
    let back = serde_json::to_value(field).unwrap();
    assert_eq!((&back["dateplace"], &back["nested"]), (&text["dateplace"], &text["nested"]));
}

/// A date is one of the workspace's time zone. Dropping an offset in silence would move it by a day.
#[test]
fn a_date_with_an_offset_is_refused() {
    refuses(field("f", FieldKind::Date), json!("2026-01-31T23:30:00-05:00"));
    refuses(field("f", FieldKind::Date), json!("2026-01-31T23:30:00Z"));
    refuses(field("f", FieldKind::Date), json!("2026-01-31T23:30:00+08:00[Asia/Shanghai]"));
    let range = json!({"start": "2026-02-01T00:00+01:00", "end": "2026-02-02"});
    refuses(field("f", FieldKind::DateRange), range);
}

/// Such a number has been rounded before we see it; as a text it arrives whole.
#[test]
fn a_json_number_that_a_float_cannot_hold_is_refused() {
    for text in ["9007199254740993.25", "100000000000000000001", "0.12345678901234567"] {
        refuses(field("f", FieldKind::Number), serde_json::from_str(text).unwrap());
        keeps(field("f", FieldKind::Number), json!(text), json!(text));
    }
    keeps(field("f", FieldKind::Number), json!(1234567890.12345), json!("1234567890.12345"));
    keeps(field("f", FieldKind::Number), json!(u64::MAX), json!(u64::MAX.to_string()));
}

#[test]
fn a_field_whose_id_begins_another_ones_is_required_all_the_same() {
    let fields =
        vec![field("ab", FieldKind::Number), Field { required: true, ..field("a", FieldKind::Text) }];
    assert_eq!(read(fields, json!({"ab": "x"})).unwrap_err(), ["form.ab value_invalid", "form.a required"]);
}
