//! Puts the pictures of seals into a document: as part of its pages while nobody has signed it, and as the appearance of a
//! signature field.

use std::collections::BTreeMap;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::object::{Dictionary, Object, ObjectId};
use crate::page::{Page, Turn};
use crate::picture::PackedPicture;
use crate::position::Placement;
use crate::update::{Revision, Update};

/// Printed, and not to be moved by readers.
pub(crate) const PRINT_AND_LOCKED: i64 = 4 | 128;

/// A seal's picture inside a document; all places share it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink {
    picture: ObjectId,
    state: ObjectId,
}

/// A picture and one place for it.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    pub picture: &'a PackedPicture,
    pub placement: Placement,
}

/// The revision that makes seals part of their pages. Only for a document that nobody has signed: afterwards it would
/// end the signatures. It also takes away the wish that programs draw the form's fields anew, since some would then lose
/// the seals that signatures show.
///
/// # Errors
/// [`Error::SignedAlready`], and those of reading the document.
pub fn stamp(document: &Document<'_>, stamps: &[Stamp<'_>]) -> Result<Revision> {
    if document.form()?.is_signed() {
        return Err(Error::SignedAlready);
    }
    let mut update = Update::new(document);
    let mut inks: Vec<(&PackedPicture, Ink)> = Vec::new();
    let mut by_page: BTreeMap<u32, Vec<(Ink, Placement)>> = BTreeMap::new();
    for stamp in stamps {
        let known =
            inks.iter().find(|(picture, _)| std::ptr::eq(*picture, stamp.picture)).map(|(_, ink)| *ink);
        let ink = known.unwrap_or_else(|| Ink::add(&mut update, stamp.picture));
        if known.is_none() {
            inks.push((stamp.picture, ink));
        }
        by_page.entry(stamp.placement.page).or_default().push((ink, stamp.placement));
    }
    let save = (!by_page.is_empty()).then(|| update.add_stream(Dictionary::new(), b"q".to_vec()));
    for (number, seals) in by_page {
        let page = find_page(document, number)?;
        let forms =
            seals.iter().map(|(ink, placement)| (ink.appearance(&mut update, page, placement), *placement));
        let forms: Vec<(ObjectId, Placement)> = forms.collect();
        draw_on(&mut update, page, save, &forms)?;
    }
    keep_appearances(&mut update)?;
    update.finish()
}

impl Ink {
    /// Puts the picture into the document once.
    pub fn add(update: &mut Update<'_>, picture: &PackedPicture) -> Self {
        let image = |space: &str| {
            Dictionary::new()
                .with("Type", Object::name("XObject"))
                .with("Subtype", Object::name("Image"))
                .with("Width", Object::integer(i64::from(picture.width)))
                .with("Height", Object::integer(i64::from(picture.height)))
                .with("ColorSpace", Object::name(space))
                .with("BitsPerComponent", Object::integer(8))
                .with("Filter", Object::name("FlateDecode"))
        };
        let mask = update.add_stream(image("DeviceGray"), picture.transparency.clone());
        let picture = update.add_stream(image("DeviceRGB").with("SMask", mask), picture.colours.clone());
        let multiply =
            Dictionary::new().with("Type", Object::name("ExtGState")).with("BM", Object::name("Multiply"));
        Self { picture, state: update.add(multiply) }
    }

    /// The seal, or the slice of it, as a form that stands upright when the page is shown. Its lower left corner in the
    /// page's own coordinates is at 0, 0.
    pub fn appearance(&self, update: &mut Update<'_>, page: &Page, placement: &Placement) -> ObjectId {
        let (width, height) = (placement.width / page.unit, placement.height / page.unit);
        let (index, count) = placement.slice.map_or((0, 1), |slice| (slice.index, slice.count));
        let (whole, left) = (width * f64::from(count), width * f64::from(index));
        let resources = Dictionary::new()
            .with("XObject", Dictionary::new().with("Seal", self.picture))
            .with("ExtGState", Dictionary::new().with("Ink", self.state));
        let form = Dictionary::new()
            .with("Type", Object::name("XObject"))
            .with("Subtype", Object::name("Form"))
            .with("BBox", Object::reals([0.0, 0.0, width, height]))
            .with("Matrix", Object::reals(upright(page.turn, width, height)))
            .with("Resources", resources);
        let mut content = b"q /Ink gs ".to_vec();
        write_matrix([whole, 0.0, 0.0, height, -left, 0.0], &mut content);
        content.extend_from_slice(b" cm /Seal Do Q");
        update.add_stream(form, content)
    }

