"""Structured logs with a request id. Nothing of a document's or a customer's text is logged at INFO or above."""

from __future__ import annotations

import logging
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from core.settings import Settings


def set_up_logs(settings: Settings) -> None:
    """Called once by each door (web, worker, CLI). Library logs take the same way as ours."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    machine = settings.log_format == "json"
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if machine
        # The default traceback shows local variables, and with them what a customer wrote.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ]
        if machine
        else [*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # Chatty libraries; huey also writes a task's arguments, httpx whole addresses.
    for name in (
        "huey",
        "httpx",
        "urllib3",
        "PIL",
        "RapidOCR",
        "watchdog",
        "alembic",
        "faiss",
        "torch.onnx",
        "onnxscript",
    ):
        logging.getLogger(name).setLevel("WARNING")


@contextmanager
def request_context(**values: object) -> Iterator[str]:
    """Gives every log line inside the block one request id (yielded) and ``values``."""
    request_id = uuid.uuid4().hex[:12]
    with structlog.contextvars.bound_contextvars(request_id=request_id, **values):
        yield request_id
