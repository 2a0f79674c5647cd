//! Which member of an object comes next: the same producer writes the same keys in the same order.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::cursor::Cursor;

const MOST_LEARNED: usize = 2_048;
const LONGEST_LEARNED: usize = 256;
const MOST_BYTES: usize = 1 << 16;

/// Keys with what to do with them, and the order in which they came last time.
pub struct KeyOrder<T> {
    known: HashMap<Box<[u8]>, T, RandomState>,
    expected: Vec<Expected<T>>,
    /// The expected keys one behind the other, so that few cache lines hold them.
    bytes: Vec<u8>,
    unknown: T,
}

/// A key with its quotes, so that it is compared at once.
#[derive(Clone, Copy)]
struct Expected<T> {
    start: u32,
    length: u32,
    value: T,
}

impl<T: Copy> KeyOrder<T> {
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, T)>, unknown: T) -> Self {
        let known: HashMap<Box<[u8]>, T, RandomState> =
            keys.into_iter().map(|(key, value)| (key.as_bytes().into(), value)).collect();
        Self { known, expected: Vec::new(), bytes: Vec::new(), unknown }
    }

    /// What to do with the key at hand; `place` counts the members of the object.
    #[inline]
    pub fn next(&mut self, cursor: &mut Cursor, place: &mut usize) -> Option<T> {
        for ahead in *place..*place + 2 {
            let Some(expected) = self.expected.get(ahead) else { break };
            let (start, length) = (expected.start as usize, expected.length as usize);
            if self.bytes.get(start..start + length).is_some_and(|key| cursor.rest().starts_with(key)) {
                cursor.advance(length);
                *place = ahead + 1;
                return Some(expected.value);
            }
        }
        self.learn(cursor, place)
    }

    #[cold]
    fn learn(&mut self, cursor: &mut Cursor, place: &mut usize) -> Option<T> {
        let key = cursor.text()?;
        let value = self.known.get(key).copied().unwrap_or(self.unknown);
        if *place <= self.expected.len() && *place < MOST_LEARNED && key.len() <= LONGEST_LEARNED {
            self.expect(*place, key, value);
        }
        *place += 1;
        Some(value)
    }

    /// Expect the key there from now on. What it replaces stays among the bytes until they are too many.
    fn expect(&mut self, place: usize, key: &[u8], value: T) {
        if self.bytes.len() > MOST_BYTES {
            self.bytes.clear();
            self.expected.clear();
        }
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(key.len() + 2)) else { return };
        self.bytes.extend([b"\"", key, b"\""].concat());
        let expected = Expected { start, length, value };
        if let Some(old) = self.expected.get_mut(place) {
            *old = expected;
        } else if place == self.expected.len() {
            self.expected.push(expected);
        }
    }
}
