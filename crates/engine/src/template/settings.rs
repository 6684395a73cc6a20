//! Everything of a template that is neither form nor flow.

use super::{PersonRule, SerialRule};
use crate::condition::Scope;
use crate::ids::{FieldId, NodeId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Everything of a template that is neither form nor flow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Who may change the template, and who decides where nobody is found.
    pub managers: Vec<UserId>,
    /// Who may submit.
    pub visible_to: Scope,
    /// Asking the same person again (semantics B7).
    pub dedup: Dedup,
    /// Who stands above a person without an active supervisor (semantics B2.1).
    pub supervisor_gap: SupervisorGap,
    /// Withdrawing while running (semantics B9).
    pub withdraw: WithdrawRule,
    /// Told when it is submitted (semantics B12).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc_at_start: Vec<PersonRule>,
    /// Told at the end, with the result (semantics B12).
    pub cc_at_end: Vec<PersonRule>,
    /// The initiator may name people to be told at submit.
    pub allow_add_cc: bool,
    /// A manager of the template may decide in an approver's place; both names are kept.
    pub allow_agent: bool,
    /// Whether several requests may be decided at once; absent: they may (semantics B18).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_batch: Option<bool>,
    /// Two nodes that the same person may not decide at, on every way somebody gets to decide (semantics D9).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub separation: Vec<Separation>,
    /// All approvers are found once, at submit, and stay (semantics B1).
    pub freeze_at_submit: bool,
    /// Sending back too often (semantics B4.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rounds: Option<MaxRounds>,
    /// Revoking after approval (semantics B9).
    pub revoke: RevokeRule,
    /// Hours in which an approver may take back his own decision; 0: never (semantics B9).
    pub take_back_hours: u32,
    /// Minutes between two urges of the initiator (semantics B13).
    pub urge_minutes: u32,
    /// The handler named in the completion callback; absent: no callback (the BPM seed's `callBackProcessClass`).
    pub completion_callback: Option<String>,
    /// What an instance is called whose initiator gives it no title: text with `{template}`, `{initiator}`,
    /// `{department}`, `{date}`, `{serial}` and `{field:id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_rule: Option<String>,
    /// How instances are numbered; absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<SerialRule>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            managers: Vec::new(),
            visible_to: Scope::default(),
            dedup: Dedup::default(),
            supervisor_gap: SupervisorGap::default(),
            withdraw: WithdrawRule::default(),
            cc_at_start: Vec::new(),
            cc_at_end: Vec::new(),
            allow_add_cc: false,
            allow_agent: false,
            allow_batch: None,
            separation: Vec::new(),
            freeze_at_submit: false,
            max_rounds: None,
            revoke: RevokeRule::default(),
            take_back_hours: 24,
            urge_minutes: 30,
            completion_callback: None,
            title_rule: None,
            serial: None,
            other: Map::new(),
        }
    }
}

/// Duties that have to be in different hands (semantics D9).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Separation {
    /// Whoever decided at one of these nodes may not decide at another of them.
    Nodes(Vec<NodeId>),
    /// Whoever submitted or decided the instance that a `Linked` control names may not decide here.
    Linked {
        /// The control.
        field: FieldId,
        /// Only at these nodes; empty: at all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        nodes: Vec<NodeId>,
    },
}

/// What happens when an instance was sent back too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxRounds {
    /// So many returns are one too many; at most 50.
    pub returns: u32,
    /// What happens then.
    pub then: TooManyRounds,
}

/// What happens when an instance was sent back too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooManyRounds {
    /// It is rejected.
    Reject,
    /// The template's administrator decides in place of the node that returned it.
    TemplateAdmin,
}

/// Revoking after approval (semantics B9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RevokeRule {
    /// Never.
    #[default]
    Never,
    /// Within so many days; everybody who approved has to agree.
    Consent {
        /// Days after approval.
        days: u32,
    },
    /// Within so many days, without asking anybody.
    Direct {
        /// Days after approval.
        days: u32,
    },
}

/// Asking the same person again (semantics B7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dedup {
    /// Always ask.
    None,
    /// Whoever approved once is not asked again.
    FirstOnly,
    /// Whoever approved at the human visit just before is not asked again.
    #[default]
    Consecutive,
    /// Whoever is certain to be asked later is asked only then.
    LastOnly,
}

/// When the initiator may withdraw a running instance (semantics B9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawRule {
    /// Never.
    Never,
    /// Until somebody decided.
    BeforeFirstDecision,
    /// As long as it runs; with a reason once somebody decided.
    #[default]
    WhileRunning,
}

/// Who stands above a person without an active supervisor (semantics B2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorGap {
    /// The nearest active department head above him.
    #[default]
    DepartmentHead,
    /// Nobody.
    Empty,
}
