"""Tables by which a candidate is verified."""

from pathlib import Path

from monitor.adapters.score_files import ScoreTables


def test_rows_without_a_prediction_or_a_truth_are_none(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("event_id,version,prediction\na,1,yes\nb,1,\n", encoding="utf-8")
    (tmp_path / "truth.csv").write_text("event_id,label\na,yes\nb,\n", encoding="utf-8")

    read = ScoreTables()

    assert read.scores(str(tmp_path / "scores.csv")) == {"1": {"a": ("yes", None)}}
    assert read.holdout(str(tmp_path / "truth.csv")) == {"a": "yes"}
