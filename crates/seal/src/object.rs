//! PDF objects as values of their own. Numbers, strings and names keep the text they were written with, so that what is
//! written again is the same byte for byte: earlier signatures hang on it.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::error::{Error, Result};

/// Deeper nesting than this is not read; real documents stay below ten.
const DEEPEST: usize = 64;

/// One object has no more parts than this; it keeps a hostile file from filling the memory.
const MOST_PARTS: usize = 500_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    pub number: u32,
    pub generation: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    Null,
    Boolean(bool),
    Number(Number),
    String(Text),
    Name(Name),
    Array(Vec<Object>),
    Dictionary(Dictionary),
    Reference(ObjectId),
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(Box<[u8]>);

/// A string as it was written, brackets included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Box<[u8]>);

/// A name as it was written, without its slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Box<[u8]>);

/// Keys and values in the order of the file. No key comes twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dictionary(Vec<(Name, Object)>);

impl Object {
    pub fn name(name: &str) -> Self {
        Self::Name(Name(name.as_bytes().into()))
    }

    pub fn integer(value: i64) -> Self {
        Self::Number(Number(value.to_string().into_bytes().into()))
    }

    /// Up to four decimals, without needless zeros; never an exponent, which PDF does not know.
    pub fn real(value: f64) -> Self {
        let text = format!("{value:.4}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let text = if text == "-0" || text.is_empty() { "0" } else { text };
        Self::Number(Number(text.as_bytes().into()))
    }

    pub fn reals(values: impl IntoIterator<Item = f64>) -> Self {
        Self::Array(values.into_iter().map(Self::real).collect())
    }

    /// A string of bytes, written in hexadecimal digits.
    pub fn bytes(bytes: &[u8]) -> Self {
        let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
        Self::String(Text(format!("<{}>", digits.collect::<String>()).into_bytes().into()))
    }

    /// A string for people: as it is where ASCII suffices, UTF-16 with its mark elsewhere.
    pub fn text(text: &str) -> Self {
        if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Self::bytes(text.as_bytes());
        }
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        Self::bytes(&[0xfe, 0xff].into_iter().chain(units).collect::<Vec<u8>>())
    }

    pub fn as_dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(it) => Some(it),
            Self::Null
            | Self::Boolean(_)
            | Self::Number(_)
            | Self::String(_)
            | Self::Name(_)
            | Self::Array(_)
            | Self::Reference(_) => None,
        }
    }

    pub fn into_dictionary(self) -> Option<Dictionary> {
        if let Self::Dictionary(it) = self { Some(it) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Object]> {
        if let Self::Array(it) = self { Some(it) } else { None }
    }

    pub fn as_reference(&self) -> Option<ObjectId> {
        if let Self::Reference(it) = self { Some(*it) } else { None }
    }

    pub fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(it) = self { Some(*it) } else { None }
    }

    /// A whole number; `12.0` counts as one.
    pub fn as_integer(&self) -> Option<i64> {
        let value = self.as_real()?;
        let whole = value.fract() == 0.0 && value.abs() < 9e15;
        whole.then_some(value as i64)
    }

    pub fn as_real(&self) -> Option<f64> {
        if let Self::Number(it) = self { it.value() } else { None }
    }

    /// The decoded bytes of a name.
    pub fn as_name(&self) -> Option<Cow<'_, [u8]>> {
        if let Self::Name(it) = self { Some(it.decoded()) } else { None }
    }

    pub fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(it) if it.is(name))
    }

    /// The decoded bytes of a string.
    pub fn as_bytes(&self) -> Option<Vec<u8>> {
        if let Self::String(it) = self { Some(it.decoded()) } else { None }
    }

    /// A string for people, with what is not readable replaced.
    pub fn as_text(&self) -> Option<String> {
        let bytes = self.as_bytes()?;
        Some(match bytes.strip_prefix(&[0xfe, 0xff]) {
            Some(units) => {
                let units =
                    units.chunks_exact(2).map(|pair| pair.iter().fold(0, |a, b| a << 8 | u16::from(*b)));
                char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            None => match std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
            },
        })
    }

    /// Appends the object as it stands in a file.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Boolean(true) => out.extend_from_slice(b"true"),
            Self::Boolean(false) => out.extend_from_slice(b"false"),
            Self::Number(it) => out.extend_from_slice(&it.0),
            Self::String(it) => out.extend_from_slice(&it.0),
            Self::Name(it) => it.write(out),
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b' ');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Dictionary(it) => it.write(out),
            Self::Reference(id) => {
                out.extend_from_slice(format!("{} {} R", id.number, id.generation).as_bytes())
            }
        }
    }
}

impl From<ObjectId> for Object {
    fn from(id: ObjectId) -> Self {
        Self::Reference(id)
    }
}

