"""The process of one training run, started by the worker: stops when asked to, and never outlives the worker."""

from __future__ import annotations

import json
import logging
import os
import signal
import stat
import sys
import threading

NICER = 5  # training gives way to whoever answers questions on the same machine


def work_on(job_id: int) -> None:
    """Does the run of the job and ends the process; the exit code tells the worker how it went.

    Ends at once, without taking torch apart: everything is written by then, and the next run waits for this one.
    """
    from core.bootstrap import build, start_logs
    from core.services.studio.run_job import INTERRUPTED
    from core.services.studio.run_work import work_on as work
    from core.settings import load_settings

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_leave_with_the_worker, args=(INTERRUPTED,), name="parent", daemon=True).start()
    os.nice(NICER)
    settings = load_settings()
    start_logs(settings)
    code = work(build(settings), job_id, stopping.is_set)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def probe() -> None:
    """Reads what to estimate from standard input and prints the estimate, as JSON."""
    from core.bootstrap import build, start_logs
    from core.services.studio.probing import answered
    from core.services.studio.probing import probe as ask
    from core.settings import load_settings

    asked = json.load(sys.stdin)
    settings = load_settings()
    start_logs(settings.model_copy(update={"log_level": "ERROR"}))
    app = build(settings)
    found = answered(lambda: ask(app, asked["workspace"], asked["recipe"], asked["version"], asked["args"]))
    print(f"\n{json.dumps(found)}", flush=True)
    os._exit(0)


def _leave_with_the_worker(code: int) -> None:
    """The worker holds the other end of standard input open as long as it lives."""
    while os.read(0, 1):
        pass
    os._exit(code)
