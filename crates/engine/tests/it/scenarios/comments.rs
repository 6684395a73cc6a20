//! Words beside the decisions: whom they mention and what they carry.

use crate::world::*;
use zhupi_engine::decide::{ATTACHMENT_LIMIT, MENTION_LIMIT};
use zhupi_engine::form::FileRef;
use zhupi_engine::{Command, Rejection};

fn run() -> Run {
    let world = World::new().people(&["ann", "bob", "cid"]).disabled("dan");
    Run::start(world, template(vec![ask("n", &["bob"])]), "ann")
}

fn file(name: &str) -> FileRef {
    FileRef { id: None, name: name.to_owned(), other: Default::default() }
}

fn say(text: &str, mentions: &[&str], files: usize) -> Command {
    let mentions = mentions.iter().map(|name| user(name)).collect();
    Command::Comment { text: text.to_owned(), mentions, attachments: vec![file("a.pdf"); files] }
}

#[test]
fn a_comment_mentions_each_person_once() {
    let mut run = run();
    run.act("ann", say("look", &["cid", "bob", "cid"], 0)).unwrap();
    assert_eq!(run.instance.comments[0].mentions, [user("cid"), user("bob")]);
}

#[test]
fn files_may_stand_without_words_and_words_without_files() {
    let mut run = run();
    run.act("ann", say("", &[], 1)).unwrap();
    assert_eq!(run.instance.comments[0].attachments, [file("a.pdf")]);
    assert_eq!(run.act("ann", say(" ", &["bob"], 0)), Err(Rejection::TextRequired { field: "text" }));
}

#[test]
fn nobody_mentions_people_who_are_gone_or_unknown_or_too_many() {
    let mut run = run();
    let gone = |name| Err(Rejection::UserNotActive { user: user(name) });
    assert_eq!(run.act("ann", say("x", &["dan"], 0)), gone("dan"));
    assert_eq!(run.act("ann", say("x", &["nobody"], 0)), gone("nobody"));
    let names: Vec<String> = (0..=MENTION_LIMIT).map(|n| format!("p{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    run.world = run.world.people(&names);
    let too_many = Rejection::TooMany { field: "mentions", limit: MENTION_LIMIT };
    assert_eq!(run.act("ann", say("x", &names, 0)), Err(too_many));
    let too_many = Rejection::TooMany { field: "attachments", limit: ATTACHMENT_LIMIT };
    assert_eq!(run.act("ann", say("x", &[], ATTACHMENT_LIMIT + 1)), Err(too_many));
}
