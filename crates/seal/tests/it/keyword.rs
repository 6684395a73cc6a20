//! Keywords: where they are found, where not, and what is said then.

use std::sync::Arc;

use serde_json::{Value, json};
use zhupi_seal::document::Document;
use zhupi_seal::draw::Fonts;
use zhupi_seal::error::{Error, Result};
use zhupi_seal::keyword::{Found, Text};
use zhupi_seal::position::{Placement, Position, SealSize};
use zhupi_seal::preview;

use crate::build::{self, SHAPES, Shape, Sheet};

#[test]
fn a_keyword_is_found_at_the_lower_left_of_its_first_character() {
    for (index, rotate) in [0, 90, 180, 270].into_iter().enumerate() {
        let sheet = Sheet {
            media: [-10.0, -20.0, 290.0, 380.0],
            crop: Some([0.0, 0.0, 280.0, 360.0]),
            rotate,
            lines: vec![(40.0, 100.0, "We, Party A: sign".to_owned())],
            ..Sheet::default()
        };
        let file = build::document(&[sheet], SHAPES[index]);
        let found = find(&file, "Party A").unwrap();
        let page = Document::open(&file).unwrap().pages().unwrap()[0];
        // The widths of "We, " in Helvetica: 944, 556, 278 and 278 of 1000.
        let (x, y) = page.to_shown(40.0 + 12.0 * 2.056, 100.0);
        assert_eq!(found.len(), 1, "{rotate}");
        assert!(
            (found[0].x - x).abs() < 0.1 && (found[0].y - y).abs() < 0.1,
            "{rotate}: {found:?}, not {x} {y}"
        );
    }
}

#[test]
fn the_offset_counts_from_the_keyword_to_the_centre_of_the_seal() {
    let file = lines(&[(100.0, 500.0, "Seal here")]);
    let placed = place(&file, &json!({"signType": 4, "key": "Seal", "posX": 20, "posY": -5})).unwrap();
    assert_eq!((placed[0].x.round(), placed[0].y.round()), (100.0 + 20.0 - 50.0, 500.0 - 5.0 - 50.0));
}

#[test]
fn the_index_takes_all_the_nth_or_the_last() {
    let file = lines(&[(100.0, 500.0, "Sign Sign"), (100.0, 300.0, "Sign")]);
    let count = |index: Value| {
        Ok(place(&file, &json!({"signType": 4, "key": "Sign", "keyIndex": index}))?
            .iter()
            .map(|it| it.y.round())
            .collect::<Vec<_>>())
    };
    assert_eq!(count(Value::Null), Ok(vec![450.0, 450.0, 250.0]));
    assert_eq!(count(json!(0)), Ok(vec![450.0, 450.0, 250.0]));
    assert_eq!(count(json!(2)), Ok(vec![450.0]));
    assert_eq!(count(json!(-1)), Ok(vec![250.0]));
    let keyword = "Sign".to_owned();
    assert_eq!(count(json!(4)), Err(Error::KeywordIndex { keyword, index: 4, found: 3 }));
    let single = place(&file, &json!({"signType": 1, "posType": 1, "key": "Sign"})).unwrap();
    assert_eq!(single.len(), 1, "a single seal goes to the first place");
}

#[test]
fn brackets_widths_and_spaces_do_not_matter_and_capitals_do() {
    let file = build::chinese("甲方（盖章）：　Ａ１");
    for keyword in ["甲方（盖章）", "甲方(盖章)", "甲 方 ( 盖章 ) :", "(盖章)：A1"] {
        assert_eq!(find(&file, keyword).map(|it| it.len()), Ok(1), "{keyword}");
    }
    assert_eq!(find(&file, "a1").map_err(|error| error.code()), Err("keyword_not_found"));
    let latin = lines(&[(100.0, 500.0, "(seal)")]);
    assert_eq!(find(&latin, "（seal）").map(|it| it.len()), Ok(1));
}

#[test]
fn fonts_that_are_not_in_the_file_are_read_by_their_encoding() {
    assert_eq!(find(&build::chinese("乙方签字"), "签字").map(|it| it.len()), Ok(1));
}

#[test]
fn a_word_does_not_run_over_lines_and_a_bold_one_counts_once() {
    let broken = lines(&[(100.0, 500.0, "Par"), (100.0, 480.0, "ty")]);
    assert_eq!(find(&broken, "Party").map_err(|error| error.code()), Err("keyword_not_found"));
    let bold = lines(&[(100.0, 500.0, "Party"), (100.3, 500.0, "Party")]);
    assert_eq!(find(&bold, "Party").map(|it| it.len()), Ok(1));
    let twice = lines(&[(100.0, 500.0, "S"), (100.3, 500.0, "S"), (108.0, 500.0, "t"), (108.3, 500.0, "t")]);
    assert_eq!(find(&twice, "St").map(|it| it.len()), Ok(1));
}

