//! A revision of a document: new and changed objects, written behind the bytes that are there.

use std::collections::BTreeMap;

use ring::digest;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object, ObjectId};
use crate::xref::XrefKind;

/// Changes that are collected until they are written as one revision.
#[derive(Debug)]
pub struct Update<'a> {
    document: &'a Document<'a>,
    next: u32,
    pending: BTreeMap<ObjectId, Pending>,
}

#[derive(Debug)]
enum Pending {
    /// A number that was given out; nothing was put under it yet.
    Promised,
    Object(Object),
    Stream(Dictionary, Vec<u8>),
}

/// What has to be appended to the file, and where in it (from the first appended byte) each object begins.
#[derive(Debug, Clone)]
pub struct Revision {
    pub bytes: Vec<u8>,
    pub offsets: BTreeMap<ObjectId, usize>,
}

impl<'a> Update<'a> {
    pub fn new(document: &'a Document<'a>) -> Self {
        Self { document, next: document.next_number(), pending: BTreeMap::new() }
    }

    pub fn document(&self) -> &'a Document<'a> {
        self.document
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// A new number, to be put later.
    pub fn alloc(&mut self) -> ObjectId {
        let id = ObjectId { number: self.next, generation: 0 };
        self.next += 1;
        self.pending.insert(id, Pending::Promised);
        id
    }

    pub fn put(&mut self, id: ObjectId, object: impl Into<Object>) {
        self.pending.insert(id, Pending::Object(object.into()));
    }

    pub fn add(&mut self, object: impl Into<Object>) -> ObjectId {
        let id = self.alloc();
        self.put(id, object);
        id
    }

    /// A stream of its own; the length is added to the dictionary.
    pub fn add_stream(&mut self, dictionary: Dictionary, bytes: Vec<u8>) -> ObjectId {
        let id = self.alloc();
        self.pending.insert(id, Pending::Stream(dictionary, bytes));
        id
    }

    /// The object as it will be: the pending one, else that of the document.
    pub fn object(&self, id: ObjectId) -> Result<Object> {
        match self.pending.get(&id) {
            Some(Pending::Object(object)) => Ok(object.clone()),
            Some(Pending::Stream(dictionary, _)) => Ok(dictionary.clone().into()),
            Some(Pending::Promised) => Ok(Object::Null),
            None => self.document.object(id),
        }
    }

    /// The dictionary under this number, to be changed and put again.
    pub fn dictionary(&self, id: ObjectId) -> Result<Dictionary> {
        self.object(id)?.into_dictionary().ok_or(Error::damaged("a dictionary is something else"))
    }

    /// Adds an entry to the array under a key of an object, wherever that array stands: in the object or, as is
    /// often so with annotations and fields, in an object of its own, which then is the one that changes.
    pub fn push(&mut self, id: ObjectId, key: &str, item: impl Into<Object>) -> Result<()> {
        let mut owner = self.dictionary(id)?;
        let mut holder = None;
        let mut array = owner.get(key).cloned().unwrap_or(Object::Null);
        for _ in 0..8 {
            let Some(next) = array.as_reference() else { break };
            holder = Some(next);
            array = self.object(next)?;
        }
        let mut items = if let Object::Array(items) = array {
            items
        } else if array == Object::Null {
            Vec::new()
        } else {
            return Err(Error::damaged("an array is something else"));
        };
        items.push(item.into());
        match holder {
            Some(holder) => self.put(holder, Object::Array(items)),
            None => {
                owner.set(key, Object::Array(items));
                self.put(id, owner);
            }
        }
        Ok(())
    }

    /// Writes the revision: the objects, then a table or stream of references as the file's last one is.
    ///
    /// # Errors
    /// [`Error::FileTooLarge`] when the whole would be longer than offsets can say.
    pub fn finish(self) -> Result<Revision> {
        let start = self.document.bytes().len();
        let mut bytes = Vec::new();
        if !matches!(self.document.bytes().last(), Some(b'\n' | b'\r')) {
            bytes.push(b'\n');
        }
        let mut offsets = BTreeMap::new();
        for (id, pending) in &self.pending {
            offsets.insert(*id, bytes.len());
            pending.write(*id, &mut bytes);
        }
        let xref_at = start + bytes.len();
        let trailer = self.trailer(&bytes);
        let placed = offsets.iter().map(|(id, offset)| (*id, start + offset)).collect();
        match self.document.xref_kind() {
            XrefKind::Table | XrefKind::Hybrid => write_table(&placed, &trailer, &mut bytes),
            XrefKind::Stream => write_stream(placed, trailer, xref_at, &mut bytes)?,
        }
        bytes.extend_from_slice(format!("startxref\n{xref_at}\n%%EOF\n").as_bytes());
        let length = start + bytes.len();
        let most = i32::MAX as usize;
        if length > most {
            Err(Error::FileTooLarge { length, most })
        } else {
            Ok(Revision { bytes, offsets })
        }
    }

    /// What the last trailer said of the whole document, with a new second part of the file's identity.
    fn trailer(&self, appended: &[u8]) -> Dictionary {
        let old = self.document.trailer();
        let mut trailer = Dictionary::new().with("Size", Object::integer(i64::from(self.next)));
        for key in ["Root", "Info"] {
            if let Some(value) = old.get(key) {
                trailer.set(key, value.clone());
            }
        }
        if let Some([first, second]) = old.get("ID").and_then(Object::as_array) {
            let before = second.as_bytes().unwrap_or_default();
            let digest = digest::digest(&digest::SHA256, &[before.as_slice(), appended].concat());
            let new = Object::bytes(digest.as_ref().get(..16).unwrap_or_default());
            trailer.set("ID", Object::Array(vec![first.clone(), new]));
        }
        trailer.with("Prev", Object::integer(self.document.xref_start() as i64))
    }
}

impl Pending {
    fn write(&self, id: ObjectId, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{} {} obj\n", id.number, id.generation).as_bytes());
        match self {
            Self::Promised => Object::Null.write(out),
            Self::Object(object) => object.write(out),
            Self::Stream(dictionary, bytes) => {
                dictionary.clone().with("Length", Object::integer(bytes.len() as i64)).write(out);
                out.extend_from_slice(b"\nstream\n");
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\nendstream");
            }
        }
        out.extend_from_slice(b"\nendobj\n");
    }
}

/// First number and offsets of each run of consecutive numbers.
fn runs(placed: &BTreeMap<ObjectId, usize>) -> Vec<(u32, Vec<(u16, usize)>)> {
    let mut runs: Vec<(u32, Vec<(u16, usize)>)> = Vec::new();
    for (id, at) in placed {
        match runs.last_mut() {
            Some((first, run)) if *first as usize + run.len() == id.number as usize => {
                run.push((id.generation, *at))
            }
            Some(_) | None => runs.push((id.number, vec![(id.generation, *at)])),
        }
    }
    runs
}

fn write_table(placed: &BTreeMap<ObjectId, usize>, trailer: &Dictionary, out: &mut Vec<u8>) {
    out.extend_from_slice(b"xref\n");
    for (first, run) in runs(placed) {
        out.extend_from_slice(format!("{first} {}\n", run.len()).as_bytes());
        for (generation, at) in run {
            out.extend_from_slice(format!("{at:010} {generation:05} n\r\n").as_bytes());
        }
    }
    out.extend_from_slice(b"trailer\n");
    trailer.write(out);
    out.push(b'\n');
}

/// The stream lists itself too, under the number after all others.
fn write_stream(
    mut placed: BTreeMap<ObjectId, usize>,
    trailer: Dictionary,
    xref_at: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let own = trailer.get("Size").and_then(Object::as_integer).and_then(|it| u32::try_from(it).ok());
    let id = ObjectId { number: own.ok_or(Error::damaged("there are too many objects"))?, generation: 0 };
    placed.insert(id, xref_at);
    let (mut index, mut rows) = (Vec::new(), Vec::new());
    for (first, run) in runs(&placed) {
        index.extend([Object::integer(i64::from(first)), Object::integer(run.len() as i64)]);
        for (generation, at) in run {
            let most = i32::MAX as usize;
            let at = u32::try_from(at).map_err(|_| Error::FileTooLarge { length: at, most })?;
            rows.push(1);
            rows.extend_from_slice(&at.to_be_bytes());
            rows.extend_from_slice(&generation.to_be_bytes());
        }
    }
    let mut dictionary = trailer
        .with("Type", Object::name("XRef"))
        .with("W", Object::Array([1, 4, 2].map(Object::integer).to_vec()))
        .with("Index", Object::Array(index));
    dictionary.set("Size", Object::integer(i64::from(id.number) + 1));
    Pending::Stream(dictionary, rows).write(id, out);
    Ok(())
}
