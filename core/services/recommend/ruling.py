"""Business rules of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.db.unit_of_work import Rows
from core.recommend.data import Bools, Floats
from core.services.application import Application
from core.services.recommend.scoring import ordered
from core.services.recommend.snapshot import Snapshot


def choose(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, specs: Sequence[Mapping[str, Any]], scores: Floats,
    allowed: Bools, k: int,
) -> Sequence[int]:  # fmt: skip
    return ordered(scores, allowed, k)
