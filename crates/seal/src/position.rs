//! Where seals go. A position is what a person or another system asks for; a placement is one rectangle on one page.

use serde_json::Value;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::keyword::{Found, Text};
use crate::page::Page;

/// The widest a seal is when nobody says how wide, in points.
const WIDEST_DEFAULT: f64 = 159.0;

/// A seal is between these widths, in points.
const WIDTHS: std::ops::RangeInclusive<f64> = 4.0..=2_000.0;

/// One seal is cut over at most so many pages; then another one begins.
const MOST_SLICES: usize = 20;

/// One position puts a seal to at most so many places.
const MOST_PLACES: usize = 1_000;

const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// How a seal is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignType {
    /// Once, on one page.
    Single,
    /// Once on each of several pages.
    Several,
    /// In slices along the right edge of several pages, which join when the pages are fanned out.
    Across,
    /// Wherever a keyword stands.
    Keyword,
}

/// What `x` and `y` count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The lower left corner of the page as shown.
    Corner,
    /// The lower left of the keyword's first character.
    Keyword,
}

/// Which pages, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pages {
    All,
    /// From and to, both inclusive.
    Ranges(Vec<(u32, u32)>),
}

/// A place for a seal as it is asked for. `x` and `y` are points, and name the seal's centre.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    pub sign_type: SignType,
    pub anchor: Anchor,
    pub pages: Pages,
    pub x: f64,
    pub y: f64,
    pub keyword: String,
    /// 0 for every place at which the keyword stands, `n` for the n-th, -1 for the last.
    pub keyword_index: i32,
    /// In points; nothing for the seal's own.
    pub width: Option<f64>,
}

/// How large a seal's picture is, and how wide the seal is in life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SealSize {
    pub pixels: (u32, u32),
    pub width_mm: Option<f64>,
}

/// One rectangle on one page: its lower left corner and size in points, on the page as shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Counted from 1.
    pub page: u32,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub slice: Option<Slice>,
    /// The seal would have stuck out and was pushed back inside the page.
    pub moved: bool,
}

/// Which part of a seal that is cut into upright strips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// From 0, left to right.
    pub index: u32,
    pub count: u32,
}

impl Position {
    /// Reads one entry of `approveSealPositions`: `signType`, `posType`, `posPage` as text or number, `posX`, `posY`,
    /// `key`, `keyIndex`, `width`. Numbers may be given as text. Other entries are not looked at.
    ///
    /// # Errors
    /// [`Error::BadPosition`].
    pub fn from_json(value: &Value) -> Result<Self> {
        let wrong = |what| Error::BadPosition { what };
        let sign_type = match integer(value, "signType")? {
            Some(1) => SignType::Single,
            Some(2) => SignType::Several,
            Some(3) => SignType::Across,
            Some(4) => SignType::Keyword,
            Some(_) | None => return Err(wrong("signType is not 1, 2, 3 or 4")),
        };
        let anchor = match integer(value, "posType")? {
            Some(1) => Anchor::Keyword,
            None if sign_type == SignType::Keyword => Anchor::Keyword,
            None | Some(0) => Anchor::Corner,
            Some(_) => return Err(wrong("posType is neither 0 nor 1")),
        };
        let keyword = text(value, "key").unwrap_or_default();
        let default_index = if sign_type == SignType::Single { 1 } else { 0 };
        let index = integer(value, "keyIndex")?.unwrap_or(default_index);
        let position = Self {
            sign_type,
            anchor,
            pages: Pages::parse(&text(value, "posPage").unwrap_or_default())?,
            x: number(value, "posX")?.unwrap_or(0.0),
            y: number(value, "posY")?.unwrap_or(0.0),
            keyword: keyword.trim().to_owned(),
            keyword_index: i32::try_from(index).map_err(|_| wrong("keyIndex is too large"))?,
            width: number(value, "width")?.filter(|width| *width != 0.0),
        };
        position.check()?;
        Ok(position)
    }

