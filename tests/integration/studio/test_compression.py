"""Compression: variants measured beside the original, registered behind their gate, promoted like any version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.db.studio_tables import TrainingRun
from core.errors import BadInput, Conflict
from core.models.manifest import read_manifest
from core.services.studio import compress_work, compression, registry, reports, runs
from core.training.compression.args import Compression
from tests.integration.studio.conftest import WORDS, Studio


def test_variants_that_keep_what_the_original_knows_are_registered(trained: tuple[Studio, int]) -> None:
    studio, run_id = trained
    app, owner = studio.app, studio.owner
    version = runs.get_run(app, owner, run_id).version_id
    assert version is not None
    assert "onnx-int8" in compression.variants_for(app, owner, version)
    made = compression.start_compression(app, owner, version, variants=["onnx-int8", "dynamic-int8"], limit=0.5)
    run = studio.here(made)
    assert run.state == "done", run.error
    table = {line.variant: line for line in compression.compression_table(app, owner, made)}
    assert set(table) == {"original", "onnx-int8", "dynamic-int8"}
    assert table["original"].lost == 0
    assert table["original"].version_id == version
    assert table["dynamic-int8"].version_id is None, "torch's own int8 is only compared"
    line = table["onnx-int8"]
    assert line.version_id is not None
    assert line.texts_per_second > 0
    assert line.size_bytes > 0
    view = registry.get_version(app, owner, line.version_id)
    assert (view.parent_id, view.variant, view.number, view.name) == (version, "onnx-int8", 2, "Mood")
    assert view.gate == {"passed": True, "lost": pytest.approx(line.lost), "limit": 0.5}
    assert view.data_set == "Mood 1"
    assert set(view.metrics) == {"test_accuracy", "texts_per_second"}, "its own figures, none of the original's"
    assert view.metrics["test_accuracy"] == pytest.approx(line.accuracy)
    folder = registry.folder_by_id(app, owner, view.id)
    assert "README.md" in read_manifest(folder).files
    assert "Made from Mood 1 as onnx-int8" in reports.model_card(app, owner, view.id)
    [tried] = reports.try_model(app, owner, view.id, [" ".join(WORDS["good"])])
    assert tried.label == "good"
    registry.promote(app, owner, "sentiment", view.id)
    assert compression.variants_for(app, owner, view.id) == ()
    with pytest.raises(Conflict):
        registry.delete_version(app, owner, version)
    registry.roll_back(app, owner, "sentiment")


def test_a_variant_that_loses_too_much_is_shown_and_not_kept(
    trained: tuple[Studio, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate on figures that a real compression gave, held against a stricter limit than any of them meets."""
    studio, run_id = trained
    app, owner = studio.app, studio.owner
    version = runs.get_run(app, owner, run_id).version_id
    assert version is not None
    whole = compress_work.compress_classifier

    def poorer(*arguments: Any) -> Compression:
        found = whole(*arguments)
        original, *others = found.variants
        return replace(found, variants=(original, *(replace(one, lost=0.2, passed=False) for one in others)))

    monkeypatch.setattr(compress_work, "compress_classifier", poorer)
    before = len(registry.list_versions(app, owner))
    made = compression.start_compression(app, owner, version, variants=["onnx-int8"])
    assert studio.here(made).state == "done"
    [_, line] = compression.compression_table(app, owner, made)
    assert (line.passed, line.version_id) == (False, None)
    assert len(registry.list_versions(app, owner)) == before
    with app.database.read(studio.shop.workspace) as rows:
        assert rows.get(TrainingRun, made).metrics["variants"][1]["lost"] == 0.2
    left = Path(app.settings.data_dir / "studio" / str(studio.shop.workspace) / "runs" / str(made))
    assert not (left / compress_work.FOLDER / "onnx-int8").exists()


def test_what_cannot_be_compressed_is_refused(trained: tuple[Studio, int], studio: Studio) -> None:
    ready, run_id = trained
    version = runs.get_run(ready.app, ready.owner, run_id).version_id
    assert version is not None
    for values in ({"variants": ["magic"]}, {"limit": 0.9}, {"limit": -0.1}):
        with pytest.raises(BadInput):
            compression.start_compression(ready.app, ready.owner, version, **values)  # type: ignore[arg-type]
    small = studio.here(studio.start(studio.data_set(), "lstm", epochs=1, patience=1))
    assert small.version_id is not None
    assert compression.variants_for(studio.app, studio.owner, small.version_id) == ()
    with pytest.raises(BadInput):
        compression.start_compression(studio.app, studio.owner, small.version_id)
