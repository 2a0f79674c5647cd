"""Profile of all columns of one model version over one set of records."""

import hashlib
import math
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import zstandard

from monitor.domain.errors import LayoutMismatch, MonitorError
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.layouts import Layout, Layouts, Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.profiles.unseen import UnseenSample

VERSION = 1
MAX_EXTRA = 32
"""So many names of columns that the baseline does not know are kept, the first in alphabetical order."""


_LARGEST = 2**30
"""Bytes of content; a thousand columns with all that can be sampled of them take a fiftieth of it."""

_NARROW = (np.int16, np.int32)
_LARGEST_SUM = 2**31 - 1


class ProfileError(MonitorError):
    """Stored bytes are no profile that this version of the program can read."""


class Stored(msgspec.Struct, array_like=True, frozen=True):
    """What `ModelProfile.to_bytes` stores, before compression.

    `counters` are little-endian unsigned integers of `width` bytes, lowest bytes first (all of them, then the next).
    """

    version: int
    layouts: str
    n: int
    width: int
    counters: bytes
    extremes: bytes
    extra: list[str]
    unseen: list[tuple[str, list[tuple[str, int]]]]


class StoredWithMore(Stored, array_like=True, frozen=True):
    """The same with sampled values of extra columns, and sums over pairs. A profile with neither is stored as ever.

    `sums` are as `counters`, of `sums_width` bytes.
    """

    extra_values: list[tuple[str, list[tuple[str, int]]]] = []
    sums_width: int = 1
    sums: bytes = b""


