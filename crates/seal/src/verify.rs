//! What the signatures of a document are worth: which bytes each one covers, whether those are unchanged, who signed and
//! who vouches for that, and what was changed afterwards. Strict: a signature counts for what it covers as everybody
//! reads it, and for nothing more.

mod changes;

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

pub use changes::{Change, ChangeKind};

use changes::References;

use crate::certificate::Identity;
use crate::chain::{self, Chain, Purpose};
use crate::cms::{Integrity, Signed};
use crate::crypto::{Hash, Running};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::form::SignatureField;
use crate::object::{Dictionary, Object, ObjectId};
use crate::oid;
use crate::timestamp::Token;
use crate::xref::Location;

/// So many times the length of the file is read for digests; more is only wanted by files that mean harm.
const MOST_READING: usize = 24;

/// So many signatures are compared with what came after them.
const MOST_COMPARED: usize = 50;

/// A signature and everything known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The fields that show it; seals at several places are one signature.
    pub fields: Vec<String>,
    pub kind: Kind,
    pub coverage: Coverage,
    /// The file as it was signed has so many bytes; 0 where that cannot be said.
    pub length: usize,
    pub integrity: Integrity,
    /// Whose certificate is in it.
    pub signer: Option<Identity>,
    /// Judged at the time of signing. Whether a certificate was revoked is not asked.
    pub chain: Option<Chain>,
    pub time: SigningTime,
    /// What the signer says of himself and of why he signed.
    pub name: Option<String>,
    pub reason: Option<String>,
    pub location: Option<String>,
    /// What later revisions did.
    pub changes: Vec<Change>,
    /// The level of certification that was in force: 1 forbids every change, as a lock of all fields does, 2 allows forms
    /// and signatures, 3 notes too.
    certified: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody agrees.
    Approval,
    /// The author says what others may still do.
    Certification { level: u8 },
    /// An authority vouches for the time at which the document was there.
    TimeStamp,
}

/// Which part of the file a signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    EntireFile,
    /// All of the file as it was then; more was added since.
    EntireRevision,
    /// Something is left out that can be seen. It vouches for nothing.
    Part { what: &'static str },
}

/// When it was signed, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub enum SigningTime {
    Unknown,
    /// The signer says so.
    Claimed(Timestamp),
    /// A time stamp authority says so, whose signature is right.
    Stamped {
        time: Timestamp,
        authority: Identity,
        chain: Chain,
    },
    /// There is a time stamp and it is wrong.
    StampWrong {
        what: &'static str,
    },
}

impl Signature {
    /// Whether it covers a whole revision that is unchanged, was signed by the key of its certificate, and nothing came
    /// after it but what signatures allow.
    pub fn is_valid(&self) -> bool {
        let whole = matches!(self.coverage, Coverage::EntireFile | Coverage::EntireRevision);
        let stamp_wrong = matches!(self.time, SigningTime::StampWrong { .. });
        whole
            && self.integrity == Integrity::Intact
            && !stamp_wrong
            && self.forbidden_changes().next().is_none()
    }

    /// Whether it is valid and its signer is known to a root.
    pub fn is_trusted(&self) -> bool {
        self.is_valid() && self.chain == Some(Chain::Trusted)
    }

    /// Later changes that it does not allow.
    pub fn forbidden_changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| !change.kind.is_allowed(self.certified))
    }
}

/// All signatures of a document, in the order in which they were made. Trust is asked of `roots`, in DER.
///
/// # Errors
/// Those of reading the document. A document without signatures has an empty list.
pub fn verify(file: &[u8], roots: &[Vec<u8>]) -> Result<Vec<Signature>> {
    let document = Document::open(file)?;
    let mut references = References::default();
    let mut signatures = Vec::new();
    for (compared, checked) in check(&document)?.into_iter().enumerate() {
        let mut signature = checked.tell(roots);
        if signature.coverage == Coverage::EntireRevision {
            let compared = if compared < MOST_COMPARED {
                signature.compare(&document, &mut references)
            } else {
                Err(Error::damaged("there are more signatures than are compared"))
            };
            if compared.is_err() {
                signature.changes = vec![Change::uncompared()];
            }
        }
        signatures.push(signature);
    }
    Ok(signatures)
}

impl Signature {
    /// Holds the document against what it was when this was signed.
    fn compare(&mut self, document: &Document<'_>, references: &mut References) -> Result<()> {
        let file = document.bytes();
        let before = Document::open(file.get(..self.length).unwrap_or_default())?;
        self.changes = changes::between(&before, document, references)?;
        if ends_in_something_else(file) {
            self.changes.push(Change::behind_the_end());
        }
        if before.form()?.locked {
            self.certified = Some(1);
        }
        Ok(())
    }
}

