//! Whole jobs: documents of every shape, parties of every kind, judged by others.

use std::sync::{LazyLock, mpsc};

use jiff::Timestamp;
use serde_json::json;
use zhupi_seal::document::Document;
use zhupi_seal::job::{Options, Party, Sealed, Step, Warning, seal};
use zhupi_seal::picture::{PackedPicture, Picture};
use zhupi_seal::position::Position;
use zhupi_seal::sign::{self, Appearance, Statement};
use zhupi_seal::signer::Algorithm;
use zhupi_seal::verify::{ChangeKind, Coverage, Kind, SigningTime};
use zhupi_seal::{Error, LocalKey, Result, Signer, verify};

use crate::build::{self, SHAPES, Shape};
use crate::judges;
use crate::people::{self, ROOT};
use crate::timestamp::Stamper;
use crate::tools::{self, Folder};

/// A red ring of 60 by 60 pixels.
pub static RING: LazyLock<PackedPicture> = LazyLock::new(|| {
    let pixel = |at: i32| {
        let (x, y) = (at % 60 - 30, at / 60 - 30);
        let inside = (500..850).contains(&(x * x + y * y));
        [200, 20, 20, if inside { 255 } else { 0 }]
    };
    Picture::from_pixels(60, 60, (0..3600).flat_map(pixel).collect()).unwrap().pack().unwrap()
});

pub fn positions(all: &[serde_json::Value]) -> Vec<Position> {
    all.iter().map(|it| Position::from_json(it).unwrap()).collect()
}

pub fn party<'a>(signer: &'a dyn Signer, positions: &'a [Position]) -> Party<'a> {
    let reason = Some("合同审批通过".to_owned());
    Party { signer, picture: &RING, width_mm: None, positions, name: None, reason, location: None }
}

pub fn options() -> Options<'static> {
    Options { time: time(), stamps: None, owner_password: None }
}

pub fn time() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

/// One seal on the first page.
pub fn sealed(file: Vec<u8>, key: &LocalKey) -> Sealed {
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    seal(file, &[party(key, &place)], &options()).unwrap()
}

fn sealed_by(signer: &dyn Signer) -> Result<Sealed> {
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    seal(build::pages(1, Shape::Table), &[party(signer, &place)], &options())
}

#[test]
fn parties_of_one_job_sign_one_after_another() {
    let file = build::pages(5, Shape::Table);
    let (first, second) = (people::p256("甲方"), people::rsa("乙方"));
    let second = second.unwrap_or_else(|| people::p256("乙方"));
    let for_first = positions(&[
        json!({"signType": 1, "posPage": "5", "posX": 200, "posY": 200}),
        json!({"signType": 4, "key": "Page 2", "posX": 60, "posY": 0}),
        json!({"signType": 3, "posPage": "all", "posY": 500}),
    ]);
    let for_second = positions(&[json!({"signType": 2, "posPage": "1-3,5", "posX": 400, "posY": 300})]);
    let parties = [party(&first, &for_first), party(&second, &for_second)];
    let sealed = seal(file.clone(), &parties, &options()).unwrap();

    assert!(sealed.bytes.starts_with(&file));
    assert_eq!(sealed.fields, [["Seal1"], ["Seal2"]], "each signs once");
    assert_eq!(sealed.placements.len(), 1 + 1 + 5 + 4);
    assert_eq!(sealed.warnings, []);
    let steps: Vec<Step> = sealed.versions.iter().map(|it| it.step).collect();
    assert_eq!(steps, [Step::Received, Step::Stamped, Step::Signed { party: 0 }, Step::Signed { party: 1 }]);
    for version in &sealed.versions {
        let digest = zhupi_seal::crypto::Hash::Sha256.of(&[&sealed.bytes[..version.length]]);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(version.sha256, digest);
    }
    judges::assert_valid("two parties", &sealed.bytes, 2);

    let found = verify(&sealed.bytes, &[ROOT.certificate().to_vec()]).unwrap();
    assert!(found.iter().all(|it| it.is_trusted()), "{found:#?}");
    assert_eq!(found[0].coverage, Coverage::EntireRevision);
    assert_eq!(found[1].coverage, Coverage::EntireFile);
    assert!(found[0].changes.iter().all(|it| it.kind == ChangeKind::Signature), "{:?}", found[0].changes);
    assert_eq!(found[0].reason.as_deref(), Some("合同审批通过"));
    assert_eq!(found[0].time, SigningTime::Claimed(time()));
    assert_eq!(found[0].signer.as_ref().unwrap().name, "甲方");
}

