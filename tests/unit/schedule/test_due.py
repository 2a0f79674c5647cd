"""What is due: a table of situations, and the law that no window is skipped or judged twice."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.evaluation import DoneEvaluation, Evaluation
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import GroundTruthPolicy, ModelRef, MonitoredModel
from monitor.domain.partitions import PartitionId
from monitor.domain.stream import HISTORY_PREFIX, PaneSummary, PartitionProgress, TopicKind
from monitor.domain.time import duration_ms, to_ms
from monitor.domain.windows import WindowSpec
from monitor.schedule.closing import closes_until_ms
from monitor.schedule.due import MAX_GAP_WINDOWS, MAX_SILENT_WINDOWS, due, jitter_ms
from monitor.schedule.staleness import stalest

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
DAY0 = to_ms(datetime(2026, 11, 1, tzinfo=UTC))
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), timedelta(minutes=10), 24 * HOUR)
WATCHED = replace(MODEL, silence_after=timedelta(minutes=30))
TRUTH = replace(MODEL, ground_truth=GroundTruthPolicy(wait=6 * HOUR, min_coverage=0.8, horizon=48 * HOUR))
DRIFT, PERFORMANCE = EvaluationKind.DRIFT, EvaluationKind.PERFORMANCE


def at(hours: float) -> int:
    return DAY0 + round(hours * HOUR_MS)


def partition(
    watermark: float | None, number: int = 0, *, seen: float | None = None, unread: int = 1, news: float = 0.0
) -> PartitionProgress:
    """A partition whose newest event time is `watermark` hours after midnight; `seen` is when its end was seen."""
    return PartitionProgress(
        PartitionId("log", number),
        TopicKind.INFERENCE,
        epoch=1,
        owner="worker",
        next_offset=100,
        watermark_ms=None if watermark is None else at(watermark),
        highwater=100 + unread,
        updated_at_ms=at(news),
        caught_up_at_ms=None if seen is None else at(seen),
    )


def pane(hour: int, n: int = 100, version: str = "1", truths: int = 0) -> PaneSummary:
    return PaneSummary("churn", version, at(hour), n, 0, truths, truths)


def short(evaluations: list[Evaluation]) -> list[tuple[float, str, int, int]]:
    """(hour of the start, version, revision, mark) of each."""
    return [((e.window.start_ms - DAY0) / HOUR_MS, e.model.version, e.revision, e.mark) for e in evaluations]


def judged(evaluations: list[Evaluation]) -> list[DoneEvaluation]:
    return [DoneEvaluation(e.model, e.window, e.kind, e.revision, e.mark) for e in evaluations]


@pytest.mark.parametrize(("watermark", "starts"), [(1.0, []), (1.16, []), (1.17, [0]), (2.2, [0, 1]), (9.9, [0, 1, 3])])
def test_a_window_is_due_when_the_watermark_has_passed_its_end_by_the_lateness(
    watermark: float, starts: list[int]
) -> None:
    panes = [pane(0), pane(1), pane(3)]

    found = due([MODEL], [partition(watermark)], panes, [])

    assert [e.window.start_ms for e in found] == [at(start) for start in starts]


def test_the_partition_that_is_furthest_behind_holds_every_window_back() -> None:
    ahead, behind = partition(9, 0), partition(1, 1)

    assert short(due([MODEL], [ahead, behind], [pane(0), pane(5)], [])) == []


@pytest.mark.parametrize(
    ("partitions", "hours"),
    [
        ([partition(5, 0)], 5),
        ([partition(5, 0), partition(3, 1)], 3),
        ([partition(5, 0), partition(None, 1)], None),
        ([partition(5, 0), partition(None, 1, seen=0, unread=0)], 5),
        ([partition(5, 0), replace(partition(None, 1, seen=0), next_offset=None, highwater=0)], 5),
        ([partition(5, 0), replace(partition(None, 1, seen=0), next_offset=None, highwater=1)], None),
        ([partition(5, 0), partition(3, 1, seen=0, unread=0)], 5),
        ([partition(5, 0, seen=0, unread=0), partition(3, 1, seen=0, unread=0)], 5),
        ([partition(5, 0, seen=0, unread=0), partition(3, 1)], 3),
        ([partition(5, 0, news=1), partition(3, 1, seen=0.9, unread=0)], 3),
        ([partition(None, 0, seen=0, unread=0)], None),
        ([], None),
    ],
    ids=[
        "one",
        "least of two",
        "one never read",
        "an empty one holds nobody back",
        "one that was never written to holds nobody back",
        "the first record of one waits to be read",
        "a finished file holds nobody back",
        "two finished files",
        "a lagging one holds back though the other is finished",
        "an end seen long ago does not count as read",
        "nothing ever came",
        "no partitions",
    ],
)
def test_event_time_is_complete_up_to(partitions: list[PartitionProgress], hours: int | None) -> None:
    model = replace(MODEL, lateness=timedelta(0))

    assert closes_until_ms(model, partitions) == (None if hours is None else at(hours))


def test_ground_truth_topics_do_not_close_windows() -> None:
    truth = replace(partition(1, 1), kind=TopicKind.GROUND_TRUTH)

    assert len(due([MODEL], [partition(5), truth], [pane(0)], [])) == 1


@pytest.mark.parametrize(
    ("seen", "hours"), [(1.4, 1.0), (1.5, 1.5), (7.0, 7.0), (None, 1.0)], ids=["a pause", "silence", "long", "lagging"]
)
def test_the_clock_closes_windows_only_of_a_stream_that_is_silent_for_long_enough(
    seen: float | None, hours: float
) -> None:
    model = replace(WATCHED, lateness=timedelta(0))

    assert closes_until_ms(model, [partition(1, seen=seen)]) == at(hours)


def test_the_clock_closes_no_windows_of_history() -> None:
    model = replace(WATCHED, lateness=timedelta(0))

    assert closes_until_ms(model, [replace(partition(1, seen=7), owner=HISTORY_PREFIX)]) == at(1)


@pytest.mark.parametrize("silence_after", [None, timedelta(minutes=5)])
@pytest.mark.parametrize("unread", [0, 3])
def test_what_a_backfill_has_read_holds_nobody_back(silence_after: timedelta | None, unread: int) -> None:
    """Nobody watches its end; a reader that died is another matter."""
    model = replace(WATCHED, lateness=timedelta(0), silence_after=silence_after)
    history = replace(partition(1, 0, seen=1.5, unread=unread), owner=f"{HISTORY_PREFIX}worker")
    live = partition(9, 1, seen=9, unread=0, news=9)

    assert closes_until_ms(model, [history, live]) == at(9)
    assert closes_until_ms(model, [replace(history, owner="dead"), live]) != at(9)
    assert stalest([history, live], at(9)) == (live, 0)


def test_a_silent_partition_whose_reader_died_holds_back_what_came_after_it_was_last_seen() -> None:
    model = replace(WATCHED, lateness=timedelta(0))

    assert closes_until_ms(model, [partition(1, 0, seen=4), partition(9, 1)]) == at(4)


def test_empty_windows_of_a_silent_model_are_due_with_mark_zero_under_the_newest_version() -> None:
    panes = [pane(0, version="1"), pane(1, version="2")]

    found = due([WATCHED], [partition(1.9, seen=4.2)], panes, [])

    assert short(found) == [(0, "1", 0, 100), (1, "2", 0, 100), (2, "2", 0, 0), (3, "2", 0, 0)]


def test_a_model_that_was_never_seen_is_not_missed() -> None:
    assert due([WATCHED], [partition(1, seen=9)], [], []) == []


def test_a_model_without_silence_after_is_not_missed() -> None:
    assert short(due([MODEL], [partition(9)], [pane(0)], [])) == [(0, "1", 0, 100)]


def test_a_silent_model_is_known_by_what_was_judged_when_its_panes_are_gone() -> None:
    done = judged(due([WATCHED], [partition(1.2)], [pane(0)], []))

    found = due([WATCHED], [partition(1.2, seen=2.5)], [], done)

    assert short(found) == [(1, "1", 0, 0)]


def test_of_a_long_silence_the_newest_windows_are_judged() -> None:
    found = due([WATCHED], [partition(0.9, seen=1000.5)], [pane(0)], [])

    assert len(found) == 1 + MAX_SILENT_WINDOWS
    assert short(found)[-1] == (999, "1", 0, 0)
    assert due([WATCHED], [partition(0.9, seen=1000.5)], [pane(0)], judged(found)) == []


def test_empty_windows_of_history_are_due_between_records_and_neither_before_nor_after() -> None:
    history = replace(partition(9.9, seen=1000), owner=HISTORY_PREFIX)
    panes = [pane(2), pane(3), pane(6)]

    found = due([WATCHED], [history], panes, [])

    assert short(found) == [(2, "1", 0, 100), (3, "1", 0, 100), (4, "1", 0, 0), (5, "1", 0, 0), (6, "1", 0, 100)]
    assert due([WATCHED], [history], panes, judged(found)) == []
    assert [e.mark for e in due([MODEL], [history], panes, [])] == [100, 100, 100]


def test_history_that_goes_on_in_other_files_is_missed_between_them() -> None:
    before = judged(due([WATCHED], [replace(partition(2.9), owner=HISTORY_PREFIX)], [pane(0), pane(1)], []))

    found = due([WATCHED], [replace(partition(6.9), owner=HISTORY_PREFIX)], [pane(0), pane(1), pane(4)], before)

    assert short(found) == [(2, "1", 0, 0), (3, "1", 0, 0), (4, "1", 0, 100)]


@pytest.mark.parametrize("size", [1, 3], ids=["tumbling", "sliding"])
def test_a_gap_is_judged_alike_at_once_and_while_it_lasts(size: int) -> None:
    model = replace(WATCHED, windows=WindowSpec(size * HOUR, HOUR))
    panes = [pane(0), pane(1, version="2"), *(pane(h, version="3") for h in (40, 41, 90))]
    last = 95.0

    at_once = due([model], [replace(partition(last), owner=HISTORY_PREFIX)], panes, [])
    ledger = Ledger()
    for hour in range(round(last) + 1):
        come = [p for p in panes if p.pane_start_ms <= at(hour)]
        newest = max(p.pane_start_ms for p in come)
        live = partition((newest - DAY0) / HOUR_MS + 0.9, seen=hour + 0.9)
        ledger.commit(due([model], [live], come, ledger.newest.values()))

    end = max(e.window.end_ms for e in at_once if e.mark)
    in_turn = {(d.window.start_ms, d.model.version): d.mark for d in ledger.newest.values() if d.window.end_ms <= end}
    assert {(e.window.start_ms, e.model.version): e.mark for e in at_once} == in_turn
    assert len([e for e in at_once if not e.mark]) == (38 + 48 if size == 1 else 36 + 46)


def test_every_gap_is_judged_and_of_a_very_long_one_its_newest_windows() -> None:
    hours = [0, 30, 60, 90 + MAX_GAP_WINDOWS]

    found = due([WATCHED], [partition(hours[-1] + 1.9)], [pane(hour) for hour in hours], [])

    empty = [start for start, _, _, mark in short(found) if not mark]
    assert empty == [*range(1, 30), *range(31, 60), *range(90, hours[-1])]


def test_records_that_come_late_make_the_next_revision_of_a_judged_window() -> None:
    progress = [partition(5)]
    done = judged(due([MODEL], progress, [pane(0), pane(1)], []))

    found = due([MODEL], progress, [pane(0, n=101), pane(1)], done)

    assert short(found) == [(0, "1", 1, 101)]


def test_records_that_come_late_into_an_empty_window_make_its_next_revision() -> None:
    done = judged(due([WATCHED], [partition(0.9, seen=2.2)], [pane(0)], []))

    found = due([WATCHED], [partition(1.5, seen=2.2)], [pane(0), pane(1, n=5)], done)

    assert short(found) == [(1, "1", 1, 5)]


def test_every_version_with_records_is_judged_on_its_own() -> None:
    found = due([MODEL], [partition(5)], [pane(0, 70, "1"), pane(0, 30, "2")], [])

    assert short(found) == [(0, "1", 0, 70), (0, "2", 0, 30)]


def test_a_sliding_window_covers_the_records_of_all_its_panes() -> None:
    model = replace(MODEL, windows=WindowSpec(3 * HOUR, HOUR))

    found = due([model], [partition(4.2)], [pane(0, 1), pane(1, 10), pane(3, 1000)], [])

    assert short(found) == [(-2, "1", 0, 1), (-1, "1", 0, 11), (0, "1", 0, 11), (1, "1", 0, 1010)]


@pytest.mark.parametrize(
    ("truths", "watermark", "due_with"),
    [
        (0, 2, None),
        (79, 2, None),
        (80, 2, 80),
        (10, 7, None),
        (10, 7.2, 10),
        (0, 7.2, 0),
    ],
)
def test_performance_is_judged_when_enough_truth_has_come_or_the_wait_is_over(
    truths: int, watermark: float, due_with: int | None
) -> None:
    found = due([TRUTH], [partition(watermark)], [pane(0, truths=truths)], [])

    marks = [e.mark for e in found if e.kind is PERFORMANCE]
    assert marks == ([] if due_with is None else [due_with])


@pytest.mark.parametrize(
    ("before", "after", "watermark", "is_due"),
    [(80, 84, 10, True), (80, 83, 10, False), (3, 4, 10, True), (80, 81, 49.1, False), (80, 81, 49.2, True)],
)
def test_performance_is_judged_again_when_truth_has_grown_by_a_twentieth_and_once_more_when_no_more_counts(
    before: int, after: int, watermark: float, is_due: bool
) -> None:
    done = judged(due([TRUTH], [partition(8)], [pane(0, truths=before)], []))

    found = due([TRUTH], [partition(watermark)], [pane(0, truths=after)], done)

    assert [(e.kind, e.revision, e.mark) for e in found] == ([(PERFORMANCE, 1, after)] if is_due else [])


def test_jitter_is_a_constant_of_the_name_and_moves_when_and_never_what() -> None:
    spread = HOUR

    waits = {name: jitter_ms(name, spread) for name in ("churn", "fraud", "price")}

    assert len(set(waits.values())) == 3
    assert all(0 <= wait < HOUR_MS for wait in waits.values())
    assert jitter_ms("churn", timedelta(0)) == 0
    edge = (HOUR_MS + duration_ms(MODEL.lateness) + waits["churn"]) / HOUR_MS
    assert due([MODEL], [partition(edge - 0.001)], [pane(0)], [], spread) == []
    assert short(due([MODEL], [partition(edge + 0.001)], [pane(0)], [], spread)) == [(0, "1", 0, 100)]


@dataclass
class Ledger:
    """What a store of evaluations would hold."""

    newest: dict[tuple[ModelRef, int, EvaluationKind], DoneEvaluation] = field(default_factory=dict)
    seen: list[tuple[str, int, EvaluationKind, int]] = field(default_factory=list)

    def commit(self, evaluations: list[Evaluation]) -> None:
        for done in judged(evaluations):
            self.newest[done.model, done.window.start_ms, done.kind] = done
            self.seen.append((done.model.version, done.window.start_ms, done.kind, done.revision))


arrivals = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["1", "2"]), st.integers(1, 9)), max_size=40)


@given(arrivals=arrivals, cuts=st.lists(st.integers(0, 40), max_size=6), crash_after=st.integers(0, 3))
def test_no_window_with_records_is_skipped_or_judged_twice_however_often_we_ask(
    arrivals: list[tuple[int, str, int]], cuts: list[int], crash_after: int
) -> None:
    model = replace(WATCHED, windows=WindowSpec(2 * HOUR, HOUR))
    ledger, counts, newest = Ledger(), dict[tuple[int, str], int](), -1
    for number, (hour, version, n) in enumerate([*arrivals, (40, "1", 1)]):
        counts[hour, version] = counts.get((hour, version), 0) + n
        newest = max(newest, hour)
        panes = [pane(h, count, v) for (h, v), count in sorted(counts.items())]
        if number in cuts or number == len(arrivals):
            progress = [partition(newest + 0.5)]
            ledger.commit(due([model], progress, panes, ledger.newest.values())[:crash_after])
            ledger.commit(due([model], progress, panes, ledger.newest.values()))
            assert due([model], progress, panes, ledger.newest.values()) == []

    expected = {(v, at(h - back)) for h, v in counts for back in (0, 1) if h - back + 2 + 1 / 6 <= newest + 0.5}
    filled = {(version, start) for version, start, _, _ in ledger.seen}
    assert len(ledger.seen) == len(set(ledger.seen))
    assert expected <= filled
    for (ref, start, _), done in ledger.newest.items():
        held = [n for (h, v), n in counts.items() if v == ref.version and start <= at(h) < start + 2 * HOUR_MS]
        assert done.mark == sum(held)
