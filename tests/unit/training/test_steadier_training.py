"""What makes a classifier's training steadier: averaged weights, slower lower layers, moved word vectors, two reads."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Cancelled
from core.training.adversarial import Perturbation
from core.training.averaging import RunningAverage
from core.training.checkpoint import FOLDER
from core.training.classification.train import train_classifier
from core.training.language.args import LanguageModelArgs
from core.training.layer_rates import layer_factors
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, many_labels, rows, small_args

TRAIN, VALIDATION = rows(96, 1), rows(48, 2)
OPTIONS: dict[str, dict[str, Any]] = {
    "average": {"average": 0.9},
    "layers": {"layer_decay": 0.8},
    "adversarial": {"adversarial": 0.05},
    "agreement": {"agreement": 1.0},
    "all": {"average": 0.9, "layer_decay": 0.8, "adversarial": 0.05, "agreement": 1.0},
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder"))


def train(encoder: Path, folder: Path, watch: Recorder, **values: Any) -> Any:
    args = small_args(encoder, checkpoint_seconds=0, **{"epochs": 3, "evaluations_per_epoch": 2, **values})
    return train_classifier(*TRAIN, VALIDATION, args, folder, watch)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "encoder" / "model.safetensors") | load_file(folder / "head.safetensors")


@pytest.mark.parametrize("name", OPTIONS)
def test_each_learns_and_goes_on_where_it_was_stopped(name: str, encoder: Path, tmp_path: Path) -> None:
    """A tenth above chance of three classes is far beyond luck on 48 rows; the resumed run is the same to the bit."""
    whole = train(encoder, tmp_path / "whole", Recorder(), **OPTIONS[name])
    with pytest.raises(Cancelled):
        train(encoder, tmp_path / "stopped", Recorder(stop_check=9), **OPTIONS[name])
    resumed = Recorder()
    again = train(encoder, tmp_path / "stopped", resumed, **OPTIONS[name])
    assert any("resumed" in line for line in resumed.lines)
    assert whole.metrics["accuracy"] > 0.6
    assert again.metrics == whole.metrics
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert all(one[key].equal(other[key]) for key in one)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_changes_what_is_learnt(name: str, encoder: Path, tmp_path: Path) -> None:
    plain, other = tmp_path / "plain", tmp_path / name
    train(encoder, plain, Recorder(), epochs=1)
    train(encoder, other, Recorder(), epochs=1, **OPTIONS[name])
    assert not weights(plain)["weight"].equal(weights(other)["weight"])


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_they_work_with_several_labels_and_with_low_rank_deltas(mode: str, encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, task="multi", mode=mode, epochs=1, **OPTIONS["all"])
    found = train_classifier(*many_labels(64, 1), many_labels(32, 2), args, tmp_path / "multi", Recorder())
    assert 0 <= found.metrics["f1_micro"] <= 1


def test_the_average_is_its_formula_and_is_what_is_kept(encoder: Path, tmp_path: Path) -> None:
    import torch

    layer = torch.nn.Linear(3, 2)
    average, expected = RunningAverage(layer, 0.9), layer.weight.detach().clone()
    for step in range(1, 31):
        with torch.no_grad():
            layer.weight += torch.randn(2, 3)
        average.update(step)
        keep = min(0.9, step / (9 + step))
        expected = keep * expected + (1 - keep) * layer.weight.detach()
    own = layer.weight.detach().clone()
    with average.in_place():
        torch.testing.assert_close(layer.weight.detach(), expected)
    assert layer.weight.equal(own)
    average.keep()
    torch.testing.assert_close(layer.weight.detach(), expected)


def test_without_validation_rows_the_average_of_the_last_steps_is_kept(encoder: Path, tmp_path: Path) -> None:
    nothing: tuple[list[str], list[str]] = ([], [])
    found = {}
    for name, values in {"plain": {}, "average": {"average": 0.9}}.items():
        args = small_args(encoder, mode="few_shot", few_shot_steps=8, few_shot_batch=12, **values)
        train_classifier(*TRAIN, nothing, args, tmp_path / name, Recorder())
        found[name] = weights(tmp_path / name)["embeddings.word_embeddings.weight"]
    assert not found["plain"].equal(found["average"])


def test_a_checkpoint_holds_the_average_and_is_not_read_without_it(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        train(encoder, tmp_path, Recorder(stop_check=9), average=0.9)
    (file,) = (tmp_path / FOLDER).glob("step-*/average.safetensors")
    file.unlink()
    watch = Recorder()
    train(encoder, tmp_path, watch, average=0.9)
    assert watch.steps[0][1] == 1


def test_lower_layers_learn_more_slowly(encoder: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(encoder)
    layers = model.config.num_hidden_layers
    assert layers > 1
    factors = layer_factors(model, 0.5)
    assert factors["embeddings.word_embeddings.weight"] == 0.5**layers
    assert factors["encoder.layer.0.output.dense.weight"] == 0.5 ** (layers - 1)
    assert factors[f"encoder.layer.{layers - 1}.output.dense.weight"] == 1
    assert set(layer_factors(model, 1.0).values()) == {1.0}


def test_moved_vectors_hurt_and_padding_stays(encoder: Path) -> None:
    import torch
    from transformers import AutoModel

    torch.manual_seed(0)
    model = AutoModel.from_pretrained(encoder).eval()
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])  # the last two are padding by the mask alone
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    seen: list[Any] = []

    def loss() -> Any:
        hook = model.get_input_embeddings().register_forward_hook(lambda *given: seen.append(given[2].detach()))
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        hook.remove()
        return (states[:, 0] * torch.linspace(-1, 1, states.shape[-1])).sum()

    moving = Perturbation(model, 0.1)
    with moving.watching():
        plain = loss()
        plain.backward()
    with moving.moved():
        worse = loss()
    assert worse.item() > plain.item()
    assert loss().item() == pytest.approx(plain.item())  # nothing is left behind
    moved = seen[1] - seen[0]
    assert not moved[1, 2:].any()
    for row, tokens in ((0, 4), (1, 2)):
        assert float(moved[row].norm()) == pytest.approx(0.1 * float(seen[0][row, :tokens].norm()), rel=1e-3)


def test_the_divergence_is_its_formula() -> None:
    import torch

    from core.training.classification.fit import divergence

    first, second = torch.randn(5, 3), torch.randn(5, 3)
    p, q = (some.softmax(1).numpy() for some in (first, second))
    expected = (p * np.log(p / q)).sum(1) + (q * np.log(q / p)).sum(1)
    np.testing.assert_allclose(divergence(first, second, "single").numpy(), expected, rtol=1e-4)
    p, q = (some.sigmoid().numpy() for some in (first, second))
    expected = (p - q) * (np.log(p / (1 - p)) - np.log(q / (1 - q)))
    np.testing.assert_allclose(divergence(first, second, "multi").numpy(), expected, rtol=1e-3, atol=1e-6)
    assert float(divergence(first, copy.copy(first), "single").abs().max()) < 1e-6


@pytest.mark.parametrize(
    ("name", "value"), [("average", 1.0), ("layer_decay", 0.0), ("adversarial", -0.1), ("agreement", -1)]
)
def test_values_that_cannot_be_are_refused(name: str, value: float, encoder: Path) -> None:
    with pytest.raises(BadInput) as refused:
        small_args(encoder, **{name: value})
    assert (refused.value.code, refused.value.values["name"]) == ("training.argument", name)


def test_a_language_model_refuses_what_it_does_not_use() -> None:
    with pytest.raises(BadInput):
        LanguageModelArgs(layer_decay=0.9)
    with pytest.raises(BadInput):
        LanguageModelArgs(adversarial=0.1)
