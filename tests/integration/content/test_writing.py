"""Requests carried out on a real model and a real database: stored, repeatable, stoppable, honest about their end."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.access.actor import Actor, NotAllowed, Role
from core.bootstrap import local_actor
from core.db.content_tables import ContentDraft
from core.db.tables import utc_now
from core.errors import BadInput, NotFound
from core.models.catalogue import STARTERS
from core.services import knowledge
from core.services.application import Application
from core.services.content import checking, drafts, models, templates, writing
from core.services.content.views import WriteRequest
from core.services.studio import registry
from core.settings import Settings
from tests.integration.content.conftest import KNOWN, UNKNOWN
from tests.tiny_models import tiny_gpt2

PEOPLE = 60
ROMEO = WriteRequest("dialogue", {"first": "ROMEO"}, model=KNOWN, variants=2, max_tokens=20, seed=5)


def test_the_same_seed_gives_the_same_texts(app: Application, me: Actor) -> None:
    first, second = writing.write(app, me, ROMEO), writing.write(app, me, ROMEO)
    assert first.state == "done"
    assert [one.text for one in first.variants] == [one.text for one in second.variants]
    assert first.variants[0].text != first.variants[1].text
    assert all(one.text.startswith("ROMEO:") for one in first.variants), "a scene is not whole without its opening"
    assert first.settings["seed"] == 5
    assert {one.reason for one in first.variants} <= {"length", "end"}
    other = writing.write(app, me, WriteRequest(**{**_fields(ROMEO), "seed": None}))
    again = writing.write(app, me, WriteRequest(**{**_fields(ROMEO), "seed": other.settings["seed"]}))
    assert [one.text for one in other.variants] == [one.text for one in again.variants], "a drawn seed is told"


def _fields(request: WriteRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in WriteRequest.__slots__}


def test_what_a_model_cannot_do_is_refused_before_anything_is_stored(app: Application, me: Actor) -> None:
    for request, code in (
        (WriteRequest("advertisement", {"product": "x", "message": "y"}, model=KNOWN), "content.task_unknown"),
        (WriteRequest("advertisement", {"product": "x", "message": "y"}), "content.no_model"),
        (WriteRequest("dialogue", {"first": "小林"}, "zh", model=KNOWN), "content.language_unknown"),
        (WriteRequest("continuation", {"text": "春风又绿江南岸"}, "en", model=KNOWN), "content.language_unknown"),
        (WriteRequest("dialogue", {}, model=KNOWN), "content.brief_empty"),
        (WriteRequest("faq_answer", {"question": "x"}, model="documents"), "content.needs_sources"),
        (WriteRequest("place", {"name": "x"}, "zh"), "content.template_language"),
        (WriteRequest("dialogue", {"first": "x"}, model=KNOWN, variants=9), "content.variants"),
        (WriteRequest("dialogue", {"first": "x"}, model=KNOWN, temperature=9), "generation.setting"),
    ):
        with pytest.raises(BadInput) as caught:
            writing.write(app, me, request)
        assert caught.value.code == code, request
        assert caught.value.sentence("en") != caught.value.sentence("zh")
    with pytest.raises(NotFound):
        writing.write(app, me, WriteRequest("dialogue", {"first": "x"}, model="folder:nobody"))
    assert drafts.list_drafts(app, me).total == 0
    with pytest.raises(NotAllowed):
        writing.write(app, Actor(me.workspace_id, me.visitor, Role.GUEST), ROMEO)


def test_offers_put_first_what_can(app: Application, me: Actor) -> None:
    def keys(template: str, level: str, *, sources: bool = False) -> list[str]:
        found = models.offers(app, me, templates.get_template(app, me, template, "en"), "en", sources=sources)
        return [offer.model.key for offer in found if offer.fit.level == level]

    assert KNOWN in keys("dialogue", "can")
    assert KNOWN in keys("advertisement", "cannot")
    assert UNKNOWN in keys("advertisement", "untested")
    assert keys("faq_answer", "can", sources=True) == ["documents"]


def test_a_model_of_the_catalogue_is_offered_where_it_is(
    make_application: Callable[[Settings], Application], settings: Settings, tmp_path: Path
) -> None:
    tiny_gpt2(tmp_path / "own-models" / "gpt2", positions=128)
    app = make_application(settings.model_copy(update={"models_dir": tmp_path / "own-models"}))
    me = local_actor(app, "visitor-of-content-tests-00")
    keys = {one.key for one in models.list_models(app, me)}
    assert "catalogue:gpt2" in keys
    assert not keys & {"folder:gpt2", "catalogue:distilgpt2"}, "twice, or without its files"
    asked = WriteRequest("continuation", {"text": "The"}, model="catalogue:gpt2", variants=1, max_tokens=4)
    assert writing.write(app, me, asked).state == "done"


def test_a_model_that_nobody_knows_is_marked_as_untested(app: Application, me: Actor) -> None:
    draft = writing.write(
        app, me, WriteRequest("headline", {"about": "Lamps"}, model=UNKNOWN, variants=1, max_tokens=5)
    )
    assert [note["code"] for note in draft.notes] == ["untested"]


def test_a_prompt_longer_than_the_window_says_how_it_was_cut(app: Application, me: Actor) -> None:
    text = "The lamp shines for ever and ever. " * 120
    draft = writing.write(app, me, WriteRequest("continuation", {"text": text}, model=KNOWN, variants=1, max_tokens=10))
    assert draft.state == "done"
    (note,) = draft.notes
    assert note["code"] == "prompt_shortened"
    assert note["values"]["kept"] + note["values"]["dropped"] == note["values"]["tokens"]
    assert draft.values["text"] == text, "the brief is kept whole"


def test_a_text_is_found_while_it_is_written_and_can_be_stopped(app: Application, me: Actor) -> None:
    number = writing.start_writing(
        app, me, WriteRequest("continuation", {"text": "The"}, model=KNOWN, variants=2, max_tokens=128, seed=1)
    )
    wait(lambda: any(one.text for one in drafts.get_draft(app, me, number).variants))
    writing.stop_writing(app, me, number)
    wait(lambda: drafts.get_draft(app, me, number).state != "writing")
    draft = drafts.get_draft(app, me, number)
    assert draft.state in ("stopped", "done")
    assert any(one.text for one in draft.variants)


def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.05)


def test_a_writer_that_died_leaves_its_text_and_says_so(app: Application, me: Actor) -> None:
    draft = writing.write(app, me, ROMEO)
    with app.database.write(me.workspace_id) as rows:
        row = rows.get(ContentDraft, draft.id)
        row.state, row.alive_at = "writing", utc_now() - 2 * drafts.SILENT
    found = drafts.get_draft(app, me, draft.id)
    assert (found.state, found.error["code"]) == ("failed", "content.interrupted")
    assert found.variants[0].text


def test_a_reply_is_made_of_sentences_of_the_documents(app: Application, me: Actor, handbook: int) -> None:
    values = {"message": "When do I get my refund?", "customer": "Ms Lee", "signature": "The lamp team"}
    draft = writing.write(app, me, WriteRequest("support_reply", values, knowledge_base_id=handbook, variants=2))
    assert draft.model == "documents"
    assert draft.sources
    text = draft.variants[0].text
    assert "Refunds are paid within 5 working days" in text
    assert text.startswith("Dear Ms Lee,")
    assert text.endswith("The lamp team")
    assert [claim.kind for claim in checking.claims(draft, text)] == []
    changed = text.replace("5 working days", "2 working days")
    assert [claim.kind for claim in checking.claims(draft, changed)] == ["number"]


def test_a_model_leans_on_the_passages_of_a_knowledge_base(app: Application, me: Actor, handbook: int) -> None:
    asked = WriteRequest("continuation", {"text": "Refunds are paid"}, model=KNOWN, seed=3, variants=1, max_tokens=16)
    free = writing.write(app, me, asked)
    built = writing.write(app, me, WriteRequest(**{**_fields(asked), "knowledge_base_id": handbook}))
    assert built.state == "done"
    assert built.sources
    assert built.variants[0].text != free.variants[0].text


def test_nothing_found_is_said(app: Application, me: Actor) -> None:
    empty = knowledge.create_knowledge_base(app, me, "Empty")
    with pytest.raises(BadInput) as caught:
        writing.write(app, me, WriteRequest("faq_answer", {"question": "Refund?"}, knowledge_base_id=empty))
    assert caught.value.code in ("content.nothing_found", "content.no_model")


# --- an endpoint ---------------------------------------------------------------------------------------------------


class Endpoint(BaseHTTPRequestHandler):
    """Speaks OpenAI's chat shape, as badly as its server's ``behaviour`` says."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        behaviour = self.server.behaviour  # type: ignore[attr-defined]
        if behaviour == "busy":
            self.send_response(429)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for number, word in enumerate(("Herbs ", "all ", "winter.")):
            if behaviour == "slow" and number:
                time.sleep(5)
            choice = {"index": 0, "delta": {"content": word}}
            delta = json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]})
            try:
                self.wfile.write(f"data: {delta}\n\n".encode())
                self.wfile.flush()
            except OSError:
                return
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    server.behaviour = "well"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


