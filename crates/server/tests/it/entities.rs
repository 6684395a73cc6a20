//! Business objects over our own API: what waits for approval, what its end does, conflicts, and who may do what.

mod random;
mod returning;

use crate::company::{Company, Member};
use crate::harness::{Answer, TestApp};
use crate::receiver::Receiver;
use futures_util::future::join_all;
use serde_json::{Value as Json, json};

/// A company whose objects are approved by bob.
struct Office {
    company: Company,
    template: String,
}

impl Office {
    async fn new() -> Self {
        Self::of(TestApp::with(&[("allow_private_targets", "127.0.0.0/8")]).await).await
    }

    async fn of(app: TestApp) -> Self {
        let company = Company::of(app).await;
        let node = json!({"kind": "approval", "id": "b", "title": "B", "approvers": company.people(&[&company.bob])});
        let definition = json!({
            "name": "Objects",
            "form": [
                {"id": "entity_title", "kind": "text", "title": "Title"},
                {"id": "entity_body", "kind": "text_area", "title": "Body"},
                {"id": "amount", "kind": "money", "title": "Amount"},
            ],
            "flow": [node],
        });
        let template = company.publish("objects", definition).await;
        Self { company, template }
    }

    /// Adds a trigger of this sort of objects; gives its id.
    async fn trigger(&self, sort: &str, more: Json) -> String {
        let made = self.try_trigger(sort, more, &self.company.admin).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    async fn try_trigger(&self, sort: &str, more: Json, by: &Member) -> Answer {
        let mut trigger = json!({"name": "t", "on": "updated"});
        trigger.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"entity_type": sort, "template": self.template, "trigger": trigger});
        self.company.post("/v1/entity-triggers", by, &body).await
    }

    async fn put(&self, path: &str, by: &Member, data: Json) -> Answer {
        let body = json!({ "data": data });
        self.company.app.call("PUT", &format!("/v1/entities/{path}")).by(&by.session).json(&body).send().await
    }

    async fn delete(&self, path: &str, by: &Member) -> Answer {
        self.company.app.call("DELETE", &format!("/v1/entities/{path}")).by(&by.session).send().await
    }

    async fn get(&self, path: &str, by: &Member) -> Json {
        self.company.get(&format!("/v1/entities/{path}"), by).await.expect(200)
    }

    /// Bob decides about an approval.
    async fn decide(&self, approval: &Json, verb: &str) {
        let instance = json!({ "id": approval["instance"] });
        self.company.decide(&instance, &self.company.bob, verb).await.expect(200);
    }

    async fn withdraw(&self, approval: &Json, by: &Member) -> Answer {
        let path = format!("/v1/instances/{}/withdraw", approval["instance"].as_str().unwrap());
        self.company.post(&path, by, &json!({"reason": "no more"})).await
    }

    /// Kinds of the history, the first one first, each with the instance it came from.
    async fn history(&self, path: &str) -> Vec<(String, Json)> {
        let page = self.get(&format!("{path}/history"), &self.company.admin).await;
        let entries = page["items"].as_array().unwrap().iter().rev();
        entries.map(|entry| (entry["kind"].as_str().unwrap().to_owned(), entry["instance"].clone())).collect()
    }

    async fn resolve(&self, approval: &Json, revision: &Json, by: &Member, body: Json) -> Answer {
        let path = format!("/v1/entity-approvals/{}/resolution", approval["instance"].as_str().unwrap());
        let call = self.company.app.post(&path).by(&by.session);
        call.header("if-match", &format!("\"{revision}\"")).json(&body).send().await
    }
}

fn only(view: &Json) -> Json {
    assert_eq!(view["approvals"].as_array().unwrap().len(), 1, "{view}");
    view["approvals"][0].clone()
}

