//! What later revisions did to a signed document. Every object that is new or different is held against what it was, and
//! named after the worst it can do to what people see.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use crate::document::Document;
use crate::error::Result;
use crate::form;
use crate::object::{Dictionary, Object, ObjectId};
use crate::xref::Location;

/// Fields inside fields are not deeper than this.
const DEEPEST: usize = 32;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    /// The object that changed, by its number.
    pub object: u32,
    /// Counted from 1, where it belongs to one page.
    pub page: Option<u32>,
    pub what: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Another signature, or what helps to check one.
    Signature,
    /// A field of a form was filled in.
    FormFill,
    /// What describes the document without being seen.
    Metadata,
    /// A note, a mark, a link or a field came, went or changed.
    Annotation,
    /// What a page shows.
    PageContent,
    /// Anything else; nobody can say what it does.
    Other,
}

impl ChangeKind {
    /// Whether a signature lets it pass: with a certification as its level says, else like level 2.
    pub fn is_allowed(self, certified: Option<u8>) -> bool {
        match self {
            Self::Signature | Self::FormFill | Self::Metadata => certified != Some(1),
            Self::Annotation => certified == Some(3),
            Self::PageContent | Self::Other => false,
        }
    }
}

impl Change {
    /// What stands for changes that were not looked at.
    pub(super) fn uncompared() -> Self {
        Self { kind: ChangeKind::Other, object: 0, page: None, what: "what came later could not be compared" }
    }

    pub(super) fn behind_the_end() -> Self {
        Self {
            kind: ChangeKind::Other,
            object: 0,
            page: None,
            what: "something stands behind the end of the file",
        }
    }
}

/// The numbers that objects of earlier revisions refer to. It goes along from signature to signature, so that each version
/// of an object is read once.
#[derive(Default)]
pub(super) struct References {
    numbers: HashSet<u32>,
    read: HashMap<u32, Location>,
    /// Objects that could not be read and may refer to anything.
    unreadable: bool,
}

impl References {
    fn read(&mut self, document: &Document<'_>) {
        let locations = locations(document);
        for (number, location) in &locations {
            if self.read.get(number).is_some_and(|read| same_place(*read, *location, &self.read, &locations))
            {
                continue;
            }
            match document.object(location.id(*number)) {
                Ok(object) => self.note(&object),
                Err(_) => self.unreadable = true,
            }
        }
        self.read = locations;
    }

    fn note(&mut self, object: &Object) {
        let mut waiting = vec![object];
        while let Some(object) = waiting.pop() {
            match object {
                Object::Reference(id) => {
                    self.numbers.insert(id.number);
                }
                Object::Array(items) => waiting.extend(items),
                Object::Dictionary(it) => waiting.extend(it.iter().map(|(_, value)| value)),
                Object::Null
                | Object::Boolean(_)
                | Object::Number(_)
                | Object::String(_)
                | Object::Name(_) => {}
            }
        }
    }
}

/// Everything that is different in `after`, which begins with the bytes of `before`. Is called for one signature after
/// another, with the same references.
pub(super) fn between(
    before: &Document<'_>,
    after: &Document<'_>,
    references: &mut References,
) -> Result<Vec<Change>> {
    let mut comparison = Comparison::new(before, after)?;
    comparison.compare_trailers();
    let (old, new) = (locations(before), locations(after));
    let mut numbers: Vec<u32> = old.keys().chain(new.keys()).copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    references.read(before);
    for number in numbers {
        match (old.get(&number), new.get(&number)) {
            (Some(was), Some(is)) if same_place(*was, *is, &old, &new) => {}
            (Some(was), Some(is)) => comparison.compare_object(was.id(number), is.id(number))?,
            (Some(_), None) => comparison.note(ChangeKind::Other, number, "an object was taken away"),
            // It led nowhere when the document was signed, so nobody agreed to what it shows.
            (None, Some(_)) if references.unreadable || references.numbers.contains(&number) => {
                comparison.note(ChangeKind::Other, number, "an object that was missing is there now");
            }
            (None, Some(_)) => {}
            (None, None) => {}
        }
    }
    comparison.changes.sort_by_key(|change| (change.kind, change.object));
    comparison.changes.dedup();
    Ok(comparison.changes)
}

