"""A conformal martingale: bets against exchangeability with the baseline (Vovk, Gammerman & Shafer 2005, Vovk 2021)."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.stats.columns import Floats, Ints
from monitor.stats.sequential.bets import Bets
from monitor.stats.sequential.climbing import climb
from monitor.stats.sequential.detector import UNKNOWN_MS, Alarm, Codes, State, Step, as_state

_ONE = 1 << 20
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Conformal:
    """The capital of gamblers who bet that new values are no draws from the baseline's law, as a factor (Vovk 2021).

    A number's conformal p-value is its rank in the baseline: from above, from below, by distance from the middle, and
    by nearness to it. A gambler stakes e = power * p^(power - 1), averaged over the bin of the value, which is what
    random ties would give on average. Of categories each of the 12 most frequent, the others together, and what the
    baseline does not know have gamblers who hold that their odds have doubled (to 1 % at least) or, from 5 % on,
    halved, and stake the likelihood ratio. Each e is at most 1 on average under the baseline's law, and under any law
    within two standard errors of it (of categories three).

    R = (1 + R) * e is a new gambler with each record (Shiryaev-Roberts); the statistic is the mean R of all kinds of
    gamblers. R minus the number of records is then a martingale at most, so the mean number of records until R reaches
    the stated run length is at least that (Ville's inequality says the same of one gambler: never in his life does he
    reach A with a chance above 1 / A). The alarm says what the one holds who has won most.

    Use it where the rate must be a theorem, for changes of any kind, and for categories. Do not use it where one size
    of shift matters: `cusum` finds that sooner.
    """

    name: ClassVar[str] = "conformal"
    title: ClassVar[str] = "Conformal martingale"
    unit: ClassVar[str] = "capital as a factor"
    scope: ClassVar[str] = "0 to no bound"
    arl: float
    stakes: Ints = field(repr=False)
    on: tuple[str, ...]

    @classmethod
    def of(cls, bets: Bets, arl: float) -> "Conformal":
        """For at most one false alarm in `arl` records on average: a theorem, where records are independent."""
        return cls(arl, np.floor(np.log(bets.factors) * _ONE).astype(np.int64), bets.on)

    def start(self) -> State:
        """Nobody has bet yet: log stakes won and log R over it, then each gambler's best run."""
        gamblers = len(self.stakes)
        nothing = _bits(np.full(gamblers, -math.inf))
        return np.concatenate(
            (np.zeros(gamblers, np.int64), nothing, np.tile(as_state(0, UNKNOWN_MS), gamblers)), dtype=np.int64
        )

    def advance(self, state: State, codes: Codes, times: Ints) -> Step:
        """Up to the first record with which R reaches the run length."""
        if not len(codes):
            return Step(state, 0)
        gamblers = len(self.stakes)
        won, lead = state[:gamblers], _floats(state[gamblers : 2 * gamblers])
        stakes = self.stakes[:, codes]
        sums = np.add.accumulate(stakes, axis=1) + won[:, None]
        before = np.concatenate((won[:, None], sums[:, :-1]), axis=1)
        leads = np.logaddexp.accumulate(np.concatenate((lead[:, None], before / -_ONE), axis=1), axis=1)[:, 1:]
        logs = sums / _ONE + leads
        capital = _log_mean(logs)
        over = capital >= math.log(self.arl)
        first = int(over.argmax())
        end = first + 1 if over[first] else len(codes)
        runs = [
            climb(int(state[at]), int(state[at + 1]), row[:end], times[:end], _NEVER)
            for at, row in zip(range(2 * gamblers, 4 * gamblers, 2), stakes, strict=True)
        ]
        if over[first]:
            best = int(np.argmax(logs[:, first]))
            since_ms = runs[best].since_ms
            since_ms = int(times[first]) if since_ms == UNKNOWN_MS else since_ms
            return Step(
                self.start(), end, Alarm(math.exp(min(capital[first], 700.0)), self.arl, since_ms, self.on[best])
            )
        best_runs = as_state(*(number for run in runs for number in (run.height, run.since_ms)))
        return Step(np.concatenate((sums[:, -1], _bits(leads[:, -1]), best_runs)), end)


def _log_mean(logs: Floats) -> Floats:
    top = logs.max(axis=0)
    mean: Floats = top + np.log(np.exp(logs - top).mean(axis=0))
    return mean


def _bits(numbers: Floats) -> Ints:
    return np.ascontiguousarray(numbers, np.float64).view(np.int64)


def _floats(bits: Ints) -> Floats:
    return np.ascontiguousarray(bits).view(np.float64)
