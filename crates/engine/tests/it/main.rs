//! The engine's tests: scenarios named after the rules of the specification, and random walks.

mod check;
mod golden;
mod ledger;
mod random;
mod scenarios;
mod values;
mod world;
