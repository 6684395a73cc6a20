//! Who signs in the tests: an authority, keys of every kind, and programs of others that judge them.

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use zhupi_seal::LocalKey;
use zhupi_seal::authority::{Authority, Subject, Usage, Validity};
use zhupi_seal::signer::Algorithm;

use crate::tools::{self, Folder};

/// Every test has the same root on P-256.
pub static ROOT: LazyLock<Authority> = LazyLock::new(|| root(Algorithm::P256Sha256));

pub fn root(algorithm: Algorithm) -> Authority {
    Authority::new(&subject("Test Root"), algorithm, years(20)).unwrap()
}

pub fn subject(name: &str) -> Subject {
    Subject { name: name.to_owned(), organization: Some("朱批测试".to_owned()), country: "CN".to_owned() }
}

/// From 2020 on.
pub fn years(count: i64) -> Validity {
    let from: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    Validity { from, until: Timestamp::from_second(from.as_second() + count * 365 * 86_400).unwrap() }
}

/// A key on P-256 with a certificate of [`ROOT`].
pub fn p256(name: &str) -> LocalKey {
    ROOT.issue(&subject(name), Algorithm::P256Sha256, years(20)).unwrap().into_key().unwrap()
}

/// A new RSA key of OpenSSL's with a certificate of [`ROOT`]; nothing if OpenSSL is missing.
pub fn rsa(name: &str) -> Option<LocalKey> {
    let folder = Folder::new();
    let key = openssl_key(&folder, "RSA", &["-pkeyopt", "rsa_keygen_bits:2048"])?;
    let certificate = certify(&folder, name, Usage::Documents);
    Some(LocalKey::from_pkcs8(&key, vec![certificate, ROOT.certificate().to_vec()]).unwrap())
}

/// Makes `key.pem`, `key.der` and `public.der` in the folder and gives back the private key in PKCS#8.
pub fn openssl_key(folder: &Folder, kind: &str, options: &[&str]) -> Option<Vec<u8>> {
    openssl(folder, &[&["genpkey", "-algorithm", kind, "-out", "key.pem"], options].concat())?;
    openssl(
        folder,
        &["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER", "-out", "key.der"],
    )?;
    openssl(folder, &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der"])?;
    Some(std::fs::read(folder.0.join("key.der")).unwrap())
}

/// A certificate of [`ROOT`] for `public.der`, kept as `leaf.pem` beside `root.pem`.
pub fn certify(folder: &Folder, name: &str, usage: Usage) -> Vec<u8> {
    let public = std::fs::read(folder.0.join("public.der")).unwrap();
    let certificate = ROOT.certify(&subject(name), &public, usage, years(20)).unwrap();
    write_pem(folder, "leaf.pem", &certificate);
    write_pem(folder, "root.pem", ROOT.certificate());
    certificate
}

/// Writes a certificate as OpenSSL and the others want it.
pub fn write_pem(folder: &Folder, name: &str, certificate: &[u8]) {
    folder.write("one.der", certificate);
    openssl(folder, &["x509", "-inform", "DER", "-in", "one.der", "-out", name]);
}

/// Runs OpenSSL in the folder, where it has to succeed; nothing if it is missing.
pub fn openssl(folder: &Folder, arguments: &[&str]) -> Option<String> {
    let output = tools::run_in(&folder.0, "openssl", arguments)?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    Some(said)
}

pub fn exists(folder: &Folder, name: &str) -> bool {
    Path::new(&folder.0).join(name).exists()
}