#[test]
fn documents_of_every_shape_are_signed() {
    let key = people::p256("Shape");
    for shape in SHAPES {
        let file = build::pages(2, shape);
        let sealed = sealed(file.clone(), &key);
        let rewritten = shape == Shape::Hybrid;
        assert_eq!(sealed.bytes.starts_with(&file), !rewritten, "{shape:?}");
        assert_eq!(sealed.warnings.contains(&Warning::Rewritten), rewritten, "{shape:?}");
        judges::assert_valid(&format!("{shape:?}"), &sealed.bytes, 1);
        assert!(verify(&sealed.bytes, &[ROOT.certificate().to_vec()]).unwrap()[0].is_trusted());
    }
}

#[test]
fn parties_at_different_times_keep_each_other_valid() {
    let (first, second) = (people::p256("甲方"), people::p256("乙方"));
    let once = sealed(build::pages(4, Shape::Stream), &first);
    let several = positions(&[
        json!({"signType": 2, "posPage": "2-3", "posX": 400, "posY": 300}),
        json!({"signType": 3, "posPage": "all", "posY": 600}),
    ]);
    let twice = seal(once.bytes.clone(), &[party(&second, &several)], &options()).unwrap();
    assert!(twice.bytes.starts_with(&once.bytes));
    assert_eq!(twice.fields[0].len(), 6, "every place is a field of the same signature");
    judges::assert_valid("shared value", &twice.bytes, 7);
    let found = verify(&twice.bytes, &[ROOT.certificate().to_vec()]).unwrap();
    assert_eq!(found.len(), 2, "seals at several places are one signature");
    assert!(found.iter().all(|it| it.is_trusted()), "{found:#?}");
}

#[test]
fn signatures_of_other_programs_before_and_after_stay_valid() {
    let Some(theirs) = judges::pyhanko_signs(&build::pages(2, Shape::Table), "Before", &[]) else { return };
    let key = people::p256("Between");
    let ours = sealed(theirs.clone(), &key);
    assert!(ours.bytes.starts_with(&theirs));
    judges::assert_valid("after theirs", &ours.bytes, 2);
    let after = judges::pyhanko_signs(&ours.bytes, "After", &["--use-pades"]).unwrap();
    judges::assert_valid("before theirs", &after, 3);
    let found = verify(&after, &[ROOT.certificate().to_vec()]).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|it| it.is_trusted()), "{found:#?}");
    let again = sealed(after, &key);
    judges::assert_valid("after all of them", &again.bytes, 4);
}

#[test]
fn a_certified_document_is_refused() {
    let Some(theirs) = judges::pyhanko_signs(&build::pages(1, Shape::Table), "Author", &["--certify"]) else {
        return;
    };
    let place = positions(&[json!({"signType": 1, "posPage": 1, "posX": 150, "posY": 150})]);
    let refused = seal(theirs.clone(), &[party(&people::p256("Late"), &place)], &options()).unwrap_err();
    assert_eq!(refused.code(), "document_certified");
    let found = verify(&theirs, &[ROOT.certificate().to_vec()]).unwrap();
    assert!(matches!(found[0].kind, Kind::Certification { .. }) && found[0].is_trusted(), "{found:#?}");
}

