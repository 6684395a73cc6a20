//! Between our words and the callback's: an instance that was approved becomes the seed's body, an answer becomes a
//! verdict.

use super::wire::ProcessEndCallBack;
use crate::outbound::Reply;
use serde_json::Value as Json;
use zhupi_engine::ids::TemplateId;

/// What is known of an instance that ended approved.
#[derive(Clone, Debug)]
pub struct Completed<'a> {
    /// `Settings::completion_callback` of the template.
    pub handler: &'a str,
    pub business_key: Option<&'a str>,
    pub template: TemplateId,
    pub template_code: &'a str,
    pub template_version: u32,
}

/// The body of the callback.
pub fn completion(completed: &Completed<'_>) -> ProcessEndCallBack {
    let Completed { handler, business_key, template, template_code, template_version } = completed;
    ProcessEndCallBack {
        business_key: business_key.map(str::to_owned),
        call_back_process_class: Some((*handler).to_owned()),
        process_definition_id: Some(format!("{template_code}:{template_version}:{template}")),
        process_definition_key: Some((*template_code).to_owned()),
        process_definition_version: Some(i32::try_from(*template_version).unwrap_or(i32::MAX)),
    }
}

/// Where the callback of an instance goes.
pub fn target(base_uri: &str, flow_instance_id: &str) -> String {
    format!("{}/flow/{flow_instance_id}/call-back/complete", base_uri.trim_end_matches('/'))
}

/// Whether the other side took it: any 2xx with `success: true`. Else why not, in its own words where it has some.
pub fn verdict(reply: &Reply) -> Result<(), String> {
    let body: Option<Json> = serde_json::from_str(&reply.body).ok();
    let is_2xx = (200..300).contains(&reply.status);
    let says_yes = body.as_ref().and_then(|body| body.get("success")) == Some(&Json::Bool(true));
    if is_2xx && says_yes {
        return Ok(());
    }
    let said = body.as_ref().and_then(message_of);
    Err(said.unwrap_or_else(|| match (is_2xx, body.is_some()) {
        (false, _) => format!("the receiver answered with status {}", reply.status),
        (true, true) => "the answer does not say `success: true`".to_owned(),
        (true, false) if reply.cut => "the answer is too long to be read".to_owned(),
        (true, false) => "the answer is not JSON".to_owned(),
    }))
}

/// `errorInfo.message`, else `message`, which is also where Spring's default error body has its words; there `error` is
/// the name of the status and better than nothing.
fn message_of(body: &Json) -> Option<String> {
    ["/errorInfo/message", "/message", "/error"]
        .iter()
        .filter_map(|place| body.pointer(place)?.as_str())
        .map(str::trim)
        .find(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_body_has_the_seeds_members_and_types() {
        let completed = Completed {
            handler: "com.cnooc.test.CallbackHandler",
            business_key: Some("1"),
            template: TemplateId(uuid::Uuid::nil()),
            template_code: "test_flow_key",
            template_version: 1,
        };
        let body = serde_json::to_value(completion(&completed)).ok();
        let expected = json!({
            "businessKey": "1",
            "callBackProcessClass": "com.cnooc.test.CallbackHandler",
            "processDefinitionId": "test_flow_key:1:00000000-0000-0000-0000-000000000000",
            "processDefinitionKey": "test_flow_key",
            "processDefinitionVersion": 1
        });
        assert_eq!(body, Some(expected));
    }

    #[test]
    fn a_base_may_end_with_a_slash() {
        for base in ["http://a.example/x", "http://a.example/x/"] {
            assert_eq!(target(base, "1"), "http://a.example/x/flow/1/call-back/complete");
        }
    }

    #[test]
    fn only_2xx_with_success_true_is_a_success() {
        let spring = r#"{"timestamp":"2026-01-05","status":500,"error":"Internal Server Error",
                         "message":"no handler","path":"/flow/1/call-back/complete"}"#;
        let cases = [
            (200, r#"{"success":true}"#, Ok(())),
            (204, r#"{"success":true,"message":null,"errorInfo":null}"#, Ok(())),
            (500, r#"{"success":true}"#, Err("the receiver answered with status 500")),
            (302, "", Err("the receiver answered with status 302")),
            (200, r#"{"success":"true"}"#, Err("the answer does not say `success: true`")),
            (200, "{}", Err("the answer does not say `success: true`")),
            (200, "ok", Err("the answer is not JSON")),
            (200, r#"{"success":false,"errorInfo":{"message":"A"},"message":"B"}"#, Err("A")),
            (200, r#"{"success":false,"errorInfo":{"message":" "},"message":"B"}"#, Err("B")),
            (200, r#"{"success":false,"errorInfo":null,"message":"B"}"#, Err("B")),
            (500, spring, Err("no handler")),
            (
                500,
                r#"{"status":500,"error":"Internal Server Error","message":""}"#,
                Err("Internal Server Error"),
            ),
        ];
        for (status, body, expected) in cases {
            let reply = Reply { status, body: body.to_owned(), cut: false };
            assert_eq!(verdict(&reply), expected.map_err(str::to_owned), "{status} {body}");
        }
    }
}
