//! Pictures of seals, uploaded and drawn.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use zhupi_seal::draw::{Fonts, Seal};
use zhupi_seal::error::Error;
use zhupi_seal::picture::Picture;

#[test]
fn only_png_and_jpeg_are_taken_whatever_they_are_called() {
    let png = file(&RgbaImage::from_pixel(4, 4, Rgba([200, 0, 0, 90])).into(), ImageFormat::Png);
    let jpeg = file(&RgbImage::from_pixel(4, 4, Rgb([200, 0, 0])).into(), ImageFormat::Jpeg);
    assert_eq!(Picture::read(&png).unwrap().pixels()[..4], [200, 0, 0, 90]);
    assert_eq!(Picture::read(&jpeg).unwrap().width(), 4);
    for other in [b"GIF89a\x01\x00\x01\x00".as_slice(), b"<svg/>", b"", b"%PDF-1.7"] {
        assert_eq!(Picture::read(other), Err(Error::NotAPicture));
    }
    for broken in [&png[..png.len() / 2], &jpeg[..20]] {
        assert_eq!(Picture::read(broken), Err(Error::PictureDamaged));
    }
}

#[test]
fn a_picture_bomb_is_refused_before_it_is_unpacked() {
    // The header claims 60,000 pixels a side; there is nothing behind it.
    let mut header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x06\0\0\0".to_vec();
    header.extend_from_slice(&crc(&header[12..]).to_be_bytes());
    header.extend_from_slice(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    assert_eq!(Picture::read(&header).map_err(|error| error.code()), Err("picture_too_large"));
    assert_eq!(Picture::read(&vec![0; 17 << 20]).map_err(|error| error.code()), Err("picture_too_large"));
}

#[test]
fn a_large_picture_is_made_smaller() {
    let large = RgbaImage::from_fn(2_000, 1_000, |x, _| Rgba([200, 0, 0, if x < 1_000 { 255 } else { 0 }]));
    let picture = Picture::read(&file(&large.into(), ImageFormat::Png)).unwrap();
    assert_eq!((picture.width(), picture.height()), (1_000, 500));
    picture.check_background().unwrap();
}

#[test]
fn a_picture_that_would_cover_the_text_is_refused_and_its_paper_can_be_removed() {
    let scan = RgbImage::from_fn(100, 100, |x, y| {
        let inside = (20..80).contains(&x) && (20..80).contains(&y);
        if inside { Rgb([205, 30, 40]) } else { Rgb([238, 236 - (x % 3) as u8, 230]) }
    });
    let picture = Picture::read(&file(&scan.into(), ImageFormat::Png)).unwrap();
    assert_eq!(picture.check_background(), Err(Error::PictureOpaque));
    let freed = picture.without_paper().unwrap();
    let pixel = |x: usize, y: usize| &freed.pixels()[(y * 100 + x) * 4..][..4];
    assert_eq!(pixel(5, 5)[3], 0);
    let [red, green, blue, opacity] = *pixel(50, 50) else { panic!() };
    assert!(red > 160 && green < 60 && blue < 60 && opacity > 200, "{:?}", pixel(50, 50));
    let photo = RgbImage::from_pixel(50, 50, Rgb([90, 120, 60]));
    let photo = Picture::read(&file(&photo.into(), ImageFormat::Png)).unwrap();
    assert_eq!(photo.without_paper(), Err(Error::PictureOpaque));
    let blank =
        Picture::read(&file(&RgbImage::from_pixel(50, 50, Rgb([250; 3])).into(), ImageFormat::Png)).unwrap();
    assert_eq!(blank.without_paper(), Err(Error::PictureEmpty));
}

#[test]
fn drawn_seals_are_cinnabar_on_nothing_and_fill_their_picture() {
    let fonts = Fonts::installed();
    for (seal, lit) in seals() {
        let picture = match seal.draw(&fonts, 420) {
            Err(Error::NoFont { .. }) if std::env::var_os("CI").is_none() => {
                eprintln!("NOT RUN: no Chinese font is installed");
                return;
            }
            drawn => drawn.unwrap(),
        };
        let (width, height) = seal.size_mm();
        assert_eq!(picture.height(), (420.0 * height / width).round() as u32, "{seal:?}");
        picture.check_background().unwrap();
        let ink = |x: f64, y: f64| {
            let (column, row) = ((x * 420.0) as usize, (y * f64::from(picture.height())) as usize);
            picture.pixels()[(row * 420 + column) * 4 + 3]
        };
        assert!(picture.pixels().chunks_exact(4).all(|it| it[..3] == [0xd2, 0x20, 0x1f]));
        assert_eq!(ink(0.001, 0.001), 0, "{seal:?}: the corner is free");
        for (x, y) in lit {
            assert!(ink(x, y) > 200, "{seal:?}: no ink at {x}, {y}");
        }
        let text = picture.pixels().chunks_exact(4).filter(|it| it[3] > 128).count();
        assert!(text > 420 * picture.height() as usize / 12, "{seal:?}: too little ink");
        assert_eq!(Picture::read(&picture.to_png().unwrap()).unwrap(), picture);
    }
}

#[test]
fn the_text_on_the_arc_is_even_about_the_middle() {
    let svg = Seal::Round {
        organisation: "竹批竹批竹批竹批".into(),
        purpose: String::new(),
        number: String::new(),
    }
    .svg()
    .unwrap();
    let turns: Vec<f64> =
        svg.split("rotate(").skip(1).map(|rest| rest.split(')').next().unwrap().parse().unwrap()).collect();
    assert_eq!(turns.len(), 8);
    let steps: Vec<f64> = turns.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.2), "{steps:?}");
    assert!((turns[0] + turns[7]).abs() < 0.2, "{turns:?}");
}

