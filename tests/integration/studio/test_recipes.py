"""Every recipe from a data set to a version that can be tried: its form, its training, its report."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import build
from core.errors import BadInput
from core.models.hub import ModelHub
from core.models.manifest import NAME, read_manifest
from core.services.studio import recipes, registry, reports, runs
from core.services.studio.learners.pairs import fitting_label
from core.services.studio.recipes import RECIPES, find, make_args
from core.text.catalogue import LANGUAGES, catalogue
from tests.conftest import NewPlace
from tests.integration.services.conftest import open_shop
from tests.integration.studio.conftest import Studio, as_csv, mood_rows
from tests.tiny_models import tiny_gpt2

SMALL: dict[str, Any] = {"epochs": 12, "patience": 12, "learning_rate": 0.02}


@pytest.mark.parametrize("recipe", [recipe.name for recipe in RECIPES])
def test_a_form_shows_every_argument_with_words_and_a_default_that_fits(recipe: str) -> None:
    view = recipes.get_recipe(recipe)
    names = [argument.name for argument in view.arguments]
    assert len(names) == len(set(names))
    for argument in view.arguments:
        for language in LANGUAGES:
            assert f"{argument.help_key}.label" in catalogue(language), argument.help_key
            assert f"{argument.help_key}.help" in catalogue(language), argument.help_key
        if argument.low is not None and isinstance(argument.default, int | float):
            assert argument.low <= argument.default <= (argument.high or 0), argument.name
        if argument.choices and isinstance(argument.default, str):
            assert argument.default in argument.choices
    defaults = {argument.name: argument.default for argument in view.arguments}
    assert recipes.check_args(recipe, defaults) == recipes.check_args(recipe, {})
    assert set(view.tunable) <= set(names) | {"metric"}
    chosen = find(recipe)
    assert make_args(chosen, recipes.check_args(recipe, {})) == make_args(chosen, {}), "kept as JSON and read again"


def test_a_table_is_learnt_judged_and_explained(studio: Studio) -> None:
    draw = random.Random(3)
    rows = []
    for _ in range(200):
        income, colour, age = draw.uniform(0, 100), draw.choice(("red", "blue")), draw.choice(("young", "old"))
        good = income + (20 if colour == "red" else 0) > 60
        rows.append((round(income, 2), colour, age, "good" if good else "bad"))
    version = studio.data_set(
        "Credit", "tabular", as_csv(("income", "colour", "age", "risk"), rows),
        {"label": "risk", "groups": ["age"], "features": ["income", "colour"]},
    )  # fmt: skip
    run = studio.here(studio.start(version, "tabular", members=1, epochs=20, patience=20))
    assert run.state == "done", run.error
    assert run.version_id is not None
    report = reports.report_of(studio.app, studio.owner, run.version_id)
    assert report.primary == "auc"
    assert [one.column for one in report.fairness] == ["age"]
    assert run.metrics["test_auc"] > 0.85
    row = {"income": 95.0, "colour": "red"}
    [tried] = reports.try_model(studio.app, studio.owner, run.version_id, [row])
    assert tried.label == "good"
    why = reports.explain_row(studio.app, studio.owner, run.version_id, row)
    assert {one.column for one in why.columns} == {"income", "colour"}
    with pytest.raises(BadInput):
        reports.try_model(studio.app, studio.owner, run.version_id, ["a text"])


def test_pictures_are_learnt_from_a_table_of_pixels(studio: Studio) -> None:
    draw = random.Random(5)
    rows = []
    for number in range(120):
        upper = number % 2
        bright = [draw.randint(180, 255) if (place < 32) == bool(upper) else draw.randint(0, 60) for place in range(64)]
        rows.append(("upper" if upper else "lower", *bright))
    header = ("label", *(f"p{place}" for place in range(64)))
    version = studio.data_set("Halves", "image", as_csv(header, rows), {"label": "label"}, file="halves.csv")
    run = studio.here(studio.start(version, "image", epochs=3, patience=3, widths=[4, 8], dense=8, shift=0.0, turn=0.0))
    assert run.state == "done", run.error
    assert run.metrics["test_accuracy"] > 0.9
    assert run.version_id is not None
    manifest = read_manifest(registry.folder_by_id(studio.app, studio.owner, run.version_id))
    assert manifest.kind == "image"


@pytest.mark.parametrize("kind", ["bi_encoder", "cross_encoder"])
def test_pairs_are_learnt_and_compared_with_what_was_there_before(studio: Studio, kind: str) -> None:
    texts = [text for text, _ in mood_rows(60)]
    rows = [(f"{text} ?", text, "1") for text in texts] + [
        (f"{texts[n]} ?", texts[(n + 7) % 60], "0") for n in range(60)
    ]
    version = studio.data_set(
        "Pairs", "sentence_pair", as_csv(("query", "passage", "fits"), rows),
        {"first": "query", "second": "passage", "label": "fits"},
    )  # fmt: skip
    args = {"encoder": str(studio.bert), "kind": kind, "epochs": 1, "max_tokens": 24, "precision": "fp32"}
    run = studio.here(studio.start(version, "sentence_pair", **args))
    assert run.state == "done", run.error
    assert run.version_id is not None
    assert 0 <= run.metrics["test_mrr"] <= 1
    figures = registry.version_report(studio.app, studio.owner, run.version_id)["figures"]
    assert set(figures["measures"]) == {"mrr", "ndcg", "recall_at_1"}  # type: ignore[index]
    for language in LANGUAGES:
        assert catalogue(language)["figures.title"] in reports.report_html(
            studio.app, studio.owner, run.version_id, language
        )
    tried = reports.try_model(studio.app, studio.owner, run.version_id, [(texts[0], texts[0]), (texts[0], texts[1])])
    assert tried[0].score is not None
    if kind == "bi_encoder":
        assert tried[0].score == pytest.approx(1.0, abs=1e-4)


def test_the_label_that_fits() -> None:
    assert fitting_label(("0", "1")) == "1"
    assert fitting_label(("duplicate", "other")) == "duplicate"
    assert fitting_label(("不匹配", "匹配")) == "匹配"
    assert fitting_label(()) == ""


def test_few_examples_are_learnt_by_pairs(studio: Studio) -> None:
    version = studio.data_set(content=as_csv(("text", "label"), mood_rows(48)))
    run = studio.here(studio.start(version, "few_shot"))
    assert run.state == "done", run.error
    assert run.version_id is not None
    manifest = read_manifest(registry.folder_by_id(studio.app, studio.owner, run.version_id))
    assert manifest.facts["mode"] == "few_shot"
    report = reports.report_of(studio.app, studio.owner, run.version_id)
    assert [one.name for one in report.forgetting] == ["help_centre_en"]
    assert report.forgetting[0].rows == 150


def test_cross_validation_on_request(studio: Studio) -> None:
    version = studio.data_set()
    run = studio.here(studio.start(version, "lstm", folds=3, embedding=16, hidden=16, **SMALL))
    assert run.state == "done", run.error
    assert run.version_id is not None
    report = reports.report_of(studio.app, studio.owner, run.version_id)
    by_measure = {one.measure: one for one in report.folds}
    assert len(by_measure["accuracy"].values) == 3
    assert by_measure["accuracy"].mean > 0.8
    assert runs.get_run(studio.app, studio.owner, run.id).args["folds"] == 3
    for wrong in (1, 99, "many", 2.5):
        with pytest.raises(BadInput):
            recipes.check_args("lstm", {"folds": wrong})
    with pytest.raises(BadInput):
        recipes.check_args("sentence_pair", {"folds": 3})


def test_folds_know_which_label_is_which(studio: Studio) -> None:
    """The data set counts 2 before 10, the classifier sorts them as texts."""
    rows = [(text, {"good": "10", "bad": "2"}[label]) for text, label in mood_rows()]
    version = studio.data_set(content=as_csv(("text", "label"), rows))
    run = studio.here(studio.start(version, mode="frozen", folds=2))
    assert run.state == "done", run.error
    assert run.version_id is not None
    found = {one.measure: one.mean for one in reports.report_of(studio.app, studio.owner, run.version_id).folds}
    assert found["accuracy"] > 0.8, "turned round it would be near 0"


def test_folds_of_several_labels_a_row_are_refused_before_anything_is_trained(studio: Studio) -> None:
    rows = [(text, label if number % 3 else f"{label}|long") for number, (text, label) in enumerate(mood_rows(60))]
    version = studio.data_set(
        content=as_csv(("text", "label"), rows), mapping={"text": "text", "label": "label", "multi_label": True}
    )
    with pytest.raises(BadInput, match="one label a row"):
        studio.start(version, folds=2)
    assert runs.list_runs(studio.app, studio.owner) == []


LINES = [
    "the lamp is returned within thirty days",
    "the refund takes five business days",
    "the pro plan costs nine a month",
    "delivery of the lamp takes three days",
]


@pytest.mark.parametrize("start", ["scratch", "base"])
def test_a_language_model_writes_and_is_compared_with_what_was_there_before(
    studio: Studio, start: str, tmp_path: Path
) -> None:
    draw = random.Random(2)
    text = "\n".join(" and ".join(draw.sample(LINES, 2)) + f" {draw.randint(10, 99)}" for _ in range(60))
    version = studio.data_set("Lines", "language_model", text.encode(), {"text": "text"}, file="lines.txt")
    args: dict[str, Any] = {"epochs": 1, "batch_size": 4, "max_tokens": 32, "sample_tokens": 4, "precision": "fp32"}
    if start == "scratch":
        args |= {"layers": 1, "heads": 2, "width": 16, "vocabulary_size": 300}
    else:
        args |= {"base": str(tiny_gpt2(tmp_path / "gpt2", positions=64, template=False))}
    run = studio.here(studio.start(version, "language_model", **args))
    assert run.state == "done", run.error
    assert run.version_id is not None
    figures: Any = registry.version_report(studio.app, studio.owner, run.version_id)["figures"]
    assert figures["from_scratch"] == (start == "scratch")
    assert set(figures["measures"]) == ({"loss"} if start == "scratch" else {"loss", "general_loss"})
    assert figures["measures"]["loss"]["after"] == pytest.approx(run.metrics["test_loss"])
    assert len(figures["samples"]) == 3
    page = reports.report_html(studio.app, studio.owner, run.version_id, "zh")
    assert catalogue("zh")["figures.samples"] in page
    [tried] = reports.try_model(studio.app, studio.owner, run.version_id, ["the lamp"], max_tokens=5, seed=1)
    again = reports.try_model(studio.app, studio.owner, run.version_id, ["the lamp"], max_tokens=5, seed=1)
    assert tried == again[0]
    with pytest.raises(BadInput):
        reports.explain_text(studio.app, studio.owner, run.version_id, "the lamp")


def test_a_model_says_by_name_what_it_was_made_from(
    tmp_path: Path, models: ModelHub, bert: Path, new_place: NewPlace
) -> None:
    tiny_gpt2(tmp_path / "models" / "distilgpt2", positions=64, template=False)
    with new_place(tmp_path / "place", models_dir=tmp_path / "models") as settings:
        app = build(settings, models=models)
        studio = Studio(app, open_shop(app, "lumen"), bert)
        version = studio.data_set(
            "Lines", "language_model", "\n".join(LINES * 5).encode(), {"text": "text"}, file="a.txt"
        )
        small = {"epochs": 1, "batch_size": 4, "max_tokens": 32, "sample_tokens": 0, "precision": "fp32"}
        run = studio.here(studio.start(version, "language_model", base="distilgpt2", **small))
        assert run.state == "done", run.error
        assert run.version_id is not None
        folder = registry.folder_by_id(app, studio.owner, run.version_id)
        assert read_manifest(folder).base == read_manifest(folder).args["base"] == "distilgpt2"
        assert str(tmp_path) not in (folder / NAME).read_text(encoding="utf-8")
        app.queue.close()
        app.database.engine.dispose()


def test_prompts_with_responses(studio: Studio) -> None:
    rows = [(f"name lamp {number}", f"the lamp {number} is good") for number in range(50)]
    version = studio.data_set(
        "Answers", "prompt_response", as_csv(("prompt", "response"), rows), {"prompt": "prompt", "response": "response"}
    )
    run = studio.here(
        studio.start(
            version, "language_model", epochs=1, batch_size=4, max_tokens=48, layers=1, heads=2, width=16,
            vocabulary_size=300, sample_tokens=0, precision="fp32",
        )
    )  # fmt: skip
    assert run.state == "done", run.error
    assert run.version_id is not None
    figures: Any = registry.version_report(studio.app, studio.owner, run.version_id)["figures"]
    assert all("→" in sample for sample in figures["samples"])
