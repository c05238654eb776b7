"""Items and interactions in batches, as programs send them: the same checks as for files, stored at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.access.actor import Actor, Permission
from core.db.recommend_tables import RecommendCatalogue
from core.db.unit_of_work import Rows
from core.errors import BadInput
from core.recommend.data import Finding
from core.services.application import Application
from core.services.recommend.importing import (
    NEEDED,
    PARTS,
    Imported,
    Store,
    check_events,
    check_items,
    store_checked,
)
from core.services.studio.views import StoredUpload

MOST_ROWS = 1_000
# A batch is no history: how much is improbably much, or too little, cannot be told from it.
_EVENTS = {"keep_bots": True, "add_unknown": False}
_OF_A_HISTORY = frozenset({"no_times", "few_events", "few_people", "one_item"})


def put_items(app: Application, actor: Actor, catalogue_id: int, rows: Sequence[Mapping[str, Any]]) -> Imported:
    """Adds items and changes those there are, by ``id``; a part that a row does not have stays as it was.

    Parts are those of :data:`importing.ITEM_PARTS`; ``tags`` may be a list. Raises BadInput, NotFound.
    """
    actor.require(Permission.RECOMMEND)
    cells = _cells("items", rows)
    given: dict[str, set[str]] = {}
    for row in rows:  # of an id that stands there twice the last row counts
        given[str(row.get("id", "")).strip()] = {name for name, value in row.items() if value is not None}
    return _store(app, actor, catalogue_id, "items", cells, check_items(cells, given), rows)


def put_events(app: Application, actor: Actor, catalogue_id: int, rows: Sequence[Mapping[str, Any]]) -> Imported:
    """Adds interactions; what is known already counts once, what cannot be is counted in the findings.

    Parts are those of :data:`importing.EVENT_PARTS`. Raises BadInput, NotFound.
    """
    actor.require(Permission.RECOMMEND)
    cells = _cells("interactions", rows)
    with app.database.read(actor.workspace_id) as found:
        found.get(RecommendCatalogue, catalogue_id)
    # In a file a time that is missing is a mistake; here whoever leaves it out does not know it.
    parts = [[row for row in rows if (row.get("time") is None) is unknown] for unknown in (False, True)]
    stores = [
        check_events(app, actor.workspace_id, catalogue_id, _cells("interactions", part), _EVENTS)
        for part in parts
        if part
    ]

    def store(open_rows: Rows, catalogue: RecommendCatalogue) -> tuple[int, int, tuple[Finding, ...]]:
        made = [one(open_rows, catalogue) for one in stores]
        findings = [one for _, _, some in made for one in some if one.code not in _OF_A_HISTORY]
        return sum(added for added, _, _ in made), 0, tuple(findings)

    return _store(app, actor, catalogue_id, "interactions", cells, store, rows)


def _store(
    app: Application, actor: Actor, catalogue_id: int, part: str, cells: Mapping[str, Any], store: Store,
    rows: Sequence[Mapping[str, Any]],
) -> Imported:  # fmt: skip
    said = json.dumps([dict(row) for row in rows], sort_keys=True, default=str).encode()
    source = StoredUpload(hashlib.sha256(said).hexdigest(), "HTTP", len(said))
    mapping = {"columns": {name: name for name in cells}, "options": {}}
    return store_checked(app, actor.workspace_id, catalogue_id, part, store, len(rows), source, mapping)


def _cells(part: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Columns of texts, as a file would have them. Raises BadInput."""
    if not 1 <= len(rows) <= MOST_ROWS:
        raise BadInput("recommend.batch_size", count=len(rows), limit=MOST_ROWS)
    names = [name for name in PARTS[part] if any(row.get(name) is not None for row in rows)]
    for name in (*(one for row in rows for one in row if one not in PARTS[part]),):
        raise BadInput("studio.option_unknown", name=name[:40], known=", ".join(PARTS[part]))
    for name in NEEDED[part]:
        if name not in names:
            raise BadInput("recommend.column_missing", part=name)
    return {name: [_text(row.get(name)) for row in rows] for name in names}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "|".join(str(one) for one in value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
