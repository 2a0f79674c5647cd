"""Texts as descriptors: how long, of which words and letters, how readable."""

import string
import unicodedata
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.domain.derived import SCRIPT, TEXT_NUMBERS, WORD, TextColumn
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, Mask, NumericColumn

MOST_CHARACTERS = 10_000
"""Of a longer text the first so many are looked at; its number of characters is that of the whole."""

LONGEST_WORD = 40

_LETTER, _UPPER, _DIGIT, _STOP, _BLANK = 1, 2, 4, 8, 16
_TABLE = 0x30000
_STOPS = ".!?\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH QUESTION MARK}\N{DEVANAGARI DANDA}"
_TYPOGRAPHIC = (0xAB, 0xBB, *range(0x2010, 0x2028), 0x3001, 0xFF0C)
_PUNCTUATION = string.punctuation + _STOPS + "".join(map(chr, _TYPOGRAPHIC))
"""What does not belong to a word at its ends."""

_SCRIPTS: tuple[tuple[int, str], ...] = (
    (0x0000, "latin"), (0x0370, "greek"), (0x0400, "cyrillic"), (0x0530, "armenian"), (0x0590, "hebrew"),
    (0x0600, "arabic"), (0x0900, "devanagari"), (0x0980, "indic"), (0x0E00, "thai"), (0x0E80, "other"),
    (0x10A0, "georgian"), (0x1100, "hangul"), (0x1200, "other"), (0x1E00, "latin"), (0x1F00, "greek"),
    (0x2000, "other"), (0x2C60, "latin"), (0x2C80, "other"), (0x3040, "kana"), (0x3100, "other"), (0x3400, "han"),
    (0xA000, "other"), (0xA720, "latin"), (0xA800, "other"), (0xAC00, "hangul"), (0xD800, "other"), (0xF900, "han"),
    (0xFB00, "latin"), (0xFB1D, "hebrew"), (0xFB50, "arabic"), (0xFE00, "other"), (0xFF21, "latin"),
    (0xFF66, "kana"), (0xFFA0, "hangul"), (0xFFDD, "other"), (0x20000, "han"), (0x30000, "other"),
)  # fmt: skip
"""Where blocks of code points begin, and whose letters they hold: as many as tell most languages' scripts apart."""

_NAMES = tuple(sorted({name for _, name in _SCRIPTS}))
NO_LETTERS = "no letters"


def text_columns(spec: TextColumn, values: Sequence[object]) -> dict[str, Column]:
    """The descriptors of each; None is missing, and what is no text is invalid.

    Shares are of the characters that are no blanks. Words are what stands between blanks, without punctuation at its
    ends (of Chinese or Thai, which leave no blanks, whole clauses). Readability is the Automated Readability Index,
    4.71 x characters per word + 0.5 x words per sentence - 21.43 (Senter & Smith 1967): about the school year that it
    takes. `word` is one word of the
    text, chosen by a checksum of it: its new values are what share of words the baseline does not know.
    """
    texts = [value if isinstance(value, str) else None for value in values]
    wrong = np.array([text is None and not _is_missing(v) for text, v in zip(texts, values, strict=True)], np.bool_)
    invalid = wrong if wrong.any() else None
    known = np.array([k for k, text in enumerate(texts) if text is not None], np.int64)
    some = [text for text in texts if text is not None]
    words = [_words(text) for text in some]
    numbers, scripts = _described(some, words)
    found: dict[str, Column] = {}
    for k, name in enumerate(TEXT_NUMBERS):
        column = np.full(len(texts), np.nan)
        column[known] = numbers[k]
        found[f"{spec.column}.{name}"] = NumericColumn(column, invalid)
    found[f"{spec.column}.{SCRIPT}"] = CategoricalColumn(_spread(scripts, known, len(texts)), invalid)
    if spec.words:
        chosen = list(map(_one_of, some, words))
        found[f"{spec.column}.{WORD}"] = CategoricalColumn(_spread(chosen, known, len(texts)), invalid)
    return found


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def _spread(values: Sequence[str | None], places: Ints, n: int) -> list[str | None]:
    found: list[str | None] = [None] * n
    for value, place in zip(values, places.tolist(), strict=True):
        found[place] = value
    return found


