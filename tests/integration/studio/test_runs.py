"""A run from its arguments to a registered model version: judged, described, repeatable, comparable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.access.actor import Actor, NotAllowed, Role
from core.db.studio_tables import ModelVersion, RunEvent, TrainingRun
from core.errors import BadInput, Conflict, NotFound
from core.models.manifest import read_manifest
from core.services.application import Application
from core.services.studio import data_sets, recipes, registry, reports, runs
from core.text.catalogue import translate
from tests.integration.studio.conftest import WORDS, Studio, as_csv, mood_rows


def test_a_run_ends_in_a_judged_described_version(trained: tuple[Studio, int]) -> None:
    studio, run_id = trained
    app, owner = studio.app, studio.owner
    run = runs.get_run(app, owner, run_id)
    assert run.metrics["test_accuracy"] > 0.9, run.metrics
    assert run.data_set == "Mood 1"
    assert run.libraries["torch"]
    assert run.version_id is not None
    version = registry.get_version(app, owner, run.version_id)
    assert (version.name, version.number, version.kind, version.data_set) == ("Mood", 1, "text_classifier", "Mood 1")
    assert version.metrics == run.metrics
    folder = registry.folder_by_id(app, owner, version.id)
    manifest = read_manifest(folder)
    assert "README.md" in manifest.files, "the card is sealed with the weights"
    assert manifest.data["licence"] == "CC0-1.0"
    card = reports.model_card(app, owner, version.id)
    for expected in ("# Mood", "CC0-1.0", "Accuracy (test rows)", "`good`", "Limits", "torch", "Passes (epochs)"):
        assert expected in card
    chinese = reports.model_card(app, replace(owner, language="zh"), version.id)
    for expected in ("# Mood", "准确率（测试集）", "## 局限", "训练轮数 (epochs)", "`good`"):
        assert expected in chinese
    assert "few_shot_steps" not in card, "what this way of training does not use"
    assert not any(text in card for text, _ in mood_rows()), "no row of the data stands in the card"
    assert not list(folder.glob("checkpoints/*"))
    said, newest = runs.run_events(app, owner, run_id)
    assert len(said.curves["loss"]) > 5
    assert said.curves["loss"][-1][1] < said.curves["loss"][0][1]
    assert said.curves["validation_accuracy"]
    assert said.log[-1][1] == "registered"
    assert runs.run_events(app, owner, run_id, newest)[0].curves == {}
    report = reports.report_of(app, owner, version.id)
    assert report.rows == 16
    assert {other.name for other in report.others} == {"ngrams"}
    assert report.after.scores.accuracy == run.metrics["test_accuracy"]
    for language in ("en", "zh"):
        page = reports.report_html(app, owner, version.id, language)
        assert translate(language, "report.title") in page
        assert "<script" not in page


def test_a_version_can_be_tried_and_asked_why(trained: tuple[Studio, int]) -> None:
    studio, run_id = trained
    app, owner = studio.app, studio.owner
    version = runs.get_run(app, owner, run_id).version_id
    assert version is not None
    texts = [" ".join(WORDS["good"]), " ".join(WORDS["bad"])]
    tried = reports.try_model(app, owner, version, texts)
    assert [one.label for one in tried] == ["good", "bad"]
    assert tried[0].labels[0].label == "good"
    assert sum(score.probability for score in tried[0].labels) == pytest.approx(1)
    said = reports.explain_text(app, owner, version, texts[0])
    assert said.said.label == "good"
    assert said.said.probability == pytest.approx(tried[0].labels[0].probability, abs=0.02)
    assert [word.word for word in said.words] == list(WORDS["good"])
    assert sum(word.weight for word in said.words) == pytest.approx(
        said.said.output - said.said.empty, abs=0.05 * abs(said.said.output - said.said.empty) + 0.1
    )
    other = reports.explain_text(app, owner, version, texts[0], "bad")
    assert other.said.label == "bad"
    with pytest.raises(BadInput):
        reports.explain_text(app, owner, version, texts[0], "ugly")
    with pytest.raises(BadInput):
        reports.try_model(app, owner, version, [{"a": 1}])
    with pytest.raises(BadInput):
        reports.explain_row(app, owner, version, {"a": 1})


def test_the_same_run_twice_gives_the_same_figures_and_another_seed_is_compared(studio: Studio) -> None:
    version = studio.data_set()
    one, two, other = (studio.start(version, "lstm", epochs=2, patience=1, seed=seed) for seed in (3, 3, 4))
    views = [studio.here(run_id) for run_id in (one, two, other)]
    assert views[0].metrics == views[1].metrics
    said = [runs.run_events(studio.app, studio.owner, run_id)[0].curves["loss"] for run_id in (one, two)]
    assert said[0] == said[1]
    compared = runs.compare_runs(studio.app, studio.owner, [one, two, other])
    assert compared.arguments == {"seed": (3, 3, 4)}
    assert compared.metrics["test_accuracy"][0] == compared.metrics["test_accuracy"][1]
    assert compared.curves["loss"][0] != compared.curves["loss"][2]
    assert [v.number for v in registry.list_versions(studio.app, studio.owner)] == [3, 2, 1]


def test_what_does_not_fit_is_refused_before_anything_is_queued(studio: Studio) -> None:
    version = studio.data_set()
    app, owner = studio.app, studio.owner
    wrong = [
        ("no_such_recipe", {}),
        ("text_classifier", {"colour": "red"}),
        ("text_classifier", {"epochs": "many"}),
        ("text_classifier", {"epochs": 0}),
        ("text_classifier", {"mode": "magic"}),
        ("text_classifier", {"encoder": "version:none"}),
        ("few_shot", {"mode": "full"}),
        ("tabular", {}),
    ]
    for recipe, args in wrong:
        with pytest.raises((BadInput, NotFound)):
            runs.start_run(app, owner, recipe, version.id, args)
    with pytest.raises(BadInput):
        runs.start_run(app, owner, "text_classifier", version.id, {}, name="x" * 101)
    with pytest.raises(NotFound):
        runs.start_run(app, owner, "text_classifier", 999, {})
    assert runs.list_runs(app, owner) == []


@pytest.mark.parametrize(
    ("encoder", "code"),
    [
        ("no-such-model", "models.unknown"),
        ("nobody/no-such-model", "models.not_here"),
        ("/no/such/folder", "training.encoder_missing"),
    ],
)
def test_a_base_model_that_cannot_be_had_is_a_sentence_and_no_version(studio: Studio, encoder: str, code: str) -> None:
    version = studio.data_set()
    run = studio.here(studio.start(version, encoder=encoder))
    assert run.state == "failed"
    assert run.error["code"] == code
    assert registry.list_versions(studio.app, studio.owner) == []


def test_weights_that_are_no_safetensors_are_refused(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    for path in studio.bert.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04\x95 pickled")
    run = studio.here(studio.start(studio.data_set(), encoder=str(folder)))
    assert run.error["code"] == "training.not_safetensors"


def test_a_run_may_start_from_a_version_and_the_manifest_names_it(trained: tuple[Studio, int]) -> None:
    studio, run_id = trained
    app, owner = studio.app, studio.owner
    first = runs.get_run(app, owner, run_id)
    offered = recipes.base_models(app, owner, "text_classifier")
    assert f"version:{first.version_id}" in {base.value for base in offered}
    assert "all-MiniLM-L6-v2" in {base.value for base in offered}
    assert first.data_set_version_id is not None
    version = data_sets.get_data_set_version(app, owner, first.data_set_version_id)
    second = studio.here(studio.start(version, encoder=f"version:{first.version_id}", mode="frozen"))
    assert second.state == "done", second.error
    assert second.version_id is not None
    manifest = read_manifest(registry.folder_by_id(app, owner, second.version_id))
    assert manifest.base == manifest.args["encoder"] == f"version:{first.version_id}"
    assert str(app.settings.data_dir) not in reports.model_card(app, owner, second.version_id)


def test_several_labels_a_row(studio: Studio) -> None:
    rows = [(text, f"{label}|all" if number % 3 else label) for number, (text, label) in enumerate(mood_rows())]
    version = studio.data_set(
        content=as_csv(("text", "label"), rows), mapping={"text": "text", "label": "label", "multi_label": True}
    )
    run = studio.here(studio.start(version))
    assert run.state == "done", run.error
    assert run.version_id is not None
    assert reports.report_of(studio.app, studio.owner, run.version_id).multi_label
    [tried] = reports.try_model(studio.app, studio.owner, run.version_id, [" ".join(WORDS["good"])])
    assert {score.label for score in tried.labels} == {"all", "bad", "good"}
    refused = studio.here(studio.start(version, "lstm"))
    assert refused.error["code"] == "studio.one_label_only"


def test_deleting_keeps_what_others_need(studio: Studio) -> None:
    app, owner = studio.app, studio.owner
    run_id = studio.start(studio.data_set(), "lstm", epochs=1, patience=1)
    assert studio.here(run_id).state == "done"
    run = runs.get_run(app, owner, run_id)
    assert run.version_id is not None
    assert run.data_set_version_id is not None
    with pytest.raises(Conflict):
        runs.delete_run(app, owner, run_id)
    waiting = studio.start(data_sets.get_data_set_version(app, owner, run.data_set_version_id))
    with pytest.raises(Conflict):
        runs.delete_run(app, owner, waiting)
    runs.cancel_run(app, owner, waiting)
    assert runs.get_run(app, owner, waiting).state == "cancelled"
    runs.delete_run(app, owner, waiting)
    registry.delete_version(app, owner, run.version_id)
    runs.delete_run(app, owner, run_id)
    assert runs.list_runs(app, owner) == []
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(RunEvent) == rows.count(TrainingRun) == 0
        assert rows.count(ModelVersion, ModelVersion.deleted_at.is_(None)) == 0
    data_sets.delete_data_set(app, owner, data_sets.list_data_sets(app, owner)[0].id)


def test_tensorboard_reads_what_was_exported(trained: tuple[Studio, int], tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    studio, run_id = trained
    folder = runs.export_tensorboard(studio.app, studio.owner, run_id, tmp_path)
    read = EventAccumulator(str(folder))
    read.Reload()
    said = runs.run_events(studio.app, studio.owner, run_id)[0].curves
    assert set(read.Tags()["scalars"]) == set(said)
    assert [(one.step, one.value) for one in read.Scalars("loss")] == [
        (step, pytest.approx(value)) for step, value in said["loss"]
    ]
    assert "arguments/text_summary" in read.Tags()["tensors"]


def test_nobody_elses_runs_and_not_every_role(
    studio: Studio, app: Application, open_studio: Callable[[Application, str], Studio]
) -> None:
    version = studio.data_set()
    run_id = studio.start(version)
    rival = open_studio(app, "umbra")
    for act in (
        lambda who: runs.get_run(app, who, run_id),
        lambda who: runs.run_events(app, who, run_id),
        lambda who: runs.cancel_run(app, who, run_id),
        lambda who: runs.delete_run(app, who, run_id),
        lambda who: runs.start_run(app, who, "text_classifier", version.id, {}),
        lambda who: runs.compare_runs(app, who, [run_id]),
    ):
        with pytest.raises(NotFound):
            act(rival.owner)
        with pytest.raises(NotAllowed):
            act(Actor(studio.shop.workspace, "agent", Role.AGENT))
    assert runs.list_runs(app, rival.owner) == []
    assert runs.get_run(app, studio.owner, run_id).state == "queued"
