"""Metrics of ranked lists equal scikit-learn's and plain counting, their intervals cover, and odd lists are told."""

import json
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from monitor.domain.errors import ConfigError
from monitor.domain.models import Task
from monitor.stats.drift_test import with_parameters
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged, PerformanceMetric
from monitor.stats.performance.usable import usable, why_undefined
from monitor.stats.structured import grades_of, items_of, structured_text

ITEMS, SHOWN, K = 60, 15, 10


def metric(name: str, **parameters: float) -> PerformanceMetric:
    given = {"catalogue": ITEMS} | parameters if name == "catalogue_coverage" else parameters
    return with_parameters(PERFORMANCE_METRICS[name], name, given)


RANKING = [name for name, one in PERFORMANCE_METRICS.items() if one.tasks == {Task.RANKING}]


def searches(n: int, seed: int = 0, items: int = ITEMS) -> Judged:
    """Lists of 15 items, popular ones more often; up to four relevant items with grades, seen early by chance."""
    random = np.random.default_rng(seed)
    popular = 1 / np.arange(1, items + 1)
    shown = np.argsort(-(np.log(popular) + random.gumbel(size=(n, items))), axis=1)[:, :SHOWN]
    wanted = np.argsort(-(np.log(popular) + random.gumbel(size=(n, items))), axis=1)[:, :4]
    how_many = random.integers(0, 5, n)
    labels = [
        json.dumps({str(item): 1 + place % 3 for place, item in enumerate(row[:many].tolist())})
        for row, many in zip(wanted, how_many, strict=True)
    ]
    predictions = tuple(json.dumps(list(map(str, row))) for row in shown.tolist())
    return Judged(predictions, np.full(n, np.nan), tuple(labels))


def queries(judged: Judged) -> list[tuple[list[str], dict[str, float]]]:
    pairs = zip(judged.predictions, judged.labels, strict=True)
    return [(json.loads(said), truth) for said, known in pairs if (truth := json.loads(known))]


def sklearn_ndcg(judged: Judged) -> float:
    """Over all items: those that are not shown stand last."""
    relevance, scores = [], []
    for shown, truth in queries(judged):
        names = [str(item) for item in range(ITEMS)]
        relevance.append([truth.get(name, 0.0) for name in names])
        scores.append([SHOWN - shown.index(name) if name in shown else -1.0 for name in names])
    return float(ndcg_score(relevance, scores, k=K))


def counted_precision(judged: Judged) -> float:
    found = []
    for shown, truth in queries(judged):
        places = [place for place, item in enumerate(shown[:K], 1) if item in truth]
        precisions = [hit / place for hit, place in enumerate(places, 1)]
        found.append(sum(precisions) / min(len(truth), K))
    return float(np.mean(found))


def first_places(judged: Judged) -> list[float]:
    return [next((1 / n for n, item in enumerate(s[:K], 1) if item in t), 0.0) for s, t in queries(judged)]


def seen(judged: Judged) -> Counter[str]:
    return Counter(item for text in judged.predictions for item in json.loads(text)[:K])


REFERENCE: dict[str, Callable[[Judged], float]] = {
    "ndcg": sklearn_ndcg,
    "map_at_k": counted_precision,
    "mrr": lambda j: float(np.mean(first_places(j))),
    "hit_rate": lambda j: float(np.mean(np.array(first_places(j)) > 0)),
    "catalogue_coverage": lambda j: len(seen(j)) / ITEMS,
    "diversity": lambda j: 1 - sum((n / seen(j).total()) ** 2 for n in seen(j).values()),
}


@pytest.mark.parametrize("name", RANKING)
def test_metrics_of_rankings_equal_their_reference(name: str) -> None:
    judged = searches(300)

    result = metric(name).run(judged, None)

    assert result is not None
    assert result.statistic == pytest.approx(REFERENCE[name](judged))


def test_average_precision_of_a_whole_list_is_that_of_scikit_learn() -> None:
    items = [str(item) for item in range(30)]
    relevant = {"2", "3", "11", "29"}

    result = metric("map_at_k", k=30).run(
        Judged((json.dumps(items),), np.array([np.nan]), (json.dumps([*relevant]),)), None
    )

    assert result is not None
    expected = average_precision_score([item in relevant for item in items], -np.arange(30.0))
    assert result.statistic == pytest.approx(expected)


