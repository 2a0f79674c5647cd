"""Charts: shares that add up, bars that can be counted."""

import numpy as np
import pytest

from monitor.rules.charts import MAX_BARS, drift_chart
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile


def numeric(layout: NumericLayout, values: list[float]) -> NumericProfile:
    profile = NumericProfile.empty(layout)
    profile.update(NumericColumn(np.array(values)))
    return profile


def categorical(layout: CategoricalLayout, values: list[str | None]) -> CategoricalProfile:
    profile = CategoricalProfile.empty(layout)
    profile.update(CategoricalColumn(values))
    return profile


def test_a_numeric_chart_shows_the_shares_of_deciles_and_of_missing_values() -> None:
    values = [float(n) for n in range(1000)]
    layout = NumericLayout.of(np.array(values))

    chart = drift_chart("amount", numeric(layout, values), numeric(layout, [2000.0] * 3 + [float("nan")]))

    assert chart is not None
    assert len(chart.categories) <= MAX_BARS + 1
    assert chart.categories[0].startswith("below ")
    assert chart.categories[-2:] == ("899.1 or more", "missing")
    assert sum(chart.baseline) == pytest.approx(1)
    assert chart.current[-2:] == (0.75, 0.25)


def test_many_heavy_values_share_bars() -> None:
    values = [float(n % 40) for n in range(4000)]
    layout = NumericLayout.of(np.array(values))

    chart = drift_chart("code", numeric(layout, values), numeric(layout, values))

    assert chart is not None
    assert 2 < len(chart.categories) <= MAX_BARS
    assert chart.baseline == chart.current
    assert sum(chart.current) == pytest.approx(1, abs=1e-5)


def test_a_categorical_chart_shows_the_largest_categories_and_counts_the_rest() -> None:
    values: list[str | None] = [f"k{n}" for n in range(15) for _ in range(20 - n)]
    layout = CategoricalLayout.of(values)

    chart = drift_chart(
        "plan", categorical(layout, values), categorical(layout, ["k14"] * 6 + ["new", None] + ["k0"] * 2)
    )

    assert chart is not None
    assert len(chart.categories) == MAX_BARS + 3
    assert "k14" in chart.categories
    assert chart.categories[-3:] == ("5 others", "not in the baseline", "missing")
    assert chart.current[-2:] == (0.1, 0.1)
    assert sum(chart.current) == pytest.approx(1)


def test_nothing_is_drawn_of_an_empty_window() -> None:
    layout = NumericLayout.of(np.array([1.0, 2.0]))

    assert drift_chart("amount", numeric(layout, [1.0]), numeric(layout, [])) is None
