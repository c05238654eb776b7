"""The file that makes a folder of weights a model version: what it is, what made it, and checksums of its files.

It is written last and by rename, so a folder without it, or with a file that differs, is never a usable version.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from core.errors import Unavailable

NAME = "pilotlight.json"
LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "numpy", "scikit-learn", "onnxruntime", "ctranslate2")
Kind = Literal[
    "text_classifier", "sentence_pair", "encoder", "language_model", "lstm", "tabular", "image", "recommender"
]


@dataclass(frozen=True, slots=True)
class Manifest:
    """``kind``: which loader opens the folder. ``labels``: class names in the order of the outputs.

    ``base``: catalogue name or path of what was fine-tuned, "" when trained from scratch. ``args``: every argument of
    the run. ``data``: name, version, rows, licence of what it was trained on. ``metrics``: on the held-out split.
    ``facts``: whatever else the loader or the model card needs (languages, maximum tokens, feature names, limits).
    """

    kind: Kind
    name: str
    labels: tuple[str, ...] = ()
    base: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def library_versions() -> dict[str, str]:
    """Versions of the installed libraries that decide what training gives."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Seals ``folder``: checksums of all its files, then the manifest itself by rename. Returns what was written."""
    files = {str(path.relative_to(folder)): _sha256(path) for path in _files(folder)}
    sealed = Manifest(**{**_shallow(manifest), "libraries": manifest.libraries or library_versions(), "files": files})
    draft = folder / f"{NAME}.draft"
    draft.write_text(json.dumps(asdict(sealed), ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(draft, folder / NAME)
    return sealed


def read_manifest(folder: Path, *, verify: bool = True) -> Manifest:
    """The manifest of ``folder``. Raises Unavailable (models.no_manifest, models.damaged) when it cannot be trusted."""
    path = folder / NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(**{**data, "labels": tuple(data.get("labels", ()))})
    except FileNotFoundError as error:
        raise Unavailable("models.no_manifest", name=folder.name) from error
    except (json.JSONDecodeError, TypeError, UnicodeDecodeError) as error:
        raise Unavailable("models.damaged", name=folder.name, file=NAME) from error
    if verify:
        for name, digest in manifest.files.items():
            file = folder / name
            if not file.is_file() or _sha256(file) != digest:
                raise Unavailable("models.damaged", name=folder.name, file=name)
    return manifest


def _shallow(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in Manifest.__slots__}


def _files(folder: Path) -> list[Path]:
    skipped = {NAME, f"{NAME}.draft"}
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in skipped)
    return sorted(path for path in found if "checkpoints" not in path.relative_to(folder).parts)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