#[tokio::test]
async fn the_usual_sorts_are_there_and_others_can_be_added() {
    let office = Office::new().await;
    let (admin, ann) = (&office.company.admin, &office.company.ann);
    let types = office.company.get("/v1/entity-types", ann).await.expect(200);
    let keys: Vec<&str> =
        types["items"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
    for key in
        ["Lead", "Customer", "Contact", "Opportunity", "Contract", "ReceivedPaymentPlan", "ReceivedPayment"]
    {
        assert!(keys.contains(&key), "{key}");
    }
    let body = json!({"name": "车辆", "strict": true, "title_field": "plate", "editors": {"users": [ann.id]},
        "fields": [{"id": "plate", "kind": "text", "title": "车牌"}, {"id": "km", "kind": "number", "title": "里程"}]});
    let put = async |by: &Member, body: &Json, revision: Option<&str>| {
        let call = office.company.app.call("PUT", "/v1/entity-types/Vehicle").by(&by.session);
        let call = revision.into_iter().fold(call, |call, revision| call.header("if-match", revision));
        call.json(body).send().await
    };
    put(ann, &body, None).await.expect_problem(403, "forbidden");
    assert_eq!(put(admin, &body, None).await.expect(200)["revision"], 1);
    put(admin, &body, None).await.expect_problem(412, "precondition_failed");
    put(admin, &json!({"name": "", "stage_field": "x"}), Some("\"1\"")).await.expect_problem(422, "invalid");
    assert_eq!(put(admin, &body, Some("\"1\"")).await.expect(200)["revision"], 2);
    let made = office.put("Vehicle/A-1", ann, json!({"plate": "沪A1", "km": 7})).await.expect(200);
    assert_eq!((&made["title"], &made["approvals"]), (&json!("沪A1"), &json!([])));
    office.put("Vehicle/A-1", ann, json!({"km": "many"})).await.expect_problem(422, "invalid");
    office.put("Vehicle/A-1", ann, json!({"wheels": 4})).await.expect_problem(422, "invalid");
    office.put("Vehicle/A-1", &office.company.bob, json!({"km": 8})).await.expect_problem(403, "forbidden");
    office.put("Rocket/1", ann, json!({})).await.expect_problem(404, "not_found");
    let list = office.get("Vehicle", ann).await;
    assert_eq!(list["items"][0]["id"], "A-1");
}

#[tokio::test]
async fn a_staged_update_waits_and_is_applied_by_its_approval_once() {
    let office = Office::new().await;
    let company = &office.company;
    let receiver = Receiver::start().await;
    let hook = json!({"name": "ERP", "url": receiver.url("/in"), "events": ["comment.added"]});
    let hook = company.post("/v1/webhooks", &company.admin, &hook).await.expect(201)["id"].clone();
    let after = json!({"approved": {"set": {"checked": "yes"}, "webhook": hook}});
    office.trigger("Opportunity", json!({ "after": after })).await;
    office.put("Opportunity/7", &company.ann, json!({"title": "Old", "expect_amount": 5})).await.expect(200);
    let waiting = office.put("Opportunity/7", &company.ann, json!({"title": "New"})).await.expect(200);
    assert_eq!((&waiting["data"]["title"], &waiting["title"]), (&json!("Old"), &json!("Old")));
    let approval = only(&waiting);
    assert_eq!((&approval["state"], &approval["status"]), (&json!("running"), &json!("running")));
    let change = json!([{"field": "title", "label": "商机标题", "old": "Old", "new": "New"}]);
    assert_eq!(approval["changes"], change);
    let instance = company.see(&json!({"id": approval["instance"]}), &company.bob).await;
    let body = instance["form"].as_array().unwrap().iter().find(|it| it["id"] == "entity_body").unwrap();
    assert!(body["value"].as_str().unwrap().contains("Old → New"), "{body}");
    receiver.then(500, "busy");
    office.decide(&approval, "approve").await;
    let done = office.get("Opportunity/7", &company.ann).await;
    assert_eq!((&done["data"]["title"], &done["title"]), (&json!("New"), &json!("New")));
    assert_eq!(done["data"]["checked"], "yes", "the field update of the trigger");
    assert_eq!(only(&done)["state"], "applied");
    let kinds = office.history("Opportunity/7").await;
    let id = &approval["instance"];
    let expected = [("created", &Json::Null), ("asked", id), ("applied", id)]
        .map(|(kind, id)| (kind.to_owned(), id.clone()));
    assert_eq!(kinds, expected);
    company.app.app.work_until_idle().await.unwrap();
    company.app.app.clock.advance(jiff::SignedDuration::from_mins(10));
    company.app.app.work_until_idle().await.unwrap();
    let told: Vec<Json> = receiver.told().iter().map(|told| told.json()).collect();
    assert_eq!(told.len(), 2, "tried again until it is taken, and then no more");
    assert_eq!(told[0], told[1], "the same message, so that the receiver knows it");
    assert_eq!((&told[0]["type"], &told[0]["data"]["state"]), (&json!("entity.settled"), &json!("applied")));
    assert_eq!(told[0]["data"]["entity_id"], "7");
}

#[tokio::test]
async fn a_change_applied_at_once_is_taken_back_when_it_is_refused_or_withdrawn() {
    let office = Office::new().await;
    let company = &office.company;
    office.trigger("Lead", json!({"apply": "then_revert"})).await;
    office.put("Lead/1", &company.ann, json!({"name": "a"})).await.expect(200);
    for end in ["reject", "withdraw", "approve"] {
        let ahead = office.put("Lead/1", &company.ann, json!({"name": "b"})).await.expect(200);
        assert_eq!(ahead["data"]["name"], "b", "{end}");
        let approval = ahead["approvals"][0].clone();
        let (says, state) = match end {
            "withdraw" => {
                office.withdraw(&approval, &company.ann).await.expect(200);
                ("a", "reverted")
            }
            verb => {
                office.decide(&approval, verb).await;
                if verb == "approve" { ("b", "applied") } else { ("a", "reverted") }
            }
        };
        let done = office.get("Lead/1", &company.ann).await;
        assert_eq!((&done["data"]["name"], &only(&done)["state"]), (&json!(says), &json!(state)), "{end}");
    }
}

#[tokio::test]
async fn a_conflict_waits_for_an_administrator_who_sees_three_sides() {
    let office = Office::new().await;
    let company = &office.company;
    let free = json!({"policy": "free", "material": ["nothing"]});
    office.trigger("Customer", json!({"watch": ["name", "category"], "editable": free.clone()})).await;
    let after = json!({"approved": {"set": {"name": "Hook"}}});
    office.trigger("Customer", json!({"watch": ["status"], "editable": free, "after": after})).await;
    for choice in ["ours", "theirs", "merge"] {
        let path = format!("Customer/{choice}");
        let old = json!({"name": "Old", "category": "x", "status": "s"});
        office.put(&path, &company.ann, old).await.expect(200);
        let first = json!({"name": "New", "category": "y"});
        let first = only(&office.put(&path, &company.ann, first).await.expect(200));
        let both = office.put(&path, &company.ann, json!({"status": "t"})).await.expect(200);
        assert_eq!(both["approvals"].as_array().unwrap().len(), 2);
        office.decide(&both["approvals"][0], "approve").await;
        office.decide(&first, "approve").await;
        let view = office.get(&path, &company.admin).await;
        let stuck =
            view["approvals"].as_array().unwrap().iter().find(|it| it["state"] == "conflict").unwrap();
        assert_eq!((&view["data"]["name"], &view["data"]["category"]), (&json!("Hook"), &json!("x")));
        let sides = json!([
            {"field": "name", "label": "客户名称", "base": "Old", "ours": "New", "theirs": "Hook", "in_conflict": true},
            {"field": "category", "label": "客户类型", "base": "x", "ours": "y", "theirs": "x", "in_conflict": false},
        ]);
        let mut shown = stuck["conflict"].clone();
        shown.as_array_mut().unwrap().sort_by_key(|side| side["field"] == "category");
        assert_eq!(shown, sides);
        let conflicts = company.get("/v1/entity-conflicts", &company.admin).await.expect(200);
        assert_eq!(conflicts["items"].as_array().unwrap().len(), 1);
        let none = company.get("/v1/entity-conflicts", &company.bob).await.expect(200);
        assert_eq!(none["items"], json!([]));
        let locked = office.put(&path, &company.ann, json!({"name": "Z"})).await;
        locked.expect_problem(409, "entity_locked");
        let body = json!({ "choice": choice });
        let revision = &view["revision"];
        office.resolve(stuck, revision, &company.bob, body.clone()).await.expect_problem(403, "forbidden");
        let stale = office.resolve(stuck, &json!(1), &company.admin, body.clone()).await;
        stale.expect_problem(412, "precondition_failed");
        let (body, name, category) = match choice {
            "ours" => (body, "New", "y"),
            "theirs" => (body, "Hook", "x"),
            _ => {
                let open = office.resolve(stuck, revision, &company.admin, body).await;
                open.expect_problem(422, "entity_undecided");
                (json!({"choice": "merge", "fields": {"name": "theirs"}}), "Hook", "y")
            }
        };
        let settled = office.resolve(stuck, revision, &company.admin, body.clone()).await.expect(200);
        assert_eq!(settled["state"], if choice == "theirs" { "dropped" } else { "applied" });
        let done = office.get(&path, &company.admin).await;
        assert_eq!((&done["data"]["name"], &done["data"]["category"]), (&json!(name), &json!(category)));
        let again = office.resolve(stuck, &done["revision"], &company.admin, body).await;
        again.expect_problem(409, "entity_no_conflict");
        assert_eq!(office.history(&path).await.last().unwrap().0, "resolved");
    }
}

#[tokio::test]
async fn a_deletion_is_forbidden_forces_a_withdrawal_or_waits_for_approval() {
    let office = Office::new().await;
    let company = &office.company;
    office.trigger("Lead", json!({"on": "created"})).await;
    let asked = office.put("Lead/1", &company.ann, json!({"name": "a"})).await.expect(200);
    office.delete("Lead/1", &company.ann).await.expect_problem(409, "entity_deletion_forbidden");
    office.decide(&only(&asked), "approve").await;
    assert_eq!(office.delete("Lead/1", &company.ann).await.expect(200)["deleted"], true);
    office.put("Lead/1", &company.ann, json!({"name": "again"})).await.expect(200);

    office.trigger("Contact", json!({"on": "created", "deletion": "withdraws"})).await;
    let asked = office.put("Contact/1", &company.ann, json!({"name": "a"})).await.expect(200);
    // Only whoever asked may take it back.
    office.delete("Contact/1", &company.bob).await.expect_problem(403, "not_initiator");
    let gone = office.delete("Contact/1", &company.ann).await.expect(200);
    assert_eq!((&gone["deleted"], &gone["approvals"][0]["status"]), (&json!(true), &json!("withdrawn")));
    assert_eq!(only(&gone)["instance"], only(&asked)["instance"]);
    office.delete("Contact/1", &company.ann).await.expect_problem(404, "not_found");

    office.trigger("Customer", json!({"on": "deleted"})).await;
    office.put("Customer/1", &company.ann, json!({"name": "a"})).await.expect(200);
    for (verb, deleted) in [("reject", false), ("approve", true)] {
        let waiting = office.delete("Customer/1", &company.ann).await.expect(200);
        assert_eq!(waiting["deleted"], false);
        office.delete("Customer/1", &company.ann).await.expect_problem(409, "entity_already_running");
        office.decide(&waiting["approvals"][0], verb).await;
        assert_eq!(office.get("Customer/1", &company.ann).await["deleted"], deleted);
    }
}

#[tokio::test]
async fn of_changes_told_at_once_one_begins_and_the_others_are_refused() {
    let office = Office::new().await;
    let company = &office.company;
    office.trigger("Lead", json!({})).await;
    office.put("Lead/1", &company.ann, json!({"name": "0"})).await.expect(200);
    let names: Vec<String> = (1..=6).map(|n| n.to_string()).collect();
    let told = names.iter().map(|name| office.put("Lead/1", &company.ann, json!({ "name": name })));
    let answers = join_all(told).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        lost.expect_problem(409, "entity_locked");
    }
    let approvals = office.get("Lead/1/approvals", &company.ann).await;
    assert_eq!(approvals["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn while_an_approval_runs_the_editable_policy_guards_the_object() {
    let office = Office::new().await;
    let company = &office.company;
    let editable = json!({"policy": "free", "material": ["expect_amount"]});
    office.trigger("Opportunity", json!({"watch": ["title", "expect_amount"], "editable": editable})).await;
    office.put("Opportunity/1", &company.ann, json!({"title": "a", "expect_amount": 1})).await.expect(200);
    let first = only(&office.put("Opportunity/1", &company.ann, json!({"title": "b"})).await.expect(200));
    // Not material, and nobody has to approve it: at once.
    let next = office.put("Opportunity/1", &company.ann, json!({"customer": "k"})).await.expect(200);
    assert_eq!((&next["data"]["customer"], &only(&next)["instance"]), (&json!("k"), &first["instance"]));
    // Not material, but to be approved: it joins what is asked for.
    let next = office.put("Opportunity/1", &company.ann, json!({"title": "c"})).await.expect(200);
    assert_eq!(only(&next)["changes"][0]["new"], "c");
    // Material: asked anew, in the name of whoever asked before.
    let stranger = office.put("Opportunity/1", &company.cat, json!({"expect_amount": 2})).await;
    stranger.expect_problem(404, "not_found");
    let anew = office.put("Opportunity/1", &company.ann, json!({"expect_amount": 2})).await.expect(200);
    let second = only(&anew);
    assert_ne!(second["instance"], first["instance"]);
    assert_eq!(second["changes"].as_array().unwrap().len(), 2, "what was asked for before is not lost");
    office.decide(&second, "approve").await;
    let done = office.get("Opportunity/1", &company.ann).await;
    assert_eq!((&done["data"]["title"], &done["data"]["expect_amount"]), (&json!("c"), &json!(2)));
    let kinds: Vec<String> =
        office.history("Opportunity/1").await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["created", "asked", "changed", "amended", "dropped", "asked", "applied"]);
}

#[tokio::test]
async fn flags_say_what_each_reader_may_do_and_strangers_see_nothing() {
    let office = Office::new().await;
    let company = &office.company;
    office.trigger("Lead", json!({})).await;
    office.put("Lead/1", &company.ann, json!({"name": "a"})).await.expect(200);
    office.put("Lead/1", &company.ann, json!({"name": "b"})).await.expect(200);
    let flags = async |by: &Member| {
        let approval = only(&office.get("Lead/1", by).await);
        ["approve", "cancel", "substitute", "reject", "resubmit"]
            .map(|word| approval[format!("can_{word}")].as_bool().unwrap())
    };
    assert_eq!(flags(&company.ann).await, [false, true, false, false, false]);
    assert_eq!(flags(&company.bob).await, [true, false, false, true, false]);
    company.get("/v1/entities/Lead/1", &company.eve).await.expect_problem(404, "not_found");
    company.get("/v1/entities/Lead/1/history", &company.eve).await.expect_problem(404, "not_found");
    assert_eq!(office.get("Lead", &company.eve).await["items"], json!([]));
    let approval = only(&office.get("Lead/1", &company.ann).await);
    office.decide(&approval, "reject").await;
    assert_eq!(flags(&company.ann).await, [false, false, false, false, true]);
    assert_eq!(flags(&company.bob).await, [false; 5]);
    let path = format!("/v1/entity-approvals/{}/resubmission", approval["instance"].as_str().unwrap());
    company.post(&path, &company.bob, &json!({})).await.expect_problem(409, "entity_not_resubmittable");
    company.post(&path, &company.ann, &json!({})).await.expect(201);
    let anew = only(&office.get("Lead/1", &company.ann).await);
    assert_eq!((&anew["state"], &anew["changes"]), (&json!("running"), &approval["changes"]));
    company.post(&path, &company.ann, &json!({})).await.expect_problem(409, "entity_not_resubmittable");
}

#[tokio::test]
async fn triggers_belong_to_those_who_administer_the_template() {
    let office = Office::new().await;
    let company = &office.company;
    office.try_trigger("Lead", json!({}), &company.ann).await.expect_problem(403, "forbidden");
    office.try_trigger("Rocket", json!({}), &company.admin).await.expect_problem(400, "bad_request");
    office
        .try_trigger("Lead", json!({"on": "melted"}), &company.admin)
        .await
        .expect_problem(400, "bad_request");
    let unknown = json!({"after": {"approved": {"webhook": company.ann.id}}});
    office.try_trigger("Lead", unknown, &company.admin).await.expect_problem(422, "invalid");
    let id = office.trigger("Lead", json!({"odds": "once"})).await;
    let path = format!("/v1/entity-triggers/{id}");
    company.get(&path, &company.ann).await.expect_problem(403, "forbidden");
    let shown = company.get(&path, &company.admin).await.expect(200);
    assert_eq!((&shown["revision"], &shown["trigger"]["odds"]), (&json!(1), &json!("once")));
    let body = json!({"entity_type": "Lead", "template": office.template, "enabled": false,
        "trigger": shown["trigger"]});
    let put = async |revision: &str| {
        let call = company.app.call("PUT", &path).by(&company.admin.session);
        call.header("if-match", revision).json(&body).send().await
    };
    office.put("Lead/1", &company.ann, json!({"name": "a"})).await.expect(200);
    let first = only(&office.put("Lead/1", &company.ann, json!({"name": "b"})).await.expect(200));
    office.decide(&first, "reject").await;
    let again = office.put("Lead/1", &company.ann, json!({"name": "c"})).await.expect(200);
    assert_eq!(
        (&again["data"]["name"], &only(&again)["instance"]),
        (&json!("c"), &first["instance"]),
        "once"
    );
    assert_eq!(put("\"1\"").await.expect(200)["revision"], 2);
    put("\"1\"").await.expect_problem(412, "precondition_failed");
    office.put("Lead/2", &company.ann, json!({"name": "a"})).await.expect(200);
    let free = office.put("Lead/2", &company.ann, json!({"name": "b"})).await.expect(200);
    assert_eq!((&free["data"]["name"], &free["approvals"]), (&json!("b"), &json!([])));
    let list = company.get("/v1/entity-triggers", &company.admin).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_change_based_on_an_old_revision_is_refused() {
    let office = Office::new().await;
    let company = &office.company;
    office.put("Lead/1", &company.ann, json!({"name": "a"})).await.expect(200);
    office.put("Lead/1", &company.ann, json!({"name": "b"})).await.expect(200);
    let put = async |revision: &str| {
        let call = company.app.call("PUT", "/v1/entities/Lead/1").by(&company.ann.session);
        call.header("if-match", revision).json(&json!({"data": {"name": "c"}})).send().await
    };
    put("\"1\"").await.expect_problem(412, "precondition_failed");
    assert_eq!(put("\"2\"").await.expect(200)["revision"], 3);
}
