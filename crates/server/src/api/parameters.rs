//! Query parameters that an operation does not know are refused, not passed over: whoever misspells a filter would take a
//! longer list for the right one. What an operation knows, our OpenAPI document says.

use crate::error::Error;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

/// The query parameters of every operation, by path and method.
#[derive(Debug)]
pub struct Parameters(HashMap<(String, Method), Vec<String>>);

impl Parameters {
    /// Those that the document describes.
    pub fn of(document: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                known.insert((path.clone(), method), names(operation));
            }
        }
        Self(known)
    }

    fn check(&self, request: &Request) -> Result<(), Error> {
        let Some(query) = request.uri().query() else { return Ok(()) };
        let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let Some(known) = self.0.get(&(path.as_str().to_owned(), method.clone())) else { return Ok(()) };
        match url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| !known.iter().any(|it| it == name))
        {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(NAME_LIMIT).collect();
                Err(Error::field(&name, format!("there is no parameter `{name}` here")))
            }
        }
    }
}

/// No more of a name is said again than this.
const NAME_LIMIT: usize = 64;

/// A layer around the routes of our own API.
pub async fn refuse_unknown(State(known): State<Arc<Parameters>>, request: Request, next: Next) -> Response {
    match known.check(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn names(operation: &Operation) -> Vec<String> {
    let written = |it: &RefOr<Parameter>| match it {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    };
    operation.parameters.iter().flatten().filter_map(written).collect()
}
