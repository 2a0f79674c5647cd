"""Promises of `JobStore` and `Lease`: one open job a model, one holder a name."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.domain.errors import MonitorError
from monitor.domain.retraining import Candidate, CostSum, HoldReason, JobPhase, OperatorHold, RetrainRequest
from monitor.domain.verification import Answer, Comparison, Verification
from monitor.testing.stores.rig import StoreRig
from monitor.testing.stores.samples import START, alert_event, job, judged, request

CANDIDATE = Candidate(
    "4",
    START,
    baseline="b4",
    verification=Verification(
        Answer.WAIT, "too few", "3", "4", 1, 40, 0.975, (Comparison("all traffic", "f1", 40),), ("a note",)
    ),
)


def ask(rig: StoreRig, *requests: RetrainRequest) -> list[int]:
    """Let an evaluation make requests; their sequence numbers."""
    rig.mine.evaluations.commit(replace(judged(), requests=requests))
    return [sequence for sequence, _ in rig.mine.jobs.pending_requests(99)]


class JobConformance:
    """The promises of `JobStore` and `Lease`, as tests."""

    def test_a_settled_request_leaves_the_queue_and_its_job_is_in_the_ledger(self, rig: StoreRig) -> None:
        """Every field comes back."""
        first, _ = ask(rig, request(0), request(1))
        taken = replace(job(request(0)), candidate=CANDIDATE, cost=CostSum(40, 41.5, "it pays"), detail="asked")

        assert rig.mine.jobs.settle_request(first, taken) is True

        assert [one for _, one in rig.other.jobs.pending_requests(9)] == [request(1)]
        assert rig.other.jobs.get(taken.request.key) == taken
        assert rig.other.jobs.get("unknown") is None

    def test_what_a_person_asks_for_waits_in_the_queue_once(self, rig: StoreRig) -> None:
        """As what a rule asks for."""
        rig.mine.jobs.ask(request(0))
        rig.other.jobs.ask(request(0))

        assert [one for _, one in rig.other.jobs.pending_requests(9)] == [request(0)]

    def test_a_second_open_job_of_a_model_is_refused_and_its_request_stays(self, rig: StoreRig) -> None:
        """The guard then decides anew, and holds it back."""
        first, second = ask(rig, request(0), request(1))
        rig.mine.jobs.settle_request(first, job(request(0), JobPhase.RUNNING))

        assert rig.other.jobs.settle_request(second, job(request(1))) is False

        assert [sequence for sequence, _ in rig.mine.jobs.pending_requests(9)] == [second]
        held = replace(job(request(1), JobPhase.HELD), hold_reason=HoldReason.IN_FLIGHT)
        assert rig.other.jobs.settle_request(second, held) is True
        assert rig.mine.jobs.jobs("churn") == [job(request(0), JobPhase.RUNNING), held]

    def test_of_many_guards_at_once_one_opens_a_job(self, rig: StoreRig) -> None:
        """Whichever request each of them took."""
        numbers = ask(rig, *(request(hour) for hour in range(6)))
        stores = [rig.mine.jobs, rig.other.jobs]

        with ThreadPoolExecutor(6) as pool:
            taken = list(pool.map(lambda i: stores[i % 2].settle_request(numbers[i], job(request(i))), range(6)))

        assert sum(taken) == 1
        assert len(rig.mine.jobs.jobs()) == 1

    def test_a_request_is_settled_once_though_two_guards_hold_it_back(self, rig: StoreRig) -> None:
        """Held jobs may be many; the same one is one."""
        (number,) = ask(rig, request(0))
        stores = [rig.mine.jobs, rig.other.jobs]

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(
                pool.map(lambda i: stores[i % 2].settle_request(number, job(request(0), JobPhase.HELD)), range(4))
            )

        assert sorted(outcomes) == [False, False, False, True]
        assert len(rig.mine.jobs.jobs()) == 1

    def test_models_have_a_place_each(self, rig: StoreRig) -> None:
        """An open job of one does not hold back another."""
        first, second = ask(rig, request(0), request(0, model="fraud"))

        assert rig.mine.jobs.settle_request(first, job(request(0)))
        assert rig.mine.jobs.settle_request(second, job(request(0, model="fraud")))
        assert len(rig.mine.jobs.jobs("fraud")) == 1

    def test_a_change_that_was_made_from_an_older_revision_is_refused(self, rig: StoreRig) -> None:
        """The call-back may be faster than the answer to the request for the run: whoever comes first is right."""
        first, second = ask(rig, request(0), request(1))
        rig.mine.jobs.settle_request(first, job(request(0)))
        ended = rig.other.jobs.update(job(request(0), JobPhase.SETTLED, "trained"))

        late = rig.mine.jobs.update(job(request(0), JobPhase.RUNNING, "started"))

        assert (late, ended) == (None, replace(job(request(0), JobPhase.SETTLED, "trained"), revision=1))
        assert rig.mine.jobs.get(request(0).key) == ended
        assert rig.mine.jobs.settle_request(second, job(request(1))) is True

    def test_of_many_that_change_a_job_at_once_one_does(self, rig: StoreRig) -> None:
        """So no two processes send the same job."""
        (number,) = ask(rig, request(0))
        rig.mine.jobs.settle_request(number, job(request(0)))
        stores = [rig.mine.jobs, rig.other.jobs]

        with ThreadPoolExecutor(6) as pool:
            saved = list(pool.map(lambda i: stores[i % 2].update(job(request(0), JobPhase.SENDING)), range(6)))

        assert sum(one is not None for one in saved) == 1

    def test_a_hold_lasts_until_its_end_or_its_release_and_names_are_taken_exactly(self, rig: StoreRig) -> None:
        """Operators hold models; alerts have nothing to do with it."""
        hour = timedelta(hours=1)
        short = OperatorHold("churn", "ada", "deploy", START, START + hour)
        freeze = OperatorHold("*", "ops", "freeze", START)
        for one in (short, freeze):
            rig.mine.holds.hold(one)

        assert rig.other.holds.holds(START) == [short, freeze]
        assert rig.other.holds.holds(START + hour) == [freeze]
        assert [rig.mine.holds.release(name, "ada", START) for name in ("fraud", "*", "*")] == [0, 1, 0]
        assert rig.other.holds.holds(START) == [short]
        assert rig.other.holds.ever() == [short, replace(freeze, released_at=START, released_by="ada")]

    def test_events_are_saved_with_the_change_that_they_tell_of_or_not_at_all(self, rig: StoreRig) -> None:
        """A crash in between would leave a job that waits for an approval which nobody was asked for."""
        first, second = ask(rig, request(0), request(1))
        before = len(rig.mine.outbox.pending(99))

        rig.mine.jobs.settle_request(first, job(request(0)), [alert_event(1)])
        rig.mine.jobs.settle_request(second, job(request(1)), [alert_event(2)])  # refused: one is open
        rig.mine.jobs.update(job(request(0), JobPhase.SETTLED), [alert_event(3)])
        rig.mine.jobs.update(job(request(0), JobPhase.RUNNING), [alert_event(4)])  # too late

        told = [event for _, event in rig.other.outbox.pending(99)][before:]
        assert told == [alert_event(1), alert_event(3)]

    def test_an_update_of_an_unknown_job_or_to_a_second_open_one_is_refused(self, rig: StoreRig) -> None:
        """With words for people: both can be typed by hand."""
        first, second = ask(rig, request(0), request(1))
        rig.mine.jobs.settle_request(first, job(request(0)))
        rig.mine.jobs.settle_request(second, job(request(1), JobPhase.HELD))

        with pytest.raises(MonitorError, match="another open retraining job"):
            rig.mine.jobs.update(job(request(1), JobPhase.APPROVED))
        with pytest.raises(MonitorError, match="no retraining job"):
            rig.mine.jobs.update(job(request(2)))

        assert rig.mine.jobs.get(request(1).key) == job(request(1), JobPhase.HELD)

    def test_a_lease_has_one_holder_who_may_renew_it(self, rig: StoreRig) -> None:
        """Names are apart."""
        lease, other = rig.mine.lease, rig.other.lease

        assert lease.hold("tick", "a", 60)
        assert not other.hold("tick", "b", 60)
        assert lease.hold("tick", "a", 60)
        assert other.hold("relay", "b", 60)

    def test_a_lease_that_ran_out_or_was_given_back_goes_to_another(self, rig: StoreRig) -> None:
        """By the database's clock."""
        rig.mine.lease.hold("tick", "a", 0.05)
        time.sleep(0.1)

        assert rig.other.lease.hold("tick", "b", 60)
        assert not rig.mine.lease.hold("tick", "a", 60)
        assert rig.other.lease.hold("tick", "b", 0)
        assert rig.mine.lease.hold("tick", "a", 60)

    def test_of_many_that_want_a_lease_at_once_one_holds_it(self, rig: StoreRig) -> None:
        """Also when nobody ever had it."""
        stores = [rig.mine.lease, rig.other.lease]
        with ThreadPoolExecutor(8) as pool:
            held = list(pool.map(lambda i: stores[i % 2].hold("tick", f"w{i}", 60), range(8)))

        assert sum(held) == 1
