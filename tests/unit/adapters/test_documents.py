"""What is stored as JSON comes back equal, and its stored form does not change unnoticed."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.adapters.sql import documents
from monitor.domain.checks import Threshold
from monitor.domain.findings import EvaluationKind, TestResult, content_id, finding_id, finding_ids
from monitor.domain.models import ModelRef
from monitor.domain.references import Against
from monitor.domain.retraining import HoldReason, JobPhase
from monitor.testing.stores.samples import alert_event, finding, job, request, window

GOLDEN = Path(__file__).parents[2] / "golden" / "documents"

KINDS = {
    "finding": (finding(), documents.finding_to_json, documents.finding_from_json),
    "alert_event": (alert_event(), documents.event_to_json, documents.event_from_json),
    "retrain_job": (
        replace(job(request(), JobPhase.HELD, "later"), hold_reason=HoldReason.COOLDOWN),
        documents.job_to_json,
        documents.job_from_json,
    ),
}


@pytest.mark.parametrize(("value", "write", "read"), KINDS.values(), ids=KINDS)
def test_a_document_reads_back_to_an_equal_value(
    value: object, write: Callable[[Any], str], read: Callable[[str], object]
) -> None:
    assert read(write(value)) == value


@pytest.mark.parametrize("name", KINDS)
def test_what_earlier_programs_stored_is_still_written_and_read_the_same(name: str) -> None:
    value, write, read = KINDS[name]
    stored = (GOLDEN / f"{name}.json").read_text()

    assert read(stored) == value
    assert json.loads(write(value)) == json.loads(stored)  # type: ignore[operator]


def test_the_id_of_a_finding_is_what_earlier_programs_stored_whatever_the_names_hold() -> None:
    ref = ModelRef('Bär "x"', "3\x7f")

    known = finding_id(ref, "psi(a\0ge)[d\u2028e]", window(), 2, EvaluationKind.DRIFT)

    assert known == "c375de6f708aa539cacd9a735807d4e0"


@given(texts=st.lists(st.text(), min_size=3, max_size=3), revision=st.integers(0), kind=st.sampled_from(EvaluationKind))
def test_the_id_of_a_finding_is_the_hash_of_what_it_is_about(
    texts: list[str], revision: int, kind: EvaluationKind
) -> None:
    model, version, check = texts

    found = finding_ids(ModelRef(model, version), window(), revision, kind)(check)

    assert found == content_id([model, version, check, str(window()), revision, kind.value])


def test_a_finding_that_was_stored_before_there_was_more_to_tell_is_read() -> None:
    stored = json.loads((GOLDEN / "finding.json").read_text())
    del stored["value"]["served_share"], stored["value"]["check"]["against"]

    read = documents.finding_from_json(json.dumps(stored))

    assert (read.served_share, read.check.against) == (None, None)


def test_an_alert_and_a_job_that_were_stored_before_there_was_more_to_tell_are_read() -> None:
    event, job_before = (json.loads((GOLDEN / f"{name}.json").read_text()) for name in ("alert_event", "retrain_job"))
    del event["value"]["amends"], job_before["value"]["asked"]
    del job_before["value"]["request"]["by"], job_before["value"]["request"]["asked_as"]

    assert documents.event_from_json(json.dumps(event)) == KINDS["alert_event"][0]
    assert documents.job_from_json(json.dumps(job_before)) == KINDS["retrain_job"][0]


def test_parameters_keep_their_types() -> None:
    back = documents.finding_from_json(documents.finding_to_json(finding())).check.parameters

    assert {name: type(value) for name, value in back.items()} == {
        "pseudo_count": float,
        "bins": int,
        "mode": str,
        "smooth": bool,
    }


numbers = st.floats(allow_nan=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(numbers, st.none() | numbers, st.dictionaries(st.text(), json_values, max_size=4))
def test_any_result_comes_back_bit_for_bit(statistic: float, low: float | None, detail: dict[str, object]) -> None:
    value = replace(finding(), result=TestResult(statistic, 0.5, 1, 2, low=low, detail=detail))

    assert documents.finding_from_json(documents.finding_to_json(value)) == value


def test_a_statistic_that_is_not_a_number_stays_one() -> None:
    value = replace(finding(), result=TestResult(math.nan, None, 1, 2))

    result = documents.finding_from_json(documents.finding_to_json(value)).result

    assert result is not None
    assert math.isnan(result.statistic)


@pytest.mark.parametrize(
    "place", ["drifted", "warning", "alpha", "p_value", "low", "high", "coverage", "detail", "parameters"]
)
@pytest.mark.parametrize(
    "against", [None, Against(previous=1, excluded=[]), Against(trailing=timedelta(days=7), excluded=[])], ids=str
)
def test_infinity_comes_back_wherever_it_stands(place: str, against: Against | None) -> None:
    """The shortest way to write a finding knows how many fields have no value; none of them may hide a number."""
    odd, check = math.inf, replace(finding().check, threshold=Threshold(1.0), against=against)
    value = replace(finding(), check=check, result=TestResult(0.5, None, 1, 2), coverage=None)
    match place:
        case "drifted" | "warning" | "alpha":
            drifted, warning, alpha = (odd if name == place else 1.0 for name in ("drifted", "warning", "alpha"))
            value = replace(value, check=replace(check, threshold=Threshold(drifted, warning, alpha)))
        case "coverage":
            value = replace(value, coverage=odd)
        case "parameters":
            value = replace(value, check=replace(check, parameters={"limit": odd}))
        case "detail":
            value = replace(value, result=TestResult(0.5, None, 1, 2, detail={"a null": None, "limit": [odd]}))
        case _:
            p_value, low, high = (odd if name == place else None for name in ("p_value", "low", "high"))
            value = replace(value, result=TestResult(0.5, p_value, 1, 2, low, high))

    assert documents.finding_from_json(documents.finding_to_json(value)) == value


def test_numbers_of_numpy_are_stored_as_plain_ones() -> None:
    odd = TestResult(np.float64(0.5), None, 1, 2, detail={"n": np.int64(3), "name": np.str_("x")})

    text = documents.finding_to_json(replace(finding(), result=odd))

    back = documents.finding_from_json(text).result
    assert back == TestResult(0.5, None, 1, 2, detail={"n": 3, "name": "x"})


def test_a_detail_that_is_no_json_is_refused_by_its_type() -> None:
    odd = TestResult(0.5, None, 1, 2, detail={"what": object()})

    with pytest.raises(TypeError, match="a object cannot be stored as JSON"):
        documents.finding_to_json(replace(finding(), result=odd))


def test_a_document_of_a_newer_program_is_refused_by_name() -> None:
    newer = documents.event_to_json(alert_event()).replace('"v":1', '"v":2')

    with pytest.raises(ValueError, match="a stored AlertEvent has version 2"):
        documents.event_from_json(newer)
