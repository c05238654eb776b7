"""Small real data sets, tiny real models, and the real job runner."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.access.actor import Actor
from core.bootstrap import build, runner
from core.db.tables import Job
from core.models.hub import ModelHub
from core.services import jobs
from core.services.application import Application
from core.services.studio import data_sets, runs
from core.services.studio.run_work import work_on
from core.services.studio.views import DataSetVersionView, RunView
from core.services.views import JobView, Upload
from tests.conftest import NewPlace
from tests.integration.services.conftest import Shop, open_shop
from tests.tiny_models import tiny_bert

WORDS = {"good": ("refund", "delivery", "days", "includes"), "bad": ("costs", "month", "plan", "passages")}


def mood_rows(count: int = 160, seed: int = 1) -> list[tuple[str, str]]:
    """Texts whose words tell their label, in words that the tiny tokenizer knows; no two say nearly the same."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = "good" if number % 2 else "bad"
        words = [draw.choice(WORDS[label]) for _ in range(5)]
        numbers = "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(12))
        rows.append((" ".join([*words, numbers]), label))
    return rows


def as_csv(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def run_here(app: Application, job_id: int) -> None:
    """The job in this process, as the training process does it: for what has nothing to do with processes."""
    code = work_on(app, job_id, lambda: False)
    states = {0: "done", 70: "failed", 71: "cancelled", 72: "queued"}
    with app.database.system(writing=True) as session:
        job = session.get(Job, job_id)
        assert job is not None
        job.state = states[code]


@dataclass(frozen=True)
class Studio:
    """One workspace's studio and its owner."""

    app: Application
    shop: Shop
    bert: Path

    @property
    def owner(self) -> Actor:
        return self.shop.owner()

    def job(self, job_id: int) -> JobView:
        """Runs the job to its end through the real runner."""
        runner(self.app).run(job_id)
        return jobs.get_job(self.app, self.owner, job_id)

    def data_set(
        self, name: str = "Mood", task: str = "text_classification", content: bytes | None = None,
        mapping: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None, file: str = "mood.csv",
    ) -> DataSetVersionView:  # fmt: skip
        """A data set version, made."""
        data = content if content is not None else as_csv(("text", "label"), mood_rows())
        columns = mapping if mapping is not None else {"text": "text", "label": "label"}
        job = self.job(
            data_sets.start_data_set(self.app, self.owner, name, task, Upload(file, data=data), columns, options)
        )
        assert job.state == "done", job.error
        return data_sets.get_data_set_version(self.app, self.owner, int(job.result["version_id"]))

    def start(self, version: DataSetVersionView, recipe: str = "text_classifier", **args: Any) -> int:
        """A queued run with arguments for a tiny model."""
        given = {**self.tiny(recipe), **args}
        return runs.start_run(self.app, self.owner, recipe, version.id, given)

    def tiny(self, recipe: str) -> dict[str, Any]:
        if recipe in ("text_classifier", "few_shot"):
            found: dict[str, Any] = {"encoder": str(self.bert), "max_tokens": 24, "precision": "fp32", "export": False}
            few = {"few_shot_steps": 4, "few_shot_batch": 16}
            return {**found, **(few if recipe == "few_shot" else {"mode": "full", "epochs": 2, "learning_rate": 0.002})}
        return {}

    def here(self, run_id: int) -> RunView:
        """The run, done in this process."""
        view = runs.get_run(self.app, self.owner, run_id)
        assert view.job_id is not None
        run_here(self.app, view.job_id)
        return runs.get_run(self.app, self.owner, run_id)

    def through_the_runner(self, run_id: int) -> RunView:
        """The run, done as the worker does it: in a process of its own."""
        view = runs.get_run(self.app, self.owner, run_id)
        assert view.job_id is not None
        runner(self.app).run(view.job_id)
        return runs.get_run(self.app, self.owner, run_id)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, models: ModelHub, bert: Path, new_place: NewPlace
) -> Iterator[tuple[Studio, int]]:
    """A studio with one finished run, for tests that only look at it."""
    with new_place(tmp_path_factory.mktemp("trained")) as settings:
        yield from _trained(build(settings, models=models), bert)


def _trained(app: Application, bert: Path) -> Iterator[tuple[Studio, int]]:
    studio = Studio(app, open_shop(app, "lumen"), bert)
    run_id = studio.start(studio.data_set(options={"licence": "CC0-1.0"}), epochs=4)
    run = studio.here(run_id)
    assert run.state == "done", run.error
    yield studio, run_id
    app.queue.close()
    app.database.engine.dispose()


@pytest.fixture
def open_studio(bert: Path) -> Callable[[Application, str], Studio]:
    return lambda app, slug: Studio(app, open_shop(app, slug), bert)


@pytest.fixture
def studio(app: Application, open_studio: Callable[[Application, str], Studio]) -> Studio:
    return open_studio(app, "lumen")
