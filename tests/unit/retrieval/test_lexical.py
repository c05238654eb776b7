"""BM25 as we build it equals bm25s as it builds itself; masks, unknown words, incremental tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IndexDamaged
from core.retrieval.lexical import K1, METHOD, B, LexicalIndex, TokenTable, best_rows, tokenise
from core.text.words import search_words

TEXTS = [
    "Returns are free within 30 days of delivery.",
    "Delivery takes three days; express delivery takes one day.",
    "",
    "退貨須在三十天內提出。",
    "商品自签收之日起三十天内可以退货，运费由我们承担。",
]

WORD = st.sampled_from(["tea", "cup", "pot", "milk", "sugar", "lemon"])
DOCUMENTS = st.lists(st.lists(WORD, max_size=12).map(" ".join), min_size=1, max_size=12)


def build(texts: list[str]) -> LexicalIndex:
    vocabulary: dict[str, int] = {}
    return LexicalIndex.build(vocabulary, tokenise(texts, vocabulary))


@settings(deadline=None)
@given(DOCUMENTS.filter(lambda texts: any(texts)), st.lists(WORD, min_size=1, max_size=4))
def test_equals_bm25s(texts: list[str], words: list[str]) -> None:
    import bm25s

    reference = bm25s.BM25(k1=K1, b=B, method=METHOD, backend="numpy")
    reference.index([search_words(text) for text in texts], show_progress=False)
    stems = [search_words(word)[0] for word in words]
    known = [stem for stem in stems if stem in reference.vocab_dict]
    expected = reference.get_scores(known) if known else np.zeros(len(texts))
    assert build(texts).scores(stems) == pytest.approx(expected, abs=1e-5)


def test_traditional_and_simplified_meet() -> None:
    scores = build(TEXTS).scores(search_words("三十天內可以退貨嗎"))
    assert set(np.flatnonzero(scores)) == {3, 4}


def test_words_nobody_uses_count_nothing() -> None:
    index = build(TEXTS)
    assert not index.scores(["zyzzyva"]).any()
    assert not index.scores([]).any()
    assert index.scores(["zyzzyva", *search_words("delivery")]) == pytest.approx(index.scores(search_words("delivery")))


def test_an_index_of_nothing_answers_nothing() -> None:
    assert build([]).scores(["deliveri"]).shape == (0,)
    assert not build(["", ""]).scores(["deliveri"]).any()


def test_saved_and_opened_it_scores_the_same(tmp_path: Path) -> None:
    index = build(TEXTS)
    index.save(tmp_path)
    words = search_words("delivery 退货")
    assert (LexicalIndex.open(tmp_path, len(TEXTS)).scores(words) == index.scores(words)).all()
    (tmp_path / "vocabulary.txt").write_text("one\ntwo", encoding="utf-8")
    with pytest.raises(IndexDamaged):
        LexicalIndex.open(tmp_path, len(TEXTS))


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.data())
def test_a_table_grown_and_pruned_equals_one_built_at_once(old: list[str], new: list[str], data: st.DataObject) -> None:
    kept = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(old), max_size=len(old))), bool)
    empty = data.draw(st.booleans())
    vocabulary: dict[str, int] = {}
    grown = tokenise(old, vocabulary).keep(kept, empty=empty).join(tokenise(new, vocabulary))
    left = [text if keep else "" for text, keep in zip(old, kept, strict=True)]
    texts = (left if empty else [text for text, keep in zip(old, kept, strict=True) if keep]) + new
    alive = np.concatenate([kept if empty else kept[kept], np.ones(len(new), bool)])
    at_once: dict[str, int] = {}
    expected = tokenise(texts, at_once)
    words = {number: word for word, number in vocabulary.items()}
    assert [words[i] for i in grown.ids] == [{n: w for w, n in at_once.items()}[i] for i in expected.ids]
    assert (grown.offsets == expected.offsets).all()
    scores = LexicalIndex.build(vocabulary, grown, alive).scores(["tea", "cup"])
    plain = [text for text, keep in zip(texts, alive, strict=True) if keep]
    assert scores[alive] == pytest.approx(build(plain).scores(["tea", "cup"]), abs=1e-5)


def test_a_table_survives_the_disk(tmp_path: Path) -> None:
    table = tokenise(TEXTS, {})
    table.save(tmp_path)
    opened = TokenTable.open(tmp_path)
    assert (opened.ids == table.ids).all()
    assert opened.size == len(TEXTS)


@given(st.lists(st.integers(-3, 6), max_size=40), st.integers(1, 45), st.data())
def test_best_rows_are_the_best_allowed_ones(values: list[int], k: int, data: st.DataObject) -> None:
    scores = np.asarray(values, np.float32)
    allowed = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), bool)
    expected = sorted((i for i, v in enumerate(values) if v > 0 and allowed[i]), key=lambda i: (-values[i], i))[:k]
    assert best_rows(scores, k, allowed).tolist() == expected