#[test]
fn a_scan_is_told_from_a_keyword_that_is_missing() {
    let mut builder =
        build::builder(&[Sheet { more: "/Resources <</XObject <</Im 7 0 R>>>>".into(), ..Sheet::default() }]);
    builder.stream(
        "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8",
        b"x",
    );
    builder.objects[4] = b"<</Length 33>>\nstream\nq 500 0 0 700 20 20 cm /Im Do Q  \nendstream".to_vec();
    let scan = builder.write(Shape::Table);
    assert_eq!(find(&scan, "Party"), Err(Error::NoText));
    assert_eq!(
        find(&build::pages(2, Shape::Table), "Party"),
        Err(Error::KeywordNotFound { keyword: "Party".into() })
    );
}

#[test]
fn only_the_pages_asked_for_are_searched_and_text_outside_of_them_is_not() {
    let file = build::pages(4, Shape::Packed);
    let placed = place(&file, &json!({"signType": 4, "key": "Page", "posPage": "2,4", "posX": 90})).unwrap();
    assert_eq!(placed.iter().map(|it| it.page).collect::<Vec<_>>(), [2, 4]);
    let outside = lines(&[(100.0, 500.0, "Party"), (-400.0, 500.0, "Party"), (100.0, 900.0, "Party")]);
    assert_eq!(find(&outside, "Party").map(|it| it.len()), Ok(1));
}

#[test]
fn a_page_that_unpacks_to_gigabytes_is_refused() {
    let mut builder = build::builder(&[Sheet::default()]);
    let bomb = build::deflate(&vec![b' '; 300 << 20]);
    let head = format!("<</Filter /FlateDecode /Length {}>>\nstream\n", bomb.len());
    builder.objects[4] = [head.as_bytes(), &bomb, b"\nendstream"].concat();
    assert_eq!(find(&builder.write(Shape::Table), "x"), Err(Error::UnpacksTooLarge));
    let mut builder = build::builder(&[Sheet::default()]);
    builder.stream("/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /Filter /CCITTFaxDecode", b"x");
    assert_eq!(find(&builder.write(Shape::Table), "x"), Err(Error::UnpacksTooLarge));
}

#[test]
fn drawings_that_draw_each_other_again_and_again_are_refused() {
    let forms: String = (7..=18).map(|number| format!("/F{number} {number} 0 R ")).collect();
    let more = format!("/Resources <</XObject <<{forms}>>>>");
    let mut builder = build::builder(&[Sheet { more: more.clone(), ..Sheet::default() }]);
    for number in 7..=18 {
        let content = format!("/F{} Do ", number + 1).repeat(10);
        builder.stream(&format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] {more}"), content.as_bytes());
    }
    builder.objects[4] = b"<</Length 6>>\nstream\n/F7 Do\nendstream".to_vec();
    let file = builder.write(Shape::Table);
    assert_eq!(find(&file, "x"), Err(Error::UnpacksTooLarge));
    let document = Document::open(&file).unwrap();
    let drawn = preview::draw_page(&Arc::new(file.clone()), &document, 1, 1.0, &Fonts::from_files([]));
    assert_eq!(drawn.map(|_| ()), Err(Error::UnpacksTooLarge));
}

fn find(file: &[u8], keyword: &str) -> Result<Vec<Found>> {
    let document = Document::open(file)?;
    let pages: Vec<u32> = (1..=document.pages()?.len() as u32).collect();
    Text::of(Arc::new(file.to_vec())).find(&document, keyword, &pages)
}

fn place(file: &[u8], position: &Value) -> Result<Vec<Placement>> {
    let document = Document::open(file)?;
    let text = Text::of(Arc::new(file.to_vec()));
    let size = SealSize { pixels: (100, 100), width_mm: None };
    Position::from_json(position)?.place(&document, &text, &size)
}

fn lines(lines: &[(f64, f64, &str)]) -> Vec<u8> {
    let lines =
        lines.iter().map(|(x, y, text)| (*x, *y, text.replace('(', "\\(").replace(')', "\\)"))).collect();
    build::document(&[Sheet { lines, ..Sheet::default() }], Shape::Table)
}
