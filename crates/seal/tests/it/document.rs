//! Reading documents: every shape of a file, and every reason to refuse one.

use zhupi_seal::document::Document;
use zhupi_seal::error::{Error, Result};
use zhupi_seal::object::{Object, Parser};
use zhupi_seal::page::Turn;
use zhupi_seal::xref::XrefKind;

use crate::build::{self, Builder, SHAPES, Shape, Sheet};

#[test]
fn every_shape_of_a_file_reads_the_same() {
    for shape in SHAPES {
        let file = build::pages(3, shape);
        let document = Document::open(&file).unwrap();
        let pages = document.pages().unwrap();
        assert_eq!(pages.len(), 3, "{shape:?}");
        assert_eq!(pages[2].size(), (595.0, 842.0), "{shape:?}");
        let resources = pages[0].effective_resources(&document).unwrap();
        assert!(resources.has("Font"), "{shape:?}: resources come from the top of the tree");
        document.check_signable().unwrap();
    }
    assert_eq!(kind_of(Shape::Packed), XrefKind::Stream);
    assert_eq!(kind_of(Shape::Hybrid), XrefKind::Hybrid);
}

#[test]
fn numbers_strings_and_names_are_written_as_they_were_read() {
    let source = "<</A 595.303937007874 /B [+1 -.5 00012 4.] /C (a\\(b\\)\\n(c)) /D <48 65 6C6> /E /F#20G /H 3 0 R /I true>>";
    let object = Parser::new(source.as_bytes(), 0).object().unwrap();
    let mut written = Vec::new();
    object.write(&mut written);
    assert_eq!(String::from_utf8(written).unwrap(), source);
    let dictionary = object.as_dictionary().unwrap();
    assert_eq!(dictionary.get("C").unwrap().as_bytes().unwrap(), b"a(b)\n(c)");
    assert_eq!(dictionary.get("D").unwrap().as_bytes().unwrap(), b"Hel`");
    assert!(dictionary.get("E").unwrap().is_name("F G"));
    assert_eq!(Object::real(-0.00001), Object::real(0.0));
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let object = Parser::new(b"<</A 1 /#41 2>>", 0).object();
    assert_eq!(object, Err(Error::Damaged { what: "a dictionary has a key twice" }));
}

#[test]
fn a_turned_and_cropped_page_is_seen_as_its_reader_sees_it() {
    let sheet = Sheet {
        media: [100.0, 50.0, 700.0, 900.0],
        crop: Some([120.0, 80.0, 620.0, 780.0]),
        rotate: -270,
        unit: Some(2.0),
        ..Sheet::default()
    };
    let file = build::document(&[sheet], Shape::Table);
    let document = Document::open(&file).unwrap();
    let page = document.pages().unwrap()[0];
    assert_eq!(page.turn, Turn::Quarter);
    assert_eq!(page.size(), (1400.0, 1000.0));
    assert_eq!(
        page.to_own(0.0, 0.0),
        (620.0, 80.0),
        "what is lower left when shown is lower right before the turn"
    );
    let (x, y) = page.to_own(30.0, 44.0);
    assert_eq!(page.to_shown(x, y), (30.0, 44.0));
}

#[test]
fn documents_that_must_not_be_signed_are_refused_by_name() {
    let form = |fields: &'static str| {
        move |builder: &mut Builder| {
            let field = builder.add(fields);
            format!("/AcroForm <</Fields [{field} 0 R]>>")
        }
    };
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("no PDF", b"hello".to_vec(), "not_pdf"),
        ("no pages", build::document(&[], Shape::Table), "no_pages"),
        ("encrypted", encrypted(), "document_encrypted"),
        ("XFA", build::with_catalogue(1, |_| "/AcroForm <</XFA (x)>>".into(), Shape::Table), "xfa_form"),
        ("certified", certified(1), "document_certified"),
        ("certified for filling", certified(2), "document_certified"),
        (
            "locked",
            build::with_catalogue(
                1,
                form("<</FT /Sig /T (a) /V <</Type /Sig>> /Lock <</Action /All>>>>"),
                Shape::Table,
            ),
            "document_locked",
        ),
        ("cut off", build::pages(2, Shape::Table)[..700].to_vec(), "document_damaged"),
        ("shifted", [b"mail header\n".to_vec(), build::pages(2, Shape::Table)].concat(), "document_damaged"),
    ];
    for (name, file, code) in cases {
        assert_eq!(signable(&file).map_err(|error| error.code()), Err(code), "{name}");
    }
}

