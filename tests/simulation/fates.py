"""What is to happen to whom at which step: the place where a script gets hold of the product."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Crashed(BaseException):
    """A process died. No `except Exception` of the product catches it, as none catches a `kill -9`."""


class LawBroken(AssertionError):
    """Something was lost, doubled or made up."""


@dataclass(slots=True)
class _Fate:
    step: str
    times: int
    effect: Callable[[], None]


class Fates:
    """Knows who acts, and lets happen what was armed for them. `reached` counts the steps taken, for reports."""

    def __init__(self) -> None:
        self.actor = ""
        self.reached: dict[tuple[str, str], int] = {}
        self._armed: dict[str, list[_Fate]] = {}

    def arm(self, actor: str, step: str, times: int, effect: Callable[[], None]) -> None:
        """Let the effect happen when the actor comes to the step for so-many-th time from now on."""
        self._armed.setdefault(actor, []).append(_Fate(step, times, effect))

    def disarm(self) -> None:
        """Nothing more happens."""
        self._armed.clear()

    @contextmanager
    def playing(self, actor: str) -> Iterator[None]:
        """Until left, steps are the actor's ("" for the simulation itself, to which nothing happens)."""
        before, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = before

    def reach(self, step: str) -> None:
        """The actor has come to a step of its work."""
        actor = self.actor
        if not actor:
            return
        self.reached[actor.split()[0], step] = self.reached.get((actor.split()[0], step), 0) + 1
        for fate in self._armed.get(actor, ()):
            if fate.step == step:
                fate.times -= 1
                if fate.times == 0:
                    self._armed[actor].remove(fate)
                    fate.effect()
                return


class Watched:
    """A part of the product (or of its world) whose calls are steps: `steps` names those before and after a method."""

    def __init__(self, inner: object, fates: Fates, steps: Mapping[str, tuple[str, str]]) -> None:
        self._inner, self._fates, self._steps = inner, fates, steps

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if name not in self._steps:
            return call
        before, after = self._steps[name]

        def watched(*args: object, **settings: object) -> object:
            if before:
                self._fates.reach(before)
            result = call(*args, **settings)
            if after:
                self._fates.reach(after)
            return result

        return watched