#[test]
fn a_time_stamp_comes_with_the_signature() {
    let Some(stamper) = Stamper::new() else { return };
    let key = people::p256("Stamped");
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    let transport = |request: &[u8]| stamper.answer(request);
    let stamped = Options { stamps: Some(&transport), ..options() };
    let sealed = seal(build::pages(1, Shape::Table), &[party(&key, &place)], &stamped).unwrap();
    judges::assert_valid("time stamp", &sealed.bytes, 1);
    if let Some((_, _, said)) = judges::pyhanko(&sealed.bytes) {
        assert!(said.contains("timestamp token is cryptographically sound"), "{said}");
    }
    if let Some((valid, all, said)) = judges::pyhanko_pades(&sealed.bytes) {
        assert_eq!((valid, all), (1, 1), "{said}");
    }
    let found = verify(&sealed.bytes, &[ROOT.certificate().to_vec()]).unwrap();
    let SigningTime::Stamped { authority, chain, .. } = &found[0].time else { panic!("{found:#?}") };
    assert_eq!((authority.name.as_str(), chain), ("Time Stamps", &zhupi_seal::chain::Chain::Trusted));
    assert!(found[0].is_trusted());
}

#[test]
fn a_time_stamp_that_is_not_given_fails_the_job() {
    let key = people::p256("Stamped");
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    let transport =
        |_: &[u8]| -> Result<Vec<u8>> { Err(Error::TimeStampFailed { what: "no route".to_owned() }) };
    let stamped = Options { stamps: Some(&transport), ..options() };
    let refused = seal(build::pages(1, Shape::Table), &[party(&key, &place)], &stamped).unwrap_err();
    assert_eq!(refused.code(), "time_stamp_failed");
}

#[test]
fn sm2_signatures_are_made_and_checked() {
    let root = people::root(Algorithm::Sm2Sm3);
    let key = root
        .issue(&people::subject("国密"), Algorithm::Sm2Sm3, people::years(20))
        .unwrap()
        .into_key()
        .unwrap();
    let other = people::p256("国际");
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    let elsewhere = positions(&[json!({"signType": 1, "posPage": "1", "posX": 350, "posY": 150})]);
    let parties = [party(&key, &place), party(&other, &elsewhere)];
    let sealed = seal(build::pages(1, Shape::Table), &parties, &options()).unwrap();
    tools::assert_sound("SM2", &sealed.bytes);
    let roots = [root.certificate().to_vec(), ROOT.certificate().to_vec()];
    let found = verify(&sealed.bytes, &roots).unwrap();
    assert!(found.iter().all(|it| it.is_trusted()), "{found:#?}");

    // The digest in it is the one that OpenSSL takes of the same bytes.
    let file = &sealed.bytes[..found[0].length];
    let hole = file.windows(11).position(|it| it == b"/Contents <").unwrap() + 10;
    let end = hole + file[hole..].iter().position(|it| *it == b'>').unwrap() + 1;
    let folder = Folder::new();
    folder.write("signed", &[&file[..hole], &file[end..]].concat());
    let Some(said) = people::openssl(&folder, &["dgst", "-sm3", "signed"]) else { return };
    let digest = said.trim().rsplit(' ').next().unwrap().to_uppercase();
    assert!(String::from_utf8_lossy(&file[hole..end]).contains(&digest), "{digest}");
}

#[test]
fn a_signer_that_fails_gives_nothing_out() {
    struct Down(LocalKey);
    impl Signer for Down {
        fn algorithm(&self) -> Algorithm {
            self.0.algorithm()
        }
        fn chain(&self) -> &[Vec<u8>] {
            self.0.chain()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
            Err(Error::SignerFailed { what: "timed out".to_owned() })
        }
    }
    let (good, down) = (people::p256("Good"), Down(people::p256("Down")));
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    let parties = [party(&good, &place), party(&down, &place)];
    let refused = seal(build::pages(1, Shape::Table), &parties, &options()).unwrap_err();
    assert_eq!(refused, Error::SignerFailed { what: "timed out".to_owned() });
}

