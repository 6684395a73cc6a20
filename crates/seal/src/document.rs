//! A document as it stands in its file: objects by number, the catalogue, and whether a signature may be added. Nothing
//! is repaired; the view of the file is the one a strict reader has.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::filter;
use crate::form::{self, Form};
use crate::object::{Dictionary, Header, Object, ObjectId, Parser};
use crate::page::{self, Page};
use crate::weight;
use crate::xref::{Location, MOST_OBJECTS, Xref, XrefKind};

/// Offsets of this format are read by other programs as signed numbers of 32 bits.
const MOST_BYTES: usize = i32::MAX as usize;

/// Unpacked streams of objects that are kept at hand, in bytes.
const KEPT: usize = 8 << 20;

/// A reference to a reference is followed so often.
const MOST_STEPS: usize = 16;

/// A file that was read. Objects are parsed when they are asked for, so opening costs little and holds little.
#[derive(Debug)]
pub struct Document<'a> {
    bytes: &'a [u8],
    xref: Xref,
    packed: Mutex<VecDeque<(u32, Arc<Packed>)>>,
    pages: OnceLock<Result<Vec<Page>>>,
    weight: OnceLock<Result<()>>,
}

/// An object of the file, with the place of its stream's bytes if it is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Indirect {
    pub id: ObjectId,
    pub object: Object,
    pub stream: Option<Range<usize>>,
}

/// A stream of objects, unpacked.
#[derive(Debug)]
struct Packed {
    bytes: Vec<u8>,
    /// Number and first byte of each object.
    index: Vec<(u32, usize)>,
}

