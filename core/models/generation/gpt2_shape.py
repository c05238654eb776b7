"""What a GPT-2 folder is made of: its shape, and its tensors under the names that transformers gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Unavailable

# The three spellings of the tanh approximation (Hendrycks & Gimpel, arXiv 1606.08415) are one function.
TANH_GELU = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")
ACTIVATIONS = (*TANH_GELU, "gelu", "relu")


@dataclass(frozen=True, slots=True)
class Gpt2Shape:
    """``positions``: tokens it can attend to; ``inner``: width of the feed-forward layer."""

    vocabulary: int
    positions: int
    width: int
    layers: int
    heads: int
    inner: int
    activation: str
    epsilon: float
    tied: bool
    end_ids: tuple[int, ...]


def read_shape(folder: Path) -> Gpt2Shape | None:
    """The shape of the GPT-2 in ``folder``, or None when it holds something else (or a variant with other mathematics).

    Raises Unavailable generation.bad_config when there is no readable config.json.
    """
    try:
        config: Mapping[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unavailable("generation.bad_config", name=folder.name) from error
    if config.get("model_type") != "gpt2" or not _plain(config):
        return None
    width = int(config.get("n_embd", 768))
    end = config.get("eos_token_id", 50256)
    return Gpt2Shape(
        vocabulary=int(config.get("vocab_size", 50257)),
        positions=int(config.get("n_positions", 1024)),
        width=width,
        layers=int(config.get("n_layer", 12)),
        heads=int(config.get("n_head", 12)),
        inner=int(config.get("n_inner") or 4 * width),
        activation=str(config.get("activation_function", "gelu_new")),
        epsilon=float(config.get("layer_norm_epsilon", 1e-5)),
        tied=bool(config.get("tie_word_embeddings", True)),
        end_ids=tuple(end) if isinstance(end, list) else (() if end is None else (int(end),)),
    )


def _plain(config: Mapping[str, Any]) -> bool:
    unusual = ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention")
    scaled = bool(config.get("scale_attn_weights", True))
    known = config.get("activation_function", "gelu_new") in ACTIVATIONS
    return scaled and known and not any(config.get(name) for name in unusual)


def plain_names(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """``tensors`` without the "transformer." that some files put before each name, and without stored masks."""
    cleaned = {name.removeprefix("transformer."): array for name, array in tensors.items()}
    return {n: a for n, a in cleaned.items() if not n.endswith((".attn.bias", ".attn.masked_bias"))}
