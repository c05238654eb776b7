"""The contract of recommenders, over all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Cancelled, Unavailable
from core.recommend.base import Model
from core.recommend.build import ALL, create, open_model
from core.recommend.data import NOBODY, History, Interactions, Items
from core.training.watch import Quiet
from tests.unit.recommend.data import checkerboard, colour_of

SMALL: dict[str, dict[str, Any]] = {
    "als": {"factors": 2, "threads": 1},
    "sasrec": {
        "width": 16,
        "heads": 1,
        "layers": 1,
        "dropout": 0.1,
        "epochs": 12,
        "batch_size": 32,
        "learning_rate": 5e-3,
    },
    "bert4rec": {
        "width": 16,
        "heads": 1,
        "layers": 1,
        "dropout": 0.1,
        "epochs": 15,
        "batch_size": 32,
        "learning_rate": 5e-3,
    },
    "ease": {"strength": 10.0},
    "ease_recent": {"strength": 10.0},
}
MEMBERS = ("popular", "recent", "neighbours", "ease_recent", "als", "content")
PERSONAL = [name for name in ALL if name not in ("popular", "recent")]


def small(name: str) -> Model:
    if name == "blend":
        return create(name, members=MEMBERS)
    return create(name, **SMALL.get(name, {}))


@pytest.fixture(scope="module")
def board() -> tuple[Interactions, Items]:
    return checkerboard()


@pytest.fixture(scope="module")
def fitted(board: tuple[Interactions, Items]) -> dict[str, Model]:
    return {name: small(name).fit(*board, seed=1) for name in ALL}


@pytest.mark.parametrize("name", PERSONAL)
def test_the_checkerboard_is_solved(name: str, fitted: dict[str, Model], board: tuple[Interactions, Items]) -> None:
    data, _ = board
    histories = [data.history(user) for user in range(data.people)]
    scores = fitted[name].scores_for(histories)
    for history, row in zip(histories, scores, strict=True):
        row[history.seen] = -np.inf
        best = np.argsort(-row)[:3]
        assert (best % 2 == colour_of(history)).all(), f"{name} recommends {best} after {history.items}"


@pytest.mark.parametrize("name", PERSONAL)
def test_people_who_came_later_are_served(name: str, fitted: dict[str, Model]) -> None:
    scores = fitted[name].scores_for([History.of([2, 4, 6]), History.of([3, 5, 7])])
    scores[0, [2, 4, 6]] = scores[1, [3, 5, 7]] = -np.inf
    assert scores[0].argmax() % 2 == 0
    assert scores[1].argmax() % 2 == 1


@pytest.mark.parametrize("name", ALL)
def test_shapes_and_facts(name: str, fitted: dict[str, Model], board: tuple[Interactions, Items]) -> None:
    data, items = board
    model = fitted[name]
    assert model.item_ids == items.ids
    scores = model.scores([0, 5, 7])
    assert scores.dtype == np.float32
    assert scores.shape == (3, len(items))
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, model.scores_for([data.history(u) for u in (0, 5, 7)]), rtol=1e-5, atol=1e-6)
    assert model.similar(3).shape == (len(items),)
    assert model.facts["people"] == data.people
    assert model.facts["items"] == len(items)


@pytest.mark.parametrize("name", PERSONAL)
def test_what_goes_with_an_item_has_its_colour(name: str, fitted: dict[str, Model]) -> None:
    found = fitted[name].similar(4)
    found[4] = -np.inf
    assert found.argmax() % 2 == 0


@pytest.mark.parametrize("name", ALL)
def test_what_is_opened_says_what_was_saved(name: str, fitted: dict[str, Model], tmp_path: Path) -> None:
    model = fitted[name]
    histories = [History.of([0, 2]), History.of([5]), NOBODY]
    model.save(tmp_path / "m")
    opened = open_model(tmp_path / "m")
    assert opened.item_ids == model.item_ids
    np.testing.assert_allclose(opened.scores_for(histories), model.scores_for(histories), rtol=1e-4, atol=1e-5)
    assert opened.facts["events"] == model.facts["events"]


@pytest.mark.parametrize("name", ALL)
def test_a_damaged_folder_is_refused(name: str, fitted: dict[str, Model], tmp_path: Path) -> None:
    fitted[name].save(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(Unavailable):
        open_model(tmp_path / "m")


def test_a_folder_of_another_model_is_refused(fitted: dict[str, Model], tmp_path: Path) -> None:
    from core.recommend.ease import Ease

    fitted["neighbours"].save(tmp_path / "m")
    with pytest.raises(Unavailable, match="neighbours"):
        Ease.open(tmp_path / "m")


@pytest.mark.parametrize("name", ALL)
def test_nobody_gets_what_is_popular(name: str, fitted: dict[str, Model], board: tuple[Interactions, Items]) -> None:
    counts = board[0].popularity()
    scores = fitted[name].scores_for([NOBODY, History.of([3], weights=[0.0])])
    assert (scores[0] == scores[1]).all()
    if name != "recent":
        assert counts[scores[0].argmax()] == counts.max()


@pytest.mark.parametrize("name", ALL)
def test_items_that_are_gone_are_passed_over(name: str, fitted: dict[str, Model]) -> None:
    whole = fitted[name].scores_for([History.of([2, 4]), History.of([999, 2, -5, 4])])
    np.testing.assert_allclose(whole[0], whole[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_reasons_are_shares_of_the_history(name: str, fitted: dict[str, Model]) -> None:
    found = fitted[name].reasons(History.of([2, 4, 6, 3]), 8)
    if name in ("popular", "recent"):
        assert found == ()
        return
    assert found
    assert sum(share.share for share in found) == pytest.approx(1.0)
    assert {share.item for share in found} <= {2, 3, 4, 6}
    assert [share.share for share in found] == sorted((share.share for share in found), reverse=True)
    assert found[0].item % 2 == 0, "an item of the other colour is the reason"


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_model(
    name: str, fitted: dict[str, Model], board: tuple[Interactions, Items]
) -> None:
    again = small(name).fit(*board, seed=1)
    np.testing.assert_allclose(again.scores([0, 1]), fitted[name].scores([0, 1]), rtol=1e-3, atol=1e-4)


class Stopped(Quiet):
    def check(self) -> None:
        raise Cancelled("jobs.cancelled")


@pytest.mark.parametrize("name", ALL)
def test_a_fit_can_be_cancelled(name: str, board: tuple[Interactions, Items]) -> None:
    with pytest.raises(Cancelled):
        small(name).fit(*board, watch=Stopped())


ids = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6)


@st.composite
def poor_data(draw: st.DrawFn) -> tuple[Interactions, Items]:
    """Few items with any ids, few people, events from none to some, with and without times and likes."""
    items = Items.named(draw(st.lists(ids, min_size=1, max_size=6, unique=True)))
    people = draw(st.lists(ids, min_size=1, max_size=5, unique=True))
    cells = st.tuples(
        st.integers(0, len(people) - 1),
        st.integers(0, len(items) - 1),
        st.integers(0, 2**33),
        st.sampled_from([0.0, 1.0]),
    )
    rows = draw(st.lists(cells, max_size=25))
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    return Interactions.of(*columns, user_ids=people, item_ids=items.ids), items


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(poor=poor_data(), asked=st.lists(st.integers(-2, 8), max_size=4))
def test_poor_data_gives_a_list_all_the_same(name: str, poor: tuple[Interactions, Items], asked: list[int]) -> None:
    data, items = poor
    args = {**SMALL.get(name, {}), **({"epochs": 1} if "4" in name or name == "sasrec" else {})}
    model = create(name, members=MEMBERS) if name == "blend" else create(name, **args)
    model.fit(data, items)
    scores = model.scores_for([*data.histories(), History.of(asked), NOBODY])
    assert scores.shape == (data.people + 2, len(items))
    assert np.isfinite(scores).all()
    assert np.isfinite(model.similar(0)).all()
    assert all(0 < share.share <= 1 for share in model.reasons(History.of(asked), 0))


@pytest.mark.parametrize("name", ALL)
def test_a_catalogue_without_items(name: str) -> None:
    model = small(name).fit(Interactions.of([], [], user_ids=[], item_ids=[]), Items())
    assert model.scores_for([NOBODY]).shape == (1, 0)
