//! Pictures of seals: checked when they are uploaded, freed of their paper, and packed as a document holds them.

use std::fmt;
use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, Limits, RgbaImage};

use crate::error::{Error, Result};

/// A picture has at most so many pixels a side.
pub const MOST_SIDE: u32 = 4_096;

/// A picture's file has at most so many bytes.
pub const MOST_BYTES: usize = 16 << 20;

/// What decoding may take, in bytes.
const MOST_MEMORY: u64 = 160 << 20;

/// A seal of 42 mm needs no more pixels a side, even printed at 600 dots an inch.
const ENOUGH: u32 = 1_000;

/// Of a picture with a transparent background, at least this share is transparent.
const TRANSPARENT_SHARE: f64 = 0.05;

/// Paper is at least this light, of 255.
const LIGHT: u8 = 170;

/// A picture with its transparency.
#[derive(Clone, PartialEq)]
pub struct Picture {
    pixels: RgbaImage,
}

/// A picture as it stands in a document: colours and transparency, each deflated. Costs some milliseconds to make, so
/// whoever seals often keeps it.
#[derive(Clone, PartialEq)]
pub struct PackedPicture {
    pub width: u32,
    pub height: u32,
    pub colours: Vec<u8>,
    pub transparency: Vec<u8>,
}

impl Picture {
    /// Reads a PNG or JPEG file, whatever its name says. What is larger than needed is made smaller.
    ///
    /// # Errors
    /// [`Error::NotAPicture`], [`Error::PictureTooLarge`], [`Error::PictureDamaged`].
    pub fn read(file: &[u8]) -> Result<Self> {
        let too_large = Error::PictureTooLarge { most: MOST_SIDE, most_bytes: MOST_BYTES };
        if file.len() > MOST_BYTES {
            return Err(too_large);
        }
        let decoded = match image::guess_format(file) {
            Ok(ImageFormat::Png) => PngDecoder::with_limits(Cursor::new(file), limits()).map(decode),
            Ok(ImageFormat::Jpeg) => JpegDecoder::new(Cursor::new(file)).map(decode),
            Ok(_) | Err(_) => return Err(Error::NotAPicture),
        };
        let image = decoded.and_then(|it| it).map_err(|error| match error {
            image::ImageError::Limits(_) => too_large,
            _ => Error::PictureDamaged,
        })?;
        let larger = image.width().max(image.height()) > ENOUGH;
        let image = if larger { image.resize(ENOUGH, ENOUGH, FilterType::CatmullRom) } else { image };
        Ok(Self { pixels: image.into_rgba8() })
    }

    /// From rows of red, green, blue and opacity; nothing if there are too few or too many of them.
    pub fn from_pixels(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        RgbaImage::from_raw(width, height, pixels).map(|pixels| Self { pixels })
    }

    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    pub fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// Red, green, blue and opacity of each pixel, row by row from the top.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// A seal's picture has to let the text below it through.
    ///
    /// # Errors
    /// [`Error::PictureOpaque`] when nearly all of it covers, [`Error::PictureEmpty`] when nothing does.
    pub fn check_background(&self) -> Result<()> {
        let count = self.pixels.pixels().len().max(1) as f64;
        let transparent = self.pixels.pixels().filter(|pixel| pixel.0[3] < 32).count() as f64;
        if self.pixels.pixels().all(|pixel| pixel.0[3] < 32) {
            Err(Error::PictureEmpty)
        } else if transparent / count < TRANSPARENT_SHARE {
            Err(Error::PictureOpaque)
        } else {
            Ok(())
        }
    }

    /// Takes the light paper around and inside a seal away: each pixel becomes as opaque as it is darker than the paper, in
    /// the colour that gives the same impression on white.
    ///
    /// # Errors
    /// [`Error::PictureOpaque`] when the border of the picture is not of light paper, [`Error::PictureEmpty`] when
    /// nothing is left.
    pub fn without_paper(mut self) -> Result<Self> {
        let paper =
            self.paper().filter(|paper| paper.iter().all(|it| *it >= LIGHT)).ok_or(Error::PictureOpaque)?;
        for pixel in self.pixels.pixels_mut() {
            let [red, green, blue, opacity] = pixel.0;
            let light = |value: u8, paper: u8| (f32::from(value) / f32::from(paper)).min(1.0);
            let [r, g, b] = [light(red, paper[0]), light(green, paper[1]), light(blue, paper[2])];
            let ink = 1.0 - r.min(g).min(b);
            // What is nearly as light as the paper is its grain.
            let ink = ((ink - 0.12) / 0.88).max(0.0);
            let colour =
                |value: f32| (255.0 * (1.0 - (1.0 - value) / ink.max(0.001))).clamp(0.0, 255.0) as u8;
            pixel.0 = [colour(r), colour(g), colour(b), (f32::from(opacity) * ink) as u8];
        }
        self.check_background()?;
        Ok(self)
    }

    /// The picture as a PNG file, without anything that came along with the upload.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut file = Cursor::new(Vec::new());
        self.pixels.write_to(&mut file, ImageFormat::Png).map_err(|_| Error::PictureDamaged)?;
        Ok(file.into_inner())
    }

    pub fn pack(&self) -> Result<PackedPicture> {
        let colours: Vec<u8> =
            self.pixels.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
        let transparency: Vec<u8> = self.pixels.pixels().map(|pixel| pixel.0[3]).collect();
        Ok(PackedPicture {
            width: self.width(),
            height: self.height(),
            colours: deflate(&colours)?,
            transparency: deflate(&transparency)?,
        })
    }

    /// The median colour of the border, part by part.
    fn paper(&self) -> Option<[u8; 3]> {
        let (width, height) = self.pixels.dimensions();
        let border = self.pixels.enumerate_pixels().filter(|(x, y, pixel)| {
            pixel.0[3] > 200 && (*x == 0 || *y == 0 || *x + 1 == width || *y + 1 == height)
        });
        let mut parts: [Vec<u8>; 3] = Default::default();
        for (_, _, pixel) in border {
            for (part, value) in parts.iter_mut().zip(pixel.0) {
                part.push(value);
            }
        }
        let median = |part: &mut Vec<u8>| {
            part.sort_unstable();
            part.get(part.len() / 2).copied()
        };
        let [red, green, blue] = &mut parts;
        Some([median(red)?, median(green)?, median(blue)?])
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Picture of {} by {}", self.width(), self.height())
    }
}

impl fmt::Debug for PackedPicture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PackedPicture of {} by {}", self.width, self.height)
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    limits
}

/// Decodes under the limits, turned as the camera held it.
fn decode(mut decoder: impl ImageDecoder) -> image::ImageResult<DynamicImage> {
    decoder.set_limits(limits())?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map_err(|_| Error::PictureDamaged)
}
