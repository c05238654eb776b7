"""An answer read from afar: whoever shows it is never stuck in a model that says nothing, and Stop works at once."""

from __future__ import annotations

import threading
from collections.abc import Generator
from queue import Empty, SimpleQueue

from core.services.ask import Asked

TICK = 0.25  # seconds


def relayed(asked: Asked, every: float = TICK) -> Generator[str | None, None, None]:
    """The pieces of ``asked.stream``, read in a thread of its own, and None whenever ``every`` seconds brought none.

    Closing it is Stop: what was said is stored before ``close`` returns, whatever the model is doing.
    """
    said: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_read, args=(asked, said), name=f"relay-{asked.message_id}", daemon=True).start()
    try:
        while True:
            try:
                piece = said.get(timeout=every)
            except Empty:
                yield None
                continue
            if piece is None:
                return
            yield piece
    finally:
        asked.stop()


def _read(asked: Asked, said: SimpleQueue[str | None]) -> None:
    try:
        for piece in asked.stream:
            said.put(piece)
    finally:
        asked.stream.close()
        said.put(None)
