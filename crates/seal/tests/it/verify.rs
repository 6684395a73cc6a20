//! Signed documents that somebody has meddled with, in every way we know of.

use zhupi_seal::authority::{Usage, Validity};
use zhupi_seal::chain::Chain;
use zhupi_seal::cms::{self, Integrity};
use zhupi_seal::crypto::Hash;
use zhupi_seal::document::Document;
use zhupi_seal::job::seal;
use zhupi_seal::object::{Dictionary, Object, ObjectId};
use zhupi_seal::sign::{self, Appearance, Statement};
use zhupi_seal::signer::Algorithm;
use zhupi_seal::update::Update;
use zhupi_seal::verify::{ChangeKind, Coverage, Kind, Signature, SigningTime};
use zhupi_seal::{LocalKey, verify};

use crate::build::{self, SHAPES, Shape, Sheet};
use crate::job;
use crate::judges;
use crate::people::{self, ROOT};
use crate::timestamp::Stamper;
use crate::tools::Folder;

/// A signed document with a text field, a note and a list of annotations of their own.
fn signed(shape: Shape) -> Vec<u8> {
    let mut builder = build::builder(&[Sheet { more: "/Annots [7 0 R 8 0 R]".into(), ..Sheet::default() }]);
    builder.add("<</Type /Annot /Subtype /Widget /FT /Tx /T (Amount) /Rect [50 50 150 70] /F 4>>");
    builder.add("<</Type /Annot /Subtype /Text /T (Author) /Contents (Note) /Rect [50 90 70 110]>>");
    let form = builder.add("<</Fields [7 0 R]>>");
    let catalogue = &mut builder.objects[builder.root as usize - 1];
    let end = catalogue.len() - 2;
    catalogue.splice(end..end, format!(" /AcroForm {form} 0 R").into_bytes());
    let key = people::p256("Signer");
    job::sealed(builder.write(shape), &key).bytes
}

fn trusting(file: &[u8]) -> Vec<Signature> {
    verify(file, &[ROOT.certificate().to_vec()]).unwrap()
}