#[test]
fn texts_that_do_not_fit_on_a_seal_are_refused() {
    let round = |organisation: &str| Seal::Round {
        organisation: organisation.into(),
        purpose: String::new(),
        number: String::new(),
    };
    for seal in [
        round(""),
        round("  "),
        round(&"长".repeat(41)),
        round("line\nbreak"),
        Seal::Square { text: "十七个字实在放不进这样一枚小小的方章".into() },
        Seal::Name { name: "名字实在是太长了吧".into() },
    ] {
        assert_eq!(seal.svg().map_err(|error| error.code()), Err("bad_seal"), "{seal:?}");
    }
    assert!(round("<&>'\"竹批").svg().unwrap().contains("&lt;"));
    let none = Fonts::from_files([]);
    assert_eq!(round("竹").draw(&none, 100), Err(Error::NoFont { character: '竹' }));
}

fn seals() -> Vec<(Seal, Vec<(f64, f64)>)> {
    let text = str::to_owned;
    vec![
        (
            Seal::Round {
                organisation: text("北京市某某（集团）股份有限公司"),
                purpose: text("合同专用章"),
                number: text("1101080012345"),
            },
            vec![(0.5, 0.02), (0.02, 0.5), (0.98, 0.5), (0.5, 0.98), (0.5, 0.48)],
        ),
        (
            Seal::Oval {
                organisation: text("杭州竹批网络科技有限公司"),
                number: text("91330106MA2B3C4D0K"),
                purpose: text("发票专用章"),
            },
            vec![(0.5, 0.02), (0.015, 0.5), (0.985, 0.5), (0.5, 0.98)],
        ),
        (Seal::Square { text: text("张三") }, vec![(0.035, 0.5), (0.965, 0.5), (0.5, 0.035), (0.5, 0.965)]),
        (Seal::Name { name: text("欧阳修") }, vec![(0.016, 0.5), (0.984, 0.5), (0.5, 0.04), (0.5, 0.96)]),
    ]
}

fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    };
    !bytes.iter().fold(u32::MAX, step)
}
