//! Forms that a person who leaves has not finished: given with their files, as far as the receiver has room for them.

use super::Outcome;
use crate::app::App;
use crate::error::Error;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::ids::{FileId, TenantId, UserId};
use zhupi_store::{FORM_DRAFT_LIMIT, FileRow, FormDraft};

impl App {
    /// Gives the drafts one by one, those changed last first.
    pub(super) async fn give_drafts(
        &self,
        tenant: TenantId,
        from: UserId,
        to: UserId,
    ) -> Result<Outcome, Error> {
        let mut kept = 0_u32;
        for draft in self.store.list_form_drafts(tenant, from).await? {
            let (draft, files) = self.made_over(tenant, draft, (from, to)).await?;
            match self.store.give_form_draft(tenant, (from, to), &draft, &files).await {
                Ok(()) => {}
                Err(zhupi_store::Error::Conflict) => kept += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(match kept {
            0 => Outcome::Given,
            kept => Outcome::Kept(format!(
                "the receiver has no room for {kept} of them: a person keeps at most {FORM_DRAFT_LIMIT} drafts"
            )),
        })
    }

    /// A draft as the receiver can finish it. Only whoever asked asks once more, so it is tied to nothing; and he names files of
    /// his own, so that he gets entries for the giver's. Those themselves stay: instances may show them.
    async fn made_over(
        &self,
        tenant: TenantId,
        draft: FormDraft,
        (from, to): (UserId, UserId),
    ) -> Result<(FormDraft, Vec<FileRow>), Error> {
        let mut filled_in: Json = serde_json::from_str(&draft.body).map_err(Error::internal)?;
        if let Some(members) = filled_in.as_object_mut() {
            members.remove("copied_from");
        }
        let mut named: BTreeMap<Uuid, Option<Uuid>> = BTreeMap::new();
        each_text(&mut filled_in, &mut |text| {
            named.extend(Uuid::parse_str(text).ok().map(|id| (id, None)));
        });
        let mut files = Vec::new();
        for (id, new) in &mut named {
            let file = self.store.load_file(tenant, FileId(*id)).await?;
            let Some(file) = file.filter(|file| file.created_by == from) else { continue };
            let file = FileRow { id: FileId(Uuid::now_v7()), created_by: to, ..file };
            *new = Some(file.id.0);
            files.push(file);
        }
        each_text(&mut filled_in, &mut |text| {
            let new = Uuid::parse_str(text).ok().and_then(|id| named.get(&id).copied().flatten());
            if let Some(new) = new {
                *text = new.to_string();
            }
        });
        let body = serde_json::to_string(&filled_in).map_err(Error::internal)?;
        Ok((FormDraft { body, ..draft }, files))
    }
}

fn each_text(value: &mut Json, see: &mut impl FnMut(&mut String)) {
    match value {
        Json::String(text) => see(text),
        Json::Array(items) => items.iter_mut().for_each(|item| each_text(item, see)),
        Json::Object(members) => members.values_mut().for_each(|member| each_text(member, see)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
