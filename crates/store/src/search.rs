//! Instances that are looked for by more than their lists know: words of the title, the serial number, when they were made.

use crate::error::Result;
use crate::instances::{InstanceFilter, InstanceRow, bounds, listed};
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{P, Sql};
use crate::store::Store;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;

pub(crate) static ALL: &[&Sql] =
    &[&ANY, &BY_INITIATOR, &BY_TEMPLATE, &BY_BUSINESS_KEY, &BY_SERIAL, &BY_SERIAL_AND_KEY];

/// Filters that no index serves hide in a `CASE`, as in the lists. Capitals beyond ASCII are small letters to one of the two
/// databases alone, so a title is looked for as it is written, too.
macro_rules! search {
    ($leading:literal) => {
        concat!(
            "SELECT id, version, title, template_id, template_version, initiator_id, status, business_key,
                    created_at, updated_at, ended_at, serial
             FROM instances WHERE tenant_id = $1 AND (created_at, id) < ($2, $3) AND created_at >= $11
             AND CASE WHEN status BETWEEN $5 AND $6 AND template_id BETWEEN $7 AND $8
                      AND initiator_id BETWEEN $9 AND $10
                      AND (lower(title) LIKE $12 ESCAPE '~' OR title LIKE $13 ESCAPE '~') THEN 1 ELSE 0 END = 1",
            $leading,
            " ORDER BY created_at DESC, id DESC LIMIT $4"
        )
    };
}

static ANY: Sql = Sql::new(search!(""));
static BY_INITIATOR: Sql = Sql::new(search!(" AND initiator_id = $9"));
static BY_TEMPLATE: Sql = Sql::new(search!(" AND template_id = $7"));
static BY_BUSINESS_KEY: Sql = Sql::new(search!(" AND business_key = $14"));
pub(crate) static BY_SERIAL: Sql = Sql::new(search!(" AND serial = $14"));
static BY_SERIAL_AND_KEY: Sql =
    Sql::new(search!(" AND serial = $14 AND CASE WHEN business_key = $15 THEN 1 ELSE 0 END = 1"));

/// What instances are looked for by beside their filter; what is absent does not restrict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstanceSearch {
    /// Stands in the title; the case of ASCII letters does not matter.
    pub title: Option<String>,
    /// The whole serial number.
    pub serial: Option<String>,
    /// Made not before, in microseconds since 1970.
    pub created_from: Option<i64>,
    /// Made before, in microseconds since 1970.
    pub created_to: Option<i64>,
}

impl Store {
    /// Instances from new to old that fit a filter and a search.
    pub async fn search_instances(
        &self,
        tenant: TenantId,
        (filter, search): (&InstanceFilter, &InstanceSearch),
        page: &Page,
    ) -> Result<PageOf<InstanceRow>> {
        if *search == InstanceSearch::default() {
            return self.list_instances(tenant, filter, page).await;
        }
        let from = page.before();
        let (at, id) = match search.created_to {
            Some(to) if to <= from.at => (to, Uuid::nil()),
            Some(_) | None => (from.at, from.id),
        };
        let title = search.title.as_deref().unwrap_or_default();
        let mut params = vec![tenant.into(), at.into(), id.into(), page.fetch().into()];
        params.extend(bounds(filter));
        params.push(search.created_from.unwrap_or(i64::MIN).into());
        params.push(containing(&title.to_lowercase()).into());
        params.push(containing(title).into());
        let (sql, keys) = leading(filter, search);
        params.extend(keys);
        let rows = self.query(sql, params).await?.iter().map(listed).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(row.created_at, row.id)))
    }
}

/// The statement whose index leaves least to look through, and the keys it takes.
fn leading(filter: &InstanceFilter, search: &InstanceSearch) -> (&'static Sql, Vec<P>) {
    let text = |key: &str| P::from(key);
    match (&search.serial, &filter.business_key) {
        (Some(serial), Some(key)) => (&BY_SERIAL_AND_KEY, vec![text(serial), text(key)]),
        (Some(serial), None) => (&BY_SERIAL, vec![text(serial)]),
        (None, Some(key)) => (&BY_BUSINESS_KEY, vec![text(key)]),
        (None, None) if filter.initiator.is_some() => (&BY_INITIATOR, Vec::new()),
        (None, None) if filter.template.is_some() => (&BY_TEMPLATE, Vec::new()),
        (None, None) => (&ANY, Vec::new()),
    }
}

/// The pattern of texts that hold this one; its own `%` and `_` stand for themselves.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '~') {
            pattern.push('~');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
