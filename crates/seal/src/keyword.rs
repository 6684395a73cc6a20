//! Where a keyword stands on the pages of a document.

use std::sync::Arc;

use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, RenderContent, SoftMask, interpret_page,
};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::page::Page as ReadPage;
use hayro::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use unicode_normalization::UnicodeNormalization as _;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::weight::{self, Limited};

/// What was unpacked for reading is let go after so many pages.
const PAGES_AT_ONCE: usize = 200;

/// Characters of a word are no farther apart than this along their line, in heights of the font.
const FARTHEST_ALONG: f64 = 3.0;

/// Nor than this across it, so that words do not run over lines.
const FARTHEST_ACROSS: f64 = 0.7;

/// The same character nearer than this, in heights of the font, is one printed twice to look bold.
const SAME_PLACE: f64 = 0.3;

/// The file once more, as the reader of text wants it: shared, because it keeps it. Costs nothing until it is asked.
#[derive(Debug, Clone)]
pub struct Text {
    file: Arc<Vec<u8>>,
}

/// The lower left of a keyword's first character: the page from 1, and points from the lower left as shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    pub page: u32,
    pub x: f64,
    pub y: f64,
}

/// A character at its place in the page's own coordinates, and the height of its font.
#[derive(Debug, Clone, Copy)]
struct Character {
    value: char,
    at: Point,
    height: f64,
    /// The direction of its line, of length 1.
    line: Vec2,
}

impl Text {
    /// Of the same bytes as the document that positions are looked for in.
    pub fn of(file: Arc<Vec<u8>>) -> Self {
        Self { file }
    }

    /// Every place at which the keyword stands on these pages. Widths of characters and kinds of brackets do not matter,
    /// nor does white space; capital letters do. A word that is broken over two lines is not found.
    ///
    /// # Errors
    /// [`Error::KeywordNotFound`]; [`Error::NoText`] when there is nothing readable on the pages, as on scans;
    /// [`Error::Damaged`] when the pages cannot be read, and [`Error::UnpacksTooLarge`].
    pub fn find(&self, document: &Document<'_>, keyword: &str, pages: &[u32]) -> Result<Vec<Found>> {
        let wanted: Vec<char> = fold(keyword).collect();
        let not_found = || Error::KeywordNotFound { keyword: keyword.to_owned() };
        if wanted.is_empty() {
            return Err(not_found());
        }
        document.check_weight()?;
        let geometry = document.pages()?;
        let (mut found, mut has_text) = (Vec::new(), false);
        for group in pages.chunks(PAGES_AT_ONCE) {
            let (places, any) = weight::guarded(|| self.read_pages(geometry, group, &wanted))?;
            found.extend(places);
            has_text |= any;
        }
        match (found.is_empty(), has_text) {
            (false, _) => Ok(found),
            (true, true) => Err(not_found()),
            (true, false) => Err(Error::NoText),
        }
    }

    fn read_pages(&self, geometry: &[Page], numbers: &[u32], wanted: &[char]) -> Result<(Vec<Found>, bool)> {
        let unread = || Error::damaged("the text of a page cannot be read");
        let pdf = Pdf::new(Arc::clone(&self.file)).map_err(|_| unread())?;
        if pdf.pages().len() != geometry.len() {
            return Err(Error::damaged("readers do not agree on the pages"));
        }
        let cache = InterpreterCache::new();
        let (mut found, mut has_text) = (Vec::new(), false);
        for number in numbers {
            let index = (*number as usize).checked_sub(1).ok_or_else(unread)?;
            let page = geometry.get(index).ok_or_else(unread)?;
            let characters = read_page(&pdf, pdf.pages().get(index).ok_or_else(unread)?, &cache);
            has_text |= characters.iter().any(|it| it.value != char::REPLACEMENT_CHARACTER);
            found.extend(matches(&characters, wanted).filter_map(|first| {
                let (x, y) = page.to_shown(first.x, first.y);
                let (width, height) = page.size();
                let is_shown = (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
                is_shown.then_some(Found { page: *number, x, y })
            }));
        }
        Ok((found, has_text))
    }
}

fn read_page<'a>(pdf: &'a Pdf, page: &'a ReadPage<'a>, cache: &InterpreterCache<'a>) -> Vec<Character> {
    let settings =
        InterpreterSettings { render_content: RenderContent::PAGE, ..InterpreterSettings::default() };
    let everywhere = Rect::new(-1e6, -1e6, 1e6, 1e6);
    let mut context = Context::new(Affine::IDENTITY, everywhere, cache, pdf.xref(), settings);
    let mut recorder = Limited::new(Recorder { characters: Vec::new() });
    interpret_page(page, &mut context, &mut recorder);
    recorder.device.characters
}

/// The first characters of each run of characters that is the wanted one.
fn matches<'c>(characters: &'c [Character], wanted: &'c [char]) -> impl Iterator<Item = Point> + 'c {
    let mut found: Vec<Point> = Vec::new();
    for window in characters.windows(wanted.len()) {
        let same = window.iter().zip(wanted).all(|(character, wanted)| character.value == *wanted);
        let near = window.iter().zip(window.iter().skip(1)).all(|(one, next)| one.is_followed_by(next));
        let Some(first) = window.first().filter(|_| same && near) else { continue };
        if found.iter().all(|known| known.distance(first.at) > SAME_PLACE * first.height) {
            found.push(first.at);
        }
    }
    found.into_iter()
}

impl Character {
    fn is_followed_by(&self, next: &Self) -> bool {
        let (step, height) = (next.at - self.at, self.height.max(next.height));
        let (along, across) = (step.dot(self.line), step.cross(self.line).abs());
        (-0.5 * height..=FARTHEST_ALONG * height).contains(&along) && across <= FARTHEST_ACROSS * height
    }
}

/// One form for characters that look alike: full and half width, brackets, radicals; without white space.
fn fold(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().filter(|it| !it.is_whitespace())
}

/// Takes down which characters a page draws, and where.
struct Recorder {
    characters: Vec<Character>,
}

impl Recorder {
    fn note(&mut self, text: &str, place: Affine, mode: WritingMode) {
        let at = place * Point::ZERO;
        let (right, up) = (place * Point::new(1_000.0, 0.0) - at, place * Point::new(0.0, 1_000.0) - at);
        let height = up.hypot();
        let line = match mode {
            WritingMode::Horizontal => right / right.hypot().max(1e-9),
            WritingMode::Vertical => -up / height.max(1e-9),
        };
        for value in fold(text) {
            let twice = |last: &Character| last.value == value && last.at.distance(at) < SAME_PLACE * height;
            // A glyph that stands for several characters, as ﬀ does, puts them all in one place.
            if text.chars().count() > 1 || !self.characters.last().is_some_and(twice) {
                self.characters.push(Character { value, at, height, line });
            }
        }
    }
}

impl Device<'_> for Recorder {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        let mode = run.writing_mode();
        for glyph in run.glyphs() {
            let place = props.transform * glyph.transform();
            match glyph.as_unicode() {
                Some(BfString::Char(value)) => self.note(value.encode_utf8(&mut [0; 4]), place, mode),
                Some(BfString::String(text)) => self.note(&text, place, mode),
                None => self.note("\u{fffd}", place, mode),
            }
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
