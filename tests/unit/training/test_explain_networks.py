"""Attributions add up, fall on the words that matter, and are given for the words a reader sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.models.classifiers.explain import TransformerExplainer, _merged, column_importance, explain_lstm, explain_row
from core.models.networks.open import LstmClassifier, TabularClassifier, load_small
from core.models.networks.words import word_pieces
from core.training.networks.lstm import LstmArgs, train_lstm
from core.training.networks.run import Examples
from core.training.networks.tabular import TabularArgs, train_tabular
from core.training.watch import Quiet
from tests.tiny_models import tiny_bert

TEXTS = [
    "Items may be returned within 30 days of delivery.",
    "商品自签收之日起三十天内可以退货，退款将在五个工作日内到账。",
    "Pro plan 专业版每月四百元",
]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> TransformerExplainer:
    folder = tiny_bert(tmp_path_factory.mktemp("bert"), labels=3)
    explainer: TransformerExplainer = TransformerExplainer.load(folder, ["a", "b", "c"])
    return explainer


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> LstmClassifier:
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, 160).tolist()
    words = [("awful", "lovely"), ("糟糕", "满意")]
    texts = [
        f"the room was {words[0][one]} today" if number % 2 else f"房间让人{words[1][one]}了"
        for number, one in enumerate(classes)
    ]
    folder = tmp_path_factory.mktemp("lstm") / "m"
    args = LstmArgs(epochs=6, patience=6, batch_size=16, learning_rate=0.01, embedding=16, hidden=16)
    examples = Examples(texts, classes)
    train_lstm(folder, examples, examples, ["negative", "positive"], args, Quiet())
    model = load_small(folder)
    assert isinstance(model, LstmClassifier)
    return model


@pytest.fixture(scope="module")
def risk(tmp_path_factory: pytest.TempPathFactory) -> TabularClassifier:
    generator = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    classes = []
    for number in range(500):
        debt, branch = float(generator.normal()), int(generator.integers(0, 25))
        classes.append(int(generator.random() < 1 / (1 + np.exp(-3 * debt - (2 if branch < 12 else -2)))))
        noise = float(generator.normal())
        rows.append(
            {"debt": debt if number % 9 else None, "noise": noise, "branch": f"b{branch}", "sex": "fm"[number % 2]}
        )
    folder = tmp_path_factory.mktemp("risk") / "m"
    args = TabularArgs(epochs=15, members=2, hidden=(16,), exclude=("sex",))
    train_tabular(folder, Examples(rows, classes), Examples(rows, classes), ["low", "high"], args, Quiet())
    model = load_small(folder)
    assert isinstance(model, TabularClassifier)
    return model


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_weights_of_a_transformer_add_up(bert: TransformerExplainer, text: str, number: int) -> None:
    found = bert.explain(text, number)
    total = sum(word.weight for word in found.words)
    assert found.said.close
    assert total == pytest.approx(found.said.output - found.said.empty, abs=0.02 * (abs(total) + 1))
    assert found.said.output == pytest.approx(np.log(found.said.probability / (1 - found.said.probability)), abs=1e-3)
    assert any(abs(word.weight) > 1e-6 for word in found.words)


def test_words_are_those_a_reader_sees(bert: TransformerExplainer) -> None:
    words = bert.explain(TEXTS[1]).words
    assert "商品" in [word.word for word in words]
    assert "退货" in [word.word for word in words]
    for word in words:
        assert TEXTS[1][word.start : word.end] == word.word


def test_the_likeliest_class_is_explained_unless_told(bert: TransformerExplainer) -> None:
    found = bert.explain(TEXTS[0])
    chances = [bert.explain(TEXTS[0], number).said.probability for number in range(3)]
    assert found.said.number == int(np.argmax(chances))
    assert sum(chances) == pytest.approx(1, abs=1e-5)


def test_what_a_model_cannot_read_is_marked(bert: TransformerExplainer) -> None:
    short = TransformerExplainer(bert._model, bert._tokenizer, ["a", "b", "c"], max_tokens=8)
    words = short.explain(TEXTS[0]).words
    assert words[0].read
    assert not words[-1].read
    assert words[-1].weight == 0


def test_several_labels_a_text_are_explained_one_by_one(bert: TransformerExplainer) -> None:
    several = TransformerExplainer(bert._model, bert._tokenizer, ["a", "b", "c"], multi_label=True)
    found = several.explain(TEXTS[0], 1)
    assert found.said.close
    assert found.said.probability == pytest.approx(1 / (1 + np.exp(-found.said.output)))


@pytest.mark.parametrize(
    ("text", "word"), [("the room was awful today", "awful"), ("房间让人满意了", "满意"), ("房间让人糟糕了", "糟糕")]
)
def test_the_word_that_decides_weighs_most(lstm: LstmClassifier, text: str, word: str) -> None:
    found = explain_lstm(lstm, text)
    assert found.said.close
    heaviest = max(found.words, key=lambda one: one.weight)
    assert heaviest.word == word
    assert found.said.probability == pytest.approx(lstm.predict([text]).probabilities.max(), abs=1e-5)


def test_the_other_class_sees_it_the_other_way_round(lstm: LstmClassifier) -> None:
    negative, positive = (explain_lstm(lstm, "the room was awful today", number) for number in (0, 1))
    assert [one.weight for one in negative.words] == pytest.approx([-one.weight for one in positive.words], abs=0.02)


def test_columns_of_a_row_add_up_and_noise_weighs_little(risk: TabularClassifier) -> None:
    row = {"debt": 2.0, "noise": 2.0, "branch": "b1", "sex": "f"}
    found = explain_row(risk, row)
    weights = {one.column: one.weight for one in found.columns}
    assert found.said.label == "high"
    assert found.said.close
    assert sum(weights.values()) == pytest.approx(found.said.output - found.said.empty, abs=0.05)
    assert weights["debt"] > 3 * abs(weights["noise"])
    assert weights["branch"] > 2 * abs(weights["noise"])
    assert set(weights) == {"debt", "noise", "branch"}
    assert found.said.probability == pytest.approx(risk.predict([row]).probabilities.max(), abs=1e-6)


def test_columns_are_ranked_over_rows(risk: TabularClassifier) -> None:
    rows = [{"debt": float(n - 3), "noise": float(n % 3), "branch": f"b{n * 3}"} for n in range(7)]
    found = column_importance(risk, rows, 1)
    assert list(found)[-1] == "noise"
    assert found["debt"] > 0.5
    with pytest.raises(BadInput):
        column_importance(risk, [], 1)


def test_the_class_decided_for_is_explained(risk: TabularClassifier) -> None:
    """With costly misses the decision is not the likeliest class; that decision is what must be explained."""
    row = {"debt": 0.0, "noise": 0.0, "branch": "b1"}
    for decision in ((1.0, 1000.0), (1000.0, 1.0)):
        head = replace(risk.head, decision=decision)
        costly = TabularClassifier(risk.networks, head, risk.columns, risk.average, "cpu")
        found = explain_row(costly, row)
        assert found.said.label == costly.predict([row]).names[0] == ("high" if decision[1] > 1 else "low")


def test_a_missing_value_is_explained_too(risk: TabularClassifier) -> None:
    found = explain_row(risk, {"debt": "", "noise": 0.0, "branch": "never seen"})
    assert found.said.close
    assert [one.value for one in found.columns] == ["", "0.0", "never seen"]


def test_a_text_without_words_and_an_unknown_class_are_refused(
    bert: TransformerExplainer, lstm: LstmClassifier
) -> None:
    for text in ("", "  "):
        with pytest.raises(BadInput, match="no word"):
            explain_lstm(lstm, text)
    with pytest.raises(BadInput, match="has 3, counted from 0"):
        bert.explain("a word", 3)
    with pytest.raises(BadInput, match="has 2, counted from 0"):
        explain_lstm(lstm, "a word", -1)


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="ab 不好退货.é🙂", min_size=1, max_size=30), st.integers(1, 4))
def test_merging_loses_no_weight(text: str, width: int) -> None:
    """Tokens of any cut, each touching a word, hand all of their weight to words."""
    words = word_pieces(text)
    inside = {at for word in words for at in range(word.start, word.end)}
    offsets = [(at, min(at + width, len(text))) for at in range(0, len(text), width)]
    weights = np.array([1.0 if inside & set(range(*span)) else 0.0 for span in offsets])
    merged = _merged(text, words, offsets, weights)
    assert sum(one.weight for one in merged) == pytest.approx(weights.sum())
    assert [one.word for one in merged] == [text[word.start : word.end] for word in words]


def test_explaining_from_many_threads(lstm: LstmClassifier, bert: TransformerExplainer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    alone = [bert.explain(text, 0).said.output for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: bert.explain(TEXTS[number % 3], 0).said.output, range(24)))
    assert found == pytest.approx(alone * 8, abs=1e-6)


def test_load_takes_safetensors_only(tmp_path: Path) -> None:
    import torch

    folder = tiny_bert(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(OSError):
        TransformerExplainer.load(folder, ["a", "b"])
