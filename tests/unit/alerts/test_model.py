"""Labels, charts and alert events refuse what they cannot be, and come back from JSON as they were."""

from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import AlertEvent, Chart, Labels, Severity
from alerts.testing.messages import CHART, START
from alerts.wire import AlertEventDocument, dump_event, load_dumped, load_event

CHURN = Labels.of({"model": "churn"})


def test_labels_are_the_same_in_any_order_and_without_the_empty_ones() -> None:
    one, other = Labels.of({"a": "1", "b": "2", "c": ""}), Labels.of({"b": "2", "a": "1"})

    assert (one, one.fingerprint) == (other, other.fingerprint)


def test_values_that_run_together_are_not_the_same_labels() -> None:
    assert Labels.of({"a": "1b2"}).fingerprint != Labels.of({"a": "1", "b": "2"}).fingerprint


@pytest.mark.parametrize("mapping", [{"1a": "x"}, {"a-b": "x"}, {"": "x"}, {"a": "x" * 1025}])
def test_a_bad_label_is_refused(mapping: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="label"):
        Labels.of(mapping)


def test_an_event_is_refused_with_the_reason() -> None:
    naive = START.replace(tzinfo=None)
    berlin = START.astimezone(timezone(timedelta(hours=1)))

    with pytest.raises(ValueError, match="at least one label"):
        AlertEvent(Labels.of({}), {}, Severity.INFO, START)
    with pytest.raises(ValueError, match="severity is a field"):
        AlertEvent(Labels.of({"severity": "info"}), {}, Severity.INFO, START)
    with pytest.raises(ValueError, match=r"starts_at of alert event .* must be an aware UTC time"):
        AlertEvent(CHURN, {}, Severity.INFO, naive)
    with pytest.raises(ValueError, match=r"ends_at of alert event .* must be an aware UTC time"):
        AlertEvent(CHURN, {}, Severity.INFO, START, berlin)
    with pytest.raises(ValueError, match="before its start"):
        AlertEvent(CHURN, {}, Severity.INFO, START, START - timedelta(seconds=1))


def test_a_chart_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="2 categories, 1 and 2 values"):
        Chart("c", "bars", ("a", "b"), (1.0,), (1.0, 2.0))
    with pytest.raises(ValueError, match="0 points"):
        Chart("c", "bars", (), (), ())
    with pytest.raises(ValueError, match="not finite"):
        Chart("c", "bars", ("a",), (float("nan"),), (1.0,))


def test_an_event_in_alertmanagers_form_is_an_event() -> None:
    posted = (
        '{"labels":{"model":"churn"},"annotations":{"summary":"s"},"startsAt":"2026-03-01T13:00:00+01:00",'
        '"generatorURL":"https://example.org/"}'
    )

    event = load_event(posted)

    assert (event.labels, event.starts_at, event.ends_at) == (CHURN, START, None)
    assert (event.severity, event.link) == (Severity.WARNING, "https://example.org/")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.from_regex(r"[a-z_]{1,7}", fullmatch=True)  # one letter too short for "severity"


@given(
    values=st.dictionaries(names, texts.filter(bool), min_size=1),
    annotations=st.dictionaries(texts, texts),
    minutes=st.integers(0, 10**6),
    severity=st.sampled_from(Severity),
)
def test_an_event_comes_back_from_json_as_it_went_in(
    values: dict[str, str], annotations: dict[str, str], minutes: int, severity: Severity
) -> None:
    ends = START + timedelta(minutes=minutes)
    event = AlertEvent(Labels.of(values), annotations, severity, START, ends, None, (CHART,), START)

    text = dump_event(event)
    again, trusted = load_event(text), load_dumped(text)

    assert (again, trusted, dump_event(again)) == (event, event, text)
    # the id of an event is made of its text, and of one that comes again after an update it must be the same
    document = AlertEventDocument.model_validate_json(text)
    assert document.model_dump_json(by_alias=True, exclude_none=True) == text


def test_an_amendment_comes_back_as_one() -> None:
    event = AlertEvent(
        CHURN, {"retraining": "runs"}, Severity.INFO, START, None, "https://x.org", (), None, amends=True
    )

    assert load_dumped(dump_event(event)) == load_event(dump_event(event)) == event


def test_what_is_no_text_is_refused_before_it_is_kept() -> None:
    with pytest.raises(TypeError, match="int"):
        dump_event(AlertEvent(CHURN, {"weight": 3}, Severity.INFO, START))  # type: ignore[dict-item]
