"""Mapping a sample file as a worker would map its messages, for people who set a format up."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from monitor.adapters.formats.codec import half_of, header_texts, join_halves, map_message, to_json
from monitor.adapters.formats.format import Format, Mapped, Message, Paired, Refusal, Row
from monitor.domain.errors import RejectReason
from monitor.domain.partitions import PartitionId
from monitor.stream.pairing import Pairing

_ENVELOPE = {"value", "value_base64", "key", "headers", "timestamp_ms", "topic"}
_LINES = {".jsonl", ".ndjson"}
_NOWHERE = PartitionId("sample", 0)


@dataclass(slots=True)
class MappedSample:
    """Canonical rows, and what was refused by line (from 1) of the sample."""

    rows: list[Row] = field(default_factory=list)
    refused: list[tuple[int, Refusal]] = field(default_factory=list)

    def add(self, line: int, mapped: Mapped) -> None:
        """Note what became of a message."""
        self.rows += mapped.rows
        self.refused += [(line, refusal) for refusal in mapped.refused]


def map_sample(its_format: Format, messages: Sequence[tuple[int, Message]]) -> MappedSample:
    """Map the messages in order; halves meet within the sample, and those that do not are refused."""
    sample = MappedSample()
    pairing = Pairing({})
    for line, message in messages:
        mapped = map_message(its_format, message)
        sample.add(line, mapped)
        wait = its_format.wait if isinstance(its_format, Paired) else timedelta(0)
        met = pairing.take([half_of(half, _NOWHERE, line, wait) for half in mapped.halves], None)
        for pair in met.pairs:
            sample.add(pair.offset, join_halves(its_format, pair.request.payload, pair.response.payload))
        sample.refused += [(half.offset, Refusal(RejectReason.UNPAIRED, why)) for half, why in met.given_up]
    for half in pairing.waiting.values():
        detail = f"the other half of this {half.key.side} ({half.key.pair_id}) is not in the sample"
        sample.refused.append((half.offset, Refusal(RejectReason.UNPAIRED, detail)))
    sample.refused.sort(key=lambda one: one[0])
    return sample


def read_sample(path: Path) -> list[tuple[int, Message]]:
    """The messages of a file with their lines (from 1).

    In `.jsonl` and `.ndjson` every line is a message; in another file all of it is one. An object with `value` (or
    `value_base64`) and nothing besides `key`, `headers`, `timestamp_ms` and `topic` says what came beside the value.
    """
    content = path.read_bytes()
    if path.suffix not in _LINES:
        return [(1, _message(content))]
    lines = content.split(b"\n")
    return [(number, _message(line.rstrip(b"\r"))) for number, line in enumerate(lines, 1) if line.strip()]


def canonical_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Each row as one line of JSON."""
    for row in rows:
        yield json.dumps(json.loads(to_json(row)), ensure_ascii=False)


def _message(content: bytes) -> Message:
    envelope = _envelope(content)
    if envelope is None:
        return Message(content)
    value, packed = envelope.get("value"), envelope.get("value_base64")
    raw = (
        base64.b64decode(str(packed))
        if packed is not None
        else value.encode()
        if isinstance(value, str)
        else to_json(value)
    )
    headers = envelope.get("headers")
    pairs = [(str(k), str(v).encode()) for k, v in headers.items()] if isinstance(headers, Mapping) else []
    key, at = envelope.get("key"), envelope.get("timestamp_ms")
    return Message(
        raw,
        None if key is None else str(key).encode(),
        header_texts(pairs),
        at if isinstance(at, int) else -1,
        str(envelope.get("topic", "")),
    )


def _envelope(content: bytes) -> Mapping[str, object] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(found, dict) and {"value", "value_base64"} & set(found) and set(found) <= _ENVELOPE
    return found if is_one else None