    /// Contradictions that need no document to be seen.
    pub fn check(&self) -> Result<()> {
        let wrong = |what| Err(Error::BadPosition { what });
        let is_keyword = self.sign_type == SignType::Keyword || self.anchor == Anchor::Keyword;
        if !(self.x.is_finite() && self.y.is_finite()) {
            return wrong("posX and posY are not numbers");
        }
        if self.width.is_some_and(|width| !WIDTHS.contains(&width)) {
            return wrong("width is not between 4 and 2000 points");
        }
        if is_keyword && self.keyword.is_empty() {
            return wrong("key is empty");
        }
        if is_keyword && self.keyword_index < -1 {
            return wrong("keyIndex is below -1");
        }
        match self.sign_type {
            SignType::Across if is_keyword => wrong("a seal across pages has no keyword"),
            SignType::Single if !is_keyword && self.pages.single().is_none() => {
                wrong("posPage has to name one page")
            }
            SignType::Single | SignType::Several | SignType::Across | SignType::Keyword => Ok(()),
        }
    }

    /// Every place at which the seal goes, in the order of the pages.
    ///
    /// # Errors
    /// [`Error::PageNotThere`], [`Error::TooFewPages`], [`Error::OutsidePage`], [`Error::KeywordNotFound`],
    /// [`Error::KeywordIndex`], [`Error::NoText`], and [`Error::BadPosition`] for more than 1,000 places.
    pub fn place(&self, document: &Document<'_>, text: &Text, size: &SealSize) -> Result<Vec<Placement>> {
        self.check()?;
        let pages = document.pages()?;
        let numbers = self.pages.resolve(pages.len())?;
        let (width, height) = size.in_points(self.width)?;
        if self.sign_type == SignType::Across {
            return self.place_across(pages, &numbers, width, height);
        }
        let centres = match self.anchor {
            Anchor::Corner if self.sign_type != SignType::Keyword => {
                numbers.into_iter().map(|page| Found { page, x: 0.0, y: 0.0 }).collect()
            }
            Anchor::Corner | Anchor::Keyword => self.find_keyword(document, text, &numbers)?,
        };
        if centres.len() > MOST_PLACES {
            return Err(Error::BadPosition { what: "the seal would go to more than 1000 places" });
        }
        let corner = (self.x - width / 2.0, self.y - height / 2.0);
        let whole = |found: &Found| Placement {
            page: found.page,
            x: found.x + corner.0,
            y: found.y + corner.1,
            width,
            height,
            slice: None,
            moved: false,
        };
        centres.iter().map(|found| whole(found).inside(page_at(pages, found.page)?)).collect()
    }

    fn find_keyword(&self, document: &Document<'_>, text: &Text, pages: &[u32]) -> Result<Vec<Found>> {
        let found = text.find(document, &self.keyword, pages)?;
        let out_of_reach = || Error::KeywordIndex {
            keyword: self.keyword.clone(),
            index: self.keyword_index,
            found: found.len(),
        };
        match usize::try_from(self.keyword_index) {
            Ok(0) => Ok(found),
            Ok(index) => found.get(index - 1).map(|it| vec![*it]).ok_or_else(out_of_reach),
            Err(_) => Ok(found.last().copied().into_iter().collect()),
        }
    }

    /// Groups of nearly the same size, none of a single page.
    fn place_across(
        &self,
        pages: &[Page],
        numbers: &[u32],
        width: f64,
        height: f64,
    ) -> Result<Vec<Placement>> {
        if numbers.len() < 2 {
            return Err(Error::TooFewPages);
        }
        let groups = numbers.len().div_ceil(MOST_SLICES);
        let mut placements = Vec::with_capacity(numbers.len());
        for group in 0..groups {
            let bounds = group * numbers.len() / groups..(group + 1) * numbers.len() / groups;
            let group = numbers.get(bounds).unwrap_or_default();
            let count = group.len() as u32;
            for (index, page) in (0..count).zip(group) {
                let slice_width = width / f64::from(count);
                let geometry = page_at(pages, *page)?;
                let slice = Placement {
                    page: *page,
                    x: geometry.size().0 - slice_width,
                    y: self.y - height / 2.0,
                    width: slice_width,
                    height,
                    slice: Some(Slice { index, count }),
                    moved: false,
                };
                placements.push(slice.inside(geometry)?);
            }
        }
        Ok(placements)
    }
}

