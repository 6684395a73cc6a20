//! Whether reading the pages of a document could fill the memory: streams that unpack to far more than they are, and
//! pictures of absurd size. Asked before a document is drawn or its text is read.

use std::io::{self, Read as _};

use flate2::read::ZlibDecoder;

use crate::document::{Document, Indirect};
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object};
use crate::xref::Location;

/// A stream unpacks to at most so many bytes.
const MOST_BYTES: u64 = 256 << 20;

/// A picture has at most so many pixels, which is a page of A3 at 1,000 dots an inch.
const MOST_PIXELS: i64 = 200_000_000;

/// # Errors
/// [`Error::UnpacksTooLarge`].
pub(crate) fn check(document: &Document<'_>) -> Result<()> {
    for (number, location) in document.locations() {
        let Location::Offset { .. } = location else { continue };
        // What cannot be read is no business of this check.
        let Ok(indirect) = document.indirect(location.id(number)) else { continue };
        if let (Some(_), Object::Dictionary(dictionary)) = (&indirect.stream, &indirect.object)
            && (is_huge_picture(dictionary) || unpacks_too_large(document, &indirect, dictionary)?)
        {
            return Err(Error::UnpacksTooLarge);
        }
    }
    Ok(())
}

fn is_huge_picture(dictionary: &Dictionary) -> bool {
    let side = |key| dictionary.get(key).and_then(Object::as_integer).unwrap_or(0).max(0);
    side("Width").saturating_mul(side("Height")) > MOST_PIXELS
}

fn unpacks_too_large(document: &Document<'_>, stream: &Indirect, dictionary: &Dictionary) -> Result<bool> {
    let filters = match document.value(dictionary, "Filter")? {
        Object::Array(filters) => filters,
        Object::Null => return Ok(false),
        single => vec![single],
    };
    let raw = document.stream_bytes(stream)?;
    let most =
        filters.iter().fold(raw.len() as u64, |bytes, filter| bytes.saturating_mul(most_times(filter)));
    if most <= MOST_BYTES {
        return Ok(false);
    }
    let Some((first, [])) = filters.split_first() else { return Ok(true) };
    if !first.is_name("FlateDecode") {
        return Ok(true);
    }
    let mut unpacked = ZlibDecoder::new(raw).take(MOST_BYTES + 1);
    Ok(io::copy(&mut unpacked, &mut io::sink()).is_ok_and(|bytes| bytes > MOST_BYTES))
}

/// How many bytes at most a filter makes of one. Pictures are bounded by their size instead.
fn most_times(filter: &Object) -> u64 {
    if filter.is_name("FlateDecode") || filter.is_name("Fl") {
        1_032
    } else if filter.is_name("LZWDecode") || filter.is_name("LZW") {
        1_366
    } else if filter.is_name("RunLengthDecode") || filter.is_name("RL") {
        64
    } else {
        1
    }
}
