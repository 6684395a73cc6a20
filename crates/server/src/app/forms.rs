//! What the values of a form need from outside the engine: options that another system offers, and the titles of linked
//! instances, which their reader has to be allowed to see.

use crate::app::App;
use crate::error::Error;
use crate::outbound::{Call, Outbound};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;
use zhupi_engine::form::{
    Edit, Edits, Field, FieldOption, Form, FormData, OptionsSource, Value, read_values, to_plain,
    with_defaults,
};
use zhupi_engine::ids::{OptionId, TemplateId, TenantId, UserId};
use zhupi_engine::{Command, Problem, Rejection, Template};

/// Most options of a source.
pub const MOST_OPTIONS: usize = 2_000;
/// No more of a source's answer is read than this.
const MOST_BYTES: usize = 512 * 1024;
/// People wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fetched options are believed so long, and used so long where the source is down.
const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);
const USABLE: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);
/// Most characters of an option's id and label.
const OPTION_LIMIT: usize = 200;

/// The options of a source as they were fetched.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    at: Timestamp,
    options: Arc<Vec<FieldOption>>,
}

/// A value that somebody else has to confirm.
struct Outside<'a> {
    field: &'a Field,
    path: String,
    value: &'a mut Value,
}

impl App {
    /// The values of a submission, with the defaults of what it leaves out.
    pub async fn filled(
        &self,
        tenant: TenantId,
        form: &Form,
        raw: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Error> {
        let directory = self.directory(tenant).await?;
        Ok(with_defaults(form, raw, directory.today(self.now())))
    }

    /// The values with which a sub-process begins, by the form of the version that is submitted now, with the defaults of what
    /// nothing fills.
    pub async fn filled_child(
        &self,
        tenant: TenantId,
        template: TemplateId,
        values: &FormData,
    ) -> Result<FormData, Error> {
        let version = self.version_to_submit(tenant, template).await?;
        let template = self.template(tenant, template, version).await?;
        let filled = self.filled(tenant, &template.form, &to_plain(values)).await?;
        read_values(&template.form, &filled).map_err(|problems| Rejection::FormInvalid { problems }.into())
    }

    /// Confirms and completes the values of a submission; all problems, each with its control.
    pub(super) async fn complete_form(
        &self,
        tenant: TenantId,
        actor: UserId,
        form: &Form,
        data: &mut FormData,
    ) -> Result<(), Error> {
        self.complete(tenant, actor, outside(&form.fields, data, "form")).await
    }

    /// The same for the changes of values that a command carries.
    pub(super) async fn complete_edits(
        &self,
        tenant: TenantId,
        actor: UserId,
        form: &Form,
        command: &mut Command,
    ) -> Result<(), Error> {
        let Some(edits) = edits_of(command) else { return Ok(()) };
        self.complete(tenant, actor, outside_of_edits(form, edits)).await
    }

    async fn complete(&self, tenant: TenantId, actor: UserId, values: Vec<Outside<'_>>) -> Result<(), Error> {
        let mut problems = Vec::new();
        for value in values {
            problems.extend(self.confirm(tenant, actor, value).await?);
        }
        if problems.is_empty() { Ok(()) } else { Err(Rejection::FormInvalid { problems }.into()) }
    }

    async fn confirm(
        &self,
        tenant: TenantId,
        actor: UserId,
        outside: Outside<'_>,
    ) -> Result<Option<Problem>, Error> {
        let Outside { field, path, value } = outside;
        match value {
            Value::Linked(linked) => match self.see_instance(tenant, actor, linked.id).await {
                Ok(seen) => linked.title.clone_from(&seen.stored.instance.title),
                Err(Error::NotFound) => {
                    let message = format!("`{}` links an instance that you cannot see", field.title);
                    return Ok(Some(Problem::error(path, "instance_unknown", message)));
                }
                Err(other) => return Err(other),
            },
            Value::Sourced(chosen) => {
                let Some(source) = &field.options_source else { return Ok(None) };
                let options = match self.options(tenant, source).await {
                    Ok(options) => options,
                    // Whoever fills in a form learns nothing of the addresses behind it.
                    Err(why) => {
                        tracing::warn!(field = %field.id, %why, "the options of a control cannot be fetched");
                        let message =
                            format!("the options of `{}` cannot be fetched at the moment", field.title);
                        return Ok(Some(Problem::error(path, "options_unavailable", message)));
                    }
                };
                for option in chosen.iter_mut() {
                    let Some(known) = options.iter().find(|it| it.id == option.id) else {
                        let message = format!("`{}` has no option `{}`", field.title, option.id);
                        return Ok(Some(Problem::error(path, "option_unknown", message)));
                    };
                    option.label.clone_from(&known.label);
                }
            }
            Value::Text(_)
            | Value::Number(_)
            | Value::Money(_)
            | Value::Date(_)
            | Value::DateRange(_)
            | Value::Choice(_)
            | Value::Choices(_)
            | Value::People(_)
            | Value::Departments(_)
            | Value::Files(_)
            | Value::Rows(_)
            | Value::Address(_) => {}
        }
        Ok(None)
    }

    /// What a source offers: from memory for a minute, and for an hour where the source is down. Or why not.
    pub async fn options(
        &self,
        tenant: TenantId,
        source: &OptionsSource,
    ) -> Result<Arc<Vec<FieldOption>>, String> {
        let key = (tenant, source.url.clone());
        let known = self.memory.options.get(&key);
        let age = known.as_ref().map(|known| self.now().duration_since(known.at));
        if let (Some(known), Some(age)) = (&known, age)
            && age < FRESH
        {
            return Ok(Arc::clone(&known.options));
        }
        match fetch(&self.outbound, source).await {
            Ok(options) => {
                let fetched = Fetched { at: self.now(), options: Arc::new(options) };
                self.memory.options.insert(key, fetched.clone());
                Ok(fetched.options)
            }
            Err(why) => match known {
                Some(known) if age.is_some_and(|age| age < USABLE) => Ok(known.options),
                Some(_) | None => Err(why),
            },
        }
    }

    /// Sources that could not be called, as far as their addresses show.
    pub(super) fn check_sources(&self, template: &Template) -> Vec<Problem> {
        let check = |path: String, field: &Field| {
            let source = field.options_source.as_ref()?;
            let refusal = self.outbound.check(&source.url).err()?;
            Some(Problem::error(format!("{path}.options_source"), "target_refused", refusal.to_string()))
        };
        let mut problems = Vec::new();
        for (number, field) in template.form.fields.iter().enumerate() {
            problems.extend(check(format!("form[{number}]"), field));
            for (column, field) in field.columns.iter().enumerate() {
                problems.extend(check(format!("form[{number}].columns[{column}]"), field));
            }
        }
        problems
    }
}

/// The values that somebody else has to confirm.
fn outside<'a>(fields: &'a [Field], data: &'a mut FormData, path: &str) -> Vec<Outside<'a>> {
    let mut found = Vec::new();
    for (id, value) in &mut data.0 {
        let Some(field) = fields.iter().find(|field| &field.id == id) else { continue };
        let path = format!("{path}.{id}");
        if let Value::Rows(rows) = value {
            for (number, row) in rows.iter_mut().enumerate() {
                found.extend(outside(&field.columns, &mut row.cells, &format!("{path}[{number}]")));
            }
        } else {
            found.push(Outside { field, path, value });
        }
    }
    found
}

fn edits_of(command: &mut Command) -> Option<&mut Edits> {
    match command {
        Command::Approve(opinion) | Command::Reject(opinion) | Command::Abstain(opinion) => {
            Some(&mut opinion.edits)
        }
        Command::Return(returned) => Some(&mut returned.opinion.edits),
        Command::Resubmit(resubmit) => Some(&mut resubmit.edits),
        Command::Submit(_)
        | Command::Claim { .. }
        | Command::Release { .. }
        | Command::Transfer(_)
        | Command::Delegate(_)
        | Command::GiveOpinion { .. }
        | Command::AddSign(_)
        | Command::RemoveSign { .. }
        | Command::RemoveAdded { .. }
        | Command::TakeBack { .. }
        | Command::Urge { .. }
        | Command::Withdraw { .. }
        | Command::Revoke { .. }
        | Command::Comment { .. }
        | Command::Tell { .. }
        | Command::MarkRead
        | Command::Intervene { .. }
        | Command::Fire { .. }
        | Command::Sweep
        | Command::Migrate { .. }
        | Command::Answer { .. }
        | Command::Fail { .. }
        | Command::Warn { .. }
        | Command::Amend { .. } => None,
    }
}

fn outside_of_edits<'a>(form: &'a Form, edits: &'a mut Edits) -> Vec<Outside<'a>> {
    let mut found = Vec::new();
    for (id, edit) in &mut edits.0 {
        let Some(field) = form.field(id) else { continue };
        let path = format!("form.{id}");
        match edit {
            Edit::Set(value) => found.push(Outside { field, path, value }),
            Edit::Clear => {}
            Edit::Rows(rows) => {
                for (number, row) in rows.iter_mut().enumerate() {
                    for (id, value) in &mut row.cells {
                        let column = field.columns.iter().find(|column| &column.id == id);
                        let path = format!("{path}[{number}].{id}");
                        found.extend(column.zip(value.as_mut()).map(|(field, value)| Outside {
                            field,
                            path,
                            value,
                        }));
                    }
                }
            }
        }
    }
    found
}

async fn fetch(outbound: &Outbound, source: &OptionsSource) -> Result<Vec<FieldOption>, String> {
    let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
    let call = Call { method: Method::GET, url: source.url.clone(), headers, body: Bytes::new() };
    let reply = outbound.with_timeout(PATIENCE).with_kept_bytes(MOST_BYTES).send(call).await;
    let reply = reply.map_err(|failure| failure.to_string())?;
    if reply.status != 200 {
        return Err(format!("the source answered {}", reply.status));
    }
    if reply.cut {
        return Err(format!("the answer of the source has more than {} KiB", MOST_BYTES / 1024));
    }
    read_options(&reply.body)
}

/// A list of options, or an object that has it as `options`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    List(Vec<Offered>),
    Object { options: Vec<Offered> },
}

/// An option: its id, which is its label too, or both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Offered {
    Both { id: Json, label: String },
    Only(Json),
}

fn read_options(body: &str) -> Result<Vec<FieldOption>, String> {
    let answer =
        serde_json::from_str(body).map_err(|_| "the source answered no list of options".to_owned())?;
    let (Answer::List(offered) | Answer::Object { options: offered }) = answer;
    if offered.len() > MOST_OPTIONS {
        return Err(format!("the source offers more than {MOST_OPTIONS} options"));
    }
    let option = |offered| {
        let (id, label) = match offered {
            Offered::Both { id, label } => (word(&id)?, label.trim().to_owned()),
            Offered::Only(id) => (word(&id)?, word(&id)?),
        };
        let fits = |text: &str| (1..=OPTION_LIMIT).contains(&text.chars().count());
        (fits(&id) && fits(&label)).then_some(FieldOption { id: OptionId(id), label })
    };
    let options: Option<Vec<FieldOption>> = offered.into_iter().map(option).collect();
    options.ok_or_else(|| "the source offers something that is no option".to_owned())
}

fn word(id: &Json) -> Option<String> {
    match id {
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}
