//! Seals and signatures on PDF documents. The crate reads a document, finds the places for the seals, draws them,
//! and writes all of it behind the bytes that are there, so that what others signed before stays valid. It knows
//! nothing of why a document is sealed, keeps nothing and calls nobody.

pub mod authority;
pub mod certificate;
pub mod chain;
pub mod cms;
pub mod crypto;
mod der;
pub mod document;
pub mod draw;
pub mod error;
mod filter;
mod fonts;
pub mod form;
pub mod job;
pub mod keyword;
pub mod normalise;
pub mod object;
mod oid;
pub mod page;
mod pfx;
pub mod picture;
pub mod position;
pub mod preview;
pub mod sign;
pub mod signer;
pub mod stamp;
pub mod timestamp;
pub mod update;
pub mod verify;
mod weight;
pub mod xref;

pub use document::Document;
pub use error::{Error, Result};
pub use page::Page;
pub use signer::{LocalKey, Signer};
pub use update::Update;
pub use verify::verify;
