//! Draws seals as Chinese law and habit know them: round with a star, oval, square, and a person's name. Each character
//! stands on its own, turned and stretched to its place, because text on a path is spaced unevenly.

use std::f64::consts::{PI, TAU};
use std::fmt::Write as _;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Group, Node, Options, Tree};

use crate::error::{Error, Result};
pub use crate::fonts::Fonts;
use crate::picture::Picture;

/// Cinnabar, the paste that seals are pressed with.
const CINNABAR: &str = "#d2201f";

/// The same in parts.
const CINNABAR_PARTS: [u8; 3] = [0xd2, 0x20, 0x1f];

/// Drawings count in tenths of a millimetre; this many make a pixel's edge at the usual size.
const UNITS_PER_MM: f64 = 10.0;

/// A drawn seal has at most so many pixels a side.
const MOST_PIXELS: u32 = 2_000;

/// Longer texts do not fit on a seal.
const LONGEST: usize = 40;

/// Typefaces of official seals first.
const SERIF: &str =
    "'FangSong', 'STFangsong', 'SimSun', 'STSong', 'Songti SC', 'Source Han Serif SC', 'Noto Serif CJK SC'";
const SANS: &str = "'Arial', 'Liberation Sans', 'Helvetica', 'DejaVu Sans', 'Noto Sans CJK SC'";

/// What a seal says, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// 42 mm round: the organisation on the arc, a star, the purpose below it, and the registered number on the rim.
    Round { organisation: String, purpose: String, number: String },
    /// 40 by 30 mm oval, as for invoices: the organisation on the arc, a number in the middle, the purpose below.
    Oval { organisation: String, number: String, purpose: String },
    /// 20 mm square, characters in columns from the right. Names of two or three get `之印` or `印` behind them.
    Square { text: String },
    /// A person's name in a frame, 10 mm high.
    Name { name: String },
}

impl Seal {
    /// Width and height of the seal in life, in millimetres.
    pub fn size_mm(&self) -> (f64, f64) {
        match self {
            Self::Round { .. } => (42.0, 42.0),
            Self::Oval { .. } => (40.0, 30.0),
            Self::Square { .. } => (20.0, 20.0),
            Self::Name { name } => (2.6 + 7.6 * name.trim().chars().count().max(2) as f64, 10.0),
        }
    }

    /// The seal as a picture with a transparent background, this many pixels wide.
    ///
    /// # Errors
    /// [`Error::BadSeal`] for texts that are empty or do not fit, [`Error::NoFont`] for a character that no font has.
    pub fn draw(&self, fonts: &Fonts, width: u32) -> Result<Picture> {
        let unreadable = || Error::BadSeal { what: "the drawing cannot be made" };
        let options = Options { fontdb: fonts.database(), ..Options::default() };
        let canvas = self.canvas()?;
        let characters = canvas.characters.clone();
        let tree = Tree::from_str(&canvas.finish(), &options).map_err(|_| unreadable())?;
        check_characters(&characters, &tree)?;
        let width = width.clamp(16, MOST_PIXELS);
        let scale = f64::from(width) / f64::from(tree.size().width());
        let height = (f64::from(tree.size().height()) * scale).round() as u32;
        let mut pixels = Pixmap::new(width, height).ok_or_else(unreadable)?;
        resvg::render(&tree, Transform::from_scale(scale as f32, scale as f32), &mut pixels.as_mut());
        // There is one colour, so each pixel is that colour and as opaque as it was covered; this packs best.
        let [red, green, blue] = CINNABAR_PARTS;
        let coloured = pixels.pixels().iter().flat_map(|pixel| [red, green, blue, pixel.alpha()]).collect();
        Picture::from_pixels(width, height, coloured).ok_or_else(unreadable)
    }

    /// The drawing itself.
    ///
    /// # Errors
    /// [`Error::BadSeal`].
    pub fn svg(&self) -> Result<String> {
        Ok(self.canvas()?.finish())
    }

    fn canvas(&self) -> Result<Canvas> {
        let (width, height) = self.size_mm();
        let mut canvas = Canvas::new(width * UNITS_PER_MM, height * UNITS_PER_MM);
        match self {
            Self::Round { organisation, purpose, number } => {
                draw_round(&mut canvas, &checked(organisation)?, &checked_or_empty(purpose)?, number)?;
            }
            Self::Oval { organisation, number, purpose } => {
                draw_oval(&mut canvas, &checked(organisation)?, number, &checked_or_empty(purpose)?)?;
            }
            Self::Square { text } => draw_square(&mut canvas, &checked(text)?)?,
            Self::Name { name } => draw_name(&mut canvas, &checked(name)?)?,
        }
        Ok(canvas)
    }
}

