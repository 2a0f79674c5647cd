"""Bodies of requests as records: a JSON object, an array of them, lines of them, or an Arrow stream."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from monitor.adapters.record_log.arrow_stream import arrow_records
from monitor.adapters.record_log.encodings import unpacked
from monitor.domain.errors import SubmissionFault, SubmissionRefused
from monitor.domain.submission import Submission

_elements = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class BodyReader:
    """Splits bodies into records, byte for byte where they are JSON; no record is looked into.

    Neither an unpacked body nor the records made of an Arrow stream exceed `most_bytes`, nor a request `most_records`.
    """

    most_bytes: int
    most_records: int

    def __call__(self, submission: Submission) -> Sequence[bytes]:
        """One value for each element or line; SubmissionRefused when the body as a whole cannot be read."""
        read = _READERS.get(submission.content_type.split(";")[0].strip().lower())
        if read is None:
            detail = f"Content-Type {submission.content_type!r:.100}; send one of {', '.join(_READERS)}"
            raise SubmissionRefused(SubmissionFault.UNSUPPORTED, detail)
        values = read(unpacked(submission.body, submission.content_encoding, self.most_bytes), self)
        if not values:
            raise SubmissionRefused(SubmissionFault.MALFORMED, "the body holds no record")
        if len(values) > self.most_records:
            detail = f"{len(values):,} records; send at most {self.most_records:,} in a request"
            raise SubmissionRefused(SubmissionFault.TOO_LARGE, detail)
        return values


def _json(content: bytes, _limits: BodyReader) -> Sequence[bytes]:
    if content.lstrip()[:1] != b"[":
        return [content] if content.strip() else []
    try:
        return [bytes(element) for element in _elements.decode(content)]
    except (ValueError, RecursionError) as error:
        return _loose_elements(content, error)


def _loose_elements(content: bytes, strictly: Exception) -> Sequence[bytes]:
    """The elements of an array with Python's NaN and Infinity in it, which strict JSON has not."""
    try:
        return [json.dumps(element).encode() for element in json.loads(content)]
    except (ValueError, RecursionError) as error:
        detail = f"the body is no JSON array: {strictly}; as application/x-ndjson a bad line costs only itself"
        raise SubmissionRefused(SubmissionFault.MALFORMED, detail) from error


def _lines(content: bytes, _limits: BodyReader) -> Sequence[bytes]:
    """Every line; the empty rest behind the last line's end is none."""
    lines = content.split(b"\n")
    return [line.rstrip(b"\r") for line in (lines if lines[-1].strip() else lines[:-1])]


def _arrow(content: bytes, limits: BodyReader) -> Sequence[bytes]:
    return arrow_records(content, limits.most_bytes, limits.most_records)


_READERS: Mapping[str, Callable[[bytes, BodyReader], Sequence[bytes]]] = {
    "application/json": _json,
    "application/x-ndjson": _lines,
    "application/vnd.apache.arrow.stream": _arrow,
}
