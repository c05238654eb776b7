"""A model trained on the bilingual encoder reads texts as that encoder does: several spellings share an id there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.models.classifiers.classifier import load_classifier
from core.models.extended import tokenizer_json
from core.models.tokenizer_files import save_tokenizer
from core.training.classification.train import train_classifier
from core.training.pairs.args import Candidates, PairArgs
from core.training.pairs.train import train_pairs
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, small_args

TEXTS = ["酒店 很好，大堂也好", "龘 unknown 字 refund", "退款：五个工作日", "days of delivery, sign"]
SPELLINGS = [["酒店", "旅馆"], ["很"], ["好"], ["大堂"], ["退款"], ["工作日"]]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder whose tokenizer was extended as the bilingual one's is."""
    import json

    import torch
    from safetensors.torch import load_file, save_file

    folder = tiny_bert(tmp_path_factory.mktemp("encoder"))
    (folder / "tokenizer.json").write_text(tokenizer_json(folder / "tokenizer.json", SPELLINGS), encoding="utf-8")
    weights, name = load_file(folder / "model.safetensors"), "bert.embeddings.word_embeddings.weight"
    weights[name] = torch.cat([weights[name], torch.randn(len(SPELLINGS), weights[name].shape[1])])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": len(weights[name])}))
    return folder


def ids(folder: Path) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(TEXTS)]


def test_every_spelling_is_written(encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
    save_tokenizer(tokenizer, tmp_path)
    assert ids(tmp_path) == ids(encoder)
    again = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_a_classifier_reads_what_its_encoder_reads(mode: Any, encoder: Path, tmp_path: Path) -> None:
    labels = ["good", "other", "other", "other"]
    args = small_args(encoder, mode=mode, epochs=1)
    train_classifier(TEXTS * 4, labels * 4, (TEXTS, labels), args, tmp_path / "model", Recorder())
    assert ids(tmp_path / "model" / "encoder") == ids(encoder)
    assert len(load_classifier(tmp_path / "model", device="cpu").predict(["龘", *TEXTS]).names) == 5


@pytest.mark.parametrize("kind", ["bi_encoder", "cross_encoder"])
def test_a_pair_model_reads_what_its_encoder_reads(kind: Any, encoder: Path, tmp_path: Path) -> None:
    rows = [Candidates(TEXTS[0], (TEXTS[1], TEXTS[2]), (1.0, 0.0)), Candidates(TEXTS[3], (TEXTS[2], "好"), (1.0, 0.0))]
    args = PairArgs(encoder=str(encoder), kind=kind, epochs=1, batch_size=2, precision="fp32", device="cpu", threads=1)
    train_pairs(rows, rows, args, tmp_path / "model", Recorder())
    assert ids(tmp_path / "model") == ids(encoder)