impl<'a> Document<'a> {
    /// Reads where the objects are. Pages and fields are read when they are asked for.
    ///
    /// # Errors
    /// [`Error::NotPdf`], [`Error::FileTooLarge`], [`Error::Encrypted`], and [`Error::Damaged`] when the references cannot
    /// be read as they stand.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::FileTooLarge { length: bytes.len(), most: MOST_BYTES });
        }
        let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
        if !head.windows(5).any(|it| it == b"%PDF-") {
            return Err(Error::NotPdf);
        }
        let xref = Xref::read(bytes)?;
        if xref.trailer.has("Encrypt") {
            return Err(Error::Encrypted);
        }
        let document =
            Self { bytes, xref, packed: Mutex::default(), pages: OnceLock::new(), weight: OnceLock::new() };
        document.catalogue()?;
        Ok(document)
    }

    /// The whole file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn xref_kind(&self) -> XrefKind {
        self.xref.kind
    }

    /// The trailer of the newest section.
    pub fn trailer(&self) -> &Dictionary {
        &self.xref.trailer
    }

    /// The byte at which the newest table or stream of references begins, as `startxref` says.
    pub fn xref_start(&self) -> usize {
        self.xref.start
    }

    /// Where the sections of references begin, newest first.
    pub fn xref_sections(&self) -> &[usize] {
        &self.xref.sections
    }

    /// The number of the next new object.
    pub fn next_number(&self) -> u32 {
        let size =
            self.xref.trailer.get("Size").and_then(Object::as_integer).and_then(|it| u32::try_from(it).ok());
        let largest = self.xref.entries.keys().max().map_or(1, |number| number.saturating_add(1));
        largest.max(size.filter(|size| u64::from(*size) <= MOST_OBJECTS).unwrap_or(1))
    }

    /// Every number that is in use, in order, with the place of its object.
    pub fn locations(&self) -> Vec<(u32, Location)> {
        let used = self.xref.entries.iter().filter(|(_, location)| **location != Location::Free);
        let mut used: Vec<(u32, Location)> = used.map(|(number, location)| (*number, *location)).collect();
        used.sort_unstable_by_key(|(number, _)| *number);
        used
    }

    /// Where the object of this number is, if there is one.
    pub fn location(&self, number: u32) -> Option<Location> {
        self.xref.entries.get(&number).copied()
    }

    /// The object under this reference; `null` if there is none, as the specification wants. Of a stream, its dictionary.
    pub fn object(&self, id: ObjectId) -> Result<Object> {
        Ok(self.indirect(id)?.object)
    }

    /// The object under this reference, and its stream.
    pub fn indirect(&self, id: ObjectId) -> Result<Indirect> {
        let missing = Indirect { id, object: Object::Null, stream: None };
        match self.xref.entries.get(&id.number) {
            Some(Location::Offset { at, generation }) if *generation == id.generation => {
                self.indirect_at(*at as usize, id)
            }
            Some(Location::Packed { stream, index }) if id.generation == 0 => {
                let object = self.packed(*stream)?.object(id.number, *index)?;
                Ok(Indirect { object, ..missing })
            }
            Some(Location::Free | Location::Offset { .. } | Location::Packed { .. }) | None => Ok(missing),
        }
    }

    /// Follows a reference, and one it may lead to.
    pub fn resolve(&self, object: &Object) -> Result<Object> {
        let mut object = object.clone();
        for _ in 0..MOST_STEPS {
            let Some(id) = object.as_reference() else { return Ok(object) };
            object = self.object(id)?;
        }
        Err(Error::damaged("references run in a circle"))
    }

    /// The resolved value of a key; `null` if it is not there.
    pub fn value(&self, dictionary: &Dictionary, key: &str) -> Result<Object> {
        dictionary.get(key).map_or(Ok(Object::Null), |object| self.resolve(object))
    }

    /// The resolved value of a key that has to be a dictionary if it is there.
    pub fn find_dictionary(&self, dictionary: &Dictionary, key: &str) -> Result<Option<Dictionary>> {
        match self.value(dictionary, key)? {
            Object::Null => Ok(None),
            other => {
                other.into_dictionary().map(Some).ok_or(Error::damaged("a dictionary is something else"))
            }
        }
    }

    /// The bytes of a stream as they are in the file, packed.
    pub fn stream_bytes(&self, indirect: &Indirect) -> Result<&'a [u8]> {
        let range = indirect.stream.clone().ok_or(Error::damaged("a stream is something else"))?;
        self.bytes.get(range).ok_or(Error::damaged("a stream does not end"))
    }

    /// The catalogue and its number.
    pub fn catalogue(&self) -> Result<(ObjectId, Dictionary)> {
        let missing = || Error::damaged("there is no catalogue");
        let id = self.xref.trailer.get("Root").and_then(Object::as_reference).ok_or_else(missing)?;
        Ok((id, self.object(id)?.into_dictionary().ok_or_else(missing)?))
    }

    /// The pages in their order.
    ///
    /// # Errors
    /// [`Error::NoPages`], [`Error::TooManyPages`], [`Error::Damaged`].
    pub fn pages(&self) -> Result<&[Page]> {
        self.pages.get_or_init(|| page::read(self)).as_deref().map_err(Error::clone)
    }

    /// The form, its signature fields and what earlier signers forbid.
    pub fn form(&self) -> Result<Form> {
        form::read(self)
    }

    /// Whether a visible signature may be added without harm to what is there.
    ///
    /// # Errors
    /// [`Error::NoPages`], [`Error::Xfa`], [`Error::Certified`], [`Error::Locked`], and [`Error::Damaged`] when any
    /// object is not where the references say.
    pub fn check_signable(&self) -> Result<()> {
        self.pages()?;
        for (number, location) in self.locations() {
            if let Location::Offset { at, .. } = location
                && Parser::new(self.bytes, at as usize).object_id()? != location.id(number)
            {
                return Err(Error::damaged("an object is not where it should be"));
            }
        }
        self.form()?.check_open()
    }

    /// Whether the pages can be read without filling the memory; looked at once.
    pub(crate) fn check_weight(&self) -> Result<()> {
        self.weight.get_or_init(|| weight::check(self)).clone()
    }

    fn indirect_at(&self, at: usize, id: ObjectId) -> Result<Indirect> {
        let Header { id: found, object, stream_at } = Parser::new(self.bytes, at).indirect()?;
        if found != id {
            return Err(Error::damaged("an object is not where it should be"));
        }
        let stream = match (stream_at, object.as_dictionary()) {
            (Some(start), Some(dictionary)) => Some(self.stream_range(dictionary, start)?),
            (Some(_), None) => return Err(Error::damaged("a stream has no dictionary")),
            (None, _) => None,
        };
        Ok(Indirect { id, object, stream })
    }

    fn stream_range(&self, dictionary: &Dictionary, start: usize) -> Result<Range<usize>> {
        let wrong = || Error::damaged("a stream does not end");
        // The length must be a plain number, here or in an object of its own, so that this cannot run in a circle.
        let length = match dictionary.get("Length") {
            Some(Object::Reference(id)) => self.plain_number(*id),
            Some(direct) => direct.as_integer(),
            None => None,
        };
        let end = length.and_then(|it| start.checked_add(usize::try_from(it).ok()?)).ok_or_else(wrong)?;
        let mut after = Parser::new(self.bytes, end);
        if end <= self.bytes.len() && after.bytes_after_space(b"endstream") {
            Ok(start..end)
        } else {
            Err(wrong())
        }
    }

    fn plain_number(&self, id: ObjectId) -> Option<i64> {
        match self.xref.entries.get(&id.number)? {
            Location::Offset { at, .. } => {
                let header = Parser::new(self.bytes, *at as usize).indirect().ok()?;
                header.object.as_integer().filter(|_| header.id == id)
            }
            Location::Packed { stream, index } => {
                // A stream of objects gives its own length in its dictionary or in an object outside of such streams.
                let at_hand = self.kept(*stream)?;
                at_hand.object(id.number, *index).ok()?.as_integer()
            }
            Location::Free => None,
        }
    }

    fn packed(&self, number: u32) -> Result<Arc<Packed>> {
        if let Some(packed) = self.kept(number) {
            return Ok(packed);
        }
        let Some(Location::Offset { at, generation: 0 }) = self.xref.entries.get(&number) else {
            return Err(Error::damaged("a stream of objects is missing"));
        };
        let stream = self.indirect_at(*at as usize, ObjectId { number, generation: 0 })?;
        let dictionary =
            stream.object.as_dictionary().ok_or(Error::damaged("a stream of objects is missing"))?;
        let packed = Packed::read(dictionary, self.stream_bytes(&stream)?)?;
        let packed = Arc::new(packed);
        self.keep(number, Arc::clone(&packed));
        Ok(packed)
    }

    fn kept(&self, number: u32) -> Option<Arc<Packed>> {
        let kept = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| *known == number).map(|(_, packed)| Arc::clone(packed))
    }

    fn keep(&self, number: u32, packed: Arc<Packed>) {
        let mut kept = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((number, packed));
        let mut total = 0;
        kept.retain(|(_, packed)| {
            let fits = total == 0 || total + packed.bytes.len() <= KEPT;
            total += packed.bytes.len();
            fits
        });
    }
}