fn locations(document: &Document<'_>) -> HashMap<u32, Location> {
    document.locations().into_iter().collect()
}

/// An object inside a stream of objects has moved when the stream has.
fn same_place(
    was: Location,
    is: Location,
    old: &HashMap<u32, Location>,
    new: &HashMap<u32, Location>,
) -> bool {
    match was {
        Location::Packed { stream, .. } => was == is && old.get(&stream) == new.get(&stream),
        Location::Offset { .. } | Location::Free => was == is,
    }
}

struct Comparison<'a> {
    before: &'a Document<'a>,
    after: &'a Document<'a>,
    pages: HashMap<ObjectId, u32>,
    /// Read when they are needed.
    annotations: OnceCell<Annotations>,
    /// The list of the form's fields, where it is an object of its own.
    field_list: Option<ObjectId>,
    form: Option<ObjectId>,
    /// Names of fields that may not be filled in any more, nor those below them.
    locked: HashSet<String>,
    catalogue: ObjectId,
    changes: Vec<Change>,
}

/// What hangs on the pages of a document.
#[derive(Default)]
struct Annotations {
    /// Lists that are objects of their own, with the page.
    lists: HashMap<ObjectId, u32>,
    /// Pictures of fields that are filled in, which programs may write anew.
    field_pictures: HashSet<ObjectId>,
}

impl Annotations {
    fn read(document: &Document<'_>) -> Result<Self> {
        let mut found = Self::default();
        for (number, page) in (1..).zip(document.pages()?) {
            let page = document.object(page.id)?.into_dictionary().unwrap_or_default();
            if let Some(list) = page.get("Annots").and_then(Object::as_reference) {
                found.lists.insert(list, number);
            }
            for annotation in items(&document.value(&page, "Annots")?) {
                found.note_pictures(document, annotation)?;
            }
        }
        Ok(found)
    }

    fn note_pictures(&mut self, document: &Document<'_>, annotation: &Object) -> Result<()> {
        let Some(widget) = document.resolve(annotation)?.into_dictionary() else { return Ok(()) };
        if !is_widget(&widget) || is_signature_field(document, &widget)? {
            return Ok(());
        }
        let pictures = document.find_dictionary(&widget, "AP")?.unwrap_or_default();
        for (_, picture) in pictures.iter() {
            self.field_pictures.extend(picture.as_reference());
            let states = document.resolve(picture)?;
            for (_, state) in states.as_dictionary().into_iter().flat_map(Dictionary::iter) {
                self.field_pictures.extend(state.as_reference());
            }
        }
        Ok(())
    }
}

impl<'a> Comparison<'a> {
    fn new(before: &'a Document<'a>, after: &'a Document<'a>) -> Result<Self> {
        let (catalogue, root) = before.catalogue()?;
        let form = root.get("AcroForm").and_then(Object::as_reference);
        let fields = before.find_dictionary(&root, "AcroForm")?.unwrap_or_default();
        Ok(Self {
            before,
            after,
            pages: (1..).zip(before.pages()?).map(|(number, page)| (page.id, number)).collect(),
            annotations: OnceCell::new(),
            field_list: fields.get("Fields").and_then(Object::as_reference),
            form,
            locked: locked_names(before)?,
            catalogue,
            changes: Vec::new(),
        })
    }

    fn annotations(&self) -> Result<&Annotations> {
        if let Some(known) = self.annotations.get() {
            return Ok(known);
        }
        let read = Annotations::read(self.before)?;
        Ok(self.annotations.get_or_init(|| read))
    }

    fn note(&mut self, kind: ChangeKind, object: u32, what: &'static str) {
        self.changes.push(Change { kind, object, page: None, what });
    }

