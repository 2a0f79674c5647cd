"""Cut a failing script down to the shortest that still fails, and its numbers to the smallest."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.script import Action, Script

Fails = Callable[[Script], bool]


def shortest(script: Script, fails: Fails, most: int = 600) -> Script:
    """A part of the script that fails and of which no line can be left out; at most so many tries."""
    tries = iter(range(most))
    while (found := _first(_without_a_kind(script), fails, tries)) is not None:
        script = found
    size = max(1, len(script) // 4)
    while True:
        found = _first(_without(script, size), fails, tries)
        if found is not None:
            script = found
        elif size == 1:
            break
        else:
            size //= 2
    return _plainest(script, fails, tries)


def _without_a_kind(script: Script) -> Iterator[Script]:
    """The script without all lines that say the same kind of thing: most kinds have nothing to do with a failure."""
    for what in dict.fromkeys(action.what for action in script):
        yield tuple(action for action in script if action.what is not what)


def _without(script: Script, size: int) -> Iterator[Script]:
    """The script without each run of so many lines, the last ones first: what failed often failed by the end."""
    for start in range((len(script) - 1) // size * size, -1, -size):
        yield (*script[:start], *script[start + size :])


def _plainest(script: Script, fails: Fails, tries: Iterator[int]) -> Script:
    """The same lines with smaller numbers."""
    for place in range(len(script)):
        while (found := _first(_plainer(script, place), fails, tries)) is not None:
            script = found
    return script


def _plainer(script: Script, place: int) -> Iterator[Script]:
    action = script[place]
    smaller: list[Action] = [replace(action, much=less) for less in (1, action.much // 2, action.much - 1)]
    if action.who and not action.at:
        smaller.append(replace(action, who=0))
    for one in smaller:
        if one != action and one.much >= 1 and (one.much < action.much or one.who < action.who):
            yield (*script[:place], one, *script[place + 1 :])


def _first(candidates: Iterator[Script], fails: Fails, tries: Iterator[int]) -> Script | None:
    for candidate in candidates:
        if next(tries, None) is None:
            return None
        if fails(candidate):
            return candidate
    return None
