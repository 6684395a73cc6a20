//! Positions on pages of every kind, and the seals that are stamped there.

use std::sync::Arc;

use serde_json::{Value, json};
use zhupi_seal::document::Document;
use zhupi_seal::error::{Error, Result};
use zhupi_seal::keyword::Text;
use zhupi_seal::object::Object;
use zhupi_seal::picture::PackedPicture;
use zhupi_seal::position::{Placement, Position, SealSize};
use zhupi_seal::stamp::{self, Ink, Stamp};
use zhupi_seal::update::Update;

use crate::build::{self, SHAPES, Shape, Sheet};
use crate::look;
use crate::tools;

const SIZE: SealSize = SealSize { pixels: (120, 90), width_mm: None };

#[test]
fn a_seal_stands_upright_on_pages_of_every_kind() {
    for (name, sheet) in odd_sheets() {
        for (index, rotate) in [0, 90, 180, 270].into_iter().enumerate() {
            let sheet = Sheet { rotate, ..sheet.clone() };
            let file = build::document(std::slice::from_ref(&sheet), SHAPES[index]);
            let scale = if sheet.unit.is_some() { 0.5 } else { 1.0 };
            let placements =
                place(&file, &json!({"signType": 1, "posPage": 1, "posX": 110, "posY": 75})).unwrap();
            let name = format!("{name} turned by {rotate}");
            assert_eq!((placements[0].x, placements[0].y), (50.0, 30.0), "{name}");
            for (way, sealed) in
                [("stamp", stamped(&file, &placements)), ("annotation", annotated(&file, &placements))]
            {
                let name = format!("{name}, {way}");
                assert!(sealed.starts_with(&file), "{name}");
                tools::assert_sound(&name, &sealed);
                look::assert_sealed(&name, &look::by_us(&sealed, 1, scale), &placements, scale);
                // Poppler shows a page with a unit of its own as if it had none.
                if sheet.unit.is_none()
                    && let Some(drawn) = look::by_poppler(&sealed, 1, scale)
                {
                    look::assert_sealed(&format!("{name}, poppler"), &drawn, &placements, scale);
                }
            }
        }
    }
}

#[test]
fn slices_along_the_edges_join_to_one_seal() {
    let sheets: Vec<Sheet> = [0, 90, 0, 270]
        .into_iter()
        .map(|rotate| Sheet { rotate, media: [-20.0, 10.0, 300.0, 400.0], ..Sheet::default() })
        .collect();
    let file = build::document(&sheets, Shape::Packed);
    let placements = place(&file, &json!({"signType": 3, "posPage": "all", "posY": 150.0})).unwrap();
    assert_eq!(placements.len(), 4);
    let sealed = stamped(&file, &placements);
    tools::assert_sound("slices", &sealed);
    for placement in &placements {
        assert_eq!(placement.width, 30.0);
        let name = format!("slice {}", placement.page);
        look::assert_sealed(&name, &look::by_us(&sealed, placement.page, 2.0), &[*placement], 2.0);
        if let Some(drawn) = look::by_poppler(&sealed, placement.page, 2.0) {
            look::assert_sealed(&name, &drawn, &[*placement], 2.0);
        }
    }
}

#[test]
fn no_group_of_slices_is_a_single_page() {
    let slices = |pages: usize| -> Vec<u32> {
        let file = build::pages(pages, Shape::Packed);
        let placements = place(&file, &json!({"signType": 3, "posY": 400})).unwrap();
        assert_eq!(
            placements.iter().map(|it| it.page).collect::<Vec<_>>(),
            (1..=pages as u32).collect::<Vec<_>>()
        );
        let last = |it: &&Placement| it.slice.unwrap().index + 1 == it.slice.unwrap().count;
        placements.iter().filter(last).map(|it| it.slice.unwrap().count).collect()
    };
    assert_eq!(slices(2), [2]);
    assert_eq!(slices(20), [20]);
    assert_eq!(slices(21), [10, 11]);
    assert_eq!(slices(61), [15, 15, 15, 16]);
    let single = build::pages(1, Shape::Table);
    assert_eq!(place(&single, &json!({"signType": 3, "posY": 9})), Err(Error::TooFewPages));
}

