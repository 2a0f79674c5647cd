"""`make chaos KILLS=100`: the proof at length, on servers of its own; the last line is one JSON object."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.__main__ import record
from monitor.testing.servers import KafkaBroker, PostgresServer
from tests.chaos.plan import Dose, draw
from tests.chaos.run import ASLEEP_S, Stage, run, succeeded

SECONDS_PER_KILL = 4.0
EVENTS_PER_SECOND = 5_000
"""At least so much time: one consumer alone can read this on a busy machine."""

FULL_KILLS, FULL_EVENTS = 100, 1_000_000
"""A run that is smaller is not recorded."""


def main() -> int:
    """0 when nothing was lost or doubled and all equals the clean pass, else 1."""
    asked = _arguments()
    seconds = max(asked.kills * SECONDS_PER_KILL, asked.events / EVENTS_PER_SECOND, 2 * ASLEEP_S)
    plan = draw(Dose.usual(asked.kills, seconds, ASLEEP_S), asked.seed)
    _say(f"seed {asked.seed}: {asked.kills} kills over {seconds:.0f} s while {asked.events:,} events are written")
    with (
        tempfile.TemporaryDirectory(prefix="driftline-chaos-") as folder,
        KafkaBroker(heap_mb=512) as broker,
        PostgresServer() as database,
    ):
        url, clean_url = (database.create_database(name) for name in ("chaos", "clean"))
        stage = Stage(broker, database, url, clean_url, Path(folder), client=asked.client)
        figures = run(stage, plan, asked.events, seconds, _say) | {"seed": asked.seed}
    if asked.kills >= FULL_KILLS and asked.events >= FULL_EVENTS:
        record(f"chaos ({asked.client})", figures)
    print(json.dumps(figures), flush=True)
    return 0 if succeeded(figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=FULL_KILLS)
    parser.add_argument("--events", type=int, default=FULL_EVENTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--client", choices=["kafka-python", "confluent"], default="kafka-python")
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"chaos: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
