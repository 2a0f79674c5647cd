"""JSON bytes to saved shares on one core, against whylogs profiles and Evidently reports of the same windows.

Every program reads the same messages (20 numbers, 5 words, about 690 bytes), in hourly windows, and saves its result
of each window in a SQLite file. Only CPU seconds of the work are counted: imports, the baseline and reading the file
into memory are not. Each runs in a process of its own with one thread on one core; repetitions alternate.

Driftline and whylogs get the same polls. whylogs has a cost by the call, so the ratio depends on their size:
`vs_whylogs` is with the 5,000 records of our Kafka default (so whylogs sees whole windows at once, its best case),
and a second ratio is with polls of 1,000.
"""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks.programs import driftline, evidently, ratio, whylogs, whylogs_environment, windows_of, write

ROUNDS = 3
WINDOW_ROWS = 4_000
"""Records of a model in an hour: Evidently's cost is by the report, so larger windows cost it less a record."""

POLL, SMALL_POLL = 5_000, 1_000
LARGE_WINDOW_ROWS = 20_000
OURS, WHYLOGS_ROWS, EVIDENTLY_ROWS, BASELINE_ROWS = 200_000, 40_000, 8_000, 20_000


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """Events per CPU second of each, medians; `vs_` is the median over rounds of the ratio within a round."""
    python = whylogs_environment(progress)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        progress("writing messages")
        for name, rows, seed in (("ours", OURS, 1), ("whylogs", WHYLOGS_ROWS, 1), ("evidently", EVIDENTLY_ROWS, 1)):
            write(made / name, windows_of(rows, seed, WINDOW_ROWS))
        write(made / "large", windows_of(LARGE_WINDOW_ROWS, 1, LARGE_WINDOW_ROWS))
        write(made / "baseline", windows_of(BASELINE_ROWS, 2, WINDOW_ROWS))
        rates: dict[str, list[float]] = defaultdict(list)
        for number in range(ROUNDS):
            for name, measured in _programs(python, made, number).items():
                rates[name].append(measured())
            progress(f"round {number + 1}: " + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items()))
        large = LARGE_WINDOW_ROWS / evidently(
            made / "large", made / "baseline", LARGE_WINDOW_ROWS, str(made / "large.db")
        )
        progress(f"evidently, windows of {LARGE_WINDOW_ROWS:,}: {large:,.0f}/s")
    ours = statistics.median(rates["ours"])
    return {
        "events_per_s_core": round(ours),
        "vs_whylogs": ratio(rates["ours"], rates["whylogs"]),
        "vs_evidently": ratio(rates["ours"], rates["evidently"]),
        "whylogs_events_per_s": round(statistics.median(rates["whylogs"])),
        "evidently_events_per_s": round(statistics.median(rates["evidently"])),
        "vs_whylogs_in_polls_of_1000": ratio(rates["ours, small polls"], rates["whylogs, small polls"]),
        "vs_evidently_in_windows_of_20000": round(ours / large, 1),
        "window_rows": WINDOW_ROWS,
        "rounds": ROUNDS,
    }


def _programs(python: Path, made: Path, number: int) -> dict[str, Callable[[], float]]:
    """What a round measures, in events per CPU second."""

    def ours(poll: int) -> float:
        database = str(made / f"ours-{poll}-{number}.db")
        return OURS / driftline("driftline_ingest", str(made / "ours"), str(poll), database)

    def peer(poll: int) -> float:
        database = str(made / f"whylogs-{poll}-{number}.db")
        return WHYLOGS_ROWS / whylogs(python, made / "whylogs", WINDOW_ROWS, poll, database)

    def reports() -> float:
        database = str(made / f"evidently-{number}.db")
        return EVIDENTLY_ROWS / evidently(made / "evidently", made / "baseline", WINDOW_ROWS, database)

    return {
        "ours": lambda: ours(POLL),
        "whylogs": lambda: peer(POLL),
        "ours, small polls": lambda: ours(SMALL_POLL),
        "whylogs, small polls": lambda: peer(SMALL_POLL),
        "evidently": reports,
    }
