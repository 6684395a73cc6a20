//! Puts a seal on a PDF file, without signing it; a drawn one, unless a picture is given:
//!
//! `stamp_pdf in.pdf '{"signType": 1, "posPage": 1, "posX": 200, "posY": 200}' out.pdf [seal.png]`
//!
//! Tells how long each step took and, on Linux, the most memory it had.

use std::sync::Arc;
use std::time::Instant;
use std::{env, fs};

use zhupi_seal::document::Document;
use zhupi_seal::draw::{Fonts, Seal};
use zhupi_seal::keyword::Text;
use zhupi_seal::picture::Picture;
use zhupi_seal::position::{Position, SealSize};
use zhupi_seal::stamp::{self, Stamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let organisation = "杭州竹批网络科技有限公司".to_owned();
    let seal = Seal::Round { organisation, purpose: "合同专用章".to_owned(), number: String::new() };
    let [from, position, to, rest @ ..] = arguments.as_slice() else {
        return Err("stamp_pdf IN POSITION OUT [PICTURE]".into());
    };
    let file = Arc::new(fs::read(from)?);
    let position = Position::from_json(&serde_json::from_str(position)?)?;
    let start = Instant::now();
    let picture = match rest.first() {
        Some(picture) => Picture::read(&fs::read(picture)?)?,
        None => seal.draw(&Fonts::installed(), 600)?,
    };
    println!("drawn or read in {:?}", start.elapsed());
    let start = Instant::now();
    let packed = picture.pack()?;
    println!("packed in {:?}", start.elapsed());
    let start = Instant::now();
    let document = Document::open(&file)?;
    document.check_signable()?;
    println!("{} pages opened and checked in {:?}", document.pages()?.len(), start.elapsed());
    let start = Instant::now();
    let size = SealSize { pixels: (picture.width(), picture.height()), width_mm: Some(seal.size_mm().0) };
    let placements = position.place(&document, &Text::of(Arc::clone(&file)), &size)?;
    println!("{} places found in {:?}", placements.len(), start.elapsed());
    let start = Instant::now();
    let stamps: Vec<Stamp<'_>> =
        placements.iter().map(|it| Stamp { picture: &packed, placement: *it }).collect();
    let revision = stamp::stamp(&document, &stamps)?;
    println!("{} bytes added in {:?}", revision.bytes.len(), start.elapsed());
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        println!("the file has {} kB; {peak}", file.len() / 1024);
    }
    let mut out = fs::File::create(to)?;
    std::io::Write::write_all(&mut out, &file)?;
    std::io::Write::write_all(&mut out, &revision.bytes)?;
    Ok(())
}
