"""Promises of `EvaluationStore`, `OutboxStore` and `Retention`: judged once, told once, forgotten in time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from monitor.domain.evaluation import EvaluationCommit
from monitor.domain.findings import EvaluationKind, Verdict
from monitor.domain.models import ModelRef
from monitor.domain.rules import Phase, Retirement, RuleState, Subject, Transition
from monitor.domain.stream import JoinSpan, PaneSpan, TopicKind
from monitor.testing.stores.rig import StoreRig
from monitor.testing.stores.samples import (
    FIRST,
    HOUR,
    HOUR_MS,
    MODEL,
    START,
    START_MS,
    alert_event,
    dead_letter,
    evaluation,
    finding,
    flush,
    judged,
    prediction,
    request,
    share,
    truth,
    window,
)

SUBJECT = Subject("psi-high", "churn")
FIRING = RuleState(
    Phase.FIRING, START, START + timedelta(microseconds=1), None, START + HOUR, {"alertname": "psi-high"}
)


def told(hours: int = 0) -> EvaluationCommit:
    """An evaluation that changes everything that one can change."""
    fired = Transition(SUBJECT, Phase.PENDING, Phase.FIRING, START + hours * HOUR, window(hours), "held 2h")
    return replace(
        judged(hours),
        states={SUBJECT: FIRING},
        transitions=[fired],
        events=[alert_event(hours)],
        requests=[request(hours)],
    )


class EvaluationConformance:
    """The promises of `EvaluationStore`, `OutboxStore` and `Retention`, as tests."""

    def test_a_check_finds_its_last_finding_before_an_instant(self, rig: StoreRig) -> None:
        """The newest revision of the last window that starts before it, of the same version and check alone."""
        other = ModelRef(MODEL.name, "other")
        about_other = EvaluationCommit(evaluation(2, ref=other), [finding(2, ref=other)])
        for commit in (judged(0), judged(1), judged(1, 1), judged(2, 0, finding(2, column="height")), about_other):
            assert rig.mine.evaluations.commit(commit) is True
        name = finding().check.name

        def last(hours: int) -> tuple[int, int] | None:
            found = rig.other.evaluations.last_findings(name, {MODEL: START + hours * HOUR}).get(MODEL)
            return None if found is None else ((found.window.start - START) // HOUR, found.revision)

        assert [last(hours) for hours in (0, 1, 2, 5)] == [None, (0, 0), (1, 1), (1, 1)]

    def test_last_findings_of_many_versions_come_together_each_from_its_own_instant(self, rig: StoreRig) -> None:
        """As when they are asked for one by one; versions without one are left out."""
        refs = [ModelRef(name, version) for name in ("churn", "fraud") for version in ("1", "2")]
        for ref in refs:
            for hours in range(3):
                rig.mine.evaluations.commit(EvaluationCommit(evaluation(hours, ref=ref), [finding(hours, ref=ref)]))
        name, read = finding().check.name, rig.other.evaluations.last_findings
        asked = {ref: START + hours * HOUR for hours, ref in enumerate(refs)} | {ModelRef("new", "1"): START + HOUR}

        found = read(name, asked)

        assert found == {ref: finding(hours - 1, ref=ref) for hours, ref in enumerate(refs) if hours}
        assert found == {ref: one for each in asked.items() for ref, one in read(name, dict([each])).items()}
        assert (read("another", asked), read(name, {})) == ({}, {})

    def test_texts_that_hold_the_null_character_are_saved_and_found(self, rig: StoreRig) -> None:
        """In every text of an evaluation: columns, models and rules are named by others."""
        ref, subject = ModelRef("ch\0urn", "3\0"), Subject("psi\0", "ch\0urn", "de\0")
        odd = replace(finding(column="a\0ge", ref=ref), reason="a\0ge drifted")
        commit = EvaluationCommit(evaluation(ref=ref), [odd], {subject: replace(FIRING, labels={"team": "a\0b"})})

        assert [rig.mine.evaluations.commit(commit), rig.other.evaluations.commit(commit)] == [True, False]

        assert rig.other.evaluations.findings(ref.name) == [odd]
        assert rig.other.evaluations.last_findings(odd.check.name, {ref: START + HOUR}) == {ref: odd}
        [state] = rig.other.evaluations.rule_states(ref.name).values()
        assert state == commit.states[subject]

    def test_bad_windows_are_those_of_the_check_by_its_newest_finding(self, rig: StoreRig) -> None:
        """Whatever overlaps the stretch, as `judged` has it: the newest revision decides."""
        for commit in (judged(0), judged(1), judged(2), judged(2, 1, finding(2, verdict=Verdict.OK)), judged(3)):
            assert rig.mine.evaluations.commit(commit) is True
        name = finding().check.name
        half = HOUR / 2

        found = rig.other.evaluations.bad_windows(MODEL, name, START + half, START + 3 * HOUR)

        assert [(bad.start - START) // HOUR for bad in found] == [0, 1]
        assert rig.other.evaluations.bad_windows(MODEL, "another", START, START + 9 * HOUR) == []

    def test_everything_of_an_evaluation_is_saved_together_and_comes_back_equal(self, rig: StoreRig) -> None:
        """Every field of every value, to the microsecond and the last bit."""
        commit = told()

        assert rig.mine.evaluations.commit(commit) is True

        seen = rig.other
        assert seen.evaluations.findings("churn") == [finding()]
        assert seen.evaluations.rule_states("churn") == {SUBJECT: FIRING}
        assert seen.evaluations.transitions("churn") == list(commit.transitions)
        assert [event for _, event in seen.outbox.pending(9)] == [alert_event(0)]
        assert [one for _, one in seen.jobs.pending_requests(9)] == [request(0)]

    def test_the_same_evaluation_again_saves_nothing_and_says_so(self, rig: StoreRig) -> None:
        """Not even what it brought that is new."""
        rig.mine.evaluations.commit(told())

        again = rig.other.evaluations.commit(replace(told(), states={SUBJECT: RuleState()}, requests=[request(5)]))

        assert again is False
        assert rig.mine.evaluations.rule_states("churn") == {SUBJECT: FIRING}
        assert len(rig.mine.outbox.pending(9)) == 1
        assert len(rig.mine.jobs.pending_requests(9)) == 1

    def test_of_many_evaluators_at_once_one_commits(self, rig: StoreRig) -> None:
        """Knocks may come doubled."""
        stores = [rig.mine.evaluations, rig.other.evaluations]
        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(lambda i: stores[i % 2].commit(told()), range(6)))

        assert sorted(outcomes) == [False] * 5 + [True]
        assert len(rig.mine.outbox.pending(9)) == 1

    def test_only_findings_of_the_newest_revision_are_shown(self, rig: StoreRig) -> None:
        """Also where a check is gone from it."""
        rig.mine.evaluations.commit(judged(0, 0, finding(0, 0, "age"), finding(0, 0, "gone")))
        rig.mine.evaluations.commit(judged(1, 0, finding(1, 0, "age")))

        rig.mine.evaluations.commit(judged(0, 1, finding(0, 1, "age", Verdict.OK)))

        shown = rig.mine.evaluations.findings("churn")
        assert shown == [finding(0, 1, "age", Verdict.OK), finding(1, 0, "age")]

    def test_findings_are_narrowed_by_window_start_and_kind_and_ordered_by_window_and_check(
        self, rig: StoreRig
    ) -> None:
        """The range is half-open."""
        late = finding(3, kind=EvaluationKind.PERFORMANCE)
        rig.mine.evaluations.commit(EvaluationCommit(replace(evaluation(3), kind=late.kind), [late]))
        for hour in (2, 1, 0):
            rig.mine.evaluations.commit(judged(hour, 0, finding(hour, column="b"), finding(hour, column="a")))
        read = rig.mine.evaluations.findings

        middle = read("churn", START + HOUR, START + 3 * HOUR)

        assert middle == [finding(hour, column=column) for hour in (1, 2) for column in "ab"]
        assert read("churn", kind=EvaluationKind.PERFORMANCE) == [late]
        assert read("fraud") == []

    def test_a_finding_without_a_result_is_an_answer_too(self, rig: StoreRig) -> None:
        """Not enough data, or failed."""
        empty = replace(finding(verdict=Verdict.INSUFFICIENT_DATA), result=None, coverage=None)

        rig.mine.evaluations.commit(judged(0, 0, empty))

        assert rig.mine.evaluations.findings("churn") == [empty]

    def test_done_tells_the_newest_revision_of_windows_that_end_after_the_instant(self, rig: StoreRig) -> None:
        """With the mark that it covered."""
        for hours, revision in ((0, 0), (1, 0), (2, 0), (1, 1)):
            rig.mine.evaluations.commit(EvaluationCommit(evaluation(hours, revision, mark=100 + revision), []))

        done = rig.mine.evaluations.done({"churn": START_MS + HOUR_MS})

        assert [(one.window, one.revision, one.mark) for one in done] == [(window(1), 1, 101), (window(2), 0, 100)]

    def test_done_is_told_of_many_models_at_once_each_from_its_own_instant(self, rig: StoreRig) -> None:
        """Model by model, each by end of window."""
        for name in ("fraud", "churn", "other"):
            for hours in range(3):
                about = replace(evaluation(hours), model=ModelRef(name, "3"))
                rig.mine.evaluations.commit(EvaluationCommit(about, []))

        done = rig.mine.evaluations.done({"fraud": START_MS + HOUR_MS, "churn": START_MS + 2 * HOUR_MS})

        assert [(one.model.name, one.window) for one in done] == [
            ("churn", window(2)),
            ("fraud", window(1)),
            ("fraud", window(2)),
        ]
        assert rig.mine.evaluations.done({}) == []

    def test_rule_states_of_many_models_come_together_and_of_no_other(self, rig: StoreRig) -> None:
        """A state belongs to a rule and a model."""
        states = {Subject("psi-high", name): replace(FIRING, fired_at=None) for name in ("churn", "fraud", "other")}
        rig.mine.evaluations.commit(replace(told(), states=states))

        found = rig.other.evaluations.rule_states("fraud", "churn", "unknown")

        assert found == {subject: state for subject, state in states.items() if subject.model != "other"}

    def test_a_rule_is_retired_once_from_where_it_was_found_with_everything_that_follows(self, rig: StoreRig) -> None:
        """And not at all when somebody has folded it since."""
        rig.mine.evaluations.commit(told())
        rig.mine.evaluations.commit(replace(told(1), states={Subject("calm", "churn"): RuleState(folded_to=START)}))
        ended = Transition(SUBJECT, Phase.FIRING, Phase.INACTIVE, START + 5 * HOUR, window(4), "gone")
        before = len(rig.mine.outbox.pending(9))

        stale = rig.mine.evaluations.retire(Retirement(replace(FIRING, folded_to=START), ended, alert_event(7)))
        took = [store.evaluations.retire(Retirement(FIRING, ended, alert_event(7))) for store in (rig.mine, rig.other)]

        assert (stale, took) == (False, [True, False])
        assert rig.mine.evaluations.standing() == {}
        assert rig.mine.evaluations.rule_states("churn")[SUBJECT] == RuleState(folded_to=FIRING.folded_to)
        assert rig.mine.evaluations.transitions()[-1] == ended
        assert [event for _, event in rig.mine.outbox.pending(9)[before:]] == [alert_event(7)]

    def test_standing_rules_are_those_that_are_not_inactive_of_whatever_model(self, rig: StoreRig) -> None:
        """Configured or not."""
        states = {Subject("a", "churn"): FIRING, Subject("b", "fraud"): replace(FIRING, phase=Phase.PENDING)}
        rig.mine.evaluations.commit(replace(told(), states=states | {Subject("c", "churn"): RuleState()}))

        assert rig.other.evaluations.standing() == states

    def test_transitions_are_unique_and_come_oldest_first(self, rig: StoreRig) -> None:
        """By event time, whenever they were written."""
        later, earlier = told(2), told(1)
        rig.mine.evaluations.commit(later)
        rig.mine.evaluations.commit(replace(earlier, transitions=[*earlier.transitions, *later.transitions]))

        assert rig.mine.evaluations.transitions() == [*earlier.transitions, *later.transitions]
        assert rig.mine.evaluations.transitions("fraud") == []

    def test_a_request_that_two_evaluations_make_is_one_request(self, rig: StoreRig) -> None:
        """By its key."""
        rig.mine.evaluations.commit(told(0))

        rig.mine.evaluations.commit(replace(told(1), requests=[request(0)]))

        assert len(rig.mine.jobs.pending_requests(9)) == 1

    def test_the_outbox_keeps_the_order_and_forgets_what_was_relayed(self, rig: StoreRig) -> None:
        """Handing over twice is allowed, and so is marking twice."""
        rig.mine.evaluations.commit(told(0))
        rig.mine.outbox.enqueue([alert_event(1), alert_event(2)])
        rig.mine.outbox.enqueue([])
        (first, _), (second, _), (third, _) = rig.mine.outbox.pending(9)

        rig.mine.outbox.relayed([first, third])
        rig.mine.outbox.relayed([third])
        rig.mine.outbox.relayed([])

        assert first < second < third
        assert rig.other.outbox.pending(9) == [(second, alert_event(1))]
        assert rig.other.outbox.pending(0) == []

    def test_a_sweep_deletes_what_is_old_in_bounded_batches_and_nothing_else(self, rig: StoreRig) -> None:
        """Until nothing goes any more."""
        self._fill(rig)
        border = START_MS + 2 * HOUR_MS

        batches = []
        while sum((batch := rig.mine.retention.sweep("churn", border, border, 1)).values()):
            batches.append(batch)

        assert all(max(batch.values()) <= 1 for batch in batches)
        windows, evaluations = rig.mine.windows, rig.mine.evaluations
        assert [one.pane_start_ms for one in windows.panes([PaneSpan("churn", 0, border * 2, HOUR_MS)])] == [border]
        assert windows.predictions_count(MODEL, 0, border * 2) == 1
        assert [row.label for row in windows.joined(JoinSpan(MODEL, 0, border * 2))] == ["no"]
        assert evaluations.findings("churn") == [finding(2)]
        assert [one.window for one in evaluations.done({"churn": 0})] == [window(2)]
        assert [one.window for one in evaluations.transitions()] == [window(2)]
        assert rig.mine.records.dead_letter_counts() == {}
        assert len(rig.mine.outbox.pending(9)) == 3

    def test_a_sweep_of_one_model_leaves_the_others(self, rig: StoreRig) -> None:
        """Each has its own retention."""
        self._fill(rig)

        rig.mine.retention.sweep("fraud", START_MS * 2, START_MS * 2, 1000)

        assert len(rig.mine.windows.panes([PaneSpan("churn", 0, START_MS * 2, HOUR_MS)])) == 3
        assert len(rig.mine.evaluations.findings("churn")) == 3
        assert rig.mine.evaluations.rule_states("churn") == {SUBJECT: FIRING}

    def _fill(self, rig: StoreRig) -> None:
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        shares = [share(claim, 5, pane) for pane in range(3)]
        made = [prediction(f"e{hour}", hour * 60) for hour in range(3)]
        known = [truth(f"e{hour}", minutes=hour * 60) for hour in range(3)]
        letters = [dead_letter(1), dead_letter(2, model="churn")]
        rig.mine.ingest.flush([flush(claim, 10, shares, made, known, dead_letters=letters)])
        for hours in range(3):
            rig.mine.evaluations.commit(told(hours))