fn draw_round(canvas: &mut Canvas, organisation: &[char], purpose: &[char], number: &str) -> Result<()> {
    let number = checked_or_empty(number)?;
    let middle = (210.0, 210.0);
    canvas.ellipse(middle, 203.0, 203.0, 12.0);
    // The more the text has to share the rim with, and the shorter it is, the less of the rim it takes.
    let most = match (purpose.is_empty(), number.is_empty()) {
        (true, true) => 290.0,
        (true, false) => 262.0,
        (false, _) => 246.0,
    };
    let count = organisation.len() as f64;
    let height = (70.0 - 1.15 * (count - 8.0).max(0.0)).max(42.0);
    let arc =
        Arc { middle, radii: (188.0 - height * 0.9, 188.0 - height * 0.9), sweep: (count * 27.0).min(most) };
    canvas.text_over(&arc, organisation, height, SERIF);
    let star_at = if purpose.is_empty() { 210.0 } else { 203.0 };
    canvas.star((210.0, star_at), 70.0 - (count - 16.0).clamp(0.0, 12.0));
    let size = if number.is_empty() { 40.0 } else { 36.0 };
    canvas.line_of_text((210.0, 320.0), purpose, size, 184.0, SERIF);
    if !number.is_empty() {
        let sweep = (number.len() as f64 * 5.6).min(76.0);
        canvas.text_under(&Arc { middle, radii: (186.0, 186.0), sweep }, &number, 22.0, SANS);
    }
    Ok(())
}

fn draw_oval(canvas: &mut Canvas, organisation: &[char], number: &str, purpose: &[char]) -> Result<()> {
    let number = checked_or_empty(number)?;
    let middle = (200.0, 150.0);
    canvas.ellipse(middle, 194.0, 144.0, 10.0);
    let count = organisation.len() as f64;
    let height = (50.0 - 0.9 * (count - 10.0).max(0.0)).max(34.0);
    let arc = Arc {
        middle,
        radii: (182.0 - height * 0.9, 132.0 - height * 0.9),
        sweep: (count * 16.0).clamp(90.0, 204.0),
    };
    canvas.text_over(&arc, organisation, height, SERIF);
    canvas.line_of_text((200.0, 168.0), &number, 36.0, 236.0, SANS);
    canvas.line_of_text((200.0, 232.0), purpose, 44.0, 220.0, SERIF);
    Ok(())
}

/// Columns from the right, each from the top.
fn draw_square(canvas: &mut Canvas, text: &[char]) -> Result<()> {
    let ending = match text.len() {
        2 => "之印",
        3 => "印",
        _ => "",
    };
    let text: Vec<char> = text.iter().copied().chain(ending.chars()).collect();
    if text.len() > 16 {
        return Err(Error::BadSeal { what: "a square seal has room for 16 characters" });
    }
    canvas.frame(7.0, 6.0);
    let columns = (text.len() as f64).sqrt().ceil();
    let rows = (text.len() as f64 / columns).ceil();
    let (left, room) = (17.0, 166.0);
    let (width, height) = (room / columns, room / rows);
    for (index, character) in text.iter().enumerate() {
        let (column, row) = ((index as f64 / rows).floor(), index as f64 % rows);
        let middle = (left + room - (column + 0.5) * width, left + (row + 0.5) * height);
        canvas.character_in(*character, middle, width * 0.98, height * 0.98);
    }
    Ok(())
}

fn draw_name(canvas: &mut Canvas, name: &[char]) -> Result<()> {
    if name.len() > 8 {
        return Err(Error::BadSeal { what: "a name has room for 8 characters" });
    }
    canvas.frame(4.0, 5.0);
    let room = canvas.width - 22.0;
    let width = room / name.len() as f64;
    for (index, character) in name.iter().enumerate() {
        let middle = (11.0 + (index as f64 + 0.5) * width, canvas.height / 2.0);
        canvas.character_in(*character, middle, width.min(90.0), 80.0);
    }
    Ok(())
}

/// Part of an ellipse around its top or bottom. The sweep is in degrees of a circle.
struct Arc {
    middle: (f64, f64),
    radii: (f64, f64),
    sweep: f64,
}

