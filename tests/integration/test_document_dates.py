"""Whose date a document carries: its own, its file's, that of its upload; and where people see which it is."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.tables import DocumentVersion
from core.services import ingest, knowledge
from core.services.application import Application
from core.services.ask import answer_question
from core.services.source import dated, source
from core.services.views import DocumentView, Upload
from core.types import RefusalReason


@pytest.fixture
def base(app: Application, owner: Actor) -> int:
    number = knowledge.create_knowledge_base(app, owner, "Help")
    knowledge.update_settings(app, owner, number, threshold=0.2)
    return number


def letter(*, changed: datetime) -> bytes:
    import docx

    document, data = docx.Document(), io.BytesIO()
    document.add_paragraph("A letter about lamps.")
    document.core_properties.modified = changed
    document.save(data)
    return data.getvalue()


def take(app: Application, owner: Actor, base: int, **files: bytes) -> dict[str, DocumentView]:
    uploads = [Upload(name.replace("__", "."), data=data) for name, data in files.items()]
    runner(app).run(ingest.start_ingest(app, owner, base, uploads))
    return {view.name: view for view in knowledge.list_documents(app, owner, base).rows}


def test_printed_then_of_the_file_then_of_the_upload(app: Application, owner: Actor, base: int) -> None:
    views = take(
        app,
        owner,
        base,
        printed__md=b"# Returns\n\nEffective date: 2025-03-01\n\nLamps can be returned within 30 days.",
        letter__docx=letter(changed=datetime(2025, 4, 2, tzinfo=UTC)),
        plain__md=b"# Delivery\n\nParcels take three days.",
    )
    assert {name: (v.document_date, v.dated) for name, v in views.items()} == {
        "printed.md": ("2025-03-01", "printed"),
        "letter.docx": ("2025-04-02", "file"),
        "plain.md": (views["plain.md"].updated_at.date().isoformat(), "upload"),
    }


def test_a_contradiction_is_quoted_with_the_dates_that_the_documents_give_themselves(
    app: Application, owner: Actor, base: int
) -> None:
    text = "# Warranty\n\nLast updated: {}\n\nEvery Lumen lamp has a warranty of {} months.\n"
    take(
        app,
        owner,
        base,
        old__md=text.format("2024-01-10", 24).encode(),
        new__md=text.format("2025-03-01", 36).encode(),
    )
    answer = answer_question(app, owner.workspace_id, base, "How long is the warranty of a Lumen lamp?")
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.CONTRADICTION
    assert {c.document: c.document_date for c in answer.refusal.best} == {
        "old.md": "2024-01-10",
        "new.md": "2025-03-01",
    }
    assert set(dated(app, owner, answer.refusal.best).values()) == {"printed"}
    shown = source(app, owner, answer.refusal.best[0])
    assert (shown.document_date, shown.dated) == (answer.refusal.best[0].document_date, "printed")


def test_a_version_from_before_dates_were_kept_says_upload(app: Application, owner: Actor, base: int) -> None:
    [view] = take(app, owner, base, a__md=b"# Returns\n\nLast updated: 2025-03-01\n\nThirty days.").values()
    with app.database.write(owner.workspace_id) as rows:
        version = rows.get(DocumentVersion, view.version_id or 0)
        version.layout = {key: value for key, value in version.layout.items() if key != "dated"}
    assert knowledge.list_documents(app, owner, base).rows[0].dated == "upload"


def test_nobody_learns_about_another_workspaces_documents(app: Application, owner: Actor, base: int) -> None:
    from dataclasses import replace

    take(app, owner, base, a__md=b"# Returns\n\nLast updated: 2025-03-01\n\nReturns take thirty days.")
    answer = answer_question(app, owner.workspace_id, base, "How many days do returns take?")
    places = answer.citations or (answer.refusal.best if answer.refusal else ())
    assert dated(app, owner, places)
    assert dated(app, replace(owner, workspace_id=owner.workspace_id + 1), places) == {}
