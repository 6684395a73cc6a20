//! Keys and certificates: brought along in every way, made by the authority, and never shown.

use zhupi_seal::authority::{Authority, Usage};
use zhupi_seal::certificate::{Identity, read_certificates};
use zhupi_seal::signer::Algorithm;
use zhupi_seal::{Error, LocalKey, Signer};

use crate::people::{self, ROOT};
use crate::tools::Folder;

const PASSWORD: &str = "口令 pass";

/// Options of `openssl pkcs12 -export`, from today's default to what was usual before.
const FORMATS: [&[&str]; 5] = [
    &[],
    &["-keypbe", "AES-128-CBC", "-certpbe", "AES-192-CBC", "-macalg", "sha512"],
    &["-legacy"],
    &["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    &["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"],
];

#[test]
fn key_files_of_every_age_are_opened() {
    for (kind, options, algorithm) in [
        ("RSA", ["-pkeyopt", "rsa_keygen_bits:2048"], Algorithm::RsaSha256),
        ("EC", ["-pkeyopt", "ec_paramgen_curve:P-256"], Algorithm::P256Sha256),
        ("EC", ["-pkeyopt", "ec_paramgen_curve:SM2"], Algorithm::Sm2Sm3),
    ] {
        for format in FORMATS {
            let folder = Folder::new();
            let Some(file) = key_file(&folder, kind, &options, format, PASSWORD) else { return };
            let key =
                LocalKey::from_pfx(&file, PASSWORD).unwrap_or_else(|it| panic!("{kind} {format:?}: {it}"));
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(key.chain().len(), 2, "the certificate and the root above it");
            assert_eq!(key.chain()[1], ROOT.certificate());
            assert!(!key.sign(b"anything").unwrap().is_empty());
        }
    }
}

#[test]
fn a_wrong_password_is_told_from_a_broken_file() {
    for format in &FORMATS[..4] {
        let folder = Folder::new();
        let Some(file) = key_file(&folder, "EC", &["-pkeyopt", "ec_paramgen_curve:P-256"], format, PASSWORD)
        else {
            return;
        };
        assert_eq!(LocalKey::from_pfx(&file, "another").unwrap_err(), Error::WrongKeyPassword, "{format:?}");
        assert_eq!(LocalKey::from_pfx(&file, "").unwrap_err(), Error::WrongKeyPassword, "{format:?}");
        let cut = LocalKey::from_pfx(&file[..file.len() - 1], PASSWORD).unwrap_err();
        assert_eq!(cut.code(), "bad_key");
    }
    assert_eq!(LocalKey::from_pfx(b"", "").unwrap_err().code(), "bad_key");
}

#[test]
fn an_empty_password_opens_what_was_closed_with_it() {
    for format in [&[] as &[&str], &["-legacy"]] {
        let folder = Folder::new();
        let Some(file) = key_file(&folder, "EC", &["-pkeyopt", "ec_paramgen_curve:P-256"], format, "") else {
            return;
        };
        LocalKey::from_pfx(&file, "").unwrap();
    }
}

#[test]
fn no_broken_key_file_ends_otherwise_than_in_an_error() {
    let folder = Folder::new();
    let Some(file) = key_file(&folder, "EC", &["-pkeyopt", "ec_paramgen_curve:P-256"], FORMATS[4], "") else {
        return;
    };
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..2_000 {
        let mut broken = file.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..broken.len());
            broken[at] = random.u8(..);
        }
        // Some changes leave a key that works; none may panic.
        let _ = LocalKey::from_pfx(&broken, "");
    }
}

#[test]
fn the_certificate_has_to_be_for_the_key() {
    let one = ROOT.issue(&people::subject("One"), Algorithm::P256Sha256, people::years(1)).unwrap();
    let other = ROOT.issue(&people::subject("Other"), Algorithm::P256Sha256, people::years(1)).unwrap();
    let sm2 = ROOT.issue(&people::subject("Sm2"), Algorithm::Sm2Sm3, people::years(1)).unwrap();
    assert_eq!(
        LocalKey::from_pkcs8(&one.pkcs8, other.chain.clone()).unwrap_err(),
        Error::KeyNotOfCertificate
    );
    assert_eq!(LocalKey::from_pkcs8(&sm2.pkcs8, other.chain).unwrap_err(), Error::KeyNotOfCertificate);
    assert_eq!(LocalKey::from_pkcs8(&one.pkcs8, vec![]).unwrap_err().code(), "bad_certificate");
    assert_eq!(LocalKey::from_pkcs8(b"key", one.chain).unwrap_err().code(), "bad_key");
}

#[test]
fn kinds_of_keys_that_do_not_sign_are_named() {
    let folder = Folder::new();
    let Some(weak) = people::openssl_key(&folder, "RSA", &["-pkeyopt", "rsa_keygen_bits:1024"]) else {
        return;
    };
    let certificate = people::certify(&folder, "Weak", Usage::Documents);
    assert_eq!(LocalKey::from_pkcs8(&weak, vec![certificate]).unwrap_err().code(), "bad_key");
    let Some(other) = people::openssl_key(&folder, "ED25519", &[]) else { return };
    let certificate = people::certify(&folder, "Edwards", Usage::Documents);
    assert_eq!(LocalKey::from_pkcs8(&other, vec![certificate]).unwrap_err(), Error::KeyKind);
}

