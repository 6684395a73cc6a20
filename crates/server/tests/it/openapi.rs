//! The description of our own API.

use crate::harness::TestApp;
use serde_json::json;
use std::collections::HashSet;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_kept_document_is_the_one_of_the_code() {
    let now = format!("{:#}\n", serde_json::to_value(zhupi_server::api::openapi()).expect("a document"));
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(KEPT, &now).expect("docs/openapi.json");
    }
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    assert!(
        now == kept,
        "docs/openapi.json is not what the code says: refresh it with \
         `UPDATE=1 cargo test -p zhupi-server --test it openapi`"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = serde_json::to_value(zhupi_server::api::openapi()).expect("a document");
    let mut names = HashSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let name = operation["operationId"].as_str().expect("an operation id");
            assert!(names.insert(name.to_owned()), "{name} stands for two operations");
            assert!(
                name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'),
                "{name} is not in snake_case"
            );
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(path.starts_with("/v1/"), "{path}");
            assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem", "{name}");
        }
    }
    assert_eq!(document["openapi"], "3.1.0");
    let problem = &document["components"]["responses"]["Problem"]["content"]["application/problem+json"];
    assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem");
}

#[test]
fn what_a_handler_does_is_not_what_a_person_may_do() {
    let document = serde_json::to_value(zhupi_server::api::openapi()).expect("a document");
    let schemas = &document["components"]["schemas"];
    let kinds = schemas["HandlerAction"]["oneOf"].as_array().expect("the kinds of action");
    let kinds: Vec<_> = kinds.iter().map(|kind| &kind["properties"]["kind"]["enum"][0]).collect();
    assert_eq!(kinds, ["webhook", "start"]);
    assert_eq!(schemas["Action"]["enum"][0], "approve");
    for handler in ["HandlerBody", "HandlerView", "NewHandler"] {
        let action = &schemas[handler]["properties"]["action"]["$ref"];
        assert_eq!(action, "#/components/schemas/HandlerAction", "{handler}");
    }
}

#[test]
fn the_document_says_how_one_shows_who_one_is() {
    let document = serde_json::to_value(zhupi_server::api::openapi()).expect("a document");
    assert_eq!(document["security"], json!([{ "session": [] }, { "token": [] }]));
    assert_eq!(document["components"]["securitySchemes"]["session"]["name"], "zhupi_session");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert_eq!(document["paths"]["/v1/sessions"]["post"]["security"], json!([{}]));
}

#[tokio::test]
async fn the_document_and_a_page_to_read_it_are_served() {
    let app = TestApp::new().await;
    let document = app.get("/v1/openapi.json").send().await.expect(200);
    assert_eq!(document["info"]["title"], "Zhupi");
    let bare = app.get("/").send().await;
    assert_eq!((bare.status.as_u16(), bare.header("location")), (303, "/v1/docs/"));
    let page = app.get("/v1/docs/").send().await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("swagger-ui-bundle.js"), "{}", page.text());
    assert!(!page.text().contains("https://"), "the page loads something from elsewhere: {}", page.text());
    assert_eq!(app.get("/v1/docs/swagger-ui-bundle.js").send().await.status, 200);
}
