//! Writes a document anew that can be sealed only then: one that is encrypted and whose owner gives the password, or one
//! that is damaged. Never one that somebody signed, since that would end the signature.

use std::panic::{self, AssertUnwindSafe};

use lopdf::{Dictionary, LoadOptions, Object};

use crate::document::Document;
use crate::error::{Error, Result};

/// The document as a file of its own: not encrypted, with sound references.
///
/// # Errors
/// [`Error::SignedAlready`]; [`Error::Encrypted`] without a password and [`Error::WrongPassword`] with another one;
/// [`Error::Damaged`] when too much is missing.
pub fn normalise(file: &[u8], password: Option<&str>) -> Result<Vec<u8>> {
    let rewrite = || rewrite(file, password);
    let written = panic::catch_unwind(AssertUnwindSafe(rewrite));
    let written = written.unwrap_or(Err(Error::damaged("it cannot be mended")))?;
    Document::open(&written)?.check_signable()?;
    Ok(written)
}

fn rewrite(file: &[u8], password: Option<&str>) -> Result<Vec<u8>> {
    let beyond = || Error::damaged("it cannot be mended");
    let options = LoadOptions { password: password.map(str::to_owned), ..LoadOptions::default() };
    let loaded = lopdf::Document::load_mem_with_options(file, options);
    let mut document = loaded.map_err(|error| match error {
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) if password.is_some() => {
            Error::WrongPassword
        }
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) => Error::Encrypted,
        _ => beyond(),
    })?;
    if document.is_encrypted() {
        return Err(if password.is_some() { Error::WrongPassword } else { Error::Encrypted });
    }
    // A file that opens without a password may still ask for one before it is changed.
    if document.was_encrypted() && password.is_none() {
        return Err(Error::Encrypted);
    }
    if document.objects.values().any(is_signature) {
        return Err(Error::SignedAlready);
    }
    if document.xref_recovery.is_some() {
        check_whole(&document)?;
    }
    document.trailer.remove(b"Encrypt");
    document.trailer.remove(b"XRefStm");
    // Whatever held the structure before is written in another way, and its numbers are not in use any more.
    document
        .objects
        .retain(|_, object| !object.type_name().is_ok_and(|name| name == b"ObjStm" || name == b"XRef"));
    document.max_id = document.objects.keys().map(|(number, _)| *number).max().unwrap_or(0);
    let mut written = Vec::new();
    document.save_to(&mut written).map_err(|_| beyond())?;
    Ok(written)
}

/// Nothing that the pages need may be missing: what was cut off cannot be guessed.
fn check_whole(document: &lopdf::Document) -> Result<()> {
    let missing = |id: &lopdf::ObjectId| !document.objects.contains_key(id);
    let lost = |object: &Object| references(object).iter().any(missing);
    let root = document.trailer.get(b"Root").map_or(true, lost);
    if root || document.get_pages().is_empty() || document.objects.values().any(lost) {
        return Err(Error::damaged("a part of it is missing"));
    }
    Ok(())
}

fn references(object: &Object) -> Vec<lopdf::ObjectId> {
    let mut found = Vec::new();
    let mut waiting = vec![object];
    while let Some(object) = waiting.pop() {
        match object {
            Object::Reference(id) => found.push(*id),
            Object::Array(items) => waiting.extend(items),
            Object::Dictionary(dictionary) => waiting.extend(dictionary.iter().map(|(_, value)| value)),
            Object::Stream(stream) => waiting.extend(stream.dict.iter().map(|(_, value)| value)),
            Object::Null
            | Object::Boolean(_)
            | Object::Integer(_)
            | Object::Real(_)
            | Object::Name(_)
            | Object::String(..) => {}
        }
    }
    found
}

/// A dictionary with the range of bytes that it signs.
fn is_signature(object: &Object) -> bool {
    object.as_dict().is_ok_and(|it: &Dictionary| it.has(b"ByteRange") && it.has(b"Contents"))
}
