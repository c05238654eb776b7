"""The routes beside the pages: health, readiness, metrics. Mounted by ``st.App`` in app.py."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select, text
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from core.db.migrate import is_current
from core.db.tables import Handoff, Job
from core.jobs.worker import alive
from core.metrics import HANDOFFS, JOBS, REGISTRY, WORKER

if TYPE_CHECKING:
    from core.services.application import Application

STARTED = time.time()

Probe = Callable[[Request], Awaitable[Response]]


def routes(application: Callable[[], Application]) -> list[Route]:
    """``application`` is called at the first request, not at import. No route shows anything of a workspace."""
    return [
        Route("/home", _home),
        Route("/healthz", _healthz),
        Route("/readyz", partial(_readyz, application)),
        Route("/metrics", partial(_metrics, application)),
    ]


async def _home(request: Request) -> Response:
    """Home stands at the root; Streamlit would say "page not found" at the address that its neighbours suggest."""
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


async def _healthz(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok", "uptime_seconds": round(time.time() - STARTED, 1)})


async def _readyz(application: Callable[[], Application], _request: Request) -> Response:
    """The process can serve: database at the newest schema. 503 with the reason otherwise."""
    checks = await run_in_threadpool(_checks, application)
    ready = all(value is True or name == "worker" for name, value in checks.items())
    return JSONResponse({"ready": ready, "checks": checks}, status_code=200 if ready else 503)


def _checks(application: Callable[[], Application]) -> dict[str, Any]:
    app = application()
    with app.database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return {
        "database": True,
        "schema": is_current(app.database.engine),
        "worker": alive(app.database, app.settings.heartbeat_seconds),
    }


async def _metrics(application: Callable[[], Application], _request: Request) -> Response:
    await run_in_threadpool(_measure, application)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _measure(application: Callable[[], Application]) -> None:
    app = application()
    with app.database.system() as session:
        counts: dict[str, int] = {
            state: int(number) for state, number in session.execute(select(Job.state, func.count()).group_by(Job.state))
        }
        waiting = session.scalar(select(func.count()).select_from(Handoff).where(Handoff.state == "waiting"))
    for state in ("queued", "running", "done", "failed", "cancelled"):
        JOBS.labels(state).set(counts.get(state, 0))
    HANDOFFS.set(waiting or 0)
    WORKER.set(1 if alive(app.database, app.settings.heartbeat_seconds) else 0)