#[test]
fn a_lock_on_other_fields_and_one_that_is_not_signed_yet_forbid_nothing() {
    for field in [
        "<</FT /Sig /T (a) /V <</Type /Sig>> /Lock <</Action /Include /Fields [(b)]>>>>",
        "<</FT /Sig /T (a) /Lock <</Action /All>>>>",
    ] {
        let entries = |builder: &mut Builder| format!("/AcroForm <</Fields [{} 0 R]>>", builder.add(field));
        signable(&build::with_catalogue(1, entries, Shape::Packed)).unwrap();
    }
}

#[test]
fn signature_fields_are_found_under_their_full_names() {
    let entries = |builder: &mut Builder| {
        let widget = builder.add("<</Type /Annot /Subtype /Widget>>");
        let inner = builder.add(format!("<</T (inner) /Kids [{widget} 0 R] /V <</Type /Sig>>>>"));
        let outer = builder.add(format!("<</T <FEFF5370> /FT /Sig /Kids [{inner} 0 R]>>"));
        format!("/AcroForm <</NeedAppearances true /Fields [{outer} 0 R]>>")
    };
    let file = build::with_catalogue(1, entries, Shape::Table);
    let form = Document::open(&file).unwrap().form().unwrap();
    let names: Vec<&str> = form.signatures.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["印.inner"]);
    assert!(form.is_signed() && form.needs_appearances);
    assert_eq!(form.free_name(), "Seal1");
}

#[test]
fn trees_and_references_in_circles_end() {
    let mut circle = build::builder(&[Sheet::default()]);
    circle.objects[3] = b"<</Type /Pages /Kids [4 0 R]>>".to_vec();
    assert_eq!(signable(&circle.write(Shape::Table)).map_err(|error| error.code()), Err("document_damaged"));
    let mut reference = build::builder(&[Sheet::default()]);
    reference.objects[3] = b"4 0 R".to_vec();
    assert!(signable(&reference.write(Shape::Table)).is_err());
}

#[test]
fn what_a_hybrid_table_hides_is_found_in_the_stream_beside_it() {
    let bytes = build::pages(2, Shape::Hybrid);
    let at = bytes.windows(9).rposition(|it| it == b"xref\n0 0\n").unwrap();
    let hiding =
        [&bytes[..at], b"xref\n1 2\n0000000000 65535 f\r\n0000000000 65535 f\r\n", &bytes[at + 9..]].concat();
    assert_eq!(Document::open(&hiding).unwrap().pages().unwrap().len(), 2);
}

#[test]
fn a_structure_that_unpacks_to_far_more_than_it_is_is_refused() {
    let mut builder = build::builder(&[Sheet::default()]);
    builder.add(format!("[{}]", " ".repeat(5 << 20)));
    assert_eq!(
        signable(&builder.write(Shape::Packed)).map_err(|error| error.code()),
        Err("document_damaged")
    );
    signable(&builder.write(Shape::Table)).unwrap();
}

#[test]
fn ten_thousand_pages_are_read() {
    let file = build::document(&vec![Sheet::default(); 10_000], Shape::Packed);
    assert_eq!(Document::open(&file).unwrap().pages().unwrap().len(), 10_000);
}

fn signable(file: &[u8]) -> Result<()> {
    Document::open(file)?.check_signable()
}

fn kind_of(shape: Shape) -> XrefKind {
    Document::open(&build::pages(1, shape)).unwrap().xref_kind()
}

fn encrypted() -> Vec<u8> {
    let mut builder = build::builder(&[Sheet::default()]);
    builder.trailer += " /Encrypt <</Filter /Standard>>";
    builder.write(Shape::Table)
}

fn certified(level: u8) -> Vec<u8> {
    let entries = |builder: &mut Builder| {
        let signature = builder.add(format!(
            "<</Type /Sig /Reference [<</TransformMethod /DocMDP /TransformParams <</P {level}>>>>]>>"
        ));
        format!("/Perms <</DocMDP {signature} 0 R>>")
    };
    build::with_catalogue(1, entries, Shape::Table)
}