/// A place on an arc: where, and how far the upright there is turned clockwise, in degrees.
struct Spot {
    x: f64,
    y: f64,
    turn: f64,
}

impl Arc {
    /// The length of the swept part.
    fn length(&self) -> f64 {
        let half = self.sweep.to_radians() / 2.0;
        self.walked().iter().filter(|(angle, _)| angle.abs() <= half).map(|(_, step)| step).sum()
    }

    /// The spot at this length right of the top, or left of it if it is negative.
    fn spot(&self, along: f64) -> Spot {
        let mut rest = along.abs();
        let mut angle = 0.0;
        for (at, step) in self.walked().into_iter().filter(|(at, _)| *at > 0.0) {
            if rest <= 0.0 {
                break;
            }
            rest -= step;
            angle = at;
        }
        let angle = angle * along.signum();
        let (across, down) = self.radii;
        let (x, y) = (across * angle.sin(), -down * angle.cos());
        // The normal of an ellipse is not its radius.
        let turn = (x / (across * across)).atan2(-y / (down * down)).to_degrees();
        Spot { x: self.middle.0 + x, y: self.middle.1 + y, turn }
    }

    /// Small steps around the ellipse: the angle from the top, and the length of each.
    fn walked(&self) -> Vec<(f64, f64)> {
        const STEPS: i32 = 7_200;
        let angles = (-STEPS..=STEPS).map(|step| PI * f64::from(step) / f64::from(STEPS));
        let step = TAU / f64::from(2 * STEPS);
        let length = |angle: f64| (self.radii.0 * angle.cos()).hypot(self.radii.1 * angle.sin()) * step;
        angles.map(|angle| (angle, length(angle))).collect()
    }
}

/// A drawing in the making.
struct Canvas {
    width: f64,
    height: f64,
    body: String,
    /// Those that have to be seen.
    characters: Vec<char>,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new(), characters: Vec::new() }
    }

    fn finish(self) -> String {
        let Self { width, height, body, .. } = self;
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>\
             <g fill='{CINNABAR}'>{body}</g></svg>"
        )
    }

    fn ellipse(&mut self, middle: (f64, f64), across: f64, down: f64, stroke: f64) {
        let (x, y) = middle;
        self.put(format_args!(
            "<ellipse cx='{x}' cy='{y}' rx='{across}' ry='{down}' fill='none' stroke='{CINNABAR}' stroke-width='{stroke}'/>"
        ));
    }

    /// A frame at this distance from the edge.
    fn frame(&mut self, inset: f64, stroke: f64) {
        let (width, height) = (self.width - 2.0 * inset, self.height - 2.0 * inset);
        self.put(format_args!(
            "<rect x='{inset}' y='{inset}' width='{width}' height='{height}' rx='3' fill='none' \
             stroke='{CINNABAR}' stroke-width='{stroke}'/>"
        ));
    }

    /// Five points, the inner corners where straight lines between the points cross.
    fn star(&mut self, middle: (f64, f64), radius: f64) {
        let inner = radius * (PI / 10.0).sin() / (3.0 * PI / 10.0).sin();
        let corner = |index: u32| {
            let reach = if index.is_multiple_of(2) { radius } else { inner };
            let angle = f64::from(index) * PI / 5.0;
            format!("{:.3},{:.3}", middle.0 + reach * angle.sin(), middle.1 - reach * angle.cos())
        };
        let corners: Vec<String> = (0..10).map(corner).collect();
        self.put(format_args!("<polygon points='{}'/>", corners.join(" ")));
    }

    /// Characters outside of an arc around the top, their feet on it.
    fn text_over(&mut self, arc: &Arc, text: &[char], height: f64, family: &str) {
        let room = arc.length();
        let total: f64 = text.iter().map(|it| share(*it)).sum();
        let mut along = -room / 2.0;
        for character in text {
            let step = room * share(*character) / total;
            let spot = arc.spot(along + step / 2.0);
            along += step;
            // Feet reach a little inside the arc, where there is less room than on it.
            let inside = 1.0 - 0.12 * height / arc.radii.0.min(arc.radii.1);
            let stretch = (step / share(*character) * 0.89 * inside / height).min(1.0);
            self.character(*character, &spot, (stretch, 1.0), height, family);
        }
    }

    /// Characters inside an arc around the bottom, read from the left.
    fn text_under(&mut self, arc: &Arc, text: &[char], height: f64, family: &str) {
        let (x, y) = arc.middle;
        for (index, character) in text.iter().enumerate() {
            let place = (index as f64 + 0.5) / text.len() as f64 - 0.5;
            let turn = -arc.sweep * place;
            let (sine, cosine) = turn.to_radians().sin_cos();
            let spot = Spot { x: x - arc.radii.0 * sine, y: y + arc.radii.1 * cosine, turn };
            self.character(*character, &spot, (1.0, 1.0), height, family);
        }
    }

    /// A line of text around its middle, narrowed where it would be too wide.
    fn line_of_text(
        &mut self,
        middle: (f64, f64),
        text: &[char],
        height: f64,
        most_width: f64,
        family: &str,
    ) {
        let total: f64 = text.iter().map(|it| share(*it)).sum();
        let step = (most_width / total.max(1.0)).min(height * 1.04);
        let stretch = (step / height).min(1.0);
        let mut x = middle.0 - step * total / 2.0;
        for character in text {
            let width = step * share(*character);
            let spot = Spot { x: x + width / 2.0, y: middle.1 + height * 0.37, turn: 0.0 };
            self.character(*character, &spot, (stretch, 1.0), height, family);
            x += width;
        }
    }

    /// One character that fills a cell.
    fn character_in(&mut self, character: char, middle: (f64, f64), width: f64, height: f64) {
        let spot = Spot { x: middle.0, y: middle.1 + height * 0.385, turn: 0.0 };
        self.character(character, &spot, (width / height, 1.0), height, SERIF);
    }

    fn character(&mut self, character: char, spot: &Spot, stretch: (f64, f64), height: f64, family: &str) {
        let Spot { x, y, turn } = spot;
        let (across, down) = stretch;
        if !character.is_whitespace() {
            self.characters.push(character);
        }
        let shown = match character {
            '<' => "&lt;".to_owned(),
            '&' => "&amp;".to_owned(),
            other => other.to_string(),
        };
        self.put(format_args!(
            "<text transform='translate({x:.3} {y:.3}) rotate({turn:.4}) scale({across:.4} {down})' text-anchor='middle' \
             font-family=\"{family}\" font-weight='700' font-size='{height:.2}'>{shown}</text>"
        ));
    }

    fn put(&mut self, drawn: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(drawn);
    }
}

