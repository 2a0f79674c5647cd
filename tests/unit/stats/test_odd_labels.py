"""What is said of labels that may be none: a typo of a producer, or of whoever wrote a matrix."""

from monitor.stats.performance.metric import Judged
from monitor.stats.performance.odd_labels import no_class, unpriced
from monitor.stats.performance.value import Value


def judged(*pairs: tuple[str, str]) -> Judged:
    """Of (prediction, truth)."""
    return Judged.of([(said, None, truth) for said, truth in pairs])


def test_a_truth_that_is_no_class_is_named_with_how_it_counts() -> None:
    seen = judged(("yes", "yes"), ("no", "maybe"), ("no", "maybe"), ("yes", "n"), ("no", "no"))

    assert no_class(seen, "yes") == (
        "3 truths are no label that was ever predicted, counted as not 'yes': 'maybe' (2), 'n' (1)"
    )


def test_the_positive_label_is_a_class_though_it_is_never_predicted() -> None:
    assert no_class(judged(("no", "yes"), ("no", "no")), "yes") == ""


def test_nothing_is_said_where_the_other_class_is_unknown_or_no_label_is_the_positive_one() -> None:
    only_positive = judged(("yes", "no"), ("yes", "yes"))

    assert no_class(only_positive, "yes") == ""
    assert no_class(judged(("cat", "bird"), ("dog", "dog")), None) == ""


def test_a_class_of_a_matrix_that_is_misspelt_is_named_beside_the_one_that_is_meant() -> None:
    metric = Value(matrix='{"yess": {"yess": 5, "no": -5}, "no": {"yess": -1, "no": 0}}', otherwise=0.0)

    assert unpriced(metric, judged(("yes", "yes"), ("no", "no"))) == (
        "the matrix names the class 'yess', which did not occur, and not 'yes', which did"
    )


def test_a_class_of_a_matrix_that_is_only_rare_is_not_a_mistake() -> None:
    metric = Value(matrix='{"yes": {"yes": 5, "bird": -5}, "bird": {"yes": -1, "bird": 0}}', otherwise=0.0)

    assert unpriced(metric, judged(("yes", "yes"), ("no", "no"))) == ""
    assert unpriced(Value(), judged(("yes", "yes"))) == ""
