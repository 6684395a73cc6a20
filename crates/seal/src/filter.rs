//! Unpacks the streams that hold a document's structure: deflated, with or without a predictor.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use crate::error::{Error, Result};
use crate::object::{Dictionary, Object};

/// A stream of structure unpacks to no more than this. One of 100 objects has some ten kilobytes.
const MOST: u64 = 64 << 20;

/// Nor to more than so many times its bytes, beyond the first megabyte: dictionaries pack ten or twenty to one.
const MOST_TIMES: u64 = 200;

/// The bytes of a stream as they were before its filter.
///
/// # Errors
/// [`Error::Damaged`] for another filter than `FlateDecode`, for bytes that do not unpack, and for too many of them.
pub(crate) fn decode(dictionary: &Dictionary, raw: &[u8]) -> Result<Vec<u8>> {
    let filter = single(dictionary.get("Filter"))?;
    let parameters = single(dictionary.get("DecodeParms"))?.and_then(Object::as_dictionary);
    match filter {
        None => Ok(raw.to_vec()),
        Some(name) if name.is_name("FlateDecode") => {
            let most = (raw.len() as u64 * MOST_TIMES + (1 << 20)).min(MOST);
            let mut bytes = Vec::new();
            let read = ZlibDecoder::new(raw).take(most + 1).read_to_end(&mut bytes);
            if read.is_err() || bytes.len() as u64 > most {
                return Err(Error::damaged("a stream cannot be unpacked"));
            }
            match parameters {
                Some(parameters) => unpredict(bytes, parameters),
                None => Ok(bytes),
            }
        }
        Some(_) => Err(Error::damaged("a stream of the structure is packed in a way that is not read")),
    }
}

/// An entry that may be given alone or as an array of one.
fn single(entry: Option<&Object>) -> Result<Option<&Object>> {
    match entry {
        Some(Object::Array(items)) if items.len() > 1 => {
            Err(Error::damaged("a stream of the structure is packed in a way that is not read"))
        }
        Some(Object::Array(items)) => Ok(items.first()),
        Some(Object::Null) | None => Ok(None),
        Some(other) => Ok(Some(other)),
    }
}

/// Takes back the PNG predictors, the only ones met around tables of references.
fn unpredict(bytes: Vec<u8>, parameters: &Dictionary) -> Result<Vec<u8>> {
    let number = |key, default| parameters.get(key).map_or(Some(default), Object::as_integer);
    let wrong = || Error::damaged("a stream cannot be unpacked");
    let predictor = number("Predictor", 1).ok_or_else(wrong)?;
    if predictor == 1 {
        return Ok(bytes);
    }
    let columns = number("Columns", 1).and_then(|it| usize::try_from(it).ok()).ok_or_else(wrong)?;
    let plain = number("Colors", 1) == Some(1) && number("BitsPerComponent", 8) == Some(8);
    if !(10..=15).contains(&predictor) || !plain || columns == 0 || columns > 1 << 16 {
        return Err(wrong());
    }
    let mut before = vec![0_u8; columns];
    let mut out = Vec::with_capacity(bytes.len());
    for row in bytes.chunks(columns + 1) {
        let (kind, row) = row.split_first().ok_or_else(wrong)?;
        let mut line = Vec::with_capacity(columns);
        let (mut left, mut corner) = (0_u8, 0_u8);
        for (value, above) in row.iter().zip(&before) {
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => *above,
                3 => u8::midpoint(left, *above),
                4 => paeth(left, *above, corner),
                _ => return Err(wrong()),
            };
            left = value.wrapping_add(guess);
            corner = *above;
            line.push(left);
        }
        out.extend_from_slice(&line);
        line.resize(columns, 0);
        before = line;
    }
    Ok(out)
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(above) - i16::from(corner);
    let distance = |value: u8| (guess - i16::from(value)).abs();
    if distance(left) <= distance(above) && distance(left) <= distance(corner) {
        left
    } else if distance(above) <= distance(corner) {
        above
    } else {
        corner
    }
}