AD = WriteRequest("advertisement", {"product": "Sill Loft", "message": "Fresh herbs"}, model="configured", variants=2)


def with_endpoint(make: Callable[[Settings], Application], settings: Settings, address: str) -> Application:
    said = {"llm": "endpoint", "llm_model": "some-chat", "llm_base_url": address, "llm_timeout": 1.5}
    return make(settings.model_copy(update=said))


def test_an_endpoint_writes_what_starters_cannot(
    make_application: Callable[[Settings], Application], settings: Settings, endpoint: ThreadingHTTPServer, me: Actor
) -> None:
    app = with_endpoint(make_application, settings, f"http://127.0.0.1:{endpoint.server_port}/v1")
    draft = writing.write(app, me, AD)
    assert draft.state == "done", draft.error
    assert [one.text for one in draft.variants] == ["Herbs all winter."] * 2


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("busy", "content.endpoint_busy"), ("slow", "content.endpoint_timeout"), ("down", "content.endpoint_unreachable")],
)
def test_an_endpoint_that_fails_keeps_the_draft(
    make_application: Callable[[Settings], Application],
    settings: Settings,
    endpoint: ThreadingHTTPServer,
    me: Actor,
    behaviour: str,
    code: str,
) -> None:
    endpoint.behaviour = behaviour  # type: ignore[attr-defined]
    port = 9 if behaviour == "down" else endpoint.server_port
    app = with_endpoint(make_application, settings, f"http://127.0.0.1:{port}/v1")
    draft = writing.write(app, me, AD)
    assert (draft.state, draft.error["code"]) == ("failed", code)
    assert draft.values == dict(AD.values)
    if behaviour == "slow":
        assert draft.variants[0].text.strip() == "Herbs", "what had come is kept"


