"""What the scheduler of a process calls, on a real configuration and database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.bootstrap.app import App, open_app
from monitor.bootstrap.roles import build_knocks
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ModelRef
from monitor.domain.rules import Phase, RuleState, Subject
from monitor.domain.windows import Window

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILES = {
    "monitor.yaml": "source: {kind: files, folders: {mixed: [data]}}\ndatabase: {url: 'sqlite:///driftline.db'}\n",
    "models/churn.yaml": "model: churn\nwindow: {size: 1h}\n",
    "rules/r.yaml": "rules:\n- name: kept\n  when: {bad: {test: psi}}\n",
}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "configs"


def fire(app: App, rule: str) -> None:
    labels = {"alertname": rule, "model": "churn", "severity": "warning"}
    state = RuleState(Phase.FIRING, START, START + HOUR, None, START + HOUR, labels)
    window = Window(START, START + HOUR)
    evaluation = Evaluation(ModelRef("churn", rule), window, EvaluationKind.DRIFT, 0, 1)
    app.stores.evaluations.commit(EvaluationCommit(evaluation, [], {Subject(rule, "churn"): state}))


def test_the_evaluation_knock_ends_the_alerts_of_rules_that_are_gone_and_of_no_other(directory: Path) -> None:
    with open_app(directory, {}) as app:
        fire(app, "kept")
        fire(app, "gone")
        evaluation = next(knock for knock in build_knocks(app) if knock.name == "evaluate")

        evaluation.call()
        evaluation.call()

        told = [(event.labels["alertname"], event.ends_at) for _, event in app.stores.outbox.pending(9)]
        assert told == [("gone", START + HOUR)]
        assert [subject.rule for subject in app.stores.evaluations.standing()] == ["kept"]
