//! The whole way from a document and its parties to the sealed document: every place is found before anything is
//! written, what nobody has signed yet is stamped in one revision, each party signs in one of its own, and the result is
//! read again before it is given out.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::certificate::{Certificate, hexadecimal};
use crate::cms::{self, Integrity};
use crate::crypto::{Hash, Running};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::keyword::Text;
use crate::normalise::normalise;
use crate::picture::PackedPicture;
use crate::position::{Placement, Position, SealSize};
use crate::sign::{self, Appearance, Statement};
use crate::signer::Signer;
use crate::stamp::{self, Stamp};
use crate::timestamp::Transport;
use crate::verify::{self, Coverage};
use crate::xref::XrefKind;

/// Somebody who seals and signs.
pub struct Party<'a> {
    pub signer: &'a dyn Signer,
    pub picture: &'a PackedPicture,
    /// How wide the seal is in life; nothing where it is not known.
    pub width_mm: Option<f64>,
    /// Where its seals go. The first is the signature's own place.
    pub positions: &'a [Position],
    pub name: Option<String>,
    pub reason: Option<String>,
    pub location: Option<String>,
}

/// What holds for the whole job.
pub struct Options<'a> {
    /// When it is signed.
    pub time: Timestamp,
    /// Where time stamps are got, if there are to be any.
    pub stamps: Option<&'a Transport<'a>>,
    /// Of an encrypted document.
    pub owner_password: Option<&'a str>,
}

/// A document that has been sealed.
#[derive(Clone)]
pub struct Sealed {
    pub bytes: Vec<u8>,
    /// Its versions, from the one that the seals were added to until the last, each the beginning of the next.
    pub versions: Vec<Version>,
    pub placements: Vec<Placed>,
    /// For each party the names of its signature's fields.
    pub fields: Vec<Vec<String>>,
    pub warnings: Vec<Warning>,
}

/// The first `length` bytes of the sealed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub length: usize,
    /// In hexadecimal digits.
    pub sha256: String,
    pub step: Step,
}

/// What made a version of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is the document as it came.
    Received,
    /// It is the document written anew, because as it came it could not be signed.
    Rewritten,
    /// Seals became part of its pages.
    Stamped,
    /// This party signed.
    Signed { party: usize },
}

/// A seal and whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    pub party: usize,
    pub placement: Placement,
}

/// What somebody should look at, though the document is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// The document could not be signed as it came and was written anew.
    Rewritten,
    /// The seal would have stuck out and was pushed back inside the page.
    Moved { party: usize, page: u32 },
    /// Seals of these parties cover each other.
    Overlap { page: u32, parties: (usize, usize) },
    /// An earlier signature was wrong already when the document came.
    EarlierSignatureWrong { number: usize },
}