@pytest.mark.skipif(not (STARTERS / "describe-en").is_dir(), reason="the starter describe-en is not in this copy")
def test_a_place_is_described_by_the_starter_with_its_own_names(app: Application, me: Actor) -> None:
    values = {
        "name": "Zur alten Post",
        "kind": "beer garden",
        "food": "Bavarian",
        "near": "the Isar Gate",
        "price": "cheap",
    }
    draft = writing.write(app, me, WriteRequest("place", values, variants=3, max_tokens=80, seed=2))
    assert draft.model == "starter:describe-en"
    assert draft.state == "done"
    for one in draft.variants:
        assert "Zur alten Post" in one.text, one.text
        assert "Bavarian" in one.text, one.text
        assert "XNAMEX" not in one.text
    assert len({one.text for one in draft.variants}) > 1


def test_a_canary_meets_its_share_of_the_people(app: Application, me: Actor, writers: Path) -> None:
    versions = []
    for name in ("old", "new"):
        folder = app.settings.data_dir / "models" / name
        shutil.copytree(writers / "knows-two", folder)
        versions.append(registry.register_version(app, me.workspace_id, name=name, folder=folder))
    registry.promote(app, me, "generation", versions[0])
    registry.promote(app, me, "generation", versions[1], share=0.25)

    def served(person: int) -> str:
        return models.list_models(app, replace(me, visitor=f"person-{person}"))[0].key

    met = [served(person) for person in range(PEOPLE)]
    assert set(met) == {f"own:{number}" for number in versions}
    assert met.count(f"own:{versions[1]}") < PEOPLE / 2
    if utc_now().hour < 23:  # a new day draws anew
        assert [served(person) for person in range(PEOPLE)] == met, "the page shows what will write"
