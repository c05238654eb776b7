"""Masking, retention, a person's data and the audit log, as services of two real workspaces."""

from __future__ import annotations

import csv
import io
import json
import logging
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.access.actor import NotAllowed
from core.access.audit import record
from core.access.privacy import mask_personal, unmasked
from core.bootstrap import start_logs
from core.db.audit_tables import AuditEntry
from core.db.link_tables import DemoGuest, DemoLink, DemoUse
from core.db.recommend_tables import Interaction, RecommendCatalogue
from core.db.sentiment_tables import MessageMood, SentimentBatch, SentimentTask
from core.db.tables import Conversation, Handoff, Job, Message, utc_now
from core.db.unsent_tables import UnsentText
from core.errors import BadInput, NotFound
from core.services import audit, knowledge
from core.services.application import Application
from core.services.files import store, stored_path
from core.services.keeping.persons import erase_person, export_person, find_person
from core.services.keeping.retention import Keeper, apply_retention, preview
from core.services.privacy import chat_of, privacy, save_privacy
from core.services.sentiment.batches import batch_folder
from core.services.views import Upload
from core.settings import Settings
from tests.integration.services.conftest import Shop, open_shop

PHONE, MAIL = "138 1234 5678", "ann.lee@example.com"


# --- masking -----------------------------------------------------------------------------------------------------


