"""The job of the wizard: models fitted and judged one by one, each result kept as it comes, the verdict at the end.

``RecommendComparison.result``: ``splits`` (kind -> {"protocol", "results": name -> figures}), ``main`` (the kind that
the verdict is about), ``order`` (names, best first on it), ``verdict``.
A killed job goes on: results that are there are not measured again, and models go on from their checkpoints.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from core.db.recommend_tables import CatalogueItem, RecommendComparison, RecommendModel
from core.db.tables import utc_now
from core.errors import Cancelled
from core.evaluation.intervals import Interval
from core.jobs.context import JobContext
from core.recommend.base import Model
from core.recommend.build import MEMBERS, create
from core.recommend.compare import CompareArgs, Comparison, Result, compare
from core.recommend.data import Interactions, Items
from core.recommend.split import choose_kind
from core.recommend.verdict import verdict_of
from core.services import quota
from core.services.application import Application
from core.services.recommend.catalogues import catalogue_folder
from core.services.recommend.snapshot import read_interactions, snapshot
from core.services.recommend.vectors import encoder_of
from core.services.recommend.versions import store_model

SMALL = 3_000  # items up to which every model that was compared is kept, not the winner alone
SHARE = 0.2  # of the events is the test
TELL_EVERY = 1.0  # seconds between two writes of how far a model is

log = structlog.get_logger(__name__)


class CellWatch:
    """The ``Watch`` of a model that is one of many: the job's progress counts models; the steps of the one that learns
    now stand in ``job.result["now"]``: ``model``, ``split`` ("" for the last learning, from everything), ``done`` and
    ``total`` steps, ``seconds_left`` at most (None while that is not known) and, of sequential models, ``epoch``,
    ``epochs`` and ``validation_ndcg``."""

    def __init__(self, context: JobContext, split: str, name: str, done: int, total: int) -> None:
        self._context, self._place = context, (name[:40], done, total)
        self._now: dict[str, Any] = {"model": name, "split": split, "done": 0, "total": 0, "seconds_left": None}
        self._first: tuple[str, int, float] | None = None  # stage, step and time from which the speed is taken
        self._written = 0.0
        self._tell()

    def check(self) -> None:
        self._context.check()

    def step(self, stage: str, done: int, total: int) -> None:
        self._context.progress(*self._place)
        if stage == "compare" or not total:  # how many models are done, not how far this one is
            return
        moment = time.monotonic()
        if self._first is None or self._first[0] != stage or done < self._first[1]:
            self._first = (stage, done, moment)
        _, first, since = self._first
        left = (total - done) * (moment - since) / (done - first) if done > first else None
        self._now |= {"done": done, "total": total, "seconds_left": left}
        if moment - self._written >= TELL_EVERY:
            self._tell()

    def point(self, step: int, **values: float) -> None:
        self.check()
        said: dict[str, Any] = {name: values[name] for name in ("epoch", "epochs", "validation_ndcg") if name in values}
        if said:
            self._now |= said
            self._tell()

    def sample(self, step: int, text: str) -> None:
        self.check()

    def say(self, line: str) -> None:
        log.info(line, job=self._context.job_id)

    def _tell(self) -> None:
        self._written = time.monotonic()
        self._context.finish(now=self._now)


def run_comparison(app: Application, context: JobContext) -> None:
    """Handler of ``recommend_compare`` jobs."""
    comparison_id = int(context.arguments["comparison_id"])
    with app.database.write(context.workspace_id) as rows:
        stored = rows.get(RecommendComparison, comparison_id)
        if stored.state == "done":
            return
        stored.state = "running"
    work = catalogue_folder(app, context.workspace_id, stored.catalogue_id) / "work" / str(comparison_id)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    try:
        wizard = _Wizard(app, context, stored, work)
        # Several threads make small multiplications slower, and ALS brings threads of its own.
        with quota.training_time(app, context), threadpool_limits(1 if wizard.small() else None):
            wizard.run()
    except Exception as error:  # an Interrupted one goes on later and is none
        _mark(app, context, comparison_id, state="cancelled" if isinstance(error, Cancelled) else "failed")
        raise
    _mark(app, context, comparison_id, state="done", finished_at=utc_now())
    shutil.rmtree(work, ignore_errors=True)
    context.finish(comparison_id=comparison_id, now=None)


def _mark(app: Application, context: JobContext, comparison_id: int, **values: Any) -> None:
    with app.database.write(context.workspace_id) as rows:
        rows.update(RecommendComparison, RecommendComparison.id == comparison_id, **values)


class _Wizard:
    """One comparison, from the rows to the verdict."""

    def __init__(self, app: Application, context: JobContext, stored: RecommendComparison, work: Path) -> None:
        self.app, self.context, self.stored, self.work = app, context, stored, work
        self.names: list[str] = stored.options["models"]
        self.seed = int(stored.options["seed"])
        self.result: dict[str, Any] = dict(stored.result)
        self.encode = encoder_of(app, context.workspace_id, stored.catalogue_id)

    def small(self) -> bool:
        with self.app.database.read(self.context.workspace_id) as rows:
            return rows.count(CatalogueItem, CatalogueItem.catalogue_id == self.stored.catalogue_id) <= SMALL

    def run(self) -> None:
        with self.app.database.read(self.context.workspace_id) as rows:
            items = snapshot(self.app, rows, self.stored.catalogue_id).items
            data = read_interactions(rows, self.stored.catalogue_id, items, self.stored.last_interaction_id)
        main = str(choose_kind(data, SHARE))
        kinds = [main, *(["random"] if main != "random" else [])]
        self.result.setdefault("main", main)
        self.result.setdefault("splits", {})
        total = len(kinds) * len(self.names) + 1
        cells = [(kind, name) for kind in kinds for name in self.names]
        for done, (kind, name) in enumerate(cells):
            if name not in self.result["splits"].get(kind, {}).get("results", {}):
                watch = CellWatch(self.context, kind, name, done, total)
                watch.step(name, 0, 0)
                args = CompareArgs(models=(name,), kind=kind, share=SHARE, seed=self.seed)
                self._keep(kind, name, compare(data, items, self.build, args, watch=watch, work=self.work / kind))
        self._judge(main, len(data))
        self._train(items, data, total)

    def build(self, name: str) -> Model:
        members = tuple(one for one in MEMBERS if one in self.names)
        return create(name, encode=self.encode, members=members)

    def _keep(self, kind: str, name: str, made: Comparison) -> None:
        """A result as it comes, so that the page can show it and a killed job need not measure it again."""
        cell = self.result["splits"].setdefault(kind, {"protocol": dict(made.protocol), "results": {}})
        cell["results"][name] = _plain(asdict(made.result(name)))
        self._write()

    def _judge(self, main: str, events: int) -> None:
        cell = self.result["splits"][main]
        results = [_result(one) for one in cell["results"].values()]
        results.sort(key=lambda one: (-one.ndcg.value, self.names.index(one.name)))
        self.result["order"] = [one.name for one in results]
        verdict = verdict_of(results, int(cell["protocol"]["people"]), events)
        self.result["verdict"] = _plain(asdict(verdict))
        self._write()

    def _train(self, items: Items, data: Interactions, total: int) -> None:
        """Learns from everything there is, ready to serve: the winner, and the others where they are small."""
        verdict = self.result["verdict"]
        wanted = {verdict["model"], verdict["values"].get("nearest"), *(self.names if len(items) <= SMALL else ())}
        with self.app.database.read(self.context.workspace_id) as rows:
            mine = [RecommendModel.comparison_id == self.stored.id]
            kept = set(rows.session.scalars(rows.columns(RecommendModel, RecommendModel.name, where=mine)))
        for name in (one for one in self.names if one in wanted and one not in kept):
            watch = CellWatch(self.context, "", name, total - 1, total)
            watch.step(name, 0, 0)
            model = self.build(name).fit(data, items, seed=self.seed, watch=watch, work=self.work / "final" / name)
            store_model(
                self.app, self.context.workspace_id, self.stored.catalogue_id, model,
                last_interaction_id=self.stored.last_interaction_id, comparison_id=self.stored.id,
                figures=self.result["splits"][self.result["main"]]["results"][name],
            )  # fmt: skip

    def _write(self) -> None:
        _mark(self.app, self.context, self.stored.id, result=self.result)


def _plain(value: Any) -> Any:
    """What JSON keeps."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def _result(stored: Mapping[str, Any]) -> Result:
    intervals = {name: Interval(**stored[name]) for name in ("ndcg", "recall", "mrr", "gain")}
    return Result(**{**stored, **intervals})
