"""The watched folder: files that appear in it are ingested once they stop growing.

A file in a sub-folder goes to the knowledge base of the sub-folder's name (made when missing); a file directly in the
folder goes to the workspace's first knowledge base.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import structlog

from core.access.actor import Actor
from core.db.tables import JobFile
from core.services import knowledge
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.views import Upload

log = structlog.get_logger(__name__)
DEFAULT_NAME = "Default"


class WatchedFolder:
    """Looks at the folder every ``watch_seconds``; a file is taken when two looks in a row found it the same."""

    def __init__(self, app: Application, actor: Actor, folder: Path) -> None:
        self.app = app
        self.actor = actor
        self.folder = folder
        self._seen: dict[Path, tuple[int, int]] = {}
        self._taken: dict[Path, tuple[int, int]] = {}
        self._next = 0.0

    def look(self) -> list[int]:
        """One look, if it is time for one; the ids of the jobs it started."""
        if time.monotonic() < self._next or not self.folder.is_dir():
            return []
        self._next = time.monotonic() + self.app.settings.watch_seconds
        found = {path: self._stamp(path) for path in self._files()}
        ready = [p for p, stamp in found.items() if self._seen.get(p) == stamp and self._taken.get(p) != stamp]
        self._seen = found
        by_base: dict[str, list[Path]] = {}
        for path in ready:
            self._taken[path] = found[path]
            if not self._known(path):
                by_base.setdefault(self._base_of(path), []).append(path)
        return [self._start(name, paths) for name, paths in by_base.items()]

    def _files(self) -> list[Path]:
        paths = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sorted(p for p in paths if not any(part.startswith(".") for part in p.relative_to(self.folder).parts))

    @staticmethod
    def _stamp(path: Path) -> tuple[int, int]:
        stat = path.stat()
        return stat.st_size, stat.st_mtime_ns

    def _known(self, path: Path) -> bool:
        """Whether these bytes were taken before, by an earlier start of the worker."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self.app.database.read(self.actor.workspace_id) as rows:
            return rows.count(JobFile, JobFile.file_sha256 == digest, JobFile.name == path.name) > 0

    def _base_of(self, path: Path) -> str:
        parts = path.relative_to(self.folder).parts
        return parts[0] if len(parts) > 1 else ""

    def _start(self, name: str, paths: list[Path]) -> int:
        views = knowledge.list_knowledge_bases(self.app, self.actor)
        fitting = [view.id for view in views if not name or view.name == name]
        base = fitting[0] if fitting else None
        if base is None:
            base = knowledge.create_knowledge_base(self.app, self.actor, name or DEFAULT_NAME)
        job_id = start_ingest(self.app, self.actor, base, [Upload(path.name, path=path) for path in paths])
        log.info("watched files taken", files=len(paths), job=job_id)
        return job_id
