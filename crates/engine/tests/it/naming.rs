//! Titles and serial numbers by the template's patterns.

use crate::world::*;
use serde_json::json;
use zhupi_engine::form::{Access, FieldAccess, FieldKind, read_values};
use zhupi_engine::template::{Block, Reset, SerialRule};
use zhupi_engine::{Submit, Template, check_template};

fn template(title: Option<&str>, serial: Option<(&str, Reset)>) -> Template {
    let fields = vec![choice("kind", FieldKind::Select, &["new"]), field("rows", FieldKind::Info)];
    let mut template = with_form(fields, vec![ask("n", &["bob"])]);
    template.settings.title_rule = title.map(str::to_owned);
    template.settings.serial =
        serial.map(|(pattern, reset)| SerialRule { pattern: pattern.to_owned(), reset });
    template
}

fn faults(template: &Template) -> Vec<String> {
    check_template(template).iter().map(|it| format!("{} {}", it.path, it.code)).collect()
}

fn submitted(template: Template, submit: Submit) -> Run {
    let world = World::new().department("Sales", "", &[]).person("ann", &["Sales"]).people(&["bob"]);
    Run::submit(world, template, "ann", submit).unwrap()
}

#[test]
fn a_title_is_made_by_the_rule() {
    let rule = "{template} {initiator} {department} {date} {serial} {field:kind}";
    let template = template(Some(rule), Some(("BX-{yyyy}{MM}-{seq:4}", Reset::Monthly)));
    assert_eq!(faults(&template), Vec::<String>::new());
    let form = read_values(&template.form, json!({"kind": "new"}).as_object().unwrap()).unwrap();
    let run = submitted(template.clone(), Submit { form, serial: Some(42), ..Submit::default() });
    assert_eq!(run.instance.title, "test ann Sales 2026-01-01 BX-202601-0042 new");
    assert_eq!(run.instance.serial.as_deref(), Some("BX-202601-0042"));
    let own = Submit { title: "mine".to_owned(), ..Submit::default() };
    assert_eq!(submitted(template.clone(), own).instance.title, "mine");
    // What is empty leaves no hole.
    assert_eq!(submitted(template, Submit::default()).instance.title, "test ann Sales 2026-01-01");
}

/// Everybody reads titles.
#[test]
fn a_title_leaves_out_what_a_node_hides() {
    let mut template = template(Some("{field:kind} of {initiator}"), None);
    let Some(Block::Approval(node)) = template.flow.first_mut() else { panic!("a node") };
    node.fields = FieldAccess([("kind".into(), Access::Hide)].into());
    assert_eq!(faults(&template), ["settings.title_rule title_hides_field"]);
    let form = read_values(&template.form, json!({"kind": "new"}).as_object().unwrap()).unwrap();
    assert_eq!(submitted(template, Submit { form, ..Submit::default() }).instance.title, "of ann");
}

#[test]
fn days_are_told_without_a_time_of_day_that_nobody_gave() {
    let fields = vec![field("period", FieldKind::DateRange), field("at", FieldKind::Date)];
    let mut template = with_form(fields, vec![ask("n", &["bob"])]);
    template.settings.title_rule = Some("{field:period} / {field:at}".to_owned());
    let title = |values: serde_json::Value| {
        let form = read_values(&template.form, values.as_object().unwrap()).unwrap();
        submitted(template.clone(), Submit { form, ..Submit::default() }).instance.title
    };
    let days = json!({"period": {"start": "2026-09-01", "end": "2026-09-03"}, "at": "2026-09-01T08:05"});
    assert_eq!(title(days), "2026-09-01 – 2026-09-03 / 2026-09-01 08:05");
    let hours =
        json!({"period": {"start": "2026-09-01T18:00", "end": "2026-09-01T20:30"}, "at": "2026-09-02"});
    assert_eq!(title(hours), "2026-09-01 18:00 – 2026-09-01 20:30 / 2026-09-02");
}

#[test]
fn a_template_without_a_rule_gives_no_serial_number() {
    let run = submitted(template(None, None), Submit { serial: Some(1), ..Submit::default() });
    assert_eq!((run.instance.serial, run.instance.title.as_str()), (None, "test · ann"));
}

#[test]
fn counting_begins_anew_with_each_period() {
    let rule = |pattern: &str, reset| SerialRule { pattern: pattern.to_owned(), reset };
    let day = "2026-03-05".parse().unwrap();
    assert_eq!(rule("{seq}", Reset::Never).period(day), "");
    assert_eq!(rule("", Reset::Yearly).period(day), "2026");
    assert_eq!(rule("", Reset::Monthly).period(day), "2026-03");
    assert_eq!(rule("", Reset::Daily).period(day), "2026-03-05");
    assert_eq!(rule("{yy}{MM}{dd}/{seq:3}", Reset::Daily).serial(7, day), "260305/007");
    assert_eq!(rule("No. {seq}", Reset::Never).serial(12345, day), "No. 12345");
    assert_eq!(rule("{seq:2}", Reset::Never).serial(12345, day), "12345");
}

#[test]
fn patterns_are_checked() {
    for (pattern, code) in [
        ("{field:nothing}", "field_unknown"),
        ("{field:rows}", "field_unfit"),
        ("{weather}", "pattern_invalid"),
        ("{date:x}", "pattern_invalid"),
        ("{date", "pattern_invalid"),
        ("date}", "pattern_invalid"),
        ("  ", "pattern_invalid"),
    ] {
        assert_eq!(
            faults(&template(Some(pattern), None)),
            [format!("settings.title_rule {code}")],
            "{pattern}"
        );
    }
    let long = "x".repeat(201);
    assert_eq!(faults(&template(Some(&long), None)), ["settings.title_rule pattern_too_long"]);
    for (pattern, reset, code) in [
        ("BX-{yyyy}", Reset::Never, "serial_number_missing"),
        ("{seq}{seq}", Reset::Never, "serial_number_missing"),
        ("{seq}", Reset::Yearly, "serial_repeats"),
        ("{yyyy}-{seq}", Reset::Monthly, "serial_repeats"),
        ("{MM}-{seq}", Reset::Monthly, "serial_repeats"),
        ("{yy}{MM}-{seq}", Reset::Daily, "serial_repeats"),
        ("{seq:0}", Reset::Never, "pattern_invalid"),
        ("{seq:99}", Reset::Never, "pattern_invalid"),
        ("{hh}{seq}", Reset::Never, "pattern_invalid"),
    ] {
        let found = faults(&template(None, Some((pattern, reset))));
        assert_eq!(found, [format!("settings.serial.pattern {code}")], "{pattern}");
    }
}