#[test]
fn a_key_is_never_shown() {
    let issued = ROOT.issue(&people::subject("合同章"), Algorithm::P256Sha256, people::years(1)).unwrap();
    let secret = issued.pkcs8[36..68].to_vec();
    let shown = format!("{issued:?} {:?}", *ROOT);
    let key = issued.into_key().unwrap();
    let shown = format!("{shown} {key:?}");
    assert!(shown.contains("合同章"), "{shown}");
    let as_list = format!("{secret:?}");
    let as_digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(as_list.trim_matches(['[', ']'])) && !shown.to_lowercase().contains(&as_digits));
}

#[test]
fn a_key_may_be_held_by_several_threads() {
    fn shared(_: &(impl Send + Sync)) {}
    shared(&people::p256("Shared"));
    shared(&*ROOT);
}

#[test]
fn others_accept_the_certificates_of_the_authority() {
    for algorithm in [Algorithm::P256Sha256, Algorithm::Sm2Sm3] {
        let folder = Folder::new();
        let root = people::root(algorithm);
        let issued = root.issue(&people::subject("某某有限公司"), algorithm, people::years(20)).unwrap();
        people::write_pem(&folder, "root.pem", root.certificate());
        people::write_pem(&folder, "leaf.pem", &issued.chain[0]);
        let identity = ["-vfyopt", "distid:1234567812345678"];
        let options: &[&str] = if algorithm == Algorithm::Sm2Sm3 { &identity } else { &[] };
        let said = [&["verify", "-x509_strict"], options, &["-CAfile", "root.pem", "leaf.pem"]].concat();
        let Some(said) = people::openssl(&folder, &said) else { return };
        assert!(said.contains("leaf.pem: OK"), "{algorithm:?}: {said}");
    }
}

#[test]
fn a_kept_authority_issues_on() {
    let again = Authority::from_pkcs8(ROOT.pkcs8(), ROOT.certificate().to_vec()).unwrap();
    let key = again.issue(&people::subject("Later"), Algorithm::P256Sha256, people::years(1)).unwrap();
    let identity = Identity::of(&key.chain[0]).unwrap();
    assert_eq!(identity.name, "Later");
    assert_eq!(identity.subject, "CN=Later, O=朱批测试, C=CN");
    assert_eq!(identity.issuer, "CN=Test Root, O=朱批测试, C=CN");
    assert_eq!(identity.valid_from.to_string(), "2020-01-01T00:00:00Z");
    assert_eq!(identity.valid_until.to_string(), "2020-12-31T00:00:00Z");
    assert_eq!(
        Authority::from_pkcs8(ROOT.pkcs8(), key.chain[0].clone()).unwrap_err(),
        Error::KeyNotOfCertificate
    );
}

#[test]
fn certificates_are_read_from_both_kinds_of_files() {
    let folder = Folder::new();
    assert_eq!(read_certificates(ROOT.certificate()).unwrap(), [ROOT.certificate()]);
    people::write_pem(&folder, "root.pem", ROOT.certificate());
    if people::exists(&folder, "root.pem") {
        let pem = std::fs::read(folder.0.join("root.pem")).unwrap();
        assert_eq!(read_certificates(&[pem.clone(), pem].concat()).unwrap().len(), 2);
    }
    for nothing in [b"" as &[u8], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        assert_eq!(read_certificates(nothing).unwrap_err().code(), "bad_certificate");
    }
}

#[test]
fn openssl_confirms_an_sm2_signature() {
    let folder = Folder::new();
    let key = ROOT
        .issue(&people::subject("国密"), Algorithm::Sm2Sm3, people::years(1))
        .unwrap()
        .into_key()
        .unwrap();
    people::write_pem(&folder, "leaf.pem", &key.chain()[0]);
    folder.write("message", b"attributes");
    folder.write("signature", &key.sign(b"attributes").unwrap());
    people::openssl(&folder, &["x509", "-in", "leaf.pem", "-pubkey", "-noout", "-out", "public.pem"]);
    let verify =
        ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-digest", "sm3", "-pkeyopt"];
    let rest = ["distid:1234567812345678", "-in", "message", "-sigfile", "signature"];
    let Some(said) = people::openssl(&folder, &[&verify[..], &rest[..]].concat()) else { return };
    assert!(said.contains("Signature Verified Successfully"), "{said}");
}

fn key_file(
    folder: &Folder,
    kind: &str,
    options: &[&str],
    format: &[&str],
    password: &str,
) -> Option<Vec<u8>> {
    people::openssl_key(folder, kind, options)?;
    people::certify(folder, "Key file", Usage::Documents);
    let password = format!("pass:{password}");
    let export = ["pkcs12", "-export", "-inkey", "key.pem", "-in", "leaf.pem", "-certfile", "root.pem"];
    let rest = ["-out", "key.pfx", "-passout", &password];
    people::openssl(folder, &[&export[..], format, &rest[..]].concat())?;
    Some(std::fs::read(folder.0.join("key.pfx")).unwrap())
}
