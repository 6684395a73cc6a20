//! The e-signature surface as its programs see it.

use crate::company::{Company, Member, actions};
use crate::harness::{Answer, TestApp};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use zhupi_engine::Submit;
use zhupi_engine::ids::UserId;
use zhupi_server::App;
use zhupi_server::app::act::Submission;
use zhupi_server::caller::Scope;

const BASE: &str = "/service/rest/v1";
const PDF: &str = "%PDF-1.7\nnot much of a document\n%%EOF\n";

/// The sample request of the family's documentation, as it stands there.
const SAMPLE: &str = r#"{
"flowId": "24bf3c31-392e-49d4-a3ac-9158197db658",
"participantId": "52b940f0-2959-40c7-be83-c2d95acbb2bb",
"approveSealPositions": [{
"posX": 100.0,
"posY": 100.0,
"sealBase64": "",
"sealId": "826fc2b4-2de7-4920-82d6-55ee9cd3920a",
"sealOsskey": "",
"signType": 1,
"posPage": "1",
"key": "",
"posType": 0
}],
"source": "dingding",
"orgAccountUid": "2A4C492FF38F441BAAA49FDFDF19C265",
"accountUid": "4E61CD47EFA14ECC9F5D1D19911F6A5C",
"token": "ba5a051d-91dc-4f44-9add-39a2978b3317",
"equipId": "ding119ef8ab6-033f-4ebe-88ee-d8a1ba5c4b91"
}"#;

/// A company that seals what bob and then cat approve.
struct Office {
    company: Company,
    seal: String,
    other_seal: String,
}

impl Office {
    async fn new() -> Self {
        let company = Company::new().await;
        let flow = json!([
            { "kind": "approval", "id": "legal", "title": "Legal", "approvers": company.people(&[&company.bob]) },
            { "kind": "approval", "id": "head", "title": "Head", "approvers": company.people(&[&company.cat]) },
        ]);
        let form = json!([{ "id": "papers", "kind": "file", "title": "Papers", "required": true }]);
        let settings = json!({ "revoke": { "consent": { "days": 9 } } });
        let definition = json!({ "name": "Sealing", "form": form, "flow": flow, "settings": settings });
        company.publish("sealing", definition).await;
        let call = company.app.call("PUT", "/v1/settings/signing").by(&company.admin.session);
        call.json(&json!({ "template_code": "sealing" })).send().await.expect(200);
        let seal =
            seal(&company, json!({ "name": "公章", "type": "organization_template", "kind": "official" }))
                .await;
        let other = json!({ "name": "合同章", "type": "custom", "width_mm": 40, "height_mm": 30 });
        let other_seal = self::seal(&company, other).await;
        Self { company, seal, other_seal }
    }

    fn app(&self) -> &TestApp {
        &self.company.app
    }

    /// A call as this person, by the session's token in the body.
    async fn post(&self, path: &str, member: &Member, body: Json) -> Json {
        let body = merged(&identity(member), &body);
        success_or_not(&self.app().post(&format!("{BASE}{path}")).json(&body).send().await)
    }

    async fn get(&self, path: &str, member: &Member) -> Json {
        let token = &member.session.token;
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{BASE}{path}{sign}source=esign&token={token}&equipId=web");
        success_or_not(&self.app().get(&path).send().await)
    }

    /// Ann uploads a document; gives the flow and her part in it.
    async fn upload(&self) -> (String, String) {
        let answer = self.upload_as(&self.company.ann, &[("docName", "购销合同")], PDF).await;
        let data = done(&answer);
        (text(&data["flowId"]), text(&data["participantId"]))
    }

    async fn upload_as(&self, member: &Member, texts: &[(&str, &str)], document: &str) -> Json {
        let token = member.session.token.as_str();
        let mut parts = vec![("token", token), ("equipId", "web"), ("source", "esign"), ("flowType", "2")];
        parts.extend_from_slice(texts);
        let call = self.app().post(&format!("{BASE}/file/upload/multipart"));
        let call = call.header("content-type", "multipart/form-data; boundary=cut");
        success_or_not(&call.body(form(&parts, document)).send().await)
    }

    /// A flow of ann's that was sent out, and her part in it.
    async fn sent(&self) -> (String, String) {
        let (flow, part) = self.upload().await;
        done(&self.post("/signflow/initiate", &self.company.ann, json!({ "flowId": flow })).await);
        (flow, part)
    }

    /// This person's part in a flow.
    async fn part_of(&self, flow: &str, member: &Member) -> String {
        text(&done(&self.get(&format!("/signflow/detail?flowId={flow}"), member).await)["participantId"])
    }

