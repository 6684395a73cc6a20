//! The engine's tests: scenarios named after the rules of the specification, and random walks.

mod absences;
mod blocks;
mod calendar;
mod check;
mod documents;
mod expression;
mod flows;
mod form_defaults;
mod form_edits;
mod form_rules;
mod golden;
mod lanes;
mod ledger;
mod naming;
mod random;
mod random_signers;
mod reference;
mod scenarios;
mod today;
mod values;
mod wording;
mod world;
