"""The worker: runs jobs one after another, says that it is alive, and picks up what a killed one left behind."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, select, update

from core.db.tables import Job, JobFile, Worker, utc_now
from core.db.unit_of_work import Database
from core.errors import Cancelled, PilotlightError
from core.jobs.context import Interrupted, JobContext
from core.jobs.queue import JobQueue

log = structlog.get_logger(__name__)

Handler = Callable[[JobContext], None]
MAX_ATTEMPTS = 5  # a job that takes its worker down five times is not started a sixth time


def enqueue(database: Database, queue: JobQueue, workspace_id: int, job_id: int) -> None:
    """Puts a stored job on the queue."""
    with database.write(workspace_id) as rows:
        job = rows.get(Job, job_id)
        job.state, job.cancel_requested, job.error, job.finished_at = "queued", False, {}, None
    queue.put(job_id)


def alive(database: Database, heartbeat_seconds: float) -> bool:
    """Whether any worker gave a sign of life lately."""
    limit = utc_now() - timedelta(seconds=max(10.0, 5 * heartbeat_seconds))
    with database.system() as session:
        return session.scalars(select(Worker.id).where(Worker.heartbeat_at > limit).limit(1)).first() is not None


class JobRunner:
    """Claims and runs single jobs. The worker process uses it for all of them, the CLI for its own one."""

    def __init__(
        self, database: Database, handlers: Mapping[str, Handler], heartbeat_seconds: float, lock: Path
    ) -> None:
        self.lock = lock
        self.database = database
        self.handlers = handlers
        self.heartbeat_seconds = heartbeat_seconds
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        self.idle = threading.Event()
        self.idle.set()

    def run(self, job_id: int) -> None:
        """Runs one job to its honest end: done, failed with a reason, cancelled, or back in the queue.

        One job at a time on a machine: the CLI and a worker that starts meanwhile wait for each other here. The lock
        goes with the process, so a killed one leaves none behind.
        """
        with self.lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            job = self._claim(job_id)
            if job is not None:
                self._run(job)

    def _run(self, job: Job) -> None:
        job_id = job.id
        context = JobContext(self.database, job, self.stopping.is_set)
        self.idle.clear()
        log.info("job started", job=job_id, kind=job.kind, attempt=job.attempts)
        try:
            self.handlers[job.kind](context)
            self._end(context, "done")
        except Interrupted:
            self._end(context, "queued")
        except Cancelled:
            self._end(context, "cancelled")
        except PilotlightError as error:
            self._end(context, "failed", {"code": error.code, "values": _plain(error.values)})
        except Exception as error:
            log.error("job failed", job=job_id, kind=job.kind, exc_info=True)
            self._end(context, "failed", {"code": "job_failed", "values": {"reason": type(error).__name__}})
        finally:
            self.idle.set()

    def _claim(self, job_id: int) -> Job | None:
        now = utc_now()
        with self.database.system(writing=True) as session:
            claimed = session.execute(
                update(Job)
                .where(Job.id == job_id, Job.state == "queued")
                .values(
                    state="running", worker=self.worker_id, heartbeat_at=now, started_at=now, attempts=Job.attempts + 1
                )
            )
            if claimed.rowcount != 1:  # type: ignore[attr-defined]
                return None
            return session.get(Job, job_id)

    def _end(self, context: JobContext, state: str, error: Mapping[str, Any] | None = None) -> None:
        with self.database.write(context.workspace_id) as rows:
            job = rows.find(Job, Job.id == context.job_id)
            if job is None:  # its knowledge base was deleted while it ran
                return
            job.state, job.error = state, dict(error or {})
            job.finished_at = None if state == "queued" else utc_now()
            if state in {"cancelled", "failed"}:
                left = JobFile.state.in_(("queued", "running"))
                ended = (
                    {"state": "cancelled"} if state == "cancelled" else {"state": "failed", "error": dict(error or {})}
                )
                rows.update(JobFile, JobFile.job_id == job.id, left, **ended)
        log.info("job ended", job=context.job_id, state=state)

    # --- life signs and recovery ---

    def beat(self) -> None:
        """Says that this worker, and the job it runs, are alive."""
        now = utc_now()
        with self.database.system(writing=True) as session:
            worker = session.get(Worker, self.worker_id)
            if worker is None:
                session.add(Worker(id=self.worker_id, started_at=now, heartbeat_at=now))
            else:
                worker.heartbeat_at = now
            running = (Job.state == "running") & (Job.worker == self.worker_id)
            session.execute(update(Job).where(running).values(heartbeat_at=now))

    def leave(self) -> None:
        with self.database.system(writing=True) as session:
            session.execute(delete(Worker).where(Worker.id == self.worker_id))

    def recover(self) -> list[int]:
        """Ids to put on the queue: waiting jobs, and running ones whose worker has gone silent."""
        silent = utc_now() - timedelta(seconds=max(10.0, 5 * self.heartbeat_seconds))
        with self.database.system(writing=True) as session:
            host = socket.gethostname()
            ids: list[int] = []
            for job in session.scalars(select(Job).where(Job.state.in_(("queued", "running")))):
                if job.state == "running" and not _gone(job, host, silent):
                    continue
                if job.state == "running" and job.attempts >= MAX_ATTEMPTS:
                    job.state, job.finished_at = "failed", utc_now()
                    job.error = {"code": "job_gave_up", "values": {"attempts": job.attempts}}
                    continue
                job.state = "queued"
                ids.append(job.id)
            session.execute(delete(Worker).where(Worker.heartbeat_at < silent))
        return ids


def _gone(job: Job, host: str, silent: Any) -> bool:
    """Whether the worker that ran ``job`` is no more: on this machine the process tells, elsewhere its silence does."""
    machine, _, pid = job.worker.rpartition(":")
    if machine == host and pid.isdigit():
        if int(pid) == os.getpid():
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
    return job.heartbeat_at is None or job.heartbeat_at < silent


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if isinstance(value, str | int | float | bool) else str(value) for key, value in values.items()}


def work(runner: JobRunner, queue: JobQueue, *, every: Callable[[], object] | None = None) -> None:
    """Runs until SIGINT or SIGTERM. ``every`` is called between heartbeats (the watched folder uses it)."""
    queue.bind(runner.run)
    runner.beat()
    for job_id in runner.recover():
        queue.put(job_id)
    ticker = threading.Thread(target=_tick, args=(runner, queue, every), name="heartbeat", daemon=True)
    ticker.start()
    consumer = queue.huey.create_consumer(
        workers=1, periodic=False, initial_delay=0.05, max_delay=0.5, backoff=1.3, check_worker_health=True
    )
    # Huey waits for a running task on a graceful stop; ours gives way at its next checkpoint and is resumed later.
    threading.Thread(target=_follow, args=(consumer.stop_flag, runner.stopping), name="stop", daemon=True).start()
    try:
        consumer.run()
    finally:
        runner.stopping.set()
        runner.idle.wait(timeout=20)
        ticker.join(timeout=5)
        runner.leave()


def _follow(flag: threading.Event, stopping: threading.Event) -> None:
    flag.wait()
    stopping.set()


def _tick(runner: JobRunner, queue: JobQueue, every: Callable[[], object] | None) -> None:
    while not runner.stopping.wait(runner.heartbeat_seconds):
        try:
            runner.beat()
            for job_id in runner.recover() if runner.idle.is_set() else []:
                queue.put(job_id)
            if every is not None:
                every()
        except Exception:
            log.error("heartbeat failed", exc_info=True)
