//! Looks at drawn pages: is the seal's ink where it must be, and nowhere else?

use std::sync::Arc;

use zhupi_seal::document::Document;
use zhupi_seal::draw::Fonts;
use zhupi_seal::picture::{PackedPicture, Picture};
use zhupi_seal::position::Placement;
use zhupi_seal::preview;

use crate::tools::{self, Folder};

/// A drawn page. Red, green, blue of each pixel, row by row.
pub struct Drawn {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[u8; 3]>,
}

/// The four quarters of the test seal: upper left, upper right, lower left, lower right.
const QUARTERS: [[u8; 3]; 4] = [[0, 0, 255], [0, 160, 0], [255, 0, 0], [230, 0, 230]];

/// A seal of which each quarter has a colour of its own, so that turning, mirroring and cutting show.
pub fn seal(width: u32, height: u32) -> Picture {
    let pixel = |index: u32| {
        let (x, y) = (index % width, index / width);
        let [red, green, blue] = QUARTERS[usize::from(y >= height / 2) * 2 + usize::from(x >= width / 2)];
        [red, green, blue, 255]
    };
    Picture::from_pixels(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

pub fn packed(width: u32, height: u32) -> PackedPicture {
    seal(width, height).pack().unwrap()
}

/// Drawn by hayro, a point being `scale` pixels.
pub fn by_us(file: &[u8], page: u32, scale: f64) -> Drawn {
    let shared = Arc::new(file.to_vec());
    let document = Document::open(file).unwrap();
    let fonts = Fonts::from_files([]);
    let picture = preview::draw_page(&shared, &document, page, scale, &fonts).unwrap();
    let pixels = picture.pixels().chunks_exact(4).map(|it| [it[0], it[1], it[2]]).collect();
    Drawn { width: picture.width() as usize, height: picture.height() as usize, pixels }
}

/// Drawn by poppler; nothing if it is not installed.
pub fn by_poppler(file: &[u8], page: u32, scale: f64) -> Option<Drawn> {
    let folder = Folder::new();
    let path = folder.write("page.pdf", file);
    let (page, dots) = (page.to_string(), (72.0 * scale).to_string());
    let arguments = ["-cropbox", "-r", &dots, "-f", &page, "-l", &page, path.to_str().unwrap()];
    let output = tools::run("pdftoppm", &arguments)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines = output.stdout.splitn(4, |byte| *byte == b'\n');
    assert_eq!(lines.next(), Some(b"P6".as_slice()));
    let size = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
    let (width, height) = size.split_once(' ').unwrap();
    let pixels = lines.nth(1).unwrap().chunks_exact(3).map(|it| [it[0], it[1], it[2]]).collect();
    Some(Drawn { width: width.parse().unwrap(), height: height.parse().unwrap(), pixels })
}

/// Every pixel well inside a placement has the colour of its quarter, and no pixel outside of them has any.
pub fn assert_sealed(name: &str, drawn: &Drawn, placements: &[Placement], scale: f64) {
    let mut inside = 0;
    for (index, pixel) in drawn.pixels.iter().enumerate() {
        let x = (index % drawn.width) as f64 + 0.5;
        let y = drawn.height as f64 - (index / drawn.width) as f64 - 0.5;
        let expected = placements.iter().find_map(|it| expected(it, x / scale, y / scale, 2.0 / scale));
        match expected {
            Some(Some(colour)) => {
                inside += 1;
                assert!(like(*pixel, colour), "{name}: {pixel:?} instead of {colour:?} at {x}, {y}");
            }
            Some(None) => {}
            None => assert!(is_grey(*pixel), "{name}: ink {pixel:?} outside of the seal at {x}, {y}"),
        }
    }
    assert!(inside >= 50 * placements.len(), "{name}: only {inside} pixels of the seal are on the page");
}

/// The colour at a point as shown; an inner nothing near the edges, an outer one outside.
fn expected(placement: &Placement, x: f64, y: f64, edge: f64) -> Option<Option<[u8; 3]>> {
    let (right, up) = (x - placement.x, y - placement.y);
    let is_outside =
        right < -edge || up < -edge || right > placement.width + edge || up > placement.height + edge;
    if is_outside {
        return None;
    }
    let is_inside =
        right > edge && up > edge && right < placement.width - edge && up < placement.height - edge;
    let (index, count) = placement.slice.map_or((0, 1), |slice| (slice.index, slice.count));
    let whole = placement.width * f64::from(count);
    let across = right + placement.width * f64::from(index);
    let is_middle = (across - whole / 2.0).abs() < edge || (up - placement.height / 2.0).abs() < edge;
    if !is_inside || is_middle {
        return Some(None);
    }
    let quarter = usize::from(up < placement.height / 2.0) * 2 + usize::from(across > whole / 2.0);
    Some(Some(QUARTERS[quarter]))
}

fn like(one: [u8; 3], other: [u8; 3]) -> bool {
    one.iter().zip(other).all(|(a, b)| a.abs_diff(b) < 40)
}

fn is_grey(pixel: [u8; 3]) -> bool {
    pixel.iter().all(|part| part.abs_diff(pixel[0]) < 24)
}