impl fmt::Debug for Sealed {
    /// Without the bytes of the document.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Sealed");
        out.field("versions", &self.versions)
            .field("placements", &self.placements)
            .field("fields", &self.fields);
        out.field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

/// Seals the document for the parties, one after another.
///
/// # Errors
/// The first that occurs, and then nothing is given out: those of opening the document, of finding the places, of the
/// signers, and [`Error::SelfCheck`] when the result does not read back as it was written.
pub fn seal(document: Vec<u8>, parties: &[Party<'_>], options: &Options<'_>) -> Result<Sealed> {
    let (file, first_step) = make_ready(document, options.owner_password)?;
    let file = Arc::new(file);
    let document = Document::open(&file)?;
    let plan = Plan::make(&document, Arc::clone(&file), parties)?;
    drop(document);
    parties.iter().try_for_each(|party| check_certificate(party.signer, options.time))?;
    let mut work = Work::begin(Arc::unwrap_or_clone(file), first_step, parties);
    let mut warnings = plan.warnings();
    if first_step == Step::Rewritten {
        warnings.push(Warning::Rewritten);
    }
    if !plan.signed {
        work.stamp(&plan, parties)?;
    }
    let mut fields = Vec::new();
    for (index, party) in parties.iter().enumerate() {
        fields.push(work.sign(index, party, plan.signature_places(index), options)?);
    }
    warnings.extend(check_result(&work, plan.pages, &fields, options)?);
    Ok(Sealed { bytes: work.bytes, versions: work.versions, placements: plan.placed(), fields, warnings })
}

/// The document as it can be signed: as it is where possible, else written anew if nobody has signed it.
fn make_ready(document: Vec<u8>, password: Option<&str>) -> Result<(Vec<u8>, Step)> {
    let problem = match Document::open(&document).and_then(|it| it.check_signable().map(|()| it.xref_kind()))
    {
        Ok(XrefKind::Table | XrefKind::Stream) => return Ok((document, Step::Received)),
        // Strict validators refuse signatures on files with both kinds of references.
        Ok(XrefKind::Hybrid) => None,
        Err(problem @ (Error::Encrypted | Error::Damaged { .. })) => Some(problem),
        Err(other) => return Err(other),
    };
    if problem == Some(Error::Encrypted) && password.is_none() {
        return Err(Error::Encrypted);
    }
    match (normalise(&document, password), problem) {
        (Ok(written), _) => Ok((written, Step::Rewritten)),
        (Err(_), None) => Ok((document, Step::Received)),
        (Err(Error::Damaged { .. }), Some(problem)) => Err(problem),
        (Err(other), _) => Err(other),
    }
}

/// What is signed with a certificate that is out of its time, or for something else, nobody accepts.
fn check_certificate(signer: &dyn Signer, time: Timestamp) -> Result<()> {
    let first = signer.chain().first().ok_or(Error::BadCertificate { what: "the signer has none" })?;
    let certificate = Certificate::read(first)?;
    if !certificate.may_sign() {
        return Err(Error::BadCertificate { what: "it is not for signatures" });
    }
    if time < certificate.not_before || time > certificate.not_after {
        return Err(Error::CertificateNotInForce { name: certificate.identity().name });
    }
    Ok(())
}

/// Where everything goes.
struct Plan {
    /// Somebody has signed before us, so that nothing but signatures may be added.
    signed: bool,
    pages: usize,
    /// For each party.
    placements: Vec<Vec<Placement>>,
}

impl Plan {
    fn make(document: &Document<'_>, file: Arc<Vec<u8>>, parties: &[Party<'_>]) -> Result<Self> {
        let text = Text::of(file);
        let mut placements = Vec::new();
        for party in parties {
            let size =
                SealSize { pixels: (party.picture.width, party.picture.height), width_mm: party.width_mm };
            let mut own = Vec::new();
            for position in party.positions {
                own.extend(position.place(document, &text, &size)?);
            }
            placements.push(own);
        }
        Ok(Self { signed: document.form()?.is_signed(), pages: document.pages()?.len(), placements })
    }

    /// The places that the party's signature shows: all of them when only signatures may be added, else the first.
    fn signature_places(&self, party: usize) -> &[Placement] {
        let own = self.placements.get(party).map(Vec::as_slice).unwrap_or_default();
        if self.signed { own } else { own.get(..own.len().min(1)).unwrap_or_default() }
    }

    fn placed(&self) -> Vec<Placed> {
        let all = self.placements.iter().enumerate();
        all.flat_map(|(party, own)| own.iter().map(move |placement| Placed { party, placement: *placement }))
            .collect()
    }

    fn warnings(&self) -> Vec<Warning> {
        let placed = self.placed();
        let moved = placed.iter().filter(|it| it.placement.moved);
        let mut warnings: Vec<Warning> =
            moved.map(|it| Warning::Moved { party: it.party, page: it.placement.page }).collect();
        for (index, one) in placed.iter().enumerate() {
            let others = placed.iter().skip(index + 1);
            warnings.extend(others.filter(|other| one.placement.overlaps(&other.placement)).map(|other| {
                Warning::Overlap { page: one.placement.page, parties: (one.party, other.party) }
            }));
        }
        warnings.dedup();
        warnings
    }
}

/// The document as it grows. Digests go along with it, so that each of its bytes is read once however many sign.
struct Work {
    bytes: Vec<u8>,
    versions: Vec<Version>,
    sha256: Running,
    sm3: Option<Running>,
}

impl Work {
    fn begin(bytes: Vec<u8>, step: Step, parties: &[Party<'_>]) -> Self {
        let wants_sm3 = parties.iter().any(|party| party.signer.algorithm().hash() == Hash::Sm3);
        let sm3 = wants_sm3.then(|| Hash::Sm3.start());
        let mut work = Self { bytes: Vec::new(), versions: Vec::new(), sha256: Hash::Sha256.start(), sm3 };
        work.read(&bytes);
        work.bytes = bytes;
        work.note(step);
        work
    }

    fn read(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sm3) = &mut self.sm3 {
            sm3.update(bytes);
        }
    }

