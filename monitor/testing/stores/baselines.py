"""Promises of `BaselineStore`: content, once; and a timeline that only grows."""

import pytest

from monitor.domain.errors import BaselineError
from monitor.domain.models import ModelRef
from monitor.testing.stores.rig import StoreRig
from monitor.testing.stores.samples import MODEL, START_MS

FOUR = ModelRef("churn", "4")


class BaselineConformance:
    """The promises of `BaselineStore`, as tests."""

    def test_a_baseline_is_stored_once_and_comes_back_byte_for_byte(self, rig: StoreRig) -> None:
        """The id is its content, so putting it again is no news."""
        payload = bytes(range(256)) * 100

        assert rig.mine.baselines.put("b1", MODEL, payload, {"rows": 9}) is True
        assert rig.other.baselines.put("b1", MODEL, payload, {"rows": 9}) is False
        assert rig.other.baselines.get("b1") == payload

    def test_a_second_baseline_for_a_version_is_refused_with_the_way_out(self, rig: StoreRig) -> None:
        """The windows of a version must all mean the same."""
        rig.mine.baselines.put("b1", MODEL, b"one", {})

        with pytest.raises(BaselineError, match=r"churn:3 already has the baseline b1.*version of its own"):
            rig.mine.baselines.put("b2", MODEL, b"two", {})

        with pytest.raises(BaselineError, match="no baseline b2"):
            rig.mine.baselines.get("b2")

    def test_an_unknown_or_foreign_baseline_cannot_be_promoted(self, rig: StoreRig) -> None:
        """Nothing may be compared with what is not there."""
        rig.mine.baselines.put("f1", ModelRef("fraud", "1"), b"", {})

        with pytest.raises(BaselineError, match="no baseline b9"):
            rig.mine.baselines.promote(MODEL, "b9", None, "typo")
        with pytest.raises(BaselineError, match="of the model fraud"):
            rig.mine.baselines.promote(MODEL, "f1", None, "mix-up")

        assert rig.mine.baselines.timeline("churn") == []

    def test_the_timeline_tells_promotions_oldest_first(self, rig: StoreRig) -> None:
        """Saying again what holds already adds nothing; going back to an earlier one does."""
        rig.mine.baselines.put("b3", MODEL, b"3", {})
        rig.mine.baselines.put("b4", FOUR, b"4", {})
        rig.mine.baselines.promote(MODEL, "b3", None, "first")
        rig.mine.baselines.promote(FOUR, "b4", START_MS, "retrained")
        rig.other.baselines.promote(FOUR, "b4", START_MS, "said again")
        rig.other.baselines.promote(MODEL, "b4", START_MS, "compare with the new one")
        rig.other.baselines.promote(MODEL, "b3", None, "back")

        timeline = rig.mine.baselines.timeline("churn")

        assert timeline == [("3", None, "b3"), ("4", START_MS, "b4"), ("3", START_MS, "b4"), ("3", None, "b3")]
        assert rig.mine.baselines.timeline("fraud") == []

    def test_timelines_of_many_models_come_together_and_none_of_what_has_none(self, rig: StoreRig) -> None:
        """Each as `timeline` tells it."""
        rig.mine.baselines.put("b3", MODEL, b"3", {})
        rig.mine.baselines.put("f1", ModelRef("fraud", "1"), b"", {})
        rig.mine.baselines.promote(ModelRef("fraud", "1"), "f1", START_MS, "first")
        rig.mine.baselines.promote(MODEL, "b3", None, "first")

        found = rig.mine.baselines.timelines({"churn", "fraud", "unknown"})

        assert found == {"churn": [("3", None, "b3")], "fraud": [("1", START_MS, "f1")]}

    def test_summaries_show_what_was_put_and_whether_it_was_promoted(self, rig: StoreRig) -> None:
        """For one model, or for all."""
        rig.mine.baselines.put("b3", MODEL, b"3", {"rows": 9, "columns": ["age"]})
        rig.mine.baselines.put("f1", ModelRef("fraud", "1"), b"", {"rows": 1})
        rig.mine.baselines.promote(MODEL, "b3", None, "first")

        (shown,) = rig.mine.baselines.summaries("churn")

        assert {key: shown[key] for key in ("id", "model", "version", "rows", "columns", "promoted")} == {
            "id": "b3",
            "model": "churn",
            "version": "3",
            "rows": 9,
            "columns": ["age"],
            "promoted": True,
        }
        assert str(shown["created"]).endswith("Z")
        assert {one["id"]: one["promoted"] for one in rig.mine.baselines.summaries()} == {"b3": True, "f1": False}