@contextmanager
def endpoint() -> Iterator[tuple[str, list[str]]]:
    """A server of the OpenAI protocol that notes what it was told and says the placeholders back, cut in pieces."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            said = json.loads(heard[-1])["messages"][-1]["content"]
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for piece in (said[i : i + 3] for i in range(0, len(said), 3)):
                chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
                choice = {"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}
                self.wfile.write(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", heard
    finally:
        server.shutdown()
        server.server_close()


def test_an_outside_model_sees_placeholders_and_the_person_their_own_words(
    settings: Settings, make_application: Callable[[Settings], Application]
) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage

    from core.models.chat import speak

    with endpoint() as (address, heard):
        outside = {"llm": "endpoint", "llm_model": "m", "llm_base_url": address}
        app = make_application(Settings(**{**settings.model_dump(), **outside}, _env_file=None))
        shop = open_shop(app, "lumen")
        told = [SystemMessage(f"Kontakt: {MAIL}"), HumanMessage(f"Call {PHONE} or {MAIL}, 张伟先生, [x] and {PHONE}")]
        chat = chat_of(app, shop.workspace)
        assert chat is not None
        assert "".join(speak(chat, told)) == told[1].content
        assert PHONE not in heard[0]
        assert MAIL not in heard[0]
        assert heard[0].count("[EMAIL_1]") == 2  # one person in all of the prompt
        save_privacy(app, shop.owner(), mask_endpoint=False)
        chat = chat_of(app, shop.workspace)
        assert chat is not None
        assert "".join(speak(chat, told)) == told[1].content
        assert PHONE in heard[1]


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.sampled_from([PHONE, MAIL, " [", "]", "[EMAIL_", "[PHONE_1", "a", "，", " or "]), max_size=8),
    cut=st.integers(1, 7),
)
def test_what_was_masked_comes_back_however_it_is_cut(parts: list[str], cut: int) -> None:
    text = "".join(parts)
    masked = mask_personal(text)
    pieces = [masked.text[i : i + cut] for i in range(0, len(masked.text), cut)]
    again = "".join(unmasked(pieces, masked.values))
    assert mask_personal(again).text == masked.text
    if len(set(masked.values.values())) == len(masked.found):  # each written in one way only
        assert again == text


@pytest.mark.parametrize("form", ["console", "json"])
def test_logs_hold_no_personal_data(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        start_logs(Settings(log_format=form, _env_file=None))
        structlog.get_logger("ours").info(f"call {PHONE}", who=MAIL, inside={"of": [MAIL]}, number=5)
        logging.getLogger("library").warning("sent to %s", MAIL)
        try:
            raise ValueError(f"cannot read “{MAIL}”")
        except ValueError:
            structlog.get_logger("ours").error("failed", exc_info=True)
        said = capsys.readouterr().err
        assert MAIL not in said
        assert PHONE not in said
        assert said.count("[EMAIL_1]") >= 4
        assert "ValueError" in said
        assert "number" in said
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()


def test_switches_are_kept_audited_and_checked(app: Application, shop: Shop) -> None:
    assert privacy(app, shop.owner()).mask_endpoint
    save_privacy(app, shop.owner(), mask_training=True, days={"conversations": 30})
    kept = privacy(app, shop.owner())
    assert (kept.mask_endpoint, kept.mask_training, kept.days["conversations"]) == (True, True, 30)
    entry = audit.list_entries(app, shop.owner()).entries[0]
    assert (entry.action, entry.details["mask_training"]) == ("privacy.changed", True)
    for wrong in ({"days": {"conversations": -1}}, {"days": {"audit": 5}}, {"mask": True}):
        with pytest.raises(BadInput):
            save_privacy(app, shop.owner(), **wrong)
    assert privacy(app, shop.owner()) == kept
    with pytest.raises(NotAllowed):
        save_privacy(app, shop.agent(), mask_endpoint=False)


# --- retention ---------------------------------------------------------------------------------------------------


def aged(app: Application, shop: Shop, title: str, days: int) -> int:
    with app.database.write(shop.workspace) as rows:
        talk = Conversation(knowledge_base_id=shop.kb, visitor="v", title=title)
        talk.updated_at = utc_now() - timedelta(days=days)
        rows.add(talk)
        rows.add(Message(conversation_id=talk.id, role="customer", text=title))
        return talk.id


def test_what_is_too_old_goes_and_nothing_else(app: Application, shop: Shop) -> None:
    rival = open_shop(app, "umbra")
    old, young, waiting = (aged(app, shop, title, age) for title, age in (("old", 31), ("young", 29), ("waiting", 99)))
    theirs = aged(app, rival, "x", 99)
    digest, size = store(app.settings, Upload("a.csv", b"text\nbad\n"))
    with app.database.write(shop.workspace) as rows:
        rows.add(Handoff(conversation_id=waiting, reason="asked"))
        job = rows.add(Job(kind="sentiment", state="done", finished_at=utc_now() - timedelta(days=99))).id
        batch = SentimentBatch(name="a.csv", sha256=digest, size=size, created_at=utc_now() - timedelta(days=99))
        batch_folder(app.settings, shop.workspace, rows.add(batch).id).mkdir(parents=True)
    assert {due.number for due in preview(app, shop.owner())} == {0}
    days = {"conversations": 30, "sentiment_files": 30, "jobs": 30}
    assert [due.number for due in preview(app, shop.owner(), days)] == [1, 0, 1, 1]
    assert apply_retention(app, shop.workspace) == {}
    save_privacy(app, shop.owner(), days=days)
    assert apply_retention(app, shop.workspace) == {"conversations": 1, "sentiment_files": 1, "jobs": 1}
    with app.database.read(shop.workspace) as rows:
        assert set(rows.session.scalars(rows.columns(Conversation, Conversation.id))) == {young, waiting}
        assert rows.count(Message, Message.conversation_id == old) == 0
        assert rows.find(Job, Job.id == job) is None
        assert rows.count(AuditEntry, AuditEntry.action == "retention.applied") == 1
    assert not batch_folder(app.settings, shop.workspace, batch.id).exists()
    assert not stored_path(app.settings, digest).exists()
    with app.database.read(rival.workspace) as rows:
        assert rows.get(Conversation, theirs)


def test_the_worker_looks_once_an_hour(app: Application, shop: Shop) -> None:
    save_privacy(app, shop.owner(), days={"conversations": 1})
    now = [100.0]
    keeper = Keeper(app, clock=lambda: now[0])
    old = aged(app, shop, "old", 5)
    assert keeper.look()
    with app.database.read(shop.workspace) as rows:
        assert rows.find(Conversation, Conversation.id == old) is None
    assert not keeper.look()
    now[0] += 3600
    assert keeper.look()


def test_what_is_much_goes_in_portions(app: Application, shop: Shop) -> None:
    save_privacy(app, shop.owner(), days={"conversations": 1})
    old = [aged(app, shop, "old", 5) for _ in range(5)]
    keeper = Keeper(app, clock=lambda: 100.0, most=2)
    assert [keeper.look() for _ in range(4)] == [True, True, True, False]  # the third removes what was left
    with app.database.read(shop.workspace) as rows:
        assert rows.count(Conversation, Conversation.id.in_(old)) == 0


# --- a person ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ann_and_bob(app: Application, shop: Shop) -> tuple[int, int]:
    """Ann wrote her number with spaces and left an address; Bob's number is longer; both bought something."""
    with app.database.write(shop.workspace) as rows:
        talks = []
        for visitor, text in (("browser-ann", f"Ring me: {PHONE}"), ("browser-bob", "Order 9913812345678, thanks")):
            talk = rows.add(Conversation(knowledge_base_id=shop.kb, visitor=visitor, title="Hello")).id
            message = rows.add(Message(conversation_id=talk, role="customer", text=text)).id
            rows.add(
                MessageMood(
                    message_id=message,
                    conversation_id=talk,
                    label="neutral",
                    negative=0.1,
                    positive=0.1,
                    anger=0.0,
                    urgency=0.0,
                    rolling=0.0,
                )
            )
            talks.append(talk)
        rows.add(Handoff(conversation_id=talks[0], reason="asked", contact=MAIL))
        rows.add(SentimentTask(text=f"{MAIL} is angry", digest="a" * 64))
        rows.add(UnsentText(person="account:7", place="inbox/reply/1.", text=f"Dear {MAIL},"))
        rows.add(UnsentText(person="browser-bob", place="sentiment/one", text="A fine lamp"))
        rows.add(SentimentTask(text=f"joann.lee@example.com is not {MAIL}m", digest="b" * 64))
        link = rows.add(DemoLink(name="Trial", token_sha256="c" * 64)).id
        for number, said in enumerate((f"I am {MAIL}", "Somebody else")):
            guest = rows.add(DemoGuest(link_id=link, visitor=f"link:{link}:{number}")).id
            aged = utc_now() - timedelta(days=40)
            rows.add(DemoUse(link_id=link, guest_id=guest, page="sentiment", text=said, created_at=aged))
        catalogue = rows.add(RecommendCatalogue(name="Shop")).id
        rows.add_all(
            [Interaction(catalogue_id=catalogue, person=p, item="lamp") for p in ("browser-ann", "browser-bob")]
        )
    return talks[0], talks[1]


