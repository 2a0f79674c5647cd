"""`make fuzz N=2000000 SEED=0`: the fast path of the decoder against the safe one, on millions of messages."""

import argparse
import sys
import time

from monitor.adapters.native import compiled_scanner
from monitor.domain.stream import TopicKind
from tests.fuzz.differences import PARTITION, Oracle
from tests.fuzz.messages import Messages

POLL = 2_000


def main() -> int:
    """Exit code 1 with the shortest story where the two ways differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    module, why = compiled_scanner()
    if module is None:
        print(f"nothing to compare: the compiled decoder is {why}", file=sys.stderr)
        return 2
    messages, oracle = Messages(asked.seed), Oracle()
    began, done = time.monotonic(), 0
    while done < asked.n:
        values = [messages.next() for _ in range(min(POLL, asked.n - done))]
        kind = TopicKind.MIXED if done // POLL % 4 == 3 else TopicKind.INFERENCE
        differences = oracle.differences(values, kind)
        if differences:
            report(oracle, values, kind, differences)
            return 1
        done += len(values)
        if done // POLL % 50 == 0 or done == asked.n:
            share, pace = oracle.share_taken(), done / (time.monotonic() - began)
            print(f"{done:,} messages, no difference, {share:.0%} taken by the fast path, {pace:,.0f}/s", flush=True)
    return 0


def report(oracle: Oracle, values: list[bytes], kind: TopicKind, differences: list[str]) -> None:
    """The messages that differ on their own, else the differences of the whole poll."""
    print(f"{PARTITION}: {kind}: {differences}", file=sys.stderr)
    alone = [value for value in values if oracle.differences([value], kind)]
    for value in alone[:10]:
        print(f"{value!r}: {oracle.differences([value], kind)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
