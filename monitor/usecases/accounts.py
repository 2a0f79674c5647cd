"""One row a window: what came, what became of it, and what the checks said."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import AccountReads, EvaluationStore
from monitor.domain.stream import PaneAccount
from monitor.domain.time import to_ms
from monitor.domain.windows import Window, WindowSpec


@dataclass(frozen=True, slots=True)
class WindowAccount:
    """What came for one window of a model version; `revision` is None while it was not judged.

    Every record is in exactly one of `counted`, `duplicates` and `refused`. `coverage` is the share of what its
    producers served, None where they do not number their records; `weight` is what the counted records stand for.
    """

    window: Window
    version: str
    counted: int = 0
    late: int = 0
    replayed: int = 0
    duplicates: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    weight: float = 0.0
    coverage: float | None = None
    revision: int | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        """All records that came."""
        return self.counted + self.duplicates + sum(self.refused.values())


def window_accounts(
    model: MonitoredModel,
    reads: AccountReads,
    store: EvaluationStore,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[WindowAccount]:
    """Accounts of the windows that start in [since, until), by window and version; empty windows that were judged, too.

    Refused records do not tell their version: they stand with the version that has most of the window's records.
    """
    since_ms = 0 if since is None else to_ms(since)
    until_ms = 2**53 if until is None else to_ms(until)
    panes = reads.accounts(model.name, since_ms, until_ms + model.windows.size_ms - model.windows.slide_ms)
    by_window = _by_window(model.windows, panes, since_ms, until_ms)
    judged = _judged(store.findings(model.name, since, until, EvaluationKind.DRIFT))
    windows = sorted(by_window.keys() | {window for window, _ in judged})
    return [row for window in windows for row in _rows(window, by_window.get(window, ()), judged)]


_Judged = dict[tuple[Window, str], list[Finding]]


def _by_window(
    spec: WindowSpec, panes: Iterable[PaneAccount], since_ms: int, until_ms: int
) -> dict[Window, list[PaneAccount]]:
    held: dict[Window, list[PaneAccount]] = defaultdict(list)
    for pane in panes:
        for window in spec.holding_pane(pane.pane_start_ms):
            if since_ms <= window.start_ms < until_ms:
                held[window].append(pane)
    return held


def _judged(findings: Iterable[Finding]) -> _Judged:
    judged: _Judged = defaultdict(list)
    for finding in findings:
        judged[finding.window, finding.model.version].append(finding)
    return judged


def _rows(window: Window, panes: Sequence[PaneAccount], judged: _Judged) -> list[WindowAccount]:
    by_version: dict[str, list[PaneAccount]] = defaultdict(list)
    for pane in panes:
        by_version[pane.version].append(pane)
    unversioned = by_version.pop("", [])
    versions = sorted(by_version.keys() | {version for one, version in judged if one == window}) or [""]
    most = max(versions, key=lambda version: sum(pane.counted for pane in by_version[version]))
    by_version[most] += unversioned
    return [_row(window, one, by_version[one], judged.get((window, one), ())) for one in versions]


def _row(window: Window, version: str, panes: Sequence[PaneAccount], findings: Sequence[Finding]) -> WindowAccount:
    refused: Counter[str] = Counter()
    for pane in panes:
        refused.update(pane.refused)
    numbered, expected = sum(pane.numbered for pane in panes), sum(pane.expected for pane in panes)
    return WindowAccount(
        window,
        version,
        counted=sum(pane.counted for pane in panes),
        late=sum(pane.late for pane in panes),
        replayed=sum(pane.replayed for pane in panes),
        duplicates=sum(pane.duplicates for pane in panes),
        refused=dict(sorted(refused.items())),
        weight=sum(pane.weight for pane in panes),
        coverage=numbered / expected if expected else None,
        revision=max((finding.revision for finding in findings), default=None),
        verdicts=dict(sorted(Counter(finding.verdict.value for finding in findings).items())),
    )
