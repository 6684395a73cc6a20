//! The interactive form of a document: its signature fields, and what those who signed before forbid.

use std::collections::HashSet;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object, ObjectId};

/// Fields inside fields are not deeper than this.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// In the order of the form.
    pub signatures: Vec<SignatureField>,
    /// Full names of all fields, so that a new one can get a free name.
    pub names: HashSet<String>,
    /// Level 1, 2 or 3 of a certifying signature.
    pub certified: Option<u8>,
    /// Whether a lock of an earlier signature covers fields that are not there yet.
    pub locked: bool,
    /// Programs are told to draw the fields anew, which loses the pictures of signatures in some.
    pub needs_appearances: bool,
    pub xfa: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SignatureField {
    pub id: ObjectId,
    /// Full name, parts joined by dots.
    pub name: String,
    /// The signature as the field holds it: a reference or a dictionary of its own; nothing if it is not signed.
    pub value: Option<Object>,
    /// The field's `/Lock`, which counts from its signature on.
    pub lock: Option<Dictionary>,
}

impl Form {
    /// # Errors
    /// [`Error::Xfa`], [`Error::Certified`], [`Error::Locked`].
    pub fn check_open(&self) -> Result<()> {
        match self {
            Self { xfa: true, .. } => Err(Error::Xfa),
            Self { certified: Some(level), .. } => Err(Error::Certified { level: *level }),
            Self { locked: true, .. } => Err(Error::Locked),
            Self { xfa: false, certified: None, locked: false, .. } => Ok(()),
        }
    }

    pub fn is_signed(&self) -> bool {
        self.signatures.iter().any(|field| field.value.is_some())
    }

    /// A name that no field has: `Seal1`, `Seal2` and so on.
    pub fn free_name(&self) -> String {
        let taken = |name: &String| self.names.contains(name);
        (1..).map(|number| format!("Seal{number}")).find(|name| !taken(name)).unwrap_or_default()
    }
}

pub(crate) fn read(document: &Document<'_>) -> Result<Form> {
    let (_, catalogue) = document.catalogue()?;
    let mut form = Form { certified: certification(document, &catalogue)?, ..Form::default() };
    let Some(dictionary) = document.find_dictionary(&catalogue, "AcroForm")? else { return Ok(form) };
    form.xfa = dictionary.has("XFA");
    form.needs_appearances = document.value(&dictionary, "NeedAppearances")?.as_boolean() == Some(true);
    let fields = document.value(&dictionary, "Fields")?;
    let mut seen = HashSet::new();
    let top = Above { name: String::new(), is_signature: false, value: None, depth: 0 };
    let mut waiting: Vec<(Object, Above)> = fields
        .as_array()
        .unwrap_or_default()
        .iter()
        .rev()
        .map(|field| (field.clone(), top.clone()))
        .collect();
    while let Some((field, above)) = waiting.pop() {
        // A field without a number of its own cannot be signed or referred to; it is no business of ours.
        let Some(id) = field.as_reference() else { continue };
        if above.depth > DEEPEST || !seen.insert(id) {
            return Err(Error::damaged("the form's fields run in a circle"));
        }
        let Some(node) = document.object(id)?.into_dictionary() else { continue };
        let here = above.with(document, &node)?;
        let kids = document.value(&node, "Kids")?;
        form.names.insert(here.name.clone());
        let below = field_kids(document, kids.as_array().unwrap_or_default())?;
        if below.is_empty() && here.is_signature {
            form.note_signature(document, id, &node, here)?;
        } else {
            waiting.extend(below.into_iter().rev().map(|kid| (kid, here.clone())));
        }
    }
    Ok(form)
}

impl Form {
    fn note_signature(
        &mut self,
        document: &Document<'_>,
        id: ObjectId,
        node: &Dictionary,
        here: Above,
    ) -> Result<()> {
        let lock = document.find_dictionary(node, "Lock")?;
        if let Some(value) = &here.value {
            self.locked |= lock.as_ref().is_some_and(closes_the_form) || is_locked_by(document, value)?;
        }
        self.signatures.push(SignatureField { id, name: here.name, value: here.value, lock });
        Ok(())
    }
}

/// What a field takes from those above it.
#[derive(Debug, Clone)]
struct Above {
    name: String,
    is_signature: bool,
    value: Option<Object>,
    depth: usize,
}

impl Above {
    fn with(&self, document: &Document<'_>, node: &Dictionary) -> Result<Self> {
        let part = document.value(node, "T")?.as_text();
        let name = match (self.name.as_str(), part) {
            (above, None) => above.to_owned(),
            ("", Some(part)) => part,
            (above, Some(part)) => format!("{above}.{part}"),
        };
        let kind = document.value(node, "FT")?;
        let is_signature = if kind == Object::Null { self.is_signature } else { kind.is_name("Sig") };
        let value = match node.get("V") {
            Some(value) if document.resolve(value)? != Object::Null => Some(value.clone()),
            Some(_) => None,
            None => self.value.clone(),
        };
        Ok(Self { name, is_signature, value, depth: self.depth + 1 })
    }
}

/// The kids that are fields; others are only the places where the field is shown.
fn field_kids(document: &Document<'_>, kids: &[Object]) -> Result<Vec<Object>> {
    let mut fields = Vec::new();
    for kid in kids {
        if document.resolve(kid)?.as_dictionary().is_some_and(|kid| kid.has("T") || kid.has("Kids")) {
            fields.push(kid.clone());
        }
    }
    Ok(fields)
}

/// The level of the certifying signature that the catalogue names, 2 if it names none.
fn certification(document: &Document<'_>, catalogue: &Dictionary) -> Result<Option<u8>> {
    let Some(permissions) = document.find_dictionary(catalogue, "Perms")? else { return Ok(None) };
    let Some(signature) = document.find_dictionary(&permissions, "DocMDP")? else { return Ok(None) };
    for (method, parameters) in transforms(document, &signature)? {
        if method.is_name("DocMDP") {
            let level = document.value(&parameters, "P")?.as_integer().and_then(|it| u8::try_from(it).ok());
            return Ok(Some(level.unwrap_or(2)));
        }
    }
    Ok(Some(2))
}

/// Whether a signature's own references lock fields that are not there yet.
fn is_locked_by(document: &Document<'_>, signature: &Object) -> Result<bool> {
    let signature = document.resolve(signature)?.into_dictionary().unwrap_or_default();
    let transforms = transforms(document, &signature)?;
    Ok(transforms
        .iter()
        .any(|(method, parameters)| method.is_name("FieldMDP") && closes_the_form(parameters)))
}

/// `All` closes the form, and so does everything but some named fields; named fields alone do not.
fn closes_the_form(lock: &Dictionary) -> bool {
    let named_only = lock.get("Action").is_some_and(|it| it.is_name("Include"));
    let forbids_all = lock.get("P").and_then(Object::as_integer) == Some(1);
    !named_only || forbids_all
}

/// What a signature says of later changes: each method with its parameters.
pub(crate) fn transforms(
    document: &Document<'_>,
    signature: &Dictionary,
) -> Result<Vec<(Object, Dictionary)>> {
    let references = document.value(signature, "Reference")?;
    let mut found = Vec::new();
    for reference in references.as_array().unwrap_or_default() {
        let Some(reference) = document.resolve(reference)?.into_dictionary() else { continue };
        let method = document.value(&reference, "TransformMethod")?;
        let parameters = document.find_dictionary(&reference, "TransformParams")?.unwrap_or_default();
        found.push((method, parameters));
    }
    Ok(found)
}
