//! Any bytes as a document: sealing gives a sound result or a named refusal. Run with `cargo fuzz run stamp`.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use zhupi_seal::Result;
use zhupi_seal::document::Document;
use zhupi_seal::keyword::Text;
use zhupi_seal::picture::Picture;
use zhupi_seal::position::{Position, SealSize};
use zhupi_seal::stamp::{self, Stamp};

fuzz_target!(|file: &[u8]| {
    if let Ok(sealed) = seal(file) {
        let (before, after) = (Document::open(file), Document::open(&sealed));
        let count = |document: &Result<Document<'_>>| {
            document.as_ref().ok().and_then(|it| it.pages().ok()).map(<[zhupi_seal::Page]>::len)
        };
        assert!(sealed.starts_with(file));
        assert_eq!(count(&before), count(&after));
        after.and_then(|it| it.check_signable()).expect("what was sealed can be sealed again");
    }
});

fn seal(file: &[u8]) -> Result<Vec<u8>> {
    let document = Document::open(file)?;
    document.check_signable()?;
    let position = Position::from_json(&json!({"signType": 1, "posPage": 1, "posX": 60, "posY": 60}))?;
    let size = SealSize { pixels: (4, 4), width_mm: None };
    let placements = position.place(&document, &Text::of(Arc::default()), &size)?;
    let picture = Picture::from_pixels(4, 4, vec![200; 64]).ok_or(zhupi_seal::Error::PictureEmpty)?.pack()?;
    let stamps: Vec<Stamp<'_>> = placements.iter().map(|it| Stamp { picture: &picture, placement: *it }).collect();
    Ok([file, &stamp::stamp(&document, &stamps)?.bytes].concat())
}
