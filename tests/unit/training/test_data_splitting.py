"""Splits and what they stand on: clean texts, keys, near duplicates, groups."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.training.datasets.cleaning import CleanOptions, clean_text, text_key
from core.training.datasets.near_duplicates import THRESHOLD, NearTexts, similarity
from core.training.datasets.splitting import TEST, TRAIN, VALIDATION, SplitOptions, join_groups, split_rows
from core.training.datasets.spool import resolve_copies
from core.training.watch import Quiet

QUIET = Quiet(1e9)
SOME = settings(max_examples=80, deadline=None)

# --- cleaning -----------------------------------------------------------------------------------------------


@SOME
@given(st.text(), st.sampled_from(["NFC", "NFKC", "none"]), st.booleans())
def test_cleaning_twice_is_cleaning_once(text: str, form: str, keep_lines: bool) -> None:
    options = CleanOptions(form=form, keep_lines=keep_lines)  # type: ignore[arg-type]
    once = clean_text(text, options)
    assert clean_text(once, options) == once
    assert once == once.strip("\n")


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (" a\u200b  b\u3000c\x00\n", CleanOptions(), "a b c"),
        ("Ａ１，ok", CleanOptions(form="NFKC"), "A1,ok"),
        ("Ａ１，ok", CleanOptions(), "Ａ１，ok"),
        ("e\u0301", CleanOptions(), "é"),
        ("one\r\n\r\n\r\n\r\ntwo  x", CleanOptions(keep_lines=True), "one\n\ntwo x"),
        ("<p>Fish &amp; chips<br/>now</p>", CleanOptions(markup=True), "Fish & chips now"),
        ("1 < 2 and 3 > 2", CleanOptions(markup=True), "1 < 2 and 3 > 2"),
    ],
)
def test_cleaning(text: str, options: CleanOptions, expected: str) -> None:
    assert clean_text(text, options) == expected


def test_keys_are_equal_for_what_says_the_same() -> None:
    assert text_key("Hello, World!") == text_key("ｈｅｌｌｏ world") == "helloworld"
    assert text_key("很 好！") == text_key("很好")
    assert text_key("!!!") == "!!!"
    assert text_key("😀 👍") == "😀👍"


def test_impossible_options_end_in_a_sentence() -> None:
    for make in (
        lambda: CleanOptions(form="NFD"),  # type: ignore[arg-type]
        lambda: CleanOptions(least=5, most=3),
        lambda: SplitOptions(validation=0.0),
        lambda: SplitOptions(validation=0.5, test=0.5),
        lambda: SplitOptions(test=1.5),
    ):
        with pytest.raises(BadInput, match="cannot be"):
            make()


# --- near duplicates ----------------------------------------------------------------------------------------


def _varied(seed: int, count: int) -> list[str]:
    """Texts of which many are changed copies of others, in two languages."""
    generator = random.Random(seed)
    english = "the parcel card order refund came late never again please help me today account number wrong".split()
    chinese = "快递退款订单收货地址客服电话发票质量物流尺码颜色包装价格"
    texts: list[str] = []
    for _ in range(count):
        if texts and generator.random() < 0.6:
            text = list(generator.choice(texts))
            for _ in range(generator.randrange(4)):
                text[generator.randrange(len(text))] = generator.choice("xyz一二三")
            texts.append("".join(text))
        elif generator.random() < 0.5:
            texts.append(" ".join(generator.choices(english, k=generator.randrange(3, 14))))
        else:
            texts.append("".join(generator.choices(chinese, k=generator.randrange(4, 40))))
    return texts


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_clusters_are_those_of_comparing_all_pairs(seed: int) -> None:
    texts = _varied(seed, 40)
    found = NearTexts(texts, QUIET).clusters(texts.__getitem__, QUIET)
    expected = list(range(len(texts)))
    for row in range(len(texts)):
        for other in range(row):
            if similarity(texts[row], texts[other]) >= THRESHOLD and expected[row] != expected[other]:
                low, high = sorted((expected[row], expected[other]))
                expected = [low if number == high else number for number in expected]
    assert found.tolist() == expected


def test_matches_are_those_of_comparing_all_pairs() -> None:
    texts = _varied(5, 80)
    left = np.arange(len(texts)) % 2 == 0
    found = NearTexts(texts, QUIET).matches(left, ~left, texts.__getitem__, QUIET)
    expected = {
        row
        for row in range(0, len(texts), 2)
        if any(similarity(texts[row], texts[other]) >= THRESHOLD for other in range(1, len(texts), 2))
    }
    assert len(expected) > 5
    assert set(found) == expected
    assert all(similarity(texts[row], texts[other]) >= THRESHOLD for row, other in found.items())


def test_chunks_of_signatures_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*_varied(7, 60), "", "a", "ab", "😀"]
    whole = NearTexts(texts, QUIET)
    monkeypatch.setattr("core.training.datasets.near_duplicates._CHUNK", 50)
    assert (NearTexts(texts, QUIET)._bands == whole._bands).all()
    assert len(whole) == len(texts)


# --- copies -------------------------------------------------------------------------------------------------


@SOME
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_of_copies_one_stays_or_none(rows: list[tuple[int, int, int]]) -> None:
    keys, labels, ranks = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    dropped = resolve_copies(keys, labels, ranks)
    for key in set(keys.tolist()):
        copies = [row for row in range(len(rows)) if keys[row] == key]
        kept = [row for row in copies if row not in dropped]
        votes = np.bincount(labels[copies])
        winners = np.flatnonzero(votes == votes.max())
        if len(winners) > 1:
            assert kept == []
            assert {dropped[row] for row in copies} == {"conflict"}
            continue
        assert len(kept) == 1
        same = [row for row in copies if labels[row] == winners[0]]
        assert labels[kept[0]] == winners[0]
        assert ranks[kept[0]] == max(ranks[row] for row in same), "the held-out copy stays"
        for row in same:
            if row != kept[0]:
                assert dropped[row] == ("leak" if ranks[row] < ranks[kept[0]] else "duplicate")


# --- splits -------------------------------------------------------------------------------------------------


@SOME
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), min_size=3, max_size=200),
    st.integers(0, 5),
    st.sampled_from([(0.1, 0.1), (0.2, 0.0), (0.3, 0.3)]),
)
def test_groups_are_never_torn_apart(rows: list[tuple[int, int]], seed: int, shares: tuple[float, float]) -> None:
    classes, groups = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    groups = np.unique(groups, return_inverse=True)[1].reshape(-1)
    options = SplitOptions(validation=shares[0], test=shares[1], seed=seed)
    needed = 3 if shares[1] else 2
    if len(set(groups.tolist())) < needed:
        with pytest.raises(BadInput, match="are left"):
            split_rows(classes, groups, options)
        return
    split = split_rows(classes, groups, options)
    for group in set(groups.tolist()):
        assert len(set(split[groups == group].tolist())) == 1
    assert (split_rows(classes, groups, options) == split).all(), "the same rows and seed give the same split"
    assert set(classes.tolist()) == set(classes[split == TRAIN].tolist()), "training sees every class"


@SOME
@given(st.lists(st.integers(1, 60), min_size=2, max_size=8), st.integers(0, 9))
def test_classes_keep_their_shares(sizes: list[int], seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    options = SplitOptions(validation=0.2, test=0.1, seed=seed)
    if len(classes) < 3:
        return
    split = split_rows(classes, np.arange(len(classes)), options)
    for number, size in enumerate(sizes):
        counts = np.bincount(split[classes == number], minlength=3)
        for place, share in enumerate(options.shares):
            assert abs(counts[place] - share * size) <= 2
        if size >= 3:
            assert (counts > 0).all(), "a class with three rows is in every split"
    if len(classes) - len(sizes) >= 2:  # beside the one of each class that training needs
        assert (np.bincount(split, minlength=3) > 0).all()


def test_groups_of_very_different_sizes_still_give_the_shares() -> None:
    generator = np.random.default_rng(0)
    sizes = generator.zipf(1.6, 400).clip(max=60)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    classes = generator.integers(0, 3, len(groups))
    split = split_rows(classes, groups, SplitOptions(validation=0.15, test=0.15))
    shares = np.bincount(split, minlength=3) / len(split)
    assert np.abs(shares - [0.7, 0.15, 0.15]).max() < 0.02
    for number in range(3):
        held_out = (split[classes == number] == TEST).mean()
        assert abs(held_out - 0.15) < 0.05


def test_another_seed_gives_another_split() -> None:
    classes = np.arange(300) % 3
    one, two = (split_rows(classes, np.arange(300), SplitOptions(seed=seed)) for seed in (0, 1))
    assert (one != two).sum() > 20
    assert (np.bincount(one) == np.bincount(two)).all()
    assert np.bincount(one).tolist() == [240, 30, 30]
    assert (one == VALIDATION).sum() == 30


@SOME
@given(st.lists(st.tuples(st.integers(-1, 8), st.integers(-1, 8)), min_size=1, max_size=40))
def test_joined_groups_hold_what_either_joins(pairs: list[tuple[int, int]]) -> None:
    one, two = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    joined = join_groups(one, two)
    edges = {(a, b) for a in range(len(one)) for b in range(len(one)) for g in (one, two) if g[a] == g[b] >= 0}
    reach = {(row, row) for row in range(len(one))} | edges
    for middle in range(len(one)):
        reach |= {
            (a, b) for a in range(len(one)) if (a, middle) in reach for b in range(len(one)) if (middle, b) in reach
        }
    for a in range(len(one)):
        for b in range(len(one)):
            assert bool(joined[a] == joined[b]) == ((a, b) in reach)
