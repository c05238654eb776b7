"""Bi-encoders and cross-encoders learn to match, go on after a stop, and open in sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Cancelled
from core.models.manifest import NAME, read_manifest
from core.training.pairs.args import Candidates, PairArgs
from core.training.pairs.problems import in_batch_loss, pair_loss, ranking_scores
from core.training.pairs.train import train_pairs
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import FILLER, Recorder

TOPICS = ("refund", "month", "delivery", "plan")
ANSWERS = ("returned", "costs", "days", "sign")


def questions(count: int, seed: int) -> list[Candidates]:
    """A query with a topic word; of its four candidates the one with the word that goes with the topic fits."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        topic = number % len(TOPICS)
        wrong = generator.permutation([other for other in range(len(TOPICS)) if other != topic])[:3]
        texts = [f"from the {ANSWERS[place]}" for place in (topic, *wrong)]
        made.append(Candidates(f"{generator.choice(FILLER)} {TOPICS[topic]}", tuple(texts), (1.0, 0.0, 0.0, 0.0)))
    return made


TRAIN, VALIDATION = questions(96, 1), questions(24, 2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder"))


def pair_args(folder: Path, /, **values: Any) -> PairArgs:
    defaults: dict[str, Any] = {
        "encoder": str(folder), "epochs": 6, "batch_size": 16, "learning_rate": 5e-3, "precision": "fp32",
        "device": "cpu", "threads": 1, "max_tokens": 32, "patience": 0, "negatives": 3,
    }  # fmt: skip
    return PairArgs(**{**defaults, **values})


def test_a_bi_encoder_learns_and_is_a_sentence_transformer(encoder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = tmp_path / "model"
    manifest = train_pairs(TRAIN, VALIDATION, pair_args(encoder), folder, Recorder())
    assert manifest.kind == "encoder"
    assert manifest.metrics["mrr"] > 0.8 > manifest.metrics["mrr_before"]
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    queries = model.encode([row.query for row in VALIDATION], show_progress_bar=False)
    texts = [model.encode(list(row.texts), show_progress_bar=False) for row in VALIDATION]
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
    right = [int(np.argmax(some @ query)) == 0 for query, some in zip(queries, texts, strict=True)]
    assert np.mean(right) > 0.9


@pytest.mark.parametrize(
    ("loss", "mode", "least"), [("softmax", "full", 0.8), ("bce", "full", 0.65), ("softmax", "lora", 0.65)]
)
def test_a_cross_encoder_learns_and_opens(loss: str, mode: str, least: float, encoder: Path, tmp_path: Path) -> None:
    """Chance is an mrr of 0.52. Which answer goes with which topic shows only where both are read together."""
    from sentence_transformers import CrossEncoder

    folder = tmp_path / "model"
    rate = 3e-3 if mode == "full" else 1e-2
    args = pair_args(
        encoder, kind="cross_encoder", loss=loss, mode=mode, epochs=30, batch_size=8, learning_rate=rate, lora_alpha=32
    )
    manifest = train_pairs(TRAIN, VALIDATION, args, folder, Recorder())
    assert manifest.kind == "sentence_pair"
    assert manifest.metrics["mrr"] > least
    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    found = [model.predict([(row.query, text) for text in row.texts], show_progress_bar=False) for row in VALIDATION]
    scores = ranking_scores([np.asarray(one) for one in found], [{0: 1.0}] * len(VALIDATION))
    assert scores["mrr"] == pytest.approx(manifest.metrics["mrr"], abs=0.02)
    assert all(0 <= float(value) <= 1 for one in found for value in one)


@pytest.mark.parametrize("kind", ["bi_encoder", "cross_encoder"])
def test_a_stopped_run_ends_as_a_whole_one(kind: str, encoder: Path, tmp_path: Path) -> None:
    args = pair_args(encoder, kind=kind, epochs=3, checkpoint_seconds=0)
    whole = train_pairs(TRAIN, VALIDATION, args, tmp_path / "whole", Recorder())
    with pytest.raises(Cancelled):
        train_pairs(TRAIN, VALIDATION, args, tmp_path / "stopped", Recorder(stop_check=9))
    assert not (tmp_path / "stopped" / NAME).exists()
    again = train_pairs(TRAIN, VALIDATION, args, tmp_path / "stopped", Recorder())
    assert again.metrics == whole.metrics
    weights = "model.safetensors"
    assert (tmp_path / "stopped" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()
    assert read_manifest(tmp_path / "stopped").files[weights] == whole.files[weights]


def test_in_batch_loss_is_its_formula() -> None:
    import torch

    torch.manual_seed(0)
    queries, passages = (torch.nn.functional.normalize(torch.randn(n, 6), dim=1) for n in (3, 5))
    texts, fits = [0, 1, 0, 7, 8], [{0}, {1, 8}, {0}]  # the first and the third query have the same passage
    expected = 0.0
    for row in range(3):
        allowed = [column for column in range(5) if column == row or texts[column] not in fits[row]]
        scores = [float(queries[row] @ passages[column]) * 10 for column in allowed]
        expected -= scores[allowed.index(row)] - np.log(np.exp(scores).sum())
    found = in_batch_loss(queries, passages, texts, fits, 10.0, symmetric=False)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_pair_losses_are_their_formulas() -> None:
    import torch

    scores, relevance = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([2.0, 0.0, 1.0])
    chances = 1 / (1 + np.exp(-scores.numpy()))
    bce = -np.log(chances[0]) - np.log(1 - chances[1]) - np.log(chances[2])
    assert float(pair_loss(scores, relevance, "bce")) == pytest.approx(bce, rel=1e-5)
    shares = np.exp(scores.numpy()) / np.exp(scores.numpy()).sum()
    softmax = -(2 / 3 * np.log(shares[0]) + 1 / 3 * np.log(shares[2]))
    assert float(pair_loss(scores, relevance, "softmax")) == pytest.approx(softmax, rel=1e-5)


def test_rankings_give_no_credit_for_ties() -> None:
    silent = ranking_scores([np.zeros(4)], [{0: 1.0}])
    assert silent == {"mrr": 0.25, "ndcg": pytest.approx(1 / np.log2(5)), "recall_at_1": 0.0}
    right = ranking_scores([np.array([0.9, 0.1])], [{0: 1.0}])
    assert right == {"mrr": 1.0, "ndcg": 1.0, "recall_at_1": 1.0}


BAD = [
    ("training.no_rows", [], {}),
    ("training.no_candidates", [Candidates("a", (), ())], {}),
    ("training.lengths", [Candidates("a", ("b",), (1.0, 0.0))], {}),
    ("training.empty_text", [Candidates(" ", ("b",), (1.0,))], {}),
    ("training.no_positive", [Candidates("a", ("b",), (0.0,))], {}),
    ("training.no_negative", [Candidates("a", ("b",), (1.0,))], {"kind": "cross_encoder"}),
]


@pytest.mark.parametrize(("code", "rows", "values"), BAD, ids=[code for code, _, _ in BAD])
def test_bad_rows_are_named(
    code: str, rows: list[Candidates], values: dict[str, Any], encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as caught:
        train_pairs(rows, VALIDATION, pair_args(encoder, **values), tmp_path / "model", Recorder())
    assert caught.value.code == code
    assert caught.value.sentence("zh")
    with pytest.raises(BadInput) as caught:
        train_pairs(TRAIN, [], pair_args(encoder), tmp_path / "model", Recorder())
    assert caught.value.code == "training.no_validation"
