//! Forms that reckon, number and fetch, and forms that somebody has not finished, over HTTP.

use crate::company::Company;
use crate::harness::TestApp;
use crate::receiver::Receiver;
use serde_json::{Value as Json, json};

/// A template with these controls and settings; bob decides.
fn template(company: &Company, form: Json, settings: Json) -> Json {
    json!({
        "name": "报销", "form": form, "settings": settings,
        "flow": [{ "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]) }],
    })
}

fn expense() -> Json {
    json!([
        { "id": "items", "kind": "table", "title": "明细", "columns": [
            { "id": "price", "kind": "money", "title": "单价", "required": true },
            { "id": "number", "kind": "number", "title": "数量" },
            { "id": "amount", "kind": "money", "title": "小计", "formula": "price * coalesce(number, 1)" },
        ] },
        { "id": "total", "kind": "money", "title": "合计", "formula": "sum(items.amount)", "material": true },
        { "id": "why", "kind": "text", "title": "说明", "show_if": "total > 100", "required_if": "total > 1000" },
    ])
}

async fn submit(company: &Company, body: &Json) -> crate::harness::Answer {
    company.post("/v1/instances", &company.ann, body).await
}

#[tokio::test]
async fn a_form_is_reckoned_in_the_preview_and_at_submit() {
    let company = Company::new().await;
    company.publish("expense", template(&company, expense(), json!({}))).await;
    let ask = |price: u32| {
        let items = json!([{ "price": price, "number": 2 }, { "price": "0.5" }]);
        json!({ "template": "expense", "form": { "items": items, "total": 7 } })
    };
    let preview = company.post("/v1/preview", &company.ann, &ask(600)).await.expect(200);
    assert_eq!(preview["form"][1]["text"], "1200.5 CNY");
    assert_eq!(preview["form"][1]["computed"], true);
    assert_eq!((&preview["form"][2]["shown"], &preview["form"][2]["required"]), (&json!(true), &json!(true)));
    assert_eq!(preview["steps"][0]["node"], "lead");
    let small = company.post("/v1/preview", &company.ann, &ask(1)).await.expect(200);
    assert_eq!((&small["form"][2]["shown"], &small["form"][2]["required"]), (&json!(false), &json!(false)));

    let refused = submit(&company, &ask(600)).await.expect_problem(422, "form_invalid");
    assert_eq!(refused["problems"][0]["path"], "form.why", "{refused}");
    let instance = submit(&company, &ask(10)).await.expect(201);
    assert_eq!(instance["form"][1]["value"], json!({"amount": "20.5", "currency": "CNY"}));
    assert_eq!(instance["form"][0]["value"][0]["amount"]["amount"], "20");
    assert_eq!(instance["form"][0]["value"][1]["_row"], 2);
}

#[tokio::test]
async fn rules_that_make_no_sense_are_not_published() {
    let company = Company::new().await;
    let form = json!([{ "id": "a", "kind": "number", "title": "A", "formula": "a +" }]);
    let id = company.draft("broken", template(&company, form, json!({ "title_rule": "{x}" }))).await;
    let path = format!("/v1/templates/{id}/publish");
    let refused = company.post(&path, &company.admin, &json!({})).await.expect_problem(422, "invalid");
    let problems = refused["problems"].as_array().unwrap();
    let errors: Vec<_> =
        problems.iter().filter(|it| it["severity"] == "error").map(|it| &it["code"]).collect();
    assert_eq!(errors, ["expression_invalid", "pattern_invalid"], "{refused}");
}

#[tokio::test]
async fn instances_are_numbered_and_named_by_the_template() {
    let company = Company::new().await;
    let settings = json!({
        "title_rule": "{serial} {template}",
        "serial": { "pattern": "BX-{yyyy}{MM}-{seq:4}", "reset": "monthly" },
    });
    let form = json!([{ "id": "a", "kind": "text", "title": "A", "required": true }]);
    company.publish("bx", template(&company, form, settings)).await;
    let good = json!({ "template": "bx", "form": { "a": "x" } });
    let first = submit(&company, &good).await.expect(201);
    assert_eq!(
        (&first["serial"], &first["title"]),
        (&json!("BX-202603-0001"), &json!("BX-202603-0001 报销"))
    );
    // A refused one uses up no number.
    submit(&company, &json!({ "template": "bx" })).await.expect_problem(422, "form_invalid");
    let mut serials = Vec::new();
    let all = futures_util::future::join_all((0..8).map(|_| submit(&company, &good))).await;
    for answer in all {
        serials.push(answer.expect(201)["serial"].as_str().unwrap().to_owned());
    }
    serials.sort();
    let expected: Vec<String> = (2..10).map(|number| format!("BX-202603-{number:04}")).collect();
    assert_eq!(serials, expected);
    let mine = company.get("/v1/instances", &company.ann).await.expect(200);
    assert!(mine["items"][0]["serial"].as_str().unwrap().starts_with("BX-202603-"));
    let todo = company.get("/v1/tasks?box=todo", &company.bob).await.expect(200);
    assert!(todo["items"][0]["serial"].as_str().unwrap().starts_with("BX-202603-"));
}

async fn with_source() -> (Company, Receiver) {
    let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8")]).await;
    let (company, other) = (Company::of(app).await, Receiver::start().await);
    let source = json!({ "url": other.url("/projects") });
    let form = json!([{ "id": "project", "kind": "select", "title": "Project", "options_source": source }]);
    company.publish("p", template(&company, form, json!({}))).await;
    (company, other)
}

#[tokio::test]
async fn options_come_from_another_system() {
    let (company, other) = with_source().await;
    other.usually(200, r#"{"options": [{"id": 1, "label": "Bridge"}, {"id": "b", "label": "Tunnel"}, "c"]}"#);
    let ask = |option: &str| json!({ "template": "p", "form": { "project": option } });

    let instance = submit(&company, &ask("1")).await.expect(201);
    assert_eq!(instance["form"][0]["text"], "Bridge");
    assert_eq!(instance["form"][0]["value"], json!([{ "id": "1", "label": "Bridge" }]));
    let refused = submit(&company, &ask("x")).await.expect_problem(422, "form_invalid");
    assert_eq!(refused["problems"][0]["code"], "option_unknown");
    assert_eq!(other.told().len(), 1, "they are fetched once");
    let id = instance["template"]["id"].as_str().unwrap();
    let path = format!("/v1/templates/{id}/fields/project/options");
    let options = company.get(&path, &company.ann).await.expect(200);
    assert_eq!(options["items"][2], json!({ "id": "c", "label": "c" }));
    let none = company.get(&format!("/v1/templates/{id}/fields/nothing/options"), &company.ann).await;
    none.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_source_that_is_down_is_named_and_old_options_help_for_a_while() {
    let (company, other) = with_source().await;
    let ask = json!({ "template": "p", "form": { "project": "a" } });
    for (status, body) in [(500, "[]"), (200, "nonsense"), (200, r#"[{"id": []}]"#), (200, r#"[""]"#)] {
        other.usually(status, body);
        let refused = submit(&company, &ask).await.expect_problem(422, "form_invalid");
        assert_eq!(refused["problems"][0]["code"], "options_unavailable", "{refused}");
        assert!(refused["problems"][0]["message"].as_str().unwrap().contains("`Project`"), "{refused}");
    }
    let many: Vec<String> = (0..2001).map(|number| number.to_string()).collect();
    other.usually(200, &json!(many).to_string());
    submit(&company, &ask).await.expect_problem(422, "form_invalid");
    // Without a value nobody is asked.
    let before = other.told().len();
    submit(&company, &json!({ "template": "p" })).await.expect(201);
    assert_eq!(other.told().len(), before);

    other.usually(200, r#"["a"]"#);
    submit(&company, &ask).await.expect(201);
    other.usually(500, "");
    company.app.app.clock.advance(jiff::SignedDuration::from_mins(10));
    submit(&company, &ask).await.expect(201);
    company.app.app.clock.advance(jiff::SignedDuration::from_mins(60));
    submit(&company, &ask).await.expect_problem(422, "form_invalid");
}

#[tokio::test]
async fn a_source_inside_our_own_network_is_not_published() {
    let company = Company::new().await;
    let source = json!({ "url": "http://127.0.0.1:8080/options" });
    let form = json!([{ "id": "p", "kind": "select", "title": "P", "options_source": source }]);
    let id = company.draft("inside", template(&company, form, json!({}))).await;
    let path = format!("/v1/templates/{id}/publish");
    let refused = company.post(&path, &company.admin, &json!({})).await.expect_problem(422, "invalid");
    assert_eq!(refused["problems"][0]["code"], "target_refused", "{refused}");
}

#[tokio::test]
async fn only_an_instance_that_one_sees_can_be_linked() {
    let company = Company::with_leave().await;
    let form = json!([{ "id": "about", "kind": "linked_instance", "title": "About" }]);
    company.publish("link", template(&company, form, json!({}))).await;
    let leave = company.submit().await;
    let body = json!({ "template": "link", "form": { "about": leave["id"] } });
    let linked = submit(&company, &body).await.expect(201);
    assert_eq!(linked["form"][0]["text"], leave["title"]);
    let refused =
        company.post("/v1/instances", &company.eve, &body).await.expect_problem(422, "form_invalid");
    assert_eq!(refused["problems"][0]["code"], "instance_unknown");
}

#[tokio::test]
async fn a_submission_and_its_preview_get_the_defaults_of_what_they_leave_out() {
    let company = Company::new().await;
    let form = json!([
        { "id": "by", "kind": "text", "title": "By", "required": true, "default": { "value": "train" } },
        { "id": "from", "kind": "date", "title": "From", "default": { "formula": "today()" } },
    ]);
    company.publish("trip", template(&company, form, json!({}))).await;
    let ask = json!({ "template": "trip" });
    let preview = company.post("/v1/preview", &company.ann, &ask).await.expect(200);
    let begun = submit(&company, &ask).await.expect(201);
    for answer in [&preview, &begun] {
        let values = (&answer["form"][0]["value"], &answer["form"][1]["value"]);
        assert_eq!(values, (&json!("train"), &json!("2026-03-02")));
    }
    let emptied = json!({ "template": "trip", "form": { "by": "air", "from": null } });
    assert_eq!(submit(&company, &emptied).await.expect(201)["form"][1]["value"], Json::Null);
    let refused = json!({ "template": "trip", "form": { "by": null } });
    submit(&company, &refused).await.expect_problem(422, "form_invalid");
}

#[tokio::test]
async fn a_draft_is_kept_changed_and_finished() {
    let company = Company::with_leave().await;
    let input = json!({ "template": "leave", "title": "t", "filled_in": { "form": { "days": "many" } } });
    let kept = company.post("/v1/drafts", &company.ann, &input).await;
    assert_eq!(kept.header("etag"), "\"1\"");
    let kept = kept.expect(201);
    let path = format!("/v1/drafts/{}", kept["id"].as_str().unwrap());
    assert_eq!(kept["filled_in"]["form"], json!({ "days": "many" }));

    let better = json!({ "template": "leave", "filled_in": { "form": { "days": 2 } } });
    let put = |seen: &'static str| {
        let call = company.app.call("PUT", &path).by(&company.ann.session).json(&better);
        call.header("if-match", seen).send()
    };
    assert_eq!(put("\"1\"").await.expect(200)["revision"], 2);
    put("\"1\"").await.expect_problem(412, "precondition_failed");
    let blind = company.app.call("PUT", &path).by(&company.ann.session).json(&better).send().await;
    blind.expect_problem(428, "precondition_required");
    company.get(&path, &company.eve).await.expect_problem(404, "not_found");
    let mine = company.get("/v1/drafts", &company.ann).await.expect(200);
    assert_eq!(mine["items"][0]["filled_in"]["form"]["days"], 2);
    assert_eq!(company.get("/v1/drafts", &company.eve).await.expect(200)["items"], json!([]));

    let finish = json!({ "template": "leave", "form": { "days": 2 }, "draft": kept["id"] });
    let theirs = company.post("/v1/instances", &company.eve, &finish).await.expect_problem(422, "invalid");
    assert_eq!(theirs["problems"][0]["code"], "draft_unknown");
    company.get(&path, &company.ann).await.expect(200);
    // It goes with the submission, so that it is submitted once however often it is sent.
    let all = futures_util::future::join_all((0..4).map(|_| submit(&company, &finish))).await;
    let begun = all.iter().filter(|answer| answer.status == 201).count();
    assert_eq!((begun, all.iter().filter(|answer| answer.status == 422).count()), (1, 3));
    assert_eq!(
        company.get("/v1/instances", &company.ann).await.expect(200)["items"].as_array().unwrap().len(),
        1
    );
    company.get(&path, &company.ann).await.expect_problem(404, "not_found");
    let gone = company.app.call("DELETE", &path).by(&company.ann.session).send().await;
    gone.expect_problem(404, "not_found");
}

#[tokio::test]
async fn drafts_are_limited_and_can_be_deleted() {
    let company = Company::with_leave().await;
    let input = json!({ "template": "leave" });
    let mut last = Json::Null;
    for _ in 0..100 {
        last = company.post("/v1/drafts", &company.ann, &input).await.expect(201);
    }
    company.post("/v1/drafts", &company.ann, &input).await.expect_problem(422, "invalid");
    let path = format!("/v1/drafts/{}", last["id"].as_str().unwrap());
    assert_eq!(company.app.call("DELETE", &path).by(&company.ann.session).send().await.status, 204);
    company.post("/v1/drafts", &company.ann, &input).await.expect(201);
    company
        .post("/v1/drafts", &company.ann, &json!({ "template": "nothing" }))
        .await
        .expect_problem(404, "not_found");
    let odd = json!({ "template": "leave", "filled_in": { "formm": {} } });
    company.post("/v1/drafts", &company.ann, &odd).await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn people_see_and_edit_what_their_node_allows() {
    let company = Company::new().await;
    let form = json!([
        { "id": "sum", "kind": "money", "title": "Sum" },
        { "id": "salary", "kind": "money", "title": "Salary" },
        { "id": "note", "kind": "text", "title": "Note" },
        { "id": "rows", "kind": "table", "title": "Rows", "columns": [
            { "id": "a", "kind": "number", "title": "A" },
            { "id": "b", "kind": "number", "title": "B" },
        ] },
        { "id": "total", "kind": "number", "title": "Total", "formula": "sum(rows.a)" },
    ]);
    let mut template = template(&company, form, json!({}));
    template["flow"][0]["fields"] =
        json!({ "salary": "hide", "note": "require", "rows.a": "edit", "rows.b": "hide" });
    let told = json!({ "kind": "cc", "id": "c", "title": "C", "fields": { "sum": "hide" },
        "people": [{ "members": [company.dan.id] }] });
    template["flow"].as_array_mut().unwrap().push(told);
    company.publish("t", template).await;
    let values = json!({ "sum": 1, "salary": 9, "rows": [{ "a": 1, "b": 2 }] });
    let asked = submit(&company, &json!({ "template": "t", "form": values })).await.expect(201);
    let named = |view: &Json| -> Vec<String> {
        let fields = view["form"].as_array().unwrap().iter();
        fields.map(|field| field["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named(&asked), ["sum", "salary", "note", "rows", "total"]);
    let bobs = company.see(&asked, &company.bob).await;
    assert_eq!(named(&bobs), ["sum", "note", "rows", "total"]);
    assert_eq!((&bobs["form"][0]["access"], &bobs["form"][1]["access"]), (&json!("read"), &json!("require")));
    assert_eq!(bobs["form"][2]["columns"], json!({ "a": "edit", "b": "hide" }));
    assert_eq!(bobs["form"][2]["value"], json!([{ "_row": 1, "a": "1" }]));

    let task = crate::company::task_of(&bobs, &company.bob);
    let path = format!("/v1/tasks/{task}/approve");
    let lacking = company.post(&path, &company.bob, &json!({})).await.expect_problem(422, "form_invalid");
    assert_eq!(lacking["problems"][0]["path"], "form.note");
    let sly = json!({ "form": { "note": "n", "salary": 9 } });
    let sly = company.post(&path, &company.bob, &sly).await.expect_problem(422, "form_invalid");
    assert_eq!(sly["problems"][0]["code"], "field_unknown");
    let good = json!({ "form": { "note": "n", "rows": [{ "_row": 1, "a": 5 }] } });
    let done = company.post(&path, &company.bob, &good).await.expect(200);
    assert_eq!(done["form"][3]["value"], "5");
    assert_eq!(done["form"][1]["access"], "read", "he is not asked any more");
    assert_eq!(named(&company.see(&asked, &company.dan).await), ["salary", "note", "rows", "total"]);
}

#[tokio::test]
async fn what_an_approver_fills_in_is_confirmed_too() {
    let (company, other) = with_source().await;
    other.usually(200, r#"[{"id": "a", "label": "Bridge"}]"#);
    let source = json!({ "url": other.url("/projects") });
    let form = json!([{ "id": "project", "kind": "select", "title": "Project", "options_source": source }]);
    let mut template = template(&company, form, json!({}));
    template["flow"][0]["fields"] = json!({ "project": "edit" });
    company.publish("later", template).await;
    let asked = submit(&company, &json!({ "template": "later" })).await.expect(201);
    let task = crate::company::task_of(&asked, &company.bob);
    let path = format!("/v1/tasks/{task}/approve");
    let wrong = json!({ "form": { "project": "x" } });
    let refused = company.post(&path, &company.bob, &wrong).await.expect_problem(422, "form_invalid");
    assert_eq!(refused["problems"][0]["code"], "option_unknown");
    let done = company.post(&path, &company.bob, &json!({ "form": { "project": "a" } })).await.expect(200);
    assert_eq!(done["form"][0]["text"], "Bridge");
}

/// Whoever only held the task for a while, and whoever was told or mentioned by him, sees no more than he does.
#[tokio::test]
async fn nobody_sees_a_hidden_control_by_being_told_or_having_handed_it_on() {
    let company = Company::new().await;
    let form = json!([
        { "id": "sum", "kind": "money", "title": "Sum" },
        { "id": "salary", "kind": "money", "title": "Salary" },
    ]);
    let mut template = template(&company, form, json!({}));
    template["flow"][0]["fields"] = json!({ "salary": "hide" });
    company.publish("t", template).await;
    let values = json!({ "sum": 1, "salary": 9 });
    let asked = submit(&company, &json!({ "template": "t", "form": values })).await.expect(201);
    let instance = crate::company::path_of(&asked);
    let sees = async |who: &crate::company::Member| {
        let view = company.see(&asked, who).await;
        view["form"].as_array().expect("a form").len()
    };
    let words = json!({ "text": "look", "mentions": [company.bob.id, company.dan.id] });
    company.post(&format!("{instance}/comments"), &company.bob, &words).await.expect(201);
    assert_eq!((sees(&company.bob).await, sees(&company.dan).await), (1, 1));
    let task = crate::company::task_of(&asked, &company.bob);
    let to = json!({ "to": company.cat.id });
    company.post(&format!("/v1/tasks/{task}/transfer"), &company.bob, &to).await.expect(200);
    assert_eq!((sees(&company.bob).await, sees(&company.cat).await, sees(&company.ann).await), (1, 1, 2));
    let words = json!({ "text": "look", "mentions": [company.dan.id] });
    company.post(&format!("{instance}/comments"), &company.ann, &words).await.expect(201);
    assert_eq!(sees(&company.dan).await, 2, "ann shows him what she sees");
}

/// Whoever agrees to a revocation reads what he might read when he approved.
#[tokio::test]
async fn whoever_is_asked_about_a_revocation_reads_what_his_own_node_lets_him_read() {
    let company = Company::new().await;
    let node = |id: &str, member: &crate::company::Member, hidden: &str| {
        json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[member]),
            "fields": { hidden: "hide" } })
    };
    let flow = json!([node("lead", &company.bob, "why"), node("boss", &company.cat, "days")]);
    let mut template = crate::company::leave(flow);
    template["settings"] = json!({ "revoke": { "consent": { "days": 9 } } });
    company.publish("leave", template).await;
    let body = json!({ "template": "leave", "form": { "days": 2, "why": "the sea" } });
    let instance = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    company.decide(&instance, &company.cat, "approve").await.expect(200);
    let path = crate::company::path_of(&instance);
    let revoked =
        company.post(&format!("{path}/revoke"), &company.ann, &json!({ "reason": "it rains" })).await;
    assert_eq!(revoked.expect(200)["status"], "revoking");
    for (member, field) in [(&company.bob, "days"), (&company.cat, "why")] {
        let seen = company.see(&instance, member).await;
        let fields: Vec<_> = seen["form"].as_array().expect("fields").iter().map(|it| &it["id"]).collect();
        assert_eq!(fields, [field]);
        assert_eq!(seen["form"][0]["access"], "read", "nothing is changed any more");
    }
}
