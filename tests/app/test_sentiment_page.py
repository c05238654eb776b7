"""The sentiment page, driven without a browser on a real application."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.access.actor import Actor
from core.db.sentiment_tables import MessageMood, SentimentBatch
from core.db.tables import Conversation, Message
from core.services import knowledge, unsent
from core.services.application import Application
from core.services.sentiment import batches, lane, monitors
from core.services.views import Upload
from tests.app.conftest import OpenPage, texts

ROWS = b"review,date,product\nA great lamp,2026-01-05,Lamp\nTerrible delivery,2026-01-06,Lamp\n,2026-01-06,Chair\n"


@pytest.fixture
def batch(app: Application, me: Actor, work: Callable[[int], None]) -> int:
    found = batches.preview(app, me, Upload("reviews.csv", data=ROWS))
    number = batches.start_batch(app, me, found.file, found.guess)
    with app.database.read(me.workspace_id) as rows:
        job_id = rows.get(SentimentBatch, number).job_id
    assert job_id is not None
    work(job_id)
    return number


def test_a_text_is_judged_and_explained(open_page: OpenPage) -> None:
    page = open_page("sentiment")
    page.text_area(key="sentiment-text").set_value("A <b>terrible</b> lamp, but the delivery was great")
    page.button(key="sentiment-go").click().run(timeout=240)
    assert not page.error, page.error[0].value
    assert not page.exception
    marked = " ".join(html.value for html in page.html if "<span" in html.value)
    assert "terrible" in marked
    assert "<b>" not in marked, "what was typed must not become markup"
    assert "Delivery" in texts(page)
    page.button(key="sentiment-to-lane").click().run()
    page = open_page("sentiment", **{"sentiment.section": "lane", "lane-person": "Ann"})
    assert "terrible" in texts(page)


def test_a_text_that_was_typed_and_not_judged_comes_back(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("sentiment")
    page.text_area(key="sentiment-text").set_value("只写了一半").run()
    again = open_page("sentiment")
    assert again.text_area(key="sentiment-text").value == "只写了一半"
    again.text_area(key="sentiment-text").set_value("").run()
    assert unsent.kept_texts(app, me) == {}
    assert open_page("sentiment").text_area(key="sentiment-text").value == ""
    lane_page = open_page("sentiment", **{"sentiment.section": "lane"})
    lane_page.text_input(key="lane-person").set_value("Ann").run()
    assert open_page("sentiment", **{"sentiment.section": "lane"}).text_input(key="lane-person").value == "Ann"


def test_an_example_is_one_click_and_an_empty_text_is_told(open_page: OpenPage) -> None:
    page = open_page("sentiment")
    page.button(key="sentiment-go").click().run()
    assert "Write or paste" in page.warning[0].value
    page.button(key="example-0").click().run(timeout=240)
    assert not page.error
    assert not page.exception
    assert page.text_area(key="sentiment-text").value.startswith("今天天气很好")
    assert "sure" in texts(page)


def test_a_judged_file_shows_figures_rows_failures_and_sentences(open_page: OpenPage, batch: int) -> None:
    page = open_page("sentiment", **{"sentiment.section": "files", "sentiment.open": {"batch": str(batch)}})
    assert not page.error, page.error[0].value
    assert not page.exception
    assert page.metric[0].value == "2"
    said = texts(page)
    assert "Terrible delivery" in said
    assert "Row 4: The text is empty" in said
    assert len(page.dataframe[0].value) == 3
    page.selectbox(key="rows-label").set_value("positive").run()
    assert list(page.dataframe[0].value["Text"]) == ["A great lamp"]
    page.button(key="lane-put").click().run()
    assert not page.error
    assert not page.exception


def test_rows_are_labelled_and_agreement_is_shown(open_page: OpenPage, app: Application, me: Actor) -> None:
    for number in range(3):
        lane.add_text(app, me, f"text {number}", "positive", 0.4)
    for person, labels in (("Ann", ("positive", "negative", "neutral")), ("Bob", ("positive", "negative", "positive"))):
        page = open_page("sentiment", **{"sentiment.section": "lane", "lane-person": person})
        for label in labels:
            page.button(key=f"lane-{label}").click().run()
            assert not page.error
    assert not page.exception
    assert "Nothing waits for you" in texts(page)
    assert {one.label: one.value for one in page.metric}["Cohen's kappa"] == "0.50"
    page.button(key="lane-make").click().run()
    assert "at least 4" in page.error[0].value


def test_a_watch_warns_on_home_and_mood_is_plotted(open_page: OpenPage, app: Application, me: Actor) -> None:
    base = knowledge.create_knowledge_base(app, me, "Help")
    with app.database.write(me.workspace_id) as rows:
        talk = rows.add(Conversation(knowledge_base_id=base, visitor="v", title="Where is my <i>lamp</i>?")).id
        for _ in range(12):
            message = rows.add(Message(conversation_id=talk, role="customer", text="x")).id
            values = {"negative": 0.9, "positive": 0.0, "anger": 0.8, "urgency": 0.1, "rolling": 0.8}
            rows.add(MessageMood(message_id=message, conversation_id=talk, label="negative", **values))
    page = open_page("sentiment", **{"sentiment.section": "watches"})
    page.button(key="watch-form-new-save").click().run()
    assert not page.error, page.error[0].value
    assert not page.exception
    assert monitors.raised_monitors(app, me)
    home = open_page("home")
    assert "100 % negative of the last 12 texts" in home.warning[-1].value
    page = open_page("sentiment", **{"sentiment.section": "customers"})
    assert "score 0.80" in " ".join(str(one.value) for one in page.markdown) + texts(page)


@pytest.mark.parametrize("section", ["one", "files", "lane", "customers", "watches"])
def test_the_page_speaks_chinese(open_page: OpenPage, section: str) -> None:
    page = open_page("sentiment", locale="zh-CN", **{"sentiment.section": section})
    assert not page.error
    assert not page.exception
    assert page.title[0].value == "情感分析"
    labels = [one.label for kind in (page.button, page.selectbox, page.text_input, page.number_input) for one in kind]
    english = [label for label in labels if label.isascii() and label.strip("* .\\") and "battery" not in label]
    assert [label for label in english if "great product" not in label] == []
