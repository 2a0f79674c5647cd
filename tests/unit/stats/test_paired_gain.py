"""The interval of a paired gain holds as often as it says, for any metric, and sees what pairing sees."""

import numpy as np
import pytest

from monitor.stats.paired_gain import paired_gain
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged

PAIRS, RUNS = 400, 120


def draw(random: np.random.Generator, n: int, right: float, better: float, agree: float) -> tuple[Judged, Judged]:
    """Two models that are right with these shares; where `agree` says so, they make the same mistake."""
    labels = random.integers(0, 2, n)
    shared = random.random(n)
    own = np.where(random.random(n) < agree, shared, random.random(n))
    first = np.where(shared < right, labels, 1 - labels)
    second = np.where(own < better, labels, 1 - labels)
    score = np.clip(np.where(second == 1, 0.7, 0.3) + random.normal(0, 0.1, n), 0, 1)
    text = tuple(map(str, labels.tolist()))
    return (
        Judged(
            tuple(map(str, first.tolist())),
            np.clip(np.where(first == 1, 0.7, 0.3) + random.normal(0, 0.1, n), 0, 1),
            text,
        ),
        Judged(tuple(map(str, second.tolist())), score, text),
    )


@pytest.mark.parametrize("name", ["accuracy", "f1"])
def test_the_interval_holds_the_true_gain_as_often_as_it_says(name: str) -> None:
    random, metric = np.random.default_rng(11), PERFORMANCE_METRICS[name]
    found = [paired_gain(metric, *draw(random, PAIRS, 0.7, 0.8, 0.5), "1", 0.9) for _ in range(RUNS)]

    held = sum(one is not None and one.low <= 0.1 <= one.high for one in found)

    assert 0.81 * RUNS < held < 0.985 * RUNS  # 90 % of 120, three standard errors either way


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "brier"])
def test_a_metric_of_scores_gains_where_the_better_model_is_second(name: str) -> None:
    pair = draw(np.random.default_rng(4), PAIRS, 0.7, 0.9, 0.5)

    found = paired_gain(PERFORMANCE_METRICS[name], *pair, "1", 0.95)

    assert found is not None
    assert 0 < found.low < found.gain < found.high


def test_a_rhythm_in_the_order_of_the_records_does_not_widen_the_interval() -> None:
    n, metric = 5_000, PERFORMANCE_METRICS["accuracy"]
    labels = np.random.default_rng(8).integers(0, 2, n)
    wrong = np.arange(n) % 50 < 10  # the same fifth of every fifty records
    first, second = (
        Judged(tuple(map(str, said.tolist())), np.full(n, np.nan), tuple(map(str, labels.tolist())))
        for said in (labels, np.where(wrong, 1 - labels, labels))
    )

    found = paired_gain(metric, first, second, None, 0.95)

    assert found is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.2 * 0.8 / n), rel=0.35)


def test_pairs_see_a_difference_that_two_samples_would_not() -> None:
    random = np.random.default_rng(3)
    metric = PERFORMANCE_METRICS["accuracy"]
    alike = paired_gain(metric, *draw(random, 1000, 0.80, 0.83, 1.0), "1", 0.95)
    apart = paired_gain(metric, *draw(random, 1000, 0.80, 0.83, 0.0), "1", 0.95)

    assert alike is not None
    assert apart is not None
    assert alike.low > 0
    assert (apart.high - apart.low) > 2 * (alike.high - alike.low)


def test_a_lower_error_is_a_gain() -> None:
    labels = tuple(str(k) for k in range(100))
    none = np.full(100, np.nan)
    far = Judged(tuple(str(k + 2) for k in range(100)), none, labels)
    near = Judged(tuple(str(k + (1 if k % 3 else -1)) for k in range(100)), none, labels)

    found = paired_gain(PERFORMANCE_METRICS["mae"], far, near, None, 0.95)

    assert found is not None
    assert (found.first, found.second, found.gain) == (2.0, 1.0, 1.0)


def test_models_that_always_agree_are_as_good_as_the_number_of_records_allows_to_say() -> None:
    first, _ = draw(np.random.default_rng(1), 370, 0.8, 0.8, 1.0)

    found = paired_gain(PERFORMANCE_METRICS["accuracy"], first, first, "1", 0.95)

    assert found is not None
    assert [found.gain, found.low, found.high] == pytest.approx([0.0, -0.01, 0.01])


@pytest.mark.parametrize("n", [0, 1])
def test_what_cannot_be_compared_is_no_number(n: int) -> None:
    nothing = Judged(("1",) * n, np.full(n, np.nan), ("1",) * n)

    assert paired_gain(PERFORMANCE_METRICS["accuracy"], nothing, nothing, "1", 0.95) is None


def test_the_same_rows_give_the_same_interval() -> None:
    pair = draw(np.random.default_rng(2), 300, 0.7, 0.75, 0.5)
    metric = PERFORMANCE_METRICS["f1"]

    assert paired_gain(metric, *pair, "1", 0.95) == paired_gain(metric, *pair, "1", 0.95)
