"""Matrix products by one thread: several at once would fight for the processors of a busy service."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from threadpoolctl import threadpool_limits

R = TypeVar("R")
S = TypeVar("S")
A = TypeVar("A")


def by_one_thread(work: Callable[[S, A], R]) -> Callable[[S, A], R]:
    """The method, with the thread pools of numerical libraries held to one thread while it runs.

    How a sum is split among threads shows in its last bits: this way it does not depend on the number of processors.
    """

    @wraps(work)
    def limited(self: S, argument: A) -> R:
        with threadpool_limits(limits=1):
            return work(self, argument)

    return limited
