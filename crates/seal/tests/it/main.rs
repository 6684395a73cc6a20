//! The tests of sealing, in one program.

mod build;
mod cms;
mod document;
mod job;
mod judges;
mod keys;
mod keyword;
mod look;
mod mutation;
mod normalise;
mod people;
mod position;
mod preview;
mod seal;
mod timestamp;
mod tools;
mod update;
mod verify;
