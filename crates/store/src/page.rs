//! Keyset pages: a page begins behind the last row of the one before it, so that each costs the same.

use uuid::Uuid;

/// Which part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// How many rows at most.
    pub limit: u32,
    /// Behind which row; absent: from the beginning.
    pub after: Option<Cursor>,
}

impl Page {
    /// The first so many rows.
    pub fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// What to compare with in a list that goes from new to old.
    pub(crate) fn before(&self) -> Cursor {
        self.after.unwrap_or(Cursor { at: i64::MAX, id: Uuid::max(), kind: i64::MAX, n: i64::MAX })
    }

    /// What to compare with in a list that goes from old to new.
    pub(crate) fn behind(&self) -> Cursor {
        self.after.unwrap_or(Cursor { at: i64::MIN, id: Uuid::nil(), kind: i64::MIN, n: i64::MIN })
    }

    /// One more than asked, so that it is known whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// This page of a list that is at hand as a whole, sorted by a number of each row, from small to great.
    pub fn of_numbered<T>(&self, rows: Vec<T>, number: impl Fn(&T) -> u64) -> PageOf<T> {
        let number = |row: &T| number(row).cast_signed();
        let behind = self.behind().at;
        let rows = rows.into_iter().filter(|row| number(row) > behind).take(self.limit as usize + 1);
        self.cut(rows.collect(), |row| Cursor::new(number(row), Uuid::nil()))
    }

    /// Cuts what [`Page::fetch`] brought.
    pub(crate) fn cut<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> Cursor) -> PageOf<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(cursor) } else { None };
        PageOf { rows, next }
    }
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageOf<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<Cursor>,
}

/// A place in a list: the values it is sorted by. Lists with fewer keys leave the last ones 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// When, in microseconds since 1970; or another number the list is sorted by.
    pub at: i64,
    /// The row's id.
    pub id: Uuid,
    /// Of a task: its kind.
    pub kind: i64,
    /// Of a task: its number.
    pub n: i64,
}

impl Cursor {
    /// A place in a list sorted by a number and an id.
    pub fn new(at: i64, id: impl Into<Uuid>) -> Self {
        Self { at, id: id.into(), kind: 0, n: 0 }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}.{}.{:x}.{:x}", self.at, self.id.simple(), self.kind, self.n)
    }
}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let number = |part: &str| u64::from_str_radix(part, 16).map(u64::cast_signed).map_err(|_| BadCursor);
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(BadCursor);
        Ok(Self {
            at: number(part()?)?,
            id: Uuid::try_parse(part()?).map_err(|_| BadCursor)?,
            kind: number(part()?)?,
            n: number(part()?)?,
        })
    }
}

/// The text is not one of our cursors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct BadCursor;
