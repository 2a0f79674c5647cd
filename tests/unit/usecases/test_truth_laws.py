"""However truth comes, the last revision of a window is a function of what was said, and of nothing else."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from monitor.domain.checks import CheckSpec
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import GroundTruthPolicy, Task, by_further_truth
from monitor.domain.records import Prediction, Truth
from monitor.domain.rules import CheckIsBad, Rule
from monitor.domain.stream import TopicKind
from monitor.domain.time import to_ms
from tests.unit.usecases.test_evaluate import HOUR, MODEL, START, Rig, rows, started

N = 60
HORIZON = timedelta(hours=6)
POLICY = GroundTruthPolicy(wait=2 * HOUR, min_coverage=0.5, horizon=HORIZON)
WATCHED = replace(
    MODEL, task=Task.BINARY, positive_label="yes", ground_truth=POLICY, checks=(CheckSpec("accuracy"),), min_records=10
)
BY_OTHERS = [
    by_further_truth(WATCHED, replace(POLICY, name=name), WATCHED.checks, propose_checks=False)
    for name in ("reviewer", "committee")
]


def statements(random: Random) -> list[Truth]:
    """Of every prediction none, one, or several; before it was made, in time, corrected, and too late."""
    said = [
        Truth(
            "churn",
            f"0-{i}",
            random.choice(["yes", "no", "maybe"]),
            to_ms(START + random.randint(-60, 600) * MINUTE),
            name,
        )
        for name in ("", "reviewer", "committee")
        for i in range(N)
        for _ in range(random.choice([0, 1, 1, 1, 2, 3]))
    ]
    return [replace(one, offset=k) for k, one in enumerate(said)]


MINUTE = timedelta(minutes=1)


def expected(said: list[Truth]) -> float:
    """The accuracy of a model that says yes of everything, by what was known in time."""
    latest_ms = to_ms(START + HOUR + HORIZON)
    holds: dict[str, Truth] = {}
    for one in sorted(said, key=lambda one: (one.known_at_ms, one.offset)):
        if one.known_at_ms <= latest_ms:
            holds[one.event_id] = one
    return sum(one.label == "yes" for one in holds.values()) / len(holds)


def rig_with_predictions() -> Rig:
    rig = started(
        models={one.name: one for one in (WATCHED, *BY_OTHERS)}, rules=[Rule("quality", CheckIsBad(test="accuracy"))]
    )
    made = [Prediction("churn", "1", f"0-{i}", to_ms(START), "yes", 0.5) for i in range(N)]
    rig.hour(0, rows(1, n=N))
    tell(rig, 1, predictions=made)
    return rig


def tell(rig: Rig, hours: float, **content: object) -> None:
    rig.claim = rig.stores.ingest.claim(rig.partition, TopicKind.MIXED, "worker")
    rig.flush(hours, 0, **content)


@pytest.mark.parametrize("seed", range(12))
def test_late_repeated_reordered_and_corrected_truth_of_each_name_ends_in_the_same_number(seed: int) -> None:
    random = Random(seed)
    said = statements(random)
    coming = [*said, *random.choices(said, k=20)]  # some are told twice
    random.shuffle(coming)
    rig = rig_with_predictions()

    hours = 1.0
    while coming:
        hours += random.uniform(0, 3)
        some, coming = coming[: (k := random.randint(1, 30))], coming[k:]
        tell(rig, hours, truths=some)
        if random.random() < 0.7:
            rig.run()
    rig.hour(30, rows(2, n=N))
    tell(rig, 32)
    rig.run()

    for model, name in (("churn", ""), ("churn.reviewer", "reviewer"), ("churn.committee", "committee")):
        (finding,) = [f for f in rig.findings("accuracy", model) if f.window.start == START]
        assert finding.result is not None
        assert finding.result.statistic == expected([one for one in said if one.name == name])
        kinds = {f.kind for f in rig.findings(model=model)}
        assert kinds == {EvaluationKind.PERFORMANCE} | (set() if name else {EvaluationKind.DRIFT})
