//! The JSON of events and instances is kept for ever. These texts were written by the first release; they must be read
//! for all time, and be written in the same way until a member is added.

use crate::world::*;
use serde_json::json;
use std::collections::BTreeSet;
use zhupi_engine::form::{Field, FieldKind};
use zhupi_engine::template::{Approvers, Block, Chain, Line, Mode, PersonRule, When};
use zhupi_engine::{Command, Event, Instance};

/// A run on which all goes well.
fn story() -> Run {
    let world = World::new().department("D", "", &["h"]).person("ann", &["D"]).people(&["bob", "cid", "dan"]);
    let lanes = vec![lane("l", 1, When::Default, vec![ask_in("n", &["bob", "cid"], Mode::InTurn)])];
    let chain = zhupi_engine::template::Approvers::Chain(department_chain(1));
    let mut template =
        template(vec![cc("c", &["dan"]), branch("b", lanes), Block::Approval(node("h", chain))]);
    template.settings.cc_at_end = vec![named(&["dan"])];
    let mut run = Run::start(world, template, "ann");
    run.act("dan", Command::MarkRead).unwrap();
    run.act("ann", Command::comment("hello")).unwrap();
    run.approve("bob").approve("cid").approve("h")
}

/// A run with every kind of value, a circle, somebody who leaves and at last nobody to ask.
fn mishaps() -> Run {
    let world =
        World::new().without_admin().department("D", "", &[]).person("ann", &["D"]).person("dan", &["D"]);
    let world = world.reports_to("ann", "bob").reports_to("bob", "cid").reports_to("cid", "bob");
    let line = Chain { line: Line::Supervisors, ..department_chain(9) };
    let flow = vec![
        ask_in("n", &["bob", "cid", "dan"], Mode::InTurn),
        Block::Approval(node("line", Approvers::Chain(line))),
        Block::Approval(node("lost", by(PersonRule::Role(role("R"))))),
    ];
    let columns = vec![field("cell", FieldKind::Number)];
    let fields = vec![
        field("text", FieldKind::Text),
        field("number", FieldKind::Number),
        field("money", FieldKind::Money),
        field("date", FieldKind::Date),
        field("range", FieldKind::DateRange),
        choice("one", FieldKind::Select, &["a", "b"]),
        choice("many", FieldKind::MultiSelect, &["a", "b"]),
        field("who", FieldKind::Contact),
        field("where", FieldKind::Department),
        field("files", FieldKind::File),
        Field { columns, ..field("rows", FieldKind::Table) },
    ];
    let form = json!({
        "text": "t", "number": "1.50", "money": "9.9", "date": "2026-01-31T09:30",
        "range": {"start": "2026-01-05", "end": "2026-01-06"}, "one": "a", "many": ["b", "a"],
        "who": [user("bob").to_string()], "where": [department("D").to_string()],
        "files": [{"name": "a.pdf", "other": {"key": "k"}}], "rows": [{"cell": 1}, {}],
    });
    let mut run = Run::start_with(world, with_form(fields, flow), "ann", form);
    run.world = run.world.disabled("cid");
    let mut run = run.approve("bob");
    run.world = run.world.reports_to("ann", "dan").reports_to("dan", "bob").reports_to("bob", "dan");
    run.approve("dan").approve("dan").approve("bob")
}

#[test]
fn what_goes_amiss_is_written_as_ever() {
    let lines: Vec<_> = mishaps().events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Lines are added to this file and never changed: it is what stands in the databases of those who run Zhupi.
#[test]
fn every_event_that_was_ever_written_is_read() {
    let mut kinds = BTreeSet::new();
    for line in include_str!("written_events.jsonl").lines() {
        let event: Event = serde_json::from_str(line).unwrap();
        let written: serde_json::Value = serde_json::from_str(line).unwrap();
        kinds.insert(written["type"].to_string());
        let again: Event = serde_json::from_value(serde_json::to_value(&event).unwrap()).unwrap();
        assert_eq!(again, event);
    }
    assert_eq!(kinds.len(), 18, "each kind of event has a line: {kinds:?}");
}

#[test]
fn events_are_written_as_ever() {
    let lines: Vec<_> = story().events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_state_is_written_as_ever() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&story().instance).unwrap());
}

#[test]
fn what_was_written_is_read() {
    for run in [story(), mishaps()] {
        reads_back(&run);
    }
}

fn reads_back(run: &Run) {
    for event in &run.events {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), event);
    }
    let text = serde_json::to_string(&run.instance).unwrap();
    assert_eq!(serde_json::from_str::<Instance>(&text).unwrap(), run.instance);
}
