//! Where the objects of a file are: the chain of its tables and streams of references, newest first. Strict on purpose:
//! what is signed must mean the same to everybody, so nothing is repaired here.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::filter;
use crate::object::{Dictionary, Object, ObjectId, Parser};

/// The largest object number that is taken, the same as Acrobat's.
pub(crate) const MOST_OBJECTS: u64 = 8_388_607;

/// More revisions than this are not read.
const MOST_SECTIONS: usize = 5_000;

/// The end of the file is looked for in so many last bytes.
const TAIL: usize = 4_096;

/// What the newest section of a file is; a revision is added in the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XrefKind {
    Table,
    Stream,
    /// A table with a stream beside it, as Word writes for old programs.
    Hybrid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    Free,
    /// At this byte of the file.
    Offset {
        at: u32,
        generation: u16,
    },
    /// The so-manieth object inside a stream of objects.
    Packed {
        stream: u32,
        index: u32,
    },
}

#[derive(Debug)]
pub(crate) struct Xref {
    pub entries: HashMap<u32, Location>,
    pub kind: XrefKind,
    /// Of the newest section; a stream's own keys are left out.
    pub trailer: Dictionary,
    /// The byte at which the newest section begins.
    pub start: usize,
    /// Where each section begins, newest first.
    pub sections: Vec<usize>,
}

struct Section {
    trailer: Dictionary,
    entries: Vec<(u32, Location)>,
    kind: XrefKind,
}

impl Xref {
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let start = find_start(bytes)?;
        let mut xref = Self {
            entries: HashMap::new(),
            kind: XrefKind::Table,
            trailer: Dictionary::new(),
            start,
            sections: vec![],
        };
        let mut next = Some(start);
        let mut seen = HashSet::new();
        while let Some(at) = next {
            if !seen.insert(at) || seen.len() > MOST_SECTIONS {
                return Err(Error::damaged("the tables of references run in a circle"));
            }
            let section = read_section(bytes, at)?;
            next = offset_of(&section.trailer, "Prev")?;
            xref.add(bytes, section, at)?;
        }
        if xref.entries.len() as u64 > MOST_OBJECTS {
            return Err(Error::damaged("there are too many objects"));
        }
        Ok(xref)
    }

    /// What a newer section said stays. In a hybrid file the stream fills what its table hides.
    fn add(&mut self, bytes: &[u8], section: Section, at: usize) -> Result<()> {
        let beside =
            if section.kind == XrefKind::Table { offset_of(&section.trailer, "XRefStm")? } else { None };
        let Some(beside) = beside else {
            self.enter(section.entries);
            self.note(section.trailer, section.kind, at);
            return Ok(());
        };
        let hidden = read_section(bytes, beside)?;
        if hidden.kind != XrefKind::Stream {
            return Err(Error::damaged("a table of references cannot be read"));
        }
        let (free, used) = section.entries.into_iter().partition(|(_, it)| *it == Location::Free);
        self.enter(used);
        self.enter(hidden.entries);
        self.enter(free);
        self.note(section.trailer, XrefKind::Hybrid, at);
        Ok(())
    }

    fn enter(&mut self, entries: Vec<(u32, Location)>) {
        self.entries.reserve(if self.entries.is_empty() { entries.len() } else { 0 });
        for (number, location) in entries {
            self.entries.entry(number).or_insert(location);
        }
    }

    fn note(&mut self, trailer: Dictionary, kind: XrefKind, at: usize) {
        if self.sections.is_empty() {
            self.kind = kind;
            self.trailer = trailer;
        }
        self.sections.push(at);
    }
}

/// The number after the last `startxref`.
fn find_start(bytes: &[u8]) -> Result<usize> {
    let missing = || Error::damaged("the end of the file is missing");
    let tail = bytes.len().saturating_sub(TAIL);
    let window = bytes.get(tail..).unwrap_or_default();
    let word = b"startxref";
    let found = window.windows(word.len()).rposition(|it| it == word).ok_or_else(missing)?;
    let mut parser = Parser::new(bytes, tail + found + word.len());
    let start = parser.unsigned().ok_or_else(missing)?;
    if !parser.bytes_after_space(b"%%EOF") {
        return Err(missing());
    }
    usize::try_from(start).ok().filter(|start| *start < bytes.len()).ok_or_else(missing)
}

fn read_section(bytes: &[u8], at: usize) -> Result<Section> {
    let mut parser = Parser::new(bytes, at);
    if parser.word(b"xref") { read_table(&mut parser) } else { read_stream(bytes, at) }
}

