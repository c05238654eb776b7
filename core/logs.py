"""Structured logs with a request id. Nothing of a document's or a customer's text is logged at INFO or above."""

from __future__ import annotations

import logging
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import structlog

from core.settings import Settings


def set_up_logs(settings: Settings, mask: Callable[[str], str] = lambda text: text) -> None:
    """Called once by each door (web, worker, CLI). Library logs take the same way as ours.

    ``mask`` is put upon every text of every line, tracebacks included, before it is written.
    """
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
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Made a text here: what an error says may quote what a customer wrote.
                structlog.processors.format_exc_info,
                lambda _logger, _method, event: cast(structlog.types.EventDict, _masked(dict(event), mask)),
                renderer,
            ],
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


_PLAIN = frozenset({"timestamp", "level", "request_id"})


def _masked(value: object, mask: Callable[[str], str]) -> object:
    """Texts within lists and mappings too; other values as they are."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: inside if key in _PLAIN else _masked(inside, mask) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inside, mask) for inside in value]
    return value


@contextmanager
def request_context(**values: object) -> Iterator[str]:
    """Gives every log line inside the block one request id (yielded) and ``values``."""
    request_id = uuid.uuid4().hex[:12]
    with structlog.contextvars.bound_contextvars(request_id=request_id, **values):
        yield request_id
