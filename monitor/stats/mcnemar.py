"""Whether one of two models is right more often on the same records, from those on which just one of them is."""

from dataclasses import dataclass

from scipy import special

from monitor.stats.performance.metric import Judged


@dataclass(frozen=True, slots=True)
class Discordant:
    """Records that the first model alone predicted right, and those that the second alone did."""

    only_first: int
    only_second: int

    @classmethod
    def of(cls, first: Judged, second: Judged) -> "Discordant":
        """Of the same records in the same order."""
        right = [
            [said == true for said, true in zip(one.predictions, one.labels, strict=True)] for one in (first, second)
        ]
        both = list(zip(*right, strict=True))
        return cls(both.count((True, False)), both.count((False, True)))

    @property
    def p_value(self) -> float:
        """Two-sided exact p-value of McNemar's test (1947), 0 to 1: each is right first with probability one half.

        >>> round(Discordant(10, 2).p_value, 4)
        0.0386
        """
        n, least = self.only_first + self.only_second, min(self.only_first, self.only_second)
        return min(1.0, 2 * float(special.bdtr(least, n, 0.5))) if n else 1.0
