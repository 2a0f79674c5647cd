"""Sequential detectors: stated and measured run lengths, delays and speed, beside River's on the same values.

Normal noise of one seed for all. River's detectors run at their defaults, which state no run length: theirs is
measured, and our delays are those at a run length of 10,000 records: who alarms more often is quicker. Speed is values
per CPU second: ours in polls of 5,000, River's value by value, as its interface is; rounds alternate. What a worker
pays is the last part: CPU seconds of the same messages with and without detectors.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.programs import driftline, ratio, windows_of, write
from monitor.domain.sequential import DETECTORS, FalseAlarmRate, SequentialSpec
from monitor.stats.columns import CategoricalColumn, Floats, NumericColumn
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.sequential import make_detector
from monitor.stats.sequential.categories import Categories
from monitor.stats.sequential.detector import Codes, Detector
from monitor.stats.sequential.scores import Scores
from monitor.stats.texts import CodedTexts

ARL, RIVER_N, RUNS, ROUNDS, MESSAGES = 10_000, 400_000, 40, 3, 100_000
STATED = (10_000, 100_000)
FALSE_ALARMS = 60
"""About so many are expected in what a run length is measured on: its standard error is an eighth."""

POLL, BEFORE, AFTER = 5_000, 2_000, 20_000
SHIFTS = (0.25, 0.5, 1.0)


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`arl_` is measured over stated run length; `delay_` the median of values until a shift (in sd) is found."""
    scores = _baseline()
    figures: dict[str, float | int | str] = {}
    for name in DETECTORS:
        for stated in STATED:
            n = stated * FALSE_ALARMS
            figures[f"arl_{name}_{stated}"] = round(_run_length(_ours(name, scores, stated), scores, n) / stated, 2)
        of = partial(_alarms, _ours(name, scores, ARL), scores)
        for shift in SHIFTS:
            figures[f"delay_{name}_{_spoken(shift)}"] = _delay(of, shift)
        progress(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items() if name in key))
    figures |= _categories(progress)
    figures |= _river(scores, progress)
    return figures | _ingest(progress)


def _baseline() -> Scores:
    values = np.random.default_rng(1).normal(size=100_000)
    layout = NumericLayout.of(values)
    profile = NumericProfile.empty(layout)
    profile.update(NumericColumn(values))
    scores = Scores.of(layout, profile)
    assert scores is not None
    return scores


def _ours(name: str, scores: Scores, arl: float) -> Detector:
    return make_detector(SequentialSpec(name, "x", FalseAlarmRate(1, int(arl))), scores, arl)


def _alarms(of: Detector, scores: Scores, values: Floats, enough: int | None = None) -> list[int]:
    """Positions of the alarms, up to the first at or after `enough`."""
    return _alarms_of_codes(of, scores.code(values)[0], enough)


def _alarms_of_codes(of: Detector, codes: Codes, enough: int | None = None) -> list[int]:
    times = np.arange(len(codes), dtype=np.int64)
    state, at, found = of.start(), 0, []
    while at < len(codes):
        step = of.advance(state, codes[at : at + POLL], times[at : at + POLL])
        state, at = step.state, at + step.used
        if step.alarm is not None:
            found.append(at - 1)
            if enough is not None and at > enough:
                break
    return found


def _run_length(of: Detector, scores: Scores, n: int) -> float:
    return n / max(1, len(_alarms(of, scores, np.random.default_rng(2).normal(size=n))))


def _delay(alarms: Callable[..., list[int]], shift: float) -> float:
    took = []
    for seed in range(RUNS):
        chance = np.random.default_rng(1_000 + seed)
        values = np.concatenate((chance.normal(size=BEFORE), chance.normal(shift, size=AFTER)))
        late = [at for at in alarms(values, enough=BEFORE) if at >= BEFORE]
        took.append(late[0] - BEFORE + 1 if late else AFTER)
    return float(np.median(took))


def _spoken(shift: float) -> str:
    return f"{shift:.2f}_sd".replace(".", "_")


# --- categories


