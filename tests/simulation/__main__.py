"""`make sim`: replay one seed or one script, or try many seeds; a failure is cut down and printed."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from tests.simulation.mutations import MUTATIONS, applied
from tests.simulation.run import broken_law
from tests.simulation.script import Script, draw, parse, written
from tests.simulation.shrink import shortest

FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 when all laws held, 1 when one was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this seed alone")
    parser.add_argument("--count", type=int, default=100, help="try so many seeds, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--script", help="replay this script, as a failure prints it")
    parser.add_argument("--bug", choices=sorted(MUTATIONS), help="put this deliberate bug into the product")
    told = parser.parse_args(arguments)
    fails = _with_bug(told.bug)
    if told.script is not None:
        return _replay(parse(told.script), fails)
    if told.seed is not None:
        return _try([told.seed], fails)
    return _try(range(told.first, told.first + told.count), fails)


def _with_bug(name: str | None) -> Callable[[Script], str | None]:
    if name is None:
        return broken_law

    def run(script: Script) -> str | None:
        with applied(MUTATIONS[name]):
            return broken_law(script)

    return run


def _replay(script: Script, run: Callable[[Script], str | None]) -> int:
    broken = run(script)
    print(broken or f"{len(script)} lines: all laws hold")
    return FAILED if broken else 0


def _try(seeds: Iterable[int], run: Callable[[Script], str | None]) -> int:
    began, number = time.monotonic(), 0
    for number, seed in enumerate(seeds, 1):
        broken = run(draw(seed))
        if broken is not None:
            print(report(seed, broken, run))
            return FAILED
        _show(f"\r{number} seeds, the last {seed}; {time.monotonic() - began:.0f} s", is_last=False)
    _show(f"\r{number} seeds in {time.monotonic() - began:.0f} s: all laws hold", is_last=True)
    return 0


def report(seed: int, broken: str, run: Callable[[Script], str | None]) -> str:
    """What failed, how to see it again, and the shortest script that fails."""
    _show(f"\rseed {seed} fails: looking for the shortest script (a minute or two)", is_last=True)
    least = shortest(draw(seed), lambda script: run(script) is not None)
    return (
        f"seed {seed}, {broken}\n\n"
        f"the shortest script that fails, {len(least)} of {len(draw(seed))} lines:\n\n"
        f"  make sim SCRIPT='{written(least)}'\n\n"
        f"{run(least)}"
    )


def _show(text: str, *, is_last: bool) -> None:
    if is_last or sys.stderr.isatty():
        print(text, end="\n" if is_last else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
