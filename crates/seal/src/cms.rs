//! The signature inside a PDF: a `SignedData` of CMS (RFC 5652) as CAdES wants it (ETSI EN 319 122-1, level B-B, and B-T
//! with a time stamp). Written from a digest and a [`Signer`]; read and checked wherever it came from.

use crate::certificate::Certificate;
use crate::crypto::{Fault, Hash};
use crate::der::{self, Element};
use crate::error::{Error, Result};
use crate::oid;
use crate::signer::Signer;
use crate::timestamp::{self, Transport};

/// No signature carries more certificates than this.
const MOST_CERTIFICATES: usize = 100;

/// Whether what was signed is unchanged and was signed by the key of the certificate in the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// Both.
    Intact,
    /// The bytes are not those that were signed.
    DigestWrong,
    /// The digest is right, but the signature over it is not by that key, or names another certificate.
    SignatureWrong,
    /// It is made in a way that cannot be checked here.
    Unsupported { what: &'static str },
    /// It is not a signature as the standards describe it.
    Unreadable { what: &'static str },
}

/// A detached signature in DER over the document whose `digest`, by the signer's own hash, is given.
pub fn signed_data(signer: &dyn Signer, digest: &[u8], stamps: Option<&Transport<'_>>) -> Result<Vec<u8>> {
    let first = signer.chain().first().ok_or(Error::BadCertificate { what: "the signer has none" })?;
    let leaf = Certificate::read(first)?;
    let algorithm = signer.algorithm();
    let hash = algorithm.hash();
    let to_sign = der::set(
        der::SET,
        vec![
            attribute(oid::CONTENT_TYPE, &der::oid(oid::DATA)),
            attribute(oid::MESSAGE_DIGEST, &der::octets(digest)),
            attribute(oid::SIGNING_CERTIFICATE_V2, &names_certificate(hash, first)),
        ],
    );
    let signature = signer.sign(&to_sign)?;
    let identifier = algorithm.identifier();
    let made_with = Element::only(&identifier, der::SEQUENCE).ok_or(Error::NotTheSignersKey)?;
    leaf.key.check(made_with, hash, &to_sign, &signature).map_err(|_| Error::NotTheSignersKey)?;
    let unsigned = match stamps {
        Some(transport) => {
            let token = timestamp::obtain(transport, &signature)?;
            der::set(der::context(1), vec![attribute(oid::TIME_STAMP_TOKEN, &token)])
        }
        None => Vec::new(),
    };
    let signer_info = der::sequence(&[
        &der::natural(&[1]),
        &der::sequence(&[leaf.issuer.whole, leaf.serial.whole]),
        &hash.identifier(),
        &der::write(der::context(0), &[contents(&to_sign)]),
        &identifier,
        &der::octets(&signature),
        &unsigned,
    ]);
    let data = der::sequence(&[
        &der::natural(&[1]),
        &der::set(der::SET, vec![hash.identifier()]),
        &der::sequence(&[&der::oid(oid::DATA)]),
        &der::set(der::context(0), signer.chain().to_vec()),
        &der::set(der::SET, vec![signer_info]),
    ]);
    Ok(der::sequence(&[&der::oid(oid::SIGNED_DATA), &der::write(der::context(0), &[&data])]))
}

/// Bytes that surely hold what [`signed_data`] makes, without asking the signer.
pub(crate) fn room_for(signer: &dyn Signer, stamped: bool) -> usize {
    let certificates: usize = signer.chain().iter().map(Vec::len).sum();
    let issuer = signer.chain().first().map_or(0, Vec::len);
    // Attributes and identifiers are below 400 bytes and a signature is at most 1,024; tokens with their chain of
    // certificates have been seen up to 7 kB.
    certificates + issuer + 2_048 + if stamped { 12_288 } else { 0 }
}

fn contents(set: &[u8]) -> &[u8] {
    Element::only(set, der::SET).map_or(&[], |it| it.content)
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::oid(kind), &der::write(der::SET, &[value])])
}

/// `SigningCertificateV2` (RFC 5035), whose hash is left out where it is SHA-256, as DER wants of a default.
fn names_certificate(hash: Hash, certificate: &[u8]) -> Vec<u8> {
    let identifier = if hash == Hash::Sha256 { Vec::new() } else { hash.identifier() };
    let id = der::sequence(&[&identifier, &der::octets(&hash.of(&[certificate]))]);
    der::sequence(&[&der::sequence(&[&id])])
}