def test_the_intervals_of_rankings_cover_about_95_percent_of_the_time_and_coverage_no_less() -> None:
    whole, drawn = searches(8_000, 999, items=300), [searches(80, seed, items=300) for seed in range(300)]
    covered, truth = Counter[str](), {}
    for name in RANKING:
        asked = metric(name, **({"catalogue": 300} if name == "catalogue_coverage" else {}))
        results = [asked.run(judged, None) for judged in drawn]
        true = asked.run(whole, None)
        assert true is not None
        # the coverage of 80 lists is not that of 8,000, and concentration is a little larger in few lists
        truth[name] = true.statistic
        if name in {"catalogue_coverage", "diversity"}:
            truth[name] = float(np.mean([result.statistic for result in results if result]))
        covered[name] = sum(r is not None and (r.low or 0.0) <= truth[name] <= (r.high or 0.0) for r in results)

    assert covered.pop("catalogue_coverage") >= 0.93 * len(drawn)
    assert {name for name, n in covered.items() if not 0.92 <= n / len(drawn) <= 0.985} == set(), covered


def test_an_exponential_gain_tells_a_good_item_from_a_fair_one_more_strongly() -> None:
    fair_first = Judged(('["fair","good"]',), np.array([np.nan]), ('{"fair":1,"good":3}',))

    linear, exponential = (metric("ndcg", exponential=on).run(fair_first, None) for on in (False, True))

    assert linear is not None
    assert exponential is not None
    log3 = np.log2(3)
    assert linear.statistic == pytest.approx((1 + 3 / log3) / (3 + 1 / log3))
    assert exponential.statistic == pytest.approx((1 + 7 / log3) / (7 + 1 / log3))


def test_queries_without_a_relevant_item_are_left_out_and_counted() -> None:
    judged = Judged(('["a","b"]',) * 3, np.full(3, np.nan), ('["b"]', "[]", '{"a":0}'))

    result = metric("mrr").run(judged, None)

    assert result is not None
    assert (result.statistic, result.n_current, result.detail) == (0.5, 1, {"without_relevant": 2})


def test_an_item_that_a_list_has_twice_counts_where_it_stands_first() -> None:
    judged = Judged(('["a","a","b"]',), np.array([np.nan]), ('["a","b"]',))

    result = metric("map_at_k", k=3).run(judged, None)

    assert result is not None
    assert result.statistic == 1.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["b", 1.0, True], '["b","1","true"]'),
        ({"b": 2, "a": 0.5}, '{"a":0.5,"b":2}'),
        ([["nested"]], None),
        ([None], None),
        ({"a": -1}, None),
        ({"a": float("inf")}, None),
        ({"a": "good"}, None),
        ("a", None),
    ],
)
def test_lists_and_grades_are_kept_as_text_that_repeats_and_nothing_else_is(value: object, text: str | None) -> None:
    assert structured_text(value) == text


def test_a_single_item_is_a_list_of_one_even_if_it_looks_like_json() -> None:
    assert items_of("a") == ("a",)
    assert items_of("[draft") == ("[draft",)
    assert grades_of("a") == {"a": 1.0}
    assert grades_of("{draft") == {"{draft": 1.0}


def test_rows_that_are_no_rankings_are_put_aside_and_quoted() -> None:
    judged = Judged(('["a"]', '{"a":1}', '["a"]'), np.full(3, np.nan), ('["a"]', '["a"]', '{"a":-1}'))

    found = usable(metric("ndcg"), judged)

    assert found.judged.n == 1
    assert "2 of 3 have no list of items" in found.aside
    assert """'{"a":1}'""" in found.aside


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mrr", "no truth names a relevant item"),
        ("diversity", "no list shows an item"),
        ("catalogue_coverage", "catalogue"),
    ],
)
def test_what_leaves_a_ranking_metric_undefined_is_said(name: str, why: str) -> None:
    judged = Judged(("[]",), np.array([np.nan]), ("[]",))

    assert why in why_undefined(PERFORMANCE_METRICS[name], judged, None)


@pytest.mark.parametrize("k", [0, 2.5, 5000])
def test_a_list_cannot_be_cut_after_no_items_or_parts_of_one(k: float) -> None:
    with pytest.raises(ConfigError, match="k must be a whole number from 1 to 1000"):
        metric("ndcg", k=k)
