"""Data whose right answer is known by construction."""

from __future__ import annotations

import numpy as np

from core.recommend.data import History, Interactions, Item, Items


def checkerboard(people: int = 120, items: int = 30, each: int = 7, seed: int = 0) -> tuple[Interactions, Items]:
    """Even people like even items only, odd people odd ones: whoever liked some of a colour is owed that colour.

    Words and categories say the colour too. All items are about equally popular.
    """
    generator = np.random.default_rng(seed)
    users, chosen, times = [], [], []
    for user in range(people):
        mine = generator.choice(np.arange(user % 2, items, 2), each, replace=False)
        users += [user] * each
        chosen += mine.tolist()
        times += list(range(1_700_000_000 + user, 1_700_000_000 + user + 3600 * each, 3600))
    rows = [colour(number) for number in range(items)]
    catalogue = Items(tuple(rows))
    data = Interactions.of(users, chosen, times, user_ids=[f"u{n}" for n in range(people)], item_ids=catalogue.ids)
    return data, catalogue


def colour(number: int) -> Item:
    if number % 2:
        return Item(f"黑{number}", f"黑色棋子 {number}", "夜晚的黑色石头", "黑", 10.0 + number, tags=("黑色",))
    return Item(
        f"white {number}", f"white piece {number}", "a white stone of the day", "white", 5.0 + number, tags=("w",)
    )


def colour_of(history: History) -> int:
    return int(history.items[0]) % 2