/// A signature that has been read. What is in it stays the bytes it was.
pub(crate) struct Signed<'a> {
    pub hash: Hash,
    pub signer: Certificate<'a>,
    /// All certificates in it, in DER.
    pub certificates: Vec<&'a [u8]>,
    /// What is signed, where it is inside instead of elsewhere.
    pub content: Option<&'a [u8]>,
    pub content_type: &'a [u8],
    /// As they were signed: with the tag of a set.
    attributes: Option<Vec<u8>>,
    algorithm: Element<'a>,
    pub signature: &'a [u8],
    unsigned: Option<Element<'a>>,
}

impl<'a> Signed<'a> {
    /// Reads a `ContentInfo`; what follows it may only be zeros, which fill the hole in a PDF.
    pub fn read(bytes: &'a [u8]) -> std::result::Result<Self, Integrity> {
        let unreadable = |what| Integrity::Unreadable { what };
        let (info, padding) = Element::first(bytes).ok_or(unreadable("it is not CMS in DER"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(unreadable("something is hidden after the signature"));
        }
        let parts = Parts::read(info).ok_or(unreadable("it is not CMS in DER"))?;
        let [signer] = *parts.signers.as_slice() else {
            return Err(unreadable("it does not have exactly one signer"));
        };
        let signer = SignerParts::read(signer).ok_or(unreadable("its signer cannot be read"))?;
        let hash = Hash::from_identifier(signer.digest_algorithm);
        let certificate = parts
            .certificates
            .iter()
            .find_map(|it| Certificate::read(it).ok().filter(|certificate| signer.is_by(certificate)));
        Ok(Self {
            hash: hash.ok_or(Integrity::Unsupported { what: "its digest is not one of those taken here" })?,
            signer: certificate.ok_or(unreadable("the signer's certificate is not in it"))?,
            certificates: parts.certificates,
            content: parts.content,
            content_type: parts.content_type,
            attributes: signer.attributes.map(|it| der::write(der::SET, &[it.content])),
            algorithm: signer.algorithm,
            signature: signer.signature,
            unsigned: signer.unsigned,
        })
    }

    /// Whether it is a signature over something with this digest.
    pub fn check(&self, digest: &[u8]) -> Integrity {
        let Some(attributes) = &self.attributes else {
            return Integrity::Unsupported { what: "it has no signed attributes" };
        };
        let unreadable = Integrity::Unreadable { what: "its signed attributes are not as they have to be" };
        let Some(found) = Attributes::read(attributes) else { return unreadable };
        if found.content_type != self.content_type {
            return unreadable;
        }
        if found.digest != digest {
            return Integrity::DigestWrong;
        }
        if found.certificate.is_some_and(|it| !it.names(self.signer.whole)) {
            return Integrity::SignatureWrong;
        }
        match self.signer.key.check(self.algorithm, self.hash, attributes, self.signature) {
            Ok(()) => Integrity::Intact,
            Err(Fault::Wrong) => Integrity::SignatureWrong,
            Err(Fault::Unsupported) => {
                Integrity::Unsupported { what: "its kind of key is not one of those taken here" }
            }
        }
    }

    /// The certificates beside the signer's, which may lead to a root.
    pub fn others(&self) -> Vec<&'a [u8]> {
        self.certificates.iter().copied().filter(|it| *it != self.signer.whole).collect()
    }

    /// The time at which the signer says to have signed; nobody vouches for it.
    pub fn claimed_time(&self) -> Option<jiff::Timestamp> {
        let attributes = Element::only(self.attributes.as_ref()?, der::SET)?;
        crate::certificate::read_time(attribute_value(attributes, oid::SIGNING_TIME).ok()??)
    }

    /// The time stamp over the signature (RFC 3161, appendix A).
    pub fn time_stamp(&self) -> Option<&'a [u8]> {
        attribute_value(self.unsigned?, oid::TIME_STAMP_TOKEN).ok()?.map(|it| it.whole)
    }
}

struct Parts<'a> {
    content_type: &'a [u8],
    content: Option<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
    signers: Vec<Element<'a>>,
}

