//! The pages of a document, and how what a reader sees on one relates to its own coordinates.

use std::collections::HashSet;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object, ObjectId};

/// More pages than this are not taken.
pub const MOST_PAGES: usize = 100_000;

/// The tree of pages is not deeper than this.
const DEEPEST: usize = 64;

/// What programs take for a page that does not say its size, in points.
const LETTER: Rectangle = Rectangle { left: 0.0, bottom: 0.0, right: 612.0, top: 792.0 };

/// Coordinates beyond this are nonsense.
const FARTHEST: f64 = 1e6;

/// How far a page is turned clockwise when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    None,
    Quarter,
    Half,
    ThreeQuarters,
}

/// In the page's own coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    pub left: f64,
    pub bottom: f64,
    pub right: f64,
    pub top: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Page {
    pub id: ObjectId,
    /// What is shown, in the page's own coordinates: the crop box inside the media box.
    pub shown: Rectangle,
    pub turn: Turn,
    /// How many points one unit of the page's own coordinates is.
    pub unit: f64,
    /// The page or the node above it that names the resources.
    pub resources: Option<ObjectId>,
}

impl Page {
    /// Width and height as shown, in points.
    pub fn size(&self) -> (f64, f64) {
        let (width, height) = (self.shown.width() * self.unit, self.shown.height() * self.unit);
        match self.turn {
            Turn::None | Turn::Half => (width, height),
            Turn::Quarter | Turn::ThreeQuarters => (height, width),
        }
    }

    /// From points right of and above the lower left corner as shown, to the page's own coordinates.
    pub fn to_own(&self, right: f64, up: f64) -> (f64, f64) {
        let (u, v) = (right / self.unit, up / self.unit);
        let shown = &self.shown;
        match self.turn {
            Turn::None => (shown.left + u, shown.bottom + v),
            Turn::Quarter => (shown.right - v, shown.bottom + u),
            Turn::Half => (shown.right - u, shown.top - v),
            Turn::ThreeQuarters => (shown.left + v, shown.top - u),
        }
    }

    /// From the page's own coordinates to points right of and above the lower left corner as shown.
    pub fn to_shown(&self, x: f64, y: f64) -> (f64, f64) {
        let shown = &self.shown;
        let (u, v) = match self.turn {
            Turn::None => (x - shown.left, y - shown.bottom),
            Turn::Quarter => (y - shown.bottom, shown.right - x),
            Turn::Half => (shown.right - x, shown.top - y),
            Turn::ThreeQuarters => (shown.top - y, x - shown.left),
        };
        (u * self.unit, v * self.unit)
    }

    /// A rectangle given by its corner and size as shown, in the page's own coordinates.
    pub fn rectangle(&self, x: f64, y: f64, width: f64, height: f64) -> Rectangle {
        let (one, other) = (self.to_own(x, y), self.to_own(x + width, y + height));
        Rectangle::between(one, other)
    }

    /// The resources that hold for the page, as its content sees them.
    pub fn effective_resources(&self, document: &Document<'_>) -> Result<Dictionary> {
        let Some(holder) = self.resources else { return Ok(Dictionary::new()) };
        let holder = document.object(holder)?.into_dictionary().unwrap_or_default();
        Ok(document.find_dictionary(&holder, "Resources")?.unwrap_or_default())
    }
}

impl Turn {
    pub fn degrees(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    fn from_degrees(degrees: i64) -> Result<Self> {
        match degrees.rem_euclid(360) {
            0 => Ok(Self::None),
            90 => Ok(Self::Quarter),
            180 => Ok(Self::Half),
            270 => Ok(Self::ThreeQuarters),
            _ => Err(Error::damaged("a page is turned by an odd angle")),
        }
    }
}

impl Rectangle {
    pub fn between(one: (f64, f64), other: (f64, f64)) -> Self {
        Self {
            left: one.0.min(other.0),
            bottom: one.1.min(other.1),
            right: one.0.max(other.0),
            top: one.1.max(other.1),
        }
    }

    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.top - self.bottom
    }

