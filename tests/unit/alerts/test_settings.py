"""Durations, and secrets that are kept elsewhere; what an HTTP answer says about waiting."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.http_outcome import retry_after
from alerts.model import DeliveryId
from alerts.retries import BACK_OFF, DeliveryPolicy, next_try
from alerts.settings import SecretMissing, SecretRef, format_duration, parse_duration
from alerts.testing.messages import START


@given(st.integers(0, 10**9))
def test_a_duration_comes_back_as_it_was_written(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5m1h", 5, None])
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number with d, h, m or s"):
        parse_duration(text)


def test_a_secret_is_read_from_the_environment_or_a_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "hush")
    (tmp_path / "secret").write_text("hush\n")

    read = [SecretRef(env="THE_SECRET").read(), SecretRef(file=tmp_path / "secret").read()]

    assert [secret.get_secret_value() for secret in read] == ["hush", "hush"]
    assert "hush" not in repr(read)


def test_a_secret_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    with pytest.raises(SecretMissing, match="environment variable NOT_SET is not set; export it"):
        SecretRef(env="NOT_SET").read()
    with pytest.raises(SecretMissing, match="cannot be read: No such file"):
        SecretRef(file=tmp_path / "nothing").read()
    with pytest.raises(SecretMissing, match="is empty"):
        SecretRef(file=tmp_path / "empty").read()


def test_a_secret_has_exactly_one_place() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        SecretRef()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: int | None) -> None:
    waits = retry_after({"retry-After": value}, START)

    assert waits == (None if seconds is None else timedelta(seconds=seconds))


@given(attempt=st.integers(1, 40), name=st.text("0123456789abcdef", min_size=32, max_size=32))
def test_waits_grow_as_listed_and_are_spread_by_a_fifth_the_same_way_every_time(attempt: int, name: str) -> None:
    policy, delivery = DeliveryPolicy(), DeliveryId(name)
    listed = BACK_OFF[min(attempt, len(BACK_OFF)) - 1]

    wait = next_try(policy, delivery, attempt, START, None) - START

    assert listed <= wait <= listed * 1.2
    assert next_try(policy, delivery, attempt, START, None) - START == wait
    assert next_try(policy, delivery, attempt, START, timedelta(days=1)) - START == timedelta(days=1)
