"""Smaller variants of a model version, measured beside it in one run, and registered with their parity gate."""

from __future__ import annotations

from collections.abc import Sequence

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio.views import VariantView

KIND = "compress"
LIMIT = 0.01  # share of accuracy a variant may lose


def variants_for(app: Application, actor: Actor, version_id: int) -> tuple[str, ...]:
    """Variants that can be made of this version, e.g. onnx-int8, dynamic-int8, pruned, distilled."""
    raise NotImplementedError


def start_compression(
    app: Application, actor: Actor, version_id: int, *, variants: Sequence[str] = (), limit: float = LIMIT
) -> int:
    """Queues it; the id of its run (recipe "compress"). Raises BadInput, NotFound."""
    raise NotImplementedError


def compression_table(app: Application, actor: Actor, run_id: int) -> list[VariantView]:
    """The original and its variants as far as they are measured."""
    raise NotImplementedError