    async fn save(&self, flow: &str, part: &str, member: &Member, positions: Json) -> Json {
        let body = json!({ "flowId": flow, "participantId": part, "approveSealPositions": positions });
        self.post("/approve_record/flow", member, body).await
    }

    async fn jobs(&self, member: &Member) -> Vec<Json> {
        let answer = self.company.get("/v1/seal-jobs", member).await.expect(200);
        answer["items"].as_array().expect("jobs").clone()
    }

    fn later(&self) {
        self.app().app.clock.advance(SignedDuration::from_secs(1));
    }
}

async fn seal(company: &Company, body: Json) -> String {
    text(&company.post("/v1/seals", &company.admin, &body).await.expect(201)["id"])
}

fn identity(member: &Member) -> Json {
    json!({ "source": "esign", "token": member.session.token, "equipId": "web" })
}

fn merged(one: &Json, other: &Json) -> Json {
    let mut all = one.clone();
    all.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
    all
}

fn form(texts: &[(&str, &str)], document: &str) -> String {
    let mut body = String::new();
    for (name, value) in texts {
        body += &format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body + "--cut\r\nContent-Disposition: form-data; name=\"fileList\"; filename=\"contract.pdf\"\r\n\
            Content-Type: application/pdf\r\n\r\n"
        + document
        + "\r\n--cut--\r\n"
}

/// Every answer of this surface has status 200 and says in its body what it is.
#[track_caller]
fn success_or_not(answer: &Answer) -> Json {
    let body = answer.expect(200);
    assert_eq!(body["success"] == true, body["errCode"] == 0, "{body}");
    assert!(body["msg"].as_str().is_some_and(|msg| !msg.is_empty()), "{body}");
    body
}

#[track_caller]
fn done(body: &Json) -> Json {
    assert_eq!(body["success"], true, "{body}");
    body["data"].clone()
}

/// The code and message of a refusal.
#[track_caller]
fn refused(body: &Json) -> (u64, String) {
    assert_eq!(body["success"], false, "{body}");
    assert_eq!(body["data"], Json::Null);
    assert!(body["errShow"].is_boolean());
    (body["errCode"].as_u64().expect("a number"), text(&body["msg"]))
}

#[track_caller]
fn text(value: &Json) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected a text, not {value}")).to_owned()
}

fn position(seal: &str, page: &str, x: f64) -> Json {
    json!({
        "posX": x, "posY": 100.0, "sealBase64": "", "sealId": seal, "sealOsskey": "", "signType": 1,
        "posPage": page, "key": "", "posType": 0,
    })
}

#[tokio::test]
async fn the_sample_of_the_documentation_is_answered_as_it_says() {
    let office = Office::new().await;
    let (flow, part) = office.upload().await;
    let app = office.app();
    let account = format!("{:X}", office.company.ann.id.0.simple());
    let body = SAMPLE
        .replace("24bf3c31-392e-49d4-a3ac-9158197db658", &flow)
        .replace("52b940f0-2959-40c7-be83-c2d95acbb2bb", &part)
        .replace("826fc2b4-2de7-4920-82d6-55ee9cd3920a", &office.seal)
        .replace("2A4C492FF38F441BAAA49FDFDF19C265", &format!("{:X}", app.tenant.0.simple()))
        .replace("4E61CD47EFA14ECC9F5D1D19911F6A5C", &account)
        .replace("ba5a051d-91dc-4f44-9add-39a2978b3317", &office.company.ann.session.token);

    let call = app.post(&format!("{BASE}/approve_record/flow")).header("content-type", "application/json");
    let answer = call.body(body).send().await.expect(200);

    let id = text(&answer["data"]["id"]);
    assert_eq!(id.parse::<uuid::Uuid>().expect("a uuid").to_string(), id);
    let data =
        json!({ "accountUid": account, "flowId": flow, "id": id, "sealId": "", "signFlowDetailId": part });
    let whole = json!({ "data": data, "errCode": 0, "exist": true, "msg": "成功", "success": true });
    assert_eq!(answer, whole);
}

