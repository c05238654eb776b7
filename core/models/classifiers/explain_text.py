"""A text classifier's folder as something ``explain.TransformerExplainer`` can explain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Unavailable
from core.models.classifiers.classifier import decision_of
from core.models.classifiers.explain import Added, TransformerExplainer
from core.models.classifiers.ngrams import Beside, load_beside
from core.models.classifiers.text_network import open_network
from core.models.device import choose_device
from core.models.manifest import read_manifest


def load_classifier_explainer(folder: Path, *, device: str = "auto") -> TransformerExplainer:
    """Explains the calibrated answers of the text classifier in ``folder``. Raises Unavailable."""
    manifest = read_manifest(folder)
    if manifest.kind != "text_classifier":
        raise Unavailable("training.not_a_classifier", name=folder.name, kind=manifest.kind)
    network, backbone = open_network(folder, normalise=bool(manifest.facts["normalise"]))
    decision = decision_of(manifest)
    scale, offsets = decision.calibration.scale, decision.calibration.offsets
    beside = load_beside(folder, manifest.facts)
    voice = beside.voices[0] if beside is not None else 1.0
    return TransformerExplainer(
        _FromVectors(network.to(choose_device(device)), voice * scale, offsets),
        backbone.tokenizer,
        manifest.labels,
        multi_label=decision.task == "multi",
        max_tokens=int(manifest.facts["max_tokens"]),
        beside=partial(_added, beside, scale) if beside is not None else None,
    )


def _added(beside: Beside, scale: float, text: str) -> Added:
    """What the n-grams of ``text`` add to the calibrated logits."""
    spans, logits = beside.model.contributions(text)
    factor = np.float32(beside.voices[1] * scale)
    return Added(spans, logits * factor, beside.model.bias * factor)


@dataclass(frozen=True, slots=True)
class _Said:
    logits: Any


class _FromVectors:
    """The network asked with word vectors instead of token ids, its logits calibrated."""

    def __init__(self, network: Any, scale: float, offsets: tuple[float, ...]) -> None:
        self._network, self._scale, self._offsets = network.eval(), scale, offsets
        self._words = network.encoder.get_input_embeddings()
        network.encoder = _taking_vectors(network.encoder)

    def eval(self) -> _FromVectors:
        return self

    def parameters(self) -> Any:
        return self._network.parameters()

    def get_input_embeddings(self) -> Any:
        return self._words

    def __call__(self, *, inputs_embeds: Any, attention_mask: Any, **_: Any) -> _Said:
        import torch

        logits = self._network(inputs_embeds, attention_mask) * self._scale
        return _Said(logits + torch.tensor(self._offsets, device=logits.device) if self._offsets else logits)


def _taking_vectors(encoder: Any) -> Any:
    """The encoder, whose first input is word vectors [rows, tokens, width]."""
    import torch

    class TakingVectors(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.encoder(inputs_embeds=input_ids, attention_mask=attention_mask)

    return TakingVectors()
