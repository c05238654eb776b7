"""Lower layers learn more slowly: what they know of the language holds for every task (Howard & Ruder 2018)."""

from __future__ import annotations

import re
from typing import Any

_LAYER = re.compile(r"(?:^|\.)(?:layer|layers|h)\.(\d+)\.")
_WORDS = re.compile(r"(?:^|\.)(?:embeddings|wte|wpe|embed_tokens)\b")


def layer_factors(model: Any, decay: float) -> dict[str, float]:
    """What the learning rate of each parameter is multiplied by: 1 in the highest layer and in what is no layer, each
    layer below ``decay`` times the one above, and the word vectors below the first."""
    places = {name: _LAYER.search(name) for name, _ in model.named_parameters()}
    layers = 1 + max((int(found[1]) for found in places.values() if found), default=-1)
    factors = {}
    for name, found in places.items():
        below = layers - 1 - int(found[1]) if found else layers if _WORDS.search(name) else 0
        factors[name] = decay**below
    return factors
