//! The names of things: one newtype per kind of id, so that a user can never be passed for a role.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

uuid_ids! {
    /// A workspace: everything but the operator's own settings belongs to exactly one.
    TenantId;
    /// A person.
    UserId;
    /// A department of the department tree.
    DepartmentId;
    /// A role, held by any number of people.
    RoleId;
    /// A user group.
    GroupId;
    /// A template, through all its versions.
    TemplateId;
    /// An instance of a template.
    InstanceId;
    /// An uploaded file.
    FileId;
    /// A calendar of working time.
    CalendarId;
    /// Somebody's absence.
    AbsenceId;
}

/// Nobody: the actor of timers and of what other systems report. No person ever has this id.
pub const SYSTEM: UserId = UserId(Uuid::nil());

macro_rules! text_ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as its author wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    )+};
}

text_ids! {
    /// A node, branch or lane of a flow; unique within one template version, chosen by its author.
    NodeId;
    /// A form control; unique within one template version, chosen by its author.
    FieldId;
    /// An option of a choice control. Conditions compare ids, never labels (semantics B10).
    OptionId;
}

macro_rules! counted_ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

counted_ids! {
    /// A token of one instance, counted from 0 (semantics B0).
    TokenId;
    /// A visit of one instance, counted from 0 (semantics B0).
    VisitId;
    /// A slot of one instance, counted from 0 through all visits (semantics B0).
    SlotId;
    /// A timer of one visit, counted from 0.
    TimerId;
}
