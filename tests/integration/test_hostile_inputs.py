"""What people who mean harm type into names, searches and messages. docs/SECURITY.md lists each with its test."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from core.access.actor import Actor
from core.bootstrap import finish_job
from core.db.tables import Conversation, Document, KnowledgeBase
from core.errors import BadInput
from core.services import ask, conversations, files, ingest, knowledge
from core.services.application import Application
from core.services.recommend import catalogues
from core.services.views import Upload

INJECTIONS = [
    "' OR 1=1 --", '" OR ""="', "'; DROP TABLE document; --", "1; DELETE FROM document", "%' UNION SELECT name FROM "
    "sqlite_master --", "\\'; --", "%", "_", "%%", "\x00", "' AND (SELECT COUNT(*) FROM workspace) > 0 --", "𝟙' OR '1",
]  # fmt: skip
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) $x$ :red[b]"


@pytest.fixture
def base(app: Application, owner: Actor) -> int:
    return knowledge.create_knowledge_base(app, owner, "Help")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\drivers\\etc\\hosts", "hosts"),
        ("/etc/cron.d/evil.txt", "evil.txt"),
        ("a\x00b\r\nc.txt", "abc.txt"),
        ("\u202etxt.exe", "txt.exe"),
        (".htaccess", "htaccess"),
        ("....//....//x.txt", "x.txt"),
        ("", "unnamed"),
        ("\x1b[31mred.txt", "[31mred.txt"),
    ],
)
def test_a_file_name_is_only_a_name(name: str, kept: str) -> None:
    assert files.clean_name(name) == kept


def test_a_very_long_file_name_is_cut(app: Application) -> None:
    cut = files.clean_name("x" * 5000 + ".txt")
    assert len(cut) <= 200
    assert cut.endswith(".txt")


def test_an_upload_lands_under_its_hash_and_nowhere_else(app: Application, owner: Actor, base: int) -> None:
    before = set(app.settings.data_dir.parent.rglob("*"))
    names = ["../../outside.txt", "/tmp/outside.txt", f"{MARKUP}.txt", "CON.txt"]
    job = ingest.start_ingest(
        app, owner, base, [Upload(name, f"Text of {n}.".encode()) for n, name in enumerate(names)]
    )
    made = {path for path in set(app.settings.data_dir.parent.rglob("*")) - before if path.is_file()}
    stored = {path for path in made if app.settings.files_dir in path.parents}
    assert {path.name for path in stored} == {path.name for path in stored if len(path.name) == 64}
    assert not [path for path in made if "outside" in path.name]
    assert not Path("/tmp/outside.txt").exists()
    finish_job(app, job)
    shown = {one.name for one in knowledge.list_documents(app, owner, base).rows}
    assert "outside.txt" in shown
    assert not any("/" in name and "script" not in name for name in shown)


@pytest.mark.parametrize("wanted", INJECTIONS)
def test_a_search_is_only_letters(app: Application, owner: Actor, base: int, wanted: str) -> None:
    """Nothing is found that does not hold the letters, and no statement is changed by them."""
    with app.database.write(owner.workspace_id) as rows:
        for name in ("returns.txt", "100 percent.txt"):
            rows.add(Document(knowledge_base_id=base, name=name, state="ready"))
    conversation = conversations.start_conversation(app, owner, base)
    conversations.rename_conversation(app, owner, conversation, "About lamps")
    items = catalogues.create_catalogue(app, owner, "Shop")
    assert knowledge.list_documents(app, owner, base, search=wanted).total == 0
    assert conversations.list_conversations(app, owner, search=wanted) == []
    assert catalogues.list_items(app, owner, items, search=wanted).total == 0
    with app.database.system() as session:
        assert session.scalar(select(func.count()).select_from(Document)) == 2
        assert session.scalar(select(func.count()).select_from(KnowledgeBase)) == 1


@pytest.mark.parametrize("name", ["Robert'); DROP TABLE conversation;--", MARKUP, "{{7*7}} ${7*7} #{7*7} %(x)s {0}"])
def test_a_name_is_stored_as_it_was_typed(app: Application, owner: Actor, base: int, name: str) -> None:
    conversation = conversations.start_conversation(app, owner, base)
    conversations.rename_conversation(app, owner, conversation, name)
    with app.database.read(owner.workspace_id) as rows:
        assert rows.get(Conversation, conversation).title == name
    assert knowledge.create_knowledge_base(app, owner, name)
    assert {one.name for one in knowledge.list_knowledge_bases(app, owner)} == {"Help", name}


def test_a_message_of_a_megabyte_is_refused_and_nothing_is_stored(app: Application, owner: Actor, base: int) -> None:
    conversation = conversations.start_conversation(app, owner, base)
    with pytest.raises(BadInput) as caught:
        ask.ask(app, owner, conversation, "a" * 1_000_000)
    assert caught.value.code == "chat.text_too_long"
    assert conversations.messages(app, owner, conversation) == []


@pytest.mark.parametrize("number", [2**31, 2**63, 2**64, -1, 0])
def test_a_number_that_no_row_has_is_not_found(app: Application, owner: Actor, number: int) -> None:
    from core.errors import NotFound

    with pytest.raises(NotFound):
        conversations.get_conversation(app, owner, number)


def test_markup_in_a_transcript_stays_text(app: Application, owner: Actor, base: int) -> None:
    conversation = conversations.start_conversation(app, owner, base)
    for _ in ask.ask(app, owner, conversation, f"{MARKUP} How long is the warranty?").stream:
        pass
    written = conversations.export_conversation(app, owner, conversation)
    assert "<script>" not in written
    assert "[a](" not in written.replace("\\[a](", "")


def test_the_database_refuses_what_belongs_to_no_workspace(app: Application) -> None:
    """The last net: a row that names a workspace that is not there cannot be stored."""
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), app.database.system(writing=True) as session:
        session.execute(
            text("INSERT INTO knowledge_base (name, settings, workspace_id, created_at) "
                 "VALUES ('x', '{}', 999, '2026-01-01 00:00:00')")
        )  # fmt: skip