impl Pages {
    /// `3`, `1-3,5`, `all`, or nothing for all.
    ///
    /// # Errors
    /// [`Error::BadPosition`].
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::BadPosition { what: "posPage is not like `1-3,5` or `all`" };
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        let range = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (from.trim().parse::<u32>().ok()?, to.trim().parse::<u32>().ok()?);
            (from >= 1 && from <= to).then_some((from, to))
        };
        let parts = text.split([',', '，', '、']);
        Ok(Self::Ranges(parts.map(range).collect::<Option<_>>().ok_or_else(wrong)?))
    }

    fn single(&self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::Ranges(ranges) => match ranges.as_slice() {
                [(from, to)] if from == to => Some(*from),
                [] | [_, ..] => None,
            },
        }
    }

    /// Each page once, in order.
    fn resolve(&self, count: usize) -> Result<Vec<u32>> {
        let pages = u32::try_from(count).unwrap_or(u32::MAX);
        let ranges = match self {
            Self::All => &vec![(1, pages)],
            Self::Ranges(ranges) => ranges,
        };
        if let Some((_, page)) = ranges.iter().find(|(_, to)| *to > pages) {
            return Err(Error::PageNotThere { page: *page, pages });
        }
        let mut numbers: Vec<u32> = ranges.iter().flat_map(|(from, to)| *from..=*to).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

impl SealSize {
    /// Width and height in points: as asked for, else the seal's real size, else a point a pixel up to 159.
    fn in_points(&self, asked: Option<f64>) -> Result<(f64, f64)> {
        let (across, down) = (f64::from(self.pixels.0), f64::from(self.pixels.1));
        if across < 1.0 || down < 1.0 {
            return Err(Error::PictureEmpty);
        }
        let real = self.width_mm.map(|mm| mm * POINTS_PER_MM);
        let width = asked.or(real).unwrap_or(across.min(WIDEST_DEFAULT));
        if !WIDTHS.contains(&width) {
            return Err(Error::BadPosition { what: "width is not between 4 and 2000 points" });
        }
        Ok((width, width * down / across))
    }
}

impl Placement {
    /// Pushes what sticks out back inside the page.
    fn inside(self, page: &Page) -> Result<Self> {
        let (width, height) = page.size();
        let (centre_x, centre_y) = (self.x + self.width / 2.0, self.y + self.height / 2.0);
        let is_outside = !(0.0..=width).contains(&centre_x) || !(0.0..=height).contains(&centre_y);
        if is_outside || self.width > width || self.height > height {
            return Err(Error::OutsidePage { page: self.page });
        }
        let (x, y) = (self.x.clamp(0.0, width - self.width), self.y.clamp(0.0, height - self.height));
        Ok(Self { x, y, moved: self.moved || x != self.x || y != self.y, ..self })
    }

    /// Whether two placements cover each other somewhere.
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = self.x + self.width <= other.x
            || other.x + other.width <= self.x
            || self.y + self.height <= other.y
            || other.y + other.height <= self.y;
        self.page == other.page && !apart
    }
}

fn page_at(pages: &[Page], number: u32) -> Result<&Page> {
    let missing = Error::PageNotThere { page: number, pages: u32::try_from(pages.len()).unwrap_or(u32::MAX) };
    (number as usize).checked_sub(1).and_then(|index| pages.get(index)).ok_or(missing)
}

/// Text, or a number written as text.
fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value, key: &str) -> Result<Option<f64>> {
    let Some(text) = text(value, key).filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let number = text.trim().parse::<f64>().ok().filter(|it| it.is_finite());
    number.map(Some).ok_or(Error::BadPosition { what: "a number is not a number" })
}

fn integer(value: &Value, key: &str) -> Result<Option<i64>> {
    let Some(number) = number(value, key)? else { return Ok(None) };
    let whole = number.fract() == 0.0 && number.abs() < 1e9;
    if whole {
        Ok(Some(number as i64))
    } else {
        Err(Error::BadPosition { what: "a whole number is not whole" })
    }
}
