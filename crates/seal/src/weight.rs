//! Keeps a hostile document from filling the memory of whoever reads its pages, or from keeping him for hours: streams that
//! unpack to far more than they are, pictures of absurd size, drawings that draw each other again and again.

use std::any::Any;
use std::io::{self, Read as _};
use std::panic::{self, AssertUnwindSafe};

use flate2::read::ZlibDecoder;
use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};
use hayro::kurbo::BezPath;

use crate::document::{Document, Indirect};
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object};
use crate::xref::Location;

/// A stream unpacks to at most so many bytes.
const MOST_BYTES: u64 = 256 << 20;

/// A picture has at most so many pixels, which is a page of A3 at 1,000 dots an inch.
const MOST_PIXELS: i64 = 200_000_000;

/// A page is drawn in at most so many steps; a dense map has some hundred thousand.
const MOST_STEPS: usize = 2_000_000;

/// Whatever is drawn inside of something costs more than a line.
const INSIDE: usize = 10;

/// Passes everything on to a device until the page has had its steps.
pub(crate) struct Limited<D> {
    pub device: D,
    left: usize,
}

/// What ends a drawing that does not end by itself.
struct TooManySteps;

impl<D> Limited<D> {
    pub fn new(device: D) -> Self {
        Self { device, left: MOST_STEPS }
    }

    /// Drawing cannot be stopped but by unwinding it, which [`guarded`] catches.
    fn spend(&mut self, steps: usize) {
        match self.left.checked_sub(steps) {
            Some(left) => self.left = left,
            None => panic::resume_unwind(Box::new(TooManySteps)),
        }
    }
}

/// Runs what reads or draws pages. A reader that falls over an odd file does not take us along.
///
/// # Errors
/// Those of `read`; [`Error::UnpacksTooLarge`] when a page took too many steps, [`Error::Damaged`] when the reader fell.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    let fallen = |cause: Box<dyn Any + Send>| {
        Err(if cause.is::<TooManySteps>() {
            Error::UnpacksTooLarge
        } else {
            Error::damaged("a page cannot be read")
        })
    };
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(fallen)
}

/// # Errors
/// [`Error::UnpacksTooLarge`].
pub(crate) fn check(document: &Document<'_>) -> Result<()> {
    for (number, location) in document.locations() {
        let Location::Offset { .. } = location else { continue };
        // What cannot be read is no business of this check.
        let Ok(indirect) = document.indirect(location.id(number)) else { continue };
        if let (Some(_), Object::Dictionary(dictionary)) = (&indirect.stream, &indirect.object)
            && (is_huge_picture(dictionary) || unpacks_too_large(document, &indirect, dictionary)?)
        {
            return Err(Error::UnpacksTooLarge);
        }
    }
    Ok(())
}

fn is_huge_picture(dictionary: &Dictionary) -> bool {
    let side = |key| dictionary.get(key).and_then(Object::as_integer).unwrap_or(0).max(0);
    side("Width").saturating_mul(side("Height")) > MOST_PIXELS
}

fn unpacks_too_large(document: &Document<'_>, stream: &Indirect, dictionary: &Dictionary) -> Result<bool> {
    let filters = match document.value(dictionary, "Filter")? {
        Object::Array(filters) => filters,
        Object::Null => return Ok(false),
        single => vec![single],
    };
    let raw = document.stream_bytes(stream)?;
    let most =
        filters.iter().fold(raw.len() as u64, |bytes, filter| bytes.saturating_mul(most_times(filter)));
    if most <= MOST_BYTES {
        return Ok(false);
    }
    let Some((first, [])) = filters.split_first() else { return Ok(true) };
    if !first.is_name("FlateDecode") {
        return Ok(true);
    }
    let mut unpacked = ZlibDecoder::new(raw).take(MOST_BYTES + 1);
    Ok(io::copy(&mut unpacked, &mut io::sink()).is_ok_and(|bytes| bytes > MOST_BYTES))
}

/// How many bytes at most a filter makes of one. Pictures are bounded by their size instead.
fn most_times(filter: &Object) -> u64 {
    if filter.is_name("FlateDecode") || filter.is_name("Fl") {
        1_032
    } else if filter.is_name("LZWDecode") || filter.is_name("LZW") {
        1_366
    } else if filter.is_name("RunLengthDecode") || filter.is_name("RL") {
        64
    } else {
        1
    }
}

impl<'a, D: Device<'a>> Device<'a> for Limited<D> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.spend(run.glyphs().len());
        self.device.draw_glyph_run(run, props, mode);
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.spend(1);
        self.device.draw_path(path, props, mode);
    }

    fn push_clip_path(&mut self, path: &ClipPath) {
        self.spend(INSIDE);
        self.device.push_clip_path(path);
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, mode: BlendMode) {
        self.spend(INSIDE);
        self.device.push_transparency_group(opacity, mask, mode);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.spend(1);
        self.device.draw_image(image, props);
    }

    fn pop_clip(&mut self) {
        self.device.pop_clip();
    }

    fn pop_transparency_group(&mut self) {
        self.device.pop_transparency_group();
    }
}
