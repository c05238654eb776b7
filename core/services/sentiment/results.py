"""What a judged file holds: a page of its rows, its failed rows, aspects of one product, the whole as a CSV."""

from __future__ import annotations

import csv
import heapq
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.access.actor import Actor, Permission
from core.db.sentiment_tables import SentimentBatch
from core.services import files
from core.services.application import Application
from core.services.sentiment.batch_job import MARK_EVERY, OURS, count_aspects, read_mentions, read_state
from core.services.sentiment.batches import ROWS, batch_folder
from core.settings import Settings
from core.text.cells import harmless

_LOOKED_AT = 50_000  # rows that a filtered page passes over before it gives up


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A row of the file with its judgement; ``label`` is "" for one that failed. ``number`` counts from 1."""

    number: int
    text: str
    date: str
    group: str
    label: str
    confidence: float
    probabilities: tuple[float, ...]
    language: str


@dataclass(frozen=True, slots=True)
class ResultPage:
    """``more``: whether further rows may follow; ``after``: the number to go on from."""

    rows: tuple[ResultRow, ...]
    after: int
    more: bool


def result_rows(
    app: Application, actor: Actor, batch_id: int, *, label: str = "", group: str = "", after: int = 0, limit: int = 50
) -> ResultPage:
    """Rows behind row ``after``, those of ``label`` and ``group`` only where given. Raises NotFound."""
    actor.require(Permission.SENTIMENT_READ)
    batch, folder = _opened(app, actor, batch_id)
    found: list[ResultRow] = []
    at = after
    for row in islice(read_results(app.settings, batch, folder, after=after), _LOOKED_AT):
        at = row.number
        if (not label or row.label == label) and (not group or row.group == group):
            found.append(row)
            if len(found) == limit:
                break
    return ResultPage(tuple(found), at, at < read_state(folder).done)


def read_results(settings: Settings, batch: SentimentBatch, folder: Path, *, after: int = 0) -> Iterator[ResultRow]:
    """All rows on disk behind row ``after``, in a stream."""
    state = read_state(folder)
    if after >= state.done:
        return
    names = list(batch.summary.get("names") or ())
    places = {part: names.index(name) if (name := batch.columns.get(part)) in names else -1 for part in _PARTS}
    mark = after // MARK_EVERY
    with files.readable(settings, folder / ROWS) as path, path.open("rb") as file:
        file.seek(state.marks[mark])
        lines = (line.decode("utf-8") for line in file)
        for number, cells in enumerate(csv.reader(lines), mark * MARK_EVERY + 1):
            if number > state.done:
                return
            if number > after:
                yield _row(number, cells, places)


_PARTS = ("text", "date", "group")


def _row(number: int, cells: Sequence[str], places: Mapping[str, int]) -> ResultRow:
    ours = cells[-len(OURS) :]
    parts = {part: cells[place] if place >= 0 else "" for part, place in places.items()}
    chances = tuple(float(value) for value in ours[2:5]) if ours[0] else ()
    return ResultRow(
        number, **parts, label=ours[0], confidence=float(ours[1] or 0), probabilities=chances, language=ours[5]
    )


def result_aspects(app: Application, actor: Actor, batch_id: int, *, group: str = "") -> list[dict[str, Any]]:
    """Aspects praised and blamed in the file, or in the rows of one product or channel (see AspectCount.rows)."""
    actor.require(Permission.SENTIMENT_READ)
    _, folder = _opened(app, actor, batch_id)
    return count_aspects(app.settings, folder, group).rows()


def export(app: Application, actor: Actor, batch_id: int) -> bytes:
    """A CSV of all rows judged so far: the file's own columns, label, confidence, all probabilities, language, why it
    failed. UTF-8 with a mark, for spreadsheets; cells that a spreadsheet would run as a formula begin with ``'``."""
    actor.require(Permission.SENTIMENT_READ)
    _, folder = _opened(app, actor, batch_id)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    with files.readable(app.settings, folder / ROWS) as path, path.open(encoding="utf-8", newline="") as source:
        for cells in islice(csv.reader(source), read_state(folder).done + 1):
            writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue().encode("utf-8-sig")


def export_aspects(app: Application, actor: Actor, batch_id: int) -> bytes:
    """A CSV of every clause that praises or blames something: its row, product or channel, aspect, side, how sure."""
    actor.require(Permission.SENTIMENT_READ)
    _, folder = _opened(app, actor, batch_id)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["row", "group", "aspect", "polarity", "confidence", "sentence"])
    for line, group, one in read_mentions(app.settings, folder):
        cells = (str(line), group, one.aspect, one.polarity, f"{one.confidence:.4f}", one.clause)
        writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue().encode("utf-8-sig")


def doubtful(app: Application, actor: Actor, batch_id: int, most: int) -> list[ResultRow]:
    """The rows with the least confidence among those judged uncertain, the most doubtful first."""
    actor.require(Permission.SENTIMENT_READ)
    batch, folder = _opened(app, actor, batch_id)
    rows = (row for row in read_results(app.settings, batch, folder) if row.label == "uncertain")
    return heapq.nsmallest(most, rows, key=lambda row: row.confidence)


def sampled(app: Application, actor: Actor, batch_id: int, most: int, *, seed: int = 0) -> list[ResultRow]:
    """Rows drawn at random (reservoir sampling, Vitter 1985), whatever their label."""
    actor.require(Permission.SENTIMENT_READ)
    batch, folder = _opened(app, actor, batch_id)
    chance = random.Random(seed)
    kept: list[ResultRow] = []
    for number, row in enumerate(row for row in read_results(app.settings, batch, folder) if row.label):
        if number < most:
            kept.append(row)
        elif (place := chance.randint(0, number)) < most:
            kept[place] = row
    return kept


def _opened(app: Application, actor: Actor, batch_id: int) -> tuple[SentimentBatch, Path]:
    actor.require(Permission.SENTIMENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        batch = rows.get(SentimentBatch, batch_id)
    return batch, batch_folder(app.settings, actor.workspace_id, batch_id)
