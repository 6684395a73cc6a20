//! The JSON of events and instances is kept for ever. These texts were written by the first release; they must be read
//! for all time, and be written in the same way until a member is added.

use crate::world::*;
use zhupi_engine::template::{Block, Mode, When};
use zhupi_engine::{Command, Event, Instance};

/// A run through every event there is.
fn story() -> Run {
    let world = World::new().department("D", "", &["h"]).person("ann", &["D"]).people(&["bob", "cid", "dan"]);
    let lanes = vec![lane("l", 1, When::Default, vec![ask_in("n", &["bob", "cid"], Mode::InTurn)])];
    let chain = zhupi_engine::template::Approvers::Chain(department_chain(1));
    let mut template =
        template(vec![cc("c", &["dan"]), branch("b", lanes), Block::Approval(node("h", chain))]);
    template.settings.cc_at_end = vec![named(&["dan"])];
    let mut run = Run::start(world, template, "ann");
    run.act("dan", Command::MarkRead).unwrap();
    run.act("ann", Command::Comment { text: "hello".to_owned() }).unwrap();
    run.approve("bob").approve("cid").approve("h")
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
    let run = story();
    for event in &run.events {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), event);
    }
    let text = serde_json::to_string(&run.instance).unwrap();
    assert_eq!(serde_json::from_str::<Instance>(&text).unwrap(), run.instance);
}
