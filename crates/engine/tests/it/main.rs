//! The engine's tests: scenarios named after the rules of the specification, and random walks.

mod absences;
mod calendar;
mod check;
mod golden;
mod lanes;
mod ledger;
mod random;
mod scenarios;
mod today;
mod values;
mod world;
