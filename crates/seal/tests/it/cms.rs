//! The signature in a PDF, by itself: OpenSSL reads it, and signers that fail or lie are found out.

use zhupi_seal::crypto::Hash;
use zhupi_seal::signer::Algorithm;
use zhupi_seal::{Error, LocalKey, Result, Signer, cms};

use crate::people::{self, ROOT};
use crate::tools::Folder;

const DOCUMENT: &[u8] = b"what was signed";

#[test]
fn openssl_accepts_what_is_signed() {
    let rsa = people::rsa("RSA");
    for key in [Some(people::p256("P-256")), rsa].into_iter().flatten() {
        let Some(said) = openssl_verdict(&key, DOCUMENT) else { return };
        assert!(said.contains("CAdES Verification successful"), "{key:?}: {said}");
    }
}

#[test]
fn openssl_refuses_it_over_something_else() {
    let Some(said) = openssl_verdict(&people::p256("P-256"), b"what was not signed") else { return };
    assert!(said.contains("content verify error") && !said.contains("erification successful"), "{said}");
}

#[test]
fn a_signer_elsewhere_only_sees_the_attributes() {
    let remote = Remote { key: people::p256("Remote"), answer: Answer::Signature };
    let signed = cms::signed_data(&remote, &Hash::Sha256.of(&[DOCUMENT]), None).unwrap();
    assert!(signed.windows(32).any(|it| it == Hash::Sha256.of(&[DOCUMENT])));
    assert!(!signed.windows(DOCUMENT.len()).any(|it| it == DOCUMENT));
}

#[test]
fn a_signer_that_fails_or_lies_is_found_out() {
    let digest = Hash::Sha256.of(&[DOCUMENT]);
    let error = |answer| {
        let remote = Remote { key: people::p256("Remote"), answer };
        cms::signed_data(&remote, &digest, None).unwrap_err()
    };
    assert_eq!(error(Answer::Failure), Error::SignerFailed { what: "the line is down".to_owned() });
    assert_eq!(error(Answer::OtherKey), Error::NotTheSignersKey);
    assert_eq!(error(Answer::OtherMessage), Error::NotTheSignersKey);
    assert_eq!(error(Answer::Nothing), Error::NotTheSignersKey);
}

#[test]
fn a_signature_with_sm2_names_its_algorithms() {
    let key = ROOT
        .issue(&people::subject("国密"), Algorithm::Sm2Sm3, people::years(1))
        .unwrap()
        .into_key()
        .unwrap();
    let folder = Folder::new();
    folder.write("signature", &cms::signed_data(&key, &Hash::Sm3.of(&[DOCUMENT]), None).unwrap());
    let Some(said) = people::openssl(&folder, &["asn1parse", "-inform", "DER", "-in", "signature"]) else {
        return;
    };
    assert!(said.contains(":sm3") && said.contains(":SM2-with-SM3"), "{said}");
}

/// A service that signs elsewhere, as well as it does.
struct Remote {
    key: LocalKey,
    answer: Answer,
}

#[derive(Clone, Copy)]
enum Answer {
    Signature,
    Failure,
    OtherKey,
    OtherMessage,
    Nothing,
}

impl Signer for Remote {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn chain(&self) -> &[Vec<u8>] {
        self.key.chain()
    }

    fn sign(&self, signed_attributes: &[u8]) -> Result<Vec<u8>> {
        match self.answer {
            Answer::Signature => self.key.sign(signed_attributes),
            Answer::Failure => Err(Error::SignerFailed { what: "the line is down".to_owned() }),
            Answer::OtherKey => people::p256("Somebody else").sign(signed_attributes),
            Answer::OtherMessage => self.key.sign(b"something else"),
            Answer::Nothing => Ok(Vec::new()),
        }
    }
}

/// What OpenSSL says of a signature over [`DOCUMENT`] when it is shown `content`.
fn openssl_verdict(key: &LocalKey, content: &[u8]) -> Option<String> {
    let folder = Folder::new();
    folder.write("signature", &cms::signed_data(key, &Hash::Sha256.of(&[DOCUMENT]), None).unwrap());
    folder.write("content", content);
    people::write_pem(&folder, "root.pem", ROOT.certificate());
    let verify =
        ["cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "signature", "-content", "content"];
    let rest = ["-CAfile", "root.pem", "-out", "out"];
    let output = crate::tools::run_in(&folder.0, "openssl", &[&verify[..], &rest[..]].concat())?;
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}
