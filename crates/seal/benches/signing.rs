//! What it takes to sign a document, from its bytes to those that have to be appended, and what the whole job takes with
//! its self-check. The goals: signing at most twice as long as the digest alone, a job of one seal 30 ms for a megabyte
//! and 300 ms for fifty.

#[path = "../tests/it/build.rs"]
#[expect(dead_code, reason = "the tests need more kinds of documents")]
mod build;
#[path = "../tests/it/people.rs"]
#[expect(dead_code, reason = "the tests need more kinds of keys")]
mod people;
#[path = "../tests/it/tools.rs"]
#[expect(dead_code, reason = "the tests need more programs")]
mod tools;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::json;
use zhupi_seal::crypto::Hash;
use zhupi_seal::document::Document;
use zhupi_seal::job::{Options, Party, seal};
use zhupi_seal::picture::{PackedPicture, Picture};
use zhupi_seal::position::{Placement, Position};
use zhupi_seal::sign::{self, Appearance, Statement};
use zhupi_seal::{Error, LocalKey, verify};

use build::{Shape, Sheet};

fn signing(criterion: &mut Criterion) {
    let key = people::rsa("Bench").unwrap_or_else(|| people::p256("Bench"));
    let picture = picture();
    for (name, pages) in [("sign 1 MB", 70), ("sign 50 MB", 3_500)] {
        let file = document(pages);
        let sealed = whole_job(file.clone(), &key, &picture);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        group.bench_function("bare SHA-256", |bench| bench.iter(|| Hash::Sha256.of(&[black_box(&file)])));
        group.bench_function("bare SM3", |bench| bench.iter(|| Hash::Sm3.of(&[black_box(&file)])));
        let document = opened(&file);
        group.bench_function("sign", |bench| bench.iter(|| sign_once(&document, &key, &picture)));
        group.bench_function("whole job", |bench| {
            let run = |file| whole_job(file, &key, &picture);
            bench.iter_batched(|| file.clone(), run, BatchSize::LargeInput);
        });
        group.bench_function("verify", |bench| bench.iter(|| verify(black_box(&sealed), &[])));
        group.finish();
    }
}

/// The document as it stands in the job when its places have been found: opened, and its pages read.
fn opened(file: &[u8]) -> Document<'_> {
    let opened = || {
        let document = Document::open(file)?;
        document.pages()?;
        Ok(document)
    };
    opened().unwrap_or_else(|error: Error| panic!("{error}"))
}

fn sign_once(document: &Document<'_>, key: &LocalKey, picture: &PackedPicture) -> Vec<u8> {
    let place =
        Placement { page: 1, x: 100.0, y: 100.0, width: 119.0, height: 119.0, slice: None, moved: false };
    let appearance = Appearance::Seen { picture, placements: &[place] };
    let statement = Statement { time: time(), name: None, reason: None, location: None };
    sign::sign(document, appearance, &statement, key, None).unwrap_or_else(|error| panic!("{error}"))
}

/// When the keys of the tests are in force.
fn time() -> Timestamp {
    Timestamp::from_second(1_772_000_000).unwrap_or_default()
}

fn whole_job(file: Vec<u8>, key: &LocalKey, picture: &PackedPicture) -> Vec<u8> {
    let sealed = || {
        let position = Position::from_json(&json!({"signType": 1, "posPage": 1, "posX": 200, "posY": 200}))?;
        let party = Party {
            signer: key,
            picture,
            width_mm: Some(42.0),
            positions: &[position],
            name: None,
            reason: None,
            location: None,
        };
        let options = Options { time: time(), stamps: None, owner_password: None };
        Ok(seal(file, &[party], &options)?.bytes)
    };
    sealed().unwrap_or_else(|error: Error| panic!("{error}"))
}

/// Pages of 15 kB each, most of it a picture that does not pack.
fn document(pages: usize) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(7);
    let mut builder = build::builder(&vec![Sheet::default(); pages]);
    for _ in 0..pages {
        let noise: Vec<u8> = (0..14_400).map(|_| chance.u8(..)).collect();
        let entries = "/Type /XObject /Subtype /Image /Width 120 /Height 120 /ColorSpace /DeviceGray /BitsPerComponent 8";
        builder.stream(entries, &noise);
    }
    builder.write(Shape::Table)
}

/// A ring of 600 by 600 pixels.
fn picture() -> PackedPicture {
    let pixel = |index: u32| {
        let (x, y) = (f64::from(index % 600) - 300.0, f64::from(index / 600) - 300.0);
        [210, 32, 31, if (x.hypot(y) - 250.0).abs() < 30.0 { 255 } else { 0 }]
    };
    let picture = Picture::from_pixels(600, 600, (0..600 * 600).flat_map(pixel).collect());
    let packed = picture.unwrap_or_else(|| panic!("600 by 600 pixels")).pack();
    packed.unwrap_or_else(|error| panic!("{error}"))
}

criterion_group!(benches, signing);
criterion_main!(benches);