/// How much room a character takes, of a Chinese one's.
fn share(character: char) -> f64 {
    match character {
        '(' | ')' => 0.5,
        ' ' | '·' | '-' | '.' => 0.45,
        'W' | 'M' | '&' => 0.9,
        other if other.is_ascii() => 0.64,
        _ => 1.0,
    }
}

/// The characters of a text that must be there.
fn checked(text: &str) -> Result<Vec<char>> {
    let characters = checked_or_empty(text)?;
    if characters.is_empty() { Err(Error::BadSeal { what: "its text is empty" }) } else { Ok(characters) }
}

/// The characters of a text. Wide brackets and spaces, which have their ink on one side, become narrow ones.
fn checked_or_empty(text: &str) -> Result<Vec<char>> {
    let narrow = |character| match character {
        '（' => '(',
        '）' => ')',
        '\u{3000}' => ' ',
        other => other,
    };
    let characters: Vec<char> = text.trim().chars().map(narrow).collect();
    if characters.len() > LONGEST {
        return Err(Error::BadSeal { what: "its text is longer than 40 characters" });
    }
    if characters.iter().any(|it| it.is_control()) {
        return Err(Error::BadSeal { what: "its text has characters that cannot be drawn" });
    }
    Ok(characters)
}

/// Each character has to have come from some font.
fn check_characters(wanted: &[char], tree: &Tree) -> Result<()> {
    let mut drawn = Vec::new();
    collect_characters(tree.root(), &mut drawn);
    let missing = wanted.iter().find(|character| !drawn.contains(*character));
    missing.map_or(Ok(()), |character| Err(Error::NoFont { character: *character }))
}

fn collect_characters(group: &Group, drawn: &mut Vec<char>) {
    for node in group.children() {
        match node {
            Node::Group(group) => collect_characters(group, drawn),
            Node::Text(text) => {
                let mut glyphs = text.layouted().iter().flat_map(|span| &span.positioned_glyphs);
                if glyphs.any(|glyph| glyph.id.0 != 0) {
                    drawn.extend(text.chunks().iter().flat_map(|chunk| chunk.text().chars()));
                }
            }
            Node::Path(_) | Node::Image(_) => {}
        }
    }
}
