//! A place in a message, and the strict JSON around it: RFC 8259 without control characters and deep nesting, and with
//! escapes only in long texts.

use std::borrow::Cow;

use crate::number::{self, Number};

const DEEPEST: u32 = 16;
const QUOTES: u64 = 0x2222_2222_2222_2222;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A JSON value that is no array and no object; numbers with the bytes that they were written as.
pub enum Scalar<'a> {
    Null,
    Boolean(bool),
    Text(&'a [u8]),
    Number(Number, &'a [u8]),
}

/// Reads forward through a message. Whatever returns an option returns None for what it does not expect.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether there is a backslash anywhere: else a text ends at the next quote.
    has_escapes: bool,
}

impl<'a> Cursor<'a> {
    /// None when a message has a control character, or is not UTF-8.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let (mut control, mut escape, mut high) = (false, false, 0u8);
        for chunk in bytes.chunks(64) {
            let (mut control_here, mut escape_here, mut high_here) = (0u8, 0u8, 0u8);
            for &byte in chunk {
                control_here |= u8::from(byte < 0x20);
                escape_here |= u8::from(byte == b'\\');
                high_here |= byte;
            }
            control |= control_here != 0;
            escape |= escape_here != 0;
            high |= high_here;
        }
        let is_text = !control && (high < 0x80 || std::str::from_utf8(bytes).is_ok());
        is_text.then_some(Self { bytes, at: 0, has_escapes: escape })
    }

    /// The byte at hand; 0 at the end, which no plain message contains.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    #[inline]
    pub fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    pub fn spaces(&mut self) {
        while self.peek() == b' ' {
            self.at += 1;
        }
    }

    #[inline]
    pub fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek() == byte).then(|| self.at += 1)
    }

    /// A colon between key and value.
    #[inline]
    pub fn colon(&mut self) -> Option<()> {
        self.spaces();
        self.expect(b':')?;
        self.spaces();
        Some(())
    }

    /// Behind a member: true when another one follows, false when the object (or array) has ended.
    #[inline]
    pub fn another(&mut self, end: u8) -> Option<bool> {
        self.spaces();
        let byte = self.peek();
        self.at += 1;
        match byte {
            b',' => {
                self.spaces();
                Some(true)
            }
            _ => (byte == end).then_some(false),
        }
    }

    /// Nothing but spaces is left.
    pub fn end(&mut self) -> Option<()> {
        self.spaces();
        (self.at == self.bytes.len()).then_some(())
    }

    /// The inside of a text that has no escape.
    #[inline]
    pub fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let rest = self.rest();
        let length = quote_in(rest)?;
        self.at += length + 1;
        let text = rest.get(..length)?;
        (!self.has_escapes || !text.contains(&b'\\')).then_some(text)
    }

    /// A text as people read it, without its escapes.
    pub fn long_text(&mut self) -> Option<Cow<'a, str>> {
        let before = *self;
        if let Some(text) = self.text() {
            return std::str::from_utf8(text).ok().map(Cow::Borrowed);
        }
        *self = before;
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            let byte = self.peek();
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(text).ok().map(Cow::Owned),
                b'\\' => self.escape(&mut text)?,
                0 => return None,
                _ => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let byte = self.peek();
        self.at += 1;
        text.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.code_point(text),
            _ => return None,
        });
        Some(())
    }

    /// Four digits, or a surrogate pair; half a pair is left to the safe path.
    fn code_point(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let first = self.four_digits()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            self.word(b"\\u")?;
            let second = self.four_digits()?;
            (0xDC00..0xE000).contains(&second).then(|| 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))?
        } else {
            first
        };
        text.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    }

    fn four_digits(&mut self) -> Option<u32> {
        let mut code = 0;
        for &digit in self.rest().get(..4)? {
            code = code * 16 + char::from(digit).to_digit(16)?;
        }
        self.at += 4;
        Some(code)
    }

    #[inline]
    pub fn number(&mut self) -> Option<Number> {
        let number = number::read(self.rest())?;
        self.at += number.length;
        Some(number)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    #[inline]
    pub fn null(&mut self) -> Option<()> {
        self.word(b"null")
    }

    /// A number as float; NaN for null.
    #[inline]
    pub fn number_or_null(&mut self) -> Option<f64> {
        if self.peek() == b'n' {
            return self.null().map(|()| f64::NAN);
        }
        self.number().map(|number| number.value)
    }

    /// What Python's json writes for a missing number; strict JSON has no such word.
    pub fn nan(&mut self) -> Option<()> {
        self.word(b"NaN")
    }

    #[inline]
    pub fn scalar(&mut self) -> Option<Scalar<'a>> {
        match self.peek() {
            b'"' => self.text().map(Scalar::Text),
            b'n' => self.null().map(|()| Scalar::Null),
            b't' => self.word(b"true").map(|()| Scalar::Boolean(true)),
            b'f' => self.word(b"false").map(|()| Scalar::Boolean(false)),
            _ => {
                let rest = self.rest();
                let number = self.number()?;
                let written = rest.get(..number.length)?;
                Some(Scalar::Number(number, written))
            }
        }
    }

    /// Pass over any value that is strictly right.
    pub fn skip(&mut self) -> Option<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u32) -> Option<()> {
        let (open, close) = match self.peek() {
            b'{' => (b'{', b'}'),
            b'[' => (b'[', b']'),
            _ => return self.scalar().map(|_| ()),
        };
        if depth == DEEPEST {
            return None;
        }
        self.at += 1;
        self.spaces();
        if self.peek() == close {
            self.at += 1;
            return Some(());
        }
        loop {
            if open == b'{' {
                self.text()?;
                self.colon()?;
            }
            self.skip_at(depth + 1)?;
            if !self.another(close)? {
                return Some(());
            }
        }
    }
}

/// Where the first quote is: eight bytes at a time (Mycroft's test for a zero byte).
#[inline]
fn quote_in(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().ok()?) ^ QUOTES;
        let found = word.wrapping_sub(ONES) & !word & HIGHS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    bytes.get(at..)?.iter().position(|&byte| byte == b'"').map(|more| at + more)
}
