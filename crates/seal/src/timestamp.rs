//! Time stamps (RFC 3161): a third party vouches that something existed at a time. How its service is reached is the
//! caller's business.

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

use crate::certificate;
use crate::cms::{Integrity, Signed};
use crate::crypto::Hash;
use crate::der::{self, Element};
use crate::error::{Error, Result};
use crate::oid;

/// Takes a request (`application/timestamp-query`) and brings the answer (`application/timestamp-reply`).
pub type Transport<'a> = dyn Fn(&[u8]) -> Result<Vec<u8>> + 'a;

/// Bytes of chance by which an answer is known to belong to its request.
const NONCE: usize = 8;

/// Asks for a time stamp over `message` and gives back the token, checked against what was asked.
pub(crate) fn obtain(transport: &Transport<'_>, message: &[u8]) -> Result<Vec<u8>> {
    let digest = Hash::Sha256.of(&[message]);
    let mut nonce = [0; NONCE];
    SystemRandom::new()
        .fill(&mut nonce)
        .map_err(|_| Error::TimeStampFailed { what: "the system gives no random numbers".to_owned() })?;
    let nonce = der::natural(&nonce);
    let answer = transport(&request(&digest, &nonce))?;
    let token = granted(&answer)?;
    let wrong = |what| Error::TimeStampWrong { what };
    let read = Token::read(token).ok_or(wrong("it is not a token of RFC 3161"))?;
    if read.hash != Hash::Sha256 || read.imprint != digest {
        return Err(wrong("it is over something else"));
    }
    if read.nonce != Some(nonce.as_slice()) {
        return Err(wrong("it answers another request"));
    }
    match read.integrity() {
        Integrity::Intact => Ok(token.to_vec()),
        Integrity::DigestWrong | Integrity::SignatureWrong => Err(wrong("its signature is wrong")),
        Integrity::Unsupported { what } | Integrity::Unreadable { what } => Err(wrong(what)),
    }
}

fn request(digest: &[u8], nonce: &[u8]) -> Vec<u8> {
    let imprint = der::sequence(&[&Hash::Sha256.identifier(), &der::octets(digest)]);
    // The last part asks for the authority's certificate in the token.
    der::sequence(&[&der::natural(&[1]), &imprint, nonce, &der::write(der::BOOLEAN, &[&[0xff]])])
}

/// The token of an answer, unless the authority refused.
fn granted(answer: &[u8]) -> Result<&[u8]> {
    let unreadable = || Error::TimeStampFailed { what: "the answer is not one of RFC 3161".to_owned() };
    let mut fields = Element::only(answer, der::SEQUENCE).and_then(Element::fields).ok_or_else(unreadable)?;
    let mut status = fields.take(der::SEQUENCE).and_then(Element::fields).ok_or_else(unreadable)?;
    let number = status.take(der::INTEGER).and_then(|it| it.as_u64()).ok_or_else(unreadable)?;
    if number > 1 {
        let words = status.take_if(der::SEQUENCE).and_then(|it| it.inner(der::UTF8));
        let words = words.map(|it| String::from_utf8_lossy(it.content).into_owned()).unwrap_or_default();
        return Err(Error::TimeStampFailed {
            what: format!("the authority refused with status {number} `{words}`"),
        });
    }
    fields.take(der::SEQUENCE).map(|it| it.whole).ok_or_else(unreadable)
}

/// A time stamp that has been read.
pub(crate) struct Token<'a> {
    pub time: Timestamp,
    pub hash: Hash,
    pub imprint: &'a [u8],
    pub signed: Signed<'a>,
    nonce: Option<&'a [u8]>,
}

impl<'a> Token<'a> {
    pub fn read(token: &'a [u8]) -> Option<Self> {
        let signed = Signed::read(token).ok().filter(|it| it.content_type == oid::TST_INFO)?;
        let mut fields = Element::only(signed.content?, der::SEQUENCE)?.fields()?;
        fields.take(der::INTEGER)?;
        fields.take(der::OID)?;
        let mut imprint = fields.take(der::SEQUENCE)?.fields()?;
        fields.take(der::INTEGER)?;
        let time = certificate::read_time(fields.take(der::GENERALIZED_TIME)?)?;
        fields.take_if(der::SEQUENCE);
        fields.take_if(der::BOOLEAN);
        Some(Self {
            time,
            hash: Hash::from_identifier(imprint.take(der::SEQUENCE)?)?,
            imprint: imprint.take(der::OCTETS)?.content,
            nonce: fields.take_if(der::INTEGER).map(|it| it.whole),
            signed,
        })
    }

    /// Whether the authority has signed just this.
    pub fn integrity(&self) -> Integrity {
        let content = self.signed.content.unwrap_or_default();
        self.signed.check(&self.signed.hash.of(&[content]))
    }
}
