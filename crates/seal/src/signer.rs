//! Whoever signs: a key that is held here, or one that is held elsewhere and asked over a wire.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sm2::dsa::signature::Signer as _;

use crate::certificate::Certificate;
use crate::crypto::{self, Hash, KeyKind};
use crate::der::{self, Element};
use crate::error::{Error, Result};
use crate::{oid, pfx};

/// What a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys from 2048 bits.
    RsaSha256,
    /// ECDSA on P-256 with SHA-256.
    P256Sha256,
    /// SM2 with SM3 (GM/T 0003), which readers outside of China do not know.
    Sm2Sm3,
}

impl Algorithm {
    /// The digest that goes with it, of the document and of what is signed.
    pub fn hash(self) -> Hash {
        match self {
            Self::RsaSha256 | Self::P256Sha256 => Hash::Sha256,
            Self::Sm2Sm3 => Hash::Sm3,
        }
    }

    /// The identifier of the signature in CMS.
    pub(crate) fn identifier(self) -> Vec<u8> {
        match self {
            Self::RsaSha256 => der::sequence(&[&der::oid(oid::RSA), &der::null()]),
            Self::P256Sha256 => der::sequence(&[&der::oid(oid::ECDSA_SHA256)]),
            Self::Sm2Sm3 => der::sequence(&[&der::oid(oid::SM2_SM3)]),
        }
    }

    /// The identifier of the signature on a certificate.
    pub(crate) fn certificate_identifier(self) -> Vec<u8> {
        match self {
            Self::RsaSha256 => der::sequence(&[&der::oid(oid::RSA_SHA256), &der::null()]),
            Self::P256Sha256 | Self::Sm2Sm3 => self.identifier(),
        }
    }
}

/// Makes signatures. What comes back is checked against the first certificate before it is used.
pub trait Signer {
    fn algorithm(&self) -> Algorithm;

    /// Certificates in DER: the signer's own first, then those that lead to a root; the root may be left out.
    fn chain(&self) -> &[Vec<u8>];

    /// The signature over `signed_attributes`, which are a few hundred bytes and hold the digest of the document. A
    /// service that takes digests is given `algorithm().hash().of(&[signed_attributes])`. RSA gives the number as bytes,
    /// the curves give their two numbers in DER.
    fn sign(&self, signed_attributes: &[u8]) -> Result<Vec<u8>>;
}

/// A private key in memory with its certificates.
pub struct LocalKey {
    key: Key,
    chain: Vec<Vec<u8>>,
}

impl LocalKey {
    /// `pkcs8` is the private key in DER without a password, `chain` its certificate and those above it in DER.
    pub fn from_pkcs8(pkcs8: &[u8], chain: Vec<Vec<u8>>) -> Result<Self> {
        let leaf = chain.first().ok_or(Error::BadCertificate { what: "there is none beside the key" })?;
        let public = Certificate::read(leaf)?.key;
        let key = Key::read(pkcs8, Some(public.bits))?;
        if key.kind() != public.kind || key.public()? != public.bits {
            return Err(Error::KeyNotOfCertificate);
        }
        chain.iter().try_for_each(|it| Certificate::read(it).map(|_| ()))?;
        Ok(Self { key, chain })
    }

    /// Opens a PKCS#12 file (`.pfx`, `.p12`): the first key that has its certificate beside it.
    pub fn from_pfx(file: &[u8], password: &str) -> Result<Self> {
        let contents = pfx::open(file, password)?;
        let mut problem = Error::BadKey { what: "the file holds no key with its certificate" };
        for pkcs8 in &contents.keys {
            for leaf in &contents.certificates {
                match Self::from_pkcs8(pkcs8, vec![leaf.clone()]) {
                    Ok(found) => {
                        return Ok(Self { chain: pfx::chain_of(leaf, &contents.certificates), ..found });
                    }
                    Err(Error::KeyNotOfCertificate) => {}
                    Err(other) => problem = other,
                }
            }
        }
        Err(problem)
    }
}

impl Signer for LocalKey {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, signed_attributes: &[u8]) -> Result<Vec<u8>> {
        self.key.sign(signed_attributes)
    }
}

impl fmt::Debug for LocalKey {
    /// Names the holder and never the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder =
            self.chain.first().and_then(|it| Certificate::read(it).ok()).map(|it| it.identity().subject);
        let mut out = formatter.debug_struct("LocalKey");
        out.field("algorithm", &self.algorithm())
            .field("holder", &holder.unwrap_or_default())
            .finish_non_exhaustive()
    }
}

/// A private key that can sign.
pub(crate) enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Sm2(Box<sm2::dsa::SigningKey>),
}

