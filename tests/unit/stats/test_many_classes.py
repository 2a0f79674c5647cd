"""Metrics of the scores of many classes, and lift: against scikit-learn, and intervals that cover."""

import json

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from monitor.domain.findings import TestResult
from monitor.stats.class_scores import scores_by_label, scores_text
from monitor.stats.columns import Floats, Ints
from monitor.stats.performance.lift import Lift
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.probabilities import LogLoss
from monitor.stats.performance.roc_auc import RocAuc
from monitor.stats.performance.usable import usable, why_undefined

NAMES = ("bird", "cat", "dog", "eel")


def drawn(n: int, seed: int, shares: tuple[float, ...] = (0.5, 0.3, 0.15, 0.05)) -> tuple[Ints, Floats]:
    """True classes, and softmax scores that know something of them, rounded so that some tie."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(shares), n, p=shares)
    logits = rng.normal(size=(n, len(shares))) + 1.2 * np.eye(len(shares))[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rounded = np.round(scores, 3)
    rounded[:, 0] += 1 - rounded.sum(axis=1)
    return truth, np.clip(rounded, 0, 1)


def judged(truth: Ints, scores: Floats) -> Judged:
    rows = [
        (NAMES[int(np.argmax(row))], None, NAMES[k], scores_text(dict(zip(NAMES, row.tolist(), strict=False))))
        for k, row in zip(truth.tolist(), scores, strict=True)
    ]
    return Judged.of(rows)


def known(result: TestResult | None) -> TestResult:
    assert result is not None
    assert result.low is not None
    assert result.high is not None
    return result


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("scheme", ["ovr", "ovo"])
def test_the_area_of_many_classes_is_that_of_scikit_learn(scheme: str, average: str) -> None:
    truth, scores = drawn(800, 1)

    found = known(RocAuc(scheme, average).run(judged(truth, scores), None))

    assert found.statistic == pytest.approx(roc_auc_score(truth, scores, multi_class=scheme, average=average))


@pytest.mark.parametrize(
    ("scheme", "average"), [("ovr", "macro"), ("ovr", "weighted"), ("ovo", "macro"), ("ovo", "weighted")]
)
def test_its_interval_covers_the_area_of_many_records_in_about_95_of_100_windows(scheme: str, average: str) -> None:
    shares = (0.4, 0.3, 0.2, 0.1)
    truth = roc_auc_score(*drawn(60_000, 99, shares), multi_class=scheme, average=average)

    found = [known(RocAuc(scheme, average).run(judged(*drawn(500, seed, shares)), None)) for seed in range(200)]

    covered = sum(one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None)
    assert 0.915 <= covered / 200 <= 0.985  # 95 % within two standard errors of 200 windows, and a little


def test_log_loss_of_many_classes_is_that_of_scikit_learn() -> None:
    truth, scores = drawn(800, 2)

    found = known(LogLoss().run(judged(truth, scores), None))

    eps = np.finfo(np.float64).eps
    assert found.statistic == pytest.approx(log_loss(truth, np.clip(scores, eps, 1 - eps), labels=range(4)), rel=1e-6)


def test_a_class_that_no_truth_names_is_left_out_and_told() -> None:
    truth, scores = drawn(300, 3)

    found = known(RocAuc().run(judged(np.minimum(truth, 2), scores), None))

    assert found.detail["without_truth"] == ["eel"]
    assert set(found.detail["by_class"]) == {"bird", "cat", "dog"}  # type: ignore[call-overload]  # a mapping


def test_two_classes_of_many_are_the_area_of_one_against_the_other() -> None:
    truth, scores = drawn(300, 4, (0.6, 0.4))

    found = known(RocAuc("ovo").run(judged(truth, scores), None))

    assert found.statistic == pytest.approx(roc_auc_score(truth, scores[:, 1]))


FINE = {"bird": 0.5, "cat": 0.3, "dog": 0.2}


@pytest.mark.parametrize(
    ("scores", "label", "why"),
    [
        ({"bird": 1.4, "cat": -0.4}, "bird", "have a score outside [0, 1], such as 1.4"),
        ({"bird": 0.5, "cat": 0.1}, "bird", "have scores that do not sum to one, such as 0.6"),
        ({"bird": 0.5, "cat": 0.5, "dog": 0.5}, "bird", "have scores that do not sum to one, such as 1.5"),
        (FINE, "emu", "have a truth that no score is about, such as 'emu'"),
    ],
)
def test_scores_that_are_no_probabilities_of_the_classes_are_put_aside_with_the_reason(
    scores: dict[str, float], label: str, why: str
) -> None:
    rows = [("bird", None, "bird" if k % 2 else "cat", scores_text(FINE)) for k in range(97)]
    rows += [("bird", None, label, scores_text(scores))] * 3

    fit = usable(RocAuc(), Judged.of(rows))

    assert fit.aside == f"3 of 100 {why}, and are put aside"
    assert (fit.judged.n, fit.suffices) == (97, True)
    assert not usable(LogLoss(), Judged.of(rows[-40:])).suffices


def test_several_faults_are_told_together_and_none_is_counted_twice() -> None:
    bad = [({"bird": 2.0, "cat": 0.5}, "emu"), ({"bird": 0.2, "cat": 0.2}, "emu"), (FINE, "emu")]
    rows = [("bird", None, "bird", scores_text(FINE))] * 7
    rows += [("bird", None, label, scores_text(scores)) for scores, label in bad]

    fit = usable(RocAuc(), Judged.of(rows))

    assert fit.share_aside == 0.3
    assert fit.aside.count("1 of 10") == 3


def test_records_without_scores_of_all_classes_have_no_area_and_the_reason_names_the_field() -> None:
    rows = Judged.of([("bird", 0.9, "bird"), ("cat", 0.8, "bird")])

    assert RocAuc().run(rows, None) is None
    assert LogLoss().run(rows, None) is None
    assert "no record has the scores of all classes (`scores`)" in why_undefined(RocAuc(), rows, None)


def test_scores_are_stored_in_order_and_come_back_and_too_many_labels_are_not_kept() -> None:
    text = scores_text({"b": 0.25, "a": 0.75, "c": None})

    columns = scores_by_label([text, None])

    assert json.loads(text or "") == {"a": 0.75, "b": 0.25, "c": None}
    assert {label: values.tolist() for label, values in columns.items() if label != "c"} == {
        "a": [0.75, pytest.approx(np.nan, nan_ok=True)],
        "b": [0.25, pytest.approx(np.nan, nan_ok=True)],
    }
    assert scores_text({str(k): 0.01 for k in range(101)}) is None


@pytest.mark.parametrize(("scheme", "average"), [("ova", "macro"), ("ovr", "micro")])
def test_an_area_of_an_unknown_kind_is_refused(scheme: str, average: str) -> None:
    with pytest.raises(ValueError, match="scheme is ovr or ovo"):
        RocAuc(scheme, average)


# --- lift


def scored(n: int, seed: int) -> tuple[Ints, Floats]:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.2).astype(np.int64)
    return truth, rng.normal(size=n) + 1.2 * truth


def binary(truth: Ints, scores: Floats) -> Judged:
    return Judged.of(
        [("yes", score, "yes" if one else "no") for one, score in zip(truth.tolist(), scores.tolist(), strict=True)]
    )


@pytest.mark.parametrize("top", [5, 10, 30])
def test_lift_is_the_precision_of_the_top_over_the_share_of_all(top: int) -> None:
    truth, scores = scored(1_000, 5)

    found = known(Lift(float(top)).run(binary(truth, scores), "yes"))

    highest = truth[np.argsort(-scores)][: 10 * top]
    assert found.statistic == pytest.approx(highest.mean() / truth.mean())


def test_records_that_tie_at_the_cut_count_as_their_mean_in_whatever_order_they_came() -> None:
    truth, scores = np.array([1, 0, 0, 1, 0, 0, 0, 0, 1, 0]), np.array([9.0, 5, 5, 5, 5, 1, 1, 1, 1, 1])

    both = [known(Lift(20.0).run(binary(truth[at], scores[at]), "yes")) for at in (np.arange(10), np.arange(10)[::-1])]

    assert both[0].statistic == both[1].statistic == pytest.approx((1 + 0.25) / 2 / 0.3)


@pytest.mark.parametrize("top", [5.0, 20.0])
def test_the_interval_of_lift_covers_in_about_95_of_100_windows(top: float) -> None:
    truth = known(Lift(top).run(binary(*scored(200_000, 98)), "yes")).statistic

    found = [known(Lift(top).run(binary(*scored(1_000, seed)), "yes")) for seed in range(300)]

    covered = sum(one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None)
    assert 0.92 <= covered / 300 <= 0.985


def test_lift_without_a_positive_in_the_top_still_has_an_upper_bound_and_none_without_a_positive_at_all() -> None:
    scores = np.arange(100.0)
    worst = known(Lift(10.0).run(binary((scores < 20).astype(np.int64), scores), "yes"))

    assert (worst.statistic, worst.low) == (0.0, 0.0)
    assert worst.high == pytest.approx(0.2775 / 0.2, abs=0.01)  # Wilson of 0 in 10, over the rate
    assert Lift().run(binary(np.zeros(100, np.int64), scores), "yes") is None
    with pytest.raises(ValueError, match="top must be"):
        Lift(100.0)
