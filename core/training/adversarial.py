"""Training on word vectors that are moved to where they hurt most (Miyato, Dai & Goodfellow 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Perturbation:
    """Moves the word vectors of each text along the gradient of its loss, by ``share`` of their own length together.

    The first pass under ``watching`` takes down the gradients; the next under ``moved`` adds what they say. The vectors
    are the outputs of the model's word embedding, so that weights that are not trained (LoRA) do as well.
    """

    def __init__(self, model: Any, share: float) -> None:
        self._embedding, self._share = word_embedding(model), share
        self._seen: list[Any] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """For the pass, and its gradient, from which the direction comes."""
        self._seen.clear()

        def remember(_module: Any, _inputs: Any, vectors: Any) -> Any:
            vectors = vectors if vectors.requires_grad else vectors.detach().requires_grad_()
            vectors.retain_grad()
            self._seen.append(vectors)
            return vectors

        with _hooked(self._embedding, remember):
            yield

    @contextmanager
    def moved(self) -> Iterator[None]:
        """For the pass over the same rows with their vectors moved."""
        steps = iter([_step(vectors, self._share) for vectors in self._seen])
        self._seen.clear()
        with _hooked(self._embedding, lambda _module, _inputs, vectors: vectors + next(steps).to(vectors.dtype)):
            yield


@contextmanager
def _hooked(module: Any, hook: Any) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _step(vectors: Any, share: float) -> Any:
    """[rows, tokens, width], of each row ``share`` times as long as its vectors where they have a gradient."""
    import torch

    gradient = torch.zeros_like(vectors) if vectors.grad is None else vectors.grad
    # Padding has no gradient and shall not count as a part of the text.
    counted = vectors.detach() * gradient.abs().amax(dim=-1, keepdim=True).gt(0)
    length, steep = (value.float().flatten(1).norm(dim=1)[:, None, None] for value in (counted, gradient))
    return share * length * gradient / steep.clamp(min=torch.finfo(torch.float32).tiny)


def word_embedding(model: Any) -> Any:
    """The module that turns token ids into vectors, of a model or of the encoder that it holds."""
    holder = model if hasattr(model, "get_input_embeddings") else model.encoder
    return holder.get_input_embeddings()