impl From<Dictionary> for Object {
    fn from(dictionary: Dictionary) -> Self {
        Self::Dictionary(dictionary)
    }
}

impl Number {
    fn value(&self) -> Option<f64> {
        let text = std::str::from_utf8(&self.0).ok()?;
        text.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

impl Text {
    fn decoded(&self) -> Vec<u8> {
        match self.0.strip_prefix(b"(") {
            Some(inner) => decode_literal(inner.strip_suffix(b")").unwrap_or(inner)),
            None => decode_hexadecimal(&self.0),
        }
    }
}

impl Name {
    pub fn is(&self, name: &str) -> bool {
        *self.decoded() == *name.as_bytes()
    }

    /// The name with its `#xx` resolved.
    pub fn decoded(&self) -> Cow<'_, [u8]> {
        if !self.0.contains(&b'#') {
            return Cow::Borrowed(&self.0);
        }
        let mut decoded = Vec::with_capacity(self.0.len());
        let mut rest: &[u8] = &self.0;
        while let Some((first, after)) = rest.split_first() {
            let pair = after.first().zip(after.get(1)).and_then(|(a, b)| Some(digit(*a)? << 4 | digit(*b)?));
            match pair.filter(|_| *first == b'#') {
                Some(byte) => {
                    decoded.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => {
                    decoded.push(*first);
                    rest = after;
                }
            }
        }
        Cow::Owned(decoded)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'/');
        out.extend_from_slice(&self.0);
    }
}

impl Dictionary {
    pub fn new() -> Self {
        Self::default()
    }

    /// The value as it stands there, which may be a reference.
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.0.iter().find(|(name, _)| name.is(key)).map(|(_, value)| value)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Puts a value in the place of the old one, or at the end.
    pub fn set(&mut self, key: &str, value: impl Into<Object>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name.is(key)) {
            Some((_, old)) => *old = value,
            None => self.0.push((Name(key.as_bytes().into()), value)),
        }
    }

    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Object>) -> Self {
        self.set(key, value);
        self
    }

    pub fn remove(&mut self, key: &str) -> Option<Object> {
        let index = self.0.iter().position(|(name, _)| name.is(key))?;
        Some(self.0.remove(index).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Object)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<<");
        for (name, value) in &self.0 {
            name.write(out);
            out.push(b' ');
            value.write(out);
            out.push(b' ');
        }
        if out.last() == Some(&b' ') {
            out.pop();
        }
        out.extend_from_slice(b">>");
    }
}

/// Reads objects from bytes. Strict: what does not read as the specification says is refused rather than guessed.
pub struct Parser<'a> {
    bytes: &'a [u8],
    pub at: usize,
    parts: usize,
}

/// An object with its number, and where the bytes of its stream begin if it is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub id: ObjectId,
    pub object: Object,
    pub stream_at: Option<usize>,
}

