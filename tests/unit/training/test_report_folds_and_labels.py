"""Cross-validation never tests on what it trained on; label errors put in by hand are found."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInput
from core.training.classification.folds import cross_validate, fold_rows, same_text
from core.training.classification.label_errors import find_label_errors, ngram_model, out_of_fold
from core.training.watch import Quiet

TOPICS = (
    ["refund", "money back", "return the item"],
    ["parcel", "courier", "tracking number"],
    ["password", "login", "sign in"],
)
PLACES = ["please", "today", "help", "urgent", "thanks", "order 7", "again", "now"]


def corpus(count: int = 300, seed: int = 0) -> tuple[list[str], list[int]]:
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, 3, count).tolist()
    texts = [
        f"{generator.choice(TOPICS[one])} {generator.choice(PLACES)} {generator.choice(PLACES)} {number}"
        for number, one in enumerate(classes)
    ]
    return texts, classes


def test_every_row_is_held_out_once_and_copies_stay_together() -> None:
    classes = [0, 1] * 30
    groups = [number // 3 for number in range(60)]
    seen = []
    for training, held_out in fold_rows(classes, 5, groups=groups):
        assert not set(training) & set(held_out)
        assert not {groups[row] for row in training} & {groups[row] for row in held_out}
        seen.extend(held_out.tolist())
    assert sorted(seen) == list(range(60))


def test_texts_that_differ_only_in_dress_share_a_group() -> None:
    assert same_text(["Good!", "good", "ｇｏｏｄ ", "bad", "!!", "??"]) == [0, 0, 0, 1, 2, 3]


def test_cross_validation_scores_each_fold() -> None:
    texts, classes = corpus(150)

    def fit_predict(training: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        model = ngram_model([texts[row] for row in training], [classes[row] for row in training])
        return np.asarray(model.predict_proba([texts[row] for row in held_out]))

    found = cross_validate(fit_predict, classes, ["a", "b", "c"], folds=3)
    accuracy = next(one for one in found.scores if one.measure == "accuracy")
    assert len(accuracy.values) == 3
    assert accuracy.mean == pytest.approx(np.mean(accuracy.values))
    assert accuracy.mean > 0.9
    assert found.probabilities.sum(axis=1) == pytest.approx(1)


def test_a_model_that_memorises_scores_like_chance() -> None:
    """Labels are drawn by lot: only rows seen in training could be answered, and none of these is."""
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, 400).tolist()

    def fit_predict(training: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        known = {int(row): classes[row] for row in training}
        return np.array([np.eye(2)[known[int(row)]] if int(row) in known else [0.5, 0.5] for row in held_out])

    assert 0.35 < cross_validate(fit_predict, classes, ["a", "b"]).scores[0].mean < 0.65


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(BadInput, match="3 rows, fewer than the 5 folds"):
        cross_validate(lambda training, held_out: [], [0] * 10 + [1] * 3, ["a", "b"])
    with pytest.raises(BadInput, match="at least 5"):
        list(fold_rows([0, 1, 0], 5))


def test_label_errors_put_in_by_hand_are_found() -> None:
    texts, classes = corpus()
    generator = np.random.default_rng(1)
    wrong = set(generator.choice(300, 18, replace=False).tolist())
    given = [(one + 1) % 3 if row in wrong else one for row, one in enumerate(classes)]
    found = find_label_errors(texts, given, ["a", "b", "c"], Quiet())
    rows = {suspect.row for suspect in found}
    assert len(rows & wrong) >= 16
    assert len(rows - wrong) <= 3
    assert all(suspect.suggested == classes[suspect.row] for suspect in found if suspect.row in wrong)
    assert [one.sureness for one in found] == sorted((one.sureness for one in found), reverse=True)


def test_a_copy_in_training_gives_no_answer_away() -> None:
    """Labels drawn by lot, each text there twice: only who has seen the copy could know."""
    generator = np.random.default_rng(0)
    texts = [f"{generator.choice(PLACES)} {number} {number}" for number in range(150)]
    drawn = generator.integers(0, 2, 150).tolist()
    chances = out_of_fold([*texts, *(f"{text.upper()}!" for text in texts)], drawn * 2, 2, Quiet())
    assert 0.35 < np.mean(chances.argmax(axis=1) == np.array(drawn * 2)) < 0.65


def test_clean_labels_raise_few_suspects() -> None:
    texts, classes = corpus()
    assert len(find_label_errors(texts, classes, ["a", "b", "c"], Quiet())) <= 3


def test_copies_of_a_text_with_other_labels_are_conflicts() -> None:
    texts, classes = corpus(90)
    texts += ["The courier lost it!", "the courier lost it", "the courier, lost it"]
    classes += [1, 1, 0]
    found = {suspect.row: suspect for suspect in find_label_errors(texts, classes, ["a", "b", "c"], Quiet())}
    assert found[92].reason == "conflict"
    assert (found[92].given, found[92].suggested) == (0, 1)
    assert 90 not in found


def test_chinese_texts_are_cut_into_characters() -> None:
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, 200).tolist()
    texts = [
        f"{('退款很慢', '味道很好')[one]}{generator.choice(['今天', '昨天', '真的'])}{number}"
        for number, one in enumerate(classes)
    ]
    given = [1 - one if row < 8 else one for row, one in enumerate(classes)]
    rows = {suspect.row for suspect in find_label_errors(texts, given, ["bad", "good"], Quiet())}
    assert set(range(8)) <= rows
    assert len(rows) <= 10


def test_a_few_examples_a_class_can_be_folded_too() -> None:
    classes = [number // 3 for number in range(30)]
    assert len(list(fold_rows(classes, 5))) == 5
    assert len(list(fold_rows(classes, 5, groups=list(range(30))))) == 5


def test_a_class_missing_from_a_fold_does_not_stop_it() -> None:
    texts, classes = corpus(60)
    chances = out_of_fold([*texts, "quite another thing"], [*classes, 3], 4, Quiet())
    assert chances.shape == (61, 4)
    assert chances.sum(axis=1) == pytest.approx(1)


def test_a_judge_that_hardly_knows_the_classes_doubts_no_label() -> None:
    """Labels drawn by lot: whatever the simple model thinks, it is not to be believed."""
    generator = np.random.default_rng(4)
    texts = [f"{generator.choice(PLACES)} {generator.choice(PLACES)} number {number}" for number in range(300)]
    drawn = generator.integers(0, 2, 300).tolist()
    assert find_label_errors(texts, drawn, ["a", "b"], Quiet()) == ()
    texts, drawn = [*texts, "the very same", "the very same", "the very same!"], [*drawn, 1, 1, 0]
    assert [suspect.row for suspect in find_label_errors(texts, drawn, ["a", "b"], Quiet())] == [302]
