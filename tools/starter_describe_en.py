"""``tools.starters`` calls ``make``: attributes to a description."""

from __future__ import annotations

from pathlib import Path

from core.models.manifest import Manifest
from tools import starter_texts


def make(data: Path, work: Path, target: Path) -> Manifest:
    """Trains it from ``data`` in ``work`` and seals it in ``target``."""
    return starter_texts.make(starter_texts.DESCRIPTIONS, data, work, target)
