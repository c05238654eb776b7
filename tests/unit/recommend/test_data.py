"""Rows as they come from a shop: counted, explained, and never an exception."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recommend.cleaning import CleaningArgs, Columns, clean, clean_items
from core.recommend.data import History, Interactions, Items, Report
from core.recommend.split import KINDS, choose_kind, split
from core.recommend.times import read_time
from tests.unit.recommend.data import checkerboard

NOW = 1_760_000_000
SHOP = Items.named(["a", "b", "c"])


def cleaned(
    users: list[Any], items: list[Any], times: list[Any] | None = None, shop: Items | None = SHOP, **more: Any
) -> tuple[Interactions, Report]:
    args = CleaningArgs(now=NOW, **{key: more.pop(key) for key in ("least_value", "drop_bots") if key in more})
    data, _, report = clean(Columns(users=users, items=items, times=times or [], **more), shop, args)
    return data, report


def test_what_is_wrong_with_rows_is_counted_with_examples() -> None:
    data, report = cleaned(
        ["u", "u", "v", "", "v", "w 😀", "w 😀", "u"],
        ["a", "a", "zzz", "a", None, "b", "b", "c"],
        ["2025-01-02", "2025-01-02", "2025-01-03", "2025-01-03", "2025-01-03", "someday", "2033-01-01", "2025-01-01"],
    )
    assert {one.code: one.count for one in report.findings if one.code[:3] != "few"} == {
        "duplicate": 1,
        "unknown_item": 1,
        "incomplete": 2,
        "bad_time": 1,
        "future_time": 1,
    }
    assert next(one for one in report.findings if one.code == "bad_time").examples == ("someday",)
    assert next(one for one in report.findings if one.code == "unknown_item").examples == ("zzz",)
    assert (report.rows, report.used, report.people, report.items) == (8, 2, 1, 2)
    assert data.history(0).items.tolist() == [2, 0], "oldest first"


def test_ids_with_spaces_and_emoji_stay_apart() -> None:
    data, _ = cleaned(["张 三", "张三", "😀", "😀👍"], ["a", "a", "b", "c"])
    assert data.user_ids == ("张 三", "张三", "😀", "😀👍")


def test_numbers_of_a_spreadsheet_are_the_ids_of_a_text_file() -> None:
    data, _ = cleaned([17.0, "17", 17], ["a", "b", "c"])
    assert data.user_ids == ("17",)


def test_times_most_of_which_cannot_be_read_are_not_used() -> None:
    data, report = cleaned(["u", "v", "w"], ["a", "b", "c"], ["03/04/25", "04/04/25", "2025-04-05"])
    assert report.found("times_unreadable") == 2
    assert (len(data), data.timed) == (3, False)


def test_small_numbers_are_an_order() -> None:
    data, report = cleaned(["u", "u", "v"], ["a", "b", "c"], [2, 1, 1])
    assert report.found("order_numbers") == 3
    assert data.history(0).items.tolist() == [1, 0]


def test_disliked_events_are_seen_and_not_liked() -> None:
    data, _ = cleaned(
        ["u", "u", "u"],
        ["a", "b", "c"],
        values=[5, 2, None],
        kinds=["rating", "rating", "Not interested"],
        least_value=3,
    )
    history = data.history(0)
    assert history.seen.tolist() == [0, 1, 2]
    assert history.liked.items.tolist() == [0]


def test_a_bot_is_left_out_and_a_good_customer_is_not() -> None:
    generator = np.random.default_rng(0)
    shop = Items.named([str(n) for n in range(500)])
    users = ["bot"] * 5_000 + [f"u{n}" for n in range(200) for _ in range(5)] + ["fan"] * 120
    items = [str(n) for n in generator.integers(0, 500, len(users))]
    times = [NOW - n for n in range(len(users))]
    data, report = cleaned(users, items, times, shop)
    assert report.found("bot") == 1
    assert "fan" in data.user_ids
    assert "bot" not in data.user_ids
    kept, _ = cleaned(users, items, times, shop, drop_bots=False)
    assert "bot" in kept.user_ids


def test_too_little_is_said_with_what_would_be_enough() -> None:
    _, report = cleaned(["u"], ["a"])
    assert {one.code: one.values.get("needed") for one in report.findings if one.code[:3] == "few"} == {
        "few_events": 200,
        "few_people": 30,
    }
    assert report.found("one_item") == 1
    assert cleaned([], [])[1].used == 0


def test_items_keep_the_later_of_two_rows_and_lose_bad_cells() -> None:
    items, findings = clean_items(
        [
            {"id": 1.0, "title": "壶", "price": "¥1,200", "tags": "茶，陶|礼物"},
            {"id": "1", "title": "茶壶", "price": "¥1,300", "tags": ["茶"], "stock": "0"},
            {"id": "", "title": "nobody"},
            {"id": "2", "price": "cheap", "stock": "lots", "added": "2025-01-01"},
        ]
    )
    assert {one.code: one.count for one in findings} == {
        "item_duplicate": 1,
        "item_without_id": 1,
        "bad_price": 1,
        "bad_stock": 1,
    }
    first, second = items.rows
    assert (first.title, first.price, first.tags, first.stock) == ("茶壶", 1300.0, ("茶",), 0)
    assert (second.title, second.price, second.stock, second.added) == ("2", None, -1, 1_735_689_600)


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("2024-01-01", 1_704_067_200),
        ("2024-01-01T08:00:00+08:00", 1_704_067_200),
        ("2024/01/01 00:00", 1_704_067_200),
        ("2024年1月1日", 1_704_067_200),
        ("20240101", 1_704_067_200),
        ("1704067200", 1_704_067_200),
        (1_704_067_200_000, 1_704_067_200),
        (1.7040672e15, 1_704_067_200),
        (datetime(2024, 1, 1, tzinfo=UTC), 1_704_067_200),
        ("yesterday", None),
        ("", None),
        (None, None),
        (math.nan, None),
        (math.inf, None),
        (True, None),
        ("1e400", None),
    ],
)
def test_times_as_people_write_them(cell: Any, seconds: int | None) -> None:
    assert read_time(cell) == seconds


cells = (
    st.none()
    | st.text(max_size=4)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.sampled_from(["a", "b", "u", "v"])
)


@given(st.lists(st.tuples(cells, cells, cells, cells, cells), max_size=30), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_rows_become_something_usable(rows: list[tuple[Any, ...]], known: bool) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(5)]
    args = CleaningArgs(now=NOW, least_value=2.0)
    whole = Columns(users=columns[0], items=columns[1], times=columns[2], kinds=columns[3], values=columns[4])
    data, items, report = clean(whole, SHOP if known else None, args)
    assert data.item_ids == items.ids
    assert report.rows == len(rows) >= report.used == len(data)
    assert (data.times <= NOW + 86_400).all()
    assert sorted(set(data.users.tolist())) == list(range(data.people))


@given(st.integers(0, 40), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_splits_lose_nothing_and_never_look_ahead(events: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    users, items, times = (generator.integers(0, top, events) for top in (6, 5, 9))
    data = Interactions.of(users, items, times + 1_700_000_000, user_ids=list("uvwxyz"), item_ids=list("abcde"))
    for kind in KINDS:
        parts = split(data, kind, seed=seed)
        assert len(parts.train) + len(parts.test) == len(data)
        if kind == "time" and len(parts.train) and len(parts.test):
            assert parts.train.times.max() < parts.test.times.min()
        if kind in ("newest", "last"):
            for user in range(data.people):
                before, after = parts.train.history(user).times, parts.test.history(user).times
                assert not len(before) or not len(after) or before.max() <= after.min()


def test_the_kind_of_split_follows_the_data() -> None:
    data, _ = checkerboard()
    assert choose_kind(data) == "time"
    assert choose_kind(Interactions.of(data.users, data.items)) == "random"
    one_visit = Interactions.of(
        data.users, data.items, 1_700_000_000 + 86_400 * data.users + np.tile(np.arange(7), 120)
    )
    assert choose_kind(one_visit) == "newest", "nobody stands on both sides of a moment"


def test_a_history_can_be_cut_and_continued() -> None:
    history = History.of([3, 1, 3], [1, 2, 3])
    assert history.without([3]).items.tolist() == [1]
    assert history.followed_by([7]).items.tolist() == [3, 1, 3, 7]
    with pytest.raises(ValueError, match="length"):
        History.of([1, 2], [1])
