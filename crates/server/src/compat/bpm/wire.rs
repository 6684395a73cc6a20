//! The completion callback in its own words, in both directions: the seed's `ProcessEndCallBackRo` and its answer.

use serde::{Deserialize, Serialize};

/// What is said of a process that ended normally. Every member may be missing, or null.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessEndCallBack {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_back_process_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_definition_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_definition_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_definition_version: Option<i32>,
}

/// The answer. Of a success nothing but `success` is written.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ErrorInfo {
    pub message: String,
}

impl Answer {
    pub fn done() -> Self {
        Self { success: true, error_info: None, message: None }
    }

    /// The message stands twice, since callers look for it in either place.
    pub fn failed(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            success: false,
            error_info: Some(ErrorInfo { message: message.clone() }),
            message: Some(message),
        }
    }
}
