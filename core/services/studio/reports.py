"""What is known of a version: its report, why it says what it says, and what it says of an input given now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.access.actor import Actor, Permission
from core.errors import BadInput
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.card import CARDS
from core.services.studio.views import LabelScore, ModelVersionView, Tried
from core.training.reports.report import Report, from_json

if TYPE_CHECKING:
    from core.models.classifiers.explain import RowExplanation, TextExplanation

MOST_INPUTS = 1000
SHOWN_LABELS = 5


def report_of(app: Application, actor: Actor, version_id: int) -> Report:
    """The report "Did it learn?". Raises NotFound, BadInput (studio.no_report) where the version has none."""
    actor.require(Permission.STUDIO_READ)
    stored = registry.version_report(app, actor, version_id)
    if "schema" not in stored:
        view = registry.get_version(app, actor, version_id)
        raise BadInput("studio.no_report", name=f"{view.name} {view.number}")
    return from_json(json.dumps(stored))


def report_html(app: Application, actor: Actor, version_id: int, language: str = "en") -> str:
    """The report as one HTML page. Raises NotFound, BadInput where the version has none."""
    actor.require(Permission.STUDIO_READ)
    from core.training.reports.html import to_html

    figures = registry.version_report(app, actor, version_id).get("figures")
    if isinstance(figures, Mapping):
        from core.services.studio.figures_html import figures_html

        view = registry.get_version(app, actor, version_id)
        return figures_html(f"{view.name} {view.number}", figures, view.metrics, language)
    return to_html(report_of(app, actor, version_id), language)


def report_json(app: Application, actor: Actor, version_id: int) -> str:
    """The same as JSON."""
    actor.require(Permission.STUDIO_READ)
    stored = registry.version_report(app, actor, version_id)
    if not stored:
        view = registry.get_version(app, actor, version_id)
        raise BadInput("studio.no_report", name=f"{view.name} {view.number}")
    return json.dumps(stored, ensure_ascii=False, indent=1, sort_keys=True)


def model_card(app: Application, actor: Actor, version_id: int) -> str:
    """The card that the run wrote, Markdown in the reader's language, else in English; "" where there is none."""
    actor.require(Permission.STUDIO_READ)
    folder = _folder(app, actor, version_id)[1]
    paths = (folder / name for name in (CARDS["zh" if actor.language == "zh" else "en"], CARDS["en"]))
    return next((path.read_text(encoding="utf-8") for path in paths if path.is_file()), "")


def _folder(app: Application, actor: Actor, version_id: int) -> tuple[ModelVersionView, Path]:
    view = registry.get_version(app, actor, version_id)
    return view, registry.folder_by_id(app, actor, version_id)


def explain_text(
    app: Application, actor: Actor, version_id: int, text: str, label: str | None = None
) -> TextExplanation:
    """What each word adds to ``label`` (None: the likeliest). Raises BadInput for a model that reads no text."""
    actor.require(Permission.STUDIO_READ)
    view, folder = _folder(app, actor, version_id)
    if view.kind == "text_classifier":
        from core.models.classifiers.explain_text import load_classifier_explainer
        from core.models.manifest import read_manifest

        number = _number(view, read_manifest(folder, verify=False).labels, label)
        key = f"explain:{folder}"
        explainer = app.models.once(
            key, lambda: load_classifier_explainer(folder, device=app.settings.device), size=2 * view.size_bytes
        )
        return explainer.explain(text, number)
    if view.kind == "lstm":
        from core.models.classifiers.explain import explain_lstm

        classifier = loaded_model(app, view, folder)
        return explain_lstm(classifier, text, _number(view, classifier.labels, label))
    raise BadInput("studio.explain_kind", kind=view.kind)


def explain_row(
    app: Application, actor: Actor, version_id: int, row: Mapping[str, Any], label: str | None = None
) -> RowExplanation:
    """What each column adds. Raises BadInput for a model that is not tabular."""
    actor.require(Permission.STUDIO_READ)
    from core.models.classifiers.explain import explain_row as explain

    view, folder = _folder(app, actor, version_id)
    if view.kind != "tabular":
        raise BadInput("studio.explain_kind", kind=view.kind)
    classifier = loaded_model(app, view, folder)
    return explain(classifier, row, _number(view, classifier.labels, label))


def _number(view: ModelVersionView, labels: Sequence[str], label: str | None) -> int | None:
    if label is None:
        return None
    if label not in labels:
        raise BadInput("studio.label_unknown", name=view.name, label=label, known=", ".join(labels[:50]))
    return list(labels).index(label)


