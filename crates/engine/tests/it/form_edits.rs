//! Editing the values of a running instance: who may change, must fill in and does not see what.

use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::form::*;
use zhupi_engine::template::{Approval, Block, Template};
use zhupi_engine::{Command, Rejection, check_template};

const DAY: &str = "2026-03-05";

fn form() -> Form {
    let columns = vec![
        field("thing", FieldKind::Text),
        field("price", FieldKind::Money),
        field("secret", FieldKind::Text),
        Field { formula: Some("price * 2".to_owned()), ..field("double", FieldKind::Money) },
    ];
    Form {
        fields: vec![
            field("note", FieldKind::Text),
            Field { required: true, ..field("sum", FieldKind::Money) },
            Field { show_if: Some("sum > 100".to_owned()), required: true, ..field("why", FieldKind::Text) },
            Field { columns, ..field("items", FieldKind::Table) },
            Field { formula: Some("sum(items.price)".to_owned()), ..field("total", FieldKind::Money) },
        ],
    }
}

fn access(rules: &[(&str, Access)]) -> FieldAccess {
    FieldAccess(rules.iter().map(|(key, access)| (FieldKey::from(*key), *access)).collect())
}

fn before() -> FormData {
    let values = json!({
        "note": "n", "sum": 50,
        "items": [
            {"_row": 1, "thing": "pen", "price": 2, "secret": "s"},
            {"_row": 4, "thing": "ink", "price": 3},
        ],
    });
    let form = form();
    compute(&form, read_values(&form, values.as_object().unwrap()).unwrap(), DAY.parse().unwrap())
}

/// What becomes of the values, or where and what is wrong.
fn edit(rules: &[(&str, Access)], changes: Json) -> Result<Json, Vec<String>> {
    let form = form();
    let words = |problems: Vec<zhupi_engine::Problem>| {
        problems.iter().map(|it| format!("{} {}", it.path, it.code)).collect::<Vec<_>>()
    };
    let edits = read_edits(&form, changes.as_object().unwrap()).map_err(words)?;
    let after = apply_edits(&form, &access(rules), &before(), &edits, DAY.parse().unwrap()).map_err(words)?;
    Ok(Json::Object(to_plain(&after)))
}

#[test]
fn only_what_may_be_edited_changes() {
    let rules = [("note", Access::Edit), ("sum", Access::Hide)];
    assert_eq!(edit(&rules, json!({"note": "m"})).unwrap()["note"], json!("m"));
    assert_eq!(edit(&rules, json!({"note": null})).unwrap().get("note"), None);
    assert_eq!(edit(&rules, json!({"sum": 1})).unwrap_err(), ["form.sum field_unknown"]);
    assert_eq!(edit(&[], json!({"note": "m"})).unwrap_err(), ["form.note field_not_editable"]);
    assert_eq!(edit(&rules, json!({"x": 1})).unwrap_err(), ["form.x field_unknown"]);
    assert_eq!(edit(&rules, json!({"note": 5})).unwrap_err(), ["form.note value_invalid"]);
}

#[test]
fn naming_what_stays_is_no_fault_unless_it_is_hidden() {
    assert!(edit(&[], json!({"note": "n", "sum": 50, "total": 999})).is_ok());
    let guess = edit(&[("note", Access::Hide)], json!({"note": "n"}));
    assert_eq!(guess.unwrap_err(), ["form.note field_unknown"]);
}

#[test]
fn what_the_form_reckons_follows() {
    let rules = [("items", Access::Edit), ("sum", Access::Edit)];
    let changes = json!({"items": [{"_row": 4, "price": 10}, {"thing": "cap", "price": 1}]});
    let after = edit(&rules, changes).unwrap();
    assert_eq!(after["total"]["amount"], json!("11"));
    assert_eq!(after["items"][0]["double"]["amount"], json!("20"));
    assert_eq!(after["items"][0]["thing"], json!("ink"));
}

#[test]
fn rows_keep_their_numbers_and_new_ones_get_free_ones() {
    let rules = [("items", Access::Edit)];
    let rows = json!([{"_row": 4}, {"thing": "cap"}, {"_row": 1, "price": null}, {"thing": "bag"}]);
    let after = edit(&rules, json!({ "items": rows })).unwrap();
    let numbers: Vec<_> = after["items"].as_array().unwrap().iter().map(|row| row["_row"].clone()).collect();
    assert_eq!(numbers, [4, 5, 1, 6]);
    assert_eq!(after["items"][2].get("price"), None);
    assert_eq!(edit(&rules, json!({"items": []})).unwrap().get("items"), None);
    assert_eq!(edit(&rules, json!({"items": [{"_row": 9}]})).unwrap_err(), ["form.items[0] row_unknown"]);
    assert_eq!(
        edit(&rules, json!({"items": [{"_row": 1}, {"_row": 1}]})).unwrap_err(),
        ["form.items[1] row_unknown"]
    );
}

