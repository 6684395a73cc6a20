//! Where seals go once a document is approved: what one person may ask for, how the wishes of several are merged, and which
//! of them are in each other's way.

use crate::app::App;
use crate::error::Error;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_engine::ledger::hex;
use zhupi_store::{ApproveRecord, Seal};

/// The setting that names the template signing flows are decided after.
pub const SIGNING_TEMPLATE: &str = "esign.template_code";

/// One wish: this seal there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// A registered seal; absent where a picture came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Uuid>,
    /// A picture in base64, such as a seal drawn by hand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub picture: String,
    /// Where another system keeps the picture; kept, never read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub picture_key: String,
    pub style: Style,
    pub pages: Pages,
    /// The words the seal goes to, where they place it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keyword: String,
    /// The words decide, even where the style alone would not say so.
    #[serde(default)]
    pub by_keyword: bool,
    /// The middle of the seal in points from the left edge, or how far it is from the keyword.
    pub x: f64,
    /// The same, from the lower edge.
    pub y: f64,
}

/// How a seal lies on pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Not said; treated as `SinglePage`.
    Unset,
    SinglePage,
    SeveralPages,
    /// 骑缝: cut over the edges of the pages.
    Crossing,
    Keyword,
}

/// Which pages; written `all`, or `1-3,5`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Pages {
    #[default]
    All,
    /// Ascending, apart from each other, both ends included.
    Ranges(Vec<(u32, u32)>),
}

/// No document has more pages.
pub const MOST_PAGES: u32 = 100_000;
/// Nobody needs a longer list of ranges.
const MOST_RANGES: usize = 50;

impl Pages {
    /// Whether it is one page only.
    pub fn is_single(&self) -> bool {
        match self {
            Pages::All => false,
            Pages::Ranges(ranges) => matches!(ranges.as_slice(), [(first, last)] if first == last),
        }
    }

    fn meets(&self, other: &Pages) -> bool {
        match (self, other) {
            (Pages::All, _) | (_, Pages::All) => true,
            (Pages::Ranges(ours), Pages::Ranges(theirs)) => {
                ours.iter().any(|ours| theirs.iter().any(|theirs| ours.0 <= theirs.1 && theirs.0 <= ours.1))
            }
        }
    }
}

impl FromStr for Pages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("all") {
            return Ok(Pages::All);
        }
        let parts: Vec<&str> = text.split([',', '，']).collect();
        if parts.len() > MOST_RANGES {
            return Err(format!("expected at most {MOST_RANGES} page ranges"));
        }
        let mut ranges = parts.into_iter().map(range).collect::<Result<Vec<_>, _>>()?;
        ranges.sort_unstable();
        let mut apart: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match apart.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => apart.push((first, last)),
            }
        }
        Ok(Pages::Ranges(apart))
    }
}