impl Packed {
    fn read(dictionary: &Dictionary, raw: &[u8]) -> Result<Self> {
        let wrong = || Error::damaged("a stream of objects cannot be read");
        let number =
            |key| dictionary.get(key).and_then(Object::as_integer).and_then(|it| usize::try_from(it).ok());
        let (count, first) = number("N").zip(number("First")).ok_or_else(wrong)?;
        let bytes = filter::decode(dictionary, raw)?;
        if !dictionary.get("Type").is_some_and(|it| it.is_name("ObjStm"))
            || first > bytes.len()
            || count > first
        {
            return Err(wrong());
        }
        let mut parser = Parser::new(&bytes, 0);
        let mut pair = || {
            let number = u32::try_from(parser.unsigned()?).ok()?;
            let offset = usize::try_from(parser.unsigned()?).ok()?;
            Some((number, first.checked_add(offset).filter(|at| *at <= bytes.len())?))
        };
        let index: Vec<(u32, usize)> = (0..count).map(|_| pair()).collect::<Option<_>>().ok_or_else(wrong)?;
        Ok(Self { bytes, index })
    }

    fn object(&self, number: u32, index: u32) -> Result<Object> {
        let wrong = || Error::damaged("an object is not in the stream where it should be");
        let (_, at) =
            self.index.get(index as usize).filter(|(known, _)| *known == number).ok_or_else(wrong)?;
        Parser::new(&self.bytes, *at).object()
    }
}
