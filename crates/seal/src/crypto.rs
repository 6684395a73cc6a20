//! Digests and signatures: which of them are known, and whether a signature is right. RSA and the curves of NIST by
//! ring, which TLS has brought already; SM2 and SM3 by the crates that exist for them.

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sm2::dsa::signature::Verifier;
use sm3::Digest as _;

use crate::der::{self, Element};
use crate::oid;

/// The name under which SM2 signs where nothing else was agreed (GM/T 0009).
pub(crate) const SM2_ID: &str = "1234567812345678";

/// A digest that documents are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
    Sm3,
}

impl Hash {
    /// The digest of `parts`, one after another.
    pub fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut running = self.start();
        parts.iter().for_each(|part| running.update(part));
        running.finish()
    }

    pub(crate) fn start(self) -> Running {
        match self {
            Self::Sha256 => Running::Ring(ring::digest::Context::new(&ring::digest::SHA256)),
            Self::Sha384 => Running::Ring(ring::digest::Context::new(&ring::digest::SHA384)),
            Self::Sha512 => Running::Ring(ring::digest::Context::new(&ring::digest::SHA512)),
            Self::Sm3 => Running::Sm3(sm3::Sm3::new()),
        }
    }

    fn length(self) -> u64 {
        match self {
            Self::Sha256 | Self::Sm3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
            Self::Sm3 => oid::SM3,
        }
    }

    pub(crate) fn from_oid(content: &[u8]) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512, Self::Sm3].into_iter().find(|hash| hash.oid() == content)
    }

    /// As an algorithm identifier.
    pub(crate) fn identifier(self) -> Vec<u8> {
        der::sequence(&[&der::oid(self.oid())])
    }

    /// From an algorithm identifier.
    pub(crate) fn from_identifier(identifier: Element<'_>) -> Option<Self> {
        Self::from_oid(identifier.fields()?.take(der::OID)?.content)
    }
}

/// A digest on its way; a copy goes its own way from there.
#[derive(Clone)]
pub(crate) enum Running {
    Ring(ring::digest::Context),
    Sm3(sm3::Sm3),
}

impl Running {
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Ring(context) => context.update(bytes),
            Self::Sm3(digest) => digest.update(bytes),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Ring(context) => context.finish().as_ref().to_vec(),
            Self::Sm3(digest) => digest.finalize().to_vec(),
        }
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Wrong,
    /// A kind of key or signature that is not known here.
    Unsupported,
}

/// A public key as it stands in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    pub kind: KeyKind,
    pub bits: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
    Sm2,
    Unknown,
}

impl<'a> PublicKey<'a> {
    /// Reads a `SubjectPublicKeyInfo`.
    pub fn read(element: Element<'a>) -> Option<Self> {
        let mut fields = element.fields()?;
        let algorithm = fields.take(der::SEQUENCE)?;
        Some(Self { kind: KeyKind::from_identifier(algorithm)?, bits: fields.take(der::BITS)?.as_bits()? })
    }

    /// Whether `signature` over `message` was made with this key's other half. `algorithm` is the identifier that came
    /// with the signature, `hash` the digest it goes with.
    pub fn check(
        &self,
        algorithm: Element<'_>,
        hash: Hash,
        message: &[u8],
        signature: &[u8],
    ) -> std::result::Result<(), Fault> {
        let scheme =
            algorithm.fields().and_then(|mut it| it.take(der::OID)).ok_or(Fault::Unsupported)?.content;
        if self.kind == KeyKind::Sm2 {
            let known = hash == Hash::Sm3 && [oid::SM2_SM3, oid::SM2_SIGN].contains(&scheme);
            return if known { check_sm2(self.bits, message, signature) } else { Err(Fault::Unsupported) };
        }
        if self.kind == KeyKind::Rsa && !has_2048_bits(self.bits) {
            return Err(Fault::Unsupported);
        }
        if scheme == oid::RSA_PSS && salt_length(algorithm) != Some(hash.length()) {
            return Err(Fault::Unsupported);
        }
        let algorithm = verification(self.kind, scheme, hash).ok_or(Fault::Unsupported)?;
        UnparsedPublicKey::new(algorithm, self.bits).verify(message, signature).map_err(|_| Fault::Wrong)
    }
}