fn read_table(parser: &mut Parser<'_>) -> Result<Section> {
    let wrong = || Error::damaged("a table of references cannot be read");
    let mut entries = Vec::new();
    while !parser.word(b"trailer") {
        let first = parser.unsigned().ok_or_else(wrong)?;
        let count = parser.unsigned().ok_or_else(wrong)?;
        let end = first.checked_add(count).filter(|end| *end <= MOST_OBJECTS).ok_or_else(wrong)?;
        for number in first..end {
            let at = parser.unsigned().and_then(|it| u32::try_from(it).ok()).ok_or_else(wrong)?;
            let generation = parser.unsigned().and_then(|it| u16::try_from(it).ok()).ok_or_else(wrong)?;
            let used = parser.word(b"n");
            if !used && !parser.word(b"f") {
                return Err(wrong());
            }
            // Some programs write those they left out as used and at byte 0, where the file's header is.
            let location = if used && at > 0 { Location::Offset { at, generation } } else { Location::Free };
            entries.push((u32::try_from(number).map_err(|_| wrong())?, location));
        }
    }
    let trailer = parser.object()?.into_dictionary().ok_or_else(wrong)?;
    Ok(Section { trailer, entries, kind: XrefKind::Table })
}

fn read_stream(bytes: &[u8], at: usize) -> Result<Section> {
    let wrong = || Error::damaged("a table of references cannot be read");
    let header = Parser::new(bytes, at).indirect().map_err(|_| wrong())?;
    let (dictionary, start) = header.object.into_dictionary().zip(header.stream_at).ok_or_else(wrong)?;
    if !dictionary.get("Type").is_some_and(|it| it.is_name("XRef")) {
        return Err(wrong());
    }
    let length = natural(dictionary.get("Length")).ok_or_else(wrong)?;
    let end = start.checked_add(usize::try_from(length).map_err(|_| wrong())?).ok_or_else(wrong)?;
    let data = filter::decode(&dictionary, bytes.get(start..end).ok_or_else(wrong)?)?;
    let entries = stream_entries(&dictionary, &data).ok_or_else(wrong)?;
    let mut trailer = dictionary;
    for own in ["Type", "Length", "Filter", "DecodeParms", "W", "Index"] {
        trailer.remove(own);
    }
    Ok(Section { trailer, entries, kind: XrefKind::Stream })
}

fn stream_entries(dictionary: &Dictionary, data: &[u8]) -> Option<Vec<(u32, Location)>> {
    let widths: Vec<usize> = dictionary
        .get("W")?
        .as_array()?
        .iter()
        .map(|it| usize::try_from(it.as_integer()?).ok())
        .collect::<Option<_>>()?;
    let [first_width, second_width, third_width] = *widths.as_slice() else { return None };
    let size = natural(dictionary.get("Size"))?;
    let index = match dictionary.get("Index") {
        Some(index) => index.as_array()?.iter().map(|it| natural(Some(it))).collect::<Option<Vec<u64>>>()?,
        None => vec![0, size],
    };
    let all_small = widths.iter().all(|width| *width <= 8) && second_width > 0;
    let mut rows = data.chunks_exact(widths.iter().sum::<usize>().max(1)).filter(|_| all_small);
    let mut entries = Vec::new();
    for range in index.chunks(2) {
        let [first, count] = *range else { return None };
        let end = first.checked_add(count).filter(|end| *end <= MOST_OBJECTS)?;
        for number in first..end {
            let row = rows.next()?;
            let (kind, rest) = row.split_at_checked(first_width)?;
            let (second, third) = rest.split_at_checked(second_width)?;
            let kind = if first_width == 0 { 1 } else { big_endian(kind) };
            let (second, third) = (big_endian(second), big_endian(third.get(..third_width)?));
            let location = match kind {
                0 => Location::Free,
                1 if second == 0 => Location::Free,
                1 => Location::Offset { at: second.try_into().ok()?, generation: third.try_into().ok()? },
                2 => Location::Packed { stream: second.try_into().ok()?, index: third.try_into().ok()? },
                _ => return None,
            };
            entries.push((u32::try_from(number).ok()?, location));
        }
    }
    Some(entries)
}

fn offset_of(trailer: &Dictionary, key: &str) -> Result<Option<usize>> {
    let Some(value) = trailer.get(key) else { return Ok(None) };
    let offset = natural(Some(value)).and_then(|it| usize::try_from(it).ok());
    offset.map(Some).ok_or(Error::damaged("a table of references cannot be read"))
}

fn natural(object: Option<&Object>) -> Option<u64> {
    u64::try_from(object?.as_integer()?).ok()
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

impl Location {
    /// The reference under which an object at this place is known.
    pub(crate) fn id(self, number: u32) -> ObjectId {
        match self {
            Self::Offset { generation, .. } => ObjectId { number, generation },
            Self::Free | Self::Packed { .. } => ObjectId { number, generation: 0 },
        }
    }
}
