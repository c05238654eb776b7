"""The model card: a page in each of our languages beside the weights, written by the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from core.models.manifest import Manifest
from core.services.studio.learners.base import Judged, Limit
from core.services.studio.recipe_book import RECIPES
from core.services.studio.recipes import NEVER_SHOWN, get_recipe
from core.text.catalogue import catalogue, translate
from core.training.reports.wording import sentence
from core.types import Language

CARDS: Mapping[Language, str] = {"en": "README.md", "zh": "README.zh.md"}
_NAMED = 100  # labels listed by name
_DATA = ("name", "version", "rows", "source", "licence")
_SPLITS = ("test", "validation")


def write_cards(
    folder: Path, manifest: Manifest, judged: Judged, *, splits: Mapping[str, int], run: int | None
) -> None:
    """Raises OSError."""
    for language, name in CARDS.items():
        card = model_card(manifest, judged, language, splits=splits, run=run)
        (folder / name).write_text(card, encoding="utf-8")


def model_card(
    manifest: Manifest, judged: Judged, language: Language, *, splits: Mapping[str, int], run: int | None
) -> str:
    """The card: use, data, licence, training, figures and limits. Holds no row of the data."""
    parts = [
        f"# {manifest.name}",
        catalogue(language).get(f"card.uses.{manifest.kind}", ""),
        _labels(manifest, language),
        _head("data", language),
        _table(_data(manifest, splits, language)),
        _head("training", language),
        _table(_training(manifest, run, language)),
        translate(language, "card.all_arguments"),
        _head("figures", language),
        *_figures(manifest, judged, language),
        _head("limits", language),
        _list(translate(language, f"card.limit.{one.key}", **one.values) for one in _limits(manifest, judged)),
        _head("libraries", language),
        _table(dict(manifest.libraries)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(section: str, language: Language) -> str:
    return f"## {translate(language, f'card.section.{section}')}"


def _labels(manifest: Manifest, language: Language) -> str:
    if not manifest.labels:
        return ""
    shown = ", ".join(f"`{_cell(label)}`" for label in manifest.labels[:_NAMED])
    if len(manifest.labels) <= _NAMED:
        return translate(language, "card.labels", labels=shown)
    return translate(language, "card.labels_more", labels=shown, more=len(manifest.labels) - _NAMED)


def _data(manifest: Manifest, splits: Mapping[str, int], language: Language) -> dict[str, Any]:
    said = {name: manifest.data[name] for name in _DATA if manifest.data.get(name) not in (None, "")}
    if "licence" in said and _no_licence(manifest):
        said["licence"] = translate(language, "card.data.not_stated")
    more = {name: value for name, value in manifest.data.items() if name not in (*_DATA, "digest")}
    named = {translate(language, f"card.data.{name}"): value for name, value in said.items()}
    words = catalogue(language)
    counts = {words.get(f"card.split.{name}", name): count for name, count in splits.items() if count}
    return {**named, **more, **counts}


def _training(manifest: Manifest, run: int | None, language: Language) -> dict[str, Any]:
    words = catalogue(language)
    base = _without_path(manifest.base) or words["card.training.random"]
    kind = words.get(f"studio.kinds.{manifest.kind}", manifest.kind)
    shown: dict[str, Any] = {words["card.training.kind"]: kind, words["card.training.base"]: base}
    if run is not None:
        shown[words["card.training.run"]] = run
    for name, value in _told(manifest).items():
        label = words.get(f"recipes.args.{name}.label")
        shown[f"{label} ({name})" if label else name] = _without_path(value)
    return shown


def _told(manifest: Manifest) -> dict[str, Any]:
    """The arguments that everybody sets and those that are not as they come."""
    given = {name: value for name, value in manifest.args.items() if value not in ("", None)}
    recipe = next((recipe.name for recipe in RECIPES if recipe.kind == manifest.kind), "")
    if not recipe:
        return {name: value for name, value in given.items() if name not in NEVER_SHOWN}
    form = get_recipe(recipe)
    known = [one for one in form.arguments if one.name in given and one.name != form.base]
    return {one.name: given[one.name] for one in known if not one.advanced or given[one.name] != one.default}


def _without_path(value: Any) -> Any:
    """A folder of the machine it was trained on by its last part: nobody else has the rest."""
    return PurePath(value).name if isinstance(value, str) and PurePath(value).is_absolute() else value


def _figures(manifest: Manifest, judged: Judged, language: Language) -> list[str]:
    found = [_table({_measure(name, manifest, language): _figure(one) for name, one in manifest.metrics.items()})]
    if judged.report is not None:
        said = [sentence(judged.report.verdict, language), *(sentence(one, language) for one in judged.report.notes)]
        found.append(_list(said))
    return found


def _measure(name: str, manifest: Manifest, language: Language) -> str:
    """A measure and the rows it is of; what a trainer measured itself is of the validation rows."""
    split = next((one for one in _SPLITS if name.startswith(f"{one}_")), "")
    plain, words = name.removeprefix(f"{split}_"), catalogue(language)
    if not split and f"test_{plain}" in manifest.metrics:
        split = "validation"
    keys = (f"report.measure.{plain}", f"studio.metric.{plain}", f"figures.measures.{plain}")
    named = next((words[key] for key in keys if key in words), plain)
    return translate(language, f"card.figure.{split}", measure=named) if split else named


def _limits(manifest: Manifest, judged: Judged) -> list[Limit]:
    general = [Limit("alike"), Limit("skewed")]
    return [*judged.limits, *general, *([Limit("licence")] if _no_licence(manifest) else [])]


def _no_licence(manifest: Manifest) -> bool:
    return str(manifest.data.get("licence", "")) in ("", "not stated")


def _list(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(rows: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")[:300]
