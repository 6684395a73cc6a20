//! What the document of our API says about all operations at once: how a caller shows who he is, and how errors look.

use crate::caller::SESSION_COOKIE;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};
use utoipa::{Modify, ToSchema};

/// A problem document of RFC 9457: what `error::problem` writes. Some codes have further members, such as `problems`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub struct Problem {
    #[schema(example = "urn:zhupi:problem:not_found")]
    r#type: String,
    title: String,
    status: u16,
    /// For people.
    detail: String,
    /// For programs; it never changes.
    #[schema(example = "not_found")]
    code: String,
    /// The id of the request, as in `X-Request-Id`.
    instance: String,
    /// The member or parameter that is wrong.
    field: Option<String>,
}

/// How callers show who they are.
pub struct Doors;

impl Modify for Doors {
    fn modify(&self, document: &mut OpenApi) {
        let words = "What is not a mere read needs `X-CSRF-Token` too, which `login` and `me` tell.";
        let cookie = ApiKeyValue::with_description(SESSION_COOKIE, words);
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Every operation may be answered with a problem document.
pub fn add_problems(mut document: OpenApi) -> OpenApi {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new().description("it was refused, or failed");
    let problem = problem.content("application/problem+json", body);
    let components = document.components.get_or_insert_default();
    components.responses.insert("Problem".to_owned(), problem.into());
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
        operations.into_iter().flatten().for_each(add_problem);
    }
    document
}

fn add_problem(operation: &mut Operation) {
    let problem = Ref::from_response_name("Problem");
    operation.responses.responses.insert("default".to_owned(), problem.into());
}
