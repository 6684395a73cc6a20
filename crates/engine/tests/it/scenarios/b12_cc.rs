//! B12: people are told, and nobody waits for them.

use crate::world::*;
use zhupi_engine::preview::Step;
use zhupi_engine::template::{
    Approval, Approvers, Block, OnReject, PersonRule, ResumePolicy, Tells, Template,
};
use zhupi_engine::{Command, Rejection, Status, Submit};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

fn flow() -> Template {
    template(vec![cc("c1", &["cid"]), ask("n", &["bob"]), cc("c2", &["cid", "dan"])])
}

#[test]
fn a_cc_node_tells_when_it_is_reached_and_goes_on() {
    let run = Run::start(world(), flow(), "ann");
    assert_eq!((run.told().as_str(), run.pending().as_str()), ("cid", "bob"));
}

#[test]
fn one_copy_a_person_and_instance() {
    assert_eq!(Run::start(world(), flow(), "ann").approve("bob").told(), "cid dan");
}

#[test]
fn a_cc_node_that_is_never_reached_tells_nobody() {
    assert_eq!(Run::start(world(), flow(), "ann").reject("bob").told(), "cid");
}

#[test]
fn the_result_is_told_at_the_end_even_to_people_told_before() {
    let mut template = flow();
    template.settings.cc_at_end = vec![named(&["cid"])];
    assert_eq!(Run::start(world(), template.clone(), "ann").reject("bob").told(), "cid cid");
    assert_eq!(Run::start(world(), template, "ann").approve("bob").told(), "cid dan cid");
}

#[test]
fn the_initiator_may_name_people_where_the_template_says_so() {
    let submit = Submit { cc: vec![user("dan")], ..Submit::default() };
    let refused = Run::submit(world(), flow(), "ann", submit.clone()).err();
    assert_eq!(refused, Some(Rejection::CcNotAllowed { field: "cc" }));
    let mut template = flow();
    template.settings.allow_add_cc = true;
    assert_eq!(Run::submit(world(), template, "ann", submit).unwrap().told(), "dan cid");
}

#[test]
fn disabled_people_are_not_told() {
    assert_eq!(Run::start(world().disabled("cid"), flow(), "ann").told(), "");
}

#[test]
fn the_read_state_is_kept_once() {
    let mut run = Run::start(world(), flow(), "ann");
    run.act("cid", Command::MarkRead).unwrap();
    let first = run.instance.cc[0].read_at;
    run.act("cid", Command::MarkRead).unwrap();
    assert_eq!((first.is_some(), run.instance.cc[0].read_at), (true, first));
    assert_eq!(run.act("dan", Command::MarkRead), Err(Rejection::NotCopied));
    assert_eq!(run.status(), Status::Running);
}

#[test]
fn people_are_told_by_hand_once() {
    let mut run = Run::start(
        World::new().people(&["ann", "bob", "cid", "dan", "eve"]),
        template(vec![ask("n", &["bob"])]),
        "ann",
    );
    run.template.settings.allow_add_cc = true;
    let tell = |names: &[&str]| Command::Tell { people: names.iter().map(|it| user(it)).collect() };
    run.act("bob", tell(&["cid", "dan"])).unwrap();
    run.act("ann", tell(&["dan", "eve"])).unwrap();
    assert_eq!(run.told(), "cid dan eve");
    let run_before = run.events.len();
    run.act("root", tell(&["eve"])).unwrap();
    assert_eq!(run.events.len(), run_before);
}

#[test]
fn whoever_was_only_told_tells_nobody_else() {
    let mut run = Run::start(
        World::new().people(&["ann", "bob", "cid", "dan"]),
        template(vec![ask("n", &["bob"])]),
        "ann",
    );
    let tell = |names: &[&str]| Command::Tell { people: names.iter().map(|it| user(it)).collect() };
    run.act("bob", tell(&["cid"])).unwrap();
    assert_eq!(run.act("cid", tell(&["dan"])), Err(Rejection::NotOffered { action: "tell" }));
    assert_eq!(run.act("bob", tell(&[])), Err(Rejection::NotOffered { action: "tell" }));
    let nobody = Rejection::UserNotActive { user: user("nobody") };
    assert_eq!(run.act("bob", tell(&["nobody"])), Err(nobody));
}

#[test]
fn the_initiator_tells_nobody_where_the_template_does_not_let_him() {
    let begun = || Run::start(world(), template(vec![ask("n", &["bob"])]), "ann");
    let mut run = begun();
    let tell = || Command::Tell { people: vec![user("dan")] };
    assert_eq!(run.act("ann", tell()), Err(Rejection::CcNotAllowed { field: "people" }));
    let mut run = run.send_back("bob", "");
    assert_eq!(
        run.act("ann", tell()),
        Err(Rejection::CcNotAllowed { field: "people" }),
        "mending is no approving"
    );
    run.act("bob", tell()).unwrap();
    assert_eq!(run.told(), "dan");
    let mut run = begun();
    run.template.settings.allow_add_cc = true;
    run.act("ann", tell()).unwrap();
    assert_eq!(run.told(), "dan");
}

#[test]
fn nobody_tells_a_crowd() {
    let crowd = || vec![user("dan"); 51];
    let mut template = flow();
    template.settings.allow_add_cc = true;
    let submit = Submit { cc: crowd(), ..Submit::default() };
    let refused = Run::submit(world(), template.clone(), "ann", submit).err();
    assert_eq!(refused, Some(Rejection::TooMany { field: "cc", limit: 50 }));
    let refused = Run::start(world(), template, "ann").act("ann", Command::Tell { people: crowd() });
    assert_eq!(refused, Err(Rejection::TooMany { field: "people", limit: 50 }));
}

