"""What `driftline findings --details` shows below its table: lines and tables for people, no JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from monitor.cli.finding_details import show_details
from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.domain.windows import Window

START = datetime(2026, 11, 2, 10, tzinfo=UTC)
EVIDENCE = Evidence("b", "p", {}, "1", "2026-11-02T11:00:00Z")
GROUPS = [{"group": "up to 3", "baseline": 0.1, "current": 0.6, "share": 0.75}]
PARTS: dict[str, object] = {
    "bits": 0.4,
    "columns": [{"column": "amount", "share": 0.75, "bits": 0.3, "groups": GROUPS}],
    "segments": [
        {
            "by": "land",
            "bits": 0.2,
            "segments": [
                {
                    "segment": "germany",
                    "share": 1.0,
                    "baseline": 0.5,
                    "current": 0.25,
                    "columns": [{"column": "amount", "bits": 0.2}],
                }
            ],
        }
    ],
}


def finding(detail: Mapping[str, object]) -> Finding:
    check = Check("divergence", "records", "", Threshold(0.04), 100)
    result = TestResult(0.4, 0.0, 100, 100, detail=detail)
    window = Window(START, START + timedelta(hours=1))
    return Finding(ModelRef("churn", "1"), check, window, 0, Verdict.DRIFTED, "moved", result, EVIDENCE)


def shown(capsys: pytest.CaptureFixture[str], detail: Mapping[str, object]) -> list[str]:
    show_details(finding(detail))
    heading, *lines = capsys.readouterr().out.strip().splitlines()
    assert heading == "2026-11-02T10:00:00Z divergence(records), version 1"
    return [" ".join(line.split()) for line in lines]


def test_the_parts_of_a_divergence_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, {**PARTS, "says": "carried by amount"}) == [
        "what carries the drift (0.4 bits):",
        "column share of the drift bits most of it",
        "amount 75 % 0.3 up to 3: 10 % -> 60 % (75 %)",
        "by land, with the changes of how much of each there is (0.2 bits):",
        "segment share of the drift of all records foremost",
        "germany 100 % 50 % -> 25 % amount 100 %",
        "says: carried by amount",
    ]


def test_a_model_that_has_drifted_tells_its_columns_and_keeps_the_state_of_its_detector_to_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    columns = [{"column": "amount", "what": "spread", "effect": 0.123456, "detectors": ["sudden", "accumulating"]}]
    detail = {
        "since": None,
        "columns": columns,
        "state": "17:eJw=",
        "segment_states": {"de": "x"},
        "attribution": PARTS,
    }

    lines = shown(capsys, detail)

    assert lines[1] == "column share of the drift bits most of it"
    assert lines[-4:] == [
        "since: -",
        "columns:",
        "column what effect detectors",
        "amount spread 0.1235 sudden, accumulating",
    ]


def test_other_details_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    detail = {"bins": 10, "interval": [-0.123456, 2.0], "by_class": {"yes": 0.5}, "values": [], "recoded": True}

    assert shown(capsys, detail) == [
        "bins: 10",
        "interval: -0.1235, 2",
        "by_class: yes 0.5",
        "values: none",
        "recoded: yes",
    ]
