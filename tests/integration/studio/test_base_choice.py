"""Rows in a language that the default base model does not read start from one that does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from core.services.studio import recipes, runs, tuning
from core.text.catalogue import translate
from tests.integration.studio.conftest import Studio, as_csv, mood_rows

BILINGUAL = "pilotlight-minilm-bilingual"
ENGLISH = "all-MiniLM-L6-v2"


def chinese_rows(count: int) -> list[tuple[str, str]]:
    draw = random.Random(3)
    places, things = ("酒店", "餐厅", "商场", "书店", "车站"), ("早餐", "服务", "环境", "价格", "位置")
    ends = {"good": "非常好，下次还来", "bad": "很差，再也不去了"}
    rows = []
    for number in range(count):
        label = "good" if number % 2 else "bad"
        rows.append((f"{draw.choice(places)}{number}号的{draw.choice(things)}{ends[label]}", label))
    return rows


CASES: list[tuple[Callable[[], list[tuple[str, str]]], str]] = [
    (lambda: mood_rows(120), ENGLISH),
    (lambda: chinese_rows(120), BILINGUAL),
    (lambda: mood_rows(100) + chinese_rows(60), BILINGUAL),
    (lambda: mood_rows(160) + chinese_rows(8), ENGLISH),  # a stray row decides nothing
]


@pytest.mark.parametrize(("rows", "expected"), CASES)
def test_the_base_model_reads_what_the_rows_are_written_in(studio: Studio, rows: Any, expected: str) -> None:
    options = {"label_errors": False}
    version = studio.data_set(content=as_csv(("text", "label"), rows()), options=options)
    app, owner = studio.app, studio.owner
    assert recipes.suggested_base(app, "text_classifier", version.counts) == expected
    started = runs.start_run(app, owner, "text_classifier", version.id, {"epochs": 1})
    assert runs.get_run(app, owner, started).args["encoder"] == expected
    chosen = runs.start_run(app, owner, "text_classifier", version.id, {"encoder": str(studio.bert)})
    assert runs.get_run(app, owner, chosen).args["encoder"] == str(studio.bert)
    searched = tuning.start_tuning(app, owner, "text_classifier", version.id, {"epochs": 1})
    assert runs.get_run(app, owner, searched).args["args"]["encoder"] == expected


def test_a_recipe_without_a_base_model_has_none(studio: Studio) -> None:
    assert recipes.suggested_base(studio.app, "lstm", {"languages": {"zh": 9}}) == ""
    assert recipes.suggested_base(studio.app, "language_model", {"languages": {"zh": 9}}) == ""


def test_a_fault_that_nobody_foresaw_is_named_and_leaves_no_version(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of a library below: here by hand, for none is known."""

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("Missing [UNK] token")

    monkeypatch.setattr("core.training.classification.train.train_classifier", broken)
    run = studio.here(studio.start(studio.data_set()))
    assert (run.state, run.version_id) == ("failed", None)
    assert run.error["code"] == "studio.run_failed"
    for language in ("en", "zh"):
        assert "Missing [UNK] token" in translate(language, f"errors.{run.error['code']}", **run.error["values"])
