//! One signature as one revision: the field with its picture, the dictionary with a hole of fixed size, the digest of all
//! bytes around the hole, and the signature put into it.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cms;
use crate::crypto::{Hash, Running};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object, ObjectId};
use crate::picture::PackedPicture;
use crate::position::Placement;
use crate::signer::Signer;
use crate::stamp::{self, Ink};
use crate::timestamp::Transport;
use crate::update::Update;

/// Stands for each number of the range of bytes until it is known; no offset of a PDF is longer.
const UNKNOWN: i64 = 9_999_999_999;

/// Where the signature is seen.
#[derive(Debug, Clone, Copy)]
pub enum Appearance<'a> {
    /// Nowhere on the pages; readers list it all the same.
    Hidden,
    /// At each of these places. Readers list it once for each, since a field has one place.
    Seen { picture: &'a PackedPicture, placements: &'a [Placement] },
}

/// What is told beside the signature, by the one who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub time: Timestamp,
    pub name: Option<String>,
    pub reason: Option<String>,
    pub location: Option<String>,
}

/// A revision that lacks nothing but the signature.
#[derive(Debug, Clone)]
pub struct Prepared {
    tail: Vec<u8>,
    /// In the tail, the brackets of the string included.
    hole: Range<usize>,
    /// The fields that show the signature.
    pub fields: Vec<String>,
}

/// Writes the revision for a signature of up to `room` bytes.
///
/// # Errors
/// Those of [`Document::check_signable`] and [`Update::finish`].
pub fn prepare(
    document: &Document<'_>,
    appearance: Appearance<'_>,
    statement: &Statement,
    room: usize,
) -> Result<Prepared> {
    document.check_signable()?;
    let form = document.form()?;
    let mut update = Update::new(document);
    if !form.is_signed() {
        stamp::keep_appearances(&mut update)?;
    }
    let signature = update.add(statement.to_dictionary(room));
    let widgets = widgets(&mut update, appearance)?;
    let mut names = form;
    let (mut ids, mut fields) = (Vec::new(), Vec::new());
    for (page, widget) in widgets {
        let name = names.free_name();
        let field =
            widget.with("FT", Object::name("Sig")).with("T", Object::text(&name)).with("V", signature);
        let id = update.add(field);
        update.push(page, "Annots", id)?;
        names.names.insert(name.clone());
        ids.push(id);
        fields.push(name);
    }
    add_to_form(&mut update, &ids)?;
    let revision = update.finish()?;
    let at = revision.offsets.get(&signature).copied().unwrap_or(0);
    Prepared::new(document.bytes().len(), revision.bytes, at, fields)
}

/// Signs the document: gives back the bytes to be put behind it.
///
/// # Errors
/// Those of [`prepare`] and [`cms::signed_data`], and [`Error::SignatureTooLarge`].
pub fn sign(
    document: &Document<'_>,
    appearance: Appearance<'_>,
    statement: &Statement,
    signer: &dyn Signer,
    stamps: Option<&Transport<'_>>,
) -> Result<Vec<u8>> {
    let prepared = prepare(document, appearance, statement, room_for(signer, stamps.is_some()))?;
    let digest = prepared.digest(document.bytes(), signer.algorithm().hash());
    prepared.embed(&cms::signed_data(signer, &digest, stamps)?)
}

/// Bytes that surely hold the signer's signature with its certificates, and with a time stamp if there will be one.
pub fn room_for(signer: &dyn Signer, stamped: bool) -> usize {
    cms::room_for(signer, stamped)
}

impl Prepared {
    fn new(start: usize, mut tail: Vec<u8>, signature_at: usize, fields: Vec<String>) -> Result<Self> {
        let lost = || Error::SelfCheck { what: "the signature's own bytes are not where they should be" };
        let find = |from: usize, wanted: &[u8]| {
            let found = tail.get(from..)?.windows(wanted.len()).position(|it| it == wanted)?;
            Some(from + found)
        };
        // Both stand at the head of the dictionary, before anything that comes from outside.
        let placeholder = format!("{UNKNOWN} {UNKNOWN} {UNKNOWN}]");
        let range_at = find(signature_at, placeholder.as_bytes()).ok_or_else(lost)?;
        let hole_at = find(range_at, b"<0").ok_or_else(lost)?;
        let hole = hole_at..find(hole_at, b">").ok_or_else(lost)? + 1;
        let mut range = format!("{} {} {}]", start + hole.start, start + hole.end, tail.len() - hole.end);
        range.extend(std::iter::repeat_n(' ', placeholder.len().saturating_sub(range.len())));
        let place = tail.get_mut(range_at..range_at + placeholder.len()).ok_or_else(lost)?;
        if place.len() != range.len() {
            return Err(lost());
        }
        place.copy_from_slice(range.as_bytes());
        Ok(Self { tail, hole, fields })
    }

    /// The digest of `original` and of this revision without the hole.
    pub fn digest(&self, original: &[u8], hash: Hash) -> Vec<u8> {
        let mut running = hash.start();
        running.update(original);
        self.digest_after(running)
    }

