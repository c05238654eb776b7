"""Index versions made from the database: written, rebuilt when damaged, removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from core.db.tables import IndexVersion, KnowledgeBase, Passage
from core.db.unit_of_work import Database
from core.index import store
from core.retrieval.build import LANGUAGE_CODES, BuildOptions, build_version
from core.services.application import Application

Progress = Callable[[int, int], None]
_MEMBERS = 500  # ids in one SQL list


class DatabasePassages:
    """The passages of some document versions, read from the database as they are asked for (a PassageSource)."""

    def __init__(self, database: Database, workspace_id: int, members: Sequence[int], dimension: int) -> None:
        self._database = database
        self._workspace_id = workspace_id
        self._dimension = dimension
        found: list[tuple[int, int, int, int]] = []
        for first in range(0, len(members), _MEMBERS):
            some = Passage.version_id.in_(members[first : first + _MEMBERS])
            with database.read(workspace_id) as rows:
                size = func.coalesce(func.length(Passage.vector), 0)
                statement = rows.columns(Passage, Passage.id, Passage.document_id, Passage.language, size, where=[some])
                result = rows.session.execute(statement.execution_options(yield_per=10_000))
                found.extend((i, document, LANGUAGE_CODES.index(language), n) for i, document, language, n in result)
        found.sort()
        table = np.asarray(found, np.int64).reshape(-1, 4)
        self.passage_ids = np.ascontiguousarray(table[:, 0])
        self.document_ids = np.ascontiguousarray(table[:, 1])
        self.languages = table[:, 2].astype(np.int8)
        self.vector_counts = table[:, 3] // (2 * dimension)

    def texts(self, passage_ids: Sequence[int]) -> Sequence[str]:
        columns = (Passage.section, Passage.header, Passage.text)
        return ["\n".join(part for part in row if part) for row in self._in_order(passage_ids, *columns)]

    def vectors(self, passage_ids: Sequence[int]) -> NDArray[Any]:
        joined = b"".join(vector or b"" for (vector,) in self._in_order(passage_ids, Passage.vector))
        return np.frombuffer(joined, "<f2").reshape(-1, self._dimension)

    def _in_order(self, passage_ids: Sequence[int], *columns: Any) -> list[tuple[Any, ...]]:
        by_id: dict[int, tuple[Any, ...]] = {}
        ids = [int(i) for i in passage_ids]
        for first in range(0, len(ids), _MEMBERS):
            where = [Passage.id.in_(ids[first : first + _MEMBERS])]
            with self._database.read(self._workspace_id) as rows:
                for row in rows.session.execute(rows.columns(Passage, Passage.id, *columns, where=where)):
                    by_id[row[0]] = tuple(row[1:])
        return [by_id[i] for i in ids]


def folder_of(app: Application, knowledge_base_id: int, version_id: int) -> Path:
    return store.version_folder(app.settings.index_dir, knowledge_base_id, version_id)


def write_version(
    app: Application, workspace_id: int, version_id: int, *, progress: Progress = lambda done, total: None
) -> None:
    """Writes (or writes again) the folder of an index version from the database and records what it is.

    The new folder takes its name only when it is whole; nothing is embedded anew.
    """
    encoder = app.encoder()
    with app.database.read(workspace_id) as rows:
        version = rows.get(IndexVersion, version_id)
        live = rows.get(KnowledgeBase, version.knowledge_base_id).live_version
    source = DatabasePassages(app.database, workspace_id, version.members, encoder.dimension)
    options = BuildOptions(
        encoder=encoder.name,
        dimension=encoder.dimension,
        languages=encoder.languages,
        exact_limit=app.settings.exact_limit,
        hnsw_limit=app.settings.hnsw_limit,
    )
    previous = folder_of(app, version.knowledge_base_id, live) if live and live != version_id else None
    folder = folder_of(app, version.knowledge_base_id, version_id)
    manifest = build_version(folder, source, options, previous=previous, progress=progress)
    facts = manifest.facts
    state = "live" if live == version_id else "ready"
    with app.database.write(workspace_id) as rows:
        rows.update(
            IndexVersion,
            IndexVersion.id == version_id,
            state=state,
            rule=str(facts["rule"]),
            encoder=str(facts["encoder"]),
            passage_count=int(facts["passages"]),
        )


def remove_version(app: Application, knowledge_base_id: int, version_id: int) -> None:
    store.remove_version(folder_of(app, knowledge_base_id, version_id))


def sweep(app: Application) -> None:
    """Removes folders that no version in the database names. Only while no build runs (the worker's start)."""
    with app.database.system() as session:
        kept: dict[int, list[int]] = {}
        for base, version in session.execute(select(IndexVersion.knowledge_base_id, IndexVersion.id)):
            kept.setdefault(base, []).append(version)
    root = app.settings.index_dir
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.is_dir() and folder.name.isdigit():
            store.sweep(folder, kept.get(int(folder.name), []))
