"""End what rules said that are not configured any more: nobody else would."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from monitor.domain.ports import EvaluationStore
from monitor.domain.rules import Phase, Retirement, Rule, RuleState, Subject, Transition
from monitor.domain.windows import Window
from monitor.rules.explain import retired_event

NO_RULE = "the rule is no longer configured"
NO_MODEL = "the model is no longer configured"
NO_SEGMENT = "the segment is no longer configured"
NOT_OF_MODEL = "the rule no longer watches the model"


class RetireRules:
    """Retires the rules that stand in the database and in no configuration. Correct however often it is called."""

    def __init__(
        self,
        models: Iterable[str],
        rules: Sequence[Rule],
        store: EvaluationStore,
        segments: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """`segments` are those of the models that are known; of another model every segment is taken for one."""
        self._segments = segments
        self._models, self._store = frozenset(models), store
        self._rules = {rule.name: rule for rule in rules}

    def run_once(self) -> list[Transition]:
        """Make them inactive, and tell that their alerts are over; the transitions that this call made."""
        made = []
        for subject, state in self._store.standing().items():
            why = self._why(subject)
            if why:
                transition = _ended(subject, state, why)
                if self._store.retire(Retirement(state, transition, retired_event(subject, state, why))):
                    made.append(transition)
        return made

    def _why(self, subject: Subject) -> str:
        """Why nobody folds the rule for this model any more; empty when somebody does."""
        if subject.rule not in self._rules:
            return NO_RULE
        if subject.model not in self._models:
            return NO_MODEL
        rule = self._rules[subject.rule]
        if not rule.applies_to(subject.model) or rule.each_segment != bool(subject.segment):
            return NOT_OF_MODEL
        segments = self._segments.get(subject.model)
        return NO_SEGMENT if subject.segment and segments is not None and subject.segment not in segments else ""


def _ended(subject: Subject, state: RuleState, why: str) -> Transition:
    """In event time, at the end of the last window folded; its window is the whole time that the condition held."""
    at = state.folded_to or state.since
    if at is None:
        raise ValueError(f"{subject} is {state.phase} and was never folded: the row in rule_states is broken")
    return Transition(subject, state.phase, Phase.INACTIVE, at, Window(state.since or at, at), why)
