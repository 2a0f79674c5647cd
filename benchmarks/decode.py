"""JSON bytes to updated profiles by the safe and by the fast decoder, against whylogs and Evidently on the same rows.

The messages, the programs and how they are measured are those of `ingest`, but nothing is saved. `vs_` are of the
decoder that a program uses when nothing else is said: the fast one where it was built. `mixed_slowdown` is how much
longer a record takes (share of the time) when 50 models share the topic and 1 % of the messages are bad, against one
of these models alone and clean; every model has as many records in a window in both, and polls are gathered as ingest
gathers them. `mismatches` counts messages of
a fresh seed on which the two decoders disagree (make fuzz). `wide_` are of records with a text and an embedding.
"""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks import wide_records
from benchmarks.ingest import BASELINE_ROWS, EVIDENTLY_ROWS, POLL, ROUNDS, WINDOW_ROWS
from benchmarks.payloads import crowd
from benchmarks.programs import (
    NOT_SAVED,
    driftline,
    evidently,
    ratio,
    whylogs,
    whylogs_environment,
    windows_of,
    write,
)
from monitor.adapters.native import compiled_scanner

ROWS, PEER_ROWS = 100_000, 20_000
MODELS, BAD_EVERY = 50, 100
CROWD_ROWS = MODELS * WINDOW_ROWS
"""A whole window of each: with half of one, what a window costs would weigh twice on a record."""
FUZZED = 50_000
FUZZ_SEED = 424_242


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """Events per CPU second of each, medians; ratios are medians over rounds of the ratio within a round."""
    python = whylogs_environment(progress)
    module, why = compiled_scanner()
    rates: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        progress("writing messages")
        _write_all(made)
        programs = _programs(python, made, with_fast=module is not None)
        for number in range(ROUNDS):
            for name, measured in programs.items():
                rates[name].append(measured())
            progress(f"round {number + 1}: " + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items()))
    default = "safe" if module is None else "fast"
    figures: dict[str, float | int | str] = {
        "safe_events_per_s": round(statistics.median(rates["safe"])),
        "fast_events_per_s": round(statistics.median(rates["fast"])) if module is not None else f"absent: {why}",
        "mismatches": _mismatches(progress) if module is not None else "absent",
        "vs_whylogs": ratio(rates[default], rates["whylogs"]),
        "vs_evidently": ratio(rates[default], rates["evidently"]),
        "mixed_slowdown": _slowdown(rates, default),
        "safe_vs_whylogs": ratio(rates["safe"], rates["whylogs"]),
        "safe_vs_evidently": ratio(rates["safe"], rates["evidently"]),
        "safe_mixed_slowdown": _slowdown(rates, "safe"),
        "rounds": ROUNDS,
    }
    progress("records with a text and an embedding")
    wide_safe, wide = wide_records.speed()
    return figures | {
        "wide_safe_events_per_s": round(wide_safe),
        "wide_fast_events_per_s": round(wide) if module is not None else "absent",
    }


def _write_all(made: Path) -> None:
    write(made / "ours", windows_of(ROWS, 1, WINDOW_ROWS))
    write(made / "alone", crowd(windows_of(ROWS, 1, WINDOW_ROWS), 1))
    write(made / "crowd", crowd(windows_of(CROWD_ROWS, 1, WINDOW_ROWS * MODELS), MODELS, BAD_EVERY))
    write(made / "whylogs", windows_of(PEER_ROWS, 1, WINDOW_ROWS))
    write(made / "evidently", windows_of(EVIDENTLY_ROWS, 1, WINDOW_ROWS))
    write(made / "baseline", windows_of(BASELINE_ROWS, 2, WINDOW_ROWS))


def _programs(python: Path, made: Path, *, with_fast: bool) -> dict[str, Callable[[], float]]:
    """What a round measures, in events per CPU second."""

    def ours(messages: str, models: int, path: str, rows: int = ROWS) -> Callable[[], float]:
        return lambda: rows / driftline("driftline_decode", str(made / messages), str(POLL), str(models), path)

    programs: dict[str, Callable[[], float]] = {}
    for path in ("safe", "fast") if with_fast else ("safe",):
        programs[path] = ours("ours", 0, path)
        programs[f"{path}, alone"] = ours("alone", 1, path)
        programs[f"{path}, crowd"] = ours("crowd", MODELS, path, CROWD_ROWS)
    programs["whylogs"] = lambda: PEER_ROWS / whylogs(python, made / "whylogs", WINDOW_ROWS, POLL, NOT_SAVED)
    programs["evidently"] = lambda: (
        EVIDENTLY_ROWS / evidently(made / "evidently", made / "baseline", WINDOW_ROWS, NOT_SAVED)
    )
    return programs


def _slowdown(rates: dict[str, list[float]], path: str) -> float:
    pairs = zip(rates[f"{path}, alone"], rates[f"{path}, crowd"], strict=True)
    return round(statistics.median(alone / crowded - 1 for alone, crowded in pairs), 2)


def _mismatches(progress: Callable[[str], None]) -> int:
    from tests.fuzz.differences import mismatches

    progress(f"comparing the decoders on {FUZZED:,} odd and damaged messages")
    return mismatches(FUZZED, FUZZ_SEED)
