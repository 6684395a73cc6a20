//! The JSON of events and instances is kept for ever. These texts were written by the first release; they must be read
//! for all time, and be written in the same way until a member is added.

use crate::world::*;
use serde_json::json;
use std::collections::BTreeSet;
use zhupi_engine::command::{Intervention, Opinion, Outside};
use zhupi_engine::condition::Scope;
use zhupi_engine::decide::{Migration, migrate};
use zhupi_engine::form::{Field, FieldKind};
use zhupi_engine::template::{Approvers, Block, Chain, Line, Mode, PersonRule, RevokeRule, When};
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

/// What random instances never come to: people picked on the way, a revocation that is refused, another version of the
/// template, another try.
fn rarities() -> Vec<Event> {
    let world = || World::new().people(&["ann", "bob", "cid", "dan"]);
    let rule = PersonRule::ApproverPick { at: "first".into(), many: false, among: Scope::default() };
    let flow = vec![ask("first", &["bob"]), Block::Approval(node("second", by(rule)))];
    let mut picking = Run::start(world(), template(flow), "ann");
    let picks = [("second".into(), vec![user("dan")])].into();
    let opinion = Opinion { picks, ..Opinion::new(picking.slot_of("bob"), "") };
    picking.act("bob", Command::Approve(opinion)).unwrap();
    let new = template(vec![ask("first", &["bob"]), ask("new", &["dan"])]);
    let migration = Migration {
        old: &picking.template,
        new: &new,
        version: 2,
        directory: &picking.world.directory(),
        nodes: &[("second".into(), "new".into())].into(),
        at: at(9000),
        by: user("root"),
        reason: "better",
        outside: &Outside::default(),
    };
    let mut events = migrate(&migration, &picking.instance).unwrap();
    let mut revocable = template(vec![ask("n", &["bob"])]);
    revocable.settings.revoke = RevokeRule::Consent { days: 31 };
    let mut revoked = Run::start(world(), revocable, "ann").approve("bob");
    revoked.act("ann", Command::Revoke { reason: "a mistake".to_owned() }).unwrap();
    let lost = Block::Approval(node("lost", by(PersonRule::Role(role("R")))));
    let mut stuck = Run::start(world(), template(vec![ask("a", &["bob"]), lost]), "ann");
    stuck.world = stuck.world.without_admin();
    let mut stuck = stuck.approve("bob");
    stuck.world = world().role("R", &["dan"]);
    let stuck = stuck.intervene(Intervention::Retry);
    for run in [picking, revoked.reject("bob"), stuck] {
        events.extend(run.events);
    }
    events
}

#[test]
fn what_goes_amiss_is_written_as_ever() {
    let lines: Vec<_> = mishaps().events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Lines are added to this file and never changed: it is what stands in the databases of those who run Zhupi.
const WRITTEN: &str = include_str!("written_events.jsonl");

/// So many random instances are looked at for what the engine writes.
const WALKS: u64 = 1_500;

#[test]
fn every_event_that_was_ever_written_is_read() {
    let mut kinds = BTreeSet::new();
    for line in WRITTEN.lines() {
        let event: Event = serde_json::from_str(line).unwrap();
        kinds.insert(kind(&event));
        let again: Event = serde_json::from_value(serde_json::to_value(&event).unwrap()).unwrap();
        assert_eq!(again, event);
    }
    let missing: Vec<_> = KINDS.into_iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty(), "each kind of event has a line: {missing:?} have none");
}

/// Not only each kind of event, but each member and each word that stands in one. `UPDATE=1` adds lines for what is new.
#[test]
fn whatever_the_engine_writes_has_a_line() {
    let mut known = BTreeSet::new();
    for line in WRITTEN.lines() {
        marks("", &serde_json::from_str(line).unwrap(), &mut known);
    }
    let mut lines = Vec::new();
    let mut all: Vec<Event> = [story(), mishaps()].into_iter().flat_map(|run| run.events).collect();
    all.extend(rarities());
    all.extend((0..WALKS).flat_map(crate::random::written));
    // Short ones first: a line is to be read by people too.
    for most in [400, 800, usize::MAX] {
        for event in &all {
            let line = serde_json::to_string(event).unwrap();
            let mut own = BTreeSet::new();
            marks("", &serde_json::to_value(event).unwrap(), &mut own);
            if line.len() <= most && !own.is_subset(&known) {
                known.extend(own);
                lines.push(line);
            }
        }
    }
    if std::env::var("UPDATE").is_ok() && !lines.is_empty() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/written_events.jsonl");
        std::fs::write(path, format!("{WRITTEN}{}\n", lines.join("\n"))).unwrap();
    }
    assert!(lines.is_empty(), "add these with `UPDATE=1`, then run again: {}", lines.join("\n"));
}

