"""Which models can write here: the promoted one, starters, folders of the owner's, the configured chat model, and the
documents themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from core.access.actor import Actor, Permission
from core.content.templates import Abilities, Fit, Level, ModelKind, Template, fit
from core.db.studio_tables import ModelVersion
from core.db.tables import utc_now
from core.errors import NotFound, PilotlightError
from core.models import catalogue
from core.models.manifest import NAME, Manifest, read_manifest
from core.services.application import Application
from core.services.studio.registry import folder_of_version, serving

if TYPE_CHECKING:
    from core.models.generation.text_generation import TextGenerator

log = structlog.get_logger(__name__)

TASK = "generation"
DOCUMENTS, CONFIGURED = "documents", "configured"
Origin = Literal["own", "starter", "catalogue", "folder", "configured", "documents"]
_ORDER: dict[Level, int] = {"can": 0, "untested": 1, "cannot": 2}
_ORIGINS: dict[Origin, int] = {"own": 0, "configured": 1, "catalogue": 2, "starter": 3, "folder": 4, "documents": 5}
_GENERAL = ("continuation", "dialogue")  # what a language model of the catalogue does without having been taught it


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model that may write. ``key`` names it in requests; ``folder`` is None where nothing is loaded here."""

    key: str
    name: str
    origin: Origin
    abilities: Abilities
    folder: Path | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model and whether it can do the template that was asked about."""

    model: ModelView
    fit: Fit


def list_models(app: Application, actor: Actor) -> list[ModelView]:
    """All of them: what serves "generation", the configured chat model, starters, the owner's folders, documents."""
    actor.require(Permission.CONTENT_READ)
    found = [*_promoted(app, actor), *_configured(app)]
    found += _in_folder(catalogue.STARTERS, "starter")
    known = _in_catalogue(app)
    if app.settings.models_dir is not None:
        names = {one.name for one in known}
        found += [one for one in _in_folder(app.settings.models_dir, "folder") if one.name not in names]
    found += known
    return [*found, ModelView(DOCUMENTS, "", "documents", Abilities("documents"))]


def find_model(app: Application, actor: Actor, key: str) -> ModelView:
    """The model of that key; another version than the promoted one by ``own:<id>`` too. Raises NotFound."""
    actor.require(Permission.CONTENT_READ)
    models = list_models(app, actor)
    for one in models:
        if key in (one.key, one.key.partition(":")[2] or one.key):
            return one
    number = key.removeprefix("own:")
    if key.startswith("own:") and number.isdecimal():
        with app.database.read(actor.workspace_id) as rows:
            mine = ModelVersion.id == int(number), ModelVersion.deleted_at.is_(None)
            version = rows.find(ModelVersion, *mine, ModelVersion.kind == "language_model")
        if version is not None:
            return _own(version.id, folder_of_version(app, version))
    raise NotFound("content.model_unknown", name=key, known=", ".join(one.key for one in models))


def offers(
    app: Application,
    actor: Actor,
    template: Template,
    language: str,
    *,
    sources: bool,
    models: Sequence[ModelView] = (),
) -> list[Offer]:
    """Every model with what it can do of ``template``, the best to take first."""
    actor.require(Permission.CONTENT_READ)
    found = [
        Offer(one, fit(template, one.abilities, language, sources=sources)) for one in models or list_models(app, actor)
    ]

    def order(offer: Offer) -> tuple[int, int, int]:
        # Sentences of the documents are what a reply should be made of, where there are any.
        quoted = template.quotes and sources and offer.model.origin == "documents"
        return _ORDER[offer.fit.level], 0 if quoted else 1, _ORIGINS[offer.model.origin]

    return sorted(found, key=order)


def open_model(app: Application, model: ModelView) -> TextGenerator:
    """The language model, loaded once a process; one of the catalogue is downloaded first, where settings allow it.

    Raises Unavailable; NotFound for one that cannot be loaded here.
    """
    folder = model.folder
    if folder is None and model.origin == "catalogue":
        folder = catalogue.locate(catalogue.find_entry(model.name, "language_model"), app.settings).path
    if folder is None:
        raise NotFound("content.model_unknown", name=model.key, known="")

    def load(place: Path) -> TextGenerator:
        from core.models.generation.text_generation import open_generator

        cache = app.settings.data_dir / "models" / "converted"
        return open_generator(place, cache, device=app.settings.device, threads=app.settings.threads)

    return app.models.from_folder(folder, load)


def _promoted(app: Application, actor: Actor) -> list[ModelView]:
    """What serves this person today: the page must not change its model between two looks, and a canary must meet even
    a workspace of one now and then."""
    found = serving(app, actor.workspace_id, TASK, f"{actor.visitor} {utc_now():%Y-%m-%d}")
    return [_own(*found)] if found is not None else []


def _own(version_id: int, folder: Path) -> ModelView:
    manifest = _manifest(folder)
    return _from_manifest(f"own:{version_id}", "own", folder, manifest)


def _configured(app: Application) -> list[ModelView]:
    if app.settings.llm == "none":
        return []
    about = "endpoint" if app.settings.llm == "endpoint" else "local"
    return [ModelView(CONFIGURED, app.settings.llm_model, "configured", Abilities("chat"), about=about)]


def _in_catalogue(app: Application) -> list[ModelView]:
    """Its language models that are on this machine, and the others where downloads are allowed."""
    here = app.settings.model_copy(update={"allow_hub": False})
    found = []
    for entry in catalogue.CATALOGUE:
        if entry.task != "language_model":
            continue
        try:
            folder: Path | None = catalogue.locate(entry, here).path
        except PilotlightError:
            folder = None
        if folder is not None or app.settings.allow_hub:
            abilities = Abilities("continues", _GENERAL, entry.languages)
            found.append(ModelView(f"catalogue:{entry.name}", entry.name, "catalogue", abilities, folder))
    return found


def _in_folder(root: Path, origin: Origin) -> list[ModelView]:
    """Language models among the folders under ``root``: sealed ones, and those whose config names a causal LM."""
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []:
        manifest = _manifest(folder)
        if (manifest is not None and manifest.kind == "language_model") or (manifest is None and _is_causal(folder)):
            found.append(_from_manifest(f"{origin}:{folder.name}", origin, folder, manifest))
    return found


def _from_manifest(key: str, origin: Origin, folder: Path, manifest: Manifest | None) -> ModelView:
    facts = manifest.facts if manifest is not None else {}
    kind: ModelKind = "responds" if facts.get("marker") else "continues"
    abilities = Abilities(kind, tuple(facts.get("tasks", ())), tuple(facts.get("languages", ())))
    about = str(manifest.data.get("name", "")) if manifest is not None else ""
    return ModelView(key, manifest.name if manifest is not None else folder.name, origin, abilities, folder, about)


def _manifest(folder: Path) -> Manifest | None:
    if not (folder / NAME).is_file():
        return None
    try:
        return read_manifest(folder, verify=False)
    except PilotlightError as error:
        log.warning("model passed over", model=folder.name, code=error.code)
        return None


def _is_causal(folder: Path) -> bool:
    import json

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    names = config.get("architectures") or ()
    return isinstance(names, list) and any(str(name).endswith(("ForCausalLM", "LMHeadModel")) for name in names)
