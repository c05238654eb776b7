"""How well two texts belong together: the cosine of a bi-encoder, or what a cross-encoder says of both at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.models.device import choose_device
from core.models.encoder import batches_by_length
from core.models.manifest import read_manifest

Scores = NDArray[np.float32]
_CHUNK = 512  # texts tokenised at a time


class PairScorer(Protocol):
    """Thread-safe. Higher fits better; a cosine in [-1, 1] or a probability in [0, 1]."""

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """float32 [pairs]."""
        ...


class BiEncoderScorer:
    """The encoder in a folder (safetensors): one vector of length 1 a text."""

    def __init__(
        self, folder: Path, *, device: str = "auto", max_tokens: int = 256, query_prefix: str = "",
        passage_prefix: str = "",
    ) -> None:  # fmt: skip
        from core.models.classifiers.text_network import build_network, open_backbone

        self._device = choose_device(device)
        self._backbone = open_backbone(folder)
        self._network = build_network(self._backbone, 1, normalise=True).to(self._device).eval()
        self._max_tokens, self._prefixes = max_tokens, (query_prefix, passage_prefix)
        self._lock = threading.Lock()

    def queries(self, texts: Sequence[str]) -> Scores:
        """float32 [texts, width]."""
        return self._vectors([self._prefixes[0] + text for text in texts])

    def passages(self, texts: Sequence[str]) -> Scores:
        """float32 [texts, width]."""
        return self._vectors([self._prefixes[1] + text for text in texts])

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        first, second = self.queries([one for one, _ in pairs]), self.passages([two for _, two in pairs])
        return np.asarray((first * second).sum(axis=1), np.float32)

    def _vectors(self, texts: Sequence[str]) -> Scores:
        from core.models.classifiers.text_network import run_network

        found = np.zeros((len(texts), self._backbone.width), np.float32)
        with self._lock:
            for first in range(0, len(texts), _CHUNK):
                ids = self._backbone.token_ids(texts[first : first + _CHUNK], self._max_tokens)
                for batch in batches_by_length([len(row) for row in ids]):
                    part = [ids[row] for row in batch]
                    places = [first + row for row in batch]
                    found[places] = run_network(self._network, part, self._backbone.pad, self._device, vectors=True)
        return found


class CrossEncoderScorer:
    """A sentence-pair model that reads both texts together."""

    def __init__(self, folder: Path, *, device: str = "auto", max_tokens: int = 256) -> None:
        import torch
        from sentence_transformers import CrossEncoder

        self._model: Any = CrossEncoder(
            str(folder), device=choose_device(device), max_length=max_tokens, activation_fn=torch.nn.Sigmoid(),
            local_files_only=True, model_kwargs={"use_safetensors": True},
        )  # fmt: skip
        self._lock = threading.Lock()

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        if not pairs:
            return np.zeros(0, np.float32)
        with self._lock:
            found = self._model.predict(list(pairs), show_progress_bar=False)
        return np.asarray(found, np.float32).reshape(-1)


def load_pair_scorer(folder: Path, *, device: str = "auto") -> PairScorer:
    """The sealed bi-encoder or cross-encoder in ``folder``. Raises Unavailable."""
    manifest = read_manifest(folder)
    facts = manifest.facts
    if manifest.kind == "encoder":
        return BiEncoderScorer(
            folder, device=device, max_tokens=int(facts.get("max_tokens", 256)),
            query_prefix=str(facts.get("query_prefix", "")), passage_prefix=str(facts.get("passage_prefix", "")),
        )  # fmt: skip
    if manifest.kind == "sentence_pair":
        return CrossEncoderScorer(folder, device=device, max_tokens=int(facts.get("max_tokens", 256)))
    raise Unavailable("models.damaged", name=folder.name, file=manifest.kind)