def loaded_model(app: Application, view: ModelVersionView, folder: Path) -> Any:
    """The model of a version, loaded once a process and let go when memory is needed."""

    def load(place: Path) -> Any:
        if view.kind == "text_classifier":
            from core.models.classifiers.classifier import load_classifier

            return load_classifier(place, device=app.settings.device, threads=app.settings.threads)
        if view.kind in ("lstm", "tabular", "image"):
            from core.models.device import choose_device
            from core.models.networks.open import load_small

            return load_small(place, choose_device(app.settings.device))
        if view.kind == "language_model":
            from core.models.generation.text_generation import open_generator

            cache = app.settings.data_dir / "models" / "converted"
            return open_generator(place, cache, device=app.settings.device, threads=app.settings.threads)
        from core.models.pair_scorer import load_pair_scorer

        return load_pair_scorer(place, device=app.settings.device)

    return app.models.from_folder(folder, load)


def try_model(app: Application, actor: Actor, version_id: int, inputs: Sequence[Any], **settings: Any) -> list[Tried]:
    """What the version says of ``inputs``: texts, ``(text, text)`` pairs, rows of a table or ``(name, bytes)``
    pictures, as its kind has it. ``settings``: fields of ``core.models.generation.sampling.GenerationSettings`` for a
    language model. Raises BadInput."""
    actor.require(Permission.STUDIO_READ)
    view, folder = _folder(app, actor, version_id)
    if len(inputs) > MOST_INPUTS:
        raise BadInput("studio.too_many_inputs", count=len(inputs), limit=MOST_INPUTS)
    _check_inputs(view, inputs)
    model = loaded_model(app, view, folder)
    if view.kind == "language_model":
        return _written(model, inputs, settings)
    if view.kind in ("encoder", "sentence_pair"):
        pairs = [(str(first), str(second)) for first, second in inputs]
        return [
            Tried(input=f"{first} ↔ {second}", score=float(score))
            for (first, second), score in zip(pairs, model.scores(pairs), strict=True)
        ]
    predicted = model.predict_files(inputs) if view.kind == "image" else model.predict(inputs)
    return [_tried(view, one, predicted, place) for place, one in enumerate(inputs)]


_EXPECTED: Mapping[str, tuple[type, str]] = {
    "text_classifier": (str, "texts"),
    "lstm": (str, "texts"),
    "language_model": (str, "texts"),
    "tabular": (Mapping, "rows: column -> value"),
    "image": (tuple, "pictures: (name, bytes)"),
    "sentence_pair": (tuple, "pairs of texts"),
    "encoder": (tuple, "pairs of texts"),
}


def _check_inputs(view: ModelVersionView, inputs: Sequence[Any]) -> None:
    kind, expected = _EXPECTED.get(view.kind, (str, "-"))
    fits = all(isinstance(one, kind) and (not isinstance(one, tuple) or len(one) == 2) for one in inputs)
    if not inputs or not fits:
        raise BadInput("studio.try_kind", kind=view.kind, expected=expected)


def _tried(view: ModelVersionView, given: Any, predicted: Any, place: int) -> Tried:
    chances = predicted.probabilities[place]
    best = sorted(range(len(chances)), key=lambda number: -chances[number])[:SHOWN_LABELS]
    scores = tuple(LabelScore(predicted.labels[number], float(chances[number])) for number in best)
    given_labels = getattr(predicted, "chosen", None)
    names = [predicted.labels[predicted.classes[place]]]
    if given_labels is not None:
        names = [label for label, chosen in zip(predicted.labels, given_labels[place], strict=True) if chosen]
    shown = (
        given if isinstance(given, str) else str(given[0]) if view.kind == "image" else json.dumps(given, default=str)
    )
    return Tried(input=shown, label=", ".join(names), labels=scores)


def _shown(given: Any) -> str:
    """An input as a person recognises it; a picture by its name."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], bytes):
        return str(given[0])
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)


def _written(model: Any, prompts: Sequence[str], settings: Mapping[str, Any]) -> list[Tried]:
    from core.models.generation.sampling import GenerationSettings

    found = model.write(list(prompts), GenerationSettings(**settings))
    return [
        Tried(input=prompt, text=variant.text)
        for prompt, variants in zip(prompts, found, strict=True)
        for variant in variants
    ]
