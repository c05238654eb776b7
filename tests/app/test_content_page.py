from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.models.manifest import Manifest, write_manifest
from core.services import jobs, unsent
from core.services.application import Application
from core.services.content import batch_job, drafts, writing
from core.services.content.views import DraftView, WriteRequest
from core.services.views import Upload
from core.settings import Settings
from tests.app.conftest import OpenPage, texts
from tests.conftest import NewPlace
from tests.tiny_models import tiny_gpt2

KNOWN = "folder:knows-two"


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writers")
    tiny_gpt2(folder / "knows-two", positions=256)
    facts = {"separator": "<|endoftext|>", "tasks": ["continuation", "dialogue"], "languages": ["en"]}
    write_manifest(folder / "knows-two", Manifest("language_model", "knows-two", facts=facts))
    return folder


@pytest.fixture
def settings(tmp_path: Path, writers: Path, new_place: NewPlace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    # What the page offers must not depend on which starters a working copy holds.
    monkeypatch.setattr("core.models.catalogue.STARTERS", tmp_path / "no-starters")
    with new_place(tmp_path, models_dir=writers, threads=1) as place:
        yield place


def ended(app: Application, me: Actor) -> DraftView:
    end = time.monotonic() + 60
    while (found := drafts.newest_draft(app, me)) is None or found.state == "writing":
        assert time.monotonic() < end, "never ended"
        time.sleep(0.05)
    return found


def write(page: AppTest, app: Application, me: Actor) -> DraftView:
    page.selectbox(key="write.template").set_value("dialogue").run()
    page.text_input(key="brief-dialogue-first").set_value("ROMEO")
    page.slider(key="write.length").set_value(20)
    page.number_input(key="write.seed").set_value(5)
    page.button(key="write-go").click().run()
    assert not page.error
    draft = ended(app, me)
    page.run()
    return draft


def test_a_brief_becomes_variants_that_are_edited_and_kept(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("content")
    draft = write(page, app, me)
    assert len(draft.variants) == 3
    shown = texts(page)
    assert all(f"Variant {number}" in shown for number in (1, 2, 3))
    first = draft.variants[0]
    page.button(key=f"edit-{first.id}").click().run()
    page.text_area(key=f"text-{first.id}-0").set_value("O light upon the sill").run()
    page.button(key=f"save-{first.id}").click().run()
    page.button(key=f"favourite-{first.id}").click().run()
    assert "O light upon the sill" in texts(page)
    found = drafts.get_draft(app, me, draft.id).variants[0]
    assert (found.text, found.favourite, found.edits) == ("O light upon the sill", True, 1)
    again = open_page("content")  # another session, as after a reload
    assert "O light upon the sill" in texts(again)
    assert again.text_input(key="brief-dialogue-first").value == "ROMEO", "the brief came back"


def test_an_empty_brief_is_said_and_what_was_typed_stays(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("content", **{"write.template": "dialogue"})
    page.text_input(key="brief-dialogue-second").set_value("JULIET")
    page.button(key="write-go").click().run()
    assert "First speaker" in page.error[0].value
    assert page.text_input(key="brief-dialogue-second").value == "JULIET"
    assert drafts.newest_draft(app, me) is None


def test_what_was_typed_and_not_sent_comes_back_until_it_is_sent(
    open_page: OpenPage, app: Application, me: Actor
) -> None:
    page = open_page("content")
    draft = write(page, app, me)  # a dialogue, which a reload shows again
    page.selectbox(key="write.template").set_value("continuation").run()
    page.text_area(key="brief-continuation-text").set_value("The lamp on the\nsill").run()
    page.slider(key="write.length").set_value(40).run()
    again = open_page("content")
    assert again.selectbox(key="write.template").value == "continuation"
    assert again.text_area(key="brief-continuation-text").value == "The lamp on the\nsill"
    assert again.slider(key="write.length").value == 40
    stranger = open_page("content", visitor="another-visitor-of-the-tests")
    assert stranger.text_area(key="brief-continuation-text").value == "", "only to who typed it"
    again.selectbox(key="write.template").set_value("dialogue").run()
    assert again.text_input(key="brief-dialogue-first").value in ("", "ROMEO")
    again.text_input(key="brief-dialogue-first").set_value("MERCUTIO").run()
    again.button(key="write-go").click().run()
    assert not again.error
    ended(app, me)
    assert set(unsent.kept_texts(app, me)) == {"content/write/brief-continuation-text"}, "the sent brief is a draft now"
    last = open_page("content")
    assert last.text_input(key="brief-dialogue-first").value == "MERCUTIO"
    last.selectbox(key="write.template").set_value("continuation").run()
    assert last.text_area(key="brief-continuation-text").value == "The lamp on the\nsill"
    assert draft.id


def test_an_edit_that_was_not_saved_comes_back(open_page: OpenPage, app: Application, me: Actor) -> None:
    made = writing.write(app, me, WriteRequest("dialogue", {"first": "A"}, model=KNOWN, variants=1, max_tokens=4))
    variant = made.variants[0]
    page = open_page("content")
    page.button(key=f"edit-{variant.id}").click().run()
    page.text_area(key=f"text-{variant.id}-0").set_value("Half a thought").run()
    again = open_page("content")
    assert again.text_area(key=f"text-{variant.id}-0").value == "Half a thought"
    assert drafts.get_draft(app, me, made.id).variants[0].text == variant.text, "nothing was saved yet"
    again.button(key=f"save-{variant.id}").click().run()
    assert not again.error
    assert unsent.kept_texts(app, me) == {}
    third = open_page("content")
    assert not [one for one in third.text_area if one.key.startswith("text-")]
    third.button(key=f"edit-{variant.id}").click().run()
    third.text_area(key=f"text-{variant.id}-1").set_value("Another").run()
    third.button(key=f"leave-{variant.id}").click().run()
    third.button(key=f"edit-{variant.id}").click().run()
    assert third.text_area(key=f"text-{variant.id}-1").value == "Half a thought", "cancelled is cancelled"
    third.text_area(key=f"text-{variant.id}-1").set_value("Lost with its draft").run()
    drafts.delete_draft(app, me, made.id)
    assert unsent.kept_texts(app, me) == {}


def test_a_template_that_nobody_can_write_says_so_and_what_can_be_written(open_page: OpenPage) -> None:
    page = open_page("content", **{"write.template": "advertisement"})
    said = texts(page)
    assert "No model here can write" in said
    assert "PILOTLIGHT_LLM=endpoint" in said
    page.segmented_control(key="write.language").set_value("zh").run()
    assert not page.error
    assert "knows English only, not Chinese" in texts(page)
    page.segmented_control(key="write.language").set_value("en").run()
    assert not [one for one in page.button if one.key == "write-go"]
    page.button(key="instead-dialogue").click().run()
    assert page.button(key="write-go")


@pytest.mark.parametrize("section", ["history", "voices", "batch", "templates", "brand"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_every_section_opens(open_page: OpenPage, app: Application, me: Actor, section: str, locale: str) -> None:
    writing.write(app, me, WriteRequest("dialogue", {"first": "A"}, model=KNOWN, variants=1, max_tokens=4, seed=1))
    page = open_page("content", locale=locale, **{"content.section": section})
    assert not page.exception
    assert not page.error


def test_brand_rules_are_saved(open_page: OpenPage) -> None:
    page = open_page("content", **{"content.section": "brand"})
    page.text_area(key="brand-banned").set_value("cheapest\n最低价")
    page.button(key="brand-save").click().run()
    assert not page.error
    again = open_page("content", **{"content.section": "brand"})
    assert again.text_area(key="brand-banned").value == "cheapest\n最低价"


def test_a_batch_shows_what_failed_and_writes_it_again(
    open_page: OpenPage, app: Application, me: Actor, work: Callable[[int], None]
) -> None:
    request = WriteRequest("dialogue", {}, model=KNOWN, variants=1, max_tokens=4)
    table = b"first,second\nROMEO,\n" + b"x" * 301 + b",\n"
    job_id = batch_job.start_batch(app, me, request, Upload("b.csv", table))
    work(job_id)
    page = open_page("content", **{"content.section": "batch"})
    assert not page.exception
    assert "1 of 2 briefs were written" in texts(page)
    assert "Row 2:" in texts(page)
    page.button(key=f"batch-again-{job_id}").click().run()
    assert not page.error
    assert jobs.get_job(app, me, job_id).state == "queued"


def test_the_history_finds_and_opens(open_page: OpenPage, app: Application, me: Actor) -> None:
    for name in ("ROMEO", "MERCUTIO"):
        writing.write(app, me, WriteRequest("dialogue", {"first": name}, model=KNOWN, variants=1, max_tokens=4))
    page = open_page("content", **{"content.section": "history"})
    page.text_input(key="history-find").set_value("merc").run()
    opened = [one for one in page.button if str(one.key).startswith("open-draft-")]
    assert [one.label for one in opened] == ["MERCUTIO"]
    opened[0].click().run()
    assert page.text_input(key="brief-dialogue-first").value == "MERCUTIO"
