//! B18: what may be decided together with other requests.

use crate::world::*;
use zhupi_engine::batch::BatchObstacle;
use zhupi_engine::event::Decision;
use zhupi_engine::template::{Approval, Block, Demand, Settings};
use zhupi_engine::{Command, Rejection, check_batch};

fn check(settings: Settings, approval: Approval, decide: fn(&Run) -> Command) -> Result<(), BatchObstacle> {
    let mut template = template(vec![Block::Approval(approval)]);
    template.settings = settings;
    let run = Run::start(World::new().people(&["ann", "bob"]).reports_to("ann", "bob"), template, "ann");
    match check_batch(&run.template, &run.instance, &decide(&run)) {
        Ok(()) => Ok(()),
        Err(Rejection::NotInBatch { node, obstacle }) => {
            assert_eq!(node.as_str(), "n");
            Err(obstacle)
        }
        Err(other) => panic!("{other}"),
    }
}

fn approve(run: &Run) -> Command {
    Command::decide(Decision::Approve, run.slot_of("bob"), "all of them")
}

fn reject(run: &Run) -> Command {
    Command::decide(Decision::Reject, run.slot_of("bob"), "all of them")
}

fn plain() -> Approval {
    node("n", members(&["bob"]))
}

fn switched(allow_batch: bool) -> Settings {
    Settings { allow_batch: Some(allow_batch), ..Settings::default() }
}

#[test]
fn batch_is_on_by_default_and_off_at_controls() {
    assert_eq!(check(Settings::default(), plain(), approve), Ok(()));
    assert_eq!(check(Settings::default(), plain(), reject), Ok(()));
    let control = || Approval { control: true, ..plain() };
    assert_eq!(check(Settings::default(), control(), approve), Err(BatchObstacle::Switch));
    assert_eq!(check(switched(true), control(), approve), Err(BatchObstacle::Switch));
}

#[test]
fn the_nodes_switch_comes_before_the_templates() {
    let own = |allow| Approval { allow_batch: Some(allow), control: true, ..plain() };
    assert_eq!(check(switched(false), plain(), approve), Err(BatchObstacle::Switch));
    assert_eq!(check(switched(false), own(true), approve), Ok(()));
    assert_eq!(check(switched(true), own(false), approve), Err(BatchObstacle::Switch));
}

#[test]
fn what_demands_a_signature_is_left_out() {
    let signed = Approval { own_hand: true, ..plain() };
    assert_eq!(check(Settings::default(), signed, approve), Err(BatchObstacle::OwnHand));
}

/// An opinion is about one request: words for all of them are none.
#[test]
fn what_demands_an_opinion_is_left_out_whatever_the_words() {
    let with = |opinion| Approval { opinion, ..plain() };
    assert_eq!(check(Settings::default(), with(Demand::Required), approve), Err(BatchObstacle::Opinion));
    assert_eq!(check(Settings::default(), with(Demand::OnReject), approve), Ok(()));
    assert_eq!(check(Settings::default(), with(Demand::OnReject), reject), Err(BatchObstacle::Opinion));
}
