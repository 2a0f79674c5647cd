"""A person may ask twice about the same window: a settled job does not stand in the way."""

from dataclasses import replace

from monitor.bootstrap.retraining import asked_anew
from monitor.domain.retraining import JobEnd, JobPhase, Mode
from tests.unit.usecases.retrain_rig import POLICY, Rig


def test_what_was_asked_and_settled_can_be_asked_again_and_what_is_under_way_stays_one_job() -> None:
    rig = Rig(replace(POLICY, mode=Mode.DRY_RUN))
    request = rig.ask("by hand")
    under_way = asked_anew(rig.stores.jobs, request)

    rig.retrain.run_once()
    again = asked_anew(rig.stores.jobs, request)

    assert (rig.job(request).phase, rig.job(request).end) == (JobPhase.SETTLED, JobEnd.DRY_RUN)
    assert under_way == request
    assert (again.rule, again.at, again.key != request.key) == ("by hand 2", request.at, True)
