"""The file that ``train --config`` reads: TOML or JSON, checked key by key before anything starts."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import BadInput

KEYS = ("recipe", "name", "data", "args", "tune")
DATA_KEYS = ("file", "name", "version", "task", "columns", "options", "validation", "test")


@dataclass(frozen=True, slots=True)
class DataChoice:
    """Rows to learn from: a data set by name (its newest version when ``version`` is 0), or made from ``file``.

    ``columns``: part -> column, guessed when empty. ``held_out``: files of validation and test rows.
    """

    name: str = ""
    version: int = 0
    file: Path | None = None
    task: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    held_out: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    recipe: str
    name: str
    data: DataChoice
    args: Mapping[str, Any]
    tune: Mapping[str, Any]


def read_config(path: Path) -> TrainConfig:
    """Raises BadInput (studio.config_*) for a file that cannot be read or says what nothing understands."""
    said = _parsed(path)
    _known(path, said, KEYS)
    recipe = _text(path, said, "recipe")
    return TrainConfig(
        recipe=recipe,
        name=str(said.get("name", "")),
        data=_data(path, said),
        args=_mapping(path, said, "args"),
        tune=_mapping(path, said, "tune"),
    )


def _parsed(path: Path) -> Mapping[str, Any]:
    kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text) if kind == "JSON" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadInput("studio.config_unreadable", name=path.name, format=kind, reason=str(error)) from error
    if not isinstance(found, dict):
        raise BadInput("studio.config_type", name=path.name, entry=path.name, expected="{...}")
    return found


def _data(path: Path, said: Mapping[str, Any]) -> DataChoice:
    data = said.get("data")
    if isinstance(data, str) and data:
        return DataChoice(name=data)
    if data is None:
        raise BadInput("studio.config_missing", name=path.name, entry="data")
    if not isinstance(data, dict):
        raise BadInput("studio.config_type", name=path.name, entry="data", expected="text | table")
    _known(path, data, DATA_KEYS)
    if "file" not in data and "name" not in data:
        raise BadInput("studio.config_missing", name=path.name, entry="data.file")
    version = data.get("version", 0)
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadInput("studio.config_type", name=path.name, entry="data.version", expected="1, 2, 3 ...")
    files = {key: path.parent / _text(path, data, key) for key in ("file", "validation", "test") if key in data}
    return DataChoice(
        name=str(data.get("name", "")),
        version=version,
        file=files.pop("file", None),
        task=str(data.get("task", "")),
        columns=_mapping(path, data, "columns"),
        options=_mapping(path, data, "options"),
        held_out=files,
    )


def _known(path: Path, said: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [key for key in said if key not in known]
    if unknown:
        raise BadInput("studio.config_keys", name=path.name, keys=", ".join(unknown), known=", ".join(known))


def _text(path: Path, said: Mapping[str, Any], key: str) -> str:
    if key not in said:
        raise BadInput("studio.config_missing", name=path.name, entry=key)
    if not isinstance(said[key], str) or not said[key]:
        raise BadInput("studio.config_type", name=path.name, entry=key, expected='"..."')
    return str(said[key])


def _mapping(path: Path, said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = said.get(key, {})
    if not isinstance(found, dict):
        raise BadInput("studio.config_type", name=path.name, entry=key, expected="{...}")
    return found
