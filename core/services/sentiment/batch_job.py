"""The job that judges a file: rows stream from the file through the classifier into another file.

Every two seconds a checkpoint says how many rows are on disk and what they add up to. A killed job goes on from there:
what was written after the checkpoint is cut off, so that no row stands there twice.

Its rows are counted against whoever asked for it before the first is judged; those that are not judged in the end are
given back.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from core.db.sentiment_tables import SentimentBatch
from core.errors import BadInput
from core.jobs.context import Interrupted, JobContext
from core.sentiment.aspects import AspectCount, Mention, mentions
from core.sentiment.polarity import POLARITIES, Judgement, judge
from core.sentiment.tally import Tally
from core.services import files, quota
from core.services.application import Application
from core.services.sentiment.batches import JUDGED, MENTIONS, ROWS, batch_folder, stored_file
from core.services.sentiment.model import Judge, open_judge, own_settings
from core.services.sentiment.one import LONGEST
from core.services.studio.data_set_job import JobWatch
from core.services.studio.uploads import options_of, stored_table
from core.settings import Settings
from core.training.datasets.tables import ReadOptions, Table, table_rows

log = structlog.get_logger(__name__)

STATE = "state.json"
OURS = (
    "sentiment",
    "sentiment_confidence",
    *(f"p_{name}" for name in POLARITIES),
    "sentiment_language",
    "sentiment_error",
)
CHUNK = 512  # rows judged together
CHECKPOINT_SECONDS = 2.0
MARK_EVERY = 500  # rows between two known places of the rows' file
SMALL = 50_000  # rows whose aspects are counted in about a second
LISTED = 200  # failed rows kept with their reasons


@dataclass(slots=True)
class State:
    """What stands on disk: ``done`` rows of the table in ``bytes`` of the rows' file; ``marks``: where every 500th
    begins; ``failures``: the first failed rows as (line, error code)."""

    done: int = 0
    bytes: int = 0
    mention_bytes: int = 0
    tally: Tally = field(default_factory=Tally)
    marks: list[int] = field(default_factory=list)
    failures: list[list[Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        said = {
            "done": self.done,
            "bytes": self.bytes,
            "mention_bytes": self.mention_bytes,
            "tally": self.tally.as_json(),
            "marks": self.marks,
            "failures": self.failures,
        }
        draft = folder / f"{STATE}.draft"
        draft.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        os.replace(draft, folder / STATE)


def read_state(folder: Path) -> State:
    """What the last checkpoint says; nothing done where there is none."""
    path = folder / STATE
    if not path.is_file():
        return State()
    said = json.loads(path.read_text(encoding="utf-8"))
    return State(**{**said, "tally": Tally.from_json(said["tally"])})


def run_batch(app: Application, context: JobContext) -> None:
    """Handler of ``sentiment`` jobs."""
    with app.database.read(context.workspace_id) as rows:
        batch = rows.get(SentimentBatch, int(context.arguments["batch_id"]))
        confident = own_settings(rows).confident
    context.progress("read", 0, 0, force=True)
    options = options_of(ReadOptions, batch.columns.get("read") or {})
    with stored_table(app, stored_file(app, batch), options, JobWatch(context)) as table:
        _judge_rows(app, context, batch, table, confident)
    _look_at_watches(app, context.workspace_id)


def _judge_rows(app: Application, context: JobContext, batch: SentimentBatch, table: Table, confident: float) -> None:
    places = _places(table, batch)
    _count(app, context, batch.id, table.rows)
    context.progress("model", 0, table.rows, force=True)
    judging = open_judge(app, context.workspace_id, f"batch {batch.id}")
    with app.database.write(context.workspace_id) as rows:
        rows.update(SentimentBatch, SentimentBatch.id == batch.id, model=judging.name[:200])
    folder = batch_folder(app.settings, context.workspace_id, batch.id)
    folder.mkdir(parents=True, exist_ok=True)
    for name in JUDGED:
        files.bare(app.settings, folder / name)
    work = _Work(app, context, batch, table, places, judging, confident, folder)
    try:
        try:
            work.run()
        except Interrupted:  # a worker that shuts down leaves the rest to the next one
            work.summarise()
            raise
        except BaseException:  # also of a cancel: what was judged so far is shown
            work.summarise()
            _count(app, context, batch.id, work.state.done)
            raise
        work.summarise(complete=True)
    finally:
        for name in JUDGED:
            files.hide(app.settings, folder / name)


def _count(app: Application, context: JobContext, batch_id: int, wanted: int) -> None:
    """Makes the usage say that ``wanted`` rows of the batch are counted, however often this is called. Raises OverLimit
    when they do not fit; then nothing is."""
    asked = context.arguments.get("subjects") or [("workspace", context.workspace_id)]
    subjects = [(str(kind), int(number)) for kind, number in asked]
    with app.database.write(context.workspace_id) as rows:
        batch = rows.get(SentimentBatch, batch_id)
        more = wanted - batch.counted
        if more > 0:
            quota.spend_in(rows, subjects, "judged_texts", more)
        elif more < 0:
            quota.note(rows, subjects, "judged_texts", more)
        batch.counted = wanted


def _look_at_watches(app: Application, workspace_id: int) -> None:
    from core.services.sentiment.monitors import look

    look(app, workspace_id, "files")


def _places(table: Table, batch: SentimentBatch) -> dict[str, int]:
    """Part -> number of its column, -1 for one that is not given. Raises BadInput (sentiment.no_column)."""
    found = {}
    for part in ("text", "date", "group"):
        name = batch.columns.get(part) or ""
        if name and name not in table.names:
            raise BadInput("sentiment.no_column", name=name, known=", ".join(table.names[:30]))
        found[part] = table.names.index(name) if name else -1
    return found


class _Work:
    """One run of the job."""

    def __init__(
        self, app: Application, context: JobContext, batch: SentimentBatch, table: Table, places: dict[str, int],
        judging: Judge, confident: float, folder: Path,
    ) -> None:  # fmt: skip
        self.app, self.context, self.batch, self.table, self.places = app, context, batch, table, places
        self.judging, self.confident, self.folder = judging, confident, folder
        self.state = read_state(folder)
        self.aspects = bool(batch.columns.get("aspects", True))
        self._begun, self._first = time.monotonic(), self.state.done
        self._saved = 0.0

    def run(self) -> None:
        """Judges what is left. Raises what the context raises; the checkpoint is whole then."""
        state = self.state
        with (
            _from(self.folder / ROWS, state.bytes) as rows,
            _from(self.folder / MENTIONS, state.mention_bytes) as found,
        ):
            if not state.bytes:
                rows.write(_line([*self.table.names, *OURS]))
            left = islice(table_rows(self.table), state.done, None)
            try:
                while chunk := list(islice(left, CHUNK)):
                    self.context.progress("score", state.done, self.table.rows)
                    self._chunk(chunk, rows, found)
                    if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                        self._save(rows, found)
            finally:
                self._save(rows, found)
        self.context.progress("score", state.done, self.table.rows, force=True)

    def _chunk(self, chunk: Sequence[tuple[int, Sequence[str]]], rows: BinaryIO, found: BinaryIO) -> None:
        texts = [cells[self.places["text"]].strip()[:LONGEST] for _, cells in chunk]
        judged = self._judged(texts)
        if self.aspects:
            self._mention(chunk, texts, found)
        for (line, cells), text in zip(chunk, texts, strict=True):
            one = judged.get(text)
            if (self.state.done + 1) % MARK_EVERY == 1:
                self.state.marks.append(rows.tell())
            if one is None:
                self.state.tally.fail("sentiment.empty_row")
                if len(self.state.failures) < LISTED:
                    self.state.failures.append([line, "sentiment.empty_row"])
            else:
                self.state.tally.add(one, self._cell(cells, "date"), self._cell(cells, "group"))
            rows.write(_line([*cells, *_ours(one)]))
            self.state.done += 1

    def _judged(self, texts: Sequence[str]) -> dict[str, Judgement]:
        """Each different text once: reviews repeat."""
        different = list(dict.fromkeys(text for text in texts if text))
        found = judge(self.judging.classifier, different, confident=self.confident)
        return dict(zip(different, found, strict=True))

    def _mention(self, chunk: Sequence[tuple[int, Sequence[str]]], texts: Sequence[str], found: BinaryIO) -> None:
        spoken = mentions(self.judging.classifier, texts)
        for (line, cells), about in zip(chunk, spoken, strict=True):
            group = self._cell(cells, "group").strip()[:80]
            for one in about:
                said = [line, group, one.aspect, one.known, one.polarity, round(one.confidence, 4), one.clause[:400]]
                found.write((json.dumps(said, ensure_ascii=False) + "\n").encode())

    def _cell(self, cells: Sequence[str], part: str) -> str:
        place = self.places[part]
        return cells[place] if place >= 0 else ""

    def _save(self, rows: BinaryIO, found: BinaryIO) -> None:
        for file in (rows, found):
            file.flush()
            os.fsync(file.fileno())
        self.state.bytes, self.state.mention_bytes = rows.tell(), found.tell()
        self.state.write(self.folder)
        self._saved = time.monotonic()
        seconds = max(1e-3, self._saved - self._begun)
        self.context.finish(rate=round((self.state.done - self._first) / seconds, 1))

    def summarise(self, *, complete: bool = False) -> None:
        """Writes what the pages plot; a part of the rows will do while the rest is not judged."""
        small = self.state.done < SMALL
        unread = [[error.line, f"data.{error.code}"] for error in self.table.errors]
        said = {
            **self.state.tally.as_json(),
            "complete": complete,
            "failures": [*self.state.failures, *unread][:LISTED],
            "unread": sum(self.table.error_counts.values()),
            "names": list(self.table.names),
            # Of a part only while that is quick: a worker that shuts down must not be held up.
            "aspects": count_aspects(self.app.settings, self.folder).rows()
            if self.aspects and (complete or small)
            else [],
            "has_aspects": self.aspects,
        }
        with self.app.database.write(self.context.workspace_id) as rows:
            rows.update(SentimentBatch, SentimentBatch.id == self.batch.id, summary=said)


def _from(path: Path, place: int) -> BinaryIO:
    """The file opened for writing at ``place``; what a killed job wrote behind it is cut off."""
    path.touch()
    file = path.open("r+b")
    file.truncate(place)
    file.seek(place)
    return file


def _ours(one: Judgement | None) -> list[str]:
    if one is None:
        return ["", "", "", "", "", "", "empty"]
    return [one.label, f"{one.confidence:.4f}", *(f"{value:.4f}" for value in one.probabilities), one.language, ""]


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def read_mentions(settings: Settings, folder: Path) -> Iterator[tuple[int, str, Mention]]:
    """(line, group, mention) of a judged file, in its order."""
    if not (folder / MENTIONS).is_file():
        return
    with files.readable(settings, folder / MENTIONS) as path, path.open(encoding="utf-8") as lines:
        for text in lines:
            line, group, aspect, known, polarity, confidence, clause = json.loads(text)
            yield line, group, Mention(aspect, known, polarity, confidence, clause, 0, len(clause))


def count_aspects(settings: Settings, folder: Path, group: str = "") -> AspectCount:
    """Aspects of a judged file, of one product or channel where ``group`` is given."""
    counted = AspectCount()
    for line, found, mention in read_mentions(settings, folder):
        if not group or found == group:
            counted.add([mention], str(line))
    return counted