    /// The same when the digest has already gone over the original.
    pub(crate) fn digest_after(&self, mut running: Running) -> Vec<u8> {
        running.update(self.tail.get(..self.hole.start).unwrap_or_default());
        running.update(self.tail.get(self.hole.end..).unwrap_or_default());
        running.finish()
    }

    /// The revision with the signature in its hole.
    ///
    /// # Errors
    /// [`Error::SignatureTooLarge`]: the hole was measured before the digest was made and cannot grow.
    pub fn embed(mut self, signature: &[u8]) -> Result<Vec<u8>> {
        let room = (self.hole.len() - 2) / 2;
        if signature.len() > room {
            return Err(Error::SignatureTooLarge { length: signature.len(), room });
        }
        let digits: String = signature.iter().map(|byte| format!("{byte:02X}")).collect();
        let places = self.tail.iter_mut().skip(self.hole.start + 1);
        places.zip(digits.bytes()).for_each(|(place, digit)| *place = digit);
        Ok(self.tail)
    }
}

impl Statement {
    fn to_dictionary(&self, room: usize) -> Dictionary {
        let unknown = Object::integer(UNKNOWN);
        let range = vec![Object::integer(0), unknown.clone(), unknown.clone(), unknown];
        let time = self.time.to_zoned(TimeZone::UTC).strftime("D:%Y%m%d%H%M%S+00'00'").to_string();
        let mut dictionary = Dictionary::new()
            .with("Type", Object::name("Sig"))
            .with("Filter", Object::name("Adobe.PPKLite"))
            .with("SubFilter", Object::name("ETSI.CAdES.detached"))
            .with("ByteRange", Object::Array(range))
            .with("Contents", Object::bytes(&vec![0; room.max(1)]))
            .with("M", Object::text(&time));
        for (key, value) in [("Name", &self.name), ("Reason", &self.reason), ("Location", &self.location)] {
            if let Some(value) = value {
                dictionary.set(key, Object::text(value));
            }
        }
        dictionary
    }
}

/// The annotations that show the signature, each with its page.
fn widgets(update: &mut Update<'_>, appearance: Appearance<'_>) -> Result<Vec<(ObjectId, Dictionary)>> {
    let pages = update.document().pages()?;
    match appearance {
        Appearance::Seen { picture, placements } if !placements.is_empty() => {
            let ink = Ink::add(update, picture);
            let widget = |placement: &Placement| {
                let page = stamp::find_page(update.document(), placement.page)?.id;
                Ok((page, ink.widget(update, placement)?))
            };
            placements.iter().map(widget).collect()
        }
        Appearance::Hidden | Appearance::Seen { .. } => {
            let page = pages.first().ok_or(Error::NoPages)?.id;
            let widget = Dictionary::new()
                .with("Type", Object::name("Annot"))
                .with("Subtype", Object::name("Widget"))
                .with("F", Object::integer(stamp::PRINT_AND_LOCKED))
                .with("P", page)
                .with("Rect", Object::reals([0.0; 4]));
            Ok(vec![(page, widget)])
        }
    }
}

/// Enters the fields into the document's form, wherever form and fields stand.
fn add_to_form(update: &mut Update<'_>, ids: &[ObjectId]) -> Result<()> {
    let (root, _) = update.document().catalogue()?;
    let mut catalogue = update.dictionary(root)?;
    let (form_id, mut form) = match catalogue.get("AcroForm").cloned() {
        Some(Object::Reference(id)) => (Some(id), update.dictionary(id)?),
        Some(direct) => {
            (None, direct.into_dictionary().ok_or(Error::damaged("a dictionary is something else"))?)
        }
        None => {
            let id = update.alloc();
            catalogue.set("AcroForm", id);
            update.put(root, catalogue.clone());
            (Some(id), Dictionary::new())
        }
    };
    let added = ids.iter().map(|id| Object::from(*id));
    match form.get("Fields").cloned() {
        Some(Object::Reference(list)) => {
            let items = array(update.object(list)?)?.into_iter().chain(added).collect();
            update.put(list, Object::Array(items));
        }
        direct => {
            let items = array(direct.unwrap_or(Object::Null))?.into_iter().chain(added).collect();
            form.set("Fields", Object::Array(items));
        }
    }
    // There are signatures, and the file may only be appended to.
    let flags = form.get("SigFlags").and_then(Object::as_integer).unwrap_or(0);
    form.set("SigFlags", Object::integer(flags | 3));
    match form_id {
        Some(id) => update.put(id, form),
        None => {
            catalogue.set("AcroForm", form);
            update.put(root, catalogue);
        }
    }
    Ok(())
}

fn array(object: Object) -> Result<Vec<Object>> {
    match object {
        Object::Array(items) => Ok(items),
        Object::Null => Ok(Vec::new()),
        _ => Err(Error::damaged("an array is something else")),
    }
}
