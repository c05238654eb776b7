"""One request carried out: stored before a word is written, kept while it is, and brought to an honest end.

The database is where everybody looks: a page that is opened again finds the text as far as it is, and Stop works from
any process.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import structlog

from core.access.actor import Actor, Permission
from core.content.templates import title_of
from core.db.content_tables import ContentDraft, ContentVariant
from core.db.tables import utc_now
from core.errors import Cancelled, PilotlightError
from core.models.generation.batching import Finished, Piece
from core.services import quota
from core.services.application import Application
from core.services.content.drafts import get_draft
from core.services.content.prepare import events, prepare
from core.services.content.views import DraftView, Prepared, WriteRequest

log = structlog.get_logger(__name__)

KEEP_EVERY = 0.2  # seconds between two looks at the database while something is written


def start_writing(app: Application, actor: Actor, request: WriteRequest) -> int:
    """Checks and stores the request and writes in a thread of its own; the draft's id. Raises what ``prepare`` does."""
    actor.require(Permission.CONTENT)
    prepared = prepare(app, actor, request)
    draft_id = store(app, actor, prepared)
    writing = Writing(app, actor, prepared, draft_id)
    threading.Thread(target=writing.run, name=f"draft-{draft_id}", daemon=True).start()
    return draft_id


def write(
    app: Application, actor: Actor, request: WriteRequest, *, job_id: int | None = None, number: int = 0
) -> DraftView:
    """The same, here: returns when it has ended, however it did (see ``DraftView.state``)."""
    actor.require(Permission.CONTENT)
    prepared = prepare(app, actor, request)
    draft_id = store(app, actor, prepared, job_id=job_id, number=number)
    Writing(app, actor, prepared, draft_id).run()
    return get_draft(app, actor, draft_id)


def stop_writing(app: Application, actor: Actor, draft_id: int) -> None:
    """What was written so far stays."""
    actor.require(Permission.CONTENT)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(ContentDraft, draft_id).stop_requested = True


def store(app: Application, actor: Actor, prepared: Prepared, *, job_id: int | None = None, number: int = 0) -> int:
    """The draft's row with its empty variants; its id."""
    actor.require(Permission.CONTENT)
    request, settings = prepared.request, prepared.settings
    kept = {
        "variants": settings.variants, "max_tokens": settings.max_tokens, "temperature": settings.temperature,
        "top_p": settings.top_p, "repetition_penalty": settings.repetition_penalty, "seed": settings.seed,
    }  # fmt: skip
    sources = [
        {"document": one.document_name, "document_id": one.document_id, "page": one.page, "text": one.index_text}
        for one in prepared.passages
    ]
    notes = [{"code": "untested", "values": {}}] if prepared.fit.level == "untested" else []
    with app.database.write(actor.workspace_id) as rows:
        quota.spend_in(rows, quota.subjects_of(actor), "tokens", reserved(prepared))
        draft = rows.add(
            ContentDraft(
                template=prepared.template.id, title=title_of(prepared.template, prepared.values),
                language=request.language, model=prepared.model.key, model_name=prepared.model.name,
                values=prepared.values, settings=kept, sources=sources, notes=notes,
                knowledge_base_id=request.knowledge_base_id, voice_id=request.voice_id,
                job_id=job_id, number=number, by=actor.visitor[:80],
            )
        )  # fmt: skip
        rows.add_all([ContentVariant(draft_id=draft.id, number=place + 1) for place in range(settings.variants)])
        return draft.id


def reserved(prepared: Prepared) -> int:
    """Tokens counted before a word is written; what was not needed is given back. Quoting documents costs none."""
    return 0 if prepared.model.origin == "documents" else prepared.settings.max_tokens * prepared.settings.variants