impl<'a> Parts<'a> {
    fn read(info: Element<'a>) -> Option<Self> {
        let mut fields = info.fields()?;
        let known = fields.take(der::OID)?.content == oid::SIGNED_DATA;
        let data = fields.take(der::context(0)).filter(|_| known)?.inner(der::SEQUENCE)?;
        let mut fields = data.fields()?;
        fields.take(der::INTEGER)?;
        fields.take(der::SET)?;
        let mut inner = fields.take(der::SEQUENCE)?.fields()?;
        let content_type = inner.take(der::OID)?.content;
        let content = match inner.take_if(der::context(0)) {
            Some(content) => Some(content.inner(der::OCTETS)?.content),
            None => None,
        };
        let certificates = match fields.take_if(der::context(0)) {
            Some(set) => set.children()?.iter().map(|it| it.whole).take(MOST_CERTIFICATES).collect(),
            None => Vec::new(),
        };
        fields.take_if(der::context(1));
        Some(Self { content_type, content, certificates, signers: fields.take(der::SET)?.children()? })
    }
}

struct SignerParts<'a> {
    name: Element<'a>,
    digest_algorithm: Element<'a>,
    attributes: Option<Element<'a>>,
    algorithm: Element<'a>,
    signature: &'a [u8],
    unsigned: Option<Element<'a>>,
}

impl<'a> SignerParts<'a> {
    fn read(signer: Element<'a>) -> Option<Self> {
        let mut fields = signer.fields()?;
        fields.take(der::INTEGER)?;
        Some(Self {
            name: fields.any()?,
            digest_algorithm: fields.take(der::SEQUENCE)?,
            attributes: fields.take_if(der::context(0)),
            algorithm: fields.take(der::SEQUENCE)?,
            signature: fields.take(der::OCTETS)?.content,
            unsigned: fields.take_if(der::context(1)),
        })
    }

    /// Named by issuer and serial number, or by the identifier of the key.
    fn is_by(&self, certificate: &Certificate<'_>) -> bool {
        let issued = [certificate.issuer.whole, certificate.serial.whole].concat();
        match self.name.tag {
            der::SEQUENCE => self.name.content == issued,
            0x80 => certificate.key_id() == Some(self.name.content),
            _ => false,
        }
    }
}

/// The signed attributes that are looked at.
struct Attributes<'a> {
    content_type: &'a [u8],
    digest: &'a [u8],
    certificate: Option<NamedCertificate<'a>>,
}

impl<'a> Attributes<'a> {
    fn read(set: &'a [u8]) -> Option<Self> {
        let set = Element::only(set, der::SET)?;
        let value = |kind| attribute_value(set, kind).ok();
        let certificate = match (value(oid::SIGNING_CERTIFICATE_V2)?, value(oid::SIGNING_CERTIFICATE)?) {
            (Some(named), _) => Some(NamedCertificate::read(named, true)?),
            (None, Some(named)) => Some(NamedCertificate::read(named, false)?),
            (None, None) => None,
        };
        Some(Self {
            content_type: value(oid::CONTENT_TYPE)??.tagged(der::OID)?.content,
            digest: value(oid::MESSAGE_DIGEST)??.tagged(der::OCTETS)?.content,
            certificate,
        })
    }
}

/// The one value of an attribute, if it is there. An error if it is there twice, which would mean two things at once.
fn attribute_value<'a>(set: Element<'a>, kind: &[u8]) -> std::result::Result<Option<Element<'a>>, ()> {
    let mut found = None;
    for attribute in set.children().ok_or(())? {
        let mut fields = attribute.fields().ok_or(())?;
        if fields.take(der::OID).ok_or(())?.content != kind {
            continue;
        }
        let values = fields.take(der::SET).and_then(|it| it.children()).ok_or(())?;
        match values.as_slice() {
            [value] if found.is_none() => found = Some(*value),
            _ => return Err(()),
        }
    }
    Ok(found)
}

/// The digest by which the signature names its certificate, so that no other can be put in its place.
struct NamedCertificate<'a> {
    /// `None` is SHA-1, as the attribute's first version had it.
    hash: Option<Hash>,
    digest: &'a [u8],
}

impl<'a> NamedCertificate<'a> {
    fn read(value: Element<'a>, second_version: bool) -> Option<Self> {
        let first = value.fields()?.take(der::SEQUENCE)?.fields()?.take(der::SEQUENCE)?;
        let mut fields = first.fields()?;
        let hash = match fields.take_if(der::SEQUENCE) {
            Some(identifier) => Some(Hash::from_identifier(identifier)?),
            None => second_version.then_some(Hash::Sha256),
        };
        Some(Self { hash, digest: fields.take(der::OCTETS)?.content })
    }

    fn names(&self, certificate: &[u8]) -> bool {
        match self.hash {
            Some(hash) => hash.of(&[certificate]) == self.digest,
            None => {
                let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
                sha1.as_ref() == self.digest
            }
        }
    }
}
