"""Which classifier judges sentiment: the workspace's promoted one, else the starter that ships."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core.access.actor import Actor, Permission
from core.db.tables import Workspace
from core.db.unit_of_work import Rows
from core.errors import BadInput, Unavailable
from core.models.catalogue import find_entry, locate
from core.models.manifest import read_manifest
from core.sentiment.polarity import CONFIDENT, Classifier
from core.services.application import Application
from core.services.schedule import own_workspace
from core.services.studio import registry

if TYPE_CHECKING:
    from core.models.classifiers.explain import TextExplanation, TransformerExplainer

STARTER = "pilotlight-sentiment"
TASK = "sentiment"
SETTINGS = "sentiment"
HANDOFF_AT = 0.65  # unless the owner sets another bound


@dataclass(frozen=True, slots=True)
class Judge:
    """``name`` as people know it; ``version_id`` of the studio, None for the starter; ``folder``: the whole model's."""

    name: str
    version_id: int | None
    folder: Path
    classifier: Classifier


@dataclass(frozen=True, slots=True)
class SentimentSettings:
    """What the owner sets. ``confident``: below this probability a text is uncertain. ``handoff_at``: rolling anger
    and urgency (0..1) from which a person is asked in; None for never."""

    confident: float = CONFIDENT
    handoff_at: float | None = HANDOFF_AT


def settings_of(workspace: Workspace) -> SentimentSettings:
    said: dict[str, Any] = dict(workspace.settings.get(SETTINGS) or {})
    return SentimentSettings(float(said.get("confident", CONFIDENT)), said.get("handoff_at", HANDOFF_AT))


def sentiment_settings(app: Application, actor: Actor) -> SentimentSettings:
    """What is in force in the workspace."""
    actor.require(Permission.SENTIMENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        return settings_of(own_workspace(rows))


def set_sentiment_settings(app: Application, actor: Actor, *, confident: float, handoff_at: float | None) -> None:
    """Stores both. Raises BadInput (sentiment.bound) for a bound that is no probability."""
    actor.require(Permission.WORKSPACE)
    for name, value in (("confident", confident), ("handoff_at", handoff_at)):
        if value is not None and not 0.0 <= value <= 1.0:
            raise BadInput("sentiment.bound", name=name, value=value)
    with app.database.write(actor.workspace_id) as rows:
        workspace = own_workspace(rows)
        stored = {"confident": float(confident), "handoff_at": handoff_at}
        workspace.settings = {**workspace.settings, SETTINGS: stored}


def own_settings(rows: Rows) -> SentimentSettings:
    """The same for services that stand in a unit of work already."""
    return settings_of(own_workspace(rows))


def open_judge(app: Application, workspace_id: int, key: str = "") -> Judge:
    """The classifier that serves the workspace, loaded once. ``key``: what decides who meets a canary.

    Raises Unavailable when neither a promoted model nor the starter can be had.
    """
    served = registry.serving(app, workspace_id, TASK, key)
    version_id, folder = served if served is not None else (None, starter_folder(app))
    kind = read_manifest(folder, verify=False)
    if kind.kind == "lstm":
        from core.models.networks.open import LstmClassifier, load_small

        small = cast(LstmClassifier, app.models.from_folder(folder, load_small))
        return Judge(kind.name, version_id, folder, small)
    from core.models.classifiers.classifier import load_classifier

    opened = app.models.whole_classifier(folder)
    load = partial(load_classifier, device=app.settings.device, threads=app.settings.threads)
    return Judge(kind.name, version_id, opened, app.models.from_folder(opened, load, factor=0.4))


def starter_folder(app: Application) -> Path:
    """Where the shipped classifier is. Raises Unavailable (sentiment.no_model) when it is not there."""
    try:
        return locate(find_entry(STARTER, "sentiment"), app.settings).path
    except Unavailable as error:
        raise Unavailable("sentiment.no_model", name=STARTER) from error


def explain(app: Application, judge: Judge, text: str, number: int) -> TextExplanation:
    """What each word of ``text`` adds to the classifier's label ``number``, by integrated gradients.

    Needs torch: the first call of a process takes seconds. Raises BadInput for a text without words.
    """
    if read_manifest(judge.folder, verify=False).kind == "lstm":
        from core.models.classifiers.explain import explain_lstm

        return explain_lstm(cast(Any, judge.classifier), text, number)
    from core.models.classifiers.explain_text import load_classifier_explainer

    def load() -> TransformerExplainer:
        return load_classifier_explainer(judge.folder, device=app.settings.device)

    size = sum(path.stat().st_size for path in judge.folder.rglob("*.safetensors"))
    return app.models.once(f"explain:{judge.folder.resolve()}", load, size=max(1, size)).explain(text, number)