def test_a_person_is_found_exported_and_erased_and_nobody_else(
    app: Application, shop: Shop, ann_and_bob: tuple[int, int]
) -> None:
    _, bob = ann_and_bob
    owner = shop.owner()
    for words in ("13812345678", "138-1234-5678", "１３８１２３４５６７８"):
        assert find_person(app, owner, words).conversations == 1
    by_mail = find_person(app, owner, MAIL.upper())
    assert (by_mail.conversations, by_mail.messages, by_mail.handoffs, by_mail.sentiment) == (1, 1, 1, 1)
    assert (by_mail.demo_uses, by_mail.unsent) == (1, 1)
    assert find_person(app, owner, "browser-bob").unsent == 1
    assert find_person(app, owner, "link:1:1").demo_uses == 1, "a guest by the id of their browser"
    assert find_person(app, owner, "browser-ann").recommendations == 1

    with zipfile.ZipFile(io.BytesIO(export_person(app, owner, MAIL))) as packed:
        (talk,) = json.loads(packed.read("conversations.json"))
        assert talk["messages"][0]["text"] == f"Ring me: {PHONE}"
        assert talk["messages"][0]["mood"] == "neutral"
        assert talk["contacts"] == [MAIL]
        assert [one["text"] for one in json.loads(packed.read("demo_links.json"))] == [f"I am {MAIL}"]
    with pytest.raises(BadInput, match="Look again"):
        erase_person(app, owner, MAIL, expected=by_mail.total + 1)
    assert find_person(app, owner, MAIL) == by_mail
    assert erase_person(app, owner, MAIL, expected=by_mail.total) == by_mail
    erase_person(app, owner, "browser-ann", expected=1)
    with app.database.read(shop.workspace) as rows:
        assert list(rows.session.scalars(rows.columns(Conversation, Conversation.id))) == [bob]
        assert (
            rows.count(MessageMood) == rows.count(Message) == rows.count(SentimentTask) == rows.count(Interaction) == 1
        )
        assert rows.count(DemoUse) == 1
        assert [one.text for one in rows.all(rows.select(UnsentText))] == ["A fine lamp"]
        logged = json.dumps([[e.action, e.target, e.details] for e in rows.all(rows.select(AuditEntry))])
    assert "person.erased" in logged
    assert MAIL not in logged
    with pytest.raises(NotFound):
        erase_person(app, owner, MAIL, expected=0)
    with pytest.raises(BadInput):
        find_person(app, owner, "a")
    with pytest.raises(NotAllowed):
        find_person(app, shop.agent(), MAIL)


