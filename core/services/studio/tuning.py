"""Search for better arguments with Optuna: each trial a short training, kept with its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio.views import TuningView

KIND = "tune"


def start_tuning(
    app: Application,
    actor: Actor,
    recipe: str,
    data_set_version_id: int,
    args: Mapping[str, Any],
    *,
    space: Mapping[str, Any] | None = None,
    sampler: str = "tpe",
    trials: int = 20,
    seconds: float = 1800.0,
    name: str = "",
) -> int:
    """Queues a search; the id of its run (recipe "tune"). ``space``: argument -> its search range, the recipe's own
    where not given; ``sampler``: tpe, random or grid. Raises BadInput, NotFound."""
    raise NotImplementedError


def tuning_result(app: Application, actor: Actor, run_id: int) -> TuningView:
    """The trials so far. Raises NotFound."""
    raise NotImplementedError
