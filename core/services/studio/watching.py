"""What a run says, written to the database as it says it: curves, samples, a log, how far it is."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from core.db.studio_tables import RunEvent
from core.db.tables import utc_now
from core.jobs.context import JobContext

FLUSH_EVERY = 0.5  # seconds between writes: a page asks once a second
LONGEST = 2000  # characters of a sample or a line
MOST_WAITING = 200  # events kept back at most


class RunWatch:
    """The ``core.training.watch.Watch`` of a run in the database.

    Stopping is the job's: every call may raise Cancelled or Interrupted. What was said before is written first.
    """

    def __init__(self, context: JobContext, run_id: int) -> None:
        self._context, self._run_id = context, run_id
        self._waiting: list[RunEvent] = []
        self._written = 0.0

    def check(self) -> None:
        self._context.check()

    def step(self, stage: str, done: int, total: int) -> None:
        self._context.progress(stage[:40], done, total)
        self._flush_sometimes()

    def point(self, step: int, **values: float) -> None:
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        if finite:
            self._add("point", step, finite)

    def sample(self, step: int, text: str) -> None:
        self._add("sample", step, {"text": text[:LONGEST]})

    def say(self, line: str) -> None:
        self._add("log", 0, {"text": line[:LONGEST]})

    def _add(self, kind: str, step: int, data: Mapping[str, object]) -> None:
        self._waiting.append(RunEvent(run_id=self._run_id, kind=kind, step=step, data=dict(data), at=utc_now()))
        self._flush_sometimes()

    def _flush_sometimes(self) -> None:
        if len(self._waiting) >= MOST_WAITING or time.monotonic() - self._written > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Writes what waits. Called at the end of a run, however it ends."""
        self._written = time.monotonic()
        if not self._waiting:
            return
        with self._context.database.write(self._context.workspace_id) as rows:
            rows.add_all(self._waiting)
        self._waiting = []