impl<'a> Parser<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, parts: 0 }
    }

    /// `12 0 obj …`, up to `endobj` or to the first byte of the stream.
    pub fn indirect(&mut self) -> Result<Header> {
        let id = self.object_id()?;
        let object = self.object()?;
        self.skip_space();
        let stream_at = self.take(b"stream").then(|| {
            // After the word comes CR LF or LF; a lone CR is wrong and still found.
            if !self.take(b"\r\n") && !self.take(b"\n") {
                self.take(b"\r");
            }
            self.at
        });
        if stream_at.is_none() && !self.take(b"endobj") {
            return Err(Error::damaged("an object does not end"));
        }
        Ok(Header { id, object, stream_at })
    }

    /// `12 0 obj`
    pub fn object_id(&mut self) -> Result<ObjectId> {
        let id = self.two_integers().filter(|_| self.word(b"obj"));
        id.ok_or(Error::damaged("an object is not where it should be"))
    }

    pub fn object(&mut self) -> Result<Object> {
        self.object_at_depth(0)
    }

    /// A whole number without sign, as in tables of references.
    pub fn unsigned(&mut self) -> Option<u64> {
        self.skip_space();
        let digits = self.run(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 19 {
            return None;
        }
        Some(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
    }

    /// Whether this word comes next; goes past it if so.
    pub fn word(&mut self, word: &[u8]) -> bool {
        self.skip_space();
        self.take(word)
    }

    /// Whether these bytes come next, after white space alone; goes past them if so.
    pub(crate) fn bytes_after_space(&mut self, bytes: &[u8]) -> bool {
        self.run(is_space);
        self.take(bytes)
    }

    /// Goes past white space and comments.
    pub fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                self.run(|byte| byte != b'\n' && byte != b'\r');
            } else if is_space(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn object_at_depth(&mut self, depth: usize) -> Result<Object> {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST_PARTS {
            return Err(Error::damaged("an object has too many parts"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'/') => self.name().map(Object::Name),
            Some(b'(') => self.literal().map(Object::String),
            Some(b'[') => self.array(depth),
            Some(b'<') if self.peek_at(1) == Some(b'<') => self.dictionary(depth).map(Object::Dictionary),
            Some(b'<') => self.hexadecimal().map(Object::String),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number_or_reference(),
            Some(b't') if self.take(b"true") => Ok(Object::Boolean(true)),
            Some(b'f') if self.take(b"false") => Ok(Object::Boolean(false)),
            Some(b'n') if self.take(b"null") => Ok(Object::Null),
            Some(_) | None => Err(Error::damaged("an object cannot be read")),
        }
    }

    fn number_or_reference(&mut self) -> Result<Object> {
        let before = self.at;
        if let Some(id) = self.two_integers()
            && self.word(b"R")
            && self.peek().is_none_or(|byte| !is_regular(byte))
        {
            return Ok(Object::Reference(id));
        }
        self.at = before;
        let source = self.run(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.'));
        let ends = self.peek().is_none_or(|byte| !is_regular(byte));
        let number = Number(source.into());
        if ends && number.value().is_some() {
            Ok(Object::Number(number))
        } else {
            Err(Error::damaged("a number cannot be read"))
        }
    }

    fn two_integers(&mut self) -> Option<ObjectId> {
        let number = u32::try_from(self.unsigned()?).ok()?;
        let generation = u16::try_from(self.unsigned()?).ok()?;
        Some(ObjectId { number, generation })
    }

    fn name(&mut self) -> Result<Name> {
        self.at += 1;
        Ok(Name(self.run(is_regular).into()))
    }

    fn array(&mut self, depth: usize) -> Result<Object> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.take(b"]") {
                return Ok(Object::Array(items));
            }
            items.push(self.object_at_depth(depth + 1)?);
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary> {
        self.at += 2;
        let mut dictionary = Dictionary::default();
        loop {
            self.skip_space();
            if self.take(b">>") {
                // Programs differ in which of two equal keys they believe, and that must not be ours to choose.
                let keys: HashSet<Cow<'_, [u8]>> =
                    dictionary.0.iter().map(|(name, _)| name.decoded()).collect();
                let twice = keys.len() < dictionary.0.len();
                return if twice {
                    Err(Error::damaged("a dictionary has a key twice"))
                } else {
                    Ok(dictionary)
                };
            }
            if self.peek() != Some(b'/') {
                return Err(Error::damaged("a dictionary cannot be read"));
            }
            let name = self.name()?;
            let value = self.object_at_depth(depth + 1)?;
            dictionary.0.push((name, value));
        }
    }

    fn literal(&mut self) -> Result<Text> {
        let start = self.at;
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return self.text_from(start);
            }
        }
        Err(Error::damaged("a string does not end"))
    }

    fn hexadecimal(&mut self) -> Result<Text> {
        let start = self.at;
        self.at += 1;
        self.run(|byte| byte.is_ascii_hexdigit() || is_space(byte));
        if self.take(b">") { self.text_from(start) } else { Err(Error::damaged("a string does not end")) }
    }

    fn text_from(&self, start: usize) -> Result<Text> {
        let source = self.bytes.get(start..self.at).ok_or(Error::damaged("a string does not end"))?;
        Ok(Text(source.into()))
    }

    fn take(&mut self, word: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += word.len();
        }
        found
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]{}/%".contains(&byte)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn decode_hexadecimal(source: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = source.iter().filter_map(|byte| digit(*byte)).collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |a, b| a << 4 | b) << if pair.len() == 1 { 4 } else { 0 })
        .collect()
}

fn decode_literal(source: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(source.len());
    let mut bytes = source.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                decoded.push(b'\n');
            }
            b'\\' => match bytes.next() {
                Some(b'n') => decoded.push(b'\n'),
                Some(b'r') => decoded.push(b'\r'),
                Some(b't') => decoded.push(b'\t'),
                Some(b'b') => decoded.push(8),
                Some(b'f') => decoded.push(12),
                Some(b'\r') => {
                    bytes.next_if_eq(&b'\n');
                }
                Some(b'\n') | None => {}
                Some(first @ b'0'..=b'7') => {
                    let mut value = u32::from(first - b'0');
                    for _ in 0..2 {
                        let next = bytes.next_if(|byte| matches!(byte, b'0'..=b'7'));
                        value = next.map_or(value, |digit| value * 8 + u32::from(digit - b'0'));
                    }
                    decoded.push((value & 0xff) as u8);
                }
                Some(other) => decoded.push(other),
            },
            other => decoded.push(other),
        }
    }
    decoded
}
