"""The published schema, the page that explains it and the decoder say the same."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from monitor.adapters.codec import JsonCodec
from monitor.adapters.record_fields import InferenceFields, TruthFields
from monitor.domain.errors import RejectReason
from monitor.domain.models import ColumnKind, ColumnSpec
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stream.batch import Decoded
from monitor.stream.schema import RecordSchema

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PUBLISHED = json.loads((REFERENCE / "record.schema.json").read_text())
PAGE = (REFERENCE / "records.md").read_text()
VALIDATOR = Draft202012Validator(PUBLISHED)
SCHEMA = RecordSchema((ColumnSpec("age", ColumnKind.NUMERIC), ColumnSpec("plan", ColumnKind.CATEGORICAL)))


def decode(record: object, kind: TopicKind = TopicKind.MIXED) -> Decoded:
    records = [RawRecord(0, json.dumps(record).encode())]
    return JsonCodec().decode(PartitionId("t", 0), kind, records, lambda *_: SCHEMA)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(PUBLISHED)


def test_the_examples_of_the_page_are_valid_and_are_read() -> None:
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]

    for example in examples:
        assert list(VALIDATOR.iter_errors(example)) == []
        assert not decode(example).rejected
    assert len(examples) == 2


@pytest.mark.parametrize(("name", "fields"), [("inference", InferenceFields), ("ground_truth", TruthFields)])
def test_the_schema_names_every_field_that_is_read(name: str, fields: type) -> None:
    described = PUBLISHED["$defs"][name]["properties"].keys()

    assert set(fields.__struct_fields__) <= described  # type: ignore[attr-defined]
    assert all(f"`{field}`" in PAGE for field in described)


def test_the_page_explains_every_reason() -> None:
    assert all(f"| `{reason}` |" in PAGE for reason in RejectReason)


values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
instants = (
    st.integers(-62_135_596_800, 253_402_300_799_999)
    | st.integers(-62_135_596_800_000, -100_000_000_001)
    | st.sampled_from(["2026-11-01T10:00:00Z", "2026-11-01T10:00:00.5+01:00"])
)
names = st.text(min_size=1, max_size=9)
inference = st.fixed_dictionaries(
    {
        "event_id": names,
        "model": names,
        "model_version": names | st.integers(),
        "event_time": instants,
        "features": st.dictionaries(st.sampled_from(["age", "plan", "other"]), values),
    },
    optional={
        "type": st.sampled_from(["inference", None]),
        "prediction": values,
        "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "scores": st.none() | st.dictionaries(names, st.none() | st.integers(), max_size=3),
        "latency_ms": st.none() | st.integers(),
        "metadata": st.none() | st.dictionaries(names, values, max_size=2),
        "trace": values,
    },
)


@settings(max_examples=200)
@given(inference)
def test_whatever_the_schema_allows_is_counted(record: dict[str, object]) -> None:
    assert list(VALIDATOR.iter_errors(record)) == []
    assert not decode(record).rejected


@settings(max_examples=300)
@given(inference, st.sampled_from(["event_id", "model", "model_version", "event_time", "features"]), values)
def test_a_needed_field_that_the_schema_forbids_is_refused(record: dict[str, object], name: str, value: object) -> None:
    changed = {**record, name: value}
    allowed = VALIDATOR.is_valid(changed)

    refused = bool(decode(changed).rejected)

    assert refused or allowed or _is_some_instant(name, value)


def _is_some_instant(name: str, value: object) -> bool:
    """The decoder reads more texts as instants than RFC 3339 has."""
    return name == "event_time" and isinstance(value, str)
