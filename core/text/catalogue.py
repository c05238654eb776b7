"""The sentences people read, one folder of JSON a language under ``core/locales``.

A key is ``<file>.<path.inside.file>``; values are ``str.format`` templates. English and Chinese hold the same keys
with the same placeholders (tested).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
FOLDER = Path(__file__).resolve().parent.parent / "locales"


def _flatten(prefix: str, node: Any, into: dict[str, str]) -> None:
    if isinstance(node, dict):
        for name, child in node.items():
            _flatten(f"{prefix}.{name}", child, into)
    else:
        into[prefix] = str(node)


@cache
def catalogue(language: str) -> dict[str, str]:
    """All keys of one language. Raises KeyError for a language that has no folder."""
    if language not in LANGUAGES:
        raise KeyError(f"no catalogue for language {language!r}; there are {', '.join(LANGUAGES)}")
    keys: dict[str, str] = {}
    for file in sorted((FOLDER / language).glob("*.json")):
        _flatten(file.stem, json.loads(file.read_text(encoding="utf-8")), keys)
    return keys


def translate(language: str, key: str, **values: Any) -> str:
    """The sentence for ``key``. A key that is missing raises KeyError: parity is tested, so it is a bug."""
    return catalogue(language)[key].format(**values)
