"""The watermark depends on the log alone, never on how it was cut into polls."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.stream.watermark import NOTHING_SEEN, pass_records

times = st.lists(st.integers(-(10**13), 10**13), max_size=40)


def test_each_record_meets_the_newest_time_before_it() -> None:
    passage = pass_records(50, np.array([40, 70, 60, 90], np.int64), None)

    assert passage.before_ms.tolist() == [50, 50, 70, 70]
    assert passage.watermark_ms == 90


def test_a_clock_from_the_future_is_refused_and_moves_nothing() -> None:
    passage = pass_records(None, np.array([4_102_444_800_000, 70], np.int64), 1_000)

    assert passage.future.tolist() == [True, False]
    assert passage.before_ms.tolist() == [NOTHING_SEEN, NOTHING_SEEN]
    assert passage.watermark_ms == 70


def test_no_records_leave_it_where_it_was() -> None:
    nothing = np.array([], np.int64)

    assert pass_records(None, nothing, None).watermark_ms is None
    assert pass_records(7, nothing, None).watermark_ms == 7


@given(times, st.integers(0, 40), st.integers(-(10**13), 10**13) | st.none())
def test_cutting_the_log_anywhere_changes_nothing(log: list[int], cut: int, latest_ms: int | None) -> None:
    whole = pass_records(None, np.array(log, np.int64), latest_ms)

    first = pass_records(None, np.array(log[:cut], np.int64), latest_ms)
    second = pass_records(first.watermark_ms, np.array(log[cut:], np.int64), latest_ms)

    assert second.watermark_ms == whole.watermark_ms
    assert np.concatenate((first.before_ms, second.before_ms)).tolist() == whole.before_ms.tolist()
    assert np.concatenate((first.future, second.future)).tolist() == whole.future.tolist()


@given(times)
def test_it_never_goes_backwards(log: list[int]) -> None:
    met = pass_records(None, np.array(log, np.int64), None).before_ms

    assert (np.diff(met) >= 0).all()
