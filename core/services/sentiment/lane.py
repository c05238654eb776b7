"""The lane of doubtful texts: they wait for people, two may label the same, the answers become a data set version."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func

from core.access.actor import Actor, Permission
from core.db.sentiment_tables import SentimentAnswer, SentimentBatch, SentimentTask
from core.db.unit_of_work import Rows
from core.errors import BadInput
from core.sentiment.agreement import cohens_kappa
from core.sentiment.polarity import POLARITIES
from core.services.application import Application
from core.services.sentiment import results
from core.services.studio import data_sets
from core.services.views import Upload

MOST_ADDED = 1000  # texts put into the lane at a time
DATA_SET = "Sentiment labels"
FEWEST = 4  # labelled texts that a data set is made of


@dataclass(frozen=True, slots=True)
class TaskView:
    """A waiting text. ``mine``: what this person said of it, "" before; ``answers``: how many people did."""

    id: int
    text: str
    source: str
    why: str
    said: str
    confidence: float
    mine: str
    answers: int


@dataclass(frozen=True, slots=True)
class LaneView:
    """``open``: texts that this person has not labelled; ``labelled``: texts with an answer; ``people``: names with how
    many they labelled; ``kappa`` of the two who share the most texts, ``shared`` of them, None before there are two."""

    open: int
    labelled: int
    both: int
    disagreed: int
    people: tuple[tuple[str, int], ...]
    kappa: float | None
    pair: tuple[str, str] | None
    shared: int
    last: datetime | None


def add_text(app: Application, actor: Actor, text: str, said: str, confidence: float, *, source: str = "") -> bool:
    """Puts one text into the lane; False when it stands there already."""
    actor.require(Permission.SENTIMENT)
    return _add(app, actor, [(text, said, confidence)], source, "uncertain") == 1


def add_from_batch(app: Application, actor: Actor, batch_id: int, *, why: str = "uncertain", most: int = 100) -> int:
    """Puts the most doubtful rows of a judged file, or a random sample of it, into the lane; how many were new.

    Raises BadInput (sentiment.lane_most) for a number out of bounds.
    """
    actor.require(Permission.SENTIMENT)
    if not 1 <= most <= MOST_ADDED:
        raise BadInput("sentiment.lane_most", most=most, limit=MOST_ADDED)
    found = (
        results.sampled(app, actor, batch_id, most)
        if why == "sampled"
        else results.doubtful(app, actor, batch_id, most)
    )
    texts = [(row.text, POLARITIES[row.probabilities.index(max(row.probabilities))], row.confidence) for row in found]
    with app.database.read(actor.workspace_id) as rows:
        name = rows.get(SentimentBatch, batch_id).name
    return _add(app, actor, texts, name, why)


def _add(app: Application, actor: Actor, texts: Sequence[tuple[str, str, float]], source: str, why: str) -> int:
    wanted = {hashlib.sha256(text.strip().encode()).hexdigest(): (text.strip(), *rest) for text, *rest in texts}
    with app.database.write(actor.workspace_id) as rows:
        known = set(
            rows.session.scalars(
                rows.columns(SentimentTask, SentimentTask.digest, where=[SentimentTask.digest.in_(wanted)])
            )
        )
        fresh = [
            SentimentTask(text=text, digest=digest, source=source[:200], why=why, said=said, confidence=confidence)
            for digest, (text, said, confidence) in wanted.items()
            if digest not in known and text
        ]
        rows.add_all(fresh)
    return len(fresh)


def next_task(app: Application, actor: Actor, person: str, *, second: bool = False) -> TaskView | None:
    """The next text that ``person`` has not labelled; with ``second`` only those that somebody else has labelled."""
    actor.require(Permission.SENTIMENT)
    name = _name(person)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.columns(SentimentAnswer, SentimentAnswer.task_id, where=[SentimentAnswer.person == name])
        every = rows.columns(SentimentAnswer, SentimentAnswer.task_id)
        where = [SentimentTask.state == "open", SentimentTask.id.not_in(mine)]
        where += [SentimentTask.id.in_(every)] if second else []
        found = rows.session.scalars(rows.select(SentimentTask, *where).order_by(SentimentTask.id).limit(1)).first()
        return _view(rows, found, name) if found is not None else None


def answer(app: Application, actor: Actor, task_id: int, person: str, label: str) -> None:
    """Stores what ``person`` says of a text, in place of what they said before; "set_aside" takes it out of the lane.

    Raises BadInput (sentiment.label, sentiment.person), NotFound.
    """
    actor.require(Permission.SENTIMENT)
    name = _name(person)
    if label not in (*POLARITIES, "set_aside"):
        raise BadInput("sentiment.label", label=label, known=", ".join(POLARITIES))
    with app.database.write(actor.workspace_id) as rows:
        task = rows.get(SentimentTask, task_id)
        if label == "set_aside":
            task.state = "set_aside"
            return
        row = rows.find(SentimentAnswer, SentimentAnswer.task_id == task_id, SentimentAnswer.person == name)
        if row is None:
            rows.add(SentimentAnswer(task_id=task_id, person=name, label=label))
        else:
            row.label = label


def take_back(app: Application, actor: Actor, person: str) -> int | None:
    """Removes the person's last answer, so that its text comes again; its id, None when there is none."""
    actor.require(Permission.SENTIMENT)
    name = _name(person)
    with app.database.write(actor.workspace_id) as rows:
        mine = rows.select(SentimentAnswer, SentimentAnswer.person == name).order_by(SentimentAnswer.id.desc())
        row = rows.session.scalars(mine.limit(1)).first()
        if row is None:
            return None
        rows.delete(SentimentAnswer, SentimentAnswer.id == row.id)
        return row.task_id


