"""`alarm_budget` in a model's file."""

from datetime import timedelta

import pytest
import yaml
from pydantic import ValidationError

from monitor.config.model_file import ModelFile
from monitor.domain.budgets import ONE_A_MONTH, AlarmBudget

MODEL = "{model: shop, window: {size: 1h}"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("}", ONE_A_MONTH),
        (", alarm_budget: 1 per model per month}", ONE_A_MONTH),
        (", alarm_budget: 0.5 per week}", AlarmBudget(0.5, timedelta(weeks=1))),
        (", alarm_budget: off}", None),
        (', alarm_budget: "off"}', None),
    ],
)
def test_a_model_has_one_false_alarm_a_month_unless_it_says_otherwise(written: str, meant: AlarmBudget | None) -> None:
    assert ModelFile.model_validate(yaml.safe_load(MODEL + written)).value().alarm_budget == meant


@pytest.mark.parametrize("written", ["0 per month", "two per month", "1 per year", "5", "[1]"])
def test_what_is_no_rate_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        ModelFile.model_validate(yaml.safe_load(f"{MODEL}, alarm_budget: {written}}}"))
