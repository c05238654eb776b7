"""Limits: counted where work is done, never passed by two at once, renewed, and said in a clear sentence."""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.access.actor import Actor, NotAllowed, Role
from core.db.tables import Document, Message
from core.errors import BadInput, OverLimit
from core.services import quota
from core.services.application import Application
from core.services.ask import ask
from core.services.conversations import start_conversation
from core.services.ingest import start_ingest
from core.services.knowledge import delete_document
from core.services.views import Upload
from tests.integration.services.conftest import Shop, open_shop, publish_texts


def allow(app: Application, shop: Shop, metric: str, most: int | None, *, period: str = "month", **of: int) -> None:
    ((subject, number),) = of.items() or {"workspace": 0}.items()
    quota.set_quota(app, shop.owner(), subject, number, metric, period, most)


def test_questions_stop_at_the_limit_and_nothing_is_stored(app: Application, shop: Shop, ann: Actor) -> None:
    allow(app, shop, "messages", 2)
    talk = start_conversation(app, ann, shop.kb)
    for _ in range(2):
        ask(app, ann, talk, "hello").result()
    with pytest.raises(OverLimit) as caught:
        ask(app, ann, talk, "and now?")
    with app.database.read(shop.workspace) as rows:
        assert rows.count(Message, Message.role == "customer") == 2
    (stands,) = quota.left(app, ann)
    assert (stands.used, stands.most, stands.left) == (2, 2, 0)
    assert "2 messages" in caught.value.sentence("en")
    assert "2 条消息" in caught.value.sentence("zh")
    assert f"{stands.opens_at:%Y-%m-%d}" in str(caught.value)


def test_a_key_a_member_and_a_link_have_limits_of_their_own(app: Application, shop: Shop) -> None:
    allow(app, shop, "messages", 1, key=7)
    allow(app, shop, "messages", 3, account=quota.EACH)
    key, other = replace(shop.customer(), key_id=7), replace(shop.customer(), key_id=8)
    quota.spend(app, key, "messages")
    with pytest.raises(OverLimit) as caught:
        quota.spend(app, key, "messages")
    assert "this key" in str(caught.value)
    quota.spend(app, other, "messages", 5)
    for number in (1, 2):  # each member has the three
        member = replace(shop.customer(), account_id=number)
        quota.spend(app, member, "messages", 3)
        with pytest.raises(OverLimit):
            quota.spend(app, member, "messages")
    allow(app, shop, "messages", 9, account=1)
    quota.spend(app, replace(shop.customer(), account_id=1), "messages", 6)


def test_a_new_month_begins_at_nothing(app: Application, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(app, shop, "tokens", 10)
    december = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    monkeypatch.setattr(quota, "utc_now", lambda: december)
    quota.spend(app, shop.owner(), "tokens", 10)
    (stands,) = quota.left(app, shop.owner())
    assert stands.opens_at == datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(OverLimit):
        quota.spend(app, shop.owner(), "tokens", 1)
    monkeypatch.setattr(quota, "utc_now", lambda: december + timedelta(minutes=2))
    quota.spend(app, shop.owner(), "tokens", 10)


@pytest.mark.parametrize(("metric", "most"), [("messages", 10), ("tokens", 100)])
def test_many_at_once_never_take_more_than_there_is(app: Application, shop: Shop, metric: str, most: int) -> None:
    """Of what is counted before, not one goes beyond; of tokens, whose number is a guess, at most the last request."""
    allow(app, shop, metric, most)
    amount = 1 if metric == "messages" else 30
    refused: list[OverLimit] = []
    start = threading.Barrier(16)

    def take() -> None:
        start.wait()
        try:
            quota.spend(app, shop.owner(), metric, amount)  # type: ignore[arg-type]
        except OverLimit as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (stands,) = quota.left(app, shop.owner())
    taken = 10 if metric == "messages" else 4
    assert (len(refused), stands.used) == (16 - taken, taken * amount)


def test_documents_and_storage_come_back_when_deleted(app: Application, shop: Shop) -> None:
    allow(app, shop, "documents", 2, period="all")
    publish_texts(app, shop, one="Lamps are lamps. " * 9, two="Chairs are chairs. " * 9)
    third = [Upload("three.md", b"Tables are tables.")]
    with pytest.raises(OverLimit, match="2 documents"):
        start_ingest(app, shop.owner(), shop.kb, third)
    with app.database.read(shop.workspace) as rows:
        first = rows.all(rows.select(Document))[0].id
    delete_document(app, shop.owner(), first)
    start_ingest(app, shop.owner(), shop.kb, third)
    with pytest.raises(OverLimit):  # the one that still waits to be read counts
        start_ingest(app, shop.owner(), shop.kb, third)
    allow(app, shop, "documents", None, period="all")
    allow(app, shop, "storage_bytes", 400, period="all")
    with pytest.raises(OverLimit, match="storage"):
        start_ingest(app, shop.owner(), shop.kb, [Upload("four.md", b"x" * 300)])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["day", "month", "all"]), st.integers(0, 6), max_size=3), st.integers(1, 9))
def test_the_narrowest_limit_rules(app: Application, limits: dict[str, int], wanted: int) -> None:
    """Whatever limits there are together, as many are taken as the least of them allows."""
    shop = open_shop(app, uuid.uuid4().hex)
    for period, most in limits.items():
        allow(app, shop, "messages", most, period=period)
    taken = 0
    for _ in range(wanted):
        with suppress(OverLimit):
            quota.spend(app, shop.owner(), "messages")
            taken += 1
    assert taken == min([wanted, *limits.values()])


def test_who_may_set_and_see_limits(app: Application, shop: Shop, rival: Shop) -> None:
    allow(app, shop, "messages", 5)
    editor = Actor(shop.workspace, "editor", Role.EDITOR)
    with pytest.raises(NotAllowed):
        quota.set_quota(app, editor, "workspace", 0, "messages", "month", 500)
    assert [one.most for one in quota.list_quotas(app, editor)] == [5]
    assert quota.list_quotas(app, rival.owner()) == ()
    quota.spend(app, rival.owner(), "messages", 50)
    quota.spend(app, shop.owner(), "messages", 3)
    (line,) = quota.usage(app, shop.owner())
    assert (line.metric, line.day, line.month, line.all) == ("messages", 3, 3, 3)
    assert quota.per_day(app, shop.owner(), "messages")[-1][1] == 3
    with pytest.raises(NotAllowed):
        quota.usage(app, shop.agent())


@pytest.mark.parametrize(
    ("subject", "metric", "period", "most"),
    [
        ("planet", "messages", "day", 1),
        ("key", "smiles", "day", 1),
        ("key", "tokens", "year", 1),
        ("key", "tokens", "day", -1),
    ],
)
def test_a_limit_that_cannot_be_is_refused(
    app: Application, shop: Shop, subject: str, metric: str, period: str, most: int
) -> None:
    with pytest.raises(BadInput):
        quota.set_quota(app, shop.owner(), subject, 1, metric, period, most)