def _categories(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`conformal` on a column of thirty values, the n-th of which has a share of 1 / n of the first's."""
    shares = 1 / np.arange(1, 31) / np.sum(1 / np.arange(1, 31))
    names = [f"v{place}" for place in range(30)]

    def texts(seed: int, n: int, shares: Floats) -> CodedTexts:
        return CodedTexts(np.random.default_rng(seed).choice(30, size=n, p=shares).astype(np.int32), names)

    column = CategoricalColumn(texts(1, 100_000, shares))
    layout = CategoricalLayout.of(column.values)
    profile = CategoricalProfile.empty(layout)
    profile.update(column)
    law = Categories.of(layout, profile)
    assert law is not None
    of = make_detector(SequentialSpec("conformal", "x", FalseAlarmRate(1, ARL)), law, ARL)
    n = ARL * FALSE_ALARMS // 2
    calm, _ = law.code(texts(2, n, shares))
    began = time.process_time()
    alarms = len(_alarms_of_codes(of, calm))
    speed = n / (time.process_time() - began)
    doubled = shares * np.where(np.arange(30) == 1, 2, 1)
    moved = [law.code(texts(100 + seed, AFTER, doubled / doubled.sum()))[0] for seed in range(RUNS)]
    delays = [_alarms_of_codes(of, np.concatenate((calm[:BEFORE], codes)), BEFORE)[-1] - BEFORE + 1 for codes in moved]
    figures: dict[str, float | int | str] = {
        f"arl_categories_{ARL}": round(n / max(1, alarms) / ARL, 2),
        "delay_category_doubled": float(np.median(delays)),
        "categories_values_per_s": round(speed),
    }
    progress("categories: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    return figures


# --- River


def _river(scores: Scores, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    from river import drift

    makers: dict[str, Callable[[], object]] = {
        "adwin": drift.ADWIN,
        "page_hinkley": drift.PageHinkley,
        "kswin": partial(drift.KSWIN, seed=1),
    }
    figures: dict[str, float | int | str] = {}
    for name, make in makers.items():
        n = RIVER_N if name != "kswin" else RIVER_N // 40
        theirs, values = partial(_river_alarms, make), np.random.default_rng(3).normal(size=n)
        figures[f"river_{name}_arl"] = round(n / max(1, len(theirs(values))))
        for shift in SHIFTS if name != "kswin" else ():
            figures[f"river_delay_{name}_{_spoken(shift)}"] = _delay(theirs, shift)
        figures |= _speeds(name, partial(_alarms, _ours(name, scores, ARL), scores), theirs, values)
        progress(f"river {name}: " + ", ".join(f"{k} {v}" for k, v in figures.items() if name in k))
    for name in ("conformal", "cusum"):
        mine, values = partial(_alarms, _ours(name, scores, ARL), scores), np.random.default_rng(3).normal(size=RIVER_N)
        figures[f"{name}_values_per_s"] = round(statistics.median(_rate(mine, values) for _ in range(ROUNDS)))
    return figures


def _speeds(
    name: str, mine: Callable[[Floats], object], theirs: Callable[[Floats], object], values: Floats
) -> dict[str, float | int | str]:
    rates = [(_rate(mine, values), _rate(theirs, values)) for _ in range(ROUNDS)]
    ours, river = ([one[side] for one in rates] for side in (0, 1))
    return {
        f"{name}_values_per_s": round(statistics.median(ours)),
        f"river_{name}_values_per_s": round(statistics.median(river)),
        f"{name}_vs_river": ratio(ours, river),
    }


def _river_alarms(make: Callable[[], object], values: Floats, enough: int | None = None) -> list[int]:
    """A fresh one after each alarm, as ours begin anew."""
    detector, found = make(), []
    for at, value in enumerate(values.tolist()):
        detector.update(value)  # type: ignore[attr-defined]
        if detector.drift_detected:  # type: ignore[attr-defined]
            found.append(at)
            if enough is not None and at >= enough:
                break
            detector = make()
    return found


def _rate(call: Callable[[Floats], object], values: Floats) -> float:
    began = time.process_time()
    call(values)
    return len(values) / (time.process_time() - began)


# --- what a worker pays


def _ingest(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """CPU seconds of reading the same messages with so many detectors, over those without any; rounds alternate."""
    loads = {"none": (0, ""), "one": (1, "cusum"), "fifteen": (3, " ".join(DETECTORS))}
    seconds: dict[str, list[float]] = {name: [] for name in loads}
    with tempfile.TemporaryDirectory() as folder:
        messages = Path(folder) / "messages"
        write(messages, windows_of(MESSAGES, 1, MESSAGES))
        for number in range(ROUNDS):
            for name, (columns, names) in loads.items():
                database = str(Path(folder) / f"{name}-{number}.db")
                taken = driftline("driftline_ingest", str(messages), str(POLL), database, str(columns), names)
                seconds[name].append(taken)
    progress("ingest: " + ", ".join(f"{name} {statistics.median(found):.2f} s" for name, found in seconds.items()))
    return {
        **{
            f"ingest_cpu_with_{name}": round(
                statistics.median(a / b for a, b in zip(found, seconds["none"], strict=True)), 2
            )
            for name, found in seconds.items()
            if name != "none"
        },
        "ingest_events_per_s_core": round(MESSAGES / statistics.median(seconds["none"])),
        "rounds": ROUNDS,
    }
