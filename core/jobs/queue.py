"""The queue of long work: Huey, on SQLite in the data folder or on Redis. A message carries nothing but a job's id.

The ``job`` table is the truth; the queue only wakes a worker. A message that is lost or doubled therefore does no harm:
workers re-queue what the table says is waiting, and a job is claimed by one conditional UPDATE.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from huey import RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from core.settings import Settings


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON instead of Huey's default pickle: whoever can write the queue file must not run code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data) if isinstance(data, Message) else data).encode()

    def _deserialize(self, data: bytes) -> Any:
        found = json.loads(bytes(data))
        return Message(*found) if isinstance(found, list) else found


class JobQueue:
    """Enqueues job ids; ``bind`` names the function a worker runs for each."""

    def __init__(self, settings: Settings) -> None:
        options: dict[str, Any] = {"serializer": JsonSerializer(), "results": False}
        if settings.queue_url:
            self.huey: Any = RedisHuey("pilotlight", url=settings.queue_url, **options)
        else:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            self.huey = SqliteHuey(
                "pilotlight", filename=str(settings.data_dir / "queue.sqlite3"), timeout=30, **options
            )
        self._run: Callable[[int], None] | None = None
        self._task = self.huey.task(name="run_job")(self._call)

    def _call(self, job_id: int) -> None:
        if self._run is None:
            raise RuntimeError("no worker is bound to this queue")
        self._run(job_id)

    def bind(self, run: Callable[[int], None]) -> None:
        self._run = run

    def put(self, job_id: int) -> None:
        self._task(job_id)

    def close(self) -> None:
        self.huey.storage.close()
