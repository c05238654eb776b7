"""An exponential moving average of the weights that are trained: what is judged and kept instead of the last step's.

The mean of the last steps lies where the loss is flatter and generalises better than any one of them (Polyak & Juditsky
1992; Izmailov et al. 2018), and costs one more copy of the trained weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core.training.checkpoint import put_tensors, trained_tensors


class RunningAverage:
    """``decay``: what stays of the average at each step, less in the first ones so that it does not begin with the
    weights as they came ((1 + n) / (10 + n), as TensorFlow's moving averages do)."""

    def __init__(self, model: Any, decay: float) -> None:
        self._model, self._decay = model, decay
        self._trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self._means = {name: value.detach().clone() for name, value in self._trained.items()}

    def update(self, step: int) -> None:
        """Takes in the weights after step number ``step`` (from 1)."""
        import torch

        names = list(self._trained)
        keep = min(self._decay, step / (9 + step))
        means, now = ([some[name] for name in names] for some in (self._means, self._trained))
        with torch.no_grad():
            torch._foreach_lerp_(means, [value.detach() for value in now], 1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model holds the average inside the block, and its own weights again after it."""
        own = {name: value.detach().clone() for name, value in self._trained.items()}
        put_tensors(self._model, self._means)
        try:
            yield
        finally:
            put_tensors(self._model, own)

    def keep(self) -> None:
        """The model holds the average from now on."""
        put_tensors(self._model, self._means)

    def tensors(self) -> dict[str, Any]:
        """For a checkpoint."""
        with self.in_place():
            return trained_tensors(self._model)

    def put(self, tensors: Mapping[str, Any]) -> None:
        """Back from a checkpoint."""
        for name, value in self._means.items():
            value.copy_(tensors[name])
