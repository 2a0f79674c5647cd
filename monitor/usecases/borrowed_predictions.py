"""Reads of windows for models that judge the predictions of another model by a further truth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.domain.models import ModelRef
from monitor.domain.ports import WindowReads
from monitor.domain.records import Joined
from monitor.domain.stream import JoinSpan, PaneSpan, PaneSummary, PartitionProgress, Share, ShareSpan


@dataclass(frozen=True, slots=True)
class BorrowedPredictions:
    """What is asked of such a model is read of the one that made the predictions, and answered under the asked name.

    Nothing is stored twice: panes and predictions are those of the records, only the truth beside them is another.
    `lenders` are the models that have predictions, by those that have none.
    """

    reads: WindowReads
    lenders: Mapping[str, str]

    def progress(self) -> list[PartitionProgress]:
        """As stored."""
        return self.reads.progress()

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        """As stored; each model is asked for once in a reading, for a span is that of a model."""
        found: list[PaneSummary] = []
        for asked in _apart(spans, self.lenders):
            panes = self.reads.panes([replace(span, model=lender) for lender, span in asked.items()])
            found += [_named(pane, asked[pane.model].model) for pane in panes]
        return sorted(found, key=lambda pane: (pane.model, pane.version, pane.pane_start_ms))

    def shares(self, spans: Sequence[ShareSpan]) -> list[Share]:
        """As stored: a further truth has no profiles."""
        return self.reads.shares(spans)

    def joined(self, span: JoinSpan) -> list[Joined]:
        """The lender's predictions with the truth of the span."""
        return self.reads.joined(replace(span, ref=self._lender(span.ref)))

    def predictions_count(self, ref: ModelRef, since_ms: int, until_ms: int) -> int:
        """The lender's."""
        return self.reads.predictions_count(self._lender(ref), since_ms, until_ms)

    def _lender(self, ref: ModelRef) -> ModelRef:
        return replace(ref, name=self.lenders.get(ref.name, ref.name))


def _named(pane: PaneSummary, model: str) -> PaneSummary:
    return pane if pane.model == model else replace(pane, model=model)


def _apart(spans: Sequence[PaneSpan], lenders: Mapping[str, str]) -> list[dict[str, PaneSpan]]:
    """The spans by the model that lends, in as many readings as the most borrowed one has names."""
    of: defaultdict[str, list[PaneSpan]] = defaultdict(list)
    for span in spans:
        of[lenders.get(span.model, span.model)].append(span)
    most = max(map(len, of.values()), default=0)
    return [{lender: those[turn] for lender, those in of.items() if turn < len(those)} for turn in range(most)]
