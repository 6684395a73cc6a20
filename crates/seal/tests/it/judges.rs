//! What pdfsig and pyHanko say of signed documents, and documents that pyHanko signs.

use zhupi_seal::authority::Usage;

use crate::people::{self, ROOT};
use crate::tools::{self, Folder};

/// How many signatures pdfsig finds valid, and how many it lists; nothing if it is missing.
pub fn pdfsig(file: &[u8]) -> Option<(usize, usize)> {
    let folder = Folder::new();
    folder.write("signed.pdf", file);
    let output = tools::run_in(&folder.0, "pdfsig", &["-nocert", "signed.pdf"])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Some((said.matches("Signature is Valid.").count(), said.matches("Signature Validation:").count()))
}

/// How many signatures pyHanko judges valid and trusts, how many it lists, and what it said.
pub fn pyhanko(file: &[u8]) -> Option<(usize, usize, String)> {
    pyhanko_by("validate", file)
}

/// The same, asked whether they are what PAdES wants.
pub fn pyhanko_pades(file: &[u8]) -> Option<(usize, usize, String)> {
    pyhanko_by("adesverify", file)
}

fn pyhanko_by(verb: &str, file: &[u8]) -> Option<(usize, usize, String)> {
    let folder = Folder::new();
    folder.write("signed.pdf", file);
    people::write_pem(&folder, "root.pem", ROOT.certificate());
    let validate = ["sign", verb, "--trust", "root.pem", "--trust-replace", "--no-revocation-check"];
    let output =
        tools::run_in(&folder.0, "pyhanko", &[&validate[..], &["--pretty-print", "signed.pdf"]].concat())?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let valid = said.matches("The signature is judged VALID.").count();
    Some((valid, valid + said.matches("The signature is judged INVALID.").count(), said))
}

/// Both judges find all `count` signatures valid, and qpdf the file sound.
pub fn assert_valid(name: &str, file: &[u8], count: usize) {
    tools::assert_sound(name, file);
    if let Some(found) = pdfsig(file) {
        assert_eq!(found, (count, count), "{name}: pdfsig");
    }
    if let Some((valid, all, said)) = pyhanko(file) {
        assert_eq!((valid, all), (count, count), "{name}: {said}");
    }
}

/// The document signed by pyHanko, visibly on the first page; nothing if it is missing.
pub fn pyhanko_signs(file: &[u8], field: &str, options: &[&str]) -> Option<Vec<u8>> {
    let folder = Folder::new();
    folder.write("in.pdf", file);
    if options.contains(&"--prefer-pss") {
        people::openssl_key(&folder, "RSA", &["-pkeyopt", "rsa_keygen_bits:2048"])?;
    } else {
        people::openssl_key(&folder, "EC", &["-pkeyopt", "ec_paramgen_curve:P-256"])?;
    }
    people::certify(&folder, "PyHanko", Usage::Documents);
    let field = format!("1/300,300,400,350/{field}");
    let key =
        ["--key", "key.pem", "--cert", "leaf.pem", "--chain", "root.pem", "--no-pass", "in.pdf", "out.pdf"];
    let arguments = [&["sign", "addsig", "--field", &field], options, &["pemder"], &key].concat();
    let output = tools::run_in(&folder.0, "pyhanko", &arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(std::fs::read(folder.0.join("out.pdf")).unwrap_or_else(|_| panic!("{said}")))
}
