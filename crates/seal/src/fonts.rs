//! The typefaces that seals are drawn and pages are shown with.

use std::fs;
use std::sync::{Arc, OnceLock};

use hayro::hayro_interpret::font::FontData;
use resvg::usvg::fontdb::{Database, Family, Query, Source, Weight};

/// Chinese typefaces for pages that name one and do not carry it.
const CHINESE: [Family<'static>; 6] = [
    Family::Name("Noto Sans CJK SC"),
    Family::Name("Source Han Sans SC"),
    Family::Name("Noto Serif CJK SC"),
    Family::Name("WenQuanYi Micro Hei"),
    Family::Name("SimSun"),
    Family::Name("PingFang SC"),
];

/// Shared: cloning costs nothing, looking for fonts does.
#[derive(Debug, Clone)]
pub struct Fonts {
    database: Arc<Database>,
    /// The plain and the bold typeface for pages, once they were needed.
    chinese: Arc<[OnceLock<Option<ChineseFace>>; 2]>,
}

#[derive(Clone)]
struct ChineseFace {
    bytes: FontData,
    index: u32,
}

impl Fonts {
    /// These fonts alone; each is the content of a TrueType or OpenType file.
    pub fn from_files(files: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut database = Database::new();
        for file in files {
            database.load_font_data(file);
        }
        Self::new(database)
    }

    /// The fonts that are installed on this machine. Looks through folders, so it is called once.
    pub fn installed() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        Self::new(database)
    }

    fn new(database: Database) -> Self {
        Self { database: Arc::new(database), chinese: Arc::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.database.is_empty()
    }

    pub(crate) fn database(&self) -> Arc<Database> {
        Arc::clone(&self.database)
    }

    /// A typeface for Chinese text, with its place in its file.
    pub(crate) fn for_chinese(&self, is_bold: bool) -> Option<(FontData, u32)> {
        let [plain, bold] = &*self.chinese;
        let (slot, weight) = if is_bold { (bold, Weight::BOLD) } else { (plain, Weight::NORMAL) };
        let face = slot.get_or_init(|| {
            let id = self.database.query(&Query { families: &CHINESE, weight, ..Query::default() })?;
            let (source, index) = self.database.face_source(id)?;
            let bytes: FontData = match source {
                Source::Binary(bytes) | Source::SharedFile(_, bytes) => bytes,
                Source::File(path) => Arc::new(fs::read(path).ok()?),
            };
            Some(ChineseFace { bytes, index })
        });
        face.as_ref().map(|face| (Arc::clone(&face.bytes), face.index))
    }
}

impl std::fmt::Debug for ChineseFace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ChineseFace").field("index", &self.index).finish_non_exhaustive()
    }
}
