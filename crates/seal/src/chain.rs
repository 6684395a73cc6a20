//! Whether a certificate leads to a root that the caller trusts. The way there is found and checked by webpki, which
//! TLS has brought already; SM2 is added to what it can check.

use jiff::Timestamp;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor,
    UnixTime,
};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext,
};

use crate::certificate::Certificate;
use crate::{crypto, oid};

/// What is known of whoever signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// A chain of right signatures leads to one of the roots, all of it in force at the time asked for.
    Trusted,
    /// No chain leads to one of the roots.
    Unknown,
    /// A certificate of the chain was no longer in force.
    Expired,
    /// A certificate of the chain was not yet in force.
    NotYetValid,
    /// The certificates contradict a rule.
    Unfit { why: String },
}

/// What the certificate has to be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Documents,
    TimeStamps,
}

/// Looks for a way from `leaf` over some of `others` to one of `roots`, all in DER, as it was at `time`.
pub(crate) fn check(
    leaf: &Certificate<'_>,
    others: &[&[u8]],
    roots: &[Vec<u8>],
    time: Timestamp,
    purpose: Purpose,
) -> Chain {
    if purpose == Purpose::Documents && !leaf.may_sign() {
        return Chain::Unfit { why: "the certificate is not for signatures".to_owned() };
    }
    if purpose == Purpose::TimeStamps && !leaf.is_for(oid::TIME_STAMPING) {
        return Chain::Unfit { why: "the certificate is not for time stamps".to_owned() };
    }
    // Somebody's own certificate, trusted as it is.
    if roots.iter().any(|root| root == leaf.whole) {
        return match time {
            early if early < leaf.not_before => Chain::NotYetValid,
            late if late > leaf.not_after => Chain::Expired,
            _ => Chain::Trusted,
        };
    }
    let roots: Vec<CertificateDer<'_>> = roots.iter().map(|it| CertificateDer::from(it.as_slice())).collect();
    let anchors: Vec<TrustAnchor<'_>> =
        roots.iter().filter_map(|it| webpki::anchor_from_trusted_cert(it).ok()).collect();
    let others: Vec<CertificateDer<'_>> = others.iter().map(|it| CertificateDer::from(*it)).collect();
    let leaf = CertificateDer::from(leaf.whole);
    let seconds = u64::try_from(time.as_second()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = webpki::ALL_VERIFICATION_ALGS
        .iter()
        .copied()
        .chain([&SM2 as &dyn SignatureVerificationAlgorithm])
        .collect();
    let found = EndEntityCert::try_from(&leaf).and_then(|leaf| {
        leaf.verify_for_usage(&algorithms, &anchors, &others, time, purpose, None, None).map(|_| ())
    });
    match found {
        Ok(()) => Chain::Trusted,
        // Another authority may have the same name.
        Err(webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey) => Chain::Unknown,
        Err(webpki::Error::CertExpired { .. }) => Chain::Expired,
        Err(webpki::Error::CertNotValidYet { .. }) => Chain::NotYetValid,
        Err(other) => Chain::Unfit { why: other.to_string() },
    }
}

impl ExtendedKeyUsageValidator for Purpose {
    /// A certificate that says nothing is for everything.
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let wanted: &[&[u8]] = match self {
            Self::Documents => &[
                oid::DOCUMENT_SIGNING,
                oid::EMAIL_PROTECTION,
                oid::CLIENT_AUTH,
                oid::ADOBE_SIGNING,
                oid::MICROSOFT_SIGNING,
                oid::ANY_PURPOSE,
            ],
            Self::TimeStamps => &[oid::TIME_STAMPING],
        };
        let wanted: Vec<Vec<usize>> = wanted.iter().map(|it| numbers(it)).collect();
        let present = purposes.map(|it| it.map(|it| it.to_decoded_oid())).collect::<Result<Vec<_>, _>>()?;
        // Those above a time stamper may say nothing; what its own certificate says has been looked at before.
        if present.is_empty() || present.iter().any(|it| wanted.contains(it)) {
            return Ok(());
        }
        let required = KeyUsage::required(if *self == Self::Documents {
            oid::DOCUMENT_SIGNING
        } else {
            oid::TIME_STAMPING
        });
        Err(webpki::Error::RequiredEkuNotFoundContext(RequiredEkuNotFoundContext { required, present }))
    }
}

/// The numbers of an object identifier.
fn numbers(content: &[u8]) -> Vec<usize> {
    let mut all = Vec::new();
    let mut number = 0_usize;
    for byte in content {
        number = number << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            all.push(number);
            number = 0;
        }
    }
    let first = all.first().copied().unwrap_or(0);
    let root = (first / 40).min(2);
    [root, first - root * 40].into_iter().chain(all.into_iter().skip(1)).collect()
}

/// SM2 with SM3 on certificates (GM/T 0015), for webpki.
#[derive(Debug)]
struct Sm2Certificates;

static SM2: Sm2Certificates = Sm2Certificates;

impl SignatureVerificationAlgorithm for Sm2Certificates {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        crypto::check_sm2(public_key, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        // `id-ecPublicKey` with the curve of SM2, without the sequence around them.
        AlgorithmIdentifier::from_slice(&[
            0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55,
            0x01, 0x82, 0x2d,
        ])
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75])
    }
}
