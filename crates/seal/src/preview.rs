//! A page as a picture, with its seals, for people who choose where a seal goes or look at what was sealed.

use std::sync::Arc;

use hayro::hayro_interpret::font::FontQuery;
use hayro::hayro_interpret::{Context, DummyDevice, InterpreterCache, InterpreterSettings, interpret_page};
use hayro::hayro_syntax::Pdf;
use hayro::kurbo::{Affine, Rect};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use crate::document::Document;
use crate::draw::Fonts;
use crate::error::{Error, Result};
use crate::picture::Picture;
use crate::stamp::find_page;
use crate::weight::{self, Limited};

/// A preview has at most so many pixels a side.
const MOST_PIXELS: f64 = 4_000.0;

/// Draws one page, from 1, so that a point becomes `scale` pixels, or fewer where the page is so large that the picture
/// would be. Characters of fonts that are not in the file are drawn with `fonts`.
///
/// # Errors
/// [`Error::PageNotThere`]; [`Error::Damaged`] when the page cannot be drawn; [`Error::UnpacksTooLarge`].
pub fn draw_page(
    file: &Arc<Vec<u8>>,
    document: &Document<'_>,
    page: u32,
    scale: f64,
    fonts: &Fonts,
) -> Result<Picture> {
    let geometry = find_page(document, page)?;
    document.check_weight()?;
    let (width, height) = geometry.size();
    let scale = scale.clamp(0.05, 20.0).min(MOST_PIXELS / width.max(height)) * geometry.unit;
    let drawn = || draw_with(file, page, scale as f32, fonts).ok_or(Error::damaged("a page cannot be drawn"));
    weight::guarded(drawn)
}

fn draw_with(file: &Arc<Vec<u8>>, page: u32, scale: f32, fonts: &Fonts) -> Option<Picture> {
    let pdf = Pdf::new(Arc::clone(file)).ok()?;
    let page = pdf.pages().get((page as usize).checked_sub(1)?)?;
    let fonts = fonts.clone();
    let settings = InterpreterSettings {
        font_resolver: Arc::new(move |query| match query {
            FontQuery::Standard(font) => Some(font.get_font_data()),
            FontQuery::Fallback(wanted) if wanted.character_collection.is_some() => fonts
                .for_chinese(wanted.is_bold)
                .or_else(|| Some(wanted.pick_standard_font().get_font_data())),
            FontQuery::Fallback(wanted) => Some(wanted.pick_standard_font().get_font_data()),
        }),
        ..InterpreterSettings::default()
    };
    // First without any pixel, to see that drawing comes to an end.
    let everywhere = Rect::new(-1e6, -1e6, 1e6, 1e6);
    let cache = InterpreterCache::new();
    let mut context = Context::new(Affine::IDENTITY, everywhere, &cache, pdf.xref(), settings.clone());
    interpret_page(page, &mut context, &mut Limited::new(DummyDevice));
    let size = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let drawn = render(page, &RenderCache::new(), &settings, &RenderSettings::default(), &size);
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    // On white nothing is transparent, so the premultiplied values are the plain ones.
    let pixels = drawn.data().iter().flat_map(|it| [it.r, it.g, it.b, it.a]).collect();
    Picture::from_pixels(width, height, pixels)
}