#[tokio::test]
async fn positions_may_come_as_text_and_saving_again_replaces_them_under_the_same_id() {
    let office = Office::new().await;
    let (flow, part) = office.upload().await;
    let ann = &office.company.ann;
    let (first, second) =
        (json!([position(&office.seal, "1", 10.0)]), json!([position(&office.seal, "2", 20.0)]));

    let id = done(&office.save(&flow, &part, ann, first).await)["id"].clone();
    let again = done(&office.save(&flow, &part, ann, json!(second.to_string())).await)["id"].clone();
    assert_eq!(id, again);

    let read = done(&office.get(&format!("/approve_record/flow?flowId={flow}"), ann).await);
    assert_eq!(read["id"], id);
    assert_eq!(read["status"], "pending");
    assert_eq!(read["approveSealPositions"], second);
    let detail = done(&office.get(&format!("/signflow/detail?participantId={part}"), ann).await);
    assert_eq!(detail["approveRecordList"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_record_of_something_unknown_or_of_somebody_else_is_refused() {
    let office = Office::new().await;
    let (flow, part) = office.sent().await;
    let (_, elsewhere) = office.upload().await;
    let Company { ann, bob, eve, .. } = &office.company;
    let nowhere = uuid::Uuid::now_v7().to_string();
    let good = json!([position(&office.seal, "1", 10.0)]);

    for (flow, part, member, names) in [
        (nowhere.as_str(), part.as_str(), ann, "`flowId`"),
        ("", part.as_str(), ann, "`flowId`"),
        ("7", part.as_str(), ann, "`flowId`"),
        (flow.as_str(), nowhere.as_str(), ann, "`participantId`"),
        (flow.as_str(), elsewhere.as_str(), ann, "`participantId`"),
        (flow.as_str(), part.as_str(), bob, "`participantId`"),
        (flow.as_str(), part.as_str(), eve, "`flowId`"),
    ] {
        let (code, message) = refused(&office.save(flow, part, member, good.clone()).await);
        assert_eq!((code, message.split(':').next()), (10_001, Some(names)), "{message}");
    }
    let (_, message) = refused(&office.save(&flow, &part, ann, json!([position(&nowhere, "1", 1.0)])).await);
    assert!(message.starts_with("`approveSealPositions[0].sealId`"), "{message}");
    let (_, message) =
        refused(&office.save(&flow, &part, ann, json!([position(&office.seal, "x", 1.0)])).await);
    assert!(message.starts_with("`approveSealPositions[0].posPage`"), "{message}");
}

#[tokio::test]
async fn a_personal_seal_is_for_its_holder_and_those_it_is_granted_to() {
    let office = Office::new().await;
    let Company { ann, bob, cat, .. } = &office.company;
    let body = json!({ "name": "bob", "type": "personal_template", "holder": bob.id, "granted": [cat.id] });
    let personal = seal(&office.company, body).await;
    let (flow, part) = office.sent().await;

    let (code, message) =
        refused(&office.save(&flow, &part, ann, json!([position(&personal, "1", 1.0)])).await);
    assert_eq!(code, 10_001);
    assert!(message.contains("personal seal"), "{message}");
    let bobs = office.part_of(&flow, bob).await;
    done(&office.save(&flow, &bobs, bob, json!([position(&personal, "1", 1.0)])).await);

    let seals = |list: Json| list["seals"].as_array().map(Vec::len);
    assert_eq!(seals(done(&office.get("/seal/list?page=1&pageSize=20&status=1", ann).await)), Some(2));
    let granted = done(&office.get("/seal/list", cat).await);
    assert_eq!((granted["total"].clone(), granted["seals"][2]["isGranted"].clone()), (json!(3), json!(1)));
    assert_eq!(granted["seals"][0]["sealId"], office.seal);
    assert_eq!(granted["seals"][0]["sealType"], 1);
}

#[tokio::test]
async fn a_login_gives_a_cookie_and_a_token_that_both_prove_who_calls() {
    let office = Office::new().await;
    let app = office.app();
    app.password(office.company.ann.id, "correct horse").await;
    let login = json!({ "account": "default/ann", "pwd": "correct horse", "type": 0, "source": "dingding" });
    let answer = app.post(&format!("{BASE}/login")).json(&login).send().await;
    let data = done(&success_or_not(&answer));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("SESSION=") && cookie.contains("HttpOnly"), "{cookie}");
    assert!(text(&data["equipId"]).starts_with("ding"));
    assert_eq!(data["newVersion"], false);

    let list = format!("{BASE}/signflow/list?source=dingding");
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    done(&success_or_not(&app.get(&list).header("cookie", &cookie).send().await));
    let (token, equipment) = (text(&data["token"]), text(&data["equipId"]));
    let tuple = format!("{list}&token={token}&equipId={equipment}");
    done(&success_or_not(&app.get(&tuple).send().await));

    let body = json!({ "flowId": "7", "source": "dingding" });
    let foreign = app.post(&format!("{BASE}/signflow/initiate")).json(&body);
    let foreign = foreign.header("cookie", &cookie).header("origin", "https://evil.example");
    assert_eq!(refused(&success_or_not(&foreign.send().await)).0, 20_005);
}

#[tokio::test]
async fn a_token_of_ours_proves_who_calls_within_its_scopes() {
    let office = Office::new().await;
    let app = office.app();
    let reader = app.token(app.tenant, office.company.ann.id, &[Scope::Read]).await;
    let list = format!("{BASE}/signflow/list?source=esign&equipId=x&token={reader}");
    done(&success_or_not(&app.get(&list).send().await));
    let body = json!({ "source": "esign", "equipId": "x", "token": reader, "flowId": "x" });
    let answer = app.post(&format!("{BASE}/signflow/initiate")).json(&body).send().await;
    assert_eq!(refused(&success_or_not(&answer)).0, 20_004);
}

#[tokio::test]
async fn a_false_identity_is_refused_with_a_number_and_status_200() {
    let office = Office::new().await;
    let app = office.app();
    app.password(office.company.ann.id, "correct horse").await;
    let token = office.company.ann.session.token.clone();
    let login = format!("{BASE}/login");
    let save = format!("{BASE}/approve_record/flow");
    let elsewhere = "0".repeat(32);
    for (path, body, code) in [
        (&login, json!({ "account": "ann", "pwd": "wrong", "type": 0, "source": "esign" }), 20_003),
        (&login, json!({ "account": "nowhere/ann", "pwd": "correct horse", "source": "esign" }), 20_003),
        (&login, json!({ "account": "ann", "pwd": "correct horse", "type": 3, "source": "esign" }), 10_001),
        (&login, json!({ "account": "ann", "pwd": "correct horse", "source": "fax" }), 10_001),
        (&save, json!({ "source": "esign" }), 20_002),
        (&save, json!({ "source": "esign", "token": "zhs_x", "equipId": "x" }), 20_002),
        (&save, json!({ "source": "esign", "token": token }), 10_001),
        (&save, json!({ "token": token, "equipId": "x" }), 10_001),
        (
            &save,
            json!({ "source": "esign", "token": token, "equipId": "x", "accountUid": elsewhere }),
            10_001,
        ),
        (
            &save,
            json!({ "source": "esign", "token": token, "equipId": "x", "orgAccountUid": elsewhere }),
            10_001,
        ),
    ] {
        let answer = app.post(path).json(&body).send().await;
        assert_eq!(refused(&success_or_not(&answer)).0, code, "{body}");
    }
}

#[tokio::test]
async fn logins_are_throttled_as_everywhere() {
    let office = Office::new().await;
    let body = json!({ "account": "ann", "pwd": "wrong", "source": "esign" });
    let mut last = Json::Null;
    for _ in 0..11 {
        last = success_or_not(&office.app().post(&format!("{BASE}/login")).json(&body).send().await);
    }
    assert_eq!(refused(&last).0, 10_006);
}

#[tokio::test]
async fn malformed_requests_are_told_in_this_surfaces_words() {
    let office = Office::new().await;
    let app = office.app();
    let save = format!("{BASE}/approve_record/flow");
    for body in ["", "{", "[]", "null", "\u{0}", r#"{"source":7}"#, r#"{"source":"esign","token":{}}"#] {
        let call = app.post(&save).header("content-type", "application/json").body(body);
        assert_eq!(refused(&success_or_not(&call.send().await)).0, 10_001, "{body}");
    }
    let call = app.post(&save).header("content-type", "text/plain").body("{}");
    assert_eq!(refused(&success_or_not(&call.send().await)).0, 10_003);
    let call = app.post(&save).header("content-type", "application/json").body("[".repeat(100_000));
    assert_eq!(refused(&success_or_not(&call.send().await)).0, 10_001);
    let call = app.post(&save).header("content-type", "application/json").body("x".repeat(2_000_000));
    assert_eq!(refused(&success_or_not(&call.send().await)).0, 10_004);
    assert_eq!(refused(&success_or_not(&app.call("PUT", &save).send().await)).0, 10_005);
    let nothing = app.post(&format!("{BASE}/signflow/nothing")).send().await;
    assert_eq!(refused(&success_or_not(&nothing)).0, 30_001);
}

#[tokio::test]
async fn another_workspace_has_none_of_it() {
    let office = Office::new().await;
    let app = office.app();
    let (flow, part) = office.sent().await;
    let south = app.workspace("south").await;
    let id = app.put_user(south, crate::harness::person("mallory")).await;
    let mallory = Member { id, session: app.session_in(south, id).await };

    let good = json!([position(&office.seal, "1", 10.0)]);
    let (_, message) = refused(&office.save(&flow, &part, &mallory, good).await);
    assert_eq!(message, "`flowId`: there is no such flow");
    for path in [format!("/signflow/detail?flowId={flow}"), format!("/signflow/detail?participantId={part}")]
    {
        assert_eq!(refused(&office.get(&path, &mallory).await).0, 10_001);
    }
    assert_eq!(done(&office.get("/signflow/list", &mallory).await)["total"], 0);
    assert_eq!(done(&office.get("/seal/list", &mallory).await)["total"], 0);
    assert!(office.jobs(&mallory).await.is_empty());
}

#[tokio::test]
async fn only_pdf_documents_are_taken_and_none_after_the_flow_was_sent_out() {
    let office = Office::new().await;
    let ann = &office.company.ann;
    let (code, message) = refused(&office.upload_as(ann, &[], "PK\u{3}\u{4} no document").await);
    assert_eq!((code, message.as_str()), (10_001, "`fileList`: `contract.pdf` is no PDF document"));

    let answer = done(&office.upload_as(ann, &[("docName", "两份合同")], PDF).await);
    let flow = text(&answer["flowId"]);
    assert_eq!(answer["md5List"], json!([format!("{:x}", md5_of(PDF))]));
    assert_eq!(answer["docDataList"][0]["flowDocName"], "contract.pdf");
    let joined = done(&office.upload_as(ann, &[("flowId", &flow)], PDF).await);
    assert_eq!((&joined["flowId"], &joined["participantId"]), (&answer["flowId"], &answer["participantId"]));
    assert_eq!(refused(&office.upload_as(&office.company.eve, &[("flowId", &flow)], PDF).await).0, 10_001);

    done(&office.post("/signflow/initiate", ann, json!({ "flowId": flow })).await);
    assert_eq!(refused(&office.upload_as(ann, &[("flowId", &flow)], PDF).await).0, 40_002);
    let detail = done(&office.get(&format!("/signflow/detail?flowId={flow}"), ann).await);
    assert_eq!(detail["flowDocDataList"].as_array().map(Vec::len), Some(2));
}

fn md5_of(text: &str) -> u128 {
    use md5::Digest;
    u128::from_be_bytes(md5::Md5::digest(text).into())
}

#[tokio::test]
async fn a_flow_is_sent_out_once_by_its_owner_after_a_published_template() {
    let office = Office::new().await;
    let Company { ann, eve, .. } = &office.company;
    let (flow, part) = office.upload().await;
    let send = async |member, more: Json| {
        office.post("/signflow/initiate", member, merged(&json!({ "flowId": flow }), &more)).await
    };
    assert_eq!(refused(&send(eve, json!({})).await).0, 10_001);
    assert_eq!(refused(&send(ann, json!({ "templateCode": "nothing" })).await).0, 10_001);
    assert_eq!(refused(&send(ann, json!({ "form": { "papers": 7 } })).await).0, 10_002);
    let places = json!([{ "flowDocId": flow, "participantPos": [] }]);
    assert_eq!(refused(&send(ann, json!({ "docPosList": places })).await).0, 10_001);

    let detail = done(&office.get(&format!("/signflow/detail?flowId={flow}"), ann).await);
    let pos = json!([{ "posPage": 1, "posX": 1.0, "posY": 2.0, "signType": 1 }]);
    let document = &detail["flowDocDataList"][0]["flowDocId"];
    let places =
        json!([{ "flowDocId": document, "participantPos": [{ "participantId": part, "posList": pos }] }]);
    let sent = done(&send(ann, json!({ "docPosList": places })).await);
    assert_eq!((&sent["participantId"], &sent["approveStatus"]), (&json!(part), &json!("running")));
    assert_eq!(refused(&send(ann, json!({})).await).0, 40_002);

    let detail = done(&office.get(&format!("/signflow/detail?flowId={flow}"), ann).await);
    assert_eq!(detail["flowDocDataList"][0]["posList"][0]["posPage"], "1");
    let instance = office.company.get(&format!("/v1/instances/{flow}"), ann).await.expect(200);
    assert_eq!(instance["business_key"], format!("esign:{flow}"));
    assert_eq!(instance["title"], "购销合同");
}

#[tokio::test]
async fn a_client_that_sends_no_form_gives_the_flows_name_as_the_text_that_is_required() {
    let office = Office::new().await;
    let Company { ann, .. } = &office.company;
    let flow = json!([
        { "kind": "approval", "id": "legal", "title": "Legal", "approvers": office.company.people(&[&office.company.bob]) },
    ]);
    let form = json!([
        { "id": "note", "kind": "text", "title": "Note" },
        { "id": "what", "kind": "text_area", "title": "What", "required": true },
        { "id": "papers", "kind": "file", "title": "Papers", "required": true },
    ]);
    office.company.publish("texts", json!({ "name": "Sealing", "form": form, "flow": flow })).await;
    for (more, expected) in [
        (json!({}), "购销合同"),
        (json!({ "form": { "what": " " } }), "购销合同"),
        (json!({ "form": { "what": "a lease" } }), "a lease"),
    ] {
        let (flow, _) = office.upload().await;
        let asked = merged(&json!({ "flowId": flow, "templateCode": "texts" }), &more);
        done(&office.post("/signflow/initiate", ann, asked).await);
        let instance = office.company.get(&format!("/v1/instances/{flow}"), ann).await.expect(200);
        assert_eq!(instance["form"][0]["value"], Json::Null, "{instance}");
        assert_eq!(instance["form"][1]["value"], expected, "{instance}");
    }
}

#[tokio::test]
async fn an_approved_flow_leaves_one_job_with_everybodys_positions_merged() {
    let office = Office::new().await;
    let Company { ann, bob, cat, eve, admin, .. } = &office.company;
    let (flow, part) = office.sent().await;
    let (seal, other) = (&office.seal, &office.other_seal);
    office.later();
    let anns = json!([position(seal, "1", 100.0), position(seal, "2", 100.0)]);
    done(&office.save(&flow, &part, ann, anns).await);
    office.later();

    let mine = done(&office.get("/signflow/list?status=2&page=1&pageSize=10", bob).await);
    assert_eq!((&mine["total"], &mine["signFlows"][0]["flowId"]), (&json!(1), &json!(flow)));
    let bobs = text(&mine["signFlows"][0]["participantId"]);
    let wishes = json!([position(seal, "1", 300.0), position(other, "2", 110.0)]);
    done(&office.save(&flow, &bobs, bob, wishes).await);
    let agreed = json!({ "flowId": flow, "comment": "fine" });
    assert_eq!(done(&office.post("/approve_record/agree", bob, agreed).await)["approveStatus"], "running");
    office.app().app.work_until_idle().await.expect("work");
    assert!(office.jobs(admin).await.is_empty());
    let last = office.post("/approve_record/agree", cat, json!({ "flowId": flow })).await;
    assert_eq!(done(&last)["approveStatus"], "approved");

    office.app().app.work_until_idle().await.expect("work");
    office.app().app.work_until_idle().await.expect("work");
    let jobs = office.jobs(cat).await;
    assert_eq!(jobs.len(), 1);
    let job = &jobs[0];
    assert_eq!(
        (&job["flow"], &job["instance"], &job["state"]),
        (&json!(flow), &json!(flow), &json!("waiting"))
    );
    let placed: Vec<(String, String, f64, UserId)> = job["positions"]
        .as_array()
        .expect("positions")
        .iter()
        .map(|it| {
            let by = text(&it["by"]["id"]).parse().expect("an id");
            (text(&it["seal"]), text(&it["pages"]), it["x"].as_f64().expect("a number"), by)
        })
        .collect();
    let expected = [
        (seal.clone(), "2".to_owned(), 100.0, ann.id),
        (seal.clone(), "1".to_owned(), 300.0, bob.id),
        (other.clone(), "2".to_owned(), 110.0, bob.id),
    ];
    assert_eq!(placed, expected);
    assert_eq!(job["warnings"], json!(["positions 1 and 3 overlap on pages `2` and `2`"]));
    assert_eq!(job["documents"][0]["sha256"], sha256_of(PDF));
    assert_eq!(office.jobs(admin).await, jobs);
    assert!(office.jobs(eve).await.is_empty());

    let detail = done(&office.get(&format!("/signflow/detail?flowId={flow}"), ann).await);
    assert_eq!((&detail["status"], &detail["approveStatus"]), (&json!(9), &json!("approved")));
    assert_eq!(detail["sealJob"]["state"], "waiting");
    assert_eq!(detail["sealJob"]["positions"].as_array().map(Vec::len), Some(3));
    let operations =
        done(&office.get(&format!("/signflow/operations?flowId={flow}&orderByDesc=false"), ann).await);
    let words: Vec<String> = operations["operations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| text(&it["operation"]))
        .collect();
    assert_eq!(
        words,
        ["upload", "submit", "save_approve_record", "save_approve_record", "approve", "approve"]
    );
    let late = office.save(&flow, &part, ann, json!([position(seal, "9", 1.0)])).await;
    assert_eq!(refused(&late).0, 40_003);
}

#[tokio::test]
async fn after_a_crash_between_approval_and_job_the_job_appears_once() {
    let office = Office::new().await;
    let Company { ann, bob, cat, admin, .. } = &office.company;
    let (flow, part) = office.sent().await;
    done(&office.save(&flow, &part, ann, json!([position(&office.seal, "1", 1.0)])).await);
    for member in [bob, cat] {
        done(&office.post("/approve_record/agree", member, json!({ "flowId": flow })).await);
    }
    assert!(office.jobs(admin).await.is_empty());

    // The process that took the decision is gone; two others start on what it left.
    let first = &office.app().app;
    let (config, clock) = (&first.config, &first.clock);
    let second = App::open_with(config.clone(), clock.clone()).await.expect("a server");
    let third = App::open_with(config.clone(), clock.clone()).await.expect("a server");
    let (one, other) = tokio::join!(second.work_until_idle(), third.work_until_idle());
    one.and(other).expect("work");
    let jobs = office.jobs(admin).await;
    assert_eq!(jobs.len(), 1);
    first.work_until_idle().await.expect("work");
    assert_eq!(office.jobs(admin).await, jobs);
}

fn sha256_of(text: &str) -> String {
    zhupi_engine::ledger::hex(&zhupi_server::secrets::token_hash(text))
}

#[tokio::test]
async fn a_rejected_or_withdrawn_flow_leaves_no_job_and_its_records_stay_as_they_are() {
    let office = Office::new().await;
    let Company { ann, bob, admin, .. } = &office.company;
    let (rejected, part) = office.sent().await;
    let (withdrawn, other_part) = office.sent().await;
    let wish = json!([position(&office.seal, "1", 100.0)]);
    done(&office.save(&rejected, &part, ann, wish.clone()).await);

    let no = json!({ "flowId": rejected, "reason": "the price is wrong" });
    assert_eq!(done(&office.post("/approve_record/refuse", bob, no).await)["approveStatus"], "rejected");
    let path = format!("/v1/instances/{withdrawn}/withdraw");
    office.company.post(&path, ann, &json!({ "reason": "a mistake" })).await.expect(200);
    office.app().app.work_until_idle().await.expect("work");

    assert!(office.jobs(admin).await.is_empty());
    for (flow, part) in [(&rejected, &part), (&withdrawn, &other_part)] {
        assert_eq!(refused(&office.save(flow, part, ann, wish.clone()).await).0, 40_003);
    }
    let again = office.post("/approve_record/agree", bob, json!({ "flowId": rejected })).await;
    assert!([40_003, 40_015].contains(&refused(&again).0), "{again}");
    let record = done(&office.get(&format!("/approve_record/flow?flowId={rejected}"), ann).await);
    assert_eq!(record["status"], "refused");
}

#[tokio::test]
async fn what_is_revoked_before_it_was_sealed_is_not_to_be_sealed_any_more() {
    let office = Office::new().await;
    let Company { ann, bob, cat, admin, .. } = &office.company;
    let work = async || office.app().app.work_until_idle().await.expect("work");
    let states = async || {
        let jobs = office.jobs(admin).await;
        jobs.iter().map(|job| format!("{} {}", text(&job["flow"]), text(&job["state"]))).collect::<Vec<_>>()
    };
    let mut flows = Vec::new();
    for _ in 0..2 {
        let (flow, _) = office.sent().await;
        for member in [bob, cat] {
            done(&office.post("/approve_record/agree", member, json!({ "flowId": flow })).await);
        }
        let path = format!("/v1/instances/{flow}/revoke");
        office.company.post(&path, ann, &json!({ "reason": "the price is wrong" })).await.expect(200);
        flows.push(flow);
    }
    let agreed = async |flow: &str, member, verb: &str| {
        let seen = office.company.see(&json!({ "id": flow }), member).await;
        let allowed = actions(&seen).find(|it| it["action"] == verb).expect("he is asked");
        let path = format!("/v1/tasks/{}/{verb}", text(&allowed["task"]));
        office.company.post(&path, member, &json!({ "comment": "so be it" })).await.expect(200);
    };

    // Whoever revokes before there is a job leaves none.
    let [early, asked] = flows.as_slice() else { panic!("two flows") };
    agreed(early, bob, "approve").await;
    agreed(early, cat, "approve").await;
    work().await;
    assert_eq!(states().await, [format!("{asked} waiting")]);

    // While it is asked about, and after a no, it stays as it was.
    agreed(asked, bob, "reject").await;
    assert_eq!(states().await, [format!("{asked} waiting")]);
    let path = format!("/v1/instances/{asked}/revoke");
    office.company.post(&path, ann, &json!({ "reason": "really" })).await.expect(200);
    agreed(asked, bob, "approve").await;
    assert_eq!(states().await, [format!("{asked} waiting")]);
    agreed(asked, cat, "approve").await;
    assert_eq!(states().await, [format!("{asked} void")]);
    work().await;
    assert_eq!(states().await, [format!("{asked} void")]);
    let detail = done(&office.get(&format!("/signflow/detail?flowId={asked}"), ann).await);
    assert_eq!((&detail["sealJob"]["state"], &detail["approveStatus"]), (&json!("void"), &json!("revoked")));
    let ended = done(&office.get("/signflow/list?status=9&page=1&pageSize=10", ann).await);
    assert_eq!(ended["total"], 2);
}

#[tokio::test]
async fn whoever_is_not_asked_cannot_decide() {
    let office = Office::new().await;
    let Company { ann, cat, eve, .. } = &office.company;
    let (flow, _) = office.sent().await;
    let agree = json!({ "flowId": flow });
    assert_eq!(refused(&office.post("/approve_record/agree", ann, agree.clone()).await).0, 40_017);
    assert_eq!(refused(&office.post("/approve_record/agree", eve, agree.clone()).await).0, 10_001);
    // It is not her turn: the flow is not hers to see yet.
    assert_eq!(refused(&office.post("/approve_record/agree", cat, agree).await).0, 10_001);
}

#[tokio::test]
async fn somebody_elses_instance_with_a_flows_name_seals_nothing() {
    let office = Office::new().await;
    let Company { ann, admin, eve, .. } = &office.company;
    let (flow, _) = office.sent().await;
    let alone = json!({ "name": "Alone", "form": [], "flow": [
        { "kind": "approval", "id": "eve", "title": "Eve", "approvers": office.company.people(&[eve]) },
    ] });
    let template = office.company.publish("alone", alone).await;
    let submission = Submission {
        template: template.parse().expect("an id"),
        submit: Submit::default(),
        business_key: Some(format!("esign:{flow}")),
        idempotency_key: None,
        instance: None,
        draft: None,
    };
    let begun = office.app().app.submit(office.app().tenant, ann.id, submission).await.expect("an instance");
    let instance = json!({ "id": begun.instance.id });
    office.company.decide(&instance, eve, "approve").await.expect(200);
    assert_eq!(office.company.see(&instance, eve).await["status"], "approved");

    office.app().app.work_until_idle().await.expect("work");
    assert!(office.jobs(admin).await.is_empty());
}

#[tokio::test]
async fn only_administrators_register_seals() {
    let office = Office::new().await;
    let Company { ann, admin, eve, .. } = &office.company;
    let body = json!({ "name": "x", "type": "custom" });
    office.company.post("/v1/seals", ann, &body).await.expect_problem(403, "forbidden");
    for (wrong, field) in [
        (json!({ "name": " ", "type": "custom" }), "name"),
        (json!({ "name": "x", "type": "custom", "width_mm": 4000 }), "width_mm"),
        (json!({ "name": "x", "type": "custom", "holder": uuid::Uuid::nil() }), "holder"),
        (json!({ "name": "x", "type": "custom", "picture": uuid::Uuid::nil() }), "picture"),
    ] {
        let problem =
            office.company.post("/v1/seals", admin, &wrong).await.expect_problem(400, "bad_request");
        assert_eq!(problem["field"], field);
    }
    let seals = office.company.get("/v1/seals", eve).await.expect(200);
    assert_eq!(seals["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn only_administrators_say_after_which_template_flows_are_decided() {
    let office = Office::new().await;
    let Company { ann, admin, .. } = &office.company;
    let put = async |member: &Member, body: Json| {
        let call = office.app().call("PUT", "/v1/settings/signing").by(&member.session);
        call.json(&body).send().await
    };
    put(ann, json!({ "template_code": "sealing" })).await.expect_problem(403, "forbidden");
    put(admin, json!({ "template_code": "nothing" })).await.expect_problem(400, "bad_request");
    put(admin, json!({ "template_code": null })).await.expect(200);
    let (flow, _) = office.upload().await;
    let sent = office.post("/signflow/initiate", ann, json!({ "flowId": flow })).await;
    assert!(refused(&sent).1.starts_with("`templateCode`"), "{sent}");
    let sent = json!({ "flowId": flow, "templateCode": "sealing" });
    done(&office.post("/signflow/initiate", ann, sent).await);
}

#[tokio::test]
async fn whoever_sent_a_flow_out_hurries_people_and_takes_it_back() {
    let office = Office::new().await;
    let (flow, _) = office.sent().await;
    let (ann, bob) = (&office.company.ann, &office.company.bob);
    let body = json!({ "flowId": flow, "comment": "请尽快" });
    assert_eq!(office.post("/signflow/urge", bob, body.clone()).await["success"], false);
    done(&office.post("/signflow/urge", ann, body.clone()).await);
    assert_eq!(
        office.post("/signflow/urge", ann, body.clone()).await["success"],
        false,
        "not twice in a row"
    );
    assert_eq!(office.post("/signflow/revoke", bob, body.clone()).await["success"], false);
    let taken = done(&office.post("/signflow/revoke", ann, body).await);
    assert_eq!(taken["approveStatus"], "withdrawn");
    let late = office.post("/approve_record/agree", bob, json!({ "flowId": flow })).await;
    assert_eq!(late["success"], false);
}
