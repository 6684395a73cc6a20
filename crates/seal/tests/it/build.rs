//! Writes the documents that the tests seal, in every shape the format allows.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// How the references of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Table,
    Stream,
    /// Everything that may be stands inside a stream of objects.
    Packed,
    /// A table that leaves the packed objects out, and a stream that has them.
    Hybrid,
}

pub const SHAPES: [Shape; 4] = [Shape::Table, Shape::Stream, Shape::Packed, Shape::Hybrid];

/// A page to be written.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub media: [f64; 4],
    pub crop: Option<[f64; 4]>,
    pub rotate: i32,
    pub unit: Option<f64>,
    /// Each with its place in the page's own coordinates.
    pub lines: Vec<(f64, f64, String)>,
    /// More entries for the page, as they stand in the file.
    pub more: String,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            media: [0.0, 0.0, 595.0, 842.0],
            crop: None,
            rotate: 0,
            unit: None,
            lines: vec![],
            more: String::new(),
        }
    }
}

/// Objects by number; the first is number 1.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    pub objects: Vec<Vec<u8>>,
    pub root: u32,
    pub trailer: String,
}

impl Builder {
    pub fn add(&mut self, body: impl Into<Vec<u8>>) -> u32 {
        self.objects.push(body.into());
        self.objects.len() as u32
    }

    pub fn stream(&mut self, entries: &str, bytes: &[u8]) -> u32 {
        self.add(stream(entries, bytes))
    }

    pub fn write(&self, shape: Shape) -> Vec<u8> {
        let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let packs = matches!(shape, Shape::Packed | Shape::Hybrid);
        let is_packed = |body: &[u8]| packs && !body.ends_with(b"endstream");
        // Kind, offset or number of the stream, index in it.
        let mut rows: Vec<(u8, usize, usize)> = vec![(0, 0, 65535)];
        let pack_number = self.objects.len() + 1;
        let (mut heads, mut bodies, mut packed) = (String::new(), Vec::new(), 0);
        for (index, body) in self.objects.iter().enumerate() {
            if is_packed(body) {
                heads += &format!("{} {} ", index + 1, bodies.len());
                bodies.extend_from_slice(body);
                bodies.push(b' ');
                rows.push((2, pack_number, packed));
                packed += 1;
            } else {
                rows.push((1, out.len(), 0));
                writeln!(out, "{} 0 obj", index + 1).unwrap();
                out.extend_from_slice(body);
                out.extend_from_slice(b"\nendobj\n");
            }
        }
        if packs {
            rows.push((1, out.len(), 0));
            let entries = format!("/Type /ObjStm /N {packed} /First {} /Filter /FlateDecode", heads.len());
            let bytes = deflate(&[heads.as_bytes(), &bodies].concat());
            writeln!(out, "{pack_number} 0 obj").unwrap();
            out.extend_from_slice(&stream(&entries, &bytes));
            out.extend_from_slice(b"\nendobj\n");
        }
        self.references(shape, rows, &mut out);
        out
    }

    fn references(&self, shape: Shape, mut rows: Vec<(u8, usize, usize)>, out: &mut Vec<u8>) {
        let more = format!("/Root {} 0 R {}", self.root, self.trailer);
        let mut at = out.len();
        let mut beside = String::new();
        if shape != Shape::Table {
            rows.push((1, at, 0));
            let shown: Vec<&(u8, usize, usize)> = rows.iter().collect();
            let table: Vec<u8> = shown
                .iter()
                .flat_map(|(kind, a, b)| {
                    [vec![*kind], (*a as u32).to_be_bytes().to_vec(), (*b as u16).to_be_bytes().to_vec()]
                        .concat()
                })
                .collect();
            let number = rows.len() - 1;
            let trailer = if shape == Shape::Hybrid { "" } else { more.as_str() };
            let entries =
                format!("/Type /XRef /W [1 4 2] /Size {} {trailer} /Filter /FlateDecode", rows.len());
            writeln!(out, "{number} 0 obj").unwrap();
            out.extend_from_slice(&stream(&entries, &deflate(&table)));
            out.extend_from_slice(b"\nendobj\n");
            beside = format!("/XRefStm {at}");
        }
        if matches!(shape, Shape::Table | Shape::Hybrid) {
            at = out.len();
            writeln!(out, "xref\n0 {}", rows.len()).unwrap();
            for (kind, offset, generation) in &rows {
                match kind {
                    1 => write!(out, "{offset:010} {generation:05} n\r\n").unwrap(),
                    _ => writeln!(out, "{:010} {:05} f\r", 0, 65535).unwrap(),
                }
            }
            writeln!(out, "trailer\n<</Size {} {more}>>", rows.len()).unwrap();
        }
        if shape == Shape::Hybrid {
            // As Word does it: an empty table after the full one leads to the stream.
            writeln!(out, "startxref\n{at}\n%%EOF").unwrap();
            let before = at;
            at = out.len();
            let size = rows.len();
            writeln!(out, "xref\n0 0\ntrailer\n<</Size {size} {more} /Prev {before} {beside}>>").unwrap();
        }
        write!(out, "startxref\n{at}\n%%EOF").unwrap();
    }
}

