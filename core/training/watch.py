"""What a training run tells the outside while it works, and how the outside stops it."""

from __future__ import annotations

import time
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


class Watch(Protocol):
    """Handed to every trainer. Each call may raise ``core.errors.Cancelled`` or ``core.jobs.context.Interrupted``."""

    def check(self) -> None:
        """Raises when the run shall stop. Cheap; called at least once a batch."""
        ...

    def step(self, stage: str, done: int, total: int) -> None:
        """Where the run stands: ``done`` of ``total`` optimiser steps (or rows) of ``stage``."""
        ...

    def point(self, step: int, **values: float) -> None:
        """One point of the live curves, e.g. ``loss``, ``learning_rate``, ``validation_accuracy``, at ``step``."""
        ...

    def sample(self, step: int, text: str) -> None:
        """A text the model wrote at ``step``, as it came."""
        ...

    def say(self, line: str) -> None:
        """One line for the run's log. Never a row of the data."""
        ...


class Quiet:
    """A watch that only logs; for the command line, benchmarks and tests."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._last = every, 0.0

    def check(self) -> None:
        return None

    def step(self, stage: str, done: int, total: int) -> None:
        if time.monotonic() - self._last > self._every:
            self._last = time.monotonic()
            log.info("training", stage=stage, done=done, total=total)

    def point(self, step: int, **values: float) -> None:
        log.debug("training point", step=step, **values)

    def sample(self, step: int, text: str) -> None:
        log.debug("training sample", step=step, characters=len(text))

    def say(self, line: str) -> None:
        log.info(line)
