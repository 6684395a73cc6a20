//! Broken documents: whatever is done to a file, sealing it gives a sound result or a named refusal.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use zhupi_seal::document::Document;
use zhupi_seal::error::Result;
use zhupi_seal::keyword::Text;
use zhupi_seal::normalise::normalise;
use zhupi_seal::page::Page;
use zhupi_seal::picture::PackedPicture;
use zhupi_seal::position::{Position, SealSize};
use zhupi_seal::stamp::{self, Stamp};

use crate::build::{self, Builder, SHAPES, Shape, Sheet};
use crate::look;

/// So many broken files are tried for each sound one.
const EACH: u64 = 300;

#[test]
fn broken_documents_are_sealed_soundly_or_refused_by_name() {
    let picture = look::packed(16, 16);
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    let mut mended_and_sealed = 0;
    for (base, sound) in sources().into_iter().enumerate() {
        for round in 0..EACH {
            let seed = base as u64 * 1_000_000 + round;
            let broken = sound.broken(seed);
            let outcome = match seal(&broken, &picture) {
                Ok(sealed) => {
                    assert!(sealed.starts_with(&broken), "seed {seed}");
                    check_whole(&broken, &sealed, seed);
                    "sealed"
                }
                Err(error) => error.code(),
            };
            *outcomes.entry(outcome).or_default() += 1;
            if round % 6 == 0
                && let Ok(mended) = normalise(&broken, None)
                && let Ok(sealed) = seal(&mended, &picture)
            {
                check_whole(&mended, &sealed, seed);
                mended_and_sealed += 1;
            }
        }
    }
    println!("{outcomes:?}; {mended_and_sealed} of {} were mended", EACH * 7 / 6);
    let count: u32 = outcomes.values().sum();
    assert!(count >= 1_000 && outcomes["sealed"] > count / 10 && outcomes["document_damaged"] > count / 10);
    assert!(mended_and_sealed > 30);
}

#[test]
fn text_is_looked_for_in_broken_documents_without_falling_over() {
    for (base, sound) in sources().into_iter().enumerate() {
        for round in 0..EACH / 6 {
            let broken = sound.broken(500_000 + base as u64 * 1_000_000 + round);
            if let Ok(document) = Document::open(&broken)
                && document.pages().is_ok()
            {
                let _ = Text::of(Arc::new(broken.clone())).find(&document, "Page", &[1]);
            }
        }
    }
}

fn seal(file: &[u8], picture: &PackedPicture) -> Result<Vec<u8>> {
    let document = Document::open(file)?;
    document.check_signable()?;
    let position = Position::from_json(&json!({"signType": 2, "posPage": "1-2", "posX": 60, "posY": 60}))?;
    let size = SealSize { pixels: (16, 16), width_mm: None };
    let placements = position.place(&document, &Text::of(Arc::default()), &size)?;
    let stamps: Vec<Stamp<'_>> = placements.iter().map(|it| Stamp { picture, placement: *it }).collect();
    Ok([file, &stamp::stamp(&document, &stamps)?.bytes].concat())
}

/// What was sealed reads back with the same pages, the seals on them, and every object where it should be.
fn check_whole(before: &[u8], after: &[u8], seed: u64) {
    let (before, after) = (Document::open(before).unwrap(), Document::open(after).unwrap());
    after.check_signable().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    // The pages that were sealed have resources of their own now; nothing else about any page may differ.
    let shapes = |document: &Document<'_>| -> Vec<Page> {
        document.pages().unwrap().iter().map(|page| Page { resources: None, ..*page }).collect()
    };
    assert_eq!(shapes(&before), shapes(&after), "seed {seed}");
    for page in &after.pages().unwrap()[..2] {
        let resources = page.effective_resources(&after).unwrap();
        let objects = after.find_dictionary(&resources, "XObject").unwrap().unwrap_or_default();
        assert!(objects.iter().any(|(name, _)| name.decoded().starts_with(b"Seal")), "seed {seed}");
    }
}