/// Whether bytes that belong to no revision stand at the end, where a reader that repairs files may find more in them.
fn ends_in_something_else(file: &[u8]) -> bool {
    let mark = b"%%EOF";
    let end = file.windows(mark.len()).rposition(|it| it == mark).map_or(0, |at| at + mark.len());
    !file.get(end..).unwrap_or_default().iter().all(u8::is_ascii_whitespace)
}

/// A signature whose digest and signature have been checked.
pub(crate) struct Checked {
    found: Found,
    pub integrity: Integrity,
}

impl Checked {
    pub fn fields(&self) -> &[String] {
        &self.found.fields
    }

    pub fn coverage(&self) -> Coverage {
        self.found.coverage
    }

    pub fn is_stamped(&self) -> bool {
        Signed::read(&self.found.contents).is_ok_and(|signed| signed.time_stamp().is_some())
    }
}

/// Checks every signature. All digests are taken in one pass over the file.
pub(crate) fn check(document: &Document<'_>) -> Result<Vec<Checked>> {
    let found = find(document)?;
    let digests = Digests::of(document.bytes(), &found);
    let check = |found: Found| {
        let integrity = found.check(&digests);
        Checked { found, integrity }
    };
    Ok(found.into_iter().map(check).collect())
}

/// A signature as it stands in the document.
struct Found {
    fields: Vec<String>,
    kind: Kind,
    certified: Option<u8>,
    coverage: Coverage,
    /// The two ranges of bytes that it is over.
    ranges: Option<Ranges>,
    contents: Vec<u8>,
    dictionary: Dictionary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ranges {
    hole_start: usize,
    hole_end: usize,
    end: usize,
}

fn find(document: &Document<'_>) -> Result<Vec<Found>> {
    let form = document.form()?;
    let certifying = certifying(document)?;
    let mut by_value: Vec<(&Object, Vec<&SignatureField>)> = Vec::new();
    for field in &form.signatures {
        let Some(value) = &field.value else { continue };
        match by_value.iter_mut().find(|(known, _)| *known == value && value.as_reference().is_some()) {
            Some((_, fields)) => fields.push(field),
            None => by_value.push((value, vec![field])),
        }
    }
    let mut found = Vec::new();
    for (value, fields) in by_value {
        let dictionary = document.resolve(value)?.into_dictionary().unwrap_or_default();
        let is_certifying = certifying.is_some() && value.as_reference() == certifying;
        let kind = match form.certified {
            _ if dictionary.get("SubFilter").is_some_and(|it| it.is_name("ETSI.RFC3161")) => Kind::TimeStamp,
            Some(level) if is_certifying => Kind::Certification { level },
            Some(_) | None => Kind::Approval,
        };
        let ranges = Ranges::read(&dictionary, document.bytes());
        let coverage = match ranges {
            Ok(ranges) => coverage(document, value, &dictionary, ranges),
            Err(what) => Coverage::Part { what },
        };
        found.push(Found {
            fields: fields.into_iter().map(|it| it.name.clone()).collect(),
            kind,
            certified: form.certified,
            coverage,
            ranges: ranges.ok(),
            contents: dictionary.get("Contents").and_then(Object::as_bytes).unwrap_or_default(),
            dictionary,
        });
    }
    found.sort_by_key(|it| it.ranges.map_or(usize::MAX, |ranges| ranges.end));
    Ok(found)
}

/// The signature that certifies the document, as the catalogue names it.
fn certifying(document: &Document<'_>) -> Result<Option<ObjectId>> {
    let (_, catalogue) = document.catalogue()?;
    let permissions = document.find_dictionary(&catalogue, "Perms")?.unwrap_or_default();
    Ok(permissions.get("DocMDP").and_then(Object::as_reference))
}

impl Ranges {
    /// The range of bytes has to be everything but one hole, and the hole nothing but the signature itself.
    fn read(dictionary: &Dictionary, file: &[u8]) -> std::result::Result<Self, &'static str> {
        let contents = dictionary.get("Contents").and_then(Object::as_bytes).filter(|it| !it.is_empty());
        let contents = contents.ok_or("it has no contents")?;
        let numbers =
            dictionary.get("ByteRange").and_then(Object::as_array).ok_or("it has no range of bytes")?;
        let numbers: Option<Vec<usize>> =
            numbers.iter().map(|it| usize::try_from(it.as_integer()?).ok()).collect();
        let Some([0, hole_start, hole_end, rest]) = numbers.as_deref() else {
            return Err("its range of bytes is not from the beginning with one hole");
        };
        let (hole_start, hole_end) = (*hole_start, *hole_end);
        let end = hole_end.checked_add(*rest).filter(|end| *end <= file.len());
        let end = end.ok_or("its range of bytes is longer than the file")?;
        let hole = file.get(hole_start..hole_end).ok_or("its range of bytes overlaps itself")?;
        let digits = hole.strip_prefix(b"<").and_then(|it| it.strip_suffix(b">"));
        let digits = digits.filter(|it| it.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or("what it leaves out is more than the signature")?;
        let same = digits.len().div_ceil(2) == contents.len()
            && digits.chunks(2).zip(&contents).all(|(pair, byte)| value_of(pair) == Some(*byte));
        if same {
            Ok(Self { hole_start, hole_end, end })
        } else {
            Err("what it leaves out is not the signature")
        }
    }
}

fn value_of(pair: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*pair.get(at).unwrap_or(&b'0')).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// What is covered has to be a document by itself, in which the same signature stands under the same number at the same
/// place; else it was taken from elsewhere.
fn coverage(document: &Document<'_>, value: &Object, dictionary: &Dictionary, ranges: Ranges) -> Coverage {
    let elsewhere = Coverage::Part { what: "the signature is not where it was when it was made" };
    let file = document.bytes();
    if let Some(id) = value.as_reference() {
        match document.location(id.number) {
            Some(Location::Offset { at, .. }) if (at as usize) < ranges.hole_start => {}
            Some(_) | None => return elsewhere,
        }
    }
    if ranges.end == file.len() {
        return Coverage::EntireFile;
    }
    let Ok(before) = Document::open(file.get(..ranges.end).unwrap_or_default()) else {
        return Coverage::Part { what: "what it covers is not a whole document" };
    };
    let fields = before.form().map(|form| form.signatures).unwrap_or_default();
    let stood_there = fields.iter().any(|field| field.value.as_ref() == Some(value));
    let same = before.resolve(value).is_ok_and(|it| it.as_dictionary() == Some(dictionary));
    if stood_there && same { Coverage::EntireRevision } else { elsewhere }
}

impl Found {
    fn check(&self, digests: &Digests) -> Integrity {
        let Some(ranges) = self.ranges else {
            return Integrity::Unreadable { what: "its range of bytes and its contents do not fit together" };
        };
        let format = self.dictionary.get("SubFilter").and_then(Object::as_name).unwrap_or_default();
        match (&*format, self.kind) {
            (b"ETSI.RFC3161", _) => {
                let Some(token) = Token::read(&self.contents) else {
                    return Integrity::Unreadable { what: "it is not a token of RFC 3161" };
                };
                match (digests.get(token.hash, ranges), token.integrity()) {
                    (None, _) => too_much_reading(),
                    (Some(digest), Integrity::Intact) if digest != token.imprint => Integrity::DigestWrong,
                    (Some(_), integrity) => integrity,
                }
            }
            (b"ETSI.CAdES.detached" | b"adbe.pkcs7.detached", _) => match Signed::read(&self.contents) {
                Ok(signed) if signed.content.is_some() || signed.content_type != oid::DATA => {
                    Integrity::Unreadable { what: "it is over something inside of itself" }
                }
                Ok(signed) => digests
                    .get(signed.hash, ranges)
                    .map_or_else(too_much_reading, |digest| signed.check(&digest)),
                Err(problem) => problem,
            },
            _ => Integrity::Unsupported { what: "its format is not one of those taken here" },
        }
    }
}

fn too_much_reading() -> Integrity {
    Integrity::Unsupported { what: "there are more signatures than are checked" }
}

impl Checked {
    fn tell(self, roots: &[Vec<u8>]) -> Signature {
        let Self { found, integrity } = self;
        let text = |key| found.dictionary.get(key).and_then(Object::as_text);
        let mut signature = Signature {
            name: text("Name"),
            reason: text("Reason"),
            location: text("Location"),
            fields: found.fields.clone(),
            kind: found.kind,
            coverage: found.coverage,
            length: found.ranges.map_or(0, |ranges| ranges.end),
            integrity,
            signer: None,
            chain: None,
            time: text("M").and_then(|it| read_date(&it)).map_or(SigningTime::Unknown, SigningTime::Claimed),
            changes: Vec::new(),
            certified: found.certified,
        };
        let Ok(signed) = Signed::read(&found.contents) else { return signature };
        let identity = signed.signer.identity();
        let stamped =
            Token::read(&found.contents).filter(|_| found.kind == Kind::TimeStamp).map(|it| it.time);
        if let Some(token) = signed.time_stamp().filter(|_| found.kind != Kind::TimeStamp) {
            signature.time = read_stamp(token, signed.signature, roots);
        } else if let (SigningTime::Unknown, Some(time)) = (&signature.time, signed.claimed_time()) {
            signature.time = SigningTime::Claimed(time);
        }
        let purpose = if stamped.is_some() { Purpose::TimeStamps } else { Purpose::Documents };
        let time = stamped.or(signature.time.known()).unwrap_or(identity.valid_from);
        let chain = chain::check(&signed.signer, &signed.others(), roots, time, purpose);
        if let Some(time) = stamped.filter(|_| integrity == Integrity::Intact) {
            signature.time = SigningTime::Stamped { time, authority: identity.clone(), chain: chain.clone() };
        }
        signature.chain = Some(chain);
        signature.signer = Some(identity);
        signature
    }
}

impl SigningTime {
    /// The time, whoever says so.
    pub fn known(&self) -> Option<Timestamp> {
        match self {
            Self::Claimed(time) | Self::Stamped { time, .. } => Some(*time),
            Self::Unknown | Self::StampWrong { .. } => None,
        }
    }
}

fn read_stamp(token: &[u8], signature: &[u8], roots: &[Vec<u8>]) -> SigningTime {
    let wrong = |what| SigningTime::StampWrong { what };
    let Some(token) = Token::read(token) else { return wrong("it is not a token of RFC 3161") };
    if token.hash.of(&[signature]) != token.imprint {
        return wrong("it is over another signature");
    }
    match token.integrity() {
        Integrity::Intact => {
            let signed = &token.signed;
            let chain =
                chain::check(&signed.signer, &signed.others(), roots, token.time, Purpose::TimeStamps);
            SigningTime::Stamped { time: token.time, authority: signed.signer.identity(), chain }
        }
        Integrity::DigestWrong | Integrity::SignatureWrong => wrong("its signature is wrong"),
        Integrity::Unsupported { what } | Integrity::Unreadable { what } => wrong(what),
    }
}

/// `D:20260131235959+08'00'` with its end left out from anywhere after the year.
fn read_date(text: &str) -> Option<Timestamp> {
    let text = text.strip_prefix("D:").unwrap_or(text);
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, zone) = text.split_at_checked(digits)?;
    let pair = |at: usize, absent: i8| digits.get(at..at + 2).map_or(Some(absent), |it| it.parse().ok());
    let year = digits.get(..4)?.parse().ok()?;
    let time =
        DateTime::new(year, pair(4, 1)?, pair(6, 1)?, pair(8, 0)?, pair(10, 0)?, pair(12, 0)?, 0).ok()?;
    let number = |at: usize| zone.get(at..at + 2).map_or(Some(0), |it| it.parse::<i32>().ok());
    let seconds = match zone.chars().next() {
        Some('+') => number(1)? * 3600 + number(4)? * 60,
        Some('-') => -(number(1)? * 3600 + number(4)? * 60),
        Some(_) | None => 0,
    };
    let zone = TimeZone::fixed(Offset::from_seconds(seconds).ok()?);
    time.to_zoned(zone).ok().map(|it| it.timestamp())
}