def test_what_guests_tried_goes_when_its_days_are_over(
    app: Application, shop: Shop, ann_and_bob: tuple[int, int]
) -> None:
    assert [due.number for due in preview(app, shop.owner(), {"demo_uses": 39}) if due.kind == "demo_uses"] == [2]
    save_privacy(app, shop.owner(), days={"demo_uses": 39})
    assert apply_retention(app, shop.workspace) == {"demo_uses": 2}


def test_a_person_of_another_workspace_is_not_found(app: Application, shop: Shop, ann_and_bob: tuple[int, int]) -> None:
    rival = open_shop(app, "umbra")
    assert find_person(app, rival.owner(), MAIL).total == 0


# --- the audit log -----------------------------------------------------------------------------------------------


def test_what_matters_is_recorded_by_the_services(app: Application, shop: Shop) -> None:
    from core.services.workspace import save_workspace_settings

    save_workspace_settings(app, shop.owner(), contact="desk 5")
    knowledge.delete_knowledge_base(app, shop.owner(), shop.kb)
    found = audit.list_entries(app, shop.owner())
    assert [entry.action for entry in found.entries] == ["knowledge_base.deleted", "workspace.changed"]
    assert audit.actions(app, shop.owner()) == ["knowledge_base.deleted", "workspace.changed"]
    with pytest.raises(NotAllowed):
        audit.list_entries(app, shop.agent())


def test_filters_pages_and_exports(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    with app.database.write(shop.workspace) as rows:
        for number in range(7):
            record(rows, owner, "key.made" if number % 2 else "link.made", f"=HYPERLINK({number})", n=number)
    page = audit.list_entries(app, owner, limit=3, offset=3)
    assert [entry.number for entry in page.entries] == [4, 3, 2]
    assert page.total == 7
    assert audit.list_entries(app, owner, audit.AuditFilter(action="KEY.")).total == 3
    assert audit.list_entries(app, owner, audit.AuditFilter(actor="owner-b")).total == 7
    assert audit.list_entries(app, owner, audit.AuditFilter(actor="%")).total == 0
    today = utc_now().date()
    assert audit.list_entries(app, owner, audit.AuditFilter(since=today, until=today)).total == 7
    assert audit.list_entries(app, owner, audit.AuditFilter(until=today - timedelta(days=1))).total == 0
    assert audit.list_entries(app, owner, audit.AuditFilter(since=date(2999, 1, 1))).total == 0
    lines = list(csv.DictReader(io.StringIO(audit.export_entries(app, owner).decode("utf-8-sig"))))
    assert [line["target"] for line in lines[:2]] == ["'=HYPERLINK(0)", "'=HYPERLINK(1)"]
    assert len(json.loads(audit.export_entries(app, owner, "json"))) == 8  # with the export before


def test_verifying_names_the_first_entry_that_does_not_hold(app: Application, shop: Shop) -> None:
    with app.database.write(shop.workspace) as rows:
        for number in range(5):
            record(rows, shop.owner(), "thing.done", str(number))
    sound = audit.verify(app, shop.owner())
    assert (sound.entries, sound.broken) == (5, None)
    with app.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit_entry SET target = 'x' WHERE number = 3"))
    assert audit.verify(app, shop.owner()).broken == 3
    with app.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit_entry SET target = '2' WHERE number = 3"))
        connection.execute(sa.text("DELETE FROM audit_entry WHERE number = 5"))
    assert audit.verify(app, shop.owner()).broken is None  # a cut end shows only against what was noted
    assert not audit.holds(app, shop.workspace, sound.last)
    assert audit.holds(app, shop.workspace, audit.verify(app, shop.owner()).last)


def test_the_command_line_verifies_and_exports(
    app: Application, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from core.cli import batch
    from core.cli.main import cli

    monkeypatch.setattr(batch, "open_application", lambda: app)
    with app.database.write(shop.workspace) as rows:
        record(rows, shop.owner(), "thing.done", "a")
    good = CliRunner().invoke(cli, ["audit", "verify"])
    assert good.exit_code == 0
    seal = audit.verify(app, shop.owner()).last
    assert seal in good.output
    arguments = ["audit", "verify", "--workspace", str(shop.workspace), "--expect", seal]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    with app.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit_entry SET actor = 'x'"))
    bad = CliRunner().invoke(cli, arguments)
    assert bad.exit_code == 1
    assert "BROKEN at entry 1" in bad.output
    target = str(tmp_path / "log.json")
    exported = CliRunner().invoke(cli, ["audit", "export", target, "--workspace", str(shop.workspace)])
    assert exported.exit_code == 0
