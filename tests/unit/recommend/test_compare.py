"""The comparison tells a pattern from chance, and the verdict says which it was."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.errors import Cancelled
from core.evaluation.intervals import Interval
from core.recommend.base import Model
from core.recommend.build import create
from core.recommend.compare import CompareArgs, Result, compare
from core.recommend.data import Interactions, Items
from core.recommend.split import Kind, Split
from core.recommend.verdict import verdict_of
from core.training.watch import Quiet
from tests.unit.recommend.data import checkerboard

FAST = ("recent", "neighbours", "ease", "content")


def build(name: str) -> Model:
    return create(name, members=("popular", "ease"))


def test_models_that_see_the_pattern_beat_popularity() -> None:
    told: list[str] = []
    comparison = compare(*checkerboard(), build, CompareArgs((*FAST, "blend")), done=lambda one: told.append(one.name))
    assert told == ["popular", *FAST, "blend"]
    assert (comparison.verdict.code, comparison.verdict.baseline) == ("beats", "popular")
    assert comparison.verdict.model == comparison.results[0].name not in ("popular", "recent")
    assert comparison.verdict.percent > comparison.verdict.margin > 0
    popular = comparison.result("popular")
    assert (popular.gain.low, popular.gain.value, popular.gain.high) == (0, 0, 0)
    for one in comparison.results:
        assert one.ndcg.low <= one.ndcg.value <= one.ndcg.high
        assert 0 <= one.coverage <= 1
        assert one.novelty > 0
    assert comparison.result("ease").coverage >= popular.coverage
    assert comparison.protocol["people"] == 120
    assert comparison.protocol["ranking"] == "full"
    json.dumps(comparison.as_json())


@pytest.mark.parametrize("kind", ["last", "random"])
def test_the_blend_is_weighed_the_way_it_is_judged(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.recommend import compare as module

    kinds: list[str] = []
    whole = module.split

    def seen(data: Interactions, one: Kind, **values: Any) -> Split:
        kinds.append(one)
        return whole(data, one, **values)

    monkeypatch.setattr(module, "split", seen)
    compare(*checkerboard(), build, CompareArgs(("blend",), kind))
    assert kinds == [kind, kind]


def test_chance_is_not_taken_for_a_pattern() -> None:
    """People choose blindly: whichever model is luckiest is not declared better, in nine of ten data sets or more."""
    declared = 0
    for seed in range(12):
        generator = np.random.default_rng(seed)
        users = np.repeat(np.arange(80), 6)
        items = np.concatenate([generator.choice(25, 6, replace=False) for _ in range(80)])
        catalogue = Items.named([str(n) for n in range(25)])
        data = Interactions.of(users, items, 1_700_000_000 + np.arange(480), item_ids=catalogue.ids)
        found = compare(data, catalogue, build, CompareArgs(("neighbours", "ease"), "newest", seed=seed)).verdict
        declared += found.code == "beats"
        if found.code == "not_yet":
            assert found.model == "popular"
            assert found.more > 0
    assert declared <= 1


@pytest.mark.parametrize("events", [0, 1, 3])
def test_too_little_data_is_said_so(events: int) -> None:
    catalogue = Items.named(["a b", "😀", "c"])
    data = Interactions.of([0] * events, list(range(events)), user_ids=["only"], item_ids=catalogue.ids)
    comparison = compare(data, catalogue, build, CompareArgs(FAST))
    assert comparison.verdict.code == "too_little"
    assert comparison.verdict.more > 0
    assert len(comparison.results) == 5


def test_everybody_the_same_item() -> None:
    catalogue = Items.named(["a", "b"])
    data = Interactions.of(list(range(300)), [0] * 300, item_ids=catalogue.ids)
    assert compare(data, catalogue, build, CompareArgs(FAST)).verdict.code == "too_little"


def result(name: str, ndcg: float, low: float, high: float) -> Result:
    nothing = Interval(0, 0, 0)
    return Result(name, Interval(ndcg, ndcg, ndcg), nothing, nothing, 0, 0, Interval((low + high) / 2, low, high), 0, 0)


def test_the_more_models_were_tried_the_more_it_takes() -> None:
    base = result("popular", 0.1, 0, 0)
    good = result("ease", 0.12, 0.001, 0.039)
    assert verdict_of([good, base], 100, 1_000).code == "beats"
    weaker = [result(f"m{n}", 0.1, -0.02, 0.02) for n in range(7)]
    crowded = verdict_of([good, *weaker, base], 100, 1_000)
    assert crowded.code == "not_yet"
    assert 100 <= crowded.more <= 10_000


def test_it_can_be_cancelled_between_models() -> None:
    class Stopped(Quiet):
        def step(self, stage: str, done: int, total: int) -> None:
            if stage == "compare" and done == 2:
                raise Cancelled("jobs.cancelled")

    with pytest.raises(Cancelled):
        compare(*checkerboard(), build, CompareArgs(FAST), watch=Stopped())
