"""A run that was stopped or killed goes on to the very end that it would have reached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import Cancelled, Unavailable
from core.models.classifiers.classifier import load_classifier
from core.models.manifest import NAME
from core.training.checkpoint import FOLDER
from core.training.classification.train import train_classifier
from tests.conftest import ROOT
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, rows, small_args

TRAIN, VALIDATION = rows(96, 1), rows(48, 2)
MODES: dict[str, dict[str, Any]] = {
    "full": {"epochs": 3, "learning_rate": 1e-3, "evaluations_per_epoch": 2},
    "lora": {"epochs": 3, "learning_rate": 3e-3, "evaluations_per_epoch": 2},
    "few_shot": {"few_shot_steps": 14, "few_shot_batch": 12},
    "frozen": {},
}
KILLED = """
import sys
from pathlib import Path
from core.training.classification.train import train_classifier
from tests.unit.training.classifier_helpers import Recorder, rows, small_args
args = small_args(Path(sys.argv[1]), checkpoint_seconds=0, epochs=3, learning_rate=1e-3, evaluations_per_epoch=2)
train_classifier(*rows(96, 1), rows(48, 2), args, Path(sys.argv[2]), Recorder(kill_step=int(sys.argv[3])))
"""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder"))


def train(encoder: Path, folder: Path, watch: Recorder, **values: Any) -> Any:
    args = small_args(encoder, checkpoint_seconds=0, **values)
    return train_classifier(*TRAIN, VALIDATION, args, folder, watch)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "encoder" / "model.safetensors") | load_file(folder / "head.safetensors")


def assert_same(first: Path, second: Path) -> None:
    one, other = weights(first), weights(second)
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)


@pytest.mark.parametrize("mode", MODES)
def test_stopped_between_two_steps(mode: str, encoder: Path, tmp_path: Path) -> None:
    whole = train(encoder, tmp_path / "whole", Recorder(), mode=mode, **MODES[mode])
    stopped = Recorder(stop_check=9 if mode != "frozen" else 3)
    with pytest.raises(Cancelled):
        train(encoder, tmp_path / "stopped", stopped, mode=mode, **MODES[mode])
    assert not (tmp_path / "stopped" / NAME).exists()
    resumed = Recorder()
    again = train(encoder, tmp_path / "stopped", resumed, mode=mode, **MODES[mode])
    assert again.metrics == whole.metrics
    assert_same(tmp_path / "whole", tmp_path / "stopped")
    if mode != "frozen":
        assert any("resumed" in line for line in resumed.lines)
        assert resumed.steps[0][1] > 3


def test_stopped_while_an_evaluation_is_told(encoder: Path, tmp_path: Path) -> None:
    whole = train(encoder, tmp_path / "whole", Recorder(), **MODES["full"])
    with pytest.raises(Cancelled):
        train(encoder, tmp_path / "stopped", Recorder(stop_point="validation_accuracy"), **MODES["full"])
    assert train(encoder, tmp_path / "stopped", Recorder(), **MODES["full"]).metrics == whole.metrics
    assert_same(tmp_path / "whole", tmp_path / "stopped")


def test_killed_without_a_word(encoder: Path, tmp_path: Path) -> None:
    whole = train(encoder, tmp_path / "whole", Recorder(), **MODES["full"])
    command = [sys.executable, "-c", KILLED, str(encoder), str(tmp_path / "killed"), "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not (tmp_path / "killed" / NAME).exists()
    with pytest.raises(Unavailable, match="not a finished model"):
        load_classifier(tmp_path / "killed")
    resumed = Recorder()
    again = train(encoder, tmp_path / "killed", resumed, **MODES["full"])
    assert resumed.steps[0][1] == 7
    assert again.metrics == whole.metrics
    assert_same(tmp_path / "whole", tmp_path / "killed")


@pytest.fixture
def stopped(encoder: Path, tmp_path: Path) -> Path:
    """A run that was stopped after eight steps."""
    with pytest.raises(Cancelled):
        train(encoder, tmp_path / "stopped", Recorder(stop_check=9), **MODES["full"])
    return tmp_path / "stopped"


def test_a_checkpoint_holds_no_pickle(stopped: Path) -> None:
    files = [path for path in (stopped / FOLDER).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".safetensors", ".json"}
    assert len(list((stopped / FOLDER).glob("step-*"))) == 1
    assert {path.name for path in files} >= {"model.safetensors", "optimizer.safetensors", "random.safetensors"}
    for path in files:
        if path.suffix == ".safetensors":
            header = int.from_bytes(path.read_bytes()[:8], "little")
            assert path.read_bytes()[8 : 8 + header].lstrip().startswith(b"{")


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_not_gone_on_with(name: str, stopped: Path, encoder: Path, tmp_path: Path) -> None:
    (file,) = (stopped / FOLDER).glob(f"step-*/{name}")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(bytes(content[:-1]))
    watch = Recorder()
    again = train(encoder, stopped, watch, **MODES["full"])
    assert watch.steps[0][1] == 1
    assert again.metrics == train(encoder, tmp_path / "whole", Recorder(), **MODES["full"]).metrics


def test_a_checkpoint_of_other_rows_is_not_gone_on_with(stopped: Path, encoder: Path) -> None:
    watch = Recorder()
    texts, labels = rows(96, 77)
    args = small_args(encoder, checkpoint_seconds=0, **MODES["full"])
    train_classifier(texts, labels, VALIDATION, args, stopped, watch)
    assert watch.steps[0][1] == 1
    assert not any("resumed" in line for line in watch.lines)
