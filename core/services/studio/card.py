"""The model card: one page in English beside the weights, written by the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from core.models.manifest import Manifest
from core.services.studio.learners.base import Judged
from core.training.reports.wording import sentence

CARD = "README.md"
_USES: Mapping[str, str] = {
    "text_classifier": "It sorts texts into the labels below.",
    "lstm": "It sorts texts into the labels below, with a small network and a vocabulary of its own.",
    "sentence_pair": "It scores how well two texts belong together.",
    "language_model": "It continues texts. What it writes may be wrong, and is not checked by it.",
    "tabular": "It sorts rows of a table into the labels below, with a calibrated probability.",
    "image": "It sorts small pictures into the labels below.",
    "encoder": "It turns texts into vectors.",
}


def model_card(manifest: Manifest, judged: Judged, *, splits: Mapping[str, int], run: int | None) -> str:
    """The card: use, data, licence, training, figures and limits. Holds no row of the data."""
    parts = [
        f"# {manifest.name}",
        _USES.get(manifest.kind, ""),
        *_labels(manifest),
        "## Data",
        _table(_data(manifest, splits)),
        "## Training",
        _table(_training(manifest, run)),
        "## Figures",
        *_figures(manifest, judged),
        "## Limits",
        *_limits(manifest, judged),
        "## Libraries",
        _table(dict(manifest.libraries)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _labels(manifest: Manifest) -> list[str]:
    if not manifest.labels:
        return []
    shown = ", ".join(f"`{_cell(label)}`" for label in manifest.labels[:100])
    more = f" and {len(manifest.labels) - 100} more" if len(manifest.labels) > 100 else ""
    return [f"Labels: {shown}{more}."]


def _data(manifest: Manifest, splits: Mapping[str, int]) -> dict[str, Any]:
    counts = {f"{name} rows": count for name, count in splits.items() if count}
    return {**{name: value for name, value in manifest.data.items() if name != "digest"}, **counts}


def _training(manifest: Manifest, run: int | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": manifest.kind, "started from": _without_path(manifest.base) or "random weights"}
    if run is not None:
        shown["run"] = run
    return {**shown, **{name: _without_path(value) for name, value in manifest.args.items() if value not in ("", None)}}


def _without_path(value: Any) -> Any:
    """A folder of the machine it was trained on by its last part: nobody else has the rest."""
    return PurePath(value).name if isinstance(value, str) and PurePath(value).is_absolute() else value


def _figures(manifest: Manifest, judged: Judged) -> list[str]:
    found = [_table({name: _figure(value) for name, value in manifest.metrics.items()})]
    if judged.report is not None:
        said = [sentence(judged.report.verdict, "en"), *(sentence(note, "en") for note in judged.report.notes)]
        found += ["\n".join(f"- {line}" for line in said)]
    return found


def _limits(manifest: Manifest, judged: Judged) -> list[str]:
    general = [
        "The figures hold for rows like those it was judged on; for others they may be lower.",
        "It knows nothing beyond its data, and repeats what is skewed in them.",
    ]
    if str(manifest.data.get("licence", "")) in ("", "not stated"):
        general.append("The licence of its data was not stated: find it out before the model leaves this machine.")
    return ["\n".join(f"- {line}" for line in (*judged.limits, *general))]


def _table(rows: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")[:300]
