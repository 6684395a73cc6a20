//! DER as bytes: elements are read where they stand and written from their parts. Nothing that came from outside is
//! ever encoded anew, because signatures are over the bytes as they were.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BITS: u8 = 0x03;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8: u8 = 0x0c;
pub(crate) const PRINTABLE: u8 = 0x13;
pub(crate) const IA5: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BMP: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Nothing that is read here has more parts; it keeps hostile files from filling the memory.
const MOST_CHILDREN: usize = 4_096;

/// The tag of `[number]` around other elements.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One element: its tag, what is in it, and all its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element of `bytes` and what comes after it. Lengths that are not definite are refused, as DER does.
    pub fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (tag, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (length, rest) = match *length {
            short @ 0..=0x7f => (usize::from(short), rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let (whole, _) = bytes.split_at_checked(bytes.len() - rest.len())?;
        // Tags of more than one byte occur nowhere in what is read here.
        (tag & 0x1f != 0x1f).then_some((Self { tag: *tag, content, whole }, rest))
    }

    /// The element that is all of `bytes`.
    pub fn only(bytes: &'a [u8], tag: u8) -> Option<Self> {
        let (element, rest) = Self::first(bytes)?;
        if rest.is_empty() { element.tagged(tag) } else { None }
    }

    pub fn tagged(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }

    /// The elements inside.
    pub fn children(&self) -> Option<Vec<Element<'a>>> {
        let mut rest = self.content;
        let mut children = Vec::new();
        while !rest.is_empty() {
            let (child, after) = Self::first(rest)?;
            children.push(child);
            rest = after;
            if children.len() > MOST_CHILDREN {
                return None;
            }
        }
        Some(children)
    }

    /// The elements of a sequence, to be taken one after another.
    pub fn fields(self) -> Option<Fields<'a>> {
        Some(Fields(self.tagged(SEQUENCE)?.children()?.into_iter().peekable()))
    }

    /// The single element inside.
    pub fn inner(&self, tag: u8) -> Option<Element<'a>> {
        Self::only(self.content, tag)
    }

    /// A whole number that is not negative and fits.
    pub fn as_u64(&self) -> Option<u64> {
        let digits = self.tagged(INTEGER)?.content;
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        let fits = digits.len() <= 8 && self.content.first().is_some_and(|first| *first < 0x80);
        fits.then(|| digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit)))
    }

    /// The bytes of a bit string whose bits fill them.
    pub fn as_bits(&self) -> Option<&'a [u8]> {
        self.tagged(BITS)?.content.strip_prefix(&[0])
    }
}

/// What is in a sequence, in order; optional elements are taken if they are there.
pub(crate) struct Fields<'a>(std::iter::Peekable<std::vec::IntoIter<Element<'a>>>);

impl<'a> Fields<'a> {
    pub fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.0.next()?.tagged(tag)
    }

    pub fn take_if(&mut self, tag: u8) -> Option<Element<'a>> {
        self.0.next_if(|it| it.tag == tag)
    }

    pub fn any(&mut self) -> Option<Element<'a>> {
        self.0.next()
    }
}

/// An element of `parts`, one after another.
pub(crate) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
    } else {
        let digits = length.to_be_bytes();
        let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        out.extend_from_slice(&digits);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    write(SEQUENCE, parts)
}

/// A set, whose elements DER wants in the order of their bytes.
pub(crate) fn set(tag: u8, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    write(tag, &elements.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub(crate) fn oid(content: &[u8]) -> Vec<u8> {
    write(OID, &[content])
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    write(OCTETS, &[content])
}

/// A whole number that is not negative, from its big-endian bytes.
pub(crate) fn natural(bytes: &[u8]) -> Vec<u8> {
    let significant = bytes.iter().position(|byte| *byte != 0).and_then(|at| bytes.get(at..)).unwrap_or(&[0]);
    let sign: &[u8] = if significant.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    write(INTEGER, &[sign, significant])
}

pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    write(BITS, &[&[0], bytes])
}

pub(crate) fn null() -> Vec<u8> {
    vec![0x05, 0]
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    write(UTF8, &[text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let written = octets(&content);
            assert_eq!(Element::only(&written, OCTETS).map(|it| it.content), Some(content.as_slice()));
        }
        let value = natural(&[0, 0, 0x81, 2]);
        assert_eq!(value, [INTEGER, 3, 0, 0x81, 2]);
        assert_eq!(Element::only(&value, INTEGER).and_then(|it| it.as_u64()), Some(0x8102));
        assert_eq!(natural(&[]), [INTEGER, 1, 0]);
    }

    #[test]
    fn lengths_that_are_not_der_are_refused() {
        for bytes in [
            &[0x30_u8, 0x80, 0, 0] as &[u8],
            &[0x30, 2, 1],
            &[0x30],
            &[],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x1f, 0],
        ] {
            assert_eq!(Element::first(bytes), None, "{bytes:?}");
        }
    }
}
