//! Time stamps by OpenSSL's own authority, and authorities that refuse or answer something else.

use zhupi_seal::authority::Usage;
use zhupi_seal::crypto::Hash;
use zhupi_seal::{Error, Result, cms};

use crate::people;
use crate::tools::{self, Folder};

const SETTINGS: &str = "
[tsa]
default_tsa = one
[one]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
signer_digest = sha256
ess_cert_id_alg = sha256
ess_cert_id_chain = no
tsa_name = no
ordering = no
";

/// A time stamp authority of OpenSSL's in a folder.
pub struct Stamper {
    folder: Folder,
}

impl Stamper {
    /// Nothing if OpenSSL is missing.
    pub fn new() -> Option<Self> {
        let folder = Folder::new();
        people::openssl_key(&folder, "EC", &["-pkeyopt", "ec_paramgen_curve:P-256"])?;
        people::certify(&folder, "Time Stamps", Usage::TimeStamps);
        folder.write("settings", SETTINGS.as_bytes());
        folder.write("serial", b"01\n");
        Some(Self { folder })
    }

    pub fn answer(&self, request: &[u8]) -> Result<Vec<u8>> {
        self.folder.write("request", request);
        let reply = ["ts", "-reply", "-config", "settings", "-section", "one", "-queryfile", "request"];
        let rest = ["-signer", "leaf.pem", "-inkey", "key.pem", "-chain", "root.pem", "-out", "reply"];
        tools::run_in(&self.folder.0, "openssl", &[&reply[..], &rest[..]].concat()).unwrap();
        Ok(std::fs::read(self.folder.0.join("reply")).unwrap())
    }
}

fn sign(transport: &dyn Fn(&[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    cms::signed_data(&people::p256("Signer"), &Hash::Sha256.of(&[b"document"]), Some(&transport))
}

#[test]
fn a_time_stamp_is_asked_for_and_kept() {
    let Some(stamper) = Stamper::new() else { return };
    let signed = sign(&|request| stamper.answer(request)).unwrap();
    let folder = Folder::new();
    folder.write("signature", &signed);
    let said = people::openssl(&folder, &["asn1parse", "-inform", "DER", "-in", "signature"]).unwrap();
    assert!(said.contains("id-smime-aa-timeStampToken"), "{said}");
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let Some(stamper) = Stamper::new() else { return };
    let first = std::cell::RefCell::new(None);
    sign(&|request| {
        *first.borrow_mut() = Some(stamper.answer(request)?);
        stamper.answer(request)
    })
    .unwrap();
    let replayed = sign(&|_| Ok(first.borrow().clone().unwrap())).unwrap_err();
    assert_eq!(replayed, Error::TimeStampWrong { what: "it is over something else" });
}

#[test]
fn a_changed_answer_is_refused() {
    let Some(stamper) = Stamper::new() else { return };
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..30 {
        let place = random.f64();
        let outcome = sign(&|request| {
            let mut answer = stamper.answer(request)?;
            let at = (place * answer.len() as f64) as usize;
            answer[at] ^= 0x21;
            Ok(answer)
        });
        // What is not signed may change without harm: the certificates that lead to the root.
        if let Err(error) = outcome {
            assert!(matches!(error, Error::TimeStampWrong { .. } | Error::TimeStampFailed { .. }), "{error}");
        }
    }
}

#[test]
fn a_refusal_is_told_in_the_authoritys_words() {
    // Status 2 (rejection) with the words "no".
    let refusal = [0x30, 0x0b, 0x30, 0x09, 0x02, 0x01, 0x02, 0x30, 0x04, 0x0c, 0x02, b'n', b'o'];
    let error = sign(&|_| Ok(refusal.to_vec())).unwrap_err();
    assert_eq!(error.to_string(), "no time stamp was given: the authority refused with status 2 `no`");
    assert_eq!(sign(&|_| Ok(b"<html>".to_vec())).unwrap_err().code(), "time_stamp_failed");
    let down = sign(&|_| Err(Error::TimeStampFailed { what: "no route".to_owned() })).unwrap_err();
    assert_eq!(down, Error::TimeStampFailed { what: "no route".to_owned() });
}
