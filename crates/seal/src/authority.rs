//! A certificate authority for tests and demonstrations: one root that issues certificates to people and organisations.
//! Nobody outside trusts it until they take its root.

use std::fmt;

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use crate::certificate::{self, Certificate};
use crate::crypto::{self, Hash};
use crate::der::{self, Element};
use crate::error::{Error, Result};
use crate::oid;
use crate::signer::{Algorithm, Key, LocalKey};

/// The root.
pub struct Authority {
    key: Key,
    pkcs8: Vec<u8>,
    certificate: Vec<u8>,
}

/// Who a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub name: String,
    pub organization: Option<String>,
    /// Two letters.
    pub country: String,
}

/// From when until when a certificate is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// What a certificate of the authority may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Signatures on documents.
    Documents,
    /// Time stamps.
    TimeStamps,
}

/// A new key with its certificates.
pub struct Issued {
    /// The private key in PKCS#8, without a password: encrypt it before it is kept.
    pub pkcs8: Vec<u8>,
    /// Its certificate and the root's.
    pub chain: Vec<Vec<u8>>,
}

impl Issued {
    pub fn into_key(self) -> Result<LocalKey> {
        LocalKey::from_pkcs8(&self.pkcs8, self.chain)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issued").finish_non_exhaustive()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("algorithm", &self.key.algorithm()).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new root with a new key, on P-256 or SM2.
    pub fn new(subject: &Subject, algorithm: Algorithm, validity: Validity) -> Result<Self> {
        let pkcs8 = new_key(algorithm)?;
        let key = Key::read(&pkcs8, None)?;
        let name = subject.to_name();
        let extensions = [
            extension(oid::BASIC_CONSTRAINTS, true, &der::sequence(&[&der::write(der::BOOLEAN, &[&[0xff]])])),
            // keyCertSign and cRLSign.
            extension(oid::KEY_USAGE, true, &der::write(der::BITS, &[&[1, 0b0000_0110]])),
            extension(oid::SUBJECT_KEY_ID, false, &der::octets(&key_id(&key.public()?))),
        ];
        let certificate = sign(&key, &name, &name, validity, &key.public_info()?, &extensions)?;
        Ok(Self { key, pkcs8, certificate })
    }

    /// The root that was kept as [`Self::pkcs8`] and [`Self::certificate`].
    pub fn from_pkcs8(pkcs8: &[u8], certificate: Vec<u8>) -> Result<Self> {
        let public = Certificate::read(&certificate)?.key.bits.to_vec();
        let key = Key::read(pkcs8, Some(&public))?;
        if key.public()? != public {
            return Err(Error::KeyNotOfCertificate);
        }
        Ok(Self { key, pkcs8: pkcs8.to_vec(), certificate })
    }

    /// The root's certificate in DER, for others to trust.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The root's private key in PKCS#8, without a password: encrypt it before it is kept.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// A new key for somebody, on P-256 or SM2.
    pub fn issue(&self, subject: &Subject, algorithm: Algorithm, validity: Validity) -> Result<Issued> {
        let pkcs8 = new_key(algorithm)?;
        let public = Key::read(&pkcs8, None)?.public_info()?;
        let certificate = self.certify(subject, &public, Usage::Documents, validity)?;
        Ok(Issued { pkcs8, chain: vec![certificate, self.certificate.clone()] })
    }

    /// A certificate for a key that somebody has: `public_key` is its `SubjectPublicKeyInfo` in DER.
    pub fn certify(
        &self,
        subject: &Subject,
        public_key: &[u8],
        usage: Usage,
        validity: Validity,
    ) -> Result<Vec<u8>> {
        let bits = Element::only(public_key, der::SEQUENCE).and_then(crypto::PublicKey::read);
        let bits = bits.ok_or(Error::BadKey { what: "the public key is not in DER" })?.bits;
        let issuer = Certificate::read(&self.certificate)?;
        let purposes: Vec<Vec<u8>> = match usage {
            Usage::Documents => vec![der::oid(oid::EMAIL_PROTECTION), der::oid(oid::DOCUMENT_SIGNING)],
            Usage::TimeStamps => vec![der::oid(oid::TIME_STAMPING)],
        };
        let purposes = der::sequence(&purposes.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let above = der::write(0x80, &[&key_id(issuer.key.bits)]);
        let extensions = [
            extension(oid::BASIC_CONSTRAINTS, true, &der::sequence(&[])),
            // digitalSignature and nonRepudiation.
            extension(oid::KEY_USAGE, true, &der::write(der::BITS, &[&[6, 0b1100_0000]])),
            // RFC 3161 wants a time stamper's purpose to be critical.
            extension(oid::EXTENDED_KEY_USAGE, usage == Usage::TimeStamps, &purposes),
            extension(oid::SUBJECT_KEY_ID, false, &der::octets(&key_id(bits))),
            extension(oid::AUTHORITY_KEY_ID, false, &der::sequence(&[&above])),
        ];
        sign(&self.key, issuer.subject.whole, &subject.to_name(), validity, public_key, &extensions)
    }
}

impl Subject {
    fn to_name(&self) -> Vec<u8> {
        let country = der::write(der::PRINTABLE, &[self.country.as_bytes()]);
        let mut parts = vec![name_part(oid::COUNTRY, &country)];
        parts.extend(self.organization.iter().map(|it| name_part(oid::ORGANIZATION, &der::utf8(it))));
        parts.push(name_part(oid::COMMON_NAME, &der::utf8(&self.name)));
        der::sequence(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

fn name_part(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der::write(der::SET, &[&der::sequence(&[&der::oid(kind), value])])
}

fn sign(
    key: &Key,
    issuer: &[u8],
    subject: &[u8],
    validity: Validity,
    public_key: &[u8],
    extensions: &[Vec<u8>],
) -> Result<Vec<u8>> {
    let mut serial = [0; 16];
    random(&mut serial)?;
    let identifier = key.algorithm().certificate_identifier();
    let validity =
        der::sequence(&[&certificate::write_time(validity.from), &certificate::write_time(validity.until)]);
    let extensions = der::sequence(&extensions.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let content = der::sequence(&[
        &der::write(der::context(0), &[&der::natural(&[2])]),
        &der::natural(&serial),
        &identifier,
        issuer,
        &validity,
        subject,
        public_key,
        &der::write(der::context(3), &[&extensions]),
    ]);
    let signature = key.sign(&content)?;
    Ok(der::sequence(&[&content, &identifier, &der::bits(&signature)]))
}

fn extension(kind: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::write(der::BOOLEAN, &[&[0xff]]) } else { Vec::new() };
    der::sequence(&[&der::oid(kind), &critical, &der::octets(value)])
}

/// RFC 7093: the first twenty bytes of the digest.
fn key_id(public: &[u8]) -> Vec<u8> {
    let mut digest = Hash::Sha256.of(&[public]);
    digest.truncate(20);
    digest
}

fn random(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::BadKey { what: "the system gives no random numbers" })
}

fn new_key(algorithm: Algorithm) -> Result<Vec<u8>> {
    match algorithm {
        Algorithm::RsaSha256 => Err(Error::BadKey { what: "RSA keys are brought along, not made here" }),
        Algorithm::P256Sha256 => {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
            let failed = |_| Error::BadKey { what: "the system gives no random numbers" };
            made.map(|it| it.as_ref().to_vec()).map_err(failed)
        }
        Algorithm::Sm2Sm3 => new_sm2_key(),
    }
}

fn new_sm2_key() -> Result<Vec<u8>> {
    loop {
        let mut secret = [0; 32];
        random(&mut secret)?;
        // Out of range once in 2³² times.
        let Ok(key) = sm2::dsa::SigningKey::from_slice(crypto::SM2_ID, &secret) else { continue };
        let public = der::write(der::context(1), &[&der::bits(&key.verifying_key().to_sec1_bytes())]);
        let inner = der::sequence(&[&der::natural(&[1]), &der::octets(&secret), &public]);
        let identifier = der::sequence(&[&der::oid(oid::EC), &der::oid(oid::SM2)]);
        return Ok(der::sequence(&[&der::natural(&[]), &identifier, &der::octets(&inner)]));
    }
}
