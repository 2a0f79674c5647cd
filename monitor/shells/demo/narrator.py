"""What a person should read while the demo runs: each new thing once, in a line."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.retraining import JobPhase, RetrainJob
from monitor.domain.rules import Phase, Transition
from monitor.domain.windows import Window

_COLOURS = {Phase.PENDING: "yellow", Phase.FIRING: "bold red", Phase.INACTIVE: "bold green", Phase.RECOVERING: "cyan"}
_WEEK = 7


@dataclass(slots=True)
class Narrator:
    """Remembers what was told. Lines are rich markup."""

    windows: int = 0
    told: set[object] = field(default_factory=set)
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    def of_findings(self, findings: Sequence[Finding]) -> Iterator[str]:
        """A line a week of windows, and a line for every window in which something drifted anew."""
        by_window: dict[tuple[Window, str], list[Finding]] = defaultdict(list)
        for finding in findings:
            if finding.kind is EvaluationKind.DRIFT:
                by_window[finding.window, finding.model.version].append(finding)
        for (window, version), found in sorted(by_window.items()):
            if (window, version) not in self.told:
                self.told.add((window, version))
                self.windows += 1
                self.verdicts.update(finding.verdict for finding in found)
                yield from self._window(window, version, found)

    def of_transitions(self, transitions: Sequence[Transition]) -> Iterator[str]:
        """A line for each change of a rule's phase."""
        for transition in transitions:
            if transition.key not in self.told:
                self.told.add(transition.key)
                colour = _COLOURS[transition.after]
                word = "resolved" if transition.after is Phase.INACTIVE else transition.after.value
                yield f"{transition.at:%Y-%m-%d}  [{colour}]rule {transition.subject.rule}: {word}[/] {transition.why}"

    def of_jobs(self, jobs: Sequence[RetrainJob]) -> Iterator[str]:
        """A line for each phase of a retraining job."""
        for job in jobs:
            if (job.request.key, job.phase) not in self.told:
                self.told.add((job.request.key, job.phase))
                yield f"{'':12}[magenta]retraining job {job.request.key[:8]}: {job.phase.value}[/]{_about(job)}"

    def _window(self, window: Window, version: str, found: Sequence[Finding]) -> Iterator[str]:
        bad = sorted(finding.check.name for finding in found if finding.verdict.is_bad)
        known = ("bad", version, tuple(bad))
        if self.windows % _WEEK == 1 or (bad and known not in self.told):
            self.told.add(known)
            counted = Counter(finding.verdict.value for finding in found)
            verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counted.most_common())
            drifted = f"  [red]{', '.join(bad)}[/]" if bad else ""
            yield f"{window.end:%Y-%m-%d}  window of 7 days, version {version}: {verdicts}{drifted}"


def _about(job: RetrainJob) -> str:
    if job.phase in {JobPhase.PROMOTED, JobPhase.SETTLED} and job.candidate.baseline is not None:
        return f", version {job.candidate.version} has a baseline"
    return f" ({job.detail})" if job.detail else ""
