//! The program as its operator uses it.

mod check;
mod commands;
mod harness;
mod verify;
