"""Estimates: a few real steps of the run's own trainer, in a process of their own, and what cannot fit is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput, PilotlightError
from core.services.studio import probing, recipes, registry, runs
from core.services.studio.probing import probe
from core.training.preflight import Workload
from tests.integration.studio.conftest import Studio, as_csv


def asked(studio: Studio, recipe: str, version_id: int, **args: Any) -> Any:
    whole = recipes.check_args(recipe, {**studio.tiny(recipe), **args})
    return probe(studio.app, studio.shop.workspace, recipe, version_id, whole)


@pytest.mark.parametrize(
    ("recipe", "args", "steps"),
    [
        ("text_classifier", {"epochs": 3, "batch_size": 16}, 24),
        ("text_classifier", {"mode": "frozen"}, None),
        ("few_shot", {}, 4),
        ("lstm", {"epochs": 5, "batch_size": 32}, 20),
    ],
)
def test_steps_time_and_memory_of_a_run(studio: Studio, recipe: str, args: dict[str, Any], steps: int | None) -> None:
    version = studio.data_set()
    found = asked(studio, recipe, version.id, **args)
    assert found.fits
    assert found.advice == {}
    assert found.rows == 128
    if steps is not None:
        assert found.steps == steps
    assert found.seconds > 0
    assert math.isfinite(found.seconds)
    assert 0 <= found.memory_bytes < found.free_memory_bytes
    assert runs.list_runs(studio.app, studio.owner) == []
    assert registry.list_versions(studio.app, studio.owner) == []


def test_an_estimate_of_a_table(studio: Studio) -> None:
    rows = [(number, number % 7, "yes" if number % 3 else "no") for number in range(90)]
    version = studio.data_set("T", "tabular", as_csv(("a", "b", "label"), rows), {"label": "label"})
    found = asked(studio, "tabular", version.id, members=2, epochs=4, batch_size=24, patience=4)
    assert found.steps == 2 * math.ceil(72 / 24) * 4


def test_an_estimate_of_a_language_model_counts_blocks(studio: Studio) -> None:
    text = "\n".join(
        f"the lamp number {number} is returned within {number % 30} days of delivery" for number in range(80)
    )
    version = studio.data_set("L", "language_model", text.encode(), {"text": "text"}, file="lines.txt")
    small = {"layers": 1, "heads": 2, "width": 16, "vocabulary_size": 300, "sample_tokens": 0, "precision": "fp32"}
    found = asked(studio, "language_model", version.id, epochs=2, batch_size=2, max_tokens=32, **small)
    assert found.fits
    assert found.steps >= 2
    capped = asked(studio, "language_model", version.id, epochs=2, batch_size=2, max_tokens=32, max_steps=2, **small)
    assert capped.steps == 2


@pytest.mark.server
def test_through_a_process_of_its_own_and_its_errors_come_back(studio: Studio) -> None:
    version = studio.data_set()
    found = runs.estimate(studio.app, studio.owner, "lstm", version.id, {"epochs": 2, "patience": 2})
    assert found.steps == 2 * math.ceil(128 / 64)
    with pytest.raises(PilotlightError) as refused:
        runs.estimate(studio.app, studio.owner, "text_classifier", version.id, {"encoder": "/no/such/folder"})
    assert refused.value.code == "training.encoder_missing"


def test_a_run_that_cannot_fit_is_refused_with_what_would(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The model's own size is real; the machine is made small."""
    version = studio.data_set()
    monkeypatch.setattr(probing, "free_memory", lambda device="cpu": 1_000)
    run = studio.here(studio.start(version))
    assert run.state == "failed"
    assert run.error["code"].startswith("data.memory_")
    assert registry.list_versions(studio.app, studio.owner) == []
    monkeypatch.undo()
    monkeypatch.setattr(probing, "free_disk", lambda folder: 1_000)
    run = studio.here(studio.start(version))
    assert run.error["code"] == "data.disk_short"
    work = Workload(rows=1, parameters=10**13)
    assert probing.static_bytes(work) > 10**13
    with pytest.raises(BadInput):
        recipes.check_args("text_classifier", {"batch_size": 0})
