//! What is known of uploaded files. Their bytes are in the object store, at the place a row names.

use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, Row, Sql, Stmt, stmt};
use crate::{Error, Result, Store};
use zhupi_engine::ids::{FileId, TenantId, UserId};

/// An uploaded file. Never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRow {
    /// Never reused.
    pub id: FileId,
    /// The name it was uploaded under.
    pub name: String,
    /// Such as `application/pdf`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Where the object store keeps it.
    pub location: String,
    /// Who uploaded it.
    pub created_by: UserId,
    /// Epoch µs.
    pub created_at: i64,
}

/// Which files to list. The default lists all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileFilter {
    /// Only those that this person uploaded.
    pub created_by: Option<UserId>,
    /// Only those with these bytes.
    pub sha256: Option<[u8; 32]>,
}

impl Store {
    /// Adds a file whose bytes are in place. `Duplicate` where its id is taken.
    pub async fn insert_file(&self, tenant: TenantId, file: &FileRow) -> Result<()> {
        self.write(vec![insertion(tenant, file)?]).await?.or_conflict()
    }

    /// The file with this id.
    pub async fn load_file(&self, tenant: TenantId, id: FileId) -> Result<Option<FileRow>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// A page of files, newest first.
    pub async fn list_files(
        &self,
        tenant: TenantId,
        filter: &FileFilter,
        page: &Page,
    ) -> Result<PageOf<FileRow>> {
        let params = vec![
            tenant.into(),
            page.before().id.into(),
            filter.created_by.into(),
            filter.sha256.into(),
            page.fetch().into(),
        ];
        let rows = self.query(&LIST, params).await?;
        let files = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(files, |file| Cursor::new(0, file.id)))
    }
}

/// The statement that adds a file.
pub(crate) fn insertion(tenant: TenantId, file: &FileRow) -> Result<Stmt> {
    let size = i64::try_from(file.size).map_err(|_| Error::corrupt("a file of impossible size"))?;
    let params = vec![
        tenant.into(),
        file.id.into(),
        file.name.as_str().into(),
        file.media_type.as_str().into(),
        size.into(),
        file.sha256.into(),
        file.location.as_str().into(),
        file.created_by.into(),
        file.created_at.into(),
    ];
    Ok(stmt(&INSERT, params, Expect::One))
}

fn read(row: &Row) -> Result<FileRow> {
    Ok(FileRow {
        id: FileId(row.uuid(0)?),
        name: row.text(1)?,
        media_type: row.text(2)?,
        size: u64::try_from(row.i64(3)?).map_err(|_| Error::corrupt("files.size"))?,
        sha256: row.hash(4)?,
        location: row.text(5)?,
        created_by: UserId(row.uuid(6)?),
        created_at: row.i64(7)?,
    })
}

static INSERT: Sql = Sql::new(
    "INSERT INTO files (tenant_id, id, name, media_type, size, sha256, location, created_by, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
static LOAD: Sql = Sql::new(
    "SELECT id, name, media_type, size, sha256, location, created_by, created_at
     FROM files WHERE tenant_id = $1 AND id = $2",
);
static LIST: Sql = Sql::new(
    "SELECT id, name, media_type, size, sha256, location, created_by, created_at
     FROM files
     WHERE tenant_id = $1 AND id < $2 AND (created_by = $3 OR $3 IS NULL) AND (sha256 = $4 OR $4 IS NULL)
     ORDER BY id DESC LIMIT $5",
);

pub(crate) static ALL: &[&Sql] = &[&INSERT, &LOAD, &LIST];