    /// The annotation that shows the seal; a signature field is made of it by adding the field's own entries. It is not
    /// put into the page yet: [`Update::push`] under `Annots` does that.
    ///
    /// # Errors
    /// [`Error::PageNotThere`], and those of reading the document.
    pub fn widget(&self, update: &mut Update<'_>, placement: &Placement) -> Result<Dictionary> {
        let page = *find_page(update.document(), placement.page)?;
        let appearance = self.appearance(update, &page, placement);
        let place = page.rectangle(placement.x, placement.y, placement.width, placement.height);
        let widget = Dictionary::new()
            .with("Type", Object::name("Annot"))
            .with("Subtype", Object::name("Widget"))
            .with("F", Object::integer(PRINT_AND_LOCKED))
            .with("P", page.id)
            .with("Rect", place.to_object())
            .with("AP", Dictionary::new().with("N", appearance));
        Ok(match page.turn {
            Turn::None => widget,
            Turn::Quarter | Turn::Half | Turn::ThreeQuarters => {
                widget.with("MK", Dictionary::new().with("R", Object::integer(page.turn.degrees())))
            }
        })
    }
}

/// Takes `NeedAppearances` out of the form, if it is there. Only while nobody has signed.
pub fn keep_appearances(update: &mut Update<'_>) -> Result<()> {
    let (id, _) = update.document().catalogue()?;
    let mut catalogue = update.dictionary(id)?;
    if !update.document().form()?.needs_appearances {
        return Ok(());
    }
    match catalogue.get("AcroForm").cloned() {
        Some(Object::Reference(form)) => {
            let mut dictionary = update.dictionary(form)?;
            dictionary.remove("NeedAppearances");
            update.put(form, dictionary);
        }
        Some(direct) => {
            let mut dictionary = direct.into_dictionary().unwrap_or_default();
            dictionary.remove("NeedAppearances");
            catalogue.set("AcroForm", dictionary);
            update.put(id, catalogue);
        }
        None => {}
    }
    Ok(())
}

pub(crate) fn find_page<'a>(document: &'a Document<'_>, number: u32) -> Result<&'a Page> {
    let pages = document.pages()?;
    let missing = Error::PageNotThere { page: number, pages: u32::try_from(pages.len()).unwrap_or(u32::MAX) };
    (number as usize).checked_sub(1).and_then(|index| pages.get(index)).ok_or(missing)
}

/// The matrix that turns a form of this size against the page's turn, and keeps its lower left corner at 0, 0.
fn upright(turn: Turn, width: f64, height: f64) -> [f64; 6] {
    match turn {
        Turn::None => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        Turn::Quarter => [0.0, 1.0, -1.0, 0.0, height, 0.0],
        Turn::Half => [-1.0, 0.0, 0.0, -1.0, width, height],
        Turn::ThreeQuarters => [0.0, -1.0, 1.0, 0.0, 0.0, width],
    }
}

/// Draws forms behind what the page has: the old content is put between `q` and `Q`, so that ours begins with a page as
/// it was, and the resources that hold for the page become its own before ours are added.
fn draw_on(
    update: &mut Update<'_>,
    page: &Page,
    save: Option<ObjectId>,
    forms: &[(ObjectId, Placement)],
) -> Result<()> {
    let document = update.document();
    let mut dictionary = update.dictionary(page.id)?;
    let mut resources = page.effective_resources(document)?;
    let mut objects = document.find_dictionary(&resources, "XObject")?.unwrap_or_default();
    let mut content = b"Q".to_vec();
    for (form, placement) in forms {
        let taken = |name: &String| objects.has(name);
        let name = (1..).map(|it| format!("Seal{it}")).find(|name| !taken(name)).unwrap_or_default();
        objects.set(&name, *form);
        let place = page.rectangle(placement.x, placement.y, placement.width, placement.height);
        content.extend_from_slice(b"\nq ");
        write_matrix([1.0, 0.0, 0.0, 1.0, place.left, place.bottom], &mut content);
        content.extend_from_slice(format!(" cm /{name} Do Q").as_bytes());
    }
    resources.set("XObject", objects);
    dictionary.set("Resources", resources);
    let old = old_content(document, &dictionary)?;
    let seals = update.add_stream(Dictionary::new(), content);
    let content = save.map(Object::from).into_iter().chain(old).chain([seals.into()]);
    dictionary.set("Contents", Object::Array(content.collect()));
    update.put(page.id, dictionary);
    Ok(())
}

/// The streams of a page, which may be given as one or as a list.
fn old_content(document: &Document<'_>, page: &Dictionary) -> Result<Vec<Object>> {
    let Some(content) = page.get("Contents") else { return Ok(Vec::new()) };
    let resolved = document.resolve(content)?;
    Ok(match resolved {
        Object::Array(streams) => streams,
        Object::Null => Vec::new(),
        Object::Dictionary(_) => vec![content.clone()],
        Object::Boolean(_)
        | Object::Number(_)
        | Object::String(_)
        | Object::Name(_)
        | Object::Reference(_) => return Err(Error::damaged("a page's content cannot be read")),
    })
}

fn write_matrix(matrix: [f64; 6], out: &mut Vec<u8>) {
    for (index, value) in matrix.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        Object::real(value).write(out);
    }
}