class ModelProfile:
    """Counts of every column of a model's records; a commutative monoid under `merge`.

    All counters lie in one array, `block`, so that merging a model is one addition; `columns` are views into it.
    Any order and grouping of updates and merges gives the same bytes. While it is updated the array is as narrow as
    the number of records allows, which no counter exceeds: a window of a few thousand takes two bytes a counter.
    `derived` is kept for those who work something out of a profile that stays as it is: until the next update.
    """

    __slots__ = ("_columns", "block", "derived", "extra", "extra_values", "extremes", "layouts", "n", "samples", "sums")

    def __init__(self, layouts: Layouts, block: Ints, extremes: Floats, n: int, extra: frozenset[str]) -> None:
        self.layouts, self.block, self.extremes, self.n, self.extra = layouts, block, extremes, n, extra
        self._columns: dict[str, Profile] | None = None
        self.derived: dict[object, object] = {}
        self.samples: dict[str, UnseenSample] = {}
        self.extra_values: dict[str, UnseenSample] = {}
        together = layouts.together
        self.sums: Ints = np.zeros(0 if together is None else together.size, np.int32)

    @classmethod
    def empty(cls, layouts: Mapping[str, Layout]) -> "ModelProfile":
        """The profile of no records."""
        known = Layouts.of(layouts)
        extremes = np.empty((len(known.numeric), 2))
        extremes[:] = (math.inf, -math.inf)
        return cls(known, np.zeros(known.size, _holding(0)), extremes, 0, frozenset())

    @property
    def columns(self) -> dict[str, Profile]:
        """The profile of each column, ordered by name; good until the next update."""
        if self._columns is None:
            self._columns = {name: self._column(name) for name in self.layouts}
        return self._columns

    @property
    def joint(self) -> Ints:
        """Counters of the layouts' joint layout, none without one; a view."""
        return self.block[self.layouts.joint_slice]

    def _column(self, name: str) -> Profile:
        layout, counters = self.layouts[name], self.block[self.layouts.slices[name]]
        if isinstance(layout, CategoricalLayout):
            return CategoricalProfile(layout, counters, self.samples.setdefault(name, UnseenSample()))
        return NumericProfile(layout, counters, self.extremes[self.layouts.numeric[name]])

    def update(self, columns: Mapping[str, Column], n: int) -> None:
        """Count n records. A column that is absent counts as missing in all of them, one of another kind as invalid."""
        self._hold(self.n + n)
        self.derived = {}
        for name, profile in self.columns.items():
            column = columns.get(name)
            if column is not None and len(column) != n:
                raise ValueError(f"column {name!r} has {len(column)} rows where the batch has {n}")
            match profile, column:
                case _, None:
                    profile.add_missing(n)
                case NumericProfile(), NumericColumn():
                    profile.update(column)
                case CategoricalProfile(), CategoricalColumn():
                    profile.update(column)
                case _:
                    profile.add_invalid(n)
        if self.layouts.joint is not None:
            self.layouts.joint.count(self.joint, columns, n)
        if self.layouts.together is not None and n:
            sums = self.layouts.together.sums(columns, n)
            self.sums = sums + self.sums if 9 * (self.n + n) > _LARGEST_SUM else self.sums + sums.astype(np.int32)
        self.n += n
        if len(columns) > len(self.layouts) or not columns.keys() <= self.layouts.keys():
            self.extra = _first(self.extra, columns.keys() - self.layouts.keys())

    @classmethod
    def joined(cls, parts: Iterable["ModelProfile"], n: int) -> "ModelProfile":
        """The profile of n records whose columns were counted apart, each in one of the parts."""
        return cls._counted({name: profile for part in parts for name, profile in part.columns.items()}, n)

    def without(self, columns: Collection[str]) -> "ModelProfile":
        """The profile of the same records as if nobody had counted these columns; sums over pairs are left out."""
        kept = self._counted({name: one for name, one in self.columns.items() if name not in columns}, self.n)
        kept.extra, kept.extra_values = self.extra, self.extra_values
        return kept

    @classmethod
    def _counted(cls, counted: Mapping[str, Profile], n: int) -> "ModelProfile":
        layouts = Layouts({name: profile.layout for name, profile in counted.items()})
        extremes = np.empty((len(layouts.numeric), 2))
        whole = cls(layouts, np.zeros(layouts.size, _holding(n)), extremes, n, frozenset())
        for name, profile in counted.items():
            whole.block[whole.layouts.slices[name]] = profile.counters
            if isinstance(profile, NumericProfile):
                whole.extremes[whole.layouts.numeric[name]] = profile.extremes
            elif profile.sample.counts:
                whole.samples[name] = profile.sample
        return whole

    def add_extra(self, values: Mapping[str, Iterable[tuple[str, int]]]) -> None:
        """Sampled values of columns that the baseline does not know, each with its number of records.

        Of the columns the first `MAX_EXTRA` by name are kept, and a bounded sample of the values of each.
        """
        self.extra = _first(self.extra, values)
        for name, counts in values.items():
            self.extra_values.setdefault(name, UnseenSample()).add(counts)
        self._drop_extra()

    def _drop_extra(self) -> None:
        """A name among the first of all is among the first of every part: what is kept is complete."""
        self.extra_values = {name: kept for name, kept in self.extra_values.items() if name in self.extra}

    def narrow(self) -> None:
        """Take no more memory than the records so far need."""
        self.block = self.block.astype(_holding(self.n), copy=False)
        if 9 * self.n <= _LARGEST_SUM:
            self.sums = self.sums.astype(np.int32, copy=False)
        self._columns = None

    def _hold(self, n: int) -> None:
        """Make room for counters up to n."""
        if n > np.iinfo(self.block.dtype).max:
            self.block = self.block.astype(_holding(n))
            self._columns = None

    def merge(self, other: "ModelProfile") -> "ModelProfile":
        """The profile of both sets of records; LayoutMismatch when they were counted on different baselines."""
        if self.layouts.digest != other.layouts.digest:
            raise LayoutMismatch(
                "cannot merge profiles of models on different bins: they belong to different baselines"
            )
        extremes = np.empty_like(self.extremes)
        np.minimum(self.extremes[:, 0], other.extremes[:, 0], out=extremes[:, 0])
        np.maximum(self.extremes[:, 1], other.extremes[:, 1], out=extremes[:, 1])
        extra = _first(self.extra, other.extra)
        block = np.add(self.block, other.block, dtype=np.int64)
        merged = ModelProfile(self.layouts, block, extremes, self.n + other.n, extra)
        merged.samples = {
            name: UnseenSample.merged(self.unseen_counts(name), other.unseen_counts(name))
            for name in self.samples.keys() | other.samples.keys()
        }
        merged.extra_values = {
            name: UnseenSample.merged(_counts(self.extra_values, name), _counts(other.extra_values, name))
            for name in self.extra_values.keys() | other.extra_values.keys()
        }
        merged._drop_extra()
        merged.sums = np.add(self.sums, other.sums, dtype=np.int64)
        return merged

    def unseen_counts(self, name: str) -> Mapping[str, int]:
        """The sampled unseen values of a column with their numbers of records."""
        return _counts(self.samples, name)

    def content(self) -> bytes:
        """The canonical bytes before compression: equal profiles give equal bytes on every machine."""
        width, planes = _planes(self.block)
        unseen = [(name, self.samples[name].items()) for name in sorted(self.samples) if self.unseen_counts(name)]
        extremes = self.extremes.astype("<f8").tobytes()
        digest, extra = self.layouts.digest, sorted(self.extra)
        stored = Stored(VERSION, digest, self.n, width, planes, extremes, extra, unseen)
        if self.extra_values or len(self.sums):
            sampled = [(name, sample.items()) for name, sample in sorted(self.extra_values.items())]
            parts, (sums_width, sums) = msgspec.structs.asdict(stored), _planes(self.sums)
            stored = StoredWithMore(**parts, extra_values=sampled, sums_width=sums_width, sums=sums)
        return msgspec.msgpack.encode(stored)

    def to_bytes(self) -> bytes:
        """The profile as bytes, for 25 columns and some thousand records 3 to 10 KB; equal profiles give equal bytes.

        A Zstandard frame (RFC 8878) with a checksum; smaller than zlib's, and read in a third of the time.
        """
        return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(self.content())

    @property
    def digest(self) -> str:
        """32 hexadecimal digits of the profile's content, the same whatever compresses it."""
        return hashlib.blake2b(self.content(), digest_size=16).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes, layouts: Mapping[str, Layout]) -> "ModelProfile":
        """The profile that `to_bytes` stored; `layouts` must be those of the same baseline (else LayoutMismatch)."""
        return cls.from_content(_unpacked(data), layouts)

    @classmethod
    def from_content(cls, content: bytes, layouts: Mapping[str, Layout]) -> "ModelProfile":
        """The profile whose `content` this is."""
        known = Layouts.of(layouts)
        try:
            stored = msgspec.msgpack.decode(content, type=StoredWithMore)
        except msgspec.MsgspecError as error:
            raise ProfileError(f"{len(content)} bytes are no profile: {error}") from error
        if stored.version != VERSION:
            raise ProfileError(f"profile format {stored.version}; this program reads format {VERSION}: upgrade it")
        if stored.layouts != known.digest:
            raise LayoutMismatch(f"the profile was counted on layouts {stored.layouts}, not on {known.digest}")
        block = _of_planes(stored.counters, stored.width)
        extremes = np.frombuffer(stored.extremes, "<f8").reshape(-1, 2).astype(np.float64)
        profile = cls(known, block, extremes, stored.n, frozenset(stored.extra))
        profile.samples = {name: UnseenSample(dict(counts)) for name, counts in stored.unseen}
        profile.extra_values = {name: UnseenSample(dict(counts)) for name, counts in stored.extra_values}
        if known.together is not None:
            profile.sums = _of_planes(stored.sums, stored.sums_width)
        return profile


