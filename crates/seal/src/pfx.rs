//! PKCS#12 files: keys and certificates under a password, as today's programs write them (PBES2 with AES) and as those
//! before them did (SHA-1 with triple DES or RC2). RFC 7292 and RFC 8018.

use std::num::NonZeroU32;

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipher, BlockDecryptMut, InnerIvInit, KeyInit};
use ring::{digest, hmac, pbkdf2};

use crate::certificate::Certificate;
use crate::der::{self, Element};
use crate::error::{Error, Result};
use crate::oid;

/// More rounds than any program writes; it keeps a hostile file from keeping us busy.
const MOST_ROUNDS: u64 = 2_000_000;

/// A file has no more keys, each of which costs those rounds, and no more certificates.
const MOST_KEYS: usize = 10;
const MOST_CERTIFICATES: usize = 100;

/// Everything in a file, in its order.
pub(crate) struct Contents {
    /// In PKCS#8.
    pub keys: Vec<Vec<u8>>,
    /// In DER.
    pub certificates: Vec<Vec<u8>>,
}

pub(crate) fn open(file: &[u8], password: &str) -> Result<Contents> {
    let mut fields = Element::only(file, der::SEQUENCE).and_then(Element::fields).ok_or_else(unreadable)?;
    fields.take(der::INTEGER).filter(|it| it.as_u64() == Some(3)).ok_or_else(unreadable)?;
    let (kind, safe) = fields.take(der::SEQUENCE).and_then(content_info).ok_or_else(unreadable)?;
    let safe = safe.inner(der::OCTETS).filter(|_| kind == oid::DATA).ok_or_else(unreadable)?.content;
    let password = match fields.take_if(der::SEQUENCE) {
        Some(mac) => check_mac(mac, safe, password)?,
        None => Password::new(password),
    };
    let mut contents = Contents { keys: vec![], certificates: vec![] };
    let safes = Element::only(safe, der::SEQUENCE).and_then(|it| it.children()).ok_or_else(unreadable)?;
    for (kind, content) in safes.into_iter().filter_map(content_info) {
        match kind {
            oid::DATA => {
                let bags = content.inner(der::OCTETS).ok_or_else(unreadable)?;
                contents.read_bags(bags.content, &password)?;
            }
            oid::ENCRYPTED_DATA => contents.read_bags(&decrypt_data(content, &password)?, &password)?,
            _ => {}
        }
    }
    Ok(contents)
}

/// `leaf` and the certificates above it, found by the names of their issuers, each at most once.
pub(crate) fn chain_of(leaf: &[u8], certificates: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut chain = vec![leaf.to_vec()];
    let mut last = Certificate::read(leaf).ok();
    while let Some(below) = last {
        let above = certificates
            .iter()
            .filter(|it| !chain.contains(it))
            .find_map(|it| Certificate::read(it).ok().filter(|it| it.subject == below.issuer));
        last = above.filter(|_| below.subject != below.issuer);
        chain.extend(last.map(|it| it.whole.to_vec()));
    }
    chain
}

fn unreadable() -> Error {
    Error::BadKey { what: "it is not a PKCS#12 file in DER" }
}

fn unknown_cipher() -> Error {
    Error::BadKey { what: "the PKCS#12 file is encrypted in a way that is not known" }
}

fn content_info(element: Element<'_>) -> Option<(&[u8], Element<'_>)> {
    let mut fields = element.fields()?;
    Some((fields.take(der::OID)?.content, fields.take(der::context(0))?))
}

/// The two ways in which a password becomes bytes.
struct Password {
    /// For PBES2.
    text: Vec<u8>,
    /// For what is older: UTF-16 with two zeros after it.
    wide: Vec<u8>,
}

impl Password {
    fn new(password: &str) -> Self {
        let wide = password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Self { text: password.as_bytes().to_vec(), wide }
    }
}

/// Says which bytes the password is; programs disagree on what an empty one is.
fn check_mac(mac: Element<'_>, safe: &[u8], password: &str) -> Result<Password> {
    let parts = mac.fields().and_then(|mut fields| {
        let mut info = fields.take(der::SEQUENCE)?.fields()?;
        let algorithm = info.take(der::SEQUENCE)?.fields()?.take(der::OID)?.content;
        let (expected, salt) = (info.take(der::OCTETS)?.content, fields.take(der::OCTETS)?.content);
        Some((algorithm, expected, salt, fields.take_if(der::INTEGER).map_or(Some(1), |it| it.as_u64())?))
    });
    let (algorithm, expected, salt, rounds) = parts.ok_or_else(unreadable)?;
    let algorithm = match algorithm {
        oid::SHA1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        oid::SHA256 => hmac::HMAC_SHA256,
        oid::SHA384 => hmac::HMAC_SHA384,
        oid::SHA512 => hmac::HMAC_SHA512,
        _ => return Err(unknown_cipher()),
    };
    let hash = algorithm.digest_algorithm();
    let mut candidates = vec![Password::new(password)];
    if password.is_empty() {
        candidates.push(Password { text: vec![], wide: vec![] });
    }
    for candidate in candidates {
        let key = derive(hash, &candidate.wide, salt, Use::Mac, rounds, hash.output_len())?;
        if hmac::verify(&hmac::Key::new(algorithm, &key), safe, expected).is_ok() {
            return Ok(candidate);
        }
    }
    Err(Error::WrongKeyPassword)
}

