"""Conformance kit of formats: what every implementation must do, whatever it reads.

Subclass `FormatConformance` as a pytest class and give it a `rig` fixture.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from monitor.adapters.formats.codec import join_halves, to_json
from monitor.adapters.formats.format import Format, FormatKind, Mapped, MappedHalf, Message, Paired, Refusal, Row
from monitor.adapters.loose_record import read_record
from monitor.domain.errors import RecordRejected
from monitor.domain.stream import Side, TopicKind

_NONSENSE = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"\xff\xfe\x00",
    b"\x1f\x8b",
    b"{}",
    b"[" * 20_000,
    b'{"a": NaN}',
)
_WRONG: tuple[object, ...] = (
    None, "", "?", "²", "9" * 5_000, "[", -1, 1e300, 10**400, True, [], {}, [[None]], {"name": 1}, float("nan"),
)  # fmt: skip
"""Among them what `str.isdigit` takes and `int` does not, and numbers that no float holds."""


@dataclass(frozen=True, slots=True)
class FormatRig:
    """One format under test, and messages that are right: together they say at least one record."""

    kind: FormatKind
    format: Format
    samples: Sequence[Message]


class FormatConformance:
    """The promises of a format, as tests."""

    def test_its_records_are_canonical(self, rig: FormatRig) -> None:
        """Every row is read as docs/reference/records.md says, with nothing missing."""
        mapped = whole(rig)

        assert mapped.rows
        assert not mapped.refused
        assert [read_record(to_json(row), TopicKind.MIXED).event_id for row in mapped.rows]

    def test_the_same_message_says_the_same_twice(self, rig: FormatRig) -> None:
        """What is stored is a function of the log."""
        first, second = whole(rig), whole(rig)

        assert to_json(first.rows) == to_json(second.rows)
        assert list(first.refused) == list(second.refused)

    def test_rows_have_ids_of_their_own(self, rig: FormatRig) -> None:
        """Ground truth is joined by id."""
        made = [row for row in whole(rig).rows if row.get("type") != "ground_truth"]

        assert len({(row["model"], row["event_id"]) for row in made}) == len(made)

    def test_nonsense_is_refused_with_a_reason_and_nothing_is_raised(self, rig: FormatRig) -> None:
        """Only RecordRejected leaves a format, and what it says names something."""
        said = [outcome(rig.format, Message(value, topic="t")) for value in _NONSENSE]

        assert not [mapped for mapped in said if mapped.rows]
        assert all(refusal.detail for mapped in said for refusal in mapped.refused)
        assert not [value for value in _NONSENSE if not isinstance(rig.kind.recognises(Message(value)), bool)]

    def test_a_value_of_a_wrong_type_anywhere_raises_nothing_else(self, rig: FormatRig) -> None:
        """Each leaf of each sample, replaced by what should not be there; each message, cut off."""
        for message in rig.samples:
            for spoiled in _spoiled(message):
                mapped = outcome(rig.format, spoiled)
                assert all(refusal.detail for refusal in mapped.refused)

    def test_halves_that_are_spoiled_raise_nothing_else(self, rig: FormatRig) -> None:
        """A half of a message that `map` took meets any other half of the right ones."""
        good = [half for message in rig.samples for half in outcome(rig.format, message).halves]
        spoiled = [message for sample in rig.samples for message in _spoiled(sample)]
        for half in (half for message in spoiled for half in outcome(rig.format, message).halves):
            for other in good:
                if half.side is not other.side:
                    pair = (half, other) if half.side is Side.REQUEST else (other, half)
                    assert isinstance(_joined(rig.format, *pair), Mapped)

    def test_good_messages_beside_bad_ones_are_kept(self, rig: FormatRig) -> None:
        """One bad message costs nothing but itself."""
        nonsense = [Message(value, topic="t") for value in _NONSENSE]
        mixed = [message for sample in rig.samples for message in (*nonsense, sample)]

        alone, beside = whole(rig), whole(replace(rig, samples=mixed))

        assert to_json(beside.rows) == to_json(alone.rows)


def outcome(its_format: Format, message: Message) -> Mapped:
    """What the format says; everything but RecordRejected passes through."""
    try:
        return its_format.map(message)
    except RecordRejected as rejected:
        return Mapped(refused=[Refusal(rejected.reason, rejected.detail)])


def whole(rig: FormatRig) -> Mapped:
    """All samples, halves joined with those of their id."""
    rows: list[Row] = []
    refused: list[Refusal] = []
    halves: list[MappedHalf] = []
    for message in rig.samples:
        mapped = outcome(rig.format, message)
        rows += mapped.rows
        refused += mapped.refused
        halves += mapped.halves
    requests = {(half.model, half.pair_id): half for half in halves if half.side is Side.REQUEST}
    for response in halves:
        request = requests.get((response.model, response.pair_id))
        if response.side is Side.RESPONSE and request is not None:
            joined = _joined(rig.format, request, response)
            rows += joined.rows
            refused += joined.refused
    return Mapped(rows, refused=refused)


def _joined(its_format: Format, request: MappedHalf, response: MappedHalf) -> Mapped:
    assert isinstance(its_format, Paired), "halves need a wait"
    return join_halves(its_format, to_json(request.part), to_json(response.part))


def _spoiled(message: Message) -> Iterator[Message]:
    for share in (2, 3):
        yield replace(message, value=message.value[: len(message.value) // share])
    try:
        content = json.loads(message.value)
    except ValueError:
        return
    for wrong in _WRONG:
        for place in _places(content):
            yield replace(message, value=json.dumps(_with(content, place, wrong)).encode())


def _places(content: object, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield here
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _places(value, (*here, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _places(value, (*here, index))


def _with(content: object, place: tuple[str | int, ...], wrong: object) -> object:
    if not place:
        return wrong
    changed = dict(content) if isinstance(content, dict) else list(content) if isinstance(content, list) else content
    changed[place[0]] = _with(changed[place[0]], place[1:], wrong)  # type: ignore[index] # a place of it
    return changed