/// The parts of a document that has these pages, each with its own content; everything that can be is inherited.
pub fn builder(sheets: &[Sheet]) -> Builder {
    let mut builder = Builder::default();
    let font = builder.add("<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>");
    let catalogue = builder.add("");
    let tree = builder.add("");
    let inner = builder.add("");
    let mut kids = String::new();
    for sheet in sheets {
        let text: String = sheet
            .lines
            .iter()
            .map(|(x, y, text)| format!("BT /F1 12 Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n"))
            .collect();
        let content = builder.stream("", text.as_bytes());
        let mut page = format!("<</Type /Page /Parent {inner} 0 R /Contents {content} 0 R ");
        page += &format!("/MediaBox {} ", numbers(sheet.media));
        if let Some(crop) = sheet.crop {
            page += &format!("/CropBox {} ", numbers(crop));
        }
        if sheet.rotate != 0 {
            page += &format!("/Rotate {} ", sheet.rotate);
        }
        if let Some(unit) = sheet.unit {
            page += &format!("/UserUnit {unit} ");
        }
        let page = builder.add(format!("{page}{}>>", sheet.more));
        kids += &format!("{page} 0 R ");
    }
    let count = sheets.len();
    builder.objects[catalogue as usize - 1] = format!("<</Type /Catalog /Pages {tree} 0 R>>").into_bytes();
    builder.objects[tree as usize - 1] = format!(
        "<</Type /Pages /Kids [{inner} 0 R] /Count {count} /Resources <</Font <</F1 {font} 0 R>>>>>>"
    )
    .into_bytes();
    builder.objects[inner as usize - 1] =
        format!("<</Type /Pages /Parent {tree} 0 R /Kids [{kids}] /Count {count}>>").into_bytes();
    builder.root = catalogue;
    builder.trailer = "/ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]".into();
    builder
}

pub fn document(sheets: &[Sheet], shape: Shape) -> Vec<u8> {
    builder(sheets).write(shape)
}

/// A document of plain A4 pages, each with its number on it.
pub fn pages(count: usize, shape: Shape) -> Vec<u8> {
    let sheet =
        |number: usize| Sheet { lines: vec![(72.0, 720.0, format!("Page {number}"))], ..Sheet::default() };
    document(&(1..=count).map(sheet).collect::<Vec<_>>(), shape)
}

/// The parts of a document with entries put into its catalogue, and objects that come with them.
pub fn catalogue_builder(count: usize, entries: impl Fn(&mut Builder) -> String) -> Builder {
    let mut builder = builder(&vec![Sheet::default(); count]);
    let entries = entries(&mut builder);
    let catalogue = &mut builder.objects[builder.root as usize - 1];
    let end = catalogue.len() - 2;
    catalogue.splice(end..end, entries.into_bytes());
    builder
}

pub fn with_catalogue(count: usize, entries: impl Fn(&mut Builder) -> String, shape: Shape) -> Vec<u8> {
    catalogue_builder(count, entries).write(shape)
}

/// A line in a Chinese typeface that the file only names.
pub fn chinese(text: &str) -> Vec<u8> {
    let mut builder =
        builder(&[Sheet { more: "/Resources <</Font <</F1 7 0 R>>>>".into(), ..Sheet::default() }]);
    builder.add("<</Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [8 0 R]>>");
    builder.add(
        "<</Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /CIDSystemInfo <</Registry (Adobe) \
         /Ordering (GB1) /Supplement 4>> /FontDescriptor <</Type /FontDescriptor /FontName /STSong-Light /Flags 6>>>>",
    );
    let units: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    let content = format!("BT /F1 12 Tf 1 0 0 1 100 500 Tm <{units}> Tj ET");
    builder.objects[4] = format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()).into_bytes();
    builder.write(Shape::Packed)
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn stream(entries: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("<<{entries} /Length {}>>\nstream\n", bytes.len());
    [head.as_bytes(), bytes, b"\nendstream"].concat()
}

fn numbers(values: [f64; 4]) -> String {
    format!("[{} {} {} {}]", values[0], values[1], values[2], values[3])
}
