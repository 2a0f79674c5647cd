"""The proof in short: kills, a stop past the session time-out, restarts and new partitions; and that it can fail."""

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef
from monitor.testing.servers import KafkaBroker, PostgresServer
from tests.chaos.events import Known, baselines, events
from tests.chaos.outcome import Outcome, lost_and_doubled, outcome
from tests.chaos.plan import FEWEST, FIRST, SLOTS, Action, Dose, What, draw
from tests.chaos.producer import Writer
from tests.chaos.run import PARTITIONS, Stage, fleet_of, prepare, run, succeeded, wait_until_read
from tests.chaos.traps import TRAPS

EVENTS = 30_000
SHORT = [
    Action(2.0, What.KILL, 1),
    Action(3.5, What.ADD_PARTITION),
    Action(4.0, What.KILL, 0),
    Action(6.0, What.STOP_AT_SAVE, 2),
    Action(10.0, What.KILL, 1),
    Action(13.0, What.KILL, 0),
    Action(17.0, What.WAKE, 2),
    Action(18.0, What.RESTART_BROKER),
    Action(18.5, What.RESTART_DATABASE),
    Action(20.0, What.KILL, 2),
]
_names = count(1)


@pytest.fixture
def stage(
    kafka_broker: KafkaBroker, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> Iterator[Stage]:
    name = f"chaos-{next(_names)}"
    clean_url = postgres_server.create_database(f"{name}-clean")
    yield Stage(kafka_broker, postgres_server, postgres_url, clean_url, tmp_path, name)
    postgres_server.drop_database(f"{name}-clean")


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
def test_consumers_that_are_killed_stopped_and_cut_off_count_every_event_once(stage: Stage) -> None:
    said: list[str] = []

    figures = run(stage, SHORT, EVENTS, 20.0, said.append)

    assert succeeded(figures), (figures, said)
    assert (figures["events"], figures["kills"], figures["partitions"]) == (EVENTS, 5, PARTITIONS + 1)
    assert figures["dead_letters"] == EVENTS // 100
    assert int(figures["alarms"]) >= 5, (figures, said)
    assert int(figures["fenced"]) >= 1, (figures, said)


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
def test_a_consumer_that_dies_at_the_worst_moments_of_a_save_has_lost_and_doubled_nothing(stage: Stage) -> None:
    known, total = Known(), 4_000
    prepare(stage.url)
    stage.broker.create_topic(stage.topic, PARTITIONS)
    writer = Writer(stage.broker.bootstrap_servers, stage.topic, PARTITIONS, events(total, known), total, 1e9)
    writer.may_finish.set()
    writer.start()
    writer.join(60)
    fleet = fleet_of(stage, "deaths", stage.url)

    codes = [fleet.fall_into(0, trap) for trap in TRAPS]
    fleet.start(0)
    wait_until_read(stage, stage.url, writer.written, fleet)
    fleet.leave_all()

    found = outcome(stage.url, {made.id: made for made in baselines()})
    assert codes == [-signal.SIGKILL] * len(TRAPS)
    assert lost_and_doubled(known, found) == (0, 0)


def test_the_same_seed_is_the_same_plan_and_another_seed_another() -> None:
    dose = Dose.usual(100, 400, 10)

    assert draw(dose, 1) == draw(dose, 1)
    assert draw(dose, 1) != draw(dose, 2)


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_has_what_was_asked_for_and_happens_to_consumers_that_are_there_and_awake(seed: int) -> None:
    plan = draw(Dose.usual(100, 400, 10), seed)

    present, sleeper, fewest = set(FIRST), -1, len(FIRST)
    for action in plan:
        assert action.slot < 0 or action.what is What.JOIN or action.slot in present
        assert action.slot != sleeper or action.what is What.WAKE or sleeper < 0
        match action.what:
            case What.JOIN:
                present.add(action.slot)
            case What.LEAVE:
                present.discard(action.slot)
            case What.STOP | What.STOP_AT_SAVE:
                sleeper = action.slot
            case What.WAKE:
                sleeper = -1
        fewest = min(fewest, len(present))
    happened = Counter(action.what for action in plan)
    assert happened[What.KILL] == 100
    assert happened[What.STOP] + happened[What.STOP_AT_SAVE] == happened[What.WAKE] == 12
    assert fewest >= FEWEST
    assert present <= set(SLOTS)


def nothing_amiss() -> tuple[Known, Outcome]:
    """What is known of two windows, and an outcome that fits it."""
    ref = ModelRef("fraud", "7")
    known = Known(Counter({(ref, 0): 5, (ref, 600_000): 7}), Counter({RejectReason.EMPTY: 1}), Counter({"churn": 1}))
    panes = Counter({(ref, "", 0, "b"): 5, (ref, "", 600_000, "b"): 7, (ref, "pro", 0, "b"): 2})
    profiles = dict.fromkeys(panes, "digest")
    letters: set[tuple[object, ...]] = {("t", 0, 3, "empty", b"", 0)}
    truths: set[tuple[object, ...]] = {("churn", "e1", "yes", 1)}
    return known, Outcome(panes, Counter(), profiles, letters, set(), truths, {(0, 14, 600_001)}, set(), set())


def test_the_comparison_finds_what_is_lost_and_what_is_doubled() -> None:
    known, found = nothing_amiss()
    ref = ModelRef("fraud", "7")
    one_less, one_more = Counter(found.counted), Counter(found.counted)
    one_less[ref, "", 0, "b"] -= 1
    one_more[ref, "", 600_000, "b"] += 2

    assert lost_and_doubled(known, found) == (0, 0)
    assert lost_and_doubled(known, replace(found, counted=one_less)) == (1, 0)
    assert lost_and_doubled(known, replace(found, counted=one_more)) == (0, 2)
    assert lost_and_doubled(known, replace(found, letters=set(), truths=set())) == (2, 0)


def test_the_comparison_with_a_clean_pass_names_what_differs() -> None:
    _, found = nothing_amiss()
    other = replace(found, profiles=found.profiles | {(ModelRef("fraud", "7"), "", 0, "b"): "another"})

    assert found.differing(found) == []
    assert found.differing(other) == ["profiles"]