impl KeyKind {
    /// From the algorithm identifier of a key, private or public.
    pub fn from_identifier(identifier: Element<'_>) -> Option<Self> {
        let mut fields = identifier.fields()?;
        let algorithm = fields.take(der::OID)?.content;
        let curve = fields.any().filter(|it| it.tag == der::OID).map(|it| it.content);
        Some(match (algorithm, curve) {
            (oid::RSA | oid::RSA_PSS, _) => Self::Rsa,
            (oid::ED25519, _) => Self::Ed25519,
            (oid::EC, Some(oid::P256)) => Self::P256,
            (oid::EC, Some(oid::P384)) => Self::P384,
            (oid::EC, Some(oid::SM2)) | (oid::SM2, _) => Self::Sm2,
            _ => Self::Unknown,
        })
    }
}

/// Shorter keys can be broken, and ring does not take them.
fn has_2048_bits(key: &[u8]) -> bool {
    let modulus = Element::only(key, der::SEQUENCE).and_then(|it| it.fields()?.take(der::INTEGER));
    modulus.is_some_and(|it| it.content.strip_prefix(&[0]).unwrap_or(it.content).len() >= 256)
}

/// The length of the salt that RSASSA-PSS was made with (RFC 8017, A.2.3). Only that of the digest can be checked.
fn salt_length(algorithm: Element<'_>) -> Option<u64> {
    let mut fields = algorithm.fields()?;
    fields.take(der::OID)?;
    let mut parameters = fields.take(der::SEQUENCE)?.fields()?;
    parameters.take_if(der::context(0));
    parameters.take_if(der::context(1));
    parameters.take_if(der::context(2)).map_or(Some(20), |it| it.inner(der::INTEGER)?.as_u64())
}

fn verification(kind: KeyKind, scheme: &[u8], hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, scheme, hash) {
        (KeyKind::Rsa, oid::RSA | oid::RSA_SHA256, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa, oid::RSA | oid::RSA_SHA384, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa, oid::RSA | oid::RSA_SHA512, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::Rsa, oid::RSA_PSS, Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        (KeyKind::Rsa, oid::RSA_PSS, Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        (KeyKind::Rsa, oid::RSA_PSS, Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        (KeyKind::P256, oid::ECDSA_SHA256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, oid::ECDSA_SHA384, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P384, oid::ECDSA_SHA256, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, oid::ECDSA_SHA384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyKind::Ed25519, oid::ED25519, _) => &signature::ED25519,
        _ => return None,
    })
}

/// `public` is the uncompressed point, `signature` the pair of numbers in DER.
pub(crate) fn check_sm2(public: &[u8], message: &[u8], signature: &[u8]) -> std::result::Result<(), Fault> {
    let key = sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, public).map_err(|_| Fault::Wrong)?;
    let signature = sm2_from_der(signature).ok_or(Fault::Wrong)?;
    key.verify(message, &signature).map_err(|_| Fault::Wrong)
}

fn sm2_from_der(signature: &[u8]) -> Option<sm2::dsa::Signature> {
    let mut numbers = Element::only(signature, der::SEQUENCE)?.fields()?;
    let mut bytes = [0; 64];
    for half in bytes.chunks_exact_mut(32) {
        let digits = numbers.take(der::INTEGER)?.content;
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        let padding = half.len().checked_sub(digits.len())?;
        half.get_mut(padding..)?.copy_from_slice(digits);
    }
    sm2::dsa::Signature::from_bytes(&bytes).ok()
}

pub(crate) fn sm2_to_der(signature: &sm2::dsa::Signature) -> Vec<u8> {
    der::sequence(&[&der::natural(&signature.r_bytes()), &der::natural(&signature.s_bytes())])
}