#[test]
fn pages_are_given_as_text_or_number_and_taken_once_each() {
    let file = build::pages(6, Shape::Stream);
    let pages = |sign_type: i32, pages: Value| -> Result<Vec<u32>> {
        let position = json!({"signType": sign_type, "posPage": pages, "posX": 100, "posY": "100.0"});
        Ok(place(&file, &position)?.iter().map(|it| it.page).collect())
    };
    assert_eq!(pages(1, json!(3)), Ok(vec![3]));
    assert_eq!(pages(1, json!("3")), Ok(vec![3]));
    assert_eq!(pages(2, json!("5,1-3, 2")), Ok(vec![1, 2, 3, 5]));
    assert_eq!(pages(2, json!("all")), Ok(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(pages(2, json!("")), Ok(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(pages(2, json!("4-9")), Err(Error::PageNotThere { page: 9, pages: 6 }));
    assert_eq!(pages(1, json!(0)), Err(Error::BadPosition { what: "posPage is not like `1-3,5` or `all`" }));
    for wrong in [json!("1-2"), json!(""), json!("x"), json!("3-1"), json!("-1")] {
        assert_eq!(pages(1, wrong.clone()).unwrap_err().code(), "bad_position", "{wrong}");
    }
}

#[test]
fn contradictions_in_a_position_are_named() {
    for wrong in [
        json!({}),
        json!({"signType": 0, "posPage": 1}),
        json!({"signType": 5, "posPage": 1}),
        json!({"signType": 1.5, "posPage": 1}),
        json!({"signType": 1, "posType": 2, "posPage": 1}),
        json!({"signType": 1, "posType": 1, "posPage": 1}),
        json!({"signType": 4}),
        json!({"signType": 4, "key": "x", "keyIndex": -2}),
        json!({"signType": 3, "posType": 1, "key": "x"}),
        json!({"signType": 1, "posPage": 1, "posX": "NaN"}),
        json!({"signType": 1, "posPage": 1, "posX": "1e999"}),
        json!({"signType": 1, "posPage": 1, "width": 0.5}),
        json!({"signType": 1, "posPage": 1, "width": -20}),
    ] {
        assert_eq!(Position::from_json(&wrong).map_err(|error| error.code()), Err("bad_position"), "{wrong}");
    }
    let seed = json!({
        "posX": 100.0, "posY": 100.0, "sealBase64": "", "sealId": "826fc2b4", "sealOsskey": "", "signType": 1,
        "posPage": "1", "key": "", "posType": 0
    });
    assert_eq!(Position::from_json(&seed).unwrap().x, 100.0);
}

#[test]
fn a_seal_is_as_wide_as_asked_else_as_in_life_else_a_point_a_pixel() {
    let file = build::pages(1, Shape::Table);
    let sizes = |size: SealSize, width: Value| {
        let position = json!({"signType": 1, "posPage": 1, "posX": 300, "posY": 400, "width": width});
        let placement = place_sized(&file, &position, &size).unwrap()[0];
        (placement.width, placement.height)
    };
    let small = SealSize { pixels: (100, 50), width_mm: None };
    let large = SealSize { pixels: (600, 600), width_mm: None };
    let real = SealSize { pixels: (600, 600), width_mm: Some(42.0) };
    assert_eq!(sizes(small, Value::Null), (100.0, 50.0));
    assert_eq!(sizes(large, Value::Null), (159.0, 159.0));
    assert_eq!(sizes(large, json!(0)), (159.0, 159.0));
    assert!((sizes(real, Value::Null).0 - 119.055).abs() < 0.001);
    assert_eq!(sizes(real, json!("80")), (80.0, 80.0));
}

#[test]
fn a_seal_that_sticks_out_is_pushed_inside_and_one_beside_the_page_is_refused() {
    let file = build::pages(1, Shape::Table);
    let placed = |x: f64, y: f64| place(&file, &json!({"signType": 1, "posPage": 1, "posX": x, "posY": y}));
    let moved = placed(0.0, 840.0).unwrap()[0];
    assert_eq!((moved.x, moved.y, moved.moved), (0.0, 842.0 - 90.0, true));
    assert!(!placed(60.0, 45.0).unwrap()[0].moved);
    assert_eq!(placed(-1.0, 100.0), Err(Error::OutsidePage { page: 1 }));
    assert_eq!(placed(100.0, 843.0), Err(Error::OutsidePage { page: 1 }));
    let wide = json!({"signType": 1, "posPage": 1, "posX": 300, "posY": 400, "width": 600});
    assert_eq!(place(&file, &wide), Err(Error::OutsidePage { page: 1 }));
}

#[test]
fn text_shows_through_a_seal() {
    let lines = vec![(60.0, 60.0, "MMMMMMMMMM".to_owned())];
    let file = build::document(&[Sheet { lines, ..Sheet::default() }], Shape::Table);
    let placements = place(&file, &json!({"signType": 1, "posPage": 1, "posX": 110, "posY": 75})).unwrap();
    for sealed in [stamped(&file, &placements), annotated(&file, &placements)] {
        let black =
            |drawn: &look::Drawn| drawn.pixels.iter().filter(|it| it.iter().all(|part| *part < 60)).count();
        let (before, after) = (black(&look::by_us(&file, 1, 2.0)), black(&look::by_us(&sealed, 1, 2.0)));
        assert!(before > 200 && after * 10 >= before * 9, "{before} dark pixels became {after}");
    }
}

#[test]
fn a_stamp_takes_away_the_wish_to_draw_fields_anew() {
    for indirect in [false, true] {
        let entries = |builder: &mut build::Builder| {
            let form = "<</NeedAppearances true /Fields [] /DA (/F1 0 Tf)>>";
            if indirect {
                format!("/AcroForm {} 0 R", builder.add(form))
            } else {
                format!("/AcroForm {form}")
            }
        };
        let file = build::with_catalogue(1, entries, Shape::Packed);
        let sealed = stamped(
            &file,
            &place(&file, &json!({"signType": 1, "posPage": 1, "posX": 90, "posY": 90})).unwrap(),
        );
        assert!(Document::open(&file).unwrap().form().unwrap().needs_appearances);
        assert!(!Document::open(&sealed).unwrap().form().unwrap().needs_appearances);
    }
}

#[test]
fn a_signed_document_is_not_stamped() {
    let entries = |builder: &mut build::Builder| {
        format!("/AcroForm <</Fields [{} 0 R]>>", builder.add("<</FT /Sig /T (a) /V <</Type /Sig>>>>"))
    };
    let file = build::with_catalogue(1, entries, Shape::Table);
    let placements = place(&file, &json!({"signType": 1, "posPage": 1, "posX": 90, "posY": 90})).unwrap();
    let document = Document::open(&file).unwrap();
    let picture = look::packed(10, 10);
    let stamps = [Stamp { picture: &picture, placement: placements[0] }];
    assert_eq!(stamp::stamp(&document, &stamps).map(|_| ()), Err(Error::SignedAlready));
}

#[test]
fn a_page_box_is_written_again_as_it_was_written_before() {
    let media = [0.0, 0.0, 595.303_937_007_874, 841.889_763_779_528];
    let file = build::document(&[Sheet { media, ..Sheet::default() }], Shape::Packed);
    let placements = place(&file, &json!({"signType": 1, "posPage": 1, "posX": 90, "posY": 90})).unwrap();
    let sealed = stamped(&file, &placements);
    let added = String::from_utf8_lossy(&sealed[file.len()..]).into_owned();
    assert!(added.contains("/MediaBox [0 0 595.303937007874 841.889763779528]"));
}

#[test]
fn many_seals_share_one_picture() {
    let file = build::pages(30, Shape::Table);
    let placements = place(&file, &json!({"signType": 2, "posX": 200, "posY": 200})).unwrap();
    let sealed = stamped(&file, &placements);
    let added = sealed.len() - file.len();
    assert!(added < 30 * 1_200, "{added} bytes for 30 places");
    tools::assert_sound("thirty", &sealed);
}

#[test]
fn a_seal_goes_on_every_one_of_a_thousand_pages_and_on_one_of_ten_thousand() {
    let file = build::document(&vec![Sheet::default(); 10_000], Shape::Packed);
    let last = place(&file, &json!({"signType": 1, "posPage": 10_000, "posX": 90, "posY": 90})).unwrap();
    stamped(&file, &last);
    let thousand =
        place(&file, &json!({"signType": 2, "posPage": "1-1000", "posX": 90, "posY": 90})).unwrap();
    assert_eq!(thousand.len(), 1_000);
    stamped(&file, &thousand);
    let more = place(&file, &json!({"signType": 2, "posPage": "1-1001", "posX": 90, "posY": 90}));
    assert_eq!(more.map_err(|error| error.code()), Err("bad_position"));
}

#[test]
fn the_content_of_a_page_is_kept_however_it_is_given() {
    for content in ["", "/Contents 5 0 R", "/Contents [5 0 R]", "/Contents 7 0 R", "/Contents null"] {
        let lines = vec![(200.0, 300.0, "MMMM".to_owned())];
        let mut builder = build::builder(&[Sheet { lines, ..Sheet::default() }]);
        builder.objects[5] =
            format!("<</Type /Page /Parent 4 0 R /MediaBox [0 0 300 400] {content}>>").into();
        assert_eq!(builder.add("[5 0 R]"), 7);
        let file = builder.write(Shape::Packed);
        let placements =
            place(&file, &json!({"signType": 1, "posPage": 1, "posX": 110, "posY": 75})).unwrap();
        let sealed = stamped(&file, &placements);
        tools::assert_sound(content, &sealed);
        let drawn = look::by_us(&sealed, 1, 1.0);
        look::assert_sealed(content, &drawn, &placements, 1.0);
        let black = drawn.pixels.iter().filter(|it| it.iter().all(|part| *part < 100)).count();
        assert_eq!(black > 20, content.contains('R'), "{content}: {black} dark pixels");
    }
}

#[test]
fn a_page_that_leaves_its_state_changed_does_not_move_the_seal() {
    let mut builder = build::builder(&[Sheet { media: [0.0, 0.0, 300.0, 400.0], ..Sheet::default() }]);
    builder.objects[4] = b"<</Length 35>>\nstream\n0.5 0 0 0.5 40 60 cm 0 0 9 9 re W n\nendstream".to_vec();
    let file = builder.write(Shape::Table);
    let placements = place(&file, &json!({"signType": 1, "posPage": 1, "posX": 110, "posY": 75})).unwrap();
    let sealed = stamped(&file, &placements);
    look::assert_sealed("changed state", &look::by_us(&sealed, 1, 1.0), &placements, 1.0);
}

#[test]
fn resources_that_pages_share_are_not_changed() {
    let mut builder = build::builder(&vec![Sheet { more: "/Resources 9 0 R".into(), ..Sheet::default() }; 2]);
    assert_eq!(builder.add("<</XObject 10 0 R /ProcSet [/PDF]>>"), 9);
    assert_eq!(builder.add("<</Seal1 11 0 R>>"), 10);
    builder.stream("/Type /XObject /Subtype /Form /BBox [0 0 1 1]", b"");
    let file = builder.write(Shape::Packed);
    let placements = place(&file, &json!({"signType": 1, "posPage": 2, "posX": 90, "posY": 90})).unwrap();
    let sealed = stamped(&file, &placements);
    let document = Document::open(&sealed).unwrap();
    let names = |page: usize| {
        let resources = document.pages().unwrap()[page].effective_resources(&document).unwrap();
        let objects = document.find_dictionary(&resources, "XObject").unwrap().unwrap();
        assert!(resources.has("ProcSet"));
        objects
            .iter()
            .map(|(name, _)| String::from_utf8(name.decoded().into_owned()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(0), ["Seal1"]);
    assert_eq!(names(1), ["Seal1", "Seal2"]);
}

#[test]
fn placements_that_cover_each_other_are_told() {
    let file = build::pages(2, Shape::Table);
    let at = |page: i32, x: i32| {
        place(&file, &json!({"signType": 1, "posPage": page, "posX": x, "posY": 90})).unwrap()[0]
    };
    assert!(at(1, 100).overlaps(&at(1, 200)));
    assert!(!at(1, 100).overlaps(&at(2, 100)));
    assert!(!at(1, 100).overlaps(&at(1, 221)));
}

fn odd_sheets() -> Vec<(&'static str, Sheet)> {
    let plain = Sheet { media: [0.0, 0.0, 300.0, 400.0], ..Sheet::default() };
    let lines = vec![(150.0, 200.0, "text".to_owned())];
    vec![
        ("plain", Sheet { lines, ..plain.clone() }),
        ("cropped", Sheet { crop: Some([40.0, 60.0, 280.0, 380.0]), ..plain.clone() }),
        ("with its origin elsewhere", Sheet { media: [-150.0, 33.0, 150.0, 433.0], ..plain.clone() }),
        ("with swapped corners", Sheet { media: [300.0, 400.0, 0.0, 0.0], ..plain.clone() }),
        ("with a unit", Sheet { unit: Some(2.5), ..plain }),
    ]
}

fn place(file: &[u8], position: &Value) -> Result<Vec<Placement>> {
    place_sized(file, position, &SIZE)
}

fn place_sized(file: &[u8], position: &Value, size: &SealSize) -> Result<Vec<Placement>> {
    let document = Document::open(file)?;
    let text = Text::of(Arc::new(file.to_vec()));
    Position::from_json(position)?.place(&document, &text, size)
}

fn stamped(file: &[u8], placements: &[Placement]) -> Vec<u8> {
    let picture = look::packed(120, 90);
    let document = Document::open(file).unwrap();
    let of = |placement: &Placement, picture| Stamp { picture, placement: *placement };
    let stamps: Vec<Stamp<'_>> = placements.iter().map(|it| of(it, &picture)).collect();
    let sealed = [file, &stamp::stamp(&document, &stamps).unwrap().bytes].concat();
    Document::open(&sealed).unwrap().check_signable().unwrap();
    sealed
}

fn annotated(file: &[u8], placements: &[Placement]) -> Vec<u8> {
    let picture: PackedPicture = look::packed(120, 90);
    let document = Document::open(file).unwrap();
    let mut update = Update::new(&document);
    let ink = Ink::add(&mut update, &picture);
    for placement in placements {
        let widget = ink.widget(&mut update, placement).unwrap();
        let widget = update.add(widget.with("T", Object::text("a")).with("FT", Object::name("Sig")));
        update.push(document.pages().unwrap()[placement.page as usize - 1].id, "Annots", widget).unwrap();
    }
    [file, &update.finish().unwrap().bytes].concat()
}