    fn note_on(&mut self, kind: ChangeKind, object: u32, page: u32, what: &'static str) {
        self.changes.push(Change { kind, object, page: Some(page), what });
    }

    fn compare_trailers(&mut self) {
        let (was, is) = (self.before.trailer(), self.after.trailer());
        if was.get("Root") != is.get("Root") {
            self.note(ChangeKind::Other, self.catalogue.number, "the catalogue was exchanged for another");
        }
        if was.get("Info") != is.get("Info") {
            self.note(ChangeKind::Metadata, 0, "the description of the document is another");
        }
    }

    fn compare_object(&mut self, was: ObjectId, is: ObjectId) -> Result<()> {
        let number = was.number;
        if was != is {
            self.note(ChangeKind::Other, number, "an object was exchanged for another");
            return Ok(());
        }
        let (old, new) = (self.before.indirect(was)?, self.after.indirect(is)?);
        let bytes = |document: &Document<'a>, it| document.stream_bytes(it).ok();
        if old.object == new.object && bytes(self.before, &old) == bytes(self.after, &new) {
            return Ok(());
        }
        let is_stream = old.stream.is_some() || new.stream.is_some();
        match (&old.object, &new.object) {
            (Object::Dictionary(old), Object::Dictionary(new)) if !is_stream => {
                self.compare_dictionaries(was, old, new)
            }
            (Object::Array(_), Object::Array(_)) => self.compare_lists(was, &old.object, &new.object),
            (Object::Dictionary(old), _) if is_stream => self.note_stream(was, old),
            _ => {
                self.note(ChangeKind::Other, number, "an object is something else than before");
                Ok(())
            }
        }
    }

    fn note_stream(&mut self, id: ObjectId, old: &Dictionary) -> Result<()> {
        let is = |name| old.get("Type").is_some_and(|it| it.is_name(name));
        if is("XRef") || is("ObjStm") {
            // What is inside has been compared by itself.
        } else if is("Metadata") {
            self.note(ChangeKind::Metadata, id.number, "the description of the document is another");
        } else if self.annotations()?.field_pictures.contains(&id) {
            self.note(ChangeKind::FormFill, id.number, "the picture of a field is another");
        } else {
            self.note(ChangeKind::PageContent, id.number, "something that is drawn is another");
        }
        Ok(())
    }

    fn compare_dictionaries(&mut self, id: ObjectId, old: &Dictionary, new: &Dictionary) -> Result<()> {
        if id == self.catalogue {
            return self.compare_catalogues(id.number, old, new);
        }
        if Some(id) == self.form {
            return self.compare_forms(id.number, old, new);
        }
        if let Some(page) = self.pages.get(&id).copied() {
            return self.compare_pages(id.number, page, old, new);
        }
        if old.has("FT") || is_widget(old) || old.has("T") && !old.has("Subtype") {
            return self.compare_fields(id.number, old, new);
        }
        let info = self.before.trailer().get("Info").and_then(Object::as_reference);
        if info == Some(id) {
            self.note(ChangeKind::Metadata, id.number, "the description of the document is another");
        } else if old.get("Type").is_some_and(|it| it.is_name("Annot"))
            || old.has("Subtype") && old.has("Rect")
        {
            self.note(ChangeKind::Annotation, id.number, "a note on a page is another");
        } else if old.get("Type").is_some_and(|it| it.is_name("DSS")) {
            self.note(ChangeKind::Signature, id.number, "something to check signatures with was added");
        } else if old.get("Type").is_some_and(|it| it.is_name("Pages")) {
            self.note(ChangeKind::PageContent, id.number, "pages came, went or changed places");
        } else {
            self.note(ChangeKind::Other, id.number, "an object is another");
        }
        Ok(())
    }

