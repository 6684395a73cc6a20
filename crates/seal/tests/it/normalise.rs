//! Documents that can be sealed only after they were written anew.

use std::fs;

use zhupi_seal::document::Document;
use zhupi_seal::error::{Error, Result};
use zhupi_seal::normalise::normalise;
use zhupi_seal::xref::XrefKind;

use crate::build::{self, Builder, Shape};
use crate::tools::{self, Folder};

#[test]
fn an_encrypted_document_is_opened_with_its_password_alone() {
    for (name, options) in [
        ("RC4", ["128", "--use-aes=n"].as_slice()),
        ("AES-128", ["128", "--use-aes=y"].as_slice()),
        ("AES-256", ["256"].as_slice()),
    ] {
        let Some(encrypted) = encrypt(&build::pages(3, Shape::Packed), "user", options) else { return };
        assert_eq!(signable(&encrypted), Err(Error::Encrypted), "{name}");
        assert_eq!(normalise(&encrypted, None), Err(Error::Encrypted), "{name}");
        assert_eq!(normalise(&encrypted, Some("wrong")), Err(Error::WrongPassword), "{name}");
        let opened = normalise(&encrypted, Some("owner")).unwrap();
        assert_eq!(Document::open(&opened).unwrap().pages().unwrap().len(), 3, "{name}");
        tools::assert_sound(name, &opened);
    }
}

#[test]
fn a_document_that_opens_without_a_password_is_still_encrypted() {
    let Some(encrypted) = encrypt(&build::pages(1, Shape::Table), "", &["256"]) else { return };
    assert_eq!(normalise(&encrypted, None), Err(Error::Encrypted));
    signable(&normalise(&encrypted, Some("owner")).unwrap()).unwrap();
}

#[test]
fn damaged_references_are_mended_and_missing_parts_are_not() {
    for shape in [Shape::Table, Shape::Stream, Shape::Packed] {
        let sound = build::pages(3, shape);
        let shifted = [b"From: somebody\n".as_slice(), &sound].concat();
        let mut astray = sound.clone();
        let at = astray.windows(9).rposition(|it| it == b"startxref").unwrap();
        astray.splice(at + 10..at + 11, *b"9");
        for (name, damaged) in [("shifted", shifted), ("astray", astray)] {
            assert!(matches!(signable(&damaged), Err(Error::Damaged { .. })), "{name} {shape:?}");
            let mended =
                normalise(&damaged, None).unwrap_or_else(|error| panic!("{name} {shape:?}: {error}"));
            assert_eq!(Document::open(&mended).unwrap().pages().unwrap().len(), 3, "{name} {shape:?}");
            tools::assert_sound(name, &mended);
        }
    }
    let sound = build::pages(3, Shape::Table);
    assert!(matches!(normalise(&sound[..sound.len() / 2], None), Err(Error::Damaged { .. })));
    assert!(normalise(b"", None).is_err() && normalise(b"%PDF-1.7 nothing", None).is_err());
}

#[test]
fn a_hybrid_file_becomes_a_plain_one() {
    let hybrid = build::pages(2, Shape::Hybrid);
    let plain = normalise(&hybrid, None).unwrap();
    assert_ne!(Document::open(&plain).unwrap().xref_kind(), XrefKind::Hybrid);
}

#[test]
fn a_signed_document_is_never_written_anew() {
    let entries = |builder: &mut Builder| {
        let value = builder.add("<</Type /Sig /ByteRange [0 1 2 3] /Contents <00>>>");
        let field = builder.add(format!("<</FT /Sig /T (a) /V {value} 0 R>>"));
        format!("/AcroForm <</Fields [{field} 0 R]>>")
    };
    for shape in [Shape::Table, Shape::Packed] {
        let signed = build::with_catalogue(1, entries, shape);
        assert_eq!(normalise(&signed, None), Err(Error::SignedAlready));
        let Some(encrypted) = encrypt(&signed, "user", &["256"]) else { return };
        assert_eq!(normalise(&encrypted, Some("owner")), Err(Error::SignedAlready));
    }
}

fn signable(file: &[u8]) -> Result<()> {
    Document::open(file)?.check_signable()
}

/// Encrypted by qpdf for the owner `owner`; nothing if it is not installed.
fn encrypt(file: &[u8], user: &str, options: &[&str]) -> Option<Vec<u8>> {
    let folder = Folder::new();
    let (from, to) = (folder.write("in.pdf", file), folder.0.join("out.pdf"));
    let mut arguments = vec!["--allow-weak-crypto", "--encrypt", user, "owner"];
    arguments.extend(options);
    arguments.extend(["--", from.to_str().unwrap(), to.to_str().unwrap()]);
    let output = tools::run("qpdf", &arguments)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(fs::read(to).unwrap())
}
