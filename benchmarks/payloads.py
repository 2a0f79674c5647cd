"""The inference log of the benchmarks: about 680 bytes a record, 20 numbers and 5 words, as servers write them."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.time import format_instant
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn

HOUR = timedelta(hours=1)
REF = ModelRef("benchmark", "1")
MODEL = MonitoredModel("benchmark", WindowSpec(HOUR, HOUR), timedelta(minutes=5), 24 * HOUR)
START = datetime(2026, 11, 1, tzinfo=UTC)
NUMBERS = tuple(f"num_{i:02d}" for i in range(20))
WORDS = tuple(f"cat_{i}" for i in range(5))
LEVELS = (3, 8, 20, 50, 100)


def columns(rows: int, seed: int = 0, shift: float = 0.0) -> dict[str, Column]:
    """Features as columns: seven long doubles, seven with four decimals, six small integers, five words."""
    random = np.random.default_rng(seed)
    made: dict[str, Column] = {}
    for place, name in enumerate(NUMBERS):
        if place < 7:
            values = random.lognormal(1.0, 1.0, rows) + shift
        elif place < 14:
            values = np.round(random.normal(50 + 5 * shift, 5, rows), 4)
        else:
            values = random.poisson(3 + place, rows).astype(np.float64)
        made[name] = NumericColumn(values)
    for name, levels in zip(WORDS, LEVELS, strict=True):
        chances = 1 / np.arange(1, levels + 1)
        picked = random.choice(levels, rows, p=chances / chances.sum())
        made[name] = CategoricalColumn([f"value_{one}" for one in picked.tolist()])
    return made


def model_baseline(rows: int = 20_000) -> Baseline:
    """A baseline of the features."""
    return Baseline.build(REF, columns(rows, seed=99), "made for the benchmark", with_pairs=True)


def payloads(n: int, seed: int = 0, chunk: int = 20_000, over: timedelta = HOUR) -> Iterator[bytes]:
    """Records spread evenly over a span of event time."""
    for first in range(0, n, chunk):
        rows = min(chunk, n - first)
        made = columns(rows, seed + first)
        values = {name: _plain(column) for name, column in made.items()}
        for row in range(rows):
            number = first + row
            record = {
                "event_id": f"{number:012x}-benchmark",
                "model": REF.name,
                "model_version": REF.version,
                "event_time": format_instant(START + over * (number / n)),
                "request_id": f"req-{number:016x}",
                "features": {name: values[name][row] for name in values},
                "prediction": "yes" if number % 3 else "no",
                "score": round((number % 997) / 997, 6),
                "latency_ms": round(3 + (number % 71) / 10, 2),
            }
            yield json.dumps(record, separators=(",", ":")).encode()


def name_of(number: int) -> str:
    """The name of one of many models, all alike but for the names of their columns."""
    return f"model_{number:02d}"


def column_of(number: int, column: str) -> str:
    """What a model calls a column."""
    return f"m{number:02d}_{column}"


def crowd(messages: Iterable[bytes], models: int, bad_every: int = 0) -> Iterator[bytes]:
    """The messages in turn of many models; of `bad_every` one is cut in half, or has a word where a number is due."""
    for number, message in enumerate(messages):
        model = number % models
        made = message.replace(REF.name.encode(), name_of(model).encode(), 2)
        made = made.replace(b'"num_', f'"{column_of(model, "num_")}'.encode())
        made = made.replace(b'"cat_', f'"{column_of(model, "cat_")}'.encode())
        if bad_every and number % bad_every == bad_every // 2:
            field = f'"{column_of(model, NUMBERS[3])}":'.encode()
            cut = number // bad_every % 2 == 0
            made = made[: len(made) // 2] if cut else made.replace(field, field + b'"unknown","was":')
        yield made


def _plain(column: Column) -> list[float | int | str | None]:
    if isinstance(column, CategoricalColumn):
        return list(column.values)
    whole = bool((column.values == np.floor(column.values)).all())
    return [int(value) if whole else value for value in column.values.tolist()]