fn only(file: &[u8]) -> Signature {
    let found = trusting(file);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

/// The document with a revision of somebody's.
fn meddled(file: &[u8], change: impl Fn(&mut Update<'_>)) -> Vec<u8> {
    let document = Document::open(file).unwrap();
    let mut update = Update::new(&document);
    change(&mut update);
    [file, &update.finish().unwrap().bytes].concat()
}

fn id(number: u32) -> ObjectId {
    ObjectId { number, generation: 0 }
}

fn page(update: &Update<'_>) -> ObjectId {
    update.document().pages().unwrap()[0].id
}

/// Writes other bytes of the same length over the first place where `old` stands.
fn overwritten(file: &[u8], old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at =
        file.windows(old.len()).rposition(|it| it == old.as_bytes()).unwrap_or_else(|| panic!("no {old}"));
    let mut file = file.to_vec();
    file[at..at + new.len()].copy_from_slice(new.as_bytes());
    file
}

/// `/ByteRange` as it stands in the file, and its numbers.
fn byte_range(file: &[u8]) -> (String, [usize; 4]) {
    let at = file.windows(10).rposition(|it| it == b"/ByteRange").unwrap();
    let end = at + file[at..].windows(9).position(|it| it == b"/Contents").unwrap();
    let text = String::from_utf8(file[at..end].to_vec()).unwrap();
    let numbers: Vec<usize> = text
        .split(|it: char| !it.is_ascii_digit())
        .filter(|it| !it.is_empty())
        .map(|it| it.parse().unwrap())
        .collect();
    (text, numbers.try_into().unwrap())
}

fn with_byte_range(file: &[u8], numbers: [usize; 4]) -> Vec<u8> {
    let (text, _) = byte_range(file);
    let new = format!("/ByteRange [{} {} {} {}]", numbers[0], numbers[1], numbers[2], numbers[3]);
    overwritten(file, &text, &format!("{new:width$}", width = text.len()))
}

#[test]
fn an_untouched_document_is_valid() {
    for shape in SHAPES {
        let signature = only(&signed(shape));
        assert!(signature.is_trusted(), "{shape:?}: {signature:#?}");
        assert_eq!(signature.coverage, Coverage::EntireFile);
    }
}

#[test]
fn any_changed_byte_outside_of_the_hole_is_noticed() {
    let file = signed(Shape::Table);
    let (_, [_, start, end, _]) = byte_range(&file);
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..600 {
        let at = random.usize(..file.len());
        if (start..end).contains(&at) {
            continue;
        }
        let mut broken = file.clone();
        broken[at] ^= 1 << random.u8(..8);
        if let Ok(found) = verify(&broken, &[]) {
            assert!(found.iter().all(|it| !it.is_valid()), "round {round}, byte {at}: {found:#?}");
        }
    }
}

#[test]
fn no_changed_byte_in_the_hole_ends_otherwise_than_in_an_answer() {
    let file = signed(Shape::Table);
    let (_, [_, start, end, _]) = byte_range(&file);
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..600 {
        let mut broken = file.clone();
        broken[random.usize(start..end)] = *random.choice(b"0123456789ABCDEF>< ".iter()).unwrap();
        let _ = verify(&broken, &[ROOT.certificate().to_vec()]);
    }
}

#[test]
fn a_document_that_was_cut_off_is_not_valid() {
    let file = signed(Shape::Table);
    for keep in [file.len() - 1, file.len() - 7, file.len() / 2, 100, 10, 0] {
        if let Ok(found) = verify(&file[..keep], &[]) {
            assert!(found.iter().all(|it| !it.is_valid()), "{keep} bytes: {found:#?}");
        }
    }
}

#[test]
fn other_page_content_after_the_signature_is_forbidden() {
    for shape in SHAPES {
        let file = meddled(&signed(shape), |update| {
            let content = update.add_stream(Dictionary::new(), b"BT /F1 40 Tf (NOT AGREED) Tj ET".to_vec());
            let page = page(update);
            let dictionary = update.dictionary(page).unwrap().with("Contents", content);
            update.put(page, dictionary);
        });
        let signature = only(&file);
        assert_eq!(signature.integrity, Integrity::Intact, "the revision that was signed is as it was");
        assert_eq!(signature.coverage, Coverage::EntireRevision);
        assert!(
            signature.forbidden_changes().any(|it| it.kind == ChangeKind::PageContent && it.page == Some(1))
        );
        assert!(!signature.is_valid());
        if let Some((valid, _, said)) = judges::pyhanko(&file).filter(|_| shape == Shape::Table) {
            assert_eq!(valid, 0, "{said}");
        }
    }
}

#[test]
fn a_stream_that_is_written_anew_is_page_content() {
    let file = signed(Shape::Table);
    let document = Document::open(&file).unwrap();
    let page = document.object(document.pages().unwrap()[0].id).unwrap().into_dictionary().unwrap();
    let content = page.get("Contents").and_then(Object::as_reference).unwrap();
    let other = format!("{} 0 obj\n<</Length 3>>\nstream\n0 g\nendstream\nendobj\n", content.number);
    let table = file.len() + other.len();
    let start = document.xref_start();
    let end = format!(
        "xref\n{} 1\n{:010} 00000 n\r\ntrailer\n<</Size {} /Root {} 0 R /Prev {start}>>\nstartxref\n{table}\n%%EOF\n",
        content.number,
        file.len(),
        document.next_number(),
        document.catalogue().unwrap().0.number
    );
    let signature = only(&[&file, other.as_bytes(), end.as_bytes()].concat());
    assert!(signature.forbidden_changes().any(|it| it.kind == ChangeKind::PageContent), "{signature:#?}");
}

#[test]
fn a_form_that_is_filled_in_is_allowed() {
    let file = meddled(&signed(Shape::Table), |update| {
        let look =
            update.add_stream(Dictionary::new().with("Subtype", Object::name("Form")), b"q Q".to_vec());
        let field = update.dictionary(id(7)).unwrap();
        let field = field.with("V", Object::text("100")).with("AP", Dictionary::new().with("N", look));
        update.put(id(7), field);
    });
    let signature = only(&file);
    assert!(signature.is_trusted(), "{signature:#?}");
    assert!(
        signature.changes.iter().all(|it| it.kind == ChangeKind::FormFill) && !signature.changes.is_empty()
    );
}

#[test]
fn notes_are_forbidden_whether_new_or_changed() {
    let new = meddled(&signed(Shape::Table), |update| {
        let note = Dictionary::new()
            .with("Type", Object::name("Annot"))
            .with("Subtype", Object::name("FreeText"))
            .with("Rect", Object::reals([0.0, 0.0, 500.0, 500.0]));
        let note = update.add(note);
        update.push(page(update), "Annots", note).unwrap();
    });
    let changed = meddled(&signed(Shape::Table), |update| {
        let note = update.dictionary(id(8)).unwrap().with("AP", Dictionary::new().with("N", id(3)));
        update.put(id(8), note);
    });
    let moved = meddled(&signed(Shape::Table), |update| {
        let field = update.dictionary(id(7)).unwrap().with("Rect", Object::reals([0.0, 0.0, 500.0, 500.0]));
        update.put(id(7), field);
    });
    let gone = meddled(&signed(Shape::Table), |update| {
        let page = page(update);
        let dictionary = update.dictionary(page).unwrap();
        let rest = dictionary.get("Annots").unwrap().as_array().unwrap()[1..].to_vec();
        update.put(page, dictionary.with("Annots", Object::Array(rest)));
    });
    for file in [new, changed, moved, gone] {
        let signature = only(&file);
        assert!(signature.forbidden_changes().any(|it| it.kind == ChangeKind::Annotation), "{signature:#?}");
    }
}

#[test]
fn a_certification_says_what_may_change() {
    use ChangeKind::{Annotation, FormFill, Metadata, Other, PageContent, Signature};
    let allowed = |level| {
        let all = [Signature, FormFill, Metadata, Annotation, PageContent, Other];
        all.into_iter().filter(|kind| kind.is_allowed(level)).collect::<Vec<_>>()
    };
    assert_eq!(allowed(None), [Signature, FormFill, Metadata]);
    assert_eq!(allowed(Some(1)), []);
    assert_eq!(allowed(Some(2)), [Signature, FormFill, Metadata]);
    assert_eq!(allowed(Some(3)), [Signature, FormFill, Metadata, Annotation]);
}

#[test]
fn what_a_signature_shows_may_not_be_exchanged() {
    let file = meddled(&signed(Shape::Table), |update| {
        let field = update.document().form().unwrap().signatures[0].id;
        let look =
            update.add_stream(Dictionary::new().with("Subtype", Object::name("Form")), b"q Q".to_vec());
        let dictionary = update.dictionary(field).unwrap().with("AP", Dictionary::new().with("N", look));
        update.put(field, dictionary);
    });
    assert!(!only(&file).is_valid());
}

#[test]
fn a_signature_that_is_taken_away_is_gone() {
    let file = meddled(&signed(Shape::Table), |update| {
        let field = update.document().form().unwrap().signatures[0].id;
        let mut dictionary = update.dictionary(field).unwrap();
        dictionary.remove("V");
        update.put(field, dictionary);
    });
    assert_eq!(trusting(&file), []);
}

#[test]
fn another_catalogue_is_noticed() {
    let file = signed(Shape::Table);
    let other = meddled(&file, |update| {
        let (_, catalogue) = update.document().catalogue().unwrap();
        update.add(catalogue);
    });
    let document = Document::open(&other).unwrap();
    let (root, new) = (document.catalogue().unwrap().0.number, document.next_number() - 1);
    // The trailer comes last, so that it may grow without anything moving.
    let old = format!("/Root {root} 0 R");
    let at = other.windows(old.len()).rposition(|it| it == old.as_bytes()).unwrap();
    let swapped = [&other[..at], format!("/Root {new} 0 R").as_bytes(), &other[at + old.len()..]].concat();
    let signature = only(&swapped);
    assert!(signature.forbidden_changes().any(|it| it.what.contains("catalogue")), "{signature:#?}");
}

#[test]
fn an_object_that_was_missing_may_not_appear_later() {
    // The page names a second content that is not there when the page is signed.
    let sheet = Sheet { more: "/Annots [99 0 R]".into(), ..Sheet::default() };
    let file = job::sealed(build::builder(&[sheet]).write(Shape::Table), &people::p256("Shadow")).bytes;
    assert!(only(&file).is_valid());
    let file = meddled(&file, |update| {
        let note = Dictionary::new().with("Subtype", Object::name("FreeText"));
        update.put(id(99), note);
    });
    let signature = only(&file);
    assert!(signature.forbidden_changes().any(|it| it.what.contains("missing")), "{signature:#?}");
}

#[test]
fn a_range_that_leaves_out_more_than_the_signature_counts_for_nothing() {
    let file = signed(Shape::Table);
    let (_, [_, start, end, rest]) = byte_range(&file);
    for numbers in [
        [0, start - 1, end, rest],
        [0, start, end + 1, rest - 1],
        [0, start + 1, end - 1, rest + 1],
        [0, start, end, rest - 1],
        [0, start, end, rest + 1],
        [1, start - 1, end, rest],
        [0, start, start, rest],
        [0, end, start, rest],
        [0, 0, end, rest],
        [0, start, end, 0],
        [0, start, 9_999_999_999, 9_999_999_999],
        [0, 9_999_999_999, end, rest],
    ] {
        let broken = with_byte_range(&file, numbers);
        let signature = only(&broken);
        assert!(!signature.is_valid(), "{numbers:?}: {signature:#?}");
        assert!(
            !matches!(signature.coverage, Coverage::EntireFile) || signature.integrity != Integrity::Intact
        );
    }
}

#[test]
fn a_signature_wrapped_around_other_content_counts_for_nothing() {
    // What was signed behind the hole is moved to the end, and the hole grows around what somebody put there.
    let file = signed(Shape::Table);
    let (_, [_, start, end, rest]) = byte_range(&file);
    let evil = b"/Evil (content) ";
    let moved = with_byte_range(&file, [0, start, end + evil.len(), rest]);
    let wrapped = [&moved[..end], evil, &moved[end..]].concat();
    if let Ok(found) = verify(&wrapped, &[]) {
        assert!(found.iter().all(|it| !it.is_valid()), "{found:#?}");
        assert!(found.iter().all(|it| matches!(it.coverage, Coverage::Part { .. })), "{found:#?}");
    }
}

#[test]
fn signatures_without_contents_or_range_count_for_nothing() {
    let file = signed(Shape::Table);
    for (key, other) in
        [("/Contents", "/Kontents"), ("/ByteRange", "/ByteRonge"), ("/SubFilter", "/SubFiltre")]
    {
        let signature = only(&overwritten(&file, key, other));
        assert!(!signature.is_valid(), "{key}: {signature:#?}");
    }
    for (old, new) in [("/Contents <", "/Contents ("), ("/Contents <3", "/Contents <>")] {
        if let Ok(found) = verify(&overwritten(&file, old, new), &[]) {
            assert!(found.iter().all(|it| !it.is_valid()), "{new}");
        }
    }
}

#[test]
fn a_signature_without_contents_in_a_later_revision_counts_for_nothing() {
    for remove in ["Contents", "ByteRange", "Filter", "SubFilter"] {
        let file = meddled(&signed(Shape::Table), |update| {
            let field = update.document().form().unwrap().signatures[0].value.clone().unwrap();
            let value = field.as_reference().unwrap();
            let mut dictionary = update.dictionary(value).unwrap();
            dictionary.remove(remove);
            update.put(value, dictionary);
        });
        assert!(!only(&file).is_valid(), "{remove}");
    }
}

#[test]
fn a_copied_signature_vouches_for_nothing() {
    let file = meddled(&signed(Shape::Table), |update| {
        let field = update.document().form().unwrap().signatures[0].clone();
        let value = field.value.and_then(|it| it.as_reference()).unwrap();
        let copy = update.add(update.dictionary(value).unwrap());
        let again = update.dictionary(field.id).unwrap().with("T", Object::text("Again")).with("V", copy);
        let again = update.add(again);
        let (root, catalogue) = update.document().catalogue().unwrap();
        let form = catalogue.get("AcroForm").and_then(Object::as_reference).unwrap_or(root);
        update.push(form, "Fields", again).unwrap();
    });
    let found = trusting(&file);
    assert_eq!(found.len(), 2);
    assert_eq!(found.iter().filter(|it| it.is_valid()).count(), 1, "{found:#?}");
    assert!(found.iter().any(|it| matches!(it.coverage, Coverage::Part { .. })), "{found:#?}");
}

#[test]
fn an_earlier_signature_may_not_be_shown_at_another_place() {
    let new = meddled(&signed(Shape::Table), |update| {
        let field = update.document().form().unwrap().signatures[0].clone();
        let again = update.dictionary(field.id).unwrap().with("T", Object::text("Again"));
        let again = update.add(again.with("Rect", Object::reals([300.0, 300.0, 400.0, 400.0])));
        let (_, catalogue) = update.document().catalogue().unwrap();
        let form = catalogue.get("AcroForm").and_then(Object::as_reference).unwrap();
        update.push(form, "Fields", again).unwrap();
        update.push(page(update), "Annots", again).unwrap();
    });
    let signature = only(&new);
    assert_eq!(signature.fields.len(), 2);
    assert!(!signature.is_valid(), "{signature:#?}");
}

#[test]
fn bytes_behind_the_end_are_noticed() {
    let file = signed(Shape::Table);
    assert!(only(&[&file[..], b"\r\n  \n"].concat()).is_valid());
    let hidden = [&file[..], b"9 0 obj\n<</Evil true>>\nendobj\n"].concat();
    assert!(!only(&hidden).is_valid());
}

#[test]
fn signatures_of_strangers_are_told_from_trusted_ones() {
    let file = signed(Shape::Table);
    let stranger = people::root(Algorithm::P256Sha256);
    for roots in [vec![], vec![stranger.certificate().to_vec()]] {
        let found = verify(&file, &roots).unwrap();
        assert_eq!(found[0].chain, Some(Chain::Unknown));
        assert!(found[0].is_valid() && !found[0].is_trusted());
    }
}

/// A document signed with a key that a job would not take.
fn signed_by(key: &LocalKey) -> Vec<u8> {
    let file = build::pages(1, Shape::Table);
    let document = Document::open(&file).unwrap();
    let statement = Statement { time: job::time(), name: None, reason: None, location: None };
    let tail = sign::sign(&document, Appearance::Hidden, &statement, key, None).unwrap();
    [file.as_slice(), &tail].concat()
}

#[test]
fn certificates_out_of_their_time_are_told() {
    let key = |from: &str, until: &str| {
        let validity = Validity { from: from.parse().unwrap(), until: until.parse().unwrap() };
        ROOT.issue(&people::subject("Short"), Algorithm::P256Sha256, validity).unwrap().into_key().unwrap()
    };
    for (from, until, expected) in [
        ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", Chain::Expired),
        ("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", Chain::NotYetValid),
        ("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z", Chain::Trusted),
    ] {
        let key = key(from, until);
        let in_force = expected == Chain::Trusted;
        assert_eq!(only(&signed_by(&key)).chain, Some(expected));
        let refused = seal(build::pages(1, Shape::Table), &[job::party(&key, &[])], &job::options()).err();
        assert_eq!(refused.map(|it| it.code()), (!in_force).then_some("certificate_not_in_force"));
    }
}

#[test]
fn a_certificate_for_something_else_is_unfit() {
    // The root itself signs, whose certificate is for certificates.
    let root = LocalKey::from_pkcs8(ROOT.pkcs8(), vec![ROOT.certificate().to_vec()]).unwrap();
    assert!(matches!(only(&signed_by(&root)).chain, Some(Chain::Unfit { .. })));
    let refused =
        seal(build::pages(1, Shape::Table), &[job::party(&root, &[])], &job::options()).unwrap_err();
    assert_eq!(refused.code(), "bad_certificate");
}

#[test]
fn many_signatures_are_checked_in_one_pass() {
    let key = people::p256("Many");
    let parties: Vec<_> = (0..12).map(|_| job::party(&key, &[])).collect();
    let sealed = seal(build::pages(1, Shape::Table), &parties, &job::options()).unwrap();
    let found = trusting(&sealed.bytes);
    assert_eq!(found.len(), 12);
    assert!(found.iter().all(|it| it.is_trusted()), "{found:#?}");
}

#[test]
fn what_pyhanko_signs_is_understood() {
    for options in [&[] as &[&str], &["--use-pades"]] {
        let Some(file) = judges::pyhanko_signs(&build::pages(2, Shape::Stream), "Theirs", options) else {
            return;
        };
        let signature = only(&file);
        assert!(signature.is_trusted(), "{options:?}: {signature:#?}");
        assert_eq!(signature.signer.unwrap().name, "PyHanko");
    }
}

#[test]
fn what_cannot_be_checked_is_not_called_wrong() {
    // PyHanko takes the longest salt there is, ring none but the digest's length.
    let Some(file) = judges::pyhanko_signs(&build::pages(1, Shape::Table), "Theirs", &["--prefer-pss"])
    else {
        return;
    };
    assert!(matches!(only(&file).integrity, Integrity::Unsupported { .. }));
}

#[test]
fn a_signature_that_openssl_made_fits_into_our_hole() {
    let file = build::pages(1, Shape::Table);
    let document = Document::open(&file).unwrap();
    let statement = Statement { time: job::time(), name: None, reason: None, location: None };
    let prepared = sign::prepare(&document, Appearance::Hidden, &statement, 8_000).unwrap();
    let empty = [file.as_slice(), &prepared.clone().embed(&[]).unwrap()].concat();
    let (_, [_, start, end, _]) = byte_range(&empty);
    for options in [&[] as &[&str], &["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:-1"]] {
        let folder = Folder::new();
        if people::openssl_key(&folder, "RSA", &["-pkeyopt", "rsa_keygen_bits:2048"]).is_none() {
            return;
        }
        people::certify(&folder, "OpenSSL", Usage::Documents);
        folder.write("content", &[&empty[..start], &empty[end..]].concat());
        let sign = [
            "cms", "-sign", "-binary", "-cades", "-in", "content", "-signer", "leaf.pem", "-inkey", "key.pem",
        ];
        people::openssl(&folder, &[&sign[..], options, &["-outform", "DER", "-out", "signature"]].concat());
        let signature = std::fs::read(folder.0.join("signature")).unwrap();
        let signed = [file.as_slice(), &prepared.clone().embed(&signature).unwrap()].concat();
        assert!(only(&signed).is_trusted(), "{options:?}: {:#?}", only(&signed));
    }
}

#[test]
fn a_time_stamp_over_the_document_is_understood() {
    let Some(stamper) = Stamper::new() else { return };
    let file = build::pages(1, Shape::Table);
    let document = Document::open(&file).unwrap();
    let statement = Statement { time: job::time(), name: None, reason: None, location: None };
    let prepared = sign::prepare(&document, Appearance::Hidden, &statement, 8_000).unwrap();
    let empty = [file.as_slice(), &prepared.embed(&[]).unwrap()].concat();
    let stamped = overwritten(&empty, "/ETSI.CAdES.detached", "/ETSI.RFC3161       ");
    let (_, [_, start, end, _]) = byte_range(&stamped);

    let folder = Folder::new();
    folder.write("content", &[&stamped[..start], &stamped[end..]].concat());
    people::openssl(&folder, &["ts", "-query", "-data", "content", "-sha256", "-cert", "-out", "request"]);
    folder.write("reply", &stamper.answer(&std::fs::read(folder.0.join("request")).unwrap()).unwrap());
    people::openssl(&folder, &["ts", "-reply", "-in", "reply", "-token_out", "-out", "token"]);
    let token = std::fs::read(folder.0.join("token")).unwrap();
    let stamped = filled(stamped, &token);
    let signature = only(&stamped);
    assert_eq!(signature.kind, Kind::TimeStamp);
    assert!(
        signature.is_trusted() && matches!(signature.time, SigningTime::Stamped { .. }),
        "{signature:#?}"
    );
    assert_eq!(only(&overwritten(&stamped, "(Page 1)", "(Page 9)")).integrity, Integrity::DigestWrong);
}

/// The document with a signature put into its empty hole.
fn filled(mut file: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    let (_, [_, start, _, _]) = byte_range(&file);
    for (place, byte) in file[start + 1..].chunks_mut(2).zip(signature) {
        place.copy_from_slice(format!("{byte:02X}").as_bytes());
    }
    file
}

#[test]
fn fields_that_a_signature_locks_stay_as_they_are() {
    let mut builder = build::builder(&[Sheet { more: "/Annots [7 0 R 8 0 R]".into(), ..Sheet::default() }]);
    builder.add("<</Type /Annot /Subtype /Widget /FT /Tx /T (Amount) /Rect [50 50 150 70] /F 4>>");
    builder.add("<</Type /Annot /Subtype /Widget /FT /Tx /T (Remark) /Rect [50 90 150 110] /F 4>>");
    let form = builder.add("<</Fields [7 0 R 8 0 R]>>");
    let catalogue = &mut builder.objects[builder.root as usize - 1];
    let end = catalogue.len() - 2;
    catalogue.splice(end..end, format!(" /AcroForm {form} 0 R").into_bytes());
    let file = builder.write(Shape::Table);

    // What locks the field takes the place of a reason of the same length.
    let lock = "/Reference [<</TransformMethod /FieldMDP \
                /TransformParams <</Action /Include /Fields [(Amount)] /V /1.2>>>>]";
    let reason = "x".repeat(lock.len() / 2 - 4);
    let statement = Statement { time: job::time(), name: None, reason: Some(reason.clone()), location: None };
    let document = Document::open(&file).unwrap();
    let prepared = sign::prepare(&document, Appearance::Hidden, &statement, 8_000).unwrap();
    let empty = [file.as_slice(), &prepared.embed(&[]).unwrap()].concat();
    let old = format!("/Reason <{}>", "78".repeat(reason.len()));
    let locking = overwritten(&empty, &old, &format!("{lock:width$}", width = old.len()));
    let (_, [_, start, end, _]) = byte_range(&locking);
    let digest = Hash::Sha256.of(&[&locking[..start], &locking[end..]]);
    let signed = filled(locking, &cms::signed_data(&people::p256("Locker"), &digest, None).unwrap());
    assert!(only(&signed).is_trusted());

    let fill = |field| {
        meddled(&signed, |update| {
            let filled = update.dictionary(id(field)).unwrap().with("V", Object::text("1"));
            update.put(id(field), filled);
        })
    };
    assert!(only(&fill(8)).is_valid(), "the other field is open");
    assert!(only(&fill(7)).forbidden_changes().any(|it| it.what.contains("locked")));
}

#[test]
fn a_document_without_signatures_has_none() {
    assert_eq!(trusting(&build::pages(1, Shape::Table)), []);
    assert_eq!(verify(b"text", &[]).unwrap_err().code(), "not_pdf");
}
