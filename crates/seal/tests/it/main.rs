//! The tests of sealing, in one program.

mod build;
mod document;
mod tools;
mod update;