/// Members of which the names are ids, and members that hold people's own words.
const MAPS: [&str; 8] = ["form", "edits", "picks", "linked", "people", "cells", "nodes", "value"];
const FREE: [&str; 14] = [
    "title", "text", "comment", "reason", "warning", "name", "saw", "label", "serial", "digest", "group",
    "lane", "fork", "node",
];

/// The paths of an event with the words of our own that stand there.
fn marks(path: &str, value: &serde_json::Value, found: &mut BTreeSet<String>) {
    let last = path.rsplit('.').next().unwrap_or_default();
    match value {
        serde_json::Value::Object(members) => {
            let ids = MAPS.contains(&last);
            for (name, member) in members {
                let is_id = name.len() < 3 || name.contains(|it: char| it.is_ascii_digit());
                let name = if ids && is_id { "*" } else { name };
                marks(&format!("{path}.{name}"), member, found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| marks(path, item, found)),
        serde_json::Value::String(word) if !FREE.contains(&last) && is_word(word) => {
            found.insert(format!("{path}={word}"));
        }
        other => {
            let absent = if other.is_null() { "?" } else { "" };
            found.insert(format!("{path}{absent}"));
        }
    }
}

fn is_word(text: &str) -> bool {
    text.len() > 2 && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')
}

/// Every kind of event. Whoever adds one adds it here, as the compiler will tell below, and then a line to the file.
const KINDS: [&str; 48] = [
    "submitted",
    "form_edited",
    "picked",
    "approvers_frozen",
    "token_started",
    "token_forked",
    "token_arrived",
    "joined",
    "token_cancelled",
    "token_recalled",
    "lanes_chosen",
    "looped",
    "lane_chosen",
    "visit_opened",
    "slot_turned",
    "asked_again",
    "slot_removed",
    "slot_decided",
    "slot_held",
    "slot_settled",
    "slots_added",
    "slot_moved",
    "claimed",
    "released",
    "taken_back",
    "returned",
    "return_settled",
    "superseded",
    "timers_set",
    "timer_fired",
    "reminded",
    "urged",
    "trigger_called",
    "child_started",
    "answered",
    "intervened",
    "revoke_asked",
    "revoke_refused",
    "migrated",
    "resumed",
    "visit_closed",
    "cc_sent",
    "cc_read",
    "commented",
    "data_warned",
    "token_finished",
    "suspended",
    "ended",
];

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Submitted { .. } => "submitted",
        Event::FormEdited { .. } => "form_edited",
        Event::Picked { .. } => "picked",
        Event::ApproversFrozen { .. } => "approvers_frozen",
        Event::TokenStarted { .. } => "token_started",
        Event::TokenForked { .. } => "token_forked",
        Event::TokenArrived { .. } => "token_arrived",
        Event::Joined { .. } => "joined",
        Event::TokenCancelled { .. } => "token_cancelled",
        Event::TokenRecalled { .. } => "token_recalled",
        Event::LanesChosen { .. } => "lanes_chosen",
        Event::Looped { .. } => "looped",
        Event::LaneChosen { .. } => "lane_chosen",
        Event::VisitOpened { .. } => "visit_opened",
        Event::SlotTurned { .. } => "slot_turned",
        Event::AskedAgain { .. } => "asked_again",
        Event::SlotRemoved { .. } => "slot_removed",
        Event::SlotDecided { .. } => "slot_decided",
        Event::SlotHeld { .. } => "slot_held",
        Event::SlotSettled { .. } => "slot_settled",
        Event::SlotsAdded { .. } => "slots_added",
        Event::SlotMoved { .. } => "slot_moved",
        Event::Claimed { .. } => "claimed",
        Event::Released { .. } => "released",
        Event::TakenBack { .. } => "taken_back",
        Event::Returned { .. } => "returned",
        Event::ReturnSettled { .. } => "return_settled",
        Event::Superseded { .. } => "superseded",
        Event::TimersSet { .. } => "timers_set",
        Event::TimerFired { .. } => "timer_fired",
        Event::Reminded { .. } => "reminded",
        Event::Urged { .. } => "urged",
        Event::TriggerCalled { .. } => "trigger_called",
        Event::ChildStarted { .. } => "child_started",
        Event::Answered { .. } => "answered",
        Event::Intervened { .. } => "intervened",
        Event::RevokeAsked { .. } => "revoke_asked",
        Event::RevokeRefused { .. } => "revoke_refused",
        Event::Migrated { .. } => "migrated",
        Event::Resumed => "resumed",
        Event::VisitClosed { .. } => "visit_closed",
        Event::CcSent { .. } => "cc_sent",
        Event::CcRead { .. } => "cc_read",
        Event::Commented { .. } => "commented",
        Event::DataWarned { .. } => "data_warned",
        Event::TokenFinished { .. } => "token_finished",
        Event::Suspended { .. } => "suspended",
        Event::Ended { .. } => "ended",
    }
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
