"""Items below answers: off until the owner wants them, stored with the answer, and never in the wrong moment."""

from __future__ import annotations

import pytest

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.recommend_tables import CatalogueItem, Interaction
from core.db.tables import Job, Message
from core.errors import NotFound
from core.services import chat_offers, conversations, handoff
from core.services.application import Application
from core.services.chat_offers import customer_of
from core.services.recommend import catalogues, ruling, vectors_job
from tests.integration.services.conftest import Shop, publish_texts, say

LAMPS = (
    ("oak", "Oak desk lamp", "橡木台灯", "lamps", ["desk", "wood"], 5),
    ("brass", "Brass reading lamp", "黄铜阅读灯", "lamps", ["reading", "bed"], 3),
    ("bulb", "Warm bulb, E27", "暖光灯泡", "bulbs", ["bulb", "spare"], None),
    ("gone", "Copper floor lamp", "紫铜落地灯", "lamps", ["floor"], 0),
    ("secret", "Silver night lamp", "银色夜灯", "lamps", ["night"], 9),
    ("card", "Gift card", "礼品卡", "gifts", ["present", "gift"], None),
)


def open_offers(app: Application, shop: Shop) -> int:
    """A catalogue of lamps, offered by the shop's knowledge base."""
    number = catalogues.create_catalogue(app, shop.owner(), "Lamps")
    with app.database.write(shop.workspace) as rows:
        for code, title, title_zh, category, tags, stock in LAMPS:
            values = {"category": category, "tags": tags, "stock": stock, "hidden": code == "secret"}
            rows.add(CatalogueItem(catalogue_id=number, code=code, title=title, title_zh=title_zh, **values))
    chat_offers.set_offers(app, shop.owner(), shop.kb, number)
    return number


@pytest.fixture
def offering(app: Application, lamps: Shop) -> int:
    return open_offers(app, lamps)


def offered(app: Application, actor: Actor, conversation: int, question: str) -> dict[str, str]:
    message = say(app, actor, conversation, question)
    assert message.state == "done", message.detail
    return {one.item.id: one.why for one in chat_offers.offers_below(app, actor, message.id).offers}


def test_nothing_is_offered_until_the_owner_wants_it(app: Application, lamps: Shop, ann: Actor, talk: int) -> None:
    assert offered(app, ann, talk, "What does delivery of the oak desk lamp within Germany cost?") == {}
    open_offers(app, lamps)
    found = offered(app, ann, talk, "What does delivery of the oak desk lamp within Germany cost?")
    assert next(iter(found.items())) == ("oak", "asked")
    chat_offers.set_offers(app, lamps.owner(), lamps.kb, None)
    assert offered(app, ann, talk, "What does delivery of the oak desk lamp within Germany cost?") == {}


def test_a_need_is_met_in_both_languages(app: Application, lamps: Shop, offering: int, ann: Actor, talk: int) -> None:
    assert offered(app, ann, talk, "I am looking for a present for a friend").get("card") == "fits"
    assert "card" in offered(app, ann, talk, "想送朋友一份礼物，有什么推荐？")
    assert offered(app, ann, talk, "暖光灯泡有货吗？").get("bulb") == "asked"


def test_what_the_answer_names_is_offered_when_the_question_names_nothing(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int
) -> None:
    publish_texts(
        app, lamps, care="# Care\n\nAfter 20,000 hours of light fit a new warm bulb, by hand and when cold.\n"
    )
    found = offered(app, ann, talk, "What happens after 20,000 hours?")
    assert found.get("bulb") in ("answered", "fits")


@pytest.mark.parametrize(
    "question",
    ["My oak desk lamp caught fire!", "I want to return the oak desk lamp", "橡木台灯漏电了", "Where is my order?",
     "Thank you", "I want to talk to a person about the oak desk lamp"],
)  # fmt: skip
def test_nobody_in_trouble_is_sold_anything(
    app: Application, offering: int, ann: Actor, talk: int, question: str
) -> None:
    assert offered(app, ann, talk, question) == {}


def test_nothing_is_offered_while_a_person_is_awaited(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int
) -> None:
    say(app, ann, talk, "What does delivery within Germany cost?")
    handoff.request_person(app, ann, talk)
    assert offered(app, ann, talk, "What does delivery of the oak desk lamp within Germany cost?") == {}


