"""The sequential models: order, windows, padding, sampling, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Cancelled
from core.recommend.base import Run
from core.recommend.data import History, Interactions, Items
from core.recommend.sequential import Bert4Rec, SasRec, held_out, item_features
from core.recommend.sequential_network import SequenceShape, build_sequence, hidden, item_table, padded_left
from core.recommend.sequential_train import SequentialArgs, cut, schedule, score, softmax_loss
from core.training.watch import Quiet
from tests.unit.recommend.data import checkerboard

TINY: dict[str, Any] = {
    "width": 16, "heads": 1, "layers": 1, "dropout": 0.1, "batch_size": 32, "learning_rate": 1e-2,
    "threads": 1,
}  # fmt: skip
SHAPE = SequenceShape(items=12, features=0, width=8, layers=2, heads=2, places=6, dropout=0.0, causal=True)


def ring(people: int = 90, items: int = 12, each: int = 6) -> tuple[Interactions, Items]:
    """Who liked item n likes n + 1 next: only the order says so, every item is equally popular."""
    starts = np.arange(people) % items
    events = (starts[:, None] + np.arange(each)) % items
    catalogue = Items.named([str(n) for n in range(items)])
    times = np.tile(np.arange(1, each + 1), people)
    return Interactions.of(np.repeat(np.arange(people), each), events.ravel(), times, item_ids=catalogue.ids), catalogue


@pytest.mark.parametrize("model", [SasRec, Bert4Rec])
def test_the_order_of_events_is_learnt(model: type[SasRec] | type[Bert4Rec]) -> None:
    args = {**TINY, "epochs": 80, "patience": 80, "judged": 20}
    fitted = model(**args).fit(*ring(people=180), seed=3)
    histories = [History.of([2, 3, 4]), History.of([9, 10, 11])]
    found = fitted.scores_for(histories)
    for row, history in zip(found, histories, strict=True):
        row[history.seen] = -np.inf
    assert found.argmax(axis=1).tolist() == [5, 0]


def test_a_place_sees_nothing_that_comes_after() -> None:
    import torch

    network = build_sequence(SHAPE).eval()
    table = item_table(network, SHAPE, None)
    with torch.no_grad():
        one = hidden(network, SHAPE, table, torch.tensor([[1, 2, 3, 4]]))
        other = hidden(network, SHAPE, table, torch.tensor([[1, 2, 9, 9]]))
    torch.testing.assert_close(one[:, :2], other[:, :2])
    assert not torch.allclose(one[:, 2:], other[:, 2:])


def test_scores_do_not_depend_on_the_company() -> None:
    network = build_sequence(SHAPE)
    histories = [np.array([3]), np.array([1, 2, 3, 4, 5, 6, 7, 8]), np.array([5, 1])]
    together = score(network, SHAPE, None, histories, "next")
    for row, history in enumerate(histories):
        np.testing.assert_allclose(score(network, SHAPE, None, [history], "next")[0], together[row], atol=1e-5)
    np.testing.assert_allclose(score(network, SHAPE, None, [histories[1][-6:]], "next")[0], together[1], atol=1e-5)


@given(st.lists(st.lists(st.integers(0, 99), max_size=40), max_size=4), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_every_event_but_the_first_is_a_target_once(rows: list[list[int]], places: int) -> None:
    marked = [np.arange(len(row)) + 1000 * number for number, row in enumerate(rows)]
    targets = [event for window in cut(marked, places, "next") for event in window[1:].tolist()]
    assert sorted(targets) == sorted(event for row in marked for event in row[1:].tolist())
    assert all(len(window) <= places + 1 for window in cut(marked, places, "next"))
    assert all(2 <= len(window) <= max(places, 2) for window in cut(marked, max(places, 2), "masked"))


def test_a_sample_of_negatives_estimates_the_whole_softmax() -> None:
    import torch

    torch.manual_seed(0)
    states, table, wanted = torch.randn(5, 8), torch.randn(50, 8), torch.tensor([3, 7, 7, 0, 49])
    whole = softmax_loss(states, table, wanted, SequentialArgs(), np.random.default_rng(0))
    drawn = softmax_loss(
        states, table, wanted, SequentialArgs(full_limit=0, negatives=200_000), np.random.default_rng(0)
    )
    assert float(drawn) == pytest.approx(float(whole), abs=0.02)
    few = softmax_loss(states, table, wanted[:0], SequentialArgs(), np.random.default_rng(0))
    assert float(few) == 0.0


class Killed(Quiet):
    """Cancels in the middle of an epoch."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled("jobs.cancelled")


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    args = {**TINY, "epochs": 4, "patience": 9}
    data, items = ring()
    whole = SasRec(**args).fit(data, items, seed=5, work=tmp_path / "whole")
    with pytest.raises(Cancelled):
        SasRec(**args).fit(data, items, seed=5, work=tmp_path / "killed", watch=Killed(8))
    steps: list[int] = []

    class Counted(Quiet):
        def step(self, stage: str, done: int, total: int) -> None:
            steps.append(done)

    resumed = SasRec(**args).fit(data, items, seed=5, work=tmp_path / "killed", watch=Counted())
    assert steps[0] > 1, "it began anew"
    np.testing.assert_allclose(resumed.scores([0, 1, 2]), whole.scores([0, 1, 2]), rtol=1e-4, atol=1e-5)


def test_refit_takes_in_what_was_held_out() -> None:
    data, items = ring(people=60)
    last = np.zeros(len(data), bool)
    last[data.starts[1:] - 1] = True
    model = SasRec(**TINY, epochs=3, finish=2).fit(data.where(~last), items, validation=data.where(last))
    before = model.scores_for([History.of([1, 2])])
    model.refit(data, items)
    assert model.facts["events"] == len(data)
    assert not np.allclose(before, model.scores_for([History.of([1, 2])]))


def test_who_is_judged_is_not_trained_on() -> None:
    data, _ = ring(people=60)
    rows = [history.items for history in data.histories()]
    run = Run(seed=0, watch=Quiet())
    short, held = held_out(data, rows, run, 25)
    assert held is not None
    assert len(held.next) == 25
    assert sum(map(len, short)) == len(data) - 25
    assert held_out(data, rows[:10], run, 25)[1] is None, "ten people are too few to judge by"


def test_features_are_what_items_share() -> None:
    _, items = checkerboard()
    bags = item_features(items)
    assert bags is not None
    assert bags.count == 4
    assert (np.diff(bags.starts) == 2).all()
    assert item_features(Items.named(["a", "b"])) is None


def test_padding_stands_on_the_left_and_the_newest_are_kept() -> None:
    rows = [np.array([1]), np.array([1, 2, 3, 4]), np.array([], np.int64)]
    assert padded_left(rows, 9, 3).tolist() == [[9, 9, 1], [2, 3, 4], [9, 9, 9]]
    assert padded_left([], 9, 3).shape == (0, 1)


def test_the_rate_rises_then_falls() -> None:
    rates = [schedule(step, 1000) for step in range(1000)]
    assert rates[0] < rates[50] < rates[100] == max(rates)
    assert 0.1 <= rates[-1] < 0.11
