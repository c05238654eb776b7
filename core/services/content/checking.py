"""The checks beside a draft: the owner's rules for the brand, and what the workspace's own data says of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.access.actor import Actor, Permission
from core.content import checks
from core.content.checks import LIMITS, Corpus, Finding
from core.db.studio_tables import DataSetVersion, ModelVersion, TrainingRun
from core.errors import BadInput, PilotlightError
from core.services.application import Application
from core.services.content import voices
from core.services.content.facts import Claim, unsupported
from core.services.content.templates import get_template
from core.services.content.tone import open_tone
from core.services.content.views import DraftView
from core.services.schedule import own_workspace
from core.services.studio.data_sets import stored_folder
from core.services.studio.rows_at_rest import read_rows

KEY = "content"  # of the workspace's settings
MOST_BANNED, MOST_TEXTS = 500, 20_000


def brand(app: Application, actor: Actor) -> dict[str, Any]:
    """``banned`` (a list of words) and ``limits`` (channel -> characters, 0 for none)."""
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        stored: Mapping[str, Any] = own_workspace(rows).settings.get(KEY) or {}
    return {"banned": list(stored.get("banned", ())), "limits": {**LIMITS, **stored.get("limits", {})}}


def save_brand(app: Application, actor: Actor, *, banned: Sequence[str], limits: Mapping[str, int]) -> None:
    """Raises BadInput for a limit that is none."""
    actor.require(Permission.CONTENT)
    words = list(dict.fromkeys(word.strip()[:100] for word in banned if word.strip()))[:MOST_BANNED]
    for value in limits.values():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100_000:
            raise BadInput("content.brand_limit", value=str(value))
    with app.database.write(actor.workspace_id) as rows:
        workspace = own_workspace(rows)
        kept = {"banned": words, "limits": {name: limits[name] for name in LIMITS if name in limits}}
        workspace.settings = {**workspace.settings, KEY: kept}


def check(app: Application, actor: Actor, draft: DraftView, text: str, *, tone: bool = True) -> list[Finding]:
    """All checks of one text of a draft, in the order in which a page shows them; without ``tone`` no model runs."""
    actor.require(Permission.CONTENT_READ)
    rules = brand(app, actor)
    try:
        channel = get_template(app, actor, draft.template, "zh" if draft.language == "zh" else "en").channel
    except PilotlightError:  # its template was deleted
        channel = ""
    found = [
        checks.check_length(text, int(rules["limits"].get(channel, 0))),
        checks.check_banned(text, rules["banned"]),
        checks.check_repetition(text),
        checks.check_readability(text),
    ]
    corpus = _corpus(app, actor, draft)
    if corpus:
        quotes = _quotes(text, [str(one["text"]) for one in draft.sources])
        found.append(checks.check_copy(text, corpus, quotes))
    heard = open_tone(app, actor.workspace_id) if tone and text.strip() else None
    if heard is not None:
        found.append(checks.check_tone(text, heard))
    return found


def claims(draft: DraftView, text: str) -> list[Claim]:
    """Claims that neither the passages nor the brief hold; [] where the draft was not built from sources."""
    if not draft.sources:
        return []
    said = [f"{one['document']}\n{one['text']}" for one in draft.sources]
    return unsupported(text, [*said, *(str(value) for value in draft.values.values())])


def _quotes(text: str, sources: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of ``text`` that stand in the chosen sources: to be quoted is what they are for."""
    return Corpus(sources).copied(text) if sources else []


def _corpus(app: Application, actor: Actor, draft: DraftView) -> Corpus:
    """What the draft's model and voice learnt from, as far as this workspace has it; cut once a process."""
    key = f"content.corpus:{actor.workspace_id}:{draft.model}:{draft.voice_id or 0}"
    known = app.caches.get(key)
    if known is None:
        known = app.caches[key] = Corpus(_learnt_from(app, actor, draft))
    return known


def _learnt_from(app: Application, actor: Actor, draft: DraftView) -> list[str]:
    texts: list[str] = []
    if draft.voice_id is not None:
        texts += voices.voice_texts(app, actor, draft.voice_id)
    if draft.model.startswith("own:"):
        texts += _training_texts(app, actor, int(draft.model.removeprefix("own:")))
    return texts[:MOST_TEXTS]


def _training_texts(app: Application, actor: Actor, version_id: int) -> list[str]:
    with app.database.read(actor.workspace_id) as rows:
        version = rows.find(ModelVersion, ModelVersion.id == version_id)
        run = rows.find(TrainingRun, TrainingRun.id == version.run_id) if version and version.run_id else None
        data = rows.find(DataSetVersion, DataSetVersion.id == run.data_set_version_id) if run else None
    if data is None or not data.digest:
        return []
    folder = stored_folder(app, actor.workspace_id, data.digest)
    try:
        return [str(row.get("text") or row.get("response") or "") for row in read_rows(app.settings, folder, "train")]
    except PilotlightError:  # the files are gone: nothing can be compared
        return []