#[test]
fn a_column_may_be_edited_where_its_table_may_not() {
    let rules = [("items.price", Access::Edit)];
    let after = edit(&rules, json!({"items": [{"_row": 4, "price": 30}]})).unwrap();
    assert_eq!(after["items"].as_array().unwrap().len(), 2);
    assert_eq!(after["total"]["amount"], json!("32"));
    assert_eq!(
        edit(&rules, json!({"items": [{"price": 1}]})).unwrap_err(),
        ["form.items[0] rows_not_editable"]
    );
    let other = edit(&rules, json!({"items": [{"_row": 4, "thing": "x"}]}));
    assert_eq!(other.unwrap_err(), ["form.items[0].thing field_not_editable"]);
}

#[test]
fn a_column_may_be_kept_from_whoever_edits_the_table() {
    let rules = [("items", Access::Edit), ("items.price", Access::Read), ("items.secret", Access::Hide)];
    let after = edit(&rules, json!({"items": [{"_row": 1, "thing": "nib", "price": 2}]})).unwrap();
    assert_eq!((&after["items"][0]["thing"], &after["items"][0]["secret"]), (&json!("nib"), &json!("s")));
    for (change, at, code) in [
        (json!({"_row": 1, "price": 9}), "price", "field_not_editable"),
        (json!({"_row": 1, "secret": "s"}), "secret", "field_unknown"),
        (json!({"price": 9}), "price", "field_not_editable"),
    ] {
        let refused = edit(&rules, json!({ "items": [change] })).unwrap_err();
        assert_eq!(refused, [format!("form.items[0].{at} {code}")]);
    }
}

#[test]
fn hidden_values_do_not_show() {
    let rules = access(&[("sum", Access::Hide), ("items.secret", Access::Hide)]);
    let seen = to_plain(&visible_values(&form(), &rules, &before()));
    assert_eq!((seen.get("sum"), seen["items"][0].get("secret")), (None, None));
    assert_eq!(seen["items"][0]["thing"], json!("pen"));
    let none = access(&[("items", Access::Hide)]);
    assert_eq!(to_plain(&visible_values(&form(), &none, &before())).get("items"), None);
}

#[test]
fn what_a_node_insists_on_has_to_be_there() {
    let missing = |rules: &[(&str, Access)], changes: Json| {
        let form = form();
        let edits = read_edits(&form, changes.as_object().unwrap()).unwrap();
        let day = DAY.parse().unwrap();
        let after = apply_edits(&form, &access(rules), &before(), &edits, day).unwrap();
        let problems = missing_values(&form, &access(rules), &after, day);
        problems.into_iter().map(|it| it.path).collect::<Vec<_>>()
    };
    let note = [("note", Access::Require)];
    assert_eq!(missing(&note, json!({})), Vec::<String>::new());
    assert_eq!(missing(&note, json!({"note": null})), ["form.note"]);
    let columns = [("items.thing", Access::Require), ("items.secret", Access::Require)];
    assert_eq!(missing(&columns, json!({})), ["form.items[1].secret"]);
    // What the change makes the form ask for is asked of whoever can give it.
    let sum = [("sum", Access::Edit)];
    assert_eq!(missing(&sum, json!({"sum": 500})), Vec::<String>::new());
    let both = [("sum", Access::Edit), ("why", Access::Edit)];
    assert_eq!(missing(&both, json!({"sum": 500})), ["form.why"]);
    assert_eq!(missing(&both, json!({"sum": null})), ["form.sum"]);
}

#[test]
fn edits_and_access_are_written_and_read() {
    let form = form();
    let raw = json!({"note": null, "sum": 5, "items": [{"_row": 1, "price": null, "thing": "x"}, {}]});
    let edits = read_edits(&form, raw.as_object().unwrap()).unwrap();
    assert_eq!(serde_json::from_value::<Edits>(serde_json::to_value(&edits).unwrap()).unwrap(), edits);
    let rules = access(&[("sum", Access::Hide), ("items.secret", Access::Require)]);
    let written = json!({"items.secret": "require", "sum": "hide"});
    assert_eq!(serde_json::to_value(&rules).unwrap(), written);
    assert_eq!(serde_json::from_value::<FieldAccess>(written).unwrap(), rules);
}

/// Rows that were written before rows had numbers get those of their places.
#[test]
fn old_rows_are_read() {
    let old = json!({"rows": {"rows": [{"c": {"number": "1"}}, {}]}});
    let data: FormData = serde_json::from_value(old).unwrap();
    let Some(Value::Rows(rows)) = data.get(&"rows".into()) else { panic!("{data:?}") };
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [RowId(1), RowId(2)]);
    let again: FormData = serde_json::from_value(serde_json::to_value(&data).unwrap()).unwrap();
    assert_eq!(again, data);
}