/// What a sound file is written from.
struct Source {
    builder: Builder,
    shape: Shape,
}

impl Source {
    /// Either an object is broken and the file around it is sound, or the file itself is broken.
    fn broken(&self, seed: u64) -> Vec<u8> {
        let mut chance = fastrand::Rng::with_seed(seed);
        if chance.bool() {
            let mut file = self.builder.write(self.shape);
            for _ in 0..chance.usize(1..=4) {
                mutate(&mut file, &mut chance);
            }
            return file;
        }
        let mut builder = self.builder.clone();
        for _ in 0..chance.usize(1..=3) {
            let index = chance.usize(..builder.objects.len());
            mutate(&mut builder.objects[index], &mut chance);
        }
        builder.write(self.shape)
    }
}

fn sources() -> Vec<Source> {
    let form = |builder: &mut Builder| {
        let field = builder.add("<</FT /Sig /T (a) /Lock <</Action /Include /Fields [(b)]>>>>");
        format!("/AcroForm <</NeedAppearances true /Fields [{field} 0 R]>> /Perms <<>>")
    };
    let line = |number| Sheet { lines: vec![(72.0, 720.0, format!("Page {number}"))], ..Sheet::default() };
    let turned = Sheet { rotate: 90, crop: Some([10.0, 10.0, 500.0, 700.0]), ..line(4) };
    let plain = build::builder(&[line(1), line(2), line(3)]);
    let mut sources: Vec<Source> =
        SHAPES.iter().map(|shape| Source { builder: plain.clone(), shape: *shape }).collect();
    for shape in [Shape::Table, Shape::Packed] {
        sources.push(Source { builder: build::catalogue_builder(2, form), shape });
    }
    sources.push(Source { builder: build::builder(&vec![turned; 3]), shape: Shape::Table });
    sources
}

/// Breaks the bytes in one place.
fn mutate(file: &mut Vec<u8>, chance: &mut fastrand::Rng) {
    if file.is_empty() {
        return;
    }
    let at = chance.usize(..file.len());
    let end = (at + chance.usize(1..40)).min(file.len());
    match chance.u8(..9) {
        0 => file[at] = chance.u8(..),
        1 => file[at] ^= 1 << chance.u8(..8),
        2 => drop(file.drain(at..end)),
        3 => {
            let noise: Vec<u8> = (0..9).map(|_| chance.u8(..)).collect();
            file.splice(at..at, noise).for_each(drop);
        }
        4 if chance.bool() => file.truncate(at),
        5 => {
            let copied = file[at..end].to_vec();
            file.splice(at..at, copied).for_each(drop);
        }
        6 => change_a_number(file, chance),
        7 => swap_words(file, chance),
        _ => file[at..end].fill(b' '),
    }
}

fn change_a_number(file: &mut Vec<u8>, chance: &mut fastrand::Rng) {
    let digits: Vec<usize> = (0..file.len()).filter(|at| file[*at].is_ascii_digit()).collect();
    let Some(at) = chance.choice(&digits) else { return };
    let new = chance.choice(["0", "-1", "9", "99999999999", "2147483648", "1.5", "65536"]).unwrap();
    file.splice(*at..*at + 1, new.bytes()).for_each(drop);
}

fn swap_words(file: &mut Vec<u8>, chance: &mut fastrand::Rng) {
    const WORDS: [&str; 14] = [
        "/Kids",
        "/Parent",
        "/Pages",
        "/Type",
        "/Length",
        "/Contents",
        "/MediaBox",
        "/Resources",
        "endobj",
        "stream",
        " 0 R",
        "/Prev",
        "/Size",
        "/Root",
    ];
    let (old, new) = (chance.choice(WORDS).unwrap(), chance.choice(WORDS).unwrap());
    let places: Vec<usize> = file
        .windows(old.len())
        .enumerate()
        .filter(|(_, it)| *it == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    let Some(at) = chance.choice(&places) else { return };
    file.splice(*at..*at + old.len(), new.bytes()).for_each(drop);
}
