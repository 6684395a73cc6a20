//! `zhupi verify`.

use crate::harness::{Folder, Outcome};
use jiff::{Timestamp, ToSpan};
use std::fs;
use zhupi_seal::LocalKey;
use zhupi_seal::authority::{Authority, Subject, Validity};
use zhupi_seal::job::{Options, Party, seal};
use zhupi_seal::picture::Picture;
use zhupi_seal::position::Position;
use zhupi_seal::signer::Algorithm;

const PLAIN: &str = "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n\
2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n\
3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources<<>>>>\nendobj\n";

/// A document of one empty page.
fn document() -> Vec<u8> {
    let places = ["1 0 obj", "2 0 obj", "3 0 obj"].map(|object| PLAIN.find(object).expect("an object"));
    let entries: String = places.iter().map(|place| format!("{place:010} 00000 n \n")).collect();
    let tail = "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n";
    let table = format!("xref\n0 4\n0000000000 65535 f \n{entries}{tail}{}\n%%EOF\n", PLAIN.len());
    format!("{PLAIN}{table}").into_bytes()
}

/// A folder with a signed document and the root of its signer.
fn signed() -> Folder {
    let now = Timestamp::now();
    let validity = Validity { from: now, until: now.checked_add(24.hours()).expect("a day") };
    let subject =
        |name: &str| Subject { name: name.to_owned(), organization: None, country: "CN".to_owned() };
    let authority = Authority::new(&subject("Test Root"), Algorithm::P256Sha256, validity).expect("a root");
    let key = authority.issue(&subject("Ann"), Algorithm::P256Sha256, validity).expect("a certificate");
    let key: LocalKey = key.into_key().expect("a key");
    let picture = Picture::from_pixels(8, 8, [200, 30, 30, 255].repeat(64)).expect("a picture");
    let picture = picture.pack().expect("a packed picture");
    let place = serde_json::json!({ "signType": 1, "posPage": 1, "posX": 150, "posY": 150, "width": 60 });
    let positions = [Position::from_json(&place).expect("a position")];
    let party = Party {
        signer: &key,
        picture: &picture,
        width_mm: None,
        positions: &positions,
        name: None,
        reason: Some("approved".to_owned()),
        location: None,
    };
    let options = Options { time: now, stamps: None, owner_password: None };
    let sealed = seal(document(), &[party], &options).expect("a sealed document");
    let folder = Folder::new();
    fs::write(folder.0.join("signed.pdf"), &sealed.bytes).expect("a file");
    fs::write(folder.0.join("root.der"), authority.certificate()).expect("a file");
    folder
}

fn verify(folder: &Folder, file: &str, root: Option<&str>) -> Outcome {
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (file, root) = (path(file), root.map(path));
    let roots = root.iter().flat_map(|root| ["--root", root]);
    folder.run(&["verify", &file].into_iter().chain(roots).collect::<Vec<_>>())
}

#[test]
fn a_signature_is_told_with_its_signer_and_what_it_covers() {
    let folder = signed();
    let told = verify(&folder, "signed.pdf", Some("root.der")).expect(0).out;
    for words in [
        "Signature 1, of a person or a company: valid",
        "CN=Ann",
        "by one of the roots given",
        "the whole file",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let told = verify(&folder, "signed.pdf", None).expect(0).out;
    assert!(told.contains("not looked at"), "{told}");
    let stranger = signed();
    fs::copy(stranger.0.join("root.der"), folder.0.join("other.der")).expect("a copy");
    let refused = verify(&folder, "signed.pdf", Some("other.der")).expect(1);
    assert_eq!(refused.err, "zhupi: none of the roots given vouches for every signature\n");
}

#[test]
fn whatever_was_changed_is_found() {
    let folder = signed();
    let mut bytes = fs::read(folder.0.join("signed.pdf")).expect("a file");
    let at = bytes.windows(9).position(|it| it == b"[0 0 300 ").expect("the page's box");
    bytes[at + 5] = b'9';
    fs::write(folder.0.join("changed.pdf"), &bytes).expect("a file");
    let refused = verify(&folder, "changed.pdf", Some("root.der")).expect(1);
    assert_eq!(refused.err, "zhupi: 1 of 1 signatures are not valid\n");
    assert!(refused.out.contains("NOT VALID") && refused.out.contains("CHANGED"), "{}", refused.out);
}

#[test]
fn what_is_not_signed_or_no_document_is_refused_by_name() {
    let folder = Folder::new();
    fs::write(folder.0.join("plain.pdf"), document()).expect("a file");
    fs::write(folder.0.join("notes.txt"), "no document").expect("a file");
    assert_eq!(verify(&folder, "plain.pdf", None).expect(1).err, "zhupi: the file is not signed\n");
    for name in ["notes.txt", "missing.pdf"] {
        let refused = verify(&folder, name, None).expect(1).err;
        assert!(refused.contains(name), "{refused}");
    }
}
