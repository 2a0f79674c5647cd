"""The tree of routes: which channels hear of an alert, and how they are grouped and timed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from alerts.model import Labels, Severity

ALL_LABELS = "..."


class Operator(StrEnum):
    """How a matcher compares; regular expressions are anchored at both ends."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))\s*')


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label; a label that is absent has the empty value.

    >>> Matcher.parse('model=~"churn|fraud"').accepts({"model": "fraud"})
    True
    >>> Matcher.parse("model=~churn").accepts({"model": "churn-eu"})
    False
    """

    label: str
    operator: Operator
    value: str

    def __post_init__(self) -> None:
        if self.operator in {Operator.MATCHES, Operator.NOT_MATCHES}:
            try:
                re.compile(self.value)
            except re.error as error:
                msg = f"{self.value!r} is not a regular expression: {error}"
                raise ValueError(msg) from error

    @classmethod
    def parse(cls, text: str) -> Matcher:
        """Read `label="value"` with =, !=, =~ or !~; raises ValueError with an example."""
        found = _MATCHER.fullmatch(text)
        if found is None:
            msg = f'{text!r} is not a matcher; write it like severity="critical" or model=~"churn-.*"'
            raise ValueError(msg)
        label, operator, quoted, bare = found.groups()
        value = bare if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)
        return cls(label, Operator(operator), value)

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy the condition."""
        value = labels.get(self.label, "")
        match self.operator:
            case Operator.EQUAL:
                return value == self.value
            case Operator.NOT_EQUAL:
                return value != self.value
            case Operator.MATCHES:
                return re.fullmatch(self.value, value) is not None
            case Operator.NOT_MATCHES:
                return re.fullmatch(self.value, value) is None

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.operator}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree with everything inherited already filled in.

    `collect_for` is how long a new group waits for more alerts, `update_every` the distance of the
    times at which changes are told, `remind_every` how long after the last message people are
    reminded (None: never). `mute` and `mute_outside` name the mute times at which, and outside of
    which, it tells nothing. `key` is unique in the tree and stays the same while the matchers do.
    """

    key: str
    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]
    group_by: tuple[str, ...]
    collect_for: timedelta
    update_every: timedelta
    remind_every: timedelta | None
    continues: bool = False
    children: tuple[Route, ...] = ()
    mute: tuple[str, ...] = ()
    mute_outside: tuple[str, ...] = ()

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether all matchers of this node accept the labels."""
        return all(matcher.accepts(labels) for matcher in self.matchers)

    def group_labels(self, labels: Mapping[str, str]) -> Labels:
        """The labels by which an alert is grouped here; `...` groups by all, that is, not at all."""
        if ALL_LABELS in self.group_by:
            return Labels.of(labels)
        values = {name: labels[name] for name in self.group_by if labels.get(name)}
        return Labels(tuple(sorted(values.items())))  # they are labels already

    def walk(self) -> Iterator[Route]:
        """This node and everything below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Step:
    """One node that was looked at: whether its matchers accepted, or the first one that did not."""

    route: Route
    depth: int
    refused_by: Matcher | None
    is_chosen: bool


def routable(labels: Labels, severity: Severity) -> dict[str, str]:
    """The labels as routes see them: with the severity, which is not part of the identity."""
    return {**dict(labels.pairs), "severity": str(severity)}


def match(root: Route, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """Choose the routes of an alert: depth first, the first child that accepts, more after `continue`.

    A node none of whose children accepts is chosen itself. The root accepts everything.
    """
    if not root.children:
        return (root,) if root.accepts(labels) else ()
    return tuple(step.route for step in explain(root, labels) if step.is_chosen)


def explain(root: Route, labels: Mapping[str, str]) -> tuple[Step, ...]:
    """Every node that was looked at, in order, and why it was chosen or not."""
    return tuple(_visit(root, labels, 0))


def _visit(route: Route, labels: Mapping[str, str], depth: int) -> list[Step]:
    refused_by = next((matcher for matcher in route.matchers if not matcher.accepts(labels)), None)
    if refused_by is not None:
        return [Step(route, depth, refused_by, is_chosen=False)]
    below: list[Step] = []
    for child in route.children:
        below += _visit(child, labels, depth + 1)
        if child.accepts(labels) and not child.continues:
            break
    is_chosen = not any(step.is_chosen for step in below)
    return [Step(route, depth, None, is_chosen), *below]
