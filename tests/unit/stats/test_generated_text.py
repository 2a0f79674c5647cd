"""Scores of generated text equal those of sacrebleu and rouge-score, add up, and their intervals cover."""

import json
from collections import Counter
from functools import reduce

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from monitor.domain.errors import ConfigError, MonitorError
from monitor.domain.models import Task
from monitor.stats.drift_test import with_parameters
from monitor.stats.performance import PERFORMANCE_METRICS, text_libraries
from monitor.stats.performance.bleu import Bleu, BleuCounts, text_counts
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.usable import usable

SENTENCE = "the cat dog sat ran on under a mat tree big small red old fast slow and then it slept"
WORDS = np.array(SENTENCE.split())
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}


def judged(*pairs: tuple[str, str]) -> Judged:
    return Judged(tuple(said for said, _ in pairs), np.full(len(pairs), np.nan), tuple(truth for _, truth in pairs))


def translations(n: int, seed: int = 0) -> Judged:
    """References of 6 to 20 words; the model changes words at a rate of its own in each, and stops early in some."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(n):
        truth = random.choice(WORDS, random.integers(6, 21))
        changed = np.where(random.random(len(truth)) < random.beta(2, 4), random.choice(WORDS, len(truth)), truth)
        pairs.append((" ".join(changed[: len(changed) - random.integers(0, 3)]), " ".join(truth)))
    return judged(*pairs)


def test_bleu_is_that_of_sacrebleu() -> None:
    rows = translations(60)

    result = Bleu().run(rows, None)

    assert result is not None
    assert result.statistic == pytest.approx(sacrebleu.corpus_bleu(list(rows.predictions), [list(rows.labels)]).score)


def test_bleu_of_several_references_is_that_of_sacrebleu() -> None:
    said, first, second = "the cat sat on the mat", "the cat is on the mat", "there sat a cat on the mat today"

    result = Bleu().run(judged((said, json.dumps([first, second]))), None)

    assert result is not None
    assert result.statistic == pytest.approx(sacrebleu.corpus_bleu([said], [[first], [second]]).score)


def test_bleu_of_parts_adds_up_to_that_of_the_whole() -> None:
    rows = translations(40)
    counts = text_counts(rows.predictions, rows.labels)

    merged = reduce(BleuCounts.merge, (BleuCounts.of(counts[start : start + 7]) for start in range(0, 40, 7)))

    assert 100 * merged.score == Bleu().run(rows, None).statistic  # type: ignore[union-attr]  # there are texts


@pytest.mark.parametrize("name", ROUGE)
@pytest.mark.parametrize("stem", [False, True])
def test_rouge_is_that_of_rouge_score(name: str, stem: bool) -> None:
    rows, kind = translations(30), ROUGE[name]
    scorer = RougeScorer([kind], use_stemmer=stem)

    result = with_parameters(PERFORMANCE_METRICS[name], name, {"stem": stem}).run(rows, None)

    assert result is not None
    pairs = zip(rows.predictions, rows.labels, strict=True)
    assert result.statistic == pytest.approx(
        np.mean([scorer.score(truth, said)[kind].fmeasure for said, truth in pairs])
    )


def test_the_best_of_several_references_counts_for_rouge() -> None:
    result = PERFORMANCE_METRICS["rouge_l"].run(judged(("a red cat", '["something else","a red cat"]')), None)

    assert result is not None
    assert result.statistic == 1.0


def test_the_intervals_of_bleu_and_rouge_cover_about_95_percent_of_the_time() -> None:
    names, covered = ("bleu", "rouge_1"), Counter[str]()
    truth = {name: PERFORMANCE_METRICS[name].run(translations(4_000, seed=999), None) for name in names}

    for seed in range(200):
        rows = translations(30, seed)
        for name in names:
            result, true = PERFORMANCE_METRICS[name].run(rows, None), truth[name]
            assert result is not None
            assert true is not None
            covered[name] += (result.low or 0.0) <= true.statistic <= (result.high or 0.0)

    assert {name for name in names if not 0.92 <= covered[name] / 200 <= 0.98} == set(), covered


@pytest.mark.parametrize(("said", "score"), [("nothing alike", 0.0), ("", 0.0)])
def test_texts_that_share_nothing_score_nothing_and_could_be_bad_luck(said: str, score: float) -> None:
    result = Bleu().run(judged(*[(said, "the cat sat on the mat")] * 50), None)

    assert result is not None
    assert result.statistic == score
    assert (result.low, 0 < (result.high or 0.0) < 10) == (0.0, True)


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_libraries, "find_spec", lambda _: None)

    with pytest.raises(MonitorError, match=r"sacrebleu is not installed: pip install 'driftline\[text\]'"):
        Bleu().run(judged(("a", "a")), None)


def test_an_exact_match_minds_neither_space_nor_case_unless_asked_to() -> None:
    rows = judged((" Paris\n", "paris"), ("Paris", '["Lutetia","Paris"]'), ('["a"]', '["a"]'), ("Rome", "Paris"))
    strict = with_parameters(PERFORMANCE_METRICS["exact_match"], "exact_match", {"ignore_case": False})

    results = [metric.run(rows, None) for metric in (PERFORMANCE_METRICS["exact_match"], strict)]

    assert [result.statistic for result in results if result] == [0.75, 0.5]


def test_refusals_are_found_by_their_phrases_with_any_apostrophe() -> None:
    rows = judged(("Sure: 42.", ""), ("I CAN\u2019T help with that.", ""), ("No way.", ""), ("As an AI, I think", ""))
    own = with_parameters(PERFORMANCE_METRICS["refusal_rate"], "refusal_rate", {"phrases": "no way"})

    results = [metric.run(rows, None) for metric in (PERFORMANCE_METRICS["refusal_rate"], own)]

    assert [result.statistic for result in results if result] == [0.5, 0.25]
    with pytest.raises(ConfigError, match="at least one phrase"):
        with_parameters(PERFORMANCE_METRICS["refusal_rate"], "refusal_rate", {"phrases": " | "})


def test_words_are_counted() -> None:
    result = PERFORMANCE_METRICS["text_length"].run(judged(("one two", ""), ("", ""), ("a b  c\nd", "")), None)

    assert result is not None
    assert result.statistic == 2.0


def test_ratings_are_averaged_and_what_is_none_is_put_aside() -> None:
    rows = judged(*[("a", str(1 + n % 5)) for n in range(99)], ("a", "great"))
    rating = PERFORMANCE_METRICS["rating"]

    fit = usable(rating, rows)
    result = rating.run(fit.judged, None)

    assert fit.aside == "1 of 100 are no finite numbers, such as 'great', and are put aside"
    assert result is not None
    given = [1 + n % 5 for n in range(99)]
    assert result.statistic == pytest.approx(np.mean(given))
    assert result.detail == {"total": float(sum(given))}


def test_approval_counts_what_people_found_good_of_any_task() -> None:
    rows = judged(("a", "up"), ("b", "down"), ("c", "up"), ("d", "kept"))
    kept = with_parameters(PERFORMANCE_METRICS["approval"], "approval", {"good": "up, kept"})

    results = [metric.run(rows, None) for metric in (PERFORMANCE_METRICS["approval"], kept)]

    assert PERFORMANCE_METRICS["approval"].tasks == set(Task)
    assert [result.statistic for result in results if result] == [0.5, 0.75]


@pytest.mark.parametrize("name", [name for name, one in PERFORMANCE_METRICS.items() if Task.TEXT in one.tasks])
def test_nothing_is_said_of_no_texts(name: str) -> None:
    assert PERFORMANCE_METRICS[name].run(judged(), None) is None