def _unpacked(data: bytes) -> bytes:
    try:
        if not data.startswith(zstandard.FRAME_HEADER):  # as all were stored once
            return zlib.decompress(data)
        if zstandard.frame_content_size(data) <= _LARGEST:
            return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except (zlib.error, zstandard.ZstdError) as error:
        raise ProfileError(f"{len(data)} bytes are no stored profile: {error}") from error
    raise ProfileError(f"{len(data)} bytes are no stored profile: they say that they hold more than any")


def _planes(numbers: Ints) -> tuple[int, bytes]:
    """Numbers that are not negative as bytes of the least width: the lowest bytes of all, then the next."""
    width = max(1, (int(numbers.max(initial=0)).bit_length() + 7) // 8)
    return width, numbers.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes()


def _of_planes(planes: bytes, width: int) -> Ints:
    of_place = np.frombuffer(planes, np.uint8).reshape(width, -1)
    if width == 1:
        only: Ints = of_place[0].astype(np.int64)
        return only
    numbers = np.zeros((of_place.shape[1], 8), np.uint8)
    for place, plane in enumerate(of_place):
        numbers[:, place] = plane
    joined: Ints = numbers.view("<i8").ravel()
    return joined


def _holding(n: int) -> type[np.signedinteger[Any]]:
    """The narrowest integers that hold n."""
    return next((kind for kind in _NARROW if n <= np.iinfo(kind).max), np.int64)


def _counts(samples: Mapping[str, UnseenSample], name: str) -> Mapping[str, int]:
    sample = samples.get(name)
    return {} if sample is None else sample.counts


def _first(some: Iterable[str], more: Iterable[str]) -> frozenset[str]:
    return frozenset(sorted({*some, *more})[:MAX_EXTRA])
