//! The hash chain: whatever is done to a history is found, and where.

use crate::world::*;
use zhupi_engine::ledger::{Break, Entry, Follower, GENESIS, Sealed, beginning, hex, seal};
use zhupi_engine::{Event, Instance};

fn history() -> (Instance, Vec<Sealed>) {
    let run = Run::start(World::new().people(&["ann", "bob"]), template(vec![ask("n", &["bob"])]), "ann");
    let run = run.approve("bob");
    let mut sealed: Vec<Sealed> = Vec::new();
    for (index, event) in run.events.iter().enumerate() {
        let entry = Entry {
            instance: run.instance.id,
            seq: index as u64 + 1,
            at: at(index as i64),
            actor: user("ann"),
            command: "test".to_owned(),
            events: vec![event.clone()],
            previous: hex(sealed.last().map_or(&GENESIS, |last| &last.hash)),
        };
        sealed.push(seal(&entry));
    }
    (run.instance, sealed)
}

fn follow(history: &[Sealed]) -> Result<Vec<Event>, Break> {
    let (_, whole) = self::history();
    let mut follower = Follower::default();
    let mut events = Vec::new();
    for (seq, sealed) in (1..).zip(history) {
        events.extend(follower.follow(seq, &sealed.text, &sealed.hash)?.events);
    }
    follower.finish(whole.len() as u64, &whole.last().unwrap().hash)?;
    Ok(events)
}

#[test]
fn a_whole_history_holds_and_replays_to_the_same_state() {
    let (instance, history) = history();
    let mut replayed = Instance::draft(instance.id, instance.template, 1, instance.initiator);
    follow(&history).unwrap().iter().for_each(|event| replayed.apply(event));
    replayed.version = instance.version;
    assert_eq!(replayed, instance);
}

#[test]
fn a_changed_entry_is_named() {
    let (_, mut history) = history();
    history[1].text = history[1].text.replace("ann", "bob").replace("\"seq\":2", "\"seq\":2 ");
    assert_eq!(follow(&history), Err(Break::Changed { seq: 2 }));
}

#[test]
fn a_changed_entry_with_a_matching_hash_breaks_the_next() {
    let (_, mut history) = history();
    let mut entry: Entry = serde_json::from_str(&history[1].text).unwrap();
    entry.command = "forged".to_owned();
    history[1] = seal(&entry);
    assert_eq!(follow(&history), Err(Break::Unchained { seq: 3 }));
}

#[test]
fn a_dropped_an_inserted_and_a_cut_off_entry_are_found() {
    let (_, mut dropped) = history();
    dropped.remove(1);
    assert_eq!(follow(&dropped), Err(Break::Unchained { seq: 2 }));
    let (_, mut doubled) = history();
    doubled.insert(1, doubled[0].clone());
    assert_eq!(follow(&doubled), Err(Break::Unchained { seq: 2 }));
    let (_, mut cut) = history();
    let last = cut.len() as u64;
    cut.pop();
    assert_eq!(follow(&cut), Err(Break::Missing { expected: last }));
}

#[test]
fn an_entry_that_is_left_out_is_named_by_its_number() {
    let (_, history) = history();
    let begun = || {
        let mut follower = Follower::default();
        follower.follow(1, &history[0].text, &history[0].hash).unwrap();
        follower
    };
    let third = begun().follow(3, &history[2].text, &history[2].hash);
    assert_eq!(third, Err(Break::Missing { expected: 2 }));
    assert_eq!(begun().finish(3, &history[2].hash), Err(Break::Missing { expected: 2 }));
}

#[test]
fn an_unreadable_entry_is_named() {
    let text = "{}".to_owned();
    let hash = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
    assert!(matches!(follow(&[Sealed { text, hash }]), Err(Break::Unreadable { seq: 1, .. })));
}

#[test]
fn a_history_begins_with_the_version_the_instance_began_with() {
    let (mut now, _) = history();
    now.template_version = 9;
    let taken_over = |from, version| Event::Migrated {
        at: at(0),
        from,
        version,
        by: None,
        reason: String::new(),
        digest: String::new(),
        nodes: Default::default(),
    };
    let entry = |events| Entry {
        instance: now.id,
        seq: 1,
        at: at(0),
        actor: user("root"),
        command: "test".to_owned(),
        events,
        previous: String::new(),
    };
    assert_eq!(beginning(&now, &[]).template_version, 9, "never taken over");
    let entries = [entry(vec![taken_over(4, 6)]), entry(vec![taken_over(6, 9)])];
    assert_eq!(beginning(&now, &entries).template_version, 4);
}
