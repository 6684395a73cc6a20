//! Pages as pictures.

use std::sync::Arc;

use zhupi_seal::document::Document;
use zhupi_seal::draw::Fonts;
use zhupi_seal::error::{Error, Result};
use zhupi_seal::picture::Picture;
use zhupi_seal::preview;

use crate::build::{self, Shape, Sheet};

#[test]
fn a_preview_is_as_large_as_the_page_is_shown() {
    let sheet =
        Sheet { crop: Some([10.0, 20.0, 310.0, 220.0]), rotate: 90, unit: Some(2.0), ..Sheet::default() };
    let file = build::document(&[sheet], Shape::Packed);
    let size = |scale| draw(&file, 1, scale, &none()).map(|it| (it.width(), it.height()));
    assert_eq!(size(1.0), Ok((400, 600)));
    assert_eq!(size(0.5), Ok((200, 300)));
    assert_eq!(size(1_000.0).map(|(_, height)| height), Ok(4_000), "no picture fills the memory");
}

#[test]
fn a_page_that_is_not_there_has_no_preview() {
    let file = build::pages(2, Shape::Table);
    for page in [0, 3] {
        assert_eq!(draw(&file, page, 1.0, &none()), Err(Error::PageNotThere { page, pages: 2 }));
    }
}

#[test]
fn text_in_a_typeface_that_is_not_in_the_file_is_shown_with_an_installed_one() {
    let fonts = Fonts::installed();
    if fonts.is_empty() && std::env::var_os("CI").is_none() {
        eprintln!("NOT RUN: no font is installed");
        return;
    }
    let file = build::chinese("甲方盖章");
    let dark = draw(&file, 1, 2.0, &fonts).unwrap().pixels().chunks_exact(4).filter(|it| it[0] < 90).count();
    assert!(dark > 300, "{dark} dark pixels");
}

fn draw(file: &[u8], page: u32, scale: f64, fonts: &Fonts) -> Result<Picture> {
    let document = Document::open(file)?;
    preview::draw_page(&Arc::new(file.to_vec()), &document, page, scale, fonts)
}

fn none() -> Fonts {
    Fonts::from_files([])
}
