"""The history of what was written: found again, edited with its versions, rated, kept, deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from core.access.actor import Actor, Permission
from core.db.content_tables import ContentDraft, ContentVariant, ContentVersion
from core.db.searching import holding
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.content.views import DraftPage, DraftView, VariantView
from core.services.unsent import drop_places

PAGE = 10
LONGEST_TEXT = 50_000
SILENT = timedelta(seconds=30)  # a writer that gave no sign for so long is gone, with its process


def get_draft(app: Application, actor: Actor, draft_id: int) -> DraftView:
    """Raises NotFound."""
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        return _views(rows, [rows.get(ContentDraft, draft_id)])[0]


def list_drafts(
    app: Application,
    actor: Actor,
    *,
    find: str = "",
    template: str = "",
    favourites: bool = False,
    job_id: int | None = None,
    first: int = 0,
    size: int = PAGE,
) -> DraftPage:
    """The newest first; with ``find`` only those in whose title or texts it stands."""
    actor.require(Permission.CONTENT_READ)
    where: list[Any] = [ContentDraft.template == template] if template else []
    where += [ContentDraft.job_id == job_id] if job_id is not None else []
    with app.database.read(actor.workspace_id) as rows:
        if find.strip():
            texts = holding(rows, ContentVariant, find.strip(), ContentVariant.text)
            of = rows.columns(ContentVariant, ContentVariant.draft_id, where=[texts])
            titled = holding(rows, ContentDraft, find.strip(), ContentDraft.title)
            where.append(or_(titled, ContentDraft.id.in_(of)))
        if favourites:
            liked = select(ContentVariant.draft_id).where(
                ContentVariant.workspace_id == actor.workspace_id, ContentVariant.favourite.is_(True)
            )
            where.append(ContentDraft.id.in_(liked))
        order = ContentDraft.number if job_id is not None else ContentDraft.id.desc()
        found = rows.all(rows.select(ContentDraft, *where).order_by(order).offset(first).limit(size))
        return DraftPage(rows.count(ContentDraft, *where), tuple(_views(rows, found)))


def newest_draft(app: Application, actor: Actor) -> DraftView | None:
    """What this person asked for last, of no batch: what a page that is opened again shows."""
    actor.require(Permission.CONTENT_READ)
    mine = ContentDraft.by == actor.visitor[:80], ContentDraft.job_id.is_(None)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(ContentDraft, *mine).order_by(ContentDraft.id.desc()).limit(1))
        return _views(rows, found)[0] if found else None


def delete_draft(app: Application, actor: Actor, draft_id: int) -> None:
    """With its variants and their versions; one that is being written stops."""
    actor.require(Permission.CONTENT)
    with app.database.write(actor.workspace_id) as rows:
        ids = [row.id for row in rows.all(rows.select(ContentVariant, ContentVariant.draft_id == draft_id))]
        rows.delete(ContentVersion, ContentVersion.variant_id.in_(ids))
        drop_places(rows, [edit_place(number) for number in ids])
        rows.delete(ContentVariant, ContentVariant.draft_id == draft_id)
        if not rows.delete(ContentDraft, ContentDraft.id == draft_id):
            raise NotFound("not_found", what="draft", id=draft_id)


def edit_place(variant_id: int) -> str:
    """Where an edit of this variant waits that was not saved (see ``core.services.unsent``)."""
    return f"content/edit/{variant_id}."


def edit_variant(app: Application, actor: Actor, variant_id: int, text: str) -> VariantView:
    """Puts ``text`` in its place; what stood there becomes a version. Raises BadInput for nothing or too much."""
    actor.require(Permission.CONTENT)
    if not text.strip():
        raise BadInput("content.text_empty")
    if len(text) > LONGEST_TEXT:
        raise BadInput("content.text_long", length=len(text), limit=LONGEST_TEXT)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(ContentVariant, variant_id)
        if text != row.text:
            row.edits += 1
            rows.add(ContentVersion(variant_id=variant_id, number=row.edits, text=row.text))
            row.text = text
        return _variant(row)


def list_versions(app: Application, actor: Actor, variant_id: int) -> list[tuple[int, str]]:
    """``(number, text)`` of what a variant was before, the newest first; number 1 is what the model wrote."""
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(ContentVersion, ContentVersion.variant_id == variant_id)
        found = rows.all(mine.order_by(ContentVersion.number.desc()))
    return [(row.number, row.text) for row in found]


def restore_version(app: Application, actor: Actor, variant_id: int, number: int) -> VariantView:
    """Makes an earlier version the text again; the present one becomes a version. Raises NotFound."""
    actor.require(Permission.CONTENT)
    texts = dict(list_versions(app, actor, variant_id))
    if number not in texts:
        raise NotFound("not_found", what="version", id=number)
    return edit_variant(app, actor, variant_id, texts[number])


def rate(app: Application, actor: Actor, variant_id: int, rating: int) -> None:
    """-1, 0 or 1. Ratings of variants of one draft are preferences (see ``preference_rows``)."""
    actor.require(Permission.CONTENT)
    if rating not in (-1, 0, 1):
        raise BadInput("content.rating", rating=rating)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(ContentVariant, variant_id).rating = rating


def set_favourite(app: Application, actor: Actor, variant_id: int, favourite: bool) -> None:
    actor.require(Permission.CONTENT)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(ContentVariant, variant_id).favourite = favourite


def preference_rows(app: Application, actor: Actor) -> list[dict[str, Any]]:
    """A row for every pair of variants of one draft of which one was rated higher: prompt, chosen, rejected.

    The shape that preference training (DPO and the like) reads; an edited text stands for what its editor preferred.
    """
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        variants = rows.all(rows.select(ContentVariant).order_by(ContentVariant.draft_id, ContentVariant.number))
        rated = {row.draft_id for row in variants if row.rating or row.edits}
        drafts = {row.id: row for row in rows.all(rows.select(ContentDraft, ContentDraft.id.in_(rated)))}
    pairs = []
    for draft_id, draft in drafts.items():
        mine = [row for row in variants if row.draft_id == draft_id]
        said = {"template": draft.template, "model": draft.model, "prompt": _prompt(draft)}
        for better in mine:
            worse = [row.text for row in mine if row.rating < better.rating]
            worse += [better.written] if better.edits and better.rating >= 0 and better.written != better.text else []
            pairs += [{**said, "chosen": better.text, "rejected": text} for text in worse if text.strip()]
    return pairs


def _prompt(draft: ContentDraft) -> str:
    return "; ".join(f"{name}: {' '.join(str(value).split())}" for name, value in draft.values.items())


def preference_file(app: Application, actor: Actor) -> tuple[str, bytes]:
    """The preferences as JSONL. Raises BadInput while there are none."""
    actor.require(Permission.CONTENT_READ)
    pairs = preference_rows(app, actor)
    if not pairs:
        raise BadInput("content.no_preferences")
    lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    return "preferences.jsonl", lines.encode()


def _views(rows: Rows, drafts: Sequence[ContentDraft]) -> list[DraftView]:
    ids = [draft.id for draft in drafts]
    variants = rows.all(rows.select(ContentVariant, ContentVariant.draft_id.in_(ids)).order_by(ContentVariant.number))
    return [_view(draft, [row for row in variants if row.draft_id == draft.id]) for draft in drafts]


def _view(draft: ContentDraft, variants: Sequence[ContentVariant]) -> DraftView:
    state, error = draft.state, dict(draft.error)
    if state == "writing" and utc_now() - draft.alive_at > SILENT:
        state, error = "failed", {"code": "content.interrupted", "values": {}}
    return DraftView(
        id=draft.id, template=draft.template, title=draft.title, language=draft.language, model=draft.model,
        model_name=draft.model_name, values=dict(draft.values), settings=dict(draft.settings),
        sources=tuple(draft.sources), knowledge_base_id=draft.knowledge_base_id, voice_id=draft.voice_id, state=state,
        notes=tuple(draft.notes), error=error, created_at=draft.created_at,
        variants=tuple(_variant(row) for row in variants), number=draft.number,
    )  # fmt: skip


def _variant(row: ContentVariant) -> VariantView:
    return VariantView(
        row.id, row.draft_id, row.number, row.text, row.written, row.reason, row.tokens, row.favourite, row.rating,
        row.edits,
    )  # fmt: skip