impl Contents {
    fn read_bags(&mut self, bags: &[u8], password: &Password) -> Result<()> {
        let bags = Element::only(bags, der::SEQUENCE).and_then(|it| it.children()).ok_or_else(unreadable)?;
        for (kind, value) in bags.into_iter().filter_map(content_info) {
            if self.keys.len() >= MOST_KEYS || self.certificates.len() >= MOST_CERTIFICATES {
                return Err(Error::BadKey { what: "the PKCS#12 file holds too many keys or certificates" });
            }
            let mut fields = value.inner(der::SEQUENCE).and_then(Element::fields).ok_or_else(unreadable)?;
            match kind {
                oid::KEY_BAG => self.keys.push(value.content.to_vec()),
                oid::SHROUDED_KEY_BAG => {
                    let parts = fields.take(der::SEQUENCE).zip(fields.take(der::OCTETS));
                    let (algorithm, encrypted) = parts.ok_or_else(unreadable)?;
                    self.keys.push(decrypt(algorithm, encrypted.content, password)?);
                }
                oid::CERT_BAG => {
                    let known = fields.take(der::OID).filter(|it| it.content == oid::X509_CERTIFICATE);
                    let value = fields.take(der::context(0)).and_then(|it| it.inner(der::OCTETS));
                    self.certificates.extend(known.and(value).map(|it| it.content.to_vec()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn decrypt_data(content: Element<'_>, password: &Password) -> Result<Vec<u8>> {
    let parts = content.inner(der::SEQUENCE).and_then(|data| {
        let mut fields = data.fields()?;
        fields.take(der::INTEGER)?;
        let mut inner = fields.take(der::SEQUENCE)?.fields()?;
        inner.take(der::OID)?;
        Some((inner.take(der::SEQUENCE)?, inner.take(0x80)?.content))
    });
    let (algorithm, encrypted) = parts.ok_or_else(unreadable)?;
    decrypt(algorithm, encrypted, password)
}

fn decrypt(algorithm: Element<'_>, encrypted: &[u8], password: &Password) -> Result<Vec<u8>> {
    let mut fields = algorithm.fields().ok_or_else(unreadable)?;
    let scheme = fields.take(der::OID).ok_or_else(unreadable)?.content;
    let parameters = fields.take(der::SEQUENCE).ok_or_else(unreadable)?;
    if scheme == oid::PBES2 {
        return decrypt_pbes2(parameters, encrypted, password);
    }
    let mut fields = parameters.fields().ok_or_else(unreadable)?;
    let parts = fields.take(der::OCTETS).zip(fields.take(der::INTEGER).and_then(|it| it.as_u64()));
    let (salt, rounds) = parts.ok_or_else(unreadable)?;
    let bytes = |usage, length| {
        derive(&digest::SHA1_FOR_LEGACY_USE_ONLY, &password.wide, salt.content, usage, rounds, length)
    };
    let iv = bytes(Use::Start, 8)?;
    match scheme {
        oid::PBE_SHA1_3DES => {
            let cipher =
                des::TdesEde3::new_from_slice(&bytes(Use::Encryption, 24)?).map_err(|_| unreadable())?;
            decrypt_cbc(cipher, &iv, encrypted)
        }
        oid::PBE_SHA1_RC2_40 => {
            decrypt_cbc(rc2::Rc2::new_with_eff_key_len(&bytes(Use::Encryption, 5)?, 40), &iv, encrypted)
        }
        oid::PBE_SHA1_RC2_128 => {
            decrypt_cbc(rc2::Rc2::new_with_eff_key_len(&bytes(Use::Encryption, 16)?, 128), &iv, encrypted)
        }
        _ => Err(unknown_cipher()),
    }
}

fn decrypt_pbes2(parameters: Element<'_>, encrypted: &[u8], password: &Password) -> Result<Vec<u8>> {
    let parts = parameters.fields().and_then(|mut fields| {
        let mut derivation = fields.take(der::SEQUENCE)?.fields()?;
        let mut cipher = fields.take(der::SEQUENCE)?.fields()?;
        let known = derivation.take(der::OID)?.content == oid::PBKDF2;
        let derivation = derivation.take(der::SEQUENCE).filter(|_| known)?;
        Some((derivation, cipher.take(der::OID)?.content, cipher.take(der::OCTETS)?.content))
    });
    let (derivation, cipher, iv) = parts.ok_or_else(unknown_cipher)?;
    let key = |length| derive_pbkdf2(derivation, &password.text, length);
    match cipher {
        oid::AES128_CBC => {
            decrypt_cbc(aes::Aes128::new_from_slice(&key(16)?).map_err(|_| unreadable())?, iv, encrypted)
        }
        oid::AES192_CBC => {
            decrypt_cbc(aes::Aes192::new_from_slice(&key(24)?).map_err(|_| unreadable())?, iv, encrypted)
        }
        oid::AES256_CBC => {
            decrypt_cbc(aes::Aes256::new_from_slice(&key(32)?).map_err(|_| unreadable())?, iv, encrypted)
        }
        oid::DES3_CBC => {
            decrypt_cbc(des::TdesEde3::new_from_slice(&key(24)?).map_err(|_| unreadable())?, iv, encrypted)
        }
        _ => Err(unknown_cipher()),
    }
}

fn derive_pbkdf2(parameters: Element<'_>, password: &[u8], length: usize) -> Result<Vec<u8>> {
    let mut fields = parameters.fields().ok_or_else(unreadable)?;
    let salt = fields.take(der::OCTETS).ok_or_else(unknown_cipher)?;
    let rounds = fields.take(der::INTEGER).and_then(|it| it.as_u64()).filter(|it| *it <= MOST_ROUNDS);
    let rounds = rounds.and_then(|it| NonZeroU32::new(u32::try_from(it).ok()?)).ok_or_else(unknown_cipher)?;
    fields.take_if(der::INTEGER);
    let function = fields.take_if(der::SEQUENCE).and_then(|it| it.fields()?.take(der::OID));
    let function = match function.map_or(oid::HMAC_SHA1, |it| it.content) {
        oid::HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
        oid::HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        oid::HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
        oid::HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(unknown_cipher()),
    };
    let mut key = vec![0; length];
    pbkdf2::derive(function, rounds, salt.content, password, &mut key);
    Ok(key)
}

/// A wrong password shows in the padding where there was no checksum before it.
fn decrypt_cbc<C>(cipher: C, iv: &[u8], encrypted: &[u8]) -> Result<Vec<u8>>
where
    C: BlockCipher + BlockDecryptMut,
{
    let decryptor = cbc::Decryptor::<C>::inner_iv_slice_init(cipher, iv).map_err(|_| unreadable())?;
    let mut buffer = encrypted.to_vec();
    let plain = decryptor.decrypt_padded_mut::<Pkcs7>(&mut buffer).map_err(|_| Error::WrongKeyPassword)?;
    Ok(plain.to_vec())
}

/// What the derived bytes are for (RFC 7292, B.3).
#[derive(Clone, Copy)]
enum Use {
    Encryption = 1,
    Start = 2,
    Mac = 3,
}

/// RFC 7292, B.2.
fn derive(
    hash: &'static digest::Algorithm,
    password: &[u8],
    salt: &[u8],
    usage: Use,
    rounds: u64,
    length: usize,
) -> Result<Vec<u8>> {
    if rounds > MOST_ROUNDS {
        return Err(unknown_cipher());
    }
    let block = hash.block_len();
    let fill = |text: &[u8]| -> Vec<u8> {
        text.iter().copied().cycle().take(text.len().div_ceil(block) * block).collect()
    };
    let mut input = [fill(salt), fill(password)].concat();
    let mut out = Vec::new();
    while out.len() < length {
        let mut digest = digest::digest(hash, &[vec![usage as u8; block].as_slice(), &input].concat());
        for _ in 1..rounds {
            digest = digest::digest(hash, digest.as_ref());
        }
        out.extend_from_slice(digest.as_ref());
        let addend: Vec<u8> = digest.as_ref().iter().copied().cycle().take(block).collect();
        for chunk in input.chunks_mut(block) {
            let mut carry = 1_u16;
            for (digit, more) in chunk.iter_mut().zip(&addend).rev() {
                carry += u16::from(*digit) + u16::from(*more);
                *digit = carry.to_be_bytes()[1];
                carry >>= 8;
            }
        }
    }
    out.truncate(length);
    Ok(out)
}