    fn compare_catalogues(&mut self, number: u32, old: &Dictionary, new: &Dictionary) -> Result<()> {
        for key in different_keys(old, new) {
            match key.as_str() {
                "AcroForm" => {
                    let was = self.before.find_dictionary(old, "AcroForm")?.unwrap_or_default();
                    let is = self.after.find_dictionary(new, "AcroForm")?.unwrap_or_default();
                    self.compare_forms(number, &was, &is)?;
                }
                "DSS" | "Extensions" => {
                    self.note(ChangeKind::Signature, number, "something to check signatures with was added");
                }
                "Metadata" => {
                    self.note(ChangeKind::Metadata, number, "the description of the document is another");
                }
                "Pages" => self.note(ChangeKind::PageContent, number, "the pages are others"),
                _ => self.note(ChangeKind::Other, number, "the catalogue is another"),
            }
        }
        Ok(())
    }

    fn compare_forms(&mut self, number: u32, old: &Dictionary, new: &Dictionary) -> Result<()> {
        for key in different_keys(old, new) {
            match key.as_str() {
                "Fields" => {
                    let (was, is) = (self.before.value(old, "Fields")?, self.after.value(new, "Fields")?);
                    self.compare_items(number, None, &was, &is)?;
                }
                "SigFlags" => {}
                "NeedAppearances" | "DR" | "DA" | "CO" | "Q" => {
                    self.note(ChangeKind::FormFill, number, "how fields are drawn is another");
                }
                _ => self.note(ChangeKind::Other, number, "the form is another"),
            }
        }
        Ok(())
    }

    fn compare_pages(&mut self, number: u32, page: u32, old: &Dictionary, new: &Dictionary) -> Result<()> {
        for key in different_keys(old, new) {
            match key.as_str() {
                "Annots" => {
                    let (was, is) = (self.before.value(old, "Annots")?, self.after.value(new, "Annots")?);
                    self.compare_items(number, Some(page), &was, &is)?;
                }
                "Tabs" | "LastModified" => {}
                _ => self.note_on(ChangeKind::PageContent, number, page, "the page is another"),
            }
        }
        Ok(())
    }

    fn compare_lists(&mut self, id: ObjectId, old: &Object, new: &Object) -> Result<()> {
        let page = self.annotations()?.lists.get(&id).copied();
        if page.is_some() || self.field_list == Some(id) {
            return self.compare_items(id.number, page, old, new);
        }
        self.note(ChangeKind::Other, id.number, "a list is another");
        Ok(())
    }

    /// Lists of annotations and of fields: what was there has to be there still, in its order.
    fn compare_items(&mut self, number: u32, page: Option<u32>, old: &Object, new: &Object) -> Result<()> {
        let (was, is) = (items(old), items(new));
        let mut kinds = Vec::new();
        let mut rest = is.iter();
        if !was.iter().all(|item| rest.any(|it| it == item)) {
            kinds.push((ChangeKind::Annotation, "something was taken from a page or a form"));
        }
        let known: HashSet<ObjectId> = was.iter().filter_map(Object::as_reference).collect();
        for item in is {
            if item.as_reference().map_or_else(|| !was.contains(item), |id| !known.contains(&id)) {
                kinds.push(self.kind_of_new(item)?);
            }
        }
        for (kind, what) in kinds {
            self.changes.push(Change { kind, object: number, page, what });
        }
        Ok(())
    }

    /// What a new entry in a list of annotations or fields is.
    fn kind_of_new(&self, item: &Object) -> Result<(ChangeKind, &'static str)> {
        let dictionary = self.after.resolve(item)?.into_dictionary().unwrap_or_default();
        let signed = self.after.value(&dictionary, "V")? != Object::Null;
        if signed && !self.is_earlier(dictionary.get("V")) && is_signature_field(self.after, &dictionary)? {
            return Ok((ChangeKind::Signature, "a signature was added"));
        }
        Ok((ChangeKind::Annotation, "something was put on a page or into a form"))
    }

