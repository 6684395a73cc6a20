//! Pages of lists: how a caller asks for one, and how it is answered. The place where the next page begins is opaque
//! outside.

use crate::error::Error;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zhupi_store::{Cursor, Page};

/// The most entries of a page, and how many there are where nobody says.
const MOST: u32 = 200;
const USUAL: u32 = 50;
/// The most entries of a page of a list that is usually read as a whole.
const MOST_LONG: u32 = 1_000;

/// `?limit=&after=` of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// At most how many entries: 1 to 200, usually 50.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl PageQuery {
    /// The page that is asked for.
    pub fn page(&self) -> Result<Page, Error> {
        page(self.limit.unwrap_or(USUAL), MOST, self.after.as_deref())
    }
}

/// `?limit=&after=` of a list that is usually read as a whole.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LongPageQuery {
    /// At most how many entries: 1 to 1000, usually 1000.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl LongPageQuery {
    /// The page that is asked for.
    pub fn page(&self) -> Result<Page, Error> {
        page(self.limit.unwrap_or(MOST_LONG), MOST_LONG, self.after.as_deref())
    }
}

fn page(limit: u32, most: u32, after: Option<&str>) -> Result<Page, Error> {
    if !(1..=most).contains(&limit) {
        return Err(Error::field("limit", format!("expected 1 to {most}")));
    }
    Ok(Page { limit, after: after.map(read).transpose()? })
}

fn read(opaque: &str) -> Result<Cursor, Error> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(opaque).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::field("after", "this is not the `next` of a page"))
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PageOf<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> PageOf<T> {
    /// A page of the store, each row as `show` says.
    pub fn of<R>(page: zhupi_store::PageOf<R>, show: impl FnMut(R) -> T) -> Self {
        let next = page.next.map(|cursor| BASE64_URL_SAFE_NO_PAD.encode(cursor.to_string()));
        Self { items: page.rows.into_iter().map(show).collect(), next }
    }
}
