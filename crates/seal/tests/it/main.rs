//! The tests of sealing, in one program.

mod build;
mod cms;
mod document;
mod job;
mod judges;
mod keys;
mod people;
mod timestamp;
mod tools;
mod update;
mod verify;
