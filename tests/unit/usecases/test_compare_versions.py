"""Two versions on the same traffic: the better one is named when pairs show it; without pairs nothing is made up."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import stats

from monitor.adapters.sql.engine import create_engine, writing
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.tables import predictions, truths
from monitor.cli.main import driftline
from monitor.stats.mcnemar import Discordant
from monitor.stats.performance.metric import Judged

START_MS, N = 1_793_577_600_000, 1_000  # 2026-11-02
CONFIG = """
source: {{kind: memory}}
database: {{url: "sqlite:///{folder}/driftline.db"}}
"""
MODEL = """
model: churn
task: binary
positive_label: "yes"
window: {size: 1h}
ground_truth: {wait: 1h, horizon: 7d}
segments: [{name: germany, column: country, value: DE}]
"""
ABOUT = {"name": "", "annotator": "", "offset": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 is right in 70 of 100, its shadow 2 in 78, and 3 serves other events."""
    folder = tmp_path_factory.mktemp("versions")
    (folder / "models").mkdir()
    (folder / "monitor.yaml").write_text(CONFIG.format(folder=folder))
    (folder / "models/churn.yaml").write_text(MODEL)
    random = np.random.default_rng(3)
    labels = random.choice(["yes", "no"], N)
    said = {"1": 0.70, "2": 0.78}
    rows = [
        {"version": version, "event_id": f"e{k}", "event_time_ms": START_MS + k, "prediction": other, "score": None}
        for version, right in said.items()
        for k, (true, is_right) in enumerate(zip(labels.tolist(), (random.random(N) < right).tolist(), strict=True))
        for other in [true if is_right else {"yes": "no", "no": "yes"}[true]]
    ]
    rows += [{**rows[k], "version": "3", "event_id": f"f{k}"} for k in range(20)]
    engine = create_engine(f"sqlite:///{folder}/driftline.db")
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(predictions.insert(), [{"model": "churn", **row} for row in rows])
        known = [{"event_id": f"{x}{k}", "label": label} for x in "ef" for k, label in enumerate(labels.tolist())]
        connection.execute(
            truths.insert(), [{"model": "churn", "known_at_ms": START_MS + 9, **ABOUT, **one} for one in known]
        )
    engine.dispose()
    return folder


def compared(folder: Path, *words: str) -> Result:
    span = ["--since", "2026-11-01", "--until", "2026-11-09"]
    return CliRunner().invoke(
        driftline, ["versions", "compare", "--model", "churn", *words, *span, "--config", str(folder)]
    )


def test_the_better_version_is_named_with_an_interval_and_the_exact_p_value(folder: Path) -> None:
    shown = compared(folder, "1", "2", "--metric", "accuracy", "--metric", "f1")
    found = json.loads(compared(folder, "1", "2", "--metric", "accuracy", "--json").output)[0]

    assert shown.exit_code == 0, shown.output
    assert shown.output.count("2 is better") == 2
    (one,) = found["comparisons"]
    both = found["discordant"]
    gain = (both["only_second"] - both["only_first"]) / N
    assert one["gain"] == pytest.approx(gain)
    error = np.sqrt((both["only_second"] + both["only_first"]) / N - gain**2) / np.sqrt(N)
    assert one["high"] - one["low"] == pytest.approx(2 * 1.96 * error, rel=0.3)
    assert found["mcnemar_p"] == pytest.approx(
        stats.binomtest(both["only_first"], both["only_first"] + both["only_second"]).pvalue
    )
    assert "not by segment: the model keeps no raw rows" in shown.output


def test_the_other_way_round_the_gain_has_the_other_sign(folder: Path) -> None:
    assert "1 is worse" in compared(folder, "2", "1", "--metric", "accuracy").output


def test_versions_that_saw_other_events_are_not_compared_in_pairs(folder: Path) -> None:
    result = compared(folder, "1", "3")

    assert result.exit_code == 3
    assert "0 events with truth were predicted by both: of 1,000 of version 1, and 20 of version 3" in result.output
    assert "compare their windows instead" in result.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["1", "2", "--metric", "psi"], "'psi' is no performance metric"),
        (["1", "1"], "is compared with itself"),
    ],
)
def test_what_cannot_be_compared_is_a_mistake_with_a_hint(folder: Path, words: list[str], why: str) -> None:
    result = compared(folder, *words)

    assert result.exit_code != 0
    assert why in str(result.exception) + result.output


def test_equal_versions_show_no_difference() -> None:
    one = Judged(("a", "b", "a"), np.full(3, np.nan), ("a", "b", "b"))

    assert Discordant.of(one, replace(one)) == Discordant(0, 0)
    assert Discordant(0, 0).p_value == 1.0