/// Where and what is wrong with what nodes say about the form.
fn faults(flow: Vec<Block>) -> Vec<String> {
    let template = Template { form: form(), ..template(flow) };
    let errors = check_template(&template).into_iter().filter(zhupi_engine::Problem::is_error);
    errors.map(|it| format!("{} {}", it.path, it.code)).collect()
}

#[test]
fn access_names_what_there_is() {
    let rules = [
        ("items.secret", Access::Hide),
        ("items.double", Access::Edit),
        ("total", Access::Require),
        ("nothing", Access::Read),
        ("items.nothing", Access::Read),
    ];
    let node = Block::Approval(Approval { fields: access(&rules), ..node("n", members(&["bob"])) });
    let expected = [
        "flow[0].fields.items.double access_unfit",
        "flow[0].fields.items.nothing field_unknown",
        "flow[0].fields.nothing field_unknown",
        "flow[0].fields.total access_unfit",
    ];
    assert_eq!(faults(vec![node]), expected);
    let mut told = cc("c", &["dan"]);
    if let Block::Cc(node) = &mut told {
        node.fields = access(&[("note", Access::Edit), ("sum", Access::Hide)]);
    }
    assert_eq!(faults(vec![ask("n", &["bob"]), told]), ["flow[1].fields.note access_unfit"]);
}

fn sets(sets: &[(&str, &str)]) -> Block {
    let set = |(field, formula): &(&str, &str)| json!({ "field": field, "formula": formula });
    let action = json!({ "set_fields": sets.iter().map(set).collect::<Vec<_>>() });
    serde_json::from_value(json!({ "kind": "trigger", "id": "t", "title": "T", "action": action })).unwrap()
}

#[test]
fn a_trigger_sets_fields_by_formulas() {
    let flow = vec![
        sets(&[("note", "concat(note, \"!\")"), ("sum", "sum * 2"), ("why", "note")]),
        ask("n", &["bob"]),
    ];
    assert_eq!(faults(flow.clone()), Vec::<String>::new());
    let template = Template { form: form(), ..template(flow) };
    let values = json!({ "note": "n", "sum": 60 });
    let run = Run::start_with(World::new().people(&["ann", "bob"]), template, "ann", values);
    let after = to_plain(&run.instance.form);
    // Each formula looks at the values before, and then the form's own rules follow.
    assert_eq!(
        (&after["note"], &after["sum"]["amount"], &after["why"]),
        (&json!("n!"), &json!("120"), &json!("n"))
    );
}

#[test]
fn what_a_trigger_sets_is_checked() {
    let flow = |field, formula| vec![sets(&[(field, formula)]), ask("n", &["bob"])];
    for (field, formula, code) in [
        ("nothing", "1", "field_unknown"),
        ("total", "sum", "field_computed"),
        ("items", "1", "formula_unfit"),
        ("sum", "1", "type_mismatch"),
        ("note", "1 +", "expression_invalid"),
        ("note", "elsewhere", "field_unknown"),
    ] {
        assert_eq!(faults(flow(field, formula)), [format!("flow[0].action[0] {code}")], "{field} {formula}");
    }
    let many = vec![("note", "note"); 51];
    assert_eq!(faults(vec![sets(&many), ask("n", &["bob"])]), ["flow[0].action too_many"]);
}

/// What stands in a node's access is what its people can do when they decide.
#[test]
fn a_decision_carries_edits_as_far_as_its_node_allows() {
    use zhupi_engine::command::Opinion;
    let rules = [("note", Access::Require), ("sum", Access::Edit)];
    let node = Approval { fields: access(&rules), ..node("n", members(&["bob"])) };
    let template = Template { form: form(), ..template(vec![Block::Approval(node)]) };
    let values = json!({ "sum": 60, "items": [{ "price": 1 }] });
    let mut run = Run::start_with(World::new().people(&["ann", "bob"]), template, "ann", values);
    let approve = |raw: Json| {
        let edits = read_edits(&form(), raw.as_object().unwrap()).unwrap();
        let slot = zhupi_engine::ids::SlotId(0);
        Command::Approve(Opinion { edits, ..Opinion::new(slot, "") })
    };
    let paths = |refused: Rejection| match refused {
        Rejection::FormInvalid { problems } => problems.into_iter().map(|it| it.path).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(paths(run.act("bob", approve(json!({}))).unwrap_err()), ["form.note"]);
    assert_eq!(
        paths(run.act("bob", approve(json!({"note": "x", "items": [{}]}))).unwrap_err()),
        ["form.items[0]"]
    );
    run.act("bob", approve(json!({"note": "x", "sum": 70}))).unwrap();
    let after = to_plain(&run.instance.form);
    assert_eq!((&after["note"], &after["sum"]["amount"]), (&json!("x"), &json!("70")));
}
