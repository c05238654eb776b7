"""The training process's side of a run: opened, done, written down. One process does one job and ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import OperationalError

from core.db.studio_tables import TrainingRun
from core.db.tables import Job
from core.errors import Cancelled, NotFound, PilotlightError, Unavailable
from core.jobs.context import Interrupted, JobContext
from core.models.manifest import library_versions
from core.services.application import Application
from core.services.studio import recipes
from core.services.studio.places import run_folder
from core.services.studio.run_job import CANCELLED, DONE, FAILED, INTERRUPTED, RESERVE
from core.services.studio.watching import RunWatch

_SAID = 200  # characters of a fault's own words
LOCK = "lock"  # holds the number of the process that works on the run

log = structlog.get_logger(__name__)

Work = Callable[[Application, JobContext, TrainingRun, RunWatch], None]


def work_on(app: Application, job_id: int, stopping: Callable[[], bool]) -> int:
    """Does the job's run to its end; the exit code that tells the worker how it ended."""
    context = _context(app, job_id, stopping)
    run_id = int(context.arguments["run_id"])
    watch = RunWatch(context, run_id)
    code, error = DONE, {}
    try:
        with _alone(app, context, run_id), _plainly():
            _do(app, context, run_id, watch)
    except Cancelled:
        code = CANCELLED
    except Interrupted:
        code = INTERRUPTED
    except PilotlightError as known:
        code, error = FAILED, recipes.described(known)
    except Exception as unknown:
        log.error("run failed", run=run_id, exc_info=True)
        code, error = FAILED, {"code": "studio.run_failed", "values": {"reason": _named(unknown)}}
    _written_down(app, context, run_id, watch, error)
    return code


def _named(error: Exception) -> str:
    """What a person can look up or send on: the kind of the fault and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:_SAID]}" if said else type(error).__name__


def _written_down(
    app: Application, context: JobContext, run_id: int, watch: RunWatch, error: dict[str, object]
) -> None:
    """What the run still had to say, and why it failed; on a full disk in the space that was kept for it."""
    if error:
        folder = run_folder(app.settings, context.workspace_id, run_id)
        for path in (folder / RESERVE, *folder.glob("**/*.draft")):  # what a full disk left half-written
            path.unlink(missing_ok=True)
        with app.database.write(context.workspace_id) as rows:
            rows.update(TrainingRun, TrainingRun.id == run_id, error=error)
    watch.flush()


def _context(app: Application, job_id: int, stopping: Callable[[], bool]) -> JobContext:
    with app.database.system() as session:
        job = session.get(Job, job_id)
    if job is None:
        raise NotFound("not_found", what="job", id=job_id)
    return JobContext(app.database, job, stopping)


def _do(app: Application, context: JobContext, run_id: int, watch: RunWatch) -> None:
    with app.database.write(context.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        run.libraries = library_versions()
    watch.step("start", 0, 0)
    _work_for(run.recipe)(app, context, run, watch)


def _work_for(recipe: str) -> Work:
    """Imported here: each brings what only it needs."""
    if recipe == "compress":
        from core.services.studio.compress_work import compress

        return compress
    if recipe == "tune":
        from core.services.studio.tune_work import tune

        return tune
    from core.services.studio.train_work import train

    return train


@contextmanager
def _alone(app: Application, context: JobContext, run_id: int) -> Iterator[None]:
    """One process a run: one that outlived its worker by a moment is waited for. The lock goes with the process."""
    folder = run_folder(app.settings, context.workspace_id, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _plainly() -> Iterator[None]:
    """What a full disk and too little memory are called by those who meet them, as sentences."""
    try:
        yield
    except MemoryError as error:
        raise Unavailable("studio.out_of_memory") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable("studio.disk_full") from error
        raise
    except OperationalError as error:
        if "full" in str(error.orig):
            raise Unavailable("studio.disk_full") from error
        raise
