"""Drafts as files, and as data sets of the studio."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.access.actor import Actor, Permission
from core.content.export import Exported, export
from core.db.content_tables import ContentVoice
from core.errors import BadInput
from core.services.application import Application
from core.services.content import voices
from core.services.content.checking import claims
from core.services.content.drafts import get_draft, list_drafts
from core.services.content.views import DraftView, VariantView
from core.services.studio.data_sets import start_data_set
from core.services.views import Upload
from core.text.catalogue import translate

MOST = 5000  # drafts in one file


def export_drafts(
    app: Application, actor: Actor, draft_ids: Sequence[int], format: str, *, favourites: bool = False
) -> tuple[str, bytes]:
    """Name and bytes of a file with the texts of these drafts; only the favourites, where asked.

    Raises BadInput content.export_nothing, content.export_format.
    """
    actor.require(Permission.CONTENT_READ)
    drafts = [get_draft(app, actor, number) for number in draft_ids[:MOST]]
    return _file(actor, [(d, v) for d in drafts for v in d.variants if v.favourite or not favourites], format)


def export_job(app: Application, actor: Actor, job_id: int, format: str) -> tuple[str, bytes]:
    """All texts of a batch, in the order of its briefs."""
    actor.require(Permission.CONTENT_READ)
    drafts = list_drafts(app, actor, job_id=job_id, size=MOST).drafts
    return _file(actor, [(draft, one) for draft in drafts for one in draft.variants], format)


def file_name(format: str) -> str:
    """What such a file is called."""
    return f"pilotlight-texts.{format}"


def _file(actor: Actor, texts: Sequence[tuple[DraftView, VariantView]], format: str) -> tuple[str, bytes]:
    exported = [
        Exported(draft.title, one.text, _facts(actor, draft, one), draft.created_at)
        for draft, one in texts
        if one.text.strip()
    ]
    return file_name(format), export(exported, format)


def _facts(actor: Actor, draft: DraftView, one: VariantView) -> dict[str, str]:
    told = {
        "template": draft.template, "variant": str(one.number), "model": draft.model_name or draft.model,
        "seed": str(draft.settings.get("seed", "")), "rating": f"{one.rating:+d}" if one.rating else "",
        "edited": str(one.edits) if one.edits else "",
        "unsupported": "; ".join(claim.text.strip() for claim in claims(draft, one.text)),
    }  # fmt: skip
    return {translate(actor.language, f"content.facts.{name}"): value for name, value in told.items() if value}


def fine_tune(app: Application, actor: Actor, voice_id: int) -> int:
    """Queues a data set of a voice's texts, to fine-tune a language model on in the studio; the job's id."""
    actor.require(Permission.STUDIO)
    texts = voices.voice_texts(app, actor, voice_id)
    with app.database.read(actor.workspace_id) as rows:
        voice = rows.get(ContentVoice, voice_id)
        texts = texts or voices.texts_of(app, rows, voice.sources)
    if not texts:
        raise BadInput("content.voice_sources")
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    return start_data_set(
        app, actor, voice.name, "language_model", Upload("texts.jsonl", lines.encode()), {"text": "text"}
    )
