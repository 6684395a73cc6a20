//! What a certificate says: whose key it is, who says so, and for how long.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::crypto::{Hash, PublicKey};
use crate::der::{self, Element};
use crate::error::{Error, Result};
use crate::oid;

/// A certificate where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certificate<'a> {
    pub whole: &'a [u8],
    pub serial: Element<'a>,
    pub issuer: Element<'a>,
    pub subject: Element<'a>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub key: PublicKey<'a>,
    extensions: Option<Element<'a>>,
}

/// What people are told of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The common name, or where there is none the whole subject.
    pub name: String,
    /// As `CN=…, O=…`, from the particular to the general.
    pub subject: String,
    pub issuer: String,
    /// In hexadecimal digits.
    pub serial: String,
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
    /// Of the certificate's DER, in hexadecimal digits.
    pub sha256: String,
}

impl Identity {
    /// Reads the certificate in DER.
    pub fn of(certificate: &[u8]) -> Result<Self> {
        Ok(Certificate::read(certificate)?.identity())
    }
}

/// The certificates of a file, in DER; the file is one in DER or any number in PEM.
pub fn read_certificates(file: &[u8]) -> Result<Vec<Vec<u8>>> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    if Certificate::read(file).is_ok() {
        return Ok(vec![file.to_vec()]);
    }
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
    let found = found.map_err(|_| Error::BadCertificate { what: "it is neither DER nor PEM" })?;
    let found: Vec<Vec<u8>> = found.into_iter().map(|it| it.as_ref().to_vec()).collect();
    found.iter().try_for_each(|it| Certificate::read(it).map(|_| ()))?;
    if found.is_empty() {
        Err(Error::BadCertificate { what: "it is neither DER nor PEM" })
    } else {
        Ok(found)
    }
}

impl<'a> Certificate<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        Self::parse(bytes).ok_or(Error::BadCertificate { what: "it is not an X.509 certificate in DER" })
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let whole = Element::only(bytes, der::SEQUENCE)?;
        let mut fields = whole.fields()?.take(der::SEQUENCE)?.fields()?;
        fields.take_if(der::context(0));
        let serial = fields.take(der::INTEGER)?;
        fields.take(der::SEQUENCE)?;
        let issuer = fields.take(der::SEQUENCE)?;
        let mut validity = fields.take(der::SEQUENCE)?.fields()?;
        let (not_before, not_after) = (read_time(validity.any()?)?, read_time(validity.any()?)?);
        let subject = fields.take(der::SEQUENCE)?;
        let key = PublicKey::read(fields.take(der::SEQUENCE)?)?;
        fields.take_if(0x81);
        fields.take_if(0x82);
        let extensions = fields.take_if(der::context(3)).and_then(|it| it.inner(der::SEQUENCE));
        Some(Self { whole: whole.whole, serial, issuer, subject, not_before, not_after, key, extensions })
    }

    pub fn identity(&self) -> Identity {
        let subject = name_parts(self.subject);
        let common = subject.iter().find(|(label, _)| *label == "CN").map(|(_, value)| value.clone());
        let subject = join(subject);
        Identity {
            name: common.unwrap_or_else(|| subject.clone()),
            subject,
            issuer: join(name_parts(self.issuer)),
            serial: hexadecimal(self.serial.content),
            valid_from: self.not_before,
            valid_until: self.not_after,
            sha256: hexadecimal(&Hash::Sha256.of(&[self.whole])),
        }
    }

    /// What an extension holds, if it is there.
    pub fn extension(&self, wanted: &[u8]) -> Option<&'a [u8]> {
        self.extensions?.children()?.into_iter().find_map(|extension| {
            let mut fields = extension.fields()?;
            let known = fields.take(der::OID)?.content == wanted;
            fields.take_if(der::BOOLEAN);
            fields.take(der::OCTETS).filter(|_| known).map(|it| it.content)
        })
    }

    /// False where the certificate says what its key is for and signing documents is not among it (RFC 5280, 4.2.1.3:
    /// digitalSignature or nonRepudiation).
    pub fn may_sign(&self) -> bool {
        let Some(usage) = self.extension(oid::KEY_USAGE) else { return true };
        let bits = Element::only(usage, der::BITS).and_then(|it| it.content.get(1).copied());
        bits.is_some_and(|bits| bits & 0b1100_0000 != 0)
    }

    /// Whether it names this purpose among those it is for.
    pub fn is_for(&self, purpose: &[u8]) -> bool {
        let purposes =
            self.extension(oid::EXTENDED_KEY_USAGE).and_then(|it| Element::only(it, der::SEQUENCE));
        purposes.and_then(|it| it.children()).unwrap_or_default().iter().any(|it| it.content == purpose)
    }

    /// The identifier of its key, by which some signatures name their signer.
    pub fn key_id(&self) -> Option<&'a [u8]> {
        Some(Element::only(self.extension(oid::SUBJECT_KEY_ID)?, der::OCTETS)?.content)
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `UTCTime` or `GeneralizedTime`, both ending in Z.
pub(crate) fn read_time(element: Element<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(element.content).ok()?.strip_suffix('Z')?;
    let (year, rest) = match element.tag {
        der::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        der::GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let digits = rest.split('.').next()?;
    let pair = |at: usize| digits.get(at..at + 2)?.parse::<i8>().ok();
    let time = DateTime::new(year, pair(0)?, pair(2)?, pair(4)?, pair(6)?, pair(8).unwrap_or(0), 0).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp())
}

pub(crate) fn write_time(time: Timestamp) -> Vec<u8> {
    let time = time.to_zoned(TimeZone::UTC);
    // RFC 5280, 4.1.2.5: two digits of the year until 2049.
    let (tag, text) = if (1950..2050).contains(&time.year()) {
        (der::UTC_TIME, time.strftime("%y%m%d%H%M%SZ").to_string())
    } else {
        (der::GENERALIZED_TIME, time.strftime("%Y%m%d%H%M%SZ").to_string())
    };
    der::write(tag, &[text.as_bytes()])
}

/// The parts of a name with their labels, the particular first.
fn name_parts(name: Element<'_>) -> Vec<(&'static str, String)> {
    let sets = name.children().unwrap_or_default();
    let pairs = sets.iter().flat_map(|set| set.children().unwrap_or_default());
    let mut parts: Vec<_> = pairs.filter_map(name_part).collect();
    parts.reverse();
    parts
}

fn name_part(pair: Element<'_>) -> Option<(&'static str, String)> {
    let mut fields = pair.fields()?;
    let label = match fields.take(der::OID)?.content {
        oid::COMMON_NAME => "CN",
        oid::SURNAME => "SN",
        oid::SERIAL_NUMBER => "serialNumber",
        oid::COUNTRY => "C",
        oid::LOCALITY => "L",
        oid::STATE => "ST",
        oid::ORGANIZATION => "O",
        oid::UNIT => "OU",
        oid::EMAIL => "E",
        _ => "?",
    };
    Some((label, text_of(fields.any()?)))
}

fn text_of(value: Element<'_>) -> String {
    match value.tag {
        der::UTF8 | der::PRINTABLE | der::IA5 => String::from_utf8_lossy(value.content).into_owned(),
        der::BMP => {
            let units: Vec<u16> = value
                .content
                .chunks_exact(2)
                .map(|it| it.iter().fold(0, |a, b| a << 8 | u16::from(*b)))
                .collect();
            String::from_utf16_lossy(&units)
        }
        _ => value.content.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn join(parts: Vec<(&'static str, String)>) -> String {
    parts.into_iter().map(|(label, value)| format!("{label}={value}")).collect::<Vec<_>>().join(", ")
}
