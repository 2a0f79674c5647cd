"""Findings and results are structs that whoever knows dataclasses can use as such."""

import gc
import pickle
from dataclasses import asdict, fields, is_dataclass, replace

import pytest

from monitor.domain.findings import Finding, TestResult

RESULT = TestResult(0.25, 0.5, 1_000, 200, detail={"bins": 10})


def test_a_result_is_replaced_and_told_field_by_field_as_a_dataclass_is() -> None:
    assert is_dataclass(RESULT)
    assert is_dataclass(Finding)
    assert replace(RESULT, statistic=0.5) == TestResult(0.5, 0.5, 1_000, 200, detail={"bins": 10})
    assert replace(RESULT) is not RESULT
    assert asdict(RESULT) == {
        "statistic": 0.25,
        "p_value": 0.5,
        "n_baseline": 1_000,
        "n_current": 200,
        "low": None,
        "high": None,
        "detail": {"bins": 10},
    }
    assert [one.name for one in fields(Finding)][:4] == ["model", "check", "window", "revision"]


def test_what_is_not_told_has_a_detail_of_its_own() -> None:
    first, second = TestResult(0.0, None, 1, 1), TestResult(0.0, None, 1, 1)
    assert first == second
    assert first.detail == {}
    assert first.detail is not second.detail


def test_a_result_cannot_be_changed_and_crosses_to_another_process() -> None:
    with pytest.raises(AttributeError):
        RESULT.statistic = 1.0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(RESULT)) == RESULT


def test_the_collector_of_cycles_does_not_look_at_results() -> None:
    assert not gc.is_tracked(RESULT)