    fn compare_fields(&mut self, number: u32, old: &Dictionary, new: &Dictionary) -> Result<()> {
        let signature = is_signature_field(self.before, old)?;
        let signed = signature && self.before.value(old, "V")? != Object::Null;
        for key in different_keys(old, new) {
            let (kind, what) = match key.as_str() {
                "V" if signed => (ChangeKind::Other, "a signature was taken away or exchanged"),
                "V" if signature && self.is_earlier(new.get("V")) => {
                    (ChangeKind::Annotation, "an earlier signature is shown once more")
                }
                "V" if signature => (ChangeKind::Signature, "a field was signed"),
                _ if signed => (ChangeKind::Annotation, "what a signature shows is another"),
                "AP" | "M" | "MK" | "F" | "Lock" | "SV" if signature => {
                    (ChangeKind::Signature, "a field was signed")
                }
                "V" | "AS" | "AP" | "RV" | "M" | "MK" | "I" | "DA" | "Q" if self.is_locked(old)? => {
                    (ChangeKind::Other, "a locked field was filled in")
                }
                "V" | "AS" | "AP" | "RV" | "M" | "MK" | "I" | "DA" | "Q" => {
                    (ChangeKind::FormFill, "a field was filled in")
                }
                _ => (ChangeKind::Annotation, "a field is another"),
            };
            self.note(kind, number, what);
        }
        Ok(())
    }

    fn is_locked(&self, field: &Dictionary) -> Result<bool> {
        let name = full_name(self.before, field)?;
        let below = |locked: &String| name.strip_prefix(locked).is_some_and(|rest| rest.starts_with('.'));
        Ok(self.locked.iter().any(|locked| *locked == name || below(locked)))
    }

    /// A value that stood in the document before belongs to an earlier signature, which is then shown at another place.
    fn is_earlier(&self, value: Option<&Object>) -> bool {
        let id = value.and_then(Object::as_reference);
        id.is_some_and(|id| self.before.location(id.number).is_some())
    }
}

/// A field for signatures, or the place of one, whose kind may stand in the field above it.
fn is_signature_field(document: &Document<'_>, dictionary: &Dictionary) -> Result<bool> {
    let kind = match document.value(dictionary, "FT")? {
        Object::Null => {
            let above = document.find_dictionary(dictionary, "Parent")?.unwrap_or_default();
            document.value(&above, "FT")?
        }
        kind => kind,
    };
    Ok(kind.is_name("Sig"))
}

/// The fields that signatures lock by name. Locks of all fields count like a certification.
fn locked_names(document: &Document<'_>) -> Result<HashSet<String>> {
    let mut names = HashSet::new();
    for value in document.form()?.signatures.iter().filter_map(|it| it.value.as_ref()) {
        let signature = document.resolve(value)?.into_dictionary().unwrap_or_default();
        for (method, parameters) in form::transforms(document, &signature)? {
            if method.is_name("FieldMDP") {
                let fields = document.value(&parameters, "Fields")?;
                names.extend(items(&fields).iter().filter_map(Object::as_text));
            }
        }
    }
    Ok(names)
}

fn full_name(document: &Document<'_>, field: &Dictionary) -> Result<String> {
    let mut parts = Vec::new();
    let mut field = Some(field.clone());
    while let Some(here) = field.filter(|_| parts.len() < DEEPEST) {
        parts.extend(document.value(&here, "T")?.as_text());
        field = document.find_dictionary(&here, "Parent")?;
    }
    parts.reverse();
    Ok(parts.join("."))
}

fn is_widget(dictionary: &Dictionary) -> bool {
    dictionary.get("Subtype").is_some_and(|it| it.is_name("Widget"))
}

fn items(object: &Object) -> &[Object] {
    object.as_array().unwrap_or_default()
}

/// The keys whose values are not the same, each once.
fn different_keys(old: &Dictionary, new: &Dictionary) -> Vec<String> {
    let names =
        old.iter().chain(new.iter()).map(|(name, _)| String::from_utf8_lossy(&name.decoded()).into_owned());
    let mut keys: Vec<String> = names.filter(|key| old.get(key) != new.get(key)).collect();
    keys.sort();
    keys.dedup();
    keys
}
