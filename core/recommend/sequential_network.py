"""The network of the sequential models: a small transformer over the items of a history, torch's own layers.

Shapes: B histories, T places of the longest, E width, N items, H heads. Histories are padded on the left, so the newest
item always has the same position. Types are Any: torch is imported when a network is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SequenceShape:
    """``features``: different categories and tags, 0 for none. ``causal``: a place sees only what came before it."""

    items: int
    features: int
    width: int
    layers: int
    heads: int
    places: int
    dropout: float
    causal: bool


@dataclass(frozen=True, slots=True)
class Bags:
    """Categories and tags of the items: those of item ``i`` are ``features[starts[i] : starts[i + 1]]``."""

    features: Ints
    starts: Ints
    count: int


def build_sequence(shape: SequenceShape) -> Any:
    """The layout of SASRec as RecBole has it: normalisation after each residual sum, GELU, width 4 E inside.

    The table of items has two more rows: N is padding, N + 1 the mask of BERT4Rec.
    """
    from torch import nn

    network = nn.ModuleDict(
        {
            "item_vectors": nn.Embedding(shape.items + 2, shape.width),
            "feature_vectors": nn.Embedding(max(shape.features, 1), shape.width),
            "positions": nn.Embedding(shape.places, shape.width),
            "before": nn.LayerNorm(shape.width),
            "layers": nn.ModuleList([_layer(nn, shape) for _ in range(shape.layers)]),
            "dropout": nn.Dropout(shape.dropout),
        }
    )
    for part in network.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=0.02)
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.bias)
    return network


def _layer(nn: Any, shape: SequenceShape) -> Any:
    return nn.ModuleDict(
        {
            "attention_in": nn.Linear(shape.width, 3 * shape.width),
            "attention_out": nn.Linear(shape.width, shape.width),
            "attention_norm": nn.LayerNorm(shape.width),
            "inner": nn.Linear(shape.width, 4 * shape.width),
            "outer": nn.Linear(4 * shape.width, shape.width),
            "outer_norm": nn.LayerNorm(shape.width),
        }
    )


def item_table(network: Any, shape: SequenceShape, bags: Bags | None) -> Any:
    """Vectors [N + 2, E]: an item's own plus the mean of those of its category and tags, so that items with few events
    borrow from their like."""
    import torch

    own = network["item_vectors"].weight
    if bags is None or not shape.features:
        return own
    shared = torch.nn.functional.embedding_bag(
        torch.from_numpy(bags.features),
        network["feature_vectors"].weight,
        torch.from_numpy(bags.starts[:-1]),
        mode="mean",
    )
    return torch.cat([own[: shape.items] + shared, own[shape.items :]])


def hidden(network: Any, shape: SequenceShape, table: Any, ids: Any) -> Any:
    """``ids`` int64 [B, T], padded on the left with N -> [B, T, E]. T is at most ``shape.places``."""
    import torch

    length = ids.shape[1]
    present = ids != shape.items
    seen = present[:, None, None, :]
    if shape.causal:
        seen = seen & torch.ones(length, length, dtype=torch.bool).tril()
    # Padding looks at itself: a place that may look nowhere would be no number.
    seen = seen | torch.eye(length, dtype=torch.bool)
    x = torch.nn.functional.embedding(ids, table) + network["positions"].weight[shape.places - length :]
    x = network["dropout"](network["before"](x))
    for layer in network["layers"]:
        x = layer["attention_norm"](x + network["dropout"](_attention(layer, shape, x, seen, network.training)))
        inner = torch.nn.functional.gelu(layer["inner"](x))
        x = layer["outer_norm"](x + network["dropout"](layer["outer"](inner)))
    return x


def _attention(layer: Any, shape: SequenceShape, x: Any, seen: Any, training: bool) -> Any:
    import torch

    rows, length, width = x.shape
    parts = layer["attention_in"](x).view(rows, length, 3, shape.heads, width // shape.heads).permute(2, 0, 3, 1, 4)
    dropped = shape.dropout if training else 0.0
    mixed = torch.nn.functional.scaled_dot_product_attention(*parts, attn_mask=seen, dropout_p=dropped)
    return layer["attention_out"](mixed.transpose(1, 2).reshape(rows, length, width))


def padded_left(rows: Sequence[Ints], filler: int, most: int) -> Ints:
    """The newest ``most`` of each row, int64 [rows, longest], at least one place."""
    length = max(1, min(most, max((len(row) for row in rows), default=1)))
    found = np.full((len(rows), length), filler, np.int64)
    for number, row in enumerate(rows):
        kept = row[-length:]
        if len(kept):
            found[number, length - len(kept) :] = kept
    return found
