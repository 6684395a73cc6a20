//! D8: rows of a detail table are decided by themselves; what is rejected leaves the table, and totals are reckoned again.

use crate::flows::*;
use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::command::Opinion;
use zhupi_engine::condition::{Figure, Subject};
use zhupi_engine::event::{Decision, Event};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind, to_plain};
use zhupi_engine::instance::Outcome;
use zhupi_engine::template::*;
use zhupi_engine::{Command, Rejection, Status, Template};

fn company() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eva"])
}

/// Rows with an amount, a cost centre and its owner; the total is reckoned.
fn form() -> Vec<Field> {
    let columns = vec![
        field("amount", FieldKind::Number),
        choice("centre", FieldKind::Select, &["x", "y"]),
        field("owner", FieldKind::Contact),
    ];
    let items = Field { columns, ..field("items", FieldKind::Table) };
    let total = Field { formula: Some("sum(items.amount)".to_owned()), ..field("total", FieldKind::Number) };
    vec![items, total]
}

fn lines(on_reject: LaneReject, group_by: Option<&str>) -> Template {
    let each = Each {
        on_reject,
        group_by: group_by.map(Into::into),
        ..each("e", "items", vec![ask_item("line", Some("owner"))])
    };
    let high = lane("high", 1, at_least("total", 100), vec![ask("boss", &["dan"])]);
    let low = lane("low", 2, When::Default, vec![ask("clerk", &["eva"])]);
    with_form(form(), vec![Block::Each(each), branch("b", vec![high, low])])
}

fn rows(rows: &[(i64, &str, &str)]) -> Json {
    let row = |(amount, centre, owner): &(i64, &str, &str)| json!({ "amount": amount, "centre": centre, "owner": [uuid(owner)] });
    json!({ "items": rows.iter().map(row).collect::<Vec<_>>() })
}

fn start(template: Template, values: Json) -> Run {
    Run::start_with(company(), template, "ann", values)
}

fn three() -> Json {
    rows(&[(60, "x", "bob"), (50, "y", "cid"), (30, "x", "bob")])
}

/// Amounts of the rows that are left, and their total.
fn left(run: &Run) -> (Vec<i64>, Option<i64>) {
    let form = to_plain(&run.instance.form);
    let number = |value: &Json| value.to_string().trim_matches('"').parse().unwrap();
    let rows = form.get("items").and_then(Json::as_array).cloned().unwrap_or_default();
    (rows.iter().map(|row| number(&row["amount"])).collect(), form.get("total").map(number))
}

/// Decides the open row tasks of somebody, one after the other.
fn decide(run: &mut Run, person: &str, decisions: &[Decision]) {
    for decision in decisions {
        run.decide_at("line", person, *decision).unwrap();
    }
}

#[test]
fn each_row_is_decided_by_the_person_in_its_column() {
    let run = start(lines(LaneReject::DropRows, None), three());
    assert_eq!(run.pending(), "bob cid bob");
}

#[test]
fn rows_with_the_same_value_go_together() {
    let run = start(lines(LaneReject::DropRows, Some("centre")), three());
    assert_eq!(run.pending(), "bob cid");
    let rows: Vec<usize> =
        run.instance.tokens.iter().filter_map(|it| Some(it.item.as_ref()?.rows.len())).collect();
    assert_eq!(rows, [2, 1]);
}

#[test]
fn rejected_rows_leave_the_table_and_the_total_is_reckoned_again() {
    let mut run = start(lines(LaneReject::DropRows, None), three());
    decide(&mut run, "bob", &[Decision::Approve, Decision::Reject]);
    assert_eq!(left(&run), (vec![60, 50, 30], Some(140)), "nothing is dropped before all have spoken");
    decide(&mut run, "cid", &[Decision::Approve]);
    assert_eq!(left(&run), (vec![60, 50], Some(110)));
    assert_eq!(run.pending(), "dan", "the new total is high still");
}

/// A total that falls below a threshold takes the other lane.
#[test]
fn later_branches_see_the_new_total() {
    let mut run = start(lines(LaneReject::DropRows, None), three());
    decide(&mut run, "bob", &[Decision::Reject, Decision::Approve]);
    decide(&mut run, "cid", &[Decision::Approve]);
    assert_eq!((left(&run), run.pending().as_str()), ((vec![50, 30], Some(80)), "eva"));
    assert_eq!(run.approve("eva").status(), Status::Approved);
}

#[test]
fn a_rejected_group_takes_all_its_rows_along() {
    let run = start(lines(LaneReject::DropRows, Some("centre")), three()).reject("bob").approve("cid");
    assert_eq!((left(&run), run.pending().as_str()), ((vec![50], Some(50)), "eva"));
}

#[test]
fn where_no_row_is_left_the_instance_is_rejected() {
    let run = start(lines(LaneReject::DropRows, Some("centre")), three()).reject("bob").reject("cid");
    assert_eq!(run.status(), Status::Rejected);
    assert_eq!(left(&run).0, Vec::<i64>::new());
}