impl Key {
    /// Reads a key in PKCS#8. A key on a curve may leave its public half out; then `public` is taken for it.
    pub fn read(pkcs8: &[u8], public: Option<&[u8]>) -> Result<Self> {
        let parts = Element::only(pkcs8, der::SEQUENCE).and_then(|it| {
            let mut fields = it.fields()?;
            fields.take(der::INTEGER)?;
            Some((KeyKind::from_identifier(fields.take(der::SEQUENCE)?)?, fields.take(der::OCTETS)?.content))
        });
        let (kind, inner) = parts.ok_or(Error::BadKey { what: "it is not PKCS#8 in DER" })?;
        match kind {
            KeyKind::Rsa => match RsaKeyPair::from_der(inner) {
                Ok(pair) => Ok(Self::Rsa(Box::new(pair))),
                Err(_) => {
                    Err(Error::BadKey { what: "an RSA key has 2048 to 4096 bits and consistent parts" })
                }
            },
            KeyKind::P256 => p256(inner, public),
            KeyKind::Sm2 => {
                let damaged = Error::BadKey { what: "the number of the SM2 key is out of range" };
                let (secret, _) = curve_key(inner).ok_or(damaged.clone())?;
                let key = sm2::dsa::SigningKey::from_slice(crypto::SM2_ID, &secret).map_err(|_| damaged)?;
                Ok(Self::Sm2(Box::new(key)))
            }
            KeyKind::P384 | KeyKind::Ed25519 | KeyKind::Unknown => Err(Error::KeyKind),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::RsaSha256,
            Self::P256(_) => Algorithm::P256Sha256,
            Self::Sm2(_) => Algorithm::Sm2Sm3,
        }
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::SignerFailed { what: "the key could not sign".to_owned() };
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::P256(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|it| it.as_ref().to_vec()).map_err(failed)
            }
            Self::Sm2(key) => match key.try_sign(message) {
                Ok(signature) => Ok(crypto::sm2_to_der(&signature)),
                Err(_) => Err(failed(ring::error::Unspecified)),
            },
        }
    }

    /// The public half as it stands in a certificate's bit string.
    pub fn public(&self) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::P256(pair) => pair.public_key().as_ref().to_vec(),
            Self::Sm2(key) => key.verifying_key().to_sec1_bytes().to_vec(),
        })
    }

    /// The public half as a `SubjectPublicKeyInfo`.
    pub fn public_info(&self) -> Result<Vec<u8>> {
        let identifier = match self {
            Self::Rsa(_) => der::sequence(&[&der::oid(oid::RSA), &der::null()]),
            Self::P256(_) => der::sequence(&[&der::oid(oid::EC), &der::oid(oid::P256)]),
            Self::Sm2(_) => der::sequence(&[&der::oid(oid::EC), &der::oid(oid::SM2)]),
        };
        Ok(der::sequence(&[&identifier, &der::bits(&self.public()?)]))
    }

    fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa(_) => KeyKind::Rsa,
            Self::P256(_) => KeyKind::P256,
            Self::Sm2(_) => KeyKind::Sm2,
        }
    }
}

fn p256(inner: &[u8], public: Option<&[u8]>) -> Result<Key> {
    let damaged = Error::BadKey { what: "the number of the P-256 key cannot be read" };
    let (secret, own) = curve_key(inner).ok_or(damaged.clone())?;
    let public = own.or(public.map(<[u8]>::to_vec)).ok_or(damaged)?;
    let scheme = &ECDSA_P256_SHA256_ASN1_SIGNING;
    match EcdsaKeyPair::from_private_key_and_public_key(scheme, &secret, &public, &SystemRandom::new()) {
        Ok(pair) => Ok(Key::P256(Box::new(pair))),
        Err(_) => Err(Error::KeyNotOfCertificate),
    }
}

/// The secret number of a key on a curve in 32 bytes and its public point, if that stands beside it (RFC 5915).
fn curve_key(inner: &[u8]) -> Option<([u8; 32], Option<Vec<u8>>)> {
    let mut fields = Element::only(inner, der::SEQUENCE)?.fields()?;
    fields.take(der::INTEGER)?;
    let digits = fields.take(der::OCTETS)?.content;
    let mut secret = [0; 32];
    let padding = secret.len().checked_sub(digits.len())?;
    secret.get_mut(padding..)?.copy_from_slice(digits);
    fields.take_if(der::context(0));
    let public = fields.take_if(der::context(1)).and_then(|it| it.inner(der::BITS)?.as_bits());
    Some((secret, public.map(<[u8]>::to_vec)))
}