def test_hidden_and_sold_out_items_are_never_offered_nor_what_rules_leave_out(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int
) -> None:
    assert "gone" not in offered(app, ann, talk, "How much is the copper floor lamp?")
    assert "secret" not in offered(app, ann, talk, "How much is the silver night lamp?")
    owner = lamps.owner()
    assert "oak" in offered(app, ann, talk, "How much is the oak desk lamp?")
    ruling.save_rule(app, owner, offering, "No oak", "exclude", {"items": ["oak"]})
    ruling.publish_rules(app, owner, offering)
    assert "oak" not in offered(app, ann, talk, "How much is the oak desk lamp?")


def test_a_refresh_shows_the_same_but_for_what_went_away(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int
) -> None:
    message = say(app, ann, talk, "Oak desk lamp or brass reading lamp?")
    before = [one.item.id for one in chat_offers.offers_below(app, ann, message.id).offers]
    assert before[:2] == ["oak", "brass"]
    assert len(before) <= chat_offers.MOST
    [stored] = [one for one in conversations.messages(app, ann, talk) if one.id == message.id]
    assert [one["item"] for one in stored.detail["offers"]["items"]] == before
    catalogues.set_hidden(app, lamps.owner(), offering, ["oak"], True)
    assert [one.item.id for one in chat_offers.offers_below(app, ann, message.id).offers] == before[1:]
    catalogues.delete_catalogue(app, lamps.owner(), offering)
    assert chat_offers.offers_below(app, ann, message.id).offers == ()
    assert offered(app, ann, talk, "How much is the oak desk lamp?") == {}


def test_a_click_is_an_event_once_and_of_nobody_known(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int
) -> None:
    message = say(app, ann, talk, "How much is the oak desk lamp?")
    for _ in range(3):
        chat_offers.react_to_offer(app, ann, message.id, "oak")
    person = customer_of(lamps.workspace, ann.visitor)
    with app.database.read(lamps.workspace) as rows:
        events = rows.all(rows.select(Interaction, Interaction.catalogue_id == offering))
    assert [(one.person, one.item, one.kind, one.value) for one in events] == [(person, "oak", "clicked", 1.0)]
    assert ann.visitor not in person
    assert chat_offers.offers_below(app, ann, message.id).offers[0].clicked
    chat_offers.react_to_offer(app, ann, message.id, "oak", "not_interested")
    assert "oak" not in [one.item.id for one in chat_offers.offers_below(app, ann, message.id).offers]
    assert "oak" not in offered(app, ann, talk, "And what does the oak desk lamp weigh?")


def test_offers_are_one_s_own(app: Application, lamps: Shop, rival: Shop, offering: int, ann: Actor, talk: int) -> None:
    message = say(app, ann, talk, "How much is the oak desk lamp?")
    for other in (lamps.customer("bob"), rival.customer("ann")):
        with pytest.raises(NotFound):
            chat_offers.offers_below(app, other, message.id)
        with pytest.raises(NotFound):
            chat_offers.react_to_offer(app, other, message.id, "oak")
    with pytest.raises(NotFound, match="gone"):
        chat_offers.react_to_offer(app, ann, message.id, "gone")
    with pytest.raises(NotFound):
        chat_offers.set_offers(app, rival.owner(), rival.kb, offering)


def test_nobody_waits_for_the_vectors_of_a_large_catalogue(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int
) -> None:
    """Names are found at once; what fits is known when the job has been."""
    with app.database.write(lamps.workspace) as rows:
        many = [CatalogueItem(catalogue_id=offering, code=f"m{n}", title=f"Thing number {n}") for n in range(60)]
        rows.add_all(many)
    assert offered(app, ann, talk, "How much is the oak desk lamp?") == {"oak": "asked"}
    assert offered(app, ann, talk, "I am looking for a lamp to read in bed") == {}
    with app.database.read(lamps.workspace) as rows:
        jobs = rows.all(rows.select(Job, Job.kind == vectors_job.KIND, Job.state == "queued"))
    assert len(jobs) == 1
    runner(app).run(jobs[0].id)
    assert "brass" in offered(app, ann, talk, "I am looking for a lamp to read in bed")


def test_an_answer_survives_what_goes_wrong_with_offers(
    app: Application, lamps: Shop, offering: int, ann: Actor, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no offers today")

    monkeypatch.setattr("core.services.answering.offers_for", broken)
    message = say(app, ann, talk, "What does delivery within Germany cost?")
    assert message.state == "done"
    with app.database.read(lamps.workspace) as rows:
        assert "offers" not in rows.get(Message, message.id).detail
