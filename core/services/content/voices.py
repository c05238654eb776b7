"""Voices: memories of the company's texts, made by a job for one model, and what they change, in figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.access.actor import Actor, Permission
from core.content.memory import Memory, learn, passing
from core.db.content_tables import ContentVoice
from core.db.tables import Document, Job, KnowledgeBase, Passage, utc_now
from core.db.unit_of_work import Rows
from core.documents.load import load
from core.errors import BadInput, PilotlightError
from core.jobs.context import JobContext
from core.jobs.worker import enqueue
from core.services import files
from core.services.application import Application
from core.services.content.models import find_model, open_model
from core.services.rows_file import read_rows, text_of
from core.services.views import Upload
from core.types import PassageRecord

if TYPE_CHECKING:
    from core.models.generation.text_generation import TextGenerator

KIND = "voice"
ROWS_OF = {"text": frozenset({"content", "body", "sentence", "review", "文本", "内容", "正文", "评论"})}
TABLES = (".csv", ".tsv", ".xlsx", ".jsonl", ".ndjson")
_TEXTS = "texts.json"


@dataclass(frozen=True, slots=True)
class VoiceView:
    """``figures``: fields of ``core.content.memory.Measured``, empty until it is ready. ``error``: of its job."""

    id: int
    name: str
    model: str
    state: str
    sources: dict[str, Any]
    figures: dict[str, Any]
    error: dict[str, Any]
    job_id: int | None
    created_at: datetime


def start_voice(
    app: Application,
    actor: Actor,
    name: str,
    model: str,
    *,
    knowledge_base_ids: Sequence[int] = (),
    uploads: Sequence[Upload] = (),
) -> int:
    """Queues the making of a voice for the model of that key; the voice's id.

    Raises BadInput without a name or a source and for a model whose states cannot be read, DocumentError for a file
    that cannot be stored.
    """
    actor.require(Permission.CONTENT)
    kept = " ".join(name.split())[:200]
    if not kept:
        raise BadInput("content.voice_name")
    if not knowledge_base_ids and not uploads:
        raise BadInput("content.voice_sources")
    chosen = find_model(app, actor, model)
    if chosen.abilities.kind not in ("continues", "responds"):
        raise BadInput("content.voice_model_kind", name=chosen.name or chosen.key)
    stored = []
    for upload in uploads:
        sha256, size = files.store(app.settings, upload)
        stored.append({"name": files.clean_name(upload.name), "sha256": sha256, "size": size})
    with app.database.write(actor.workspace_id) as rows:
        bases = [{"id": number, "name": rows.get(KnowledgeBase, number).name} for number in knowledge_base_ids]
        sources = {"knowledge_bases": bases, "files": stored}
        voice = rows.add(ContentVoice(name=kept, model=chosen.key, sources=sources))
        job = rows.add(Job(kind=KIND, arguments={"voice_id": voice.id}))
        voice.job_id = job.id
    enqueue(app.database, app.queue, actor.workspace_id, job.id)
    return voice.id


def run_voice(app: Application, context: JobContext) -> None:
    """Handler of ``voice`` jobs. A killed one starts over; the folder is written aside and renamed when whole."""
    voice_id = int(context.arguments["voice_id"])
    with context.database.write(context.workspace_id) as rows:
        voice = rows.get(ContentVoice, voice_id)
        if voice.state == "ready":
            return
        voice.state = "building"
    actor = Actor(context.workspace_id, "worker")
    folder = app.settings.data_dir / "voices" / str(context.workspace_id) / str(voice_id)
    try:
        context.progress("voice_texts", 0, 0, force=True)
        with context.database.read(context.workspace_id) as rows:
            texts = texts_of(app, rows, voice.sources)
        generator = open_model(app, find_model(app, actor, voice.model))
        memory, measured = learn(generator, texts, lambda done, total: context.progress("voice_reading", done, total))
        _keep(folder, memory, texts)
    except PilotlightError:
        with context.database.write(context.workspace_id) as rows:
            rows.update(ContentVoice, ContentVoice.id == voice_id, state="failed")
        raise
    figures = {**asdict(measured), "texts": len(texts)}
    with context.database.write(context.workspace_id) as rows:
        place = str(folder.resolve().relative_to(app.settings.data_dir.resolve()))
        rows.update(ContentVoice, ContentVoice.id == voice_id, state="ready", figures=figures, folder=place)
    context.finish(voice_id=voice_id, **figures)


def _keep(folder: Path, memory: Memory, texts: Sequence[str]) -> None:
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    memory.save(draft)
    (draft / _TEXTS).write_text(json.dumps(list(texts), ensure_ascii=False), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def texts_of(app: Application, rows: Rows, sources: dict[str, Any]) -> list[str]:
    """The passages of the knowledge bases and the texts of the files, in order."""
    texts: list[str] = []
    for base in sources.get("knowledge_bases", ()):
        mine = rows.columns(Passage, Passage.text, where=[Passage.knowledge_base_id == int(base["id"])])
        living = (Document.current_version_id == Passage.version_id) & Document.deleted_at.is_(None)
        texts += rows.session.scalars(mine.join(Document, living).order_by(Passage.id))
    for file in sources.get("files", ()):
        with files.original(app.settings, str(file["sha256"])) as path:
            texts += texts_of_file(app, str(file["name"]), path)
    return texts


def texts_of_file(app: Application, name: str, path: Path) -> list[str]:
    """A text a row of the column "text" of a table, a paragraph each of any other document. Raises BadInput."""
    if name.lower().endswith(TABLES):
        rows = read_rows(app.settings, Upload(name, path=path), ROWS_OF, "text")
        return [text for _, values in rows if (text := text_of(values, "text"))]
    text = load(path, name).text
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def list_voices(app: Application, actor: Actor) -> list[VoiceView]:
    """The newest first."""
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(ContentVoice, ContentVoice.deleted_at.is_(None)).order_by(ContentVoice.id.desc()))
        jobs = {job.id: job for job in rows.all(rows.select(Job, Job.id.in_([one.job_id for one in found])))}
    views = []
    for one in found:
        job = jobs.get(one.job_id or 0)
        # A job that was cancelled, or given up on, does not get to mark its voice.
        ended = job is not None and job.state in ("failed", "cancelled") and one.state != "ready"
        state, error = ("failed", job.error if job else {}) if ended else (one.state, {})
        views.append(
            VoiceView(
                one.id, one.name, one.model, state, one.sources, one.figures, dict(error), one.job_id, one.created_at
            )
        )
    return views


def get_voice(app: Application, actor: Actor, voice_id: int) -> ContentVoice:
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        return rows.get(ContentVoice, voice_id)


def delete_voice(app: Application, actor: Actor, voice_id: int) -> None:
    """Removes the memory and its copy of the texts; drafts that were written with it stay."""
    actor.require(Permission.CONTENT)
    with app.database.write(actor.workspace_id) as rows:
        voice = rows.get(ContentVoice, voice_id)
        voice.deleted_at, voice.state = utc_now(), "failed"
        place = voice.folder
    app.models.evict(f"voice:{voice_id}")
    for key in [key for key in app.caches if key.startswith("content.corpus:") and key.endswith(f":{voice_id}")]:
        app.caches.pop(key, None)
    if place:
        shutil.rmtree(app.settings.data_dir / place, ignore_errors=True)


def open_voice(app: Application, actor: Actor, voice_id: int, generator: TextGenerator) -> Memory:
    """The memory of a ready voice, loaded once a process. Raises Unavailable content.voice_damaged."""
    actor.require(Permission.CONTENT)
    voice = get_voice(app, actor, voice_id)
    folder = app.settings.data_dir / voice.folder
    size = max(1, sum(path.stat().st_size for path in folder.glob("*"))) if folder.is_dir() else 1
    return app.models.once(f"voice:{voice_id}", lambda: Memory.load(folder), size=size)


def voice_texts(app: Application, actor: Actor, voice_id: int) -> list[str]:
    """The texts that a ready voice was made of; [] where they are gone."""
    actor.require(Permission.CONTENT_READ)
    path = app.settings.data_dir / get_voice(app, actor, voice_id).folder / _TEXTS
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []


def of_passages(generator: TextGenerator, passages: Sequence[PassageRecord]) -> Memory:
    """What a few passages say, for one draft."""
    return passing([passage.text for passage in passages], generator)