def lane(app: Application, actor: Actor, person: str = "") -> LaneView:
    """How the lane stands, for ``person`` where given."""
    actor.require(Permission.SENTIMENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        given = _answers(rows)
        waiting = rows.count(SentimentTask, SentimentTask.state == "open")
        last = rows.session.scalar(rows.columns(SentimentAnswer, func.max(SentimentAnswer.created_at)))
    by_person: dict[str, dict[int, str]] = {}
    for task, said in given.items():
        for name, label in said.items():
            by_person.setdefault(name, {})[task] = label
    pair, shared = _closest(by_person)
    kappa = None
    if pair is not None:
        first, second = (by_person[name] for name in pair)
        tasks = sorted(first.keys() & second.keys())
        kappa = cohens_kappa([first[task] for task in tasks], [second[task] for task in tasks])
    twice = [set(said.values()) for said in given.values() if len(said) > 1]
    return LaneView(
        open=waiting - len(by_person.get(person.strip(), {})),
        labelled=len(given),
        both=len(twice),
        disagreed=sum(len(labels) > 1 for labels in twice),
        people=tuple(sorted(((name, len(said)) for name, said in by_person.items()), key=lambda one: -one[1])),
        kappa=kappa,
        pair=pair,
        shared=shared,
        last=last,
    )


def to_data_set(app: Application, actor: Actor, name: str = DATA_SET) -> int:
    """Makes the next version of the data set ``name`` of all labelled texts on which people agree; the job's id.

    Raises BadInput (sentiment.too_few_labels) for fewer than four, or labels of one kind only.
    """
    actor.require(Permission.STUDIO)
    with app.database.read(actor.workspace_id) as rows:
        agreed = {task: labels.pop() for task, said in _answers(rows).items() if len(labels := set(said.values())) == 1}
        tasks = rows.all(rows.select(SentimentTask, SentimentTask.id.in_(agreed)).order_by(SentimentTask.id))
    if len(tasks) < FEWEST or len(set(agreed.values())) < 2:
        raise BadInput("sentiment.too_few_labels", count=len(tasks), needed=FEWEST)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["text", "label"])
    writer.writerows([task.text, agreed[task.id]] for task in tasks)
    upload = Upload("sentiment-labels.csv", data=out.getvalue().encode())
    columns = {"text": "text", "label": "label"}
    return data_sets.start_data_set(app, actor, name, "text_classification", upload, columns)


def _answers(rows: Rows) -> dict[int, dict[str, str]]:
    """Task -> person -> label, of texts that were not set aside."""
    found: dict[int, dict[str, str]] = {}
    statement = rows.columns(
        SentimentAnswer, SentimentAnswer.task_id, SentimentAnswer.person, SentimentAnswer.label
    ).join(SentimentTask, (SentimentTask.id == SentimentAnswer.task_id) & (SentimentTask.state == "open"))
    for task, person, label in rows.session.execute(statement):
        found.setdefault(task, {})[person] = label
    return found


def _closest(by_person: dict[str, dict[int, str]]) -> tuple[tuple[str, str] | None, int]:
    names = sorted(by_person)
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    counted = [(len(by_person[a].keys() & by_person[b].keys()), (a, b)) for a, b in pairs]
    best = max(counted, default=(0, None), key=lambda one: one[0])
    return (best[1], best[0]) if best[0] else (None, 0)


def _view(rows: Rows, task: SentimentTask, name: str) -> TaskView:
    said = {a.person: a.label for a in rows.all(rows.select(SentimentAnswer, SentimentAnswer.task_id == task.id))}
    return TaskView(
        task.id, task.text, task.source, task.why, task.said, task.confidence, said.get(name, ""), len(said)
    )


def _name(person: str) -> str:
    kept = " ".join(person.split())[:80]
    if not kept:
        raise BadInput("sentiment.person")
    return kept
