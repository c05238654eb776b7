"""The studio at the command line: the same runs, versions and promotions that the pages show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from core.access.actor import Actor
from core.cli.main import cli
from core.cli.studio_config import read_config
from core.errors import BadInput, Conflict, NotFound, PilotlightError
from core.services.application import Application
from core.services.studio import data_sets, registry, runs
from core.settings import Settings
from tests.integration.studio.conftest import as_csv, mood_rows

CONFIG = """
recipe = "lstm"
name = "mood"

[data]
file = "rows.csv"
name = "Mood"

[data.options]
licence = "CC0-1.0"

[args]
epochs = 12
patience = 12
embedding = 16
hidden = 16
learning_rate = 0.02
"""

Command = Callable[..., Result]


@pytest.fixture
def command(settings: Settings, app: Application, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the application's folders, in this process."""
    monkeypatch.setenv("PILOTLIGHT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("PILOTLIGHT_INDEX_DIR", str(settings.index_dir))
    monkeypatch.setenv("PILOTLIGHT_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("PILOTLIGHT_HEARTBEAT_SECONDS", "0.2")
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_bytes(as_csv(("text", "label"), mood_rows()))
    path = tmp_path / "mood.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.server
def test_from_a_file_of_rows_to_a_model_that_serves(
    command: Command, config: Path, app: Application, owner: Actor, tmp_path: Path
) -> None:
    trained = command("train", "--config", config)
    assert trained.exit_code == 0, trained.output
    assert "Data set “Mood” 1: train 128" in trained.output
    assert "test_accuracy" in trained.output
    [run] = runs.list_runs(app, owner)
    assert (run.state, run.name, run.data_set, run.args["hidden"]) == ("done", "mood", "Mood 1", 16)

    again = command("train", "--config", config, "--json")
    said = json.loads(again.output.strip().splitlines()[-1])
    assert again.exit_code == 0
    assert said["state"] == "done"
    assert said["metrics"] == dict(run.metrics), "the same file twice gives the same figures"
    assert len(data_sets.list_versions(app, owner, data_sets.list_data_sets(app, owner)[0].id)) == 1

    listed = command("models")
    assert "mood:1" in listed.output
    assert "mood:2" in listed.output
    promoted = command("promote", "sentiment", "mood:1")
    assert promoted.exit_code == 0
    assert "mood 1 now serves" in promoted.output
    assert command("promote", "sentiment", "mood", "--share", "0.2").exit_code == 0
    assert {view.number: dict(view.serves) for view in registry.list_versions(app, owner)} == {
        1: {"sentiment": 1.0},
        2: {"sentiment": 0.2},
    }
    assert "mood 1 serves “sentiment” again" in command("rollback", "sentiment").output
    assert json.loads(command("models", "--json").output)[1]["serves"] == {"sentiment": 1.0}

    other = tmp_path / "other.csv"
    other.write_bytes(as_csv(("text", "label"), [*mood_rows(40, seed=9), ("strange words", "ugly")]))
    judged = command("evaluate", "--model", "mood", "--file", other, "--json")
    figures = json.loads(judged.output)
    assert figures["rows"] == 40
    assert figures["dropped"] == {"unknown_label": 1}
    assert figures["figures"]["accuracy"]["low"] <= figures["figures"]["accuracy"]["value"]
    assert figures["figures"]["accuracy"]["value"] > 0.8


@pytest.mark.server
def test_a_run_that_fails_says_why_and_exits_with_one(command: Command, config: Path) -> None:
    config.write_text(CONFIG.replace("learning_rate = 0.02", "learning_rate = 1.0\nclass_weights = {ugly = 2.0}"))
    failed = command("train", "--config", config)
    assert failed.exit_code == 1
    assert "ugly" in failed.output


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("recipe = ", "studio.config_unreadable"),
        ('name = "x"', "studio.config_missing"),
        ('recipe = "lstm"', "studio.config_missing"),
        ('recipe = "lstm"\ndata = 3', "studio.config_type"),
        ('recipe = "lstm"\ndata = {name = "Mood", colour = "red"}', "studio.config_keys"),
        ('recipe = "lstm"\ndata = "Mood"\nepochs = 3', "studio.config_keys"),
        ('recipe = "lstm"\ndata = "Mood"\nargs = 3', "studio.config_type"),
        ('recipe = 7\ndata = "Mood"', "studio.config_type"),
    ],
)
def test_a_config_that_says_nothing_sensible_is_a_sentence(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        read_config(path)
    assert refused.value.code == code
    assert "broken.toml" in refused.value.sentence("en")
    assert "broken.toml" in refused.value.sentence("zh")


def test_json_says_the_same_as_toml(config: Path) -> None:
    import tomllib

    other = config.with_suffix(".json")
    other.write_text(json.dumps(tomllib.loads(CONFIG)), encoding="utf-8")
    assert read_config(other) == read_config(config)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("promote", "sentiment", "nobody"), NotFound),
        (("rollback", "sentiment"), Conflict),
        (("train",), BadInput),
        (("evaluate",), BadInput),
        (("compress", "nobody"), NotFound),
    ],
)
def test_what_there_is_not_is_a_sentence(command: Command, words: tuple[str, ...], error: type) -> None:
    found = command(*words)
    assert found.exit_code == 1
    assert isinstance(found.exception, PilotlightError)
    assert isinstance(found.exception, error)


def test_texts_become_vectors_line_by_line(
    command: Command, tmp_path: Path, settings: Settings, model_folder: Path, app: Application
) -> None:
    app.encoder()  # exported once for all tests
    target = settings.data_dir / "models"
    if not target.exists():
        target.symlink_to(model_folder / "models")
    texts = ["Returns within 30 days", "", "退货"]
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    made = command("embed", "--file", file, "--out", tmp_path / "vectors.npy")
    assert made.exit_code == 0, made.output
    vectors = np.load(tmp_path / "vectors.npy", allow_pickle=False)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, app.encoder().encode(texts, kind="passage"), atol=1e-5)
    assert not list(tmp_path.glob(".*draft"))
    file.write_text("\n \n", encoding="utf-8")
    refused = command("embed", "--file", file, "--out", tmp_path / "none.npy")
    assert refused.exit_code == 1
    assert not (tmp_path / "none.npy").exists()