#[test]
fn a_signer_elsewhere_is_waited_for() {
    /// Hands what is to be signed to another thread and waits for its answer.
    struct Wire {
        chain: Vec<Vec<u8>>,
        ask: mpsc::Sender<Vec<u8>>,
        answer: mpsc::Receiver<Vec<u8>>,
    }
    impl Signer for Wire {
        fn algorithm(&self) -> Algorithm {
            Algorithm::P256Sha256
        }
        fn chain(&self) -> &[Vec<u8>] {
            &self.chain
        }
        fn sign(&self, signed_attributes: &[u8]) -> Result<Vec<u8>> {
            let hung_up = || Error::SignerFailed { what: "hung up".to_owned() };
            self.ask.send(signed_attributes.to_vec()).map_err(|_| hung_up())?;
            self.answer.recv().map_err(|_| hung_up())
        }
    }
    let key = people::p256("Service");
    let chain = key.chain().to_vec();
    let (ask, asked) = mpsc::channel::<Vec<u8>>();
    let (give, answer) = mpsc::channel();
    let service = std::thread::spawn(move || {
        // One answer is given, then the line goes dead.
        give.send(key.sign(&asked.recv().unwrap()).unwrap()).unwrap();
    });
    let wire = Wire { chain, ask, answer };
    assert!(
        verify(&sealed_by(&wire).unwrap().bytes, &[ROOT.certificate().to_vec()]).unwrap()[0].is_trusted()
    );
    service.join().unwrap();
    assert_eq!(sealed_by(&wire).unwrap_err(), Error::SignerFailed { what: "hung up".to_owned() });
}

