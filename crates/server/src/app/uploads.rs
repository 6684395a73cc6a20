//! Taking files in, and who may have them again.

use crate::app::App;
use crate::caller::Caller;
use crate::error::Error;
use crate::view::access_of;
use axum::http::HeaderValue;
use bytes::Bytes;
use futures_util::Stream;
use serde_json::Map;
use uuid::Uuid;
use zhupi_engine::Rejection;
use zhupi_engine::decide::ATTACHMENT_LIMIT;
use zhupi_engine::form::{FileRef, FormData, Value, visible_values};
use zhupi_engine::ids::{FileId, InstanceId, TenantId, UserId};
use zhupi_store::FileRow;

/// What a file says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub name: String,
    pub media_type: String,
}

impl App {
    /// Takes a file in.
    pub async fn upload<S>(&self, caller: &Caller, upload: Upload, content: S) -> Result<FileRow, Error>
    where
        S: Stream<Item = Result<Bytes, Error>> + Send,
    {
        self.upload_as(caller.tenant, caller.user, upload, content).await
    }

    /// The same for a person whom a surface knows.
    pub async fn upload_as<S>(
        &self,
        tenant: TenantId,
        user: UserId,
        upload: Upload,
        content: S,
    ) -> Result<FileRow, Error>
    where
        S: Stream<Item = Result<Bytes, Error>> + Send,
    {
        let upload = self.check_upload(upload)?;
        let id = FileId(Uuid::now_v7());
        let kept = self.files.put(tenant, id, self.config.limits.file_bytes, content).await?;
        let row = FileRow {
            id,
            name: upload.name,
            media_type: upload.media_type,
            size: kept.size,
            sha256: kept.sha256,
            location: kept.location,
            created_by: user,
            created_at: self.now_us(),
        };
        if let Err(error) = self.store.insert_file(tenant, &row).await {
            self.files.delete(&row.location).await?;
            return Err(error.into());
        }
        Ok(row)
    }

    fn check_upload(&self, upload: Upload) -> Result<Upload, Error> {
        // Some browsers send the whole path.
        let name = upload.name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
        if !(1..=200).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(Error::field("name", "expected 1 to 200 characters without control characters"));
        }
        // Windows leaves out dots and blanks at the end when it keeps a file.
        let ending = name.trim_end_matches(['.', ' ']).rsplit_once('.').map(|(_, ending)| ending);
        let refused = &self.config.limits.refused_file_types;
        if ending.is_some_and(|ending| refused.iter().any(|it| it.eq_ignore_ascii_case(ending))) {
            return Err(Error::WrongMediaType);
        }
        let sound = upload.media_type.len() <= 200 && HeaderValue::from_str(&upload.media_type).is_ok();
        let media_type = if sound { upload.media_type } else { "application/octet-stream".to_owned() };
        Ok(Upload { name, media_type })
    }

    /// A file for whoever uploaded it, for administrators, and for those who may see an instance that shows it. To
    /// everybody else it does not exist.
    pub async fn visible_file(
        &self,
        caller: &Caller,
        id: FileId,
        instance: Option<InstanceId>,
    ) -> Result<FileRow, Error> {
        let row = self.store.load_file(caller.tenant, id).await?.ok_or(Error::NotFound)?;
        let directory = self.directory(caller.tenant).await?;
        if row.created_by == caller.user || directory.is_admin(caller.user) {
            return Ok(row);
        }
        let shown = match instance {
            Some(instance) => self.shows_file(caller, instance, &row).await?,
            None => false,
        };
        if shown { Ok(row) } else { Err(Error::NotFound) }
    }

    /// An instance shows the files its initiator uploaded where the reader sees the control, and those of whoever says
    /// something: naming somebody else's file opens nothing.
    async fn shows_file(&self, caller: &Caller, id: InstanceId, file: &FileRow) -> Result<bool, Error> {
        let seen = self.see_instance(caller.tenant, caller.user, id).await?;
        let instance = &seen.stored.instance;
        let access = access_of(instance, &seen.template, &seen.directory, caller.user);
        let form = visible_values(&seen.template.form, &access, &instance.form);
        let in_form = instance.initiator == file.created_by && holds_file(&form, file.id);
        let beside = instance.comments.iter().filter(|comment| comment.by == file.created_by);
        let slots = instance.visits.iter().flat_map(|visit| &visit.slots);
        let decided = slots.filter_map(|slot| slot.decided.as_ref()).filter(|it| it.by == file.created_by);
        let with_decisions = decided.flat_map(|it| it.attachments.iter().chain(&it.signature));
        let mut attached = beside.flat_map(|comment| &comment.attachments).chain(with_decisions);
        Ok(in_form || attached.any(|attachment| attachment.id == Some(file.id)))
    }

    /// The files with these ids, as a comment or decision of this person holds them. He names files that he uploaded himself.
    pub async fn own_files(&self, caller: &Caller, ids: &[FileId]) -> Result<Vec<FileRef>, Error> {
        if ids.len() > ATTACHMENT_LIMIT {
            return Err(Rejection::TooMany { field: "attachments", limit: ATTACHMENT_LIMIT }.into());
        }
        let mut files = Vec::with_capacity(ids.len());
        for id in ids {
            files.push(file_ref(self.own_file(caller, "attachments", *id).await?));
        }
        Ok(files)
    }

    /// The picture of a handwritten signature, which this person uploaded.
    pub async fn own_signature(&self, caller: &Caller, id: FileId) -> Result<FileRef, Error> {
        let row = self.own_file(caller, "signature", id).await?;
        if !row.media_type.starts_with("image/") {
            return Err(Error::field("signature", "a signature is a picture"));
        }
        Ok(file_ref(row))
    }

    async fn own_file(&self, caller: &Caller, field: &'static str, id: FileId) -> Result<FileRow, Error> {
        let row = self.store.load_file(caller.tenant, id).await?;
        let row = row.filter(|row| row.created_by == caller.user);
        row.ok_or_else(|| Error::field(field, format!("no file `{id}` that you uploaded")))
    }
}

fn file_ref(row: FileRow) -> FileRef {
    FileRef { id: Some(row.id), name: row.name, other: Map::new() }
}

fn holds_file(form: &FormData, file: FileId) -> bool {
    form.0.values().any(|value| match value {
        Value::Files(files) => files.iter().any(|it| it.id == Some(file)),
        Value::Rows(rows) => rows.iter().any(|row| holds_file(&row.cells, file)),
        Value::Text(_)
        | Value::Number(_)
        | Value::Money(_)
        | Value::Date(_)
        | Value::DateRange(_)
        | Value::Choice(_)
        | Value::Choices(_)
        | Value::People(_)
        | Value::Departments(_)
        | Value::Sourced(_)
        | Value::Address(_)
        | Value::Linked(_) => false,
    })
}
