"""The layouts of all columns of a model, and how their counters lie in one array."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import accumulate

from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.crossed import CrossedLayout
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.scored import ScoredLayout
from monitor.stats.profiles.together import MOST, MOST_RANKED, TogetherLayout

Layout = NumericLayout | CategoricalLayout
Profile = NumericProfile | CategoricalProfile


JointLayout = ScoredLayout | CrossedLayout
"""Counts columns together: what performance is estimated from."""


class Layouts(Mapping[str, Layout]):
    """Layouts by column, ordered by name. Build it once a baseline: everything that is derived from it is kept.

    `joint` counts columns together and is no column itself (None: nothing is); its counters stand last. `together`
    says of which pairs of columns sums are kept (None: of none).
    """

    __slots__ = ("_layouts", "derived", "digest", "joint", "joint_slice", "numeric", "size", "slices", "together")

    def __init__(
        self, layouts: Mapping[str, Layout], joint: JointLayout | None = None, together: TogetherLayout | None = None
    ) -> None:
        self._layouts = {name: layouts[name] for name in sorted(layouts)}
        ends = list(accumulate(layout.size for layout in self._layouts.values()))
        starts = [0, *ends][: len(ends)]
        columns = ends[-1] if ends else 0
        self.together = together
        self.joint, self.size = joint, columns + (joint.size if joint else 0)
        self.joint_slice = slice(columns, self.size)
        self.slices = dict(zip(self._layouts, map(slice, starts, ends), strict=True))
        numeric = [name for name, layout in self._layouts.items() if isinstance(layout, NumericLayout)]
        self.numeric = {name: row for row, name in enumerate(numeric)}
        self.derived: dict[object, object] = {}
        text = "\n".join(f"{layout.digest} {name}" for name, layout in self._layouts.items())
        text += f"\n{joint.digest}" if joint else ""
        text += f"\ntogether {together.digest}" if together else ""
        self.digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @staticmethod
    def of(layouts: Mapping[str, Layout]) -> "Layouts":
        """The same object when it is one already."""
        return layouts if isinstance(layouts, Layouts) else Layouts(layouts)

    def __getitem__(self, name: str) -> Layout:
        return self._layouts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)


def telling_what_is_left_out(together: TogetherLayout | None, layouts: Mapping[str, Layout]) -> TogetherLayout | None:
    """The same columns, with those of the layouts that the limits leave out, by name."""
    if together is None or not (len(together.ranked) == MOST_RANKED or len(together.names) == MOST):
        return together
    ranked, paired = set(together.ranked), set(together.names)
    unranked = sorted(name for name in layouts.keys() - ranked if _varies(layouts[name]))
    return replace(
        together,
        unranked=tuple(unranked) if len(ranked) == MOST_RANKED else (),
        unpaired=tuple(sorted(layouts.keys() - paired)) if len(paired) == MOST else (),
    )


def _varies(layout: Layout) -> bool:
    return isinstance(layout, NumericLayout) and layout.minimum < layout.maximum
