//! Revisions written behind a document.

use zhupi_seal::document::Document;
use zhupi_seal::object::{Dictionary, Object};
use zhupi_seal::update::Update;

use crate::build::{self, SHAPES, Shape};
use crate::tools;

#[test]
fn a_revision_keeps_every_byte_and_reads_back() {
    for shape in SHAPES {
        let first = build::pages(2, shape);
        let second = add_annotation(&first);
        let third = add_annotation(&second);
        assert!(second.starts_with(&first) && third.starts_with(&second), "{shape:?}");
        let document = Document::open(&third).unwrap();
        document.check_signable().unwrap();
        let page = document.object(document.pages().unwrap()[1].id).unwrap();
        assert_eq!(
            page.as_dictionary().unwrap().get("Annots").unwrap().as_array().unwrap().len(),
            2,
            "{shape:?}"
        );
        tools::assert_sound(&format!("{shape:?}"), &third);
    }
}

#[test]
fn the_identity_of_the_file_keeps_its_first_half() {
    let first = build::pages(1, Shape::Table);
    let second = add_annotation(&first);
    let id =
        |file: &[u8]| Document::open(file).unwrap().trailer().get("ID").unwrap().as_array().unwrap().to_vec();
    assert_eq!(id(&first)[0], id(&second)[0]);
    assert_ne!(id(&first)[1], id(&second)[1]);
}

#[test]
fn an_array_in_an_object_of_its_own_is_changed_there() {
    let mut builder =
        build::builder(&[build::Sheet { more: "/Annots 7 0 R".into(), ..build::Sheet::default() }]);
    assert_eq!(builder.add("[]"), 7);
    let first = builder.write(Shape::Table);
    let second = add_annotation(&first);
    let document = Document::open(&second).unwrap();
    let page = document.pages().unwrap()[0].id;
    let annotations = document.object(page).unwrap().as_dictionary().unwrap().get("Annots").cloned().unwrap();
    assert!(annotations.as_reference().is_some());
    assert_eq!(document.resolve(&annotations).unwrap().as_array().unwrap().len(), 1);
    let old = Document::open(&first).unwrap();
    assert_eq!(document.locations().len(), old.locations().len() + 1, "only the annotation is new");
}

fn add_annotation(file: &[u8]) -> Vec<u8> {
    let document = Document::open(file).unwrap();
    let page = document.pages().unwrap().last().unwrap().id;
    let mut update = Update::new(&document);
    let note = Dictionary::new()
        .with("Type", Object::name("Annot"))
        .with("Subtype", Object::name("Text"))
        .with("Rect", Object::reals([10.0, 10.0, 20.5, 20.0]))
        .with("Contents", Object::text("好"));
    let note = update.add(note);
    update.push(page, "Annots", note).unwrap();
    [file, &update.finish().unwrap().bytes].concat()
}