#[test]
fn rows_are_kept_where_rejections_are_only_collected_or_end_it_all() {
    let run = start(lines(LaneReject::Collect, Some("centre")), three()).reject("bob").approve("cid");
    assert_eq!((left(&run).1, run.instance.outcome_of(&"e".into())), (Some(140), Some(Outcome::Rejected)));
    let run = start(lines(LaneReject::EndInstance, Some("centre")), three()).reject("bob");
    assert_eq!((run.status(), left(&run).1), (Status::Rejected, Some(140)));
}

#[test]
fn the_change_is_a_new_version_of_the_content_made_by_a_rule() {
    let mut run = start(lines(LaneReject::DropRows, None), three());
    let before = run.instance.contents.last().unwrap().digest.clone();
    decide(&mut run, "bob", &[Decision::Approve, Decision::Reject]);
    decide(&mut run, "cid", &[Decision::Approve]);
    let after = run.instance.contents.last().unwrap();
    assert_eq!((run.instance.contents.len(), after.by), (2, None));
    assert_ne!(after.digest, before);
    assert!(run.events.iter().any(|event| matches!(event, Event::FormEdited { by: None, visit: None, .. })));
}

#[test]
fn without_rows_there_is_nothing_to_decide() {
    assert_eq!(start(lines(LaneReject::DropRows, None), json!({})).pending(), "eva");
}

/// A second list over the same table: rows that are gone are not asked about, and numbers of rows stay.
#[test]
fn what_is_left_is_split_again_by_its_own_rows() {
    let mut template = lines(LaneReject::DropRows, Some("centre"));
    let again = Each {
        on_reject: LaneReject::DropRows,
        ..each("again", "items", vec![ask_item("second", Some("owner"))])
    };
    template.flow.insert(1, Block::Each(again));
    let mut run = start(template, three()).reject("cid").approve("bob");
    assert_eq!(run.pending(), "bob bob");
    run.decide_at("second", "bob", Decision::Reject).unwrap();
    run.decide_at("second", "bob", Decision::Approve).unwrap();
    assert_eq!((left(&run), run.pending().as_str()), ((vec![30], Some(30)), "eva"));
}

#[test]
fn figures_over_the_rows_see_what_is_left() {
    let mut template = lines(LaneReject::DropRows, Some("centre"));
    let figure = Figure::Count;
    let rows = Subject::Rows { table: "items".into(), column: "amount".into(), figure };
    let two = When::AnyOf(vec![group_at_least(rows, 2)]);
    let lanes = vec![lane("two", 1, two, vec![ask("many", &["dan"])]), lane("one", 2, When::Default, vec![])];
    template.flow = vec![template.flow.remove(0), branch("count", lanes), ask("last", &["eva"])];
    let run = start(template.clone(), three()).approve("bob").reject("cid");
    assert_eq!(run.pending(), "dan");
    assert_eq!(start(template, three()).reject("bob").approve("cid").pending(), "eva");
}

/// Whoever decides a row changes it alone, be it the whole table or one column that his node lets him edit.
#[test]
fn whoever_decides_a_row_changes_no_other_row() {
    for key in ["items.amount", "items"] {
        let mut template = lines(LaneReject::DropRows, None);
        let Some(Block::Each(each)) = template.flow.first_mut() else { panic!("a list") };
        let Some(Block::Approval(node)) = each.blocks.first_mut() else { panic!("a node") };
        node.fields = FieldAccess([(key.into(), Access::Require)].into());
        let mut run = start(template, rows(&[(60, "x", "bob"), (50, "y", "cid")]));
        let mut say = |rows: Json| {
            let edits = run.edits(json!({ "items": rows }));
            let opinion = Opinion { edits, ..Opinion::new(run.slot_of("bob"), "") };
            run.act("bob", Command::Approve(opinion)).map(|_| left(&run).0)
        };
        let refused = [
            json!([{ "_row": 1, "amount": 7 }, { "_row": 2, "amount": 999 }]),
            json!([{ "_row": 1, "amount": 7 }, { "amount": 8 }]),
        ];
        for rows in refused {
            assert!(matches!(say(rows), Err(Rejection::FormInvalid { .. })), "{key}");
        }
        assert_eq!(say(json!([{ "_row": 1, "amount": 7 }])), Ok(vec![7, 50]), "{key}");
    }
}

#[test]
fn what_hangs_on_rows_that_may_be_dropped_is_uncertain_in_the_preview() {
    let branch_of = |on_reject| {
        let preview = look_ahead(&company(), &lines(on_reject, None), "ann", three());
        let outline = outline(&preview.steps);
        outline.lines().map(str::trim).find(|line| line.starts_with("b:")).unwrap_or_default().to_owned()
    };
    assert_eq!(branch_of(LaneReject::DropRows), "b:high MayChange");
    assert_eq!(branch_of(LaneReject::Collect), "b:high");
}
