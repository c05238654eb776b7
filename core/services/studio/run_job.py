"""The worker's side of a training run: a process of its own, so that its memory comes back when it ends.

The process writes what it finds to the database and says by its exit code how it ended. It dies with the worker: its
standard input is a pipe that only the worker holds open. One that was killed from outside is started again, from its
last checkpoint, as long as each start got further than the one before.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from core.db.studio_tables import TrainingRun
from core.db.tables import Job, utc_now
from core.errors import Cancelled, PilotlightError, Unavailable
from core.jobs.context import Interrupted, JobContext
from core.services import quota
from core.services.application import Application
from core.services.studio.places import run_folder
from core.services.studio.views import EstimateView
from core.settings import PREFIX, Settings

log = structlog.get_logger(__name__)

ROOT = Path(__file__).resolve().parents[3]
DONE, FAILED, CANCELLED, INTERRUPTED = 0, 70, 71, 72  # exit codes of the process
GRACE = 10.0  # seconds to stop by itself, with a checkpoint, before it is killed
POLL = 0.2
PROBE = 300.0  # seconds an estimate may take
LOG = "process.log"
RESERVE = "reserve"
RESERVE_BYTES = 256 << 10
MOST_DEATHS = 3


def run_training(app: Application, context: JobContext) -> None:
    """Handler of ``train``, ``tune`` and ``compress`` jobs: the run's process, from its start to its honest end."""
    run_id = int(context.arguments["run_id"])
    _mark(app, context, run_id, state="running", error={}, finished_at=None)
    reserve = run_folder(app.settings, context.workspace_id, run_id) / RESERVE
    try:
        keep_reserve(reserve)
        with quota.training_time(app, context):
            _until_it_ends(app, context, run_id)
    except Interrupted:
        _mark(app, context, run_id, state="queued")
        with app.database.write(context.workspace_id) as rows:  # a worker that was stopped did not die of this run
            rows.update(Job, Job.id == context.job_id, attempts=0)
        raise
    except Cancelled:
        _mark(app, context, run_id, state="cancelled", finished_at=utc_now())
        raise
    except PilotlightError as error:
        reserve.unlink(missing_ok=True)
        said = {"code": error.code, "values": error.values}
        _mark(app, context, run_id, state="failed", error=said, finished_at=utc_now())
        raise
    except Exception as error:
        reserve.unlink(missing_ok=True)
        said = {"code": "job_failed", "values": {"reason": type(error).__name__}}
        _mark(app, context, run_id, state="failed", error=said, finished_at=utc_now())
        raise
    reserve.unlink(missing_ok=True)
    _mark(app, context, run_id, state="done", finished_at=utc_now())
    context.finish(run_id=run_id)


def keep_reserve(path: Path) -> None:
    """Some space that is given back when the disk is full, so that the database beside it can still say so.

    Raises Unavailable (studio.disk_full) when there is not even that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as file:
            file.write(bytes(RESERVE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable("studio.disk_full") from error
        raise


def _mark(app: Application, context: JobContext, run_id: int, **values: object) -> None:
    with app.database.write(context.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        for name, value in values.items():
            setattr(run, name, value)
        if run.started_at is None:
            run.started_at = utc_now()


def _until_it_ends(app: Application, context: JobContext, run_id: int) -> None:
    folder = run_folder(app.settings, context.workspace_id, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    deaths = 0
    while True:
        reached = _furthest(folder)
        code = _one_process(app, context, folder)
        if code == DONE:
            return
        if code == CANCELLED:
            raise Cancelled("cancelled")
        if code == INTERRUPTED:
            raise Interrupted
        if code == FAILED:
            raise _recorded(app, context, run_id)
        deaths += 1
        log.warning("training process died", run=run_id, code=code, deaths=deaths)
        if deaths >= MOST_DEATHS or _furthest(folder) <= reached:
            said = "studio.process_died" if code < 0 else "studio.process_failed"
            raise Unavailable(said, signal=_name_of(code), log=str(folder.relative_to(app.settings.data_dir) / LOG))


def _furthest(folder: Path) -> float:
    """When the newest checkpoint was written; 0 before the first."""
    return max((path.stat().st_mtime for path in folder.glob("**/checkpoints/**/*") if path.is_file()), default=0.0)


def _name_of(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _recorded(app: Application, context: JobContext, run_id: int) -> PilotlightError:
    """The error as the process wrote it down."""
    with app.database.read(context.workspace_id) as rows:
        error = rows.get(TrainingRun, run_id).error
    return PilotlightError(str(error.get("code", "job_failed")), **dict(error.get("values", {"reason": "unknown"})))


def _one_process(app: Application, context: JobContext, folder: Path) -> int:
    """Starts the process, waits for it, and hands on the wish to stop. Never leaves it behind."""
    command = [sys.executable, "-m", "core", "work-on", str(context.job_id)]
    with (folder / LOG).open("ab") as output:
        process = subprocess.Popen(
            command, env=environment(app.settings), stdin=subprocess.PIPE, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        return _watched(process, context)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _watched(process: subprocess.Popen[bytes], context: JobContext) -> int:
    while True:
        try:
            return process.wait(POLL)
        except subprocess.TimeoutExpired:
            pass
        try:
            context.check()
        except Cancelled:
            _stopped(process, lambda: None)  # it looks for the wish itself, in the database
            raise
        except Interrupted:
            _stopped(process, process.terminate)
            raise


def _stopped(process: subprocess.Popen[bytes], ask: Callable[[], None]) -> None:
    """Waits for the process to stop by itself, so that it leaves a checkpoint; kills it when it does not."""
    ask()
    end = time.monotonic() + GRACE
    while process.poll() is None and time.monotonic() < end:
        time.sleep(POLL / 2)
    if process.poll() is None:
        process.kill()
        process.wait()


def asked_apart(
    app: Application, workspace_id: int, recipe: str, version_id: int, args: Mapping[str, Any]
) -> EstimateView:
    """The estimate of a run, from a process that ends afterwards. Raises what the probe raised, and Unavailable."""
    asked = {"workspace": workspace_id, "recipe": recipe, "version": version_id, "args": dict(args)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "core", "probe"], input=json.dumps(asked).encode(), env=environment(app.settings),
            capture_output=True, timeout=PROBE, check=False,
        )  # fmt: skip
        said = json.loads(done.stdout.decode().strip().splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise Unavailable("studio.probe_slow", seconds=int(PROBE)) from error
    except (json.JSONDecodeError, IndexError) as error:
        log.warning("probe died", code=done.returncode, said=done.stderr.decode(errors="replace")[-2000:])
        raise Unavailable("studio.probe_died", signal=_name_of(done.returncode)) from error
    if "error" in said:
        raise PilotlightError(said["error"]["code"], **said["error"]["values"])
    return EstimateView(**said["view"])


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings in force, so that the child works on the same folders.

    Of the secrets only the key of data at rest is among them, because the rows that are learnt from may be encrypted.
    """
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(PREFIX)}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None or (isinstance(value, SecretStr) and name != "encryption_key"):
            continue
        if isinstance(value, SecretStr):
            text = value.get_secret_value()
        else:
            text = str(value.resolve()) if isinstance(value, Path) else str(value)
        kept[f"{PREFIX}{name}".upper()] = text
    shared = os.environ.get(f"{PREFIX}SHARED_DATA")
    if shared:
        kept[f"{PREFIX}SHARED_DATA"] = shared
    kept["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept
