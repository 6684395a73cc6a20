//! A finding in something people wrote: a template, a form value, a directory. Always part of a list, so that one look
//! shows everything that is wrong.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Where, as a path from the root: `flow[2].lanes[0].when`.
    pub path: String,
    /// What, for programs: stable words.
    pub code: String,
    /// What, for people.
    pub message: String,
    /// Whether it has to be mended.
    pub severity: Severity,
}

impl Problem {
    /// It has to be mended.
    pub fn is_error(&self) -> bool {
        match self.severity {
            Severity::Error => true,
            Severity::Warning => false,
        }
    }
}

/// Whether a finding has to be mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It has to be.
    Error,
    /// It works, but probably not as meant.
    Warning,
}

impl Problem {
    /// A finding that has to be mended.
    pub fn error(path: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: code.to_owned(), message: message.into(), severity: Severity::Error }
    }

    /// A finding that one should look at.
    pub fn warning(path: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            code: code.to_owned(),
            message: message.into(),
            severity: Severity::Warning,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