class Writing:
    """Carries out one stored request."""

    def __init__(self, app: Application, actor: Actor, prepared: Prepared, draft_id: int) -> None:
        # What was begun is finished, whoever signs out meanwhile.
        self._app, self._actor, self._prepared, self._draft_id = app, replace(actor, still=None), prepared, draft_id
        self._texts: dict[int, str] = {}
        self._pieces: dict[int, int] = {}
        self._changed: set[int] = set()
        self._ended: dict[int, Finished] = {}
        self._notes: list[dict[str, Any]] = []
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Never raises: whatever happens is in the draft."""
        keeper = threading.Thread(target=self._watch, name=f"keep-{self._draft_id}", daemon=True)
        keeper.start()
        state, error = "failed", dict[str, Any]()
        try:
            self._write()
            state = "stopped" if self._stopping.is_set() else "done"
        except Cancelled:
            state = "stopped"
        except PilotlightError as problem:
            error = {"code": problem.code, "values": {name: _plain(value) for name, value in problem.values.items()}}
            log.warning("draft failed", draft=self._draft_id, code=problem.code)
        except Exception as problem:
            error = {"code": "content.failed", "values": {"reason": type(problem).__name__}}
            log.error("draft failed", draft=self._draft_id, exc_info=True)
        self._over.set()
        keeper.join()
        self._finish(state, error)

    def _write(self) -> None:
        said = events(self._app, self._actor, self._prepared, self._note, self._stopping.is_set)
        with closing(cast(Any, said)):
            for event in said:
                with self._lock:
                    if isinstance(event, Piece):
                        self._texts[event.variant] = self._texts.get(event.variant, "") + event.text
                        self._pieces[event.variant] = self._pieces.get(event.variant, 0) + 1
                        self._changed.add(event.variant)
                    else:
                        self._ended[event.variant] = event
                if self._stopping.is_set() and self._prepared.model.origin == "documents":
                    return

    def _note(self, code: str, values: dict[str, object]) -> None:
        self._notes.append({"code": code, "values": values})

    def _watch(self) -> None:
        """Keeps what is new and looks whether somebody wants it to stop, however silent the model is."""
        while not self._over.wait(KEEP_EVERY):
            try:
                self._keep()
            except Exception:
                log.warning("draft not kept this time", draft=self._draft_id, exc_info=True)

    def _keep(self) -> None:
        with self._lock:
            changed = {variant: self._texts[variant] for variant in self._changed}
            self._changed.clear()
        with self._app.database.write(self._actor.workspace_id) as rows:
            draft = rows.find(ContentDraft, ContentDraft.id == self._draft_id)
            if draft is None or draft.stop_requested:
                self._stopping.set()
            if draft is None:
                return
            draft.alive_at = utc_now()
            for variant, text in changed.items():
                mine = ContentVariant.draft_id == self._draft_id, ContentVariant.number == variant + 1
                rows.update(ContentVariant, *mine, text=text)

    def _tokens(self) -> int:
        """Tokens written so far; of a variant that was broken off, its pieces, each of which is at least one."""
        if self._prepared.model.origin == "documents":
            return 0
        ended = {variant: end.tokens for variant, end in self._ended.items()}
        return sum({**self._pieces, **ended}.values())

    def _finish(self, state: str, error: dict[str, Any]) -> None:
        with self._app.database.write(self._actor.workspace_id) as rows:
            quota.note(rows, quota.subjects_of(self._actor), "tokens", self._tokens() - reserved(self._prepared))
            draft = rows.find(ContentDraft, ContentDraft.id == self._draft_id)
            if draft is None:  # deleted while it was written
                return
            draft.state, draft.error, draft.notes = state, error, [*draft.notes, *self._notes]
            for row in rows.all(rows.select(ContentVariant, ContentVariant.draft_id == self._draft_id)):
                text, end = self._texts.get(row.number - 1, ""), self._ended.get(row.number - 1)
                if not text.strip() and self._texts:
                    rows.session.delete(row)  # the documents had fewer ways to say it, or it was stopped before
                    continue
                row.text = row.written = text.strip("\n")
                row.reason = end.reason if end is not None else "cancelled"
                row.tokens = end.tokens if end is not None else 0


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)
