"""Offers of customer service: what is named is found, needs are met, and nothing is sold to somebody in trouble."""

from __future__ import annotations

import numpy as np
import pytest

from core.models.hub import ModelHub
from core.recommend.content_based import ContentBased
from core.recommend.data import Interactions, Item, Items
from core.recommend.offering import LISTED, NEAR, Fit, Names, fitting, is_serious
from tests.unit.recommend import offering_cases as cases

SHOPS = {"garden": cases.garden(), "tea": cases.tea()}


@pytest.fixture(scope="module")
def contents(models: ModelHub) -> dict[str, ContentBased]:
    encoder = models.encoder()
    made = {}
    for name, items in SHOPS.items():
        nothing = Interactions.of([], [], user_ids=[], item_ids=items.ids)
        made[name] = ContentBased(encode=lambda texts: encoder.encode(list(texts), kind="passage")).fit(nothing, items)
    return made


def offers(shop: str, question: str, contents: dict[str, ContentBased], answer: str = "") -> list[str]:
    """Ids, as the service offers them."""
    if is_serious(question):
        return []
    items = SHOPS[shop]
    scores = contents[shop].scores_of_words([question])[0]
    found = fitting(question, answer, Names(items), scores, np.ones(len(items), bool))
    return [items.ids[fit.item] for fit in found]


@pytest.mark.parametrize("shop", ["garden", "tea"])
def test_what_a_question_names_is_offered_first(shop: str, contents: dict[str, ContentBased]) -> None:
    for question, right in getattr(cases, f"{shop.upper()}_NAMED"):
        [first, *_] = offers(shop, question, contents) or [""]
        assert first in right.split(), question


@pytest.mark.parametrize(("shop", "least"), [("garden", 0.6), ("tea", 0.7)])
def test_needs_are_met_and_what_is_offered_is_right(shop: str, least: float, contents: dict[str, ContentBased]) -> None:
    """Most needs find an item, and where one is offered it is a right one."""
    asked = getattr(cases, f"{shop.upper()}_NEEDS")
    made = {question: offers(shop, question, contents) for question, _ in asked}
    wrong = [(question, made[question]) for question, right in asked
             if made[question] and made[question][0] not in right.split()]  # fmt: skip
    assert wrong == []
    assert sum(bool(one) for one in made.values()) >= least * len(asked)


@pytest.mark.parametrize("shop", ["garden", "tea"])
def test_nothing_is_offered_where_nothing_fits(shop: str, contents: dict[str, ContentBased]) -> None:
    made = {question: offers(shop, question, contents) for question in getattr(cases, f"{shop.upper()}_NOTHING")}
    assert {question: found for question, found in made.items() if found} == {}


SOME = Items(
    (
        Item("lamp-2026-a", "Desk lamp, oak"), Item("b", "Light\n灯"), Item("c", "Second Spring Desk lamp"),
        *(Item(f"trio{n}", f"Trio {n}, large") for n in range(5)), Item("z", "台灯（暖光）"),
    )
)  # fmt: skip


def test_names_are_found_as_people_write_them() -> None:
    names = Names(SOME)
    assert names.found("Two desk lamps please") == {0: True}
    assert names.found("the SECOND SPRING desk lamp") == {2: True}, "of names within names the longest counts"
    assert names.found("lamp-2026-a, please") == {0: True}
    assert names.found("这款台灯多少钱") == {8: False}
    assert names.found("這款檯燈") == names.found("这款台灯")
    assert names.found("trio") == {}
    assert names.found("desklamp 🌱") == {}
    assert Names(Items()).found("anything") == {}
    assert Names(Items((Item("1", "🌱"), Item("2", ""), Item("3", "12")))).found("12 🌱 1 2 3") == {}


def test_a_title_that_is_a_mere_word_needs_a_question_about_it() -> None:
    names, every = Names(SOME), np.ones(len(SOME), bool)
    scores = np.zeros(len(SOME), np.float32)
    assert fitting("make it light", "", names, scores, every) == ()
    scores[1] = 0.3
    assert fitting("make it light", "", names, scores, every) == (Fit(1, "asked", pytest.approx(0.3)),)
    assert fitting("make it light", "", names, None, every) == ()


def test_hidden_items_are_never_offered_however_they_are_named() -> None:
    names, shown = Names(SOME), np.zeros(len(SOME), bool)
    scores = np.ones(len(SOME), np.float32)
    assert fitting("desk lamp", "desk lamp", names, scores, shown) == ()
    shown[3] = True
    assert [fit.item for fit in fitting("desk lamp", "", names, scores, shown)] == [3]


def test_an_answer_that_lists_items_is_about_none_of_them() -> None:
    items = Items(tuple(Item(str(n), f"{word} holder") for n, word in enumerate(("Cup", "Pen", "Book", "Lamp", "Hat"))))
    names, every = Names(items), np.ones(5, bool)
    low = np.full(5, NEAR - 0.01, np.float32)
    said = "Cup holder, pen holder, book holder"
    assert [fit.why for fit in fitting("what is new?", said, names, low, every)] == ["answered"] * LISTED
    assert fitting("what is new?", f"{said}, lamp holder", names, low, every) == ()


@pytest.mark.parametrize(
    "text", ["my cat swallowed it!", "It’s not working", "I will sue you", "孩子误吞了零件", "我要退货"]
)
def test_trouble_is_seen(text: str) -> None:
    assert is_serious(text)


@pytest.mark.parametrize("text", ["How much is the lamp?", "I have a courtyard", "有什么烧烤用的香草？", "怎么种薄荷"])
def test_what_is_no_trouble_is_not(text: str) -> None:
    assert not is_serious(text)
