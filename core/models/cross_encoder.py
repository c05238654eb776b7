"""A cross-encoder reads question and passage together and says how well they fit: slow, so for the best few only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from core.models.catalogue import Place, find_entry, locate
from core.models.device import choose_device
from core.settings import Settings
from core.types import Language


class CrossEncoder(Protocol):
    """``languages``: those it was trained on. ``score`` may be called by many threads."""

    name: str
    languages: tuple[Language, ...]

    def score(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """One score a passage, shape [n], in [0, 1]; higher fits better."""
        ...


class SentenceTransformersCrossEncoder:
    """Any cross-encoder of the catalogue through sentence-transformers, one call at a time."""

    def __init__(self, place: Place, device: str) -> None:
        import torch
        from sentence_transformers import CrossEncoder as Model

        self.name = place.entry.name
        self.languages = place.entry.languages
        self._model: Any = Model(
            str(place.path),
            device=device,
            max_length=place.entry.max_tokens,
            activation_fn=torch.nn.Sigmoid(),
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        self._lock = threading.Lock()

    def score(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        if not passages:
            return np.zeros(0, np.float32)
        with self._lock:
            scores = self._model.predict([(question, passage) for passage in passages], show_progress_bar=False)
        return cast(NDArray[np.float32], np.asarray(scores, np.float32).reshape(-1))


def load_cross_encoder(settings: Settings) -> CrossEncoder:
    """The reranker named in settings. Raises Unavailable when it is unknown or its files cannot be had."""
    place = locate(find_entry(settings.reranker, "cross_encoder"), settings)
    return SentenceTransformersCrossEncoder(place, choose_device(settings.device))
