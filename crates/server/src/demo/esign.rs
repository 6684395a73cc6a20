//! The e-sign side of the demo: a contract sent out to be approved, whose approvers may say where seals go.

use super::Demo;
use super::stories::PAUSE;
use super::surface::Surface;
use crate::error::Error;
use axum::body::Bytes;
use axum::http::Method;
use serde_json::{Value as Json, json};
use uuid::{Uuid, uuid};
use zhupi_store::{Seal, SealMade};

const SOURCE: &str = "esign";
/// Who sends the contract out, and who approves it first.
const ACCOUNTS: [&str; 2] = ["qin.chuan", "nie.lan"];
/// What the documented sample calls the first of them and his organization.
const ACCOUNT_UID: &str = "4E61CD47EFA14ECC9F5D1D19911F6A5C";
const ORGANIZATION_UID: &str = "2A4C492FF38F441BAAA49FDFDF19C265";
const TEMPLATE: &str = "contract";
const BOUNDARY: &str = "zhupi-demo-boundary";

/// The seal that the documented sample of an approval record names.
const SEAL: Uuid = uuid!("826fc2b4-2de7-4920-82d6-55ee9cd3920a");

/// One empty page.
const CONTRACT: &str = "%PDF-1.4\n\
    1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
    2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
    3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n\
    xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \n\
    trailer<</Size 4/Root 1 0 R>>\nstartxref\n164\n%%EOF\n";

/// Gives the credentials of the surface.
pub async fn live(demo: &Demo, surface: &Surface) -> Result<Json, Error> {
    demo.app.store.put_setting(demo.tenant, "esign.template_code", TEMPLATE, demo.app.now_us()).await?;
    register_seal(demo).await?;
    let [account, _] = ACCOUNTS;
    let user = demo.company.user(account)?;
    demo.app.name_esign_account(demo.tenant, user, ACCOUNT_UID, ORGANIZATION_UID).await?;
    let login = json!({"account": account, "pwd": demo.passwords.get(account), "type": 0, "source": SOURCE});
    let session = data(surface.post("/service/rest/v1/login", &[], &login).await?)?;
    let identity = json!({"source": SOURCE, "token": session["token"], "equipId": session["equipId"]});
    demo.app.clock.advance(PAUSE);
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let path = "/service/rest/v1/file/upload/multipart";
    let uploaded = surface.send(Method::POST, path, &[], &content_type, parts(&identity)).await?;
    let flow = data(uploaded)?["flowId"].clone();
    let mut initiate = identity;
    initiate["flowId"] = flow;
    initiate["form"] = json!({"title": "华东经销协议", "party": "江左贸易", "amount": "88000"});
    let sent = data(surface.post("/service/rest/v1/signflow/initiate", &[], &initiate).await?)?;
    let account = |login: &&str| json!({"account": login, "password": demo.passwords.get(*login)});
    Ok(json!({
        "accounts": ACCOUNTS.iter().map(account).collect::<Json>(),
        "source": SOURCE,
        "demo_flow": {"flowId": sent["flowId"], "participantId": sent["participantId"]},
    }))
}

async fn register_seal(demo: &Demo) -> Result<(), Error> {
    let seal = Seal {
        id: SEAL,
        name: "云杉科技合同专用章".to_owned(),
        made: SealMade::OrganizationTemplate,
        kind: "contract".to_owned(),
        width_mm: 42,
        height_mm: 42,
        holder: None,
        granted: Vec::new(),
        picture: None,
        active: true,
        created_by: demo.company.user("shen.yunshan")?,
        created_at: demo.app.now_us(),
    };
    Ok(demo.app.store.create_seal(demo.tenant, &seal).await?)
}

fn parts(identity: &Json) -> Bytes {
    let mut form = String::new();
    let texts = [("docName", "华东经销协议"), ("flowType", "2")];
    let own = ["source", "token", "equipId"].map(|name| (name, identity[name].as_str().unwrap_or_default()));
    for (name, text) in own.into_iter().chain(texts) {
        form += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    }
    form += &format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"fileList\"; filename=\"contract.pdf\"\r\n\
         Content-Type: application/pdf\r\n\r\n{CONTRACT}\r\n--{BOUNDARY}--\r\n"
    );
    Bytes::from(form)
}

/// This family says in the body whether it went well.
fn data(answer: Json) -> Result<Json, Error> {
    match answer["success"].as_bool() {
        Some(true) => Ok(answer["data"].clone()),
        _ => Err(Error::internal(format!("the e-sign demo failed: {answer}"))),
    }
}