    pub fn to_object(self) -> Object {
        Object::reals([self.left, self.bottom, self.right, self.top])
    }

    fn within(self, outer: Self) -> Option<Self> {
        let inner = Self {
            left: self.left.max(outer.left),
            bottom: self.bottom.max(outer.bottom),
            right: self.right.min(outer.right),
            top: self.top.min(outer.top),
        };
        (inner.width() > 0.0 && inner.height() > 0.0).then_some(inner)
    }

    fn read(document: &Document<'_>, object: &Object) -> Result<Self> {
        let wrong = || Error::damaged("a page's box cannot be read");
        let object = document.resolve(object)?;
        let corners =
            object.as_array().ok_or_else(wrong)?.iter().map(|it| Ok(document.resolve(it)?.as_real()));
        let corners: Vec<Option<f64>> = corners.collect::<Result<_>>()?;
        let [Some(a), Some(b), Some(c), Some(d)] = *corners.as_slice() else { return Err(wrong()) };
        let near = [a, b, c, d].iter().all(|it| it.abs() <= FARTHEST);
        if near { Ok(Self::between((a, b), (c, d))) } else { Err(wrong()) }
    }
}

/// What pages take from the nodes above them.
#[derive(Debug, Clone, Copy)]
struct Inherited {
    media: Rectangle,
    crop: Option<Rectangle>,
    turn: Turn,
    resources: Option<ObjectId>,
}

/// The pages of the tree under the catalogue, in order.
pub(crate) fn read(document: &Document<'_>) -> Result<Vec<Page>> {
    let (_, catalogue) = document.catalogue()?;
    let root = catalogue.get("Pages").and_then(Object::as_reference).ok_or(Error::NoPages)?;
    let nothing = Inherited { media: LETTER, crop: None, turn: Turn::None, resources: None };
    let mut pages = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![(root, nothing, 0)];
    while let Some((id, above, depth)) = waiting.pop() {
        if depth > DEEPEST || !seen.insert(id) {
            return Err(Error::damaged("the tree of pages runs in a circle"));
        }
        let node = document.object(id)?.into_dictionary().ok_or(Error::damaged("a page is missing"))?;
        let here = above.with(document, id, &node)?;
        if let Object::Array(kids) = document.value(&node, "Kids")? {
            for kid in kids.iter().rev() {
                let kid = kid.as_reference().ok_or(Error::damaged("a page has no number of its own"))?;
                waiting.push((kid, here, depth + 1));
            }
        } else if !node.get("Type").is_some_and(|it| it.is_name("Pages")) {
            pages.push(here.page(document, id, &node)?);
        }
        if pages.len() > MOST_PAGES {
            return Err(Error::TooManyPages { most: MOST_PAGES });
        }
    }
    if pages.is_empty() { Err(Error::NoPages) } else { Ok(pages) }
}

impl Inherited {
    fn with(self, document: &Document<'_>, id: ObjectId, node: &Dictionary) -> Result<Self> {
        let mut here = self;
        if let Some(media) = node.get("MediaBox") {
            here.media = Rectangle::read(document, media)?;
        }
        if let Some(crop) = node.get("CropBox") {
            here.crop = Some(Rectangle::read(document, crop)?);
        }
        if let Some(turn) = node.get("Rotate") {
            let degrees = document.resolve(turn)?.as_integer();
            here.turn =
                Turn::from_degrees(degrees.ok_or(Error::damaged("a page is turned by an odd angle"))?)?;
        }
        if node.has("Resources") {
            here.resources = Some(id);
        }
        Ok(here)
    }

    fn page(self, document: &Document<'_>, id: ObjectId, node: &Dictionary) -> Result<Page> {
        let unit = document.value(node, "UserUnit")?.as_real().unwrap_or(1.0);
        let shown = self.crop.and_then(|crop| crop.within(self.media)).unwrap_or(self.media);
        if !(0.01..=10_000.0).contains(&unit) || shown.width() <= 0.0 || shown.height() <= 0.0 {
            return Err(Error::damaged("a page has no size"));
        }
        Ok(Page { id, shown, turn: self.turn, unit, resources: self.resources })
    }
}