#[test]
fn whoever_names_himself_is_told_nothing_and_others_know_who_told_them() {
    let world = World::new().people(&["ann", "bob", "cid"]);
    let mut run = Run::start(world, template(vec![ask("n", &["bob"])]), "ann");
    run.act("bob", Command::Tell { people: vec![user("bob")] }).unwrap();
    assert_eq!(run.told(), "");
    run.act("bob", Command::Tell { people: vec![user("bob"), user("cid")] }).unwrap();
    assert_eq!((run.told().as_str(), run.instance.cc[0].by), ("cid", Some(user("bob"))));
}

#[test]
fn whoever_was_told_is_not_told_again_when_it_comes_by_once_more() {
    let mut last = node("n2", members(&["dan"]));
    last.returns.resume = ResumePolicy::Replay;
    let flow = vec![ask("n", &["bob"]), cc("c", &["cid"]), Block::Approval(last)];
    let run = Run::start(world(), template(flow), "ann").approve("bob").send_back("dan", "n").approve("bob");
    assert_eq!((run.pending().as_str(), run.told().as_str()), ("dan", "cid"));
}

fn telling(id: &str, asked: &[&str], passed: &[&str], rejected: &[&str]) -> Approval {
    let rules = |names: &[&str]| if names.is_empty() { vec![] } else { vec![named(names)] };
    let tells = Tells { passed: rules(passed), rejected: rules(rejected) };
    Approval { tells, ..node(id, members(asked)) }
}

#[test]
fn people_of_the_template_are_told_at_the_start() {
    let mut template = flow();
    template.settings.cc_at_start = vec![named(&["dan"]), PersonRule::Initiator];
    let run = Run::start(world(), template, "ann");
    assert_eq!((run.told().as_str(), run.pending().as_str()), ("dan ann cid", "bob"));
    assert_eq!((&run.instance.cc[0].node, run.instance.cc[0].by), (&None, None));
}

#[test]
fn some_are_told_when_a_node_passes_and_others_when_it_is_rejected() {
    let begun = || {
        Run::start(
            world(),
            template(vec![Block::Approval(telling("n", &["bob"], &["cid"], &["dan"]))]),
            "ann",
        )
    };
    assert_eq!(begun().told(), "");
    let run = begun().approve("bob");
    assert_eq!((run.told().as_str(), &run.instance.cc[0].node), ("cid", &Some("n".into())));
    assert_eq!(begun().reject("bob").told(), "dan");
}

#[test]
fn a_chain_tells_once_it_has_passed_as_a_whole() {
    let world = World::new().department("D1", "D2", &["h1"]).department("D2", "", &["h2"]);
    let world = world.person("ann", &["D1"]).people(&["cid"]);
    let tells = Tells { passed: vec![named(&["cid"])], rejected: vec![] };
    let chain = Approval { tells, ..node("n", Approvers::Chain(department_chain(2))) };
    let run = Run::start(world, template(vec![Block::Approval(chain)]), "ann").approve("h1");
    assert_eq!(run.told(), "");
    assert_eq!(run.approve("h2").told(), "cid");
}

#[test]
fn how_a_node_came_out_is_told_nobody_before_it_is_reached_nor_when_it_is_sent_back() {
    let asked = Block::Approval(telling("n", &["bob"], &["cid"], &["dan"]));
    let template = template(vec![ask("m", &["cid"]), asked]);
    assert_eq!(Run::start(world(), template.clone(), "ann").reject("cid").told(), "");
    assert_eq!(Run::start(world(), template, "ann").approve("cid").send_back("bob", "m").told(), "");
}

#[test]
fn a_rejection_that_is_mapped_to_a_return_is_told_too() {
    let mapped = Approval { on_reject: OnReject::ReturnToInitiator, ..telling("n", &["bob"], &[], &["dan"]) };
    let run = Run::start(world(), template(vec![Block::Approval(mapped)]), "ann").reject("bob");
    assert_eq!((run.status(), run.told().as_str()), (Status::Returned, "dan"));
}

#[test]
fn one_copy_a_person_from_start_to_outcome_and_once_more_the_result() {
    let mut template =
        template(vec![cc("c", &["cid"]), Block::Approval(telling("n", &["bob"], &["cid", "dan"], &[]))]);
    template.settings.cc_at_start = vec![named(&["cid"])];
    template.settings.cc_at_end = vec![named(&["cid"])];
    assert_eq!(Run::start(world(), template, "ann").approve("bob").told(), "cid dan cid");
}

#[test]
fn the_preview_shows_everybody_who_will_be_told_and_when() {
    let mut template =
        template(vec![cc("c", &["dan"]), Block::Approval(telling("n", &["bob"], &["cid"], &["dan"]))]);
    template.settings.cc_at_start = vec![named(&["bob"])];
    template.settings.cc_at_end = vec![named(&["ann"])];
    let preview = look_ahead(&world(), &template, "ann", serde_json::json!({}));
    let told = preview.steps.iter().filter_map(|step| match step {
        Step::Cc { node, people, told, .. } => {
            let node = node.as_ref().map(ToString::to_string).unwrap_or_default();
            let names: Vec<_> = people.iter().map(|it| name(it.user)).collect();
            Some(format!("{told:?} {node} {}", names.join("+")))
        }
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["AtStart  bob", "AtNode c dan", "Passed n cid", "AtEnd  ann"]);
}
