//! B4.8: what has ended is asked once more, as a new instance that names the old one.

use crate::world::*;
use serde_json::json;
use zhupi_engine::condition::Scope;
use zhupi_engine::decide::{Copied, copy, may_copy};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind};
use zhupi_engine::template::{Block, PersonRule, Template};
use zhupi_engine::{Instance, Rejection, Status, Submit};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

fn fields() -> Vec<Field> {
    let columns = vec![field("what", FieldKind::Text), field("count", FieldKind::Number)];
    vec![
        field("why", FieldKind::Text),
        choice("kind", FieldKind::Select, &["a", "b"]),
        field("secret", FieldKind::Text),
        field("files", FieldKind::File),
        Field { formula: Some("len(why)".to_owned()), ..field("length", FieldKind::Number) },
        Field { columns, ..field("rows", FieldKind::Table) },
    ]
}

fn old() -> (Template, Instance) {
    let template = with_form(fields(), vec![ask("n", &["bob"])]);
    let form = json!({
        "why": "tired", "kind": "a", "secret": "s", "files": [{"name": "a.pdf", "other": {"key": "k"}}],
        "rows": [{"what": "x", "count": 2}, {"what": "y"}],
    });
    let run = Run::start_with(world(), template, "ann", form).reject("bob");
    (run.template, run.instance)
}

fn copied(old: (&Template, &Instance), new: &Template, access: &FieldAccess) -> Copied {
    copy(old.1, (old.0, new), &world().directory(), access, at(0))
}

fn left_out(copied: &Copied) -> Vec<String> {
    copied.left_out.iter().map(|it| format!("{} {}", it.path, it.code)).collect()
}

#[test]
fn what_an_ended_request_asked_is_copied_with_its_files_and_reckoned_anew() {
    let (template, instance) = old();
    let copied = copied((&template, &instance), &template, &FieldAccess::default());
    assert_eq!(left_out(&copied), Vec::<String>::new());
    let expected = json!({
        "why": "tired", "kind": "a", "secret": "s", "files": [{"name": "a.pdf", "other": {"key": "k"}}],
        "rows": [{"what": "x", "count": "2"}, {"what": "y"}],
    });
    assert_eq!((json!(copied.form), copied.title.as_str()), (expected, ""));
}

#[test]
fn what_does_not_fit_the_newest_version_is_named_field_by_field() {
    let (template, instance) = old();
    let mut new = fields();
    new[0] = field("why", FieldKind::Date);
    new[1] = choice("kind", FieldKind::Select, &["b"]);
    new[2] = field("other", FieldKind::Text);
    new[5].columns[1] = field("sum", FieldKind::Number);
    let new = with_form(new, vec![ask("n", &["bob"])]);
    let copied = copied((&template, &instance), &new, &FieldAccess::default());
    let expected = [
        "form.kind value_invalid",
        "form.rows[0].count field_unknown",
        "form.secret field_unknown",
        "form.why value_invalid",
    ];
    assert_eq!(left_out(&copied), expected);
    let kept =
        json!({"files": [{"name": "a.pdf", "other": {"key": "k"}}], "rows": [{"what": "x"}, {"what": "y"}]});
    assert_eq!(json!(copied.form), kept);
}

#[test]
fn what_somebody_does_not_see_is_not_copied() {
    let (template, instance) = old();
    let hidden = FieldAccess([("secret".into(), Access::Hide), ("rows.count".into(), Access::Hide)].into());
    let copied = copied((&template, &instance), &template, &hidden);
    assert_eq!((copied.form.get("secret"), &copied.form["rows"][0]), (None, &json!({"what": "x"})));
    assert_eq!(left_out(&copied), Vec::<String>::new());
}

#[test]
fn picks_people_told_and_the_department_are_copied_as_far_as_they_still_fit() {
    let pick = |among: &[&str]| {
        let users = among.iter().map(|it| user(it)).collect();
        let rule = PersonRule::InitiatorPick { many: false, among: Scope { users, ..Scope::default() } };
        Block::Approval(node("p", by(rule)))
    };
    let company = world().department("D", "", &[]).person("ann", &["D"]);
    let mut template = template(vec![pick(&["bob", "cid"])]);
    template.settings.allow_add_cc = true;
    let submit = Submit {
        title: "my own words".to_owned(),
        picks: [("p".into(), vec![user("bob")])].into(),
        cc: vec![user("cid"), user("dan")],
        ..Submit::default()
    };
    let run = Run::submit(company.clone(), template.clone(), "ann", submit).unwrap().reject("bob");
    let again = |world: &World, new: &Template| {
        copy(&run.instance, (&template, new), &world.directory(), &FieldAccess::default(), at(0))
    };

    let same = again(&company, &template);
    assert_eq!((same.title.as_str(), same.department), ("my own words", Some(department("D"))));
    assert_eq!((same.picks, same.cc), (run.instance.picks.clone(), vec![user("cid"), user("dan")]));
    let mut narrower = template.clone();
    narrower.flow = vec![pick(&["cid"])];
    let elsewhere = company.clone().person("ann", &[]).disabled("dan");
    let fitted = again(&elsewhere, &narrower);
    let expected = [
        "department not_in_department".to_owned(),
        "picks.p pick_not_allowed".to_owned(),
        format!("cc.{} user_not_active", user("dan")),
    ];
    assert_eq!(left_out(&fitted), expected);
    assert_eq!((fitted.picks.len(), fitted.cc, fitted.department), (0, vec![user("cid")], None));
}

#[test]
fn only_its_initiator_copies_and_only_what_has_ended() {
    let flow = || template(vec![ask("n", &["bob"])]);
    let may = |run: &Run, name: &str| may_copy(&run.instance, &run.world.directory(), user(name));
    let not_yet = Err(Rejection::NotOffered { action: "copy" });
    let run = Run::start(world(), flow(), "ann");
    assert_eq!(may(&run, "ann"), not_yet);
    let run = run.send_back("bob", "");
    assert_eq!((run.status(), may(&run, "ann")), (Status::Returned, not_yet));
    for ended in
        [Run::start(world(), flow(), "ann").reject("bob"), Run::start(world(), flow(), "ann").approve("bob")]
    {
        assert_eq!(may(&ended, "ann"), Ok(()));
        assert_eq!(may(&ended, "bob"), Err(Rejection::NotInitiator));
        let gone = ended.with(|world| world.disabled("ann"));
        assert_eq!(may(&gone, "ann"), Err(Rejection::UserNotActive { user: user("ann") }));
    }
}

#[test]
fn the_new_instance_names_the_one_it_was_copied_from() {
    let (template, instance) = old();
    let submit = Submit { copied_from: Some(instance.id), ..Submit::default() };
    let run = Run::submit(world(), template, "ann", submit).unwrap();
    assert_eq!(run.instance.copied_from, Some(instance.id));
    let written = serde_json::to_value(&run.events[0]).unwrap();
    assert_eq!(written["copied_from"], json!(instance.id));
}
