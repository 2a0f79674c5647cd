//! Which member of an object comes next: the same producer writes the same keys in the same order.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::cursor::Cursor;

const MOST_LEARNED: usize = 2_048;
const LONGEST_LEARNED: usize = 256;

/// Keys with what to do with them, and the order in which they came last time, with their quotes.
pub struct KeyOrder<T> {
    known: HashMap<Box<[u8]>, T, RandomState>,
    expected: Vec<(Box<[u8]>, T)>,
    unknown: T,
}

impl<T: Copy> KeyOrder<T> {
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, T)>, unknown: T) -> Self {
        let known: HashMap<Box<[u8]>, T, RandomState> =
            keys.into_iter().map(|(key, value)| (key.as_bytes().into(), value)).collect();
        Self { known, expected: Vec::new(), unknown }
    }

    /// What to do with the key at hand; `place` counts the members of the object.
    #[inline]
    pub fn next(&mut self, cursor: &mut Cursor, place: &mut usize) -> Option<T> {
        for ahead in *place..*place + 2 {
            let Some((key, value)) = self.expected.get(ahead) else { break };
            if cursor.rest().starts_with(key) {
                cursor.advance(key.len());
                *place = ahead + 1;
                return Some(*value);
            }
        }
        self.learn(cursor, place)
    }

    #[cold]
    fn learn(&mut self, cursor: &mut Cursor, place: &mut usize) -> Option<T> {
        let key = cursor.text()?;
        let value = self.known.get(key).copied().unwrap_or(self.unknown);
        if *place <= self.expected.len() && *place < MOST_LEARNED && key.len() <= LONGEST_LEARNED {
            let expected = ([b"\"", key, b"\""].concat().into(), value);
            if let Some(old) = self.expected.get_mut(*place) {
                *old = expected;
            } else {
                self.expected.push(expected);
            }
        }
        *place += 1;
        Some(value)
    }
}
