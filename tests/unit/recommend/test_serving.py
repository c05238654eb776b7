"""Lists as they are served: nothing seen or hidden, new items, items that are gone, reasons, what-if."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recommend.build import create
from core.recommend.data import NOBODY, History, Item, Items
from core.recommend.rules import checked
from core.recommend.serving import Server, Wish
from tests.unit.recommend.data import checkerboard, colour

DATA, SHOP = checkerboard()
MODELS = ("popular", "neighbours", "ease", "content", "blend")


@pytest.fixture(scope="module")
def servers() -> dict[str, Server]:
    content = create("content").fit(DATA, SHOP)
    fitted = {name: create(name, members=("popular", "ease", "content")).fit(DATA, SHOP) for name in MODELS}
    return {name: Server(model, SHOP, content=content, version="v1", as_of=5) for name, model in fitted.items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_person_gets_a_list_with_reasons(name: str, servers: dict[str, Server]) -> None:
    served = servers[name].for_history(History.of([0, 2, 4]), Wish(k=5))
    assert len(served.picks) == len(set(served.items)) == 5
    assert {0, 2, 4}.isdisjoint(served.items)
    assert (served.model, served.version, served.as_of) == (name, "v1", 5)
    if name == "popular":
        assert all(pick.source == "popular" and pick.reasons == () for pick in served.picks)
        return
    assert all(pick.item % 2 == 0 for pick in served.picks)
    for pick in served.picks:
        assert pick.source == "model"
        assert pick.item_id == SHOP[pick.item].id
        assert {share.item for share in pick.reasons} <= {0, 2, 4}


@pytest.mark.parametrize("name", MODELS)
def test_hidden_and_seen_items_are_never_shown(name: str, servers: dict[str, Server]) -> None:
    disliked = History.of([0, 2, 4, 6], weights=[1, 1, 1, 0])
    served = servers[name].for_history(disliked, Wish(k=30, hidden=[8, 10, 77]))
    assert {0, 2, 4, 6, 8, 10}.isdisjoint(served.items)
    assert len(served.picks) == 24
    again = servers[name].for_history(disliked, Wish(k=30, repeat=True))
    assert len(again.picks) == 30


def test_feedback_changes_the_next_list(servers: dict[str, Server]) -> None:
    server = servers["ease"]
    first = server.for_history(History.of([0]), Wish(k=3))
    then = server.for_history(History.of([0]).followed_by([1, 3, 5]), Wish(k=3))
    assert first.items != then.items
    assert all(item % 2 for item in then.items)
    away = server.for_history(History.of([0]).followed_by([first.items[0]], weight=0.0), Wish(k=3))
    assert first.items[0] not in away.items


@pytest.mark.parametrize("name", ["neighbours", "ease", "content", "blend"])
def test_more_like_this_baskets_and_words(name: str, servers: dict[str, Server]) -> None:
    server = servers[name]
    like = server.for_item(4, Wish(k=5))
    assert 4 not in like.items
    assert all(item % 2 == 0 for item in like.items)
    assert all(item % 2 for item in server.for_basket([1, 3], Wish(k=5)).items)
    words = server.for_words("夜晚的黑色石头", Wish(k=5))
    assert all(item % 2 and pick.source == "content" for item, pick in zip(words.items, words.picks, strict=True))
    assert all(item % 2 == 0 for item in server.for_words("a white stone", Wish(k=5)).items)


def test_nobody_and_no_words_get_what_is_popular(servers: dict[str, Server]) -> None:
    counts = DATA.popularity()
    for served in (servers["blend"].for_history(NOBODY, Wish(k=3)), servers["ease"].for_words("  ", Wish(k=3))):
        assert all(pick.source == "popular" for pick in served.picks)
        assert counts[list(served.items)].tolist() == sorted(counts.tolist(), reverse=True)[:3]


@pytest.mark.parametrize("name", MODELS)
def test_a_newer_catalogue_is_served(name: str, servers: dict[str, Server]) -> None:
    """Item 2 is gone, a white and a black one are new; numbers have moved."""
    fitted = servers[name]
    rows = [colour(40), colour(41), *(row for number, row in enumerate(SHOP.rows) if number != 2)]
    shop = Items(tuple(rows))
    assert fitted.content is not None
    server = Server(fitted.model, shop, content=fitted.content.covering(shop))
    liked = History.of([shop.number["white 0"], shop.number["white 4"]])
    served = server.for_history(liked, Wish(k=31))
    assert len(served.picks) == 29
    assert {pick.item_id for pick in served.picks} >= {"white 40", "黑41"}
    assert "white 2" not in {pick.item_id for pick in served.picks}
    if name != "popular":
        places = {pick.item_id: place for place, pick in enumerate(served.picks)}
        assert places["white 40"] < places["黑41"]
        new = served.picks[places["white 40"]]
        assert new.source == "content"
        assert new.reasons
    assert len(server.for_item(0, Wish(k=3)).picks) == 3, "more like an item that the model has never seen"


def test_without_content_new_items_wait(servers: dict[str, Server]) -> None:
    shop = Items((*SHOP.rows, Item("new")))
    served = Server(servers["ease"].model, shop).for_history(History.of([0]), Wish(k=99))
    assert len(shop) - 1 not in served.items


def test_what_if_something_had_not_happened(servers: dict[str, Server]) -> None:
    change = servers["ease"].what_if(History.of([0, 2, 1]), [0, 2], Wish(k=5))
    assert all(item % 2 for item in change.after.items)
    assert {0, 2}.isdisjoint(change.after.items)
    assert set(change.gone) == set(change.before.items) - set(change.after.items)
    assert set(change.new) == set(change.after.items) - set(change.before.items)
    same = servers["ease"].what_if(History.of([0, 2]), [], Wish(k=5))
    assert same.gone == same.new == ()


def test_rules_are_applied(servers: dict[str, Server]) -> None:
    rules = [checked("no black", "exclude", {"tags": ["黑色"]}), checked("cheap", "price", {"low": None, "high": 20})]
    served = servers["blend"].for_history(History.of([1, 3]), Wish(k=30, rules=rules))
    assert served.items
    assert all(item % 2 == 0 and (SHOP[item].price or 0) <= 20 for item in served.items)


@given(st.lists(st.integers(-3, 40), max_size=8), st.integers(0, 50), st.sets(st.integers(-2, 40)))
@settings(max_examples=60, deadline=None)
def test_any_history_gets_a_proper_list(items: list[int], k: int, hidden: set[int]) -> None:
    served = SERVER.for_history(History.of(items), Wish(k=k, hidden=hidden))
    possible = set(range(len(SHOP))) - set(items) - hidden
    assert len(served.items) == min(k, len(possible))
    assert set(served.items) <= possible
    assert np.isfinite([pick.score for pick in served.picks]).all()


SERVER = Server(create("ease").fit(DATA, SHOP), SHOP)


def test_an_empty_shop() -> None:
    empty = Items()
    server = Server(SERVER.model, empty)
    assert server.for_history(History.of([1]), Wish()).picks == ()
    assert server.for_words("tea", Wish()).picks == ()
