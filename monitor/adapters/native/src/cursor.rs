//! A place in a message, and the strict JSON around it: RFC 8259 without escapes, control characters and deep nesting.

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

/// True when a message has no escape, no control character and is UTF-8: then a text ends at the next quote.
pub fn is_plain(message: &[u8]) -> bool {
    let (mut odd, mut high) = (false, 0u8);
    for chunk in message.chunks(64) {
        let (mut odd_here, mut high_here) = (0u8, 0u8);
        for &byte in chunk {
            odd_here |= u8::from(byte < 0x20) | u8::from(byte == b'\\');
            high_here |= byte;
        }
        odd |= odd_here != 0;
        high |= high_here;
    }
    !odd && (high < 0x80 || std::str::from_utf8(message).is_ok())
}

/// Reads forward through a plain message. Whatever returns an option returns None for what it does not expect.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
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

    /// The inside of a text.
    #[inline]
    pub fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let rest = self.rest();
        let length = quote_in(rest)?;
        self.at += length + 1;
        rest.get(..length)
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
