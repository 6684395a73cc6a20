//! What it takes to put a seal on a document, without signing it. The goals: 30 ms for a megabyte, 300 ms for fifty.

#[path = "../tests/it/build.rs"]
#[expect(dead_code, reason = "the tests need more kinds of documents")]
mod build;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use zhupi_seal::document::Document;
use zhupi_seal::keyword::Text;
use zhupi_seal::picture::{PackedPicture, Picture};
use zhupi_seal::position::{Position, SealSize};
use zhupi_seal::stamp::{self, Stamp};

use build::{Shape, Sheet};

fn stamping(criterion: &mut Criterion) {
    let picture = seal();
    let packed = picture.pack().unwrap_or_else(|error| panic!("{error}"));
    criterion
        .bench_function("pack a picture of 600 pixels", |bench| bench.iter(|| black_box(&picture).pack()));
    for (name, pages, shape) in [
        ("1 MB, table", 70, Shape::Table),
        ("1 MB, packed", 70, Shape::Packed),
        ("50 MB, table", 3_500, Shape::Table),
        ("50 MB, packed", 3_500, Shape::Packed),
    ] {
        let file = Arc::new(document(pages, shape));
        let text = Text::of(Arc::clone(&file));
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        let mut run = |what: &str, position: &Value| {
            group.bench_function(what, |bench| bench.iter(|| seal_once(&file, &text, &packed, position)));
        };
        run("one seal", &json!({"signType": 1, "posPage": 1, "posX": 200, "posY": 200}));
        run("across 20 pages", &json!({"signType": 3, "posPage": "1-20", "posY": 400}));
        if pages == 70 {
            run("keyword over all pages", &json!({"signType": 4, "key": "Page 7", "keyIndex": 1}));
        }
        group.finish();
    }
}

/// From the bytes to the bytes that have to be appended.
fn seal_once(file: &[u8], text: &Text, picture: &PackedPicture, position: &Value) -> usize {
    let sealed = || {
        let document = Document::open(file)?;
        document.check_signable()?;
        let size = SealSize { pixels: (picture.width, picture.height), width_mm: Some(42.0) };
        let placements = Position::from_json(position)?.place(&document, text, &size)?;
        let stamps: Vec<Stamp<'_>> = placements.iter().map(|it| Stamp { picture, placement: *it }).collect();
        Ok(stamp::stamp(&document, &stamps)?.bytes.len())
    };
    sealed().unwrap_or_else(|error: zhupi_seal::Error| panic!("{error}"))
}

/// Pages of 15 kB each, most of it a picture that does not pack.
fn document(pages: usize, shape: Shape) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(7);
    let line = |number| (72.0, 720.0, format!("Page {number}"));
    let sheets: Vec<Sheet> =
        (1..=pages).map(|it| Sheet { lines: vec![line(it)], ..Sheet::default() }).collect();
    let mut builder = build::builder(&sheets);
    for _ in 0..pages {
        let noise: Vec<u8> = (0..14_400).map(|_| chance.u8(..)).collect();
        let entries = "/Type /XObject /Subtype /Image /Width 120 /Height 120 /ColorSpace /DeviceGray /BitsPerComponent 8";
        builder.stream(entries, &noise);
    }
    builder.write(shape)
}

/// Round, with an edge that has to be packed.
fn seal() -> Picture {
    let pixel = |index: u32| {
        let (x, y) = (f64::from(index % 600) - 300.0, f64::from(index / 600) - 300.0);
        let ink =
            ((x.hypot(y) - 250.0).abs() < 30.0 || (x * 0.3 + y).sin() > 0.9 && x.hypot(y) < 200.0) as u8;
        [210, 32, 31, ink * 255]
    };
    let pixels = (0..600 * 600).flat_map(pixel).collect();
    Picture::from_pixels(600, 600, pixels).unwrap_or_else(|| panic!("600 by 600 pixels"))
}

criterion_group!(benches, stamping);
criterion_main!(benches);
