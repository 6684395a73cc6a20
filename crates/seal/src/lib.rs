//! Seals and signatures on PDF documents. The crate reads a document, finds the places for the seals, draws them,
//! and writes all of it behind the bytes that are there, so that what others signed before stays valid. It knows
//! nothing of why a document is sealed, keeps nothing and calls nobody.

pub mod document;
pub mod error;
mod filter;
pub mod form;
pub mod object;
pub mod page;
pub mod update;
pub mod xref;

pub use document::Document;
pub use error::{Error, Result};
pub use page::Page;
pub use update::Update;