fn range(part: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("expected pages such as `1` or `1-3,5`, counted from 1 to {MOST_PAGES}");
    let page = |text: &str| match text.trim().parse::<u32>() {
        Ok(page @ 1..=MOST_PAGES) => Ok(page),
        _ => Err(wrong()),
    };
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (page(first)?, page(last)?);
    if first <= last { Ok((first, last)) } else { Err(wrong()) }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pages::Ranges(ranges) = self else { return f.write_str("all") };
        for (n, (first, last)) in ranges.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

impl Serialize for Pages {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pages {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A wish with who wishes it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Placed {
    pub by: UserId,
    /// His record.
    pub record: Uuid,
    #[serde(flatten)]
    pub position: Position,
}

/// Merges the records of a flow, the one saved last at the end: the last writer wins per seal, page and keyword. What one
/// writer wishes stands beside each other, so that he can place a seal twice on a page.
pub fn merge(records: &[(ApproveRecord, Vec<Position>)]) -> Vec<Placed> {
    let mut merged: Vec<Placed> = Vec::new();
    for (record, positions) in records {
        merged.retain(|before| !positions.iter().any(|it| same_place(&before.position, it)));
        merged.extend(positions.iter().map(|position| Placed {
            by: record.user,
            record: record.id,
            position: position.clone(),
        }));
    }
    merged
}

fn same_place(one: &Position, other: &Position) -> bool {
    one.seal == other.seal
        && one.picture == other.picture
        && one.pages == other.pages
        && one.keyword == other.keyword
        && (one.style == Style::Crossing) == (other.style == Style::Crossing)
}

/// Points of a millimetre.
const POINTS: f64 = 72.0 / 25.4;
/// The usual round seal, where nothing says how large a seal is.
const USUAL_MM: f64 = 42.0;

/// Which wishes would lie on each other. What a keyword places, and what goes over the edges, is left out: where it comes
/// to lie shows in the document only.
pub fn overlaps(placed: &[Placed], seals: &[Seal]) -> Vec<String> {
    let mut found = Vec::new();
    for (n, one) in placed.iter().enumerate() {
        for (m, other) in placed.iter().enumerate().skip(n + 1) {
            if overlap(&one.position, &other.position, seals) {
                found.push(format!(
                    "positions {} and {} overlap on pages `{}` and `{}`",
                    n + 1,
                    m + 1,
                    one.position.pages,
                    other.position.pages,
                ));
            }
        }
    }
    found
}

fn overlap(one: &Position, other: &Position, seals: &[Seal]) -> bool {
    let lies = |it: &Position| !it.by_keyword && !matches!(it.style, Style::Crossing | Style::Keyword);
    if !lies(one) || !lies(other) || !one.pages.meets(&other.pages) {
        return false;
    }
    let (ours, theirs) = (size(one, seals), size(other, seals));
    (one.x - other.x).abs() * 2.0 < ours.0 + theirs.0 && (one.y - other.y).abs() * 2.0 < ours.1 + theirs.1
}

fn size(position: &Position, seals: &[Seal]) -> (f64, f64) {
    let seal = seals.iter().find(|seal| Some(seal.id) == position.seal);
    let (width, height) =
        seal.map_or((USUAL_MM, USUAL_MM), |seal| (f64::from(seal.width_mm), f64::from(seal.height_mm)));
    (width * POINTS, height * POINTS)
}

/// A seal's picture may have so many bytes.
pub const PICTURE_BYTES: usize = 256 * 1024;

/// The bytes of a picture in base64, with or without the head of a `data:` address.
pub fn read_picture(text: &str) -> Result<Vec<u8>, String> {
    let text = match text.split_once(";base64,") {
        Some((head, rest)) if head.starts_with("data:image/") => rest,
        _ => text,
    };
    if text.len() > PICTURE_BYTES.div_ceil(3) * 4 {
        return Err(format!("a picture may have at most {PICTURE_BYTES} bytes"));
    }
    let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| "expected base64".to_owned())?;
    let known = bytes.starts_with(b"\x89PNG\r\n\x1a\n") || bytes.starts_with(&[0xff, 0xd8, 0xff]);
    if known { Ok(bytes) } else { Err("expected a picture in PNG or JPEG".to_owned()) }
}

/// A document that will be sealed, fixed by its digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentDigest {
    pub id: Uuid,
    pub file: Uuid,
    pub name: String,
    /// In hex.
    pub sha256: String,
}

impl DocumentDigest {
    pub fn of(document: &zhupi_store::SignDocument) -> Self {
        Self {
            id: document.id,
            file: document.file.0,
            name: document.name.clone(),
            sha256: hex(&document.sha256),
        }
    }
}

impl App {
    /// The positions of a kept record.
    pub fn positions_of(record: &ApproveRecord) -> Result<Vec<Position>, Error> {
        serde_json::from_str(&record.positions)
            .map_err(|cause| Error::internal(format!("approve record {}: {cause}", record.id)))
    }

    /// What is wished of a flow by now, merged, with what is odd about it.
    pub async fn wishes(&self, tenant: TenantId, flow: Uuid) -> Result<(Vec<Placed>, Vec<String>), Error> {
        let records = self.store.list_approve_records(tenant, flow).await?;
        let read = |record: ApproveRecord| Self::positions_of(&record).map(|positions| (record, positions));
        let records = records.into_iter().map(read).collect::<Result<Vec<_>, Error>>()?;
        let placed = merge(&records);
        let warnings = overlaps(&placed, &self.store.list_seals(tenant).await?);
        Ok((placed, warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(seal: u128, pages: &str, x: f64) -> Position {
        Position {
            seal: Some(Uuid::from_u128(seal)),
            picture: String::new(),
            picture_key: String::new(),
            style: Style::SeveralPages,
            pages: pages.parse().unwrap(),
            keyword: String::new(),
            by_keyword: false,
            x,
            y: 100.0,
        }
    }

    fn record(user: u128, positions: Vec<Position>) -> (ApproveRecord, Vec<Position>) {
        let record = ApproveRecord {
            id: Uuid::from_u128(user),
            flow: Uuid::nil(),
            participant: Uuid::nil(),
            user: UserId(Uuid::from_u128(user)),
            positions: String::new(),
            source: String::new(),
            saved_at: 0,
        };
        (record, positions)
    }

    fn told(records: &[(ApproveRecord, Vec<Position>)]) -> Vec<(u128, f64)> {
        merge(records).iter().map(|placed| (placed.by.0.as_u128(), placed.position.x)).collect()
    }

    #[test]
    fn pages_are_read_and_written_in_one_way() {
        let same = |text: &str| text.parse::<Pages>().map(|pages| pages.to_string());
        assert_eq!(same("1"), Ok("1".to_owned()));
        assert_eq!(same("5, 1-3,2-4"), Ok("1-5".to_owned()));
        assert_eq!(same("1-3，7"), Ok("1-3,7".to_owned()));
        assert_eq!(same("ALL"), Ok("all".to_owned()));
        for wrong in ["0", "3-1", "1-", "-1", "1,,2", "a", "1.0", "100001", "99999999999"] {
            assert!(same(wrong).is_err(), "{wrong}");
        }
        assert!(same(&["1"; 51].join(",")).is_err());
    }

    #[test]
    fn the_last_writer_wins_per_seal_page_and_keyword() {
        let first = record(1, vec![position(7, "1", 10.0), position(8, "1", 20.0)]);
        let second = record(2, vec![position(7, "1", 30.0), position(7, "2", 40.0)]);
        assert_eq!(told(&[first, second]), [(1, 20.0), (2, 30.0), (2, 40.0)]);
    }

    #[test]
    fn one_writer_may_place_a_seal_twice_on_a_page() {
        let alone = record(1, vec![position(7, "1", 10.0), position(7, "1", 300.0)]);
        assert_eq!(told(&[alone]), [(1, 10.0), (1, 300.0)]);
    }

    #[test]
    fn keywords_and_crossing_seals_do_not_replace_each_other() {
        let crossing = Position { style: Style::Crossing, ..position(7, "1-3", 2.0) };
        let keyword =
            Position { style: Style::Keyword, keyword: "甲方".to_owned(), ..position(7, "1-3", 3.0) };
        let records = [record(1, vec![position(7, "1-3", 1.0)]), record(2, vec![crossing, keyword])];
        assert_eq!(told(&records), [(1, 1.0), (2, 2.0), (2, 3.0)]);
    }

    #[test]
    fn seals_on_each_other_are_told_on_common_pages_only() {
        let odd = |one: Position, other: Position| {
            overlaps(&merge(&[record(1, vec![one]), record(2, vec![other])]), &[]).len()
        };
        assert_eq!(odd(position(7, "1-3", 100.0), position(8, "3", 200.0)), 1);
        assert_eq!(odd(position(7, "1-3", 100.0), position(8, "4", 200.0)), 0);
        assert_eq!(odd(position(7, "1-3", 100.0), position(8, "3", 220.0)), 0);
        assert_eq!(odd(position(7, "all", 100.0), position(8, "9", 100.0)), 1);
        let crossing = Position { style: Style::Crossing, ..position(8, "1", 100.0) };
        assert_eq!(odd(position(7, "1", 100.0), crossing), 0);
    }

    #[test]
    fn pictures_are_png_or_jpeg_and_small() {
        let png = BASE64_STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
        assert!(read_picture(&png).is_ok());
        assert!(read_picture(&format!("data:image/png;base64,{png}")).is_ok());
        assert!(read_picture("not base64!").is_err());
        assert!(read_picture(&BASE64_STANDARD.encode(b"GIF89a")).is_err());
        assert!(read_picture(&"A".repeat(PICTURE_BYTES * 2)).is_err());
    }
}
