"""The bounds at which a worker stops reading."""

import pytest

from monitor.stream.dead_letter_limit import DeadLetterGauge, DeadLetterLimit


def gauge(ratio: float | None = 0.5, window: int = 100, consecutive: int | None = 30) -> DeadLetterGauge:
    return DeadLetterGauge(DeadLetterLimit(ratio, window, consecutive))


def test_a_few_bad_records_are_no_reason_to_stop() -> None:
    assert gauge().observe(20, 20, refused_at_end=20) is None


def test_a_run_of_bad_records_over_several_polls_passes_the_bound() -> None:
    watched = gauge(ratio=None)

    verdicts = [watched.observe(10, 10, refused_at_end=10) for _ in range(3)]

    assert verdicts == [None, None, "30 records in a row"]


def test_one_good_record_ends_a_run() -> None:
    watched = gauge(ratio=None)
    watched.observe(29, 29, refused_at_end=29)

    assert watched.observe(21, 20, refused_at_end=20) is None
    assert watched.observe(9, 9, refused_at_end=9) is None
    assert watched.observe(1, 1, refused_at_end=1) is not None


def test_the_ratio_is_judged_over_the_last_records_and_not_before_there_are_so_many() -> None:
    watched = gauge(consecutive=None)

    early = watched.observe(99, 98, refused_at_end=0)
    full = watched.observe(1, 0, refused_at_end=0)
    recovered = [watched.observe(50, 0, refused_at_end=0) for _ in range(3)]

    assert early is None
    assert full == "98 of the last 100 records"
    assert recovered[-1] is None


@pytest.mark.parametrize("refused", [0, 50])
def test_at_the_ratio_itself_reading_goes_on(refused: int) -> None:
    assert gauge(consecutive=None).observe(100, refused, refused_at_end=0) is None