    fn append(&mut self, tail: &[u8], step: Step) {
        self.read(tail);
        // Exactly, so that a large document is not held twice.
        self.bytes.reserve_exact(tail.len());
        self.bytes.extend_from_slice(tail);
        self.note(step);
    }

    fn note(&mut self, step: Step) {
        let sha256 = hexadecimal(&self.sha256.clone().finish());
        self.versions.push(Version { length: self.bytes.len(), sha256, step });
    }

    fn running(&self, hash: Hash) -> Running {
        match (hash, &self.sm3) {
            (Hash::Sha256, _) => self.sha256.clone(),
            (Hash::Sm3, Some(sm3)) => sm3.clone(),
            (Hash::Sha384 | Hash::Sha512 | Hash::Sm3, _) => {
                let mut running = hash.start();
                running.update(&self.bytes);
                running
            }
        }
    }

    /// All seals that no signature shows become part of their pages.
    fn stamp(&mut self, plan: &Plan, parties: &[Party<'_>]) -> Result<()> {
        let stamps = parties.iter().zip(&plan.placements).flat_map(|(party, own)| {
            own.iter().skip(1).map(|placement| Stamp { picture: party.picture, placement: *placement })
        });
        let stamps: Vec<Stamp<'_>> = stamps.collect();
        if stamps.is_empty() {
            return Ok(());
        }
        let revision = stamp::stamp(&Document::open(&self.bytes)?, &stamps)?;
        self.append(&revision.bytes, Step::Stamped);
        Ok(())
    }

    fn sign(
        &mut self,
        index: usize,
        party: &Party<'_>,
        places: &[Placement],
        options: &Options<'_>,
    ) -> Result<Vec<String>> {
        let statement = Statement {
            time: options.time,
            name: party.name.clone(),
            reason: party.reason.clone(),
            location: party.location.clone(),
        };
        let appearance = Appearance::Seen { picture: party.picture, placements: places };
        let room = sign::room_for(party.signer, options.stamps.is_some());
        let prepared = sign::prepare(&Document::open(&self.bytes)?, appearance, &statement, room)?;
        let digest = prepared.digest_after(self.running(party.signer.algorithm().hash()));
        let fields = prepared.fields.clone();
        let signature = cms::signed_data(party.signer, &digest, options.stamps)?;
        let tail = prepared.embed(&signature)?;
        self.append(&tail, Step::Signed { party: index });
        Ok(fields)
    }
}

/// Reads the result as a stranger would: the bytes that came are its beginning, no page is lost, each party's signature
/// is there, covers what it should and is right, and what others signed is as right as it was.
fn check_result(
    work: &Work,
    pages: usize,
    fields: &[Vec<String>],
    options: &Options<'_>,
) -> Result<Vec<Warning>> {
    let failed = |what| Error::SelfCheck { what };
    let document = Document::open(&work.bytes)?;
    if document.pages()?.len() != pages {
        return Err(failed("pages were lost"));
    }
    let checked = verify::check(&document)?;
    let mut warnings = Vec::new();
    for (number, signature) in (1..).zip(&checked) {
        let whole = matches!(signature.coverage(), Coverage::EntireFile | Coverage::EntireRevision);
        let right = whole && signature.integrity == Integrity::Intact;
        if !fields.iter().any(|own| own == signature.fields()) {
            warnings.extend((!right).then_some(Warning::EarlierSignatureWrong { number }));
        } else if !right {
            return Err(failed("a signature is not right"));
        } else if options.stamps.is_some() != signature.is_stamped() {
            return Err(failed("a time stamp is missing"));
        }
    }
    let all_there = fields.iter().all(|own| checked.iter().any(|it| it.fields() == own.as_slice()));
    let covers_all = checked.last().is_some_and(|it| it.coverage() == Coverage::EntireFile);
    if !all_there || !(covers_all || fields.is_empty()) {
        return Err(failed("a signature is missing"));
    }
    Ok(warnings)
}
