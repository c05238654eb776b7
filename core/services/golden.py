"""Golden questions asked of an index version: what passes, what broke since, and the threshold that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog

from core.access.actor import Actor, Permission
from core.assistant.golden import judge
from core.db.tables import GoldenQuestion, GoldenResult, GoldenRun, KnowledgeBase
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, PilotlightError
from core.jobs.context import JobContext
from core.services import calibration
from core.services.application import Application
from core.services.golden_questions import delete_golden, golden_view, import_golden, list_golden, save_golden
from core.services.jobs import start_job
from core.services.ladder import Considered, consider, settle, threshold_of
from core.services.spoken import Clock
from core.services.views import GoldenLine, GoldenRunView
from core.types import Answer, Rung

__all__ = [
    "delete_golden",
    "gate_version",
    "golden_view",
    "import_golden",
    "latest_run",
    "list_golden",
    "list_runs",
    "recalibrate",
    "run_golden",
    "run_golden_job",
    "save_golden",
    "start_golden_run",
]

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]
THREADS = 2
RUNS_KEPT = 50
JOB = "golden"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A golden question and what the ladder made of it before the threshold; ``error`` is a code where it failed."""

    row: GoldenQuestion
    considered: Considered | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    row: GoldenQuestion
    passed: bool
    why: str
    answer: Answer | None


# --- runs --------------------------------------------------------------------------------------------------------


def run_golden(
    app: Application,
    who: Actor | int,
    kb_id: int,
    *,
    version_id: int | None = None,
    progress: Progress | None = None,
    calibrate: bool = False,
) -> GoldenRunView:
    """Asks every golden question of the live version (or of ``version_id``), stores the run and compares it with the last
    one of the live version. ``calibrate`` first learns the threshold from what was found (see :func:`recalibrate`).

    Raises BadInput when there are no golden questions or no such version.
    """
    workspace_id = _workspace(who)
    with app.database.read(workspace_id) as rows:
        base = rows.get(KnowledgeBase, kb_id)
        questions = _questions(rows, kb_id)
    if not questions:
        raise BadInput("chat.golden_none")
    target = version_id if version_id is not None else base.live_version
    asked = _ask_all(app, workspace_id, kb_id, questions, target, progress)
    learnt = calibration.learn(app, base, _cases(asked)) if calibrate else None
    if learnt is not None:
        calibration.keep(app, workspace_id, kb_id, learnt)
        with app.database.read(workspace_id) as rows:
            base = rows.get(KnowledgeBase, kb_id)
    judged = _judge_all(app, workspace_id, kb_id, asked, threshold_of(app, base))
    return _store(app, workspace_id, base, target, judged, calibration.report(app, base, _cases(asked)))


def gate_version(
    app: Application, workspace_id: int, kb_id: int, version_id: int, *, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Golden questions that pass on the live version and fail on ``version_id``: ``id``, ``question``, ``why``.

    The draft's run is stored. A question that the live version was never asked is asked now, if the draft fails it.
    """
    with app.database.read(workspace_id) as rows:
        base = rows.get(KnowledgeBase, kb_id)
        questions = _questions(rows, kb_id)
        before = _passed_before(rows, base)
    if not questions:
        return []
    asked = _ask_all(app, workspace_id, kb_id, questions, version_id, progress)
    threshold = threshold_of(app, base)
    judged = _judge_all(app, workspace_id, kb_id, asked, threshold)
    failed = [line for line in judged if not line.passed]
    unknown = [line.row for line in failed if line.row.id not in before]
    if base.live_version is not None and unknown:
        live = _ask_all(app, workspace_id, kb_id, unknown, base.live_version, None)
        before |= {line.row.id: line.passed for line in _judge_all(app, workspace_id, kb_id, live, threshold)}
    _store(app, workspace_id, base, version_id, judged, calibration.report(app, base, _cases(asked)))
    return [
        {"id": line.row.id, "question": line.row.question, "why": line.why} for line in failed if before.get(line.row.id)
    ]