/// The digests of all signatures, taken while going over the file once for each hash.
struct Digests {
    known: HashMap<(Hash, usize, usize, usize), Vec<u8>>,
}

impl Digests {
    fn of(file: &[u8], found: &[Found]) -> Self {
        let mut wanted: Vec<(Hash, Ranges)> =
            found.iter().filter_map(|it| Some((it.hash()?, it.ranges?))).collect();
        wanted.sort_by_key(|(_, ranges)| (ranges.hole_start, ranges.hole_end, ranges.end));
        let mut budget = file.len().saturating_mul(MOST_READING);
        let mut known = HashMap::new();
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512, Hash::Sm3] {
            let mut running = hash.start();
            let mut at = 0;
            for (_, ranges) in wanted.iter().filter(|(wanted, _)| *wanted == hash) {
                let key = (hash, ranges.hole_start, ranges.hole_end, ranges.end);
                let Some(left) = budget.checked_sub(ranges.end - ranges.hole_end) else { break };
                budget = left;
                running.update(file.get(at..ranges.hole_start).unwrap_or_default());
                at = ranges.hole_start;
                known.entry(key).or_insert_with(|| finish(running.clone(), file, *ranges));
            }
        }
        Self { known }
    }

    fn get(&self, hash: Hash, ranges: Ranges) -> Option<Vec<u8>> {
        self.known.get(&(hash, ranges.hole_start, ranges.hole_end, ranges.end)).cloned()
    }
}

fn finish(mut running: Running, file: &[u8], ranges: Ranges) -> Vec<u8> {
    running.update(file.get(ranges.hole_end..ranges.end).unwrap_or_default());
    running.finish()
}

impl Found {
    /// The digest its signature is made with, if that can be read.
    fn hash(&self) -> Option<Hash> {
        match self.kind {
            Kind::TimeStamp => Token::read(&self.contents).map(|token| token.hash),
            Kind::Approval | Kind::Certification { .. } => {
                Signed::read(&self.contents).ok().map(|it| it.hash)
            }
        }
    }
}