def _described(texts: Sequence[str], words: Sequence[Sequence[str]]) -> tuple[Floats, list[str]]:
    """Shape (descriptors, texts), and the scripts."""
    if not texts:
        return np.empty((len(TEXT_NUMBERS), 0)), []
    cut = [text[:MOST_CHARACTERS] for text in texts]
    sizes = np.array([len(text) + 1 for text in cut], np.int64)
    starts = np.concatenate(([0], sizes.cumsum()[:-1]))
    code_points = np.frombuffer(" ".join([*cut, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
    flags = _table()[np.minimum(code_points, _TABLE)]
    letters, upper, digits, blanks = (_total(flags & flag, starts) for flag in (_LETTER, _UPPER, _DIGIT, _BLANK))
    sentences = np.maximum(_total(_begins((flags & _STOP) > 0), starts), 1)
    shown = sizes - blanks  # the blank behind each text is one of them
    number = np.array([len(some) for some in words], np.float64)
    distinct = np.array([len(set(some)) for some in words], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):  # no words, no letters: NaN, which is missing
        word_length = np.where(number > 0, (letters + digits) / number, np.nan)
        readability = 4.71 * word_length + 0.5 * number / sentences - 21.43
        shares = letters / shown, digits / shown, upper / letters
        distinct_share = distinct / number
    length = np.array([len(text) for text in texts], np.float64)
    found = np.array([length, number, sentences, word_length, distinct_share, *shares, readability])
    return found, _scripts(code_points, (flags & _LETTER) > 0, starts)


def _total(mask: NDArray[Any], starts: Ints) -> Floats:
    """How many of each text's characters it holds for."""
    return np.add.reduceat(mask > 0, starts, dtype=np.int64).astype(np.float64)


def _begins(mask: Mask) -> Mask:
    """Where runs begin; texts are apart, as a blank stands between them."""
    begins = mask.copy()
    begins[1:] &= ~mask[:-1]
    return begins


def _scripts(code_points: NDArray[np.uint32], is_letter: Mask, starts: Ints) -> list[str]:
    """The script of most letters of each text."""
    counts = np.zeros((len(starts), len(_NAMES)), np.int64)
    is_first = code_points < _SCRIPTS[1][0]  # nearly all letters of nearly all texts
    counts[:, _SCRIPT_OF[0]] = _total(is_letter & is_first, starts)
    places = np.flatnonzero(is_letter & ~is_first)
    of_text = np.searchsorted(starts, places, side="right") - 1
    block = np.searchsorted(_FIRST, code_points[places], side="right") - 1
    np.add.at(counts, (of_text, _SCRIPT_OF[block]), 1)
    most = counts.argmax(axis=1)
    return [
        _NAMES[k] if any_letter else NO_LETTERS
        for k, any_letter in zip(most.tolist(), counts.sum(axis=1).tolist(), strict=True)
    ]


_FIRST = np.array([first for first, _ in _SCRIPTS], np.int64)
_SCRIPT_OF = np.array([_NAMES.index(name) for _, name in _SCRIPTS], np.int64)


def _words(text: str) -> list[str]:
    tokens = text[:MOST_CHARACTERS].lower().split()
    return list(filter(None, map(str.strip, tokens, repeat(_PUNCTUATION))))


def _one_of(text: str, words: Sequence[str]) -> str | None:
    """At the place that the text's checksum says; None where there is no word."""
    return words[zlib.crc32(text.encode("utf-8", "replace")) % len(words)][:LONGEST_WORD] if words else None


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """Flags of each code point; those beyond count as letters."""
    flags = np.zeros(_TABLE + 1, np.uint8)
    for code in range(_TABLE):
        char = chr(code)
        category = unicodedata.category(char)
        flags[code] = _FLAGS.get(category[0], 0) | (_UPPER if category == "Lu" else 0) | (_BLANK * char.isspace())
    for char in _STOPS:
        flags[ord(char)] |= _STOP
    flags[_TABLE] = _LETTER
    return flags


_FLAGS = {"L": _LETTER, "M": _LETTER, "N": _DIGIT}