#[test]
fn broken_documents_are_sealed_rightly_or_refused() {
    let key = people::p256("Mutation");
    let place = positions(&[
        json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150}),
        json!({"signType": 2, "posPage": "all", "posX": 300, "posY": 300}),
    ]);
    let mut random = fastrand::Rng::with_seed(21);
    let (mut good, mut refused) = (0, 0);
    for round in 0..1_200 {
        let mut file = build::pages(2, SHAPES[round % 4]);
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..file.len());
            match random.u8(..4) {
                0 => file[at] = random.u8(..),
                1 => file.truncate(at.max(20)),
                2 => file.insert(at, *random.choice(b"0 <>[]()/%".iter()).unwrap()),
                _ => drop(file.remove(at)),
            }
        }
        match seal(file.clone(), &[party(&key, &place)], &options()) {
            Ok(sealed) => {
                good += 1;
                assert!(sealed.warnings.contains(&Warning::Rewritten) || sealed.bytes.starts_with(&file));
                let found = verify(&sealed.bytes, &[ROOT.certificate().to_vec()]).unwrap();
                assert!(found.last().unwrap().is_trusted(), "round {round}: {found:#?}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(good > 100 && refused > 100, "{good} sealed, {refused} refused");
}

#[test]
fn a_position_that_is_wrong_fails_the_job_before_anybody_signs() {
    struct Never;
    impl Signer for Never {
        fn algorithm(&self) -> Algorithm {
            Algorithm::P256Sha256
        }
        fn chain(&self) -> &[Vec<u8>] {
            &[]
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
            panic!("nothing is signed")
        }
    }
    let good = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    let wrong = positions(&[json!({"signType": 1, "posPage": "9", "posX": 150, "posY": 150})]);
    let parties = [party(&Never, &good), party(&Never, &wrong)];
    let refused = seal(build::pages(2, Shape::Table), &parties, &options()).unwrap_err();
    assert_eq!(refused, Error::PageNotThere { page: 9, pages: 2 });
}

#[test]
fn a_hole_that_is_too_small_is_refused() {
    let file = build::pages(1, Shape::Table);
    let key = people::p256("Tight");
    let document = Document::open(&file).unwrap();
    let statement = Statement { time: time(), name: None, reason: None, location: None };
    let prepared = sign::prepare(&document, Appearance::Hidden, &statement, 600).unwrap();
    let digest = prepared.digest(&file, key.algorithm().hash());
    let signature = zhupi_seal::cms::signed_data(&key, &digest, None).unwrap();
    let refused = prepared.embed(&signature).unwrap_err();
    assert_eq!(refused, Error::SignatureTooLarge { length: signature.len(), room: 600 });
}

#[test]
fn the_room_that_is_measured_suffices_for_long_chains() {
    let key = people::p256("Chain");
    let pkcs8 = ROOT.issue(&people::subject("Long"), Algorithm::P256Sha256, people::years(9)).unwrap();
    let chain = [pkcs8.chain.clone(), vec![ROOT.certificate().to_vec(); 40]].concat();
    let long = LocalKey::from_pkcs8(&pkcs8.pkcs8, chain).unwrap();
    for key in [key, long] {
        let signature = zhupi_seal::cms::signed_data(&key, &[7; 32], None).unwrap();
        assert!(signature.len() <= sign::room_for(&key, false));
    }
}

#[test]
fn a_signature_without_a_seal_is_signed_all_the_same() {
    let key = people::p256("Hidden");
    let sealed = seal(build::pages(1, Shape::Packed), &[party(&key, &[])], &options()).unwrap();
    judges::assert_valid("hidden", &sealed.bytes, 1);
    assert!(verify(&sealed.bytes, &[ROOT.certificate().to_vec()]).unwrap()[0].is_trusted());
}

#[test]
fn what_should_be_looked_at_is_told() {
    let key = people::p256("Careful");
    let one = positions(&[json!({"signType": 1, "posPage": "1", "posX": 10, "posY": 150})]);
    let over = positions(&[json!({"signType": 1, "posPage": "1", "posX": 40, "posY": 160})]);
    let parties = [party(&key, &one), party(&key, &over)];
    let sealed = seal(build::pages(1, Shape::Table), &parties, &options()).unwrap();
    let expected = [Warning::Moved { party: 0, page: 1 }, Warning::Overlap { page: 1, parties: (0, 1) }];
    assert_eq!(sealed.warnings, expected);
}

#[test]
fn an_encrypted_document_needs_its_owner() {
    let folder = Folder::new();
    folder.write("plain.pdf", &build::pages(1, Shape::Table));
    let encrypt = ["--encrypt", "reader", "owner", "256", "--", "plain.pdf", "closed.pdf"];
    if tools::run_in(&folder.0, "qpdf", &encrypt).is_none() {
        return;
    }
    let closed = std::fs::read(folder.0.join("closed.pdf")).unwrap();
    let key = people::p256("Owner");
    let place = positions(&[json!({"signType": 1, "posPage": "1", "posX": 150, "posY": 150})]);
    let attempt = |owner_password| {
        seal(closed.clone(), &[party(&key, &place)], &Options { owner_password, ..options() })
    };
    assert_eq!(attempt(None).unwrap_err(), Error::Encrypted);
    assert_eq!(attempt(Some("guess")).unwrap_err(), Error::WrongPassword);
    let sealed = attempt(Some("owner")).unwrap();
    assert_eq!(sealed.warnings, [Warning::Rewritten]);
    judges::assert_valid("encrypted before", &sealed.bytes, 1);
}

#[test]
fn an_earlier_signature_that_is_wrong_is_told() {
    let key = people::p256("First");
    let mut broken = sealed(build::pages(1, Shape::Table), &key).bytes;
    let at = broken.windows(6).position(|it| it == b"Page 1").unwrap();
    broken[at] = b'Q';
    let again = sealed(broken, &people::p256("Second"));
    assert_eq!(again.warnings.last(), Some(&Warning::EarlierSignatureWrong { number: 1 }));
}
