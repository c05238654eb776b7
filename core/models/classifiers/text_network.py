"""A transformer encoder with a linear head over its sentence vector: how it is opened, built, saved and run in torch.

A text classifier's folder holds ``encoder/`` (what transformers' AutoModel opens, with its tokenizer) and
``head.safetensors`` (weight [classes, width], bias [classes]); how they go together is in the manifest's facts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput, Unavailable
from core.models.tokenizer_files import save_tokenizer

Pooling = Literal["mean", "cls"]
ENCODER, HEAD = "encoder", "head.safetensors"
_FLOATS = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Backbone:
    """An opened encoder. ``limit``: the most tokens it takes; ``pad``: the id that fills short rows."""

    model: Any
    tokenizer: Any
    pooling: Pooling
    width: int
    limit: int
    pad: int

    def token_ids(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Ids of each text with its special tokens, cut to ``max_tokens`` or the encoder's own limit."""
        if not texts:
            return []
        size = min(max_tokens, self.limit)
        found = self.tokenizer(list(texts), truncation=True, max_length=size, return_attention_mask=False)
        return [list(ids) for ids in found["input_ids"]]

    def unknown_share(self, ids: Sequence[Sequence[int]]) -> float:
        """How much of the texts the vocabulary has no word for, in 0..1 of their tokens."""
        unknown = self.tokenizer.unk_token_id
        total = sum(len(row) for row in ids)
        return sum(row.count(unknown) for row in map(list, ids)) / total if total and unknown is not None else 0.0


def open_backbone(folder: Path, *, attention: Literal["sdpa", "eager"] = "sdpa") -> Backbone:
    """The encoder in ``folder``, in fp32, from safetensors only. ``attention`` eager can be traced for ONNX.

    Raises BadInput (training.encoder_missing, training.not_safetensors) and Unavailable (training.encoder_unreadable).
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    if not (folder / "config.json").is_file():
        raise BadInput("training.encoder_missing", name=folder.name)
    if not any(folder.glob("*.safetensors")):
        raise BadInput("training.not_safetensors", name=folder.name)
    try:
        model = AutoModel.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32, attn_implementation=attention
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Unavailable("training.encoder_unreadable", name=folder.name, reason=reason) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if getattr(model, "pooler", None) is not None:
        model.pooler.requires_grad_(False)  # no sentence vector passes through it
    return Backbone(
        model=model,
        tokenizer=tokenizer,
        pooling=_pooling(folder),
        width=int(model.config.hidden_size),
        limit=_limit(model, tokenizer),
        pad=int(tokenizer.pad_token_id or 0),
    )


def _pooling(folder: Path) -> Pooling:
    """What a sentence encoder's own folder says; the mean otherwise, which suits every encoder once it is trained."""
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return "mean"
    said = json.loads(path.read_text(encoding="utf-8"))
    return "cls" if said.get("pooling_mode_cls_token") or said.get("pooling_mode") == "cls" else "mean"


def _limit(model: Any, tokenizer: Any) -> int:
    positions = int(getattr(model.config, "max_position_embeddings", 0) or 512)
    if model.config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # their positions count from the padding id
    return min(positions, int(tokenizer.model_max_length))


def build_network(backbone: Backbone, classes: int, *, normalise: bool = False, dropout: float = 0.0) -> Any:
    """The module: token ids and mask [rows, tokens] -> logits [rows, classes], or with ``vectors=True`` the pooled
    vectors [rows, width] that the head reads. ``normalise``: the head reads vectors of length 1."""
    import torch

    class TextNetwork(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = backbone.model
            self.dropout = torch.nn.Dropout(dropout)
            self.head = torch.nn.Linear(backbone.width, classes)

        def forward(self, input_ids: Any, attention_mask: Any, vectors: bool = False) -> Any:
            states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            if backbone.pooling == "cls":
                pooled = states[:, 0].float()
            else:
                keep = attention_mask.unsqueeze(-1).float()
                pooled = (states.float() * keep).sum(1) / keep.sum(1).clamp(min=1.0)
            # Scores that lie close together need more digits than bf16 has.
            with torch.autocast(pooled.device.type, enabled=False):
                if normalise:
                    pooled = torch.nn.functional.normalize(pooled, dim=1)
                return pooled if vectors else self.head(self.dropout(pooled))

    return TextNetwork()


def save_network(network: Any, backbone: Backbone, folder: Path) -> None:
    """Writes ``encoder/`` and ``head.safetensors``. Raises OSError."""
    from safetensors.torch import save_file

    network.encoder.save_pretrained(folder / ENCODER, safe_serialization=True)
    save_tokenizer(backbone.tokenizer, folder / ENCODER)
    pooling = folder / ENCODER / "1_Pooling" / "config.json"
    pooling.parent.mkdir(exist_ok=True)
    said = {
        "word_embedding_dimension": backbone.width,
        "pooling_mode_cls_token": backbone.pooling == "cls",
        "pooling_mode_mean_tokens": backbone.pooling == "mean",
    }
    pooling.write_text(json.dumps(said, indent=1), encoding="utf-8")
    head = {name: value.detach().cpu().contiguous() for name, value in network.head.state_dict().items()}
    save_file(head, folder / HEAD)


def open_network(
    folder: Path, *, normalise: bool, attention: Literal["sdpa", "eager"] = "sdpa"
) -> tuple[Any, Backbone]:
    """The module of a text classifier's folder, ready to run, and its encoder. Raises as ``open_backbone`` does."""
    from safetensors.torch import load_file

    backbone = open_backbone(folder / ENCODER, attention=attention)
    head = load_file(folder / HEAD)
    network = build_network(backbone, len(head["bias"]), normalise=normalise)
    network.head.load_state_dict(head)
    return network.eval(), backbone


def run_network(
    network: Any, rows: Sequence[Sequence[int]], pad: int, device: str, *, vectors: bool = False
) -> _FLOATS:
    """Logits float32 [rows, classes] (or vectors [rows, width]) of one batch of token ids, in evaluation mode."""
    import torch

    ids, mask = padded(rows, pad, device)
    with torch.inference_mode():
        return np.asarray(network(ids, mask, vectors=vectors).float().cpu().numpy(), np.float32)


def padded(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[Any, Any]:
    """Token ids and attention mask, int64 tensors [rows, longest row]."""
    import torch

    width = max((len(row) for row in rows), default=1)
    ids = torch.full((len(rows), width), pad, dtype=torch.int64)
    mask = torch.zeros((len(rows), width), dtype=torch.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row, dtype=torch.int64)
        mask[number, : len(row)] = 1
    return ids.to(device), mask.to(device)
